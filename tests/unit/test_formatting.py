"""What templates show of values: in the language of each page."""

import re

import pytest
from flask import Flask
from flask_babel import force_locale

from b2c_web import ROOT
from b2c_web.formatting import duration


def test_a_sum_that_a_template_names_itself_follows_the_language(app: Flask) -> None:
    with app.test_request_context():
        template = app.jinja_env.from_string("{{ 0|eur }}")
        with force_locale("de"):
            assert template.render() == "0,00\u00a0EUR"
        with force_locale("en"):
            assert template.render() == "EUR\u00a00.00"


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(45, "45 min"), (60, "1 h"), (90, "1,5 h"), (125, "2 h 5 min"), (75, "1 h 15 min"), (300, "5 h")],
)
def test_minutes_read_as_somebody_would_say_them(app: Flask, minutes: int, words: str) -> None:
    with app.test_request_context(), force_locale("de"):
        assert duration(minutes).replace("\u00a0", " ") == words


def test_no_sentence_ends_with_a_day_that_ends_with_a_point_itself() -> None:
    """ "Gebucht ist Mo, 30. Nov.." has one point too many: such a sentence names the long day."""
    text = re.compile(r'_\(\s*"([^"]*)"((?:,\s*\w+=[^=]+)+)')
    days = re.compile(r"(\w+)=(?:[^,=]*\|day\b|(?:formatting\.)?day\()")
    sources = [*(ROOT / "templates").rglob("*.html"), *(ROOT / "b2c_web").rglob("*.py")]
    calls = [(path, *call) for path in sources for call in text.findall(path.read_text())]
    named = [(path, words, name) for path, words, given in calls for name in days.findall(given)]
    assert len(named) > 10
    assert [f"{path.name}: {words}" for path, words, name in named if re.search(rf"%\({name}\)s\.(?!\w)", words)] == []
