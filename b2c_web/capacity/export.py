"""The coming 60 days as a table for other programs."""

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask_babel import gettext as _

from b2c_web import formatting
from b2c_web.bookings.availability import Question, availability
from b2c_web.capacity.month import Cell, cells_of
from b2c_web.capacity.words import BLOCKS, LIMITS
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.workshops.rules import Limit

DAYS = 60
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def coming_days(question: Question) -> Sequence[Cell]:
    """Today and the 59 days after it, as the heat map shows them. Three statements."""
    today = today_in(ZONE)
    return cells_of(availability(question, today, today + timedelta(days=DAYS - 1)))


def as_csv(cells: Sequence[Cell]) -> str:
    """With a byte order mark and semicolons, so that a spreadsheet opens it right away."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out, delimiter=";")
    writer.writerow(_head())
    writer.writerows(_row(cell) for cell in cells)
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
