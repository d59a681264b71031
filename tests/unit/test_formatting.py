"""What templates show of values: in the language of each page."""

from flask import Flask
from flask_babel import force_locale


def test_a_sum_that_a_template_names_itself_follows_the_language(app: Flask) -> None:
    with app.test_request_context():
        template = app.jinja_env.from_string("{{ 0|eur }}")
        with force_locale("de"):
            assert template.render() == "0,00\u00a0EUR"
        with force_locale("en"):
            assert template.render() == "EUR\u00a00.00"
