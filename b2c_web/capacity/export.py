"""Figures as tables for other programs: the coming 60 days, forecast, utilisation."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from flask_babel import format_decimal
from flask_babel import gettext as _

from b2c_web import formatting
from b2c_web.bookings.availability import Question, availability
from b2c_web.capacity.forecast import Expected, Forecast, Weekday
from b2c_web.capacity.month import Cell, cells_of
from b2c_web.capacity.utilisation import Use, Week
from b2c_web.capacity.words import BLOCKS, LIMITS
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.workshops.rules import Limit

DAYS = 60
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def coming_days(question: Question) -> Sequence[Cell]:
    """Today and the 59 days after it, as the heat map shows them. Three statements."""
    today = today_in(ZONE)
    return cells_of(availability(question, today, today + timedelta(days=DAYS - 1)))


def days_csv(cells: Sequence[Cell]) -> str:
    """One line per day."""
    return _as_csv(_head(), (_row(cell) for cell in cells))


def _as_csv(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """With a byte order mark and semicolons, so that a spreadsheet opens it right away."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def _head() -> list[str]:
    return [
        _("Datum"),
        _("Wochentag"),
        _("Gebucht"),
        _("Höchstens"),
        _("Plätze frei"),
        _("davon mit Abholung, höchstens"),
        _("Grund"),
        _("Bühnen tragen noch"),
        _("Tageslimit lässt noch"),
        _("Jockeys tragen noch"),
        _("Ronjas tragen noch"),
        _("Engpass"),
        _("Notiz"),
    ]


def _row(cell: Cell) -> list[Any]:
    return [
        cell.day.isoformat(),
        formatting.weekday(cell.day),
        cell.booked,
        cell.maximum,
        cell.places_left,
        "" if cell.with_pickup is None else cell.with_pickup,
        str(BLOCKS[cell.block]) if cell.block else "",
        *(cell.carries.get(limit, "") for limit in Limit),
        str(LIMITS[cell.limit]) if cell.limit else "",
        harmless(cell.note or ""),
    ]


def harmless(text: str) -> str:
    """What somebody typed, so that no spreadsheet takes it for a formula."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def forecast_csv(forecast: Forecast) -> str:
    """One line per weekday and service, and one for all services of the weekday."""
    head = [_("Wochentag"), _("Leistung"), _("Mittelwert"), _("Standardabweichung"), _("Tage gezählt")]
    return _as_csv(head, (row for day in forecast.weekdays for row in _expected_rows(day)))


def _expected_rows(day: Weekday) -> Iterator[list[Any]]:
    name = formatting.weekday(day.example)
    for kind, expected in day.services.items():
        yield [name, str(TEXTS[kind].name), *_expected(expected)]
    yield [name, _("Alle"), *_expected(day.total)]


def _expected(one: Expected) -> list[Any]:
    numbers = ("" if number is None else format_decimal(number, "0.00") for number in (one.mean, one.spread))
    return [*numbers, one.days]


def utilisation_csv(uses: Sequence[Use]) -> str:
    """One line per resource and week."""
    head = [_("Woche ab"), _("Auslastung von"), _("genutzt"), _("möglich"), _("Einheit"), "%", _("Stand")]
    return _as_csv(head, (_use_row(use, week) for use in uses for week in use.weeks))


def _use_row(use: Use, week: Week) -> list[Any]:
    unit = _("Plätze") if use.limit is Limit.BAYS else _("Minuten")
    percent = "" if week.percent is None else week.percent
    state = _("geplant") if week.planned else _("vergangen")
    return [week.monday.isoformat(), str(LIMITS[use.limit]), week.used, week.room, unit, percent, state]
