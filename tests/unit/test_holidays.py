"""Every public holiday that the library names has its words in both languages."""

import holidays
from flask import Flask
from flask_babel import force_locale

from b2c_web.capacity.words import HOLIDAYS, note_words

YEARS = range(2026, 2036)


def test_every_holiday_of_every_federal_state_has_an_english_name(app: Flask) -> None:
    named = {
        name
        for state in holidays.Germany.subdivisions
        for name in holidays.country_holidays("DE", subdiv=state, years=YEARS, language="de").values()
    }
    assert named <= set(HOLIDAYS)
    with app.test_request_context(), force_locale("en"):
        assert all(note_words(name) != name for name in named)
