"""What templates show of values: in the language of each page."""

import re

from flask import Flask
from flask_babel import force_locale

from b2c_web import ROOT


def test_a_sum_that_a_template_names_itself_follows_the_language(app: Flask) -> None:
    with app.test_request_context():
        template = app.jinja_env.from_string("{{ 0|eur }}")
        with force_locale("de"):
            assert template.render() == "0,00\u00a0EUR"
        with force_locale("en"):
            assert template.render() == "EUR\u00a00.00"


def test_no_sentence_ends_with_a_day_that_ends_with_a_point_itself() -> None:
    """ "Gebucht ist Mo, 30. Nov.." has one point too many: such a sentence names the long day."""
    text = re.compile(r'_\(\s*"([^"]*)"((?:,\s*\w+=[^=]+)+)')
    days = re.compile(r"(\w+)=(?:[^,=]*\|day\b|(?:formatting\.)?day\()")
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "b2c_web").rglob("*.py")]
    calls = [(path, *call) for path in sources for call in text.findall(path.read_text())]
    named = [(path, words, name) for path, words, given in calls for name in days.findall(given)]
    assert len(named) > 10
    assert [f"{path.name}: {words}" for path, words, name in named if re.search(rf"%\({name}\)s\.(?!\w)", words)] == []
