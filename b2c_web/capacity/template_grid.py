"""The weekly template as a grid: a row for each window, a column for each weekday, places in the cells.

An empty cell means that the weekday does not have this window; a weekday without windows is closed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _

from b2c_web.capacity.asking import read_day
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.workshops.template_changes import DayChange
from b2c_web.workshops.template_commands import Draft, template_refusals
from b2c_web.workshops.weekly import WEEKDAYS, DayPlan, PlannedWindow, Week, clock_of

SPARE_ROWS, MOST_ROWS = 2, 24


@dataclass(frozen=True, slots=True)
class Row:
    """One window of the grid as text: its times, and the places of each weekday."""

    starts: str = ""
    ends: str = ""
    places: tuple[str, ...] = ("",) * 7

    @property
    def is_empty(self) -> bool:
        return not any((self.starts, self.ends, *self.places))


@dataclass(slots=True)
class Grid:
    """What stands in the form. `errors`: (id of the field, why), in the order of the fields."""

    valid_from: str
    rows: list[Row]
    maxima: list[str]
    by_hand_too: bool = False
    errors: list[tuple[str, Any]] = field(default_factory=list)

    def error_at(self, name: str) -> Any:
        """Why this field is wrong, or None."""
        return next((why for at, why in self.errors if at == name), None)

    def draft(self, seen: str) -> Draft | None:
        """The template that was typed, or None with `errors` filled."""
        since = read_day(self.valid_from)
        if since is None:
            self.errors.append(("valid_from", _("Bitte nennen Sie den ersten Tag.")))
        windows = self._windows()
        days = {day: DayPlan(self._maximum(day), tuple(sorted(windows[day]))) for day in WEEKDAYS if windows[day]}
        week = Week(days)
        self.errors += template_refusals(week, since)
        if self.errors or since is None:
            return None
        return Draft(since, week, seen, self.by_hand_too)

    def _windows(self) -> dict[int, list[PlannedWindow]]:
        found: dict[int, list[PlannedWindow]] = {day: [] for day in WEEKDAYS}
        for number, row in enumerate(self.rows):
            starts, ends = _minutes(row.starts), _minutes(row.ends)
            if row.is_empty:
                continue
            if starts is None or ends is None:
                self.errors.append((f"from-{number}", _("Bitte nennen Sie Beginn und Ende, zum Beispiel 08:00.")))
                continue
            lack = _("Bitte eine Zahl von 0 bis 1000 angeben.")
            for day, text in enumerate(row.places):
                places = self._number(text, f"places-{number}-{day}", lack) if text else 0
                if places:
                    found[day].append(PlannedWindow(starts, ends or 1440, places))
        return found

    def _maximum(self, day: int) -> int:
        if self.maxima[day]:
            return self._number(self.maxima[day], f"max-{day}", _("Am Tag sind 0 bis 1000 Buchungen möglich."))
        self.errors.append((f"max-{day}", _("Bitte nennen Sie, wie viele Buchungen der Tag nimmt.")))
        return 0

    def _number(self, text: str, name: str, why: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 5 and int(text) <= 1000:
            return int(text)
        self.errors.append((name, why))
        return 0


def grid_of(week: Week, valid_from: date) -> Grid:
    """The grid that shows a week, with room for windows more."""
    spans = sorted({(window.starts, window.ends) for plan in week.days.values() for window in plan.windows})
    rows = [Row(clock_of(starts), clock_of(ends), _places(week, starts, ends)) for starts, ends in spans]
    maxima = [str(week.days[day].maximum) if day in week.days else "" for day in WEEKDAYS]
    return Grid(valid_from.isoformat(), [*rows, *[Row()] * SPARE_ROWS], maxima)


def _places(week: Week, starts: int, ends: int) -> tuple[str, ...]:
    def on(day: int) -> str:
        windows = week.days[day].windows if day in week.days else ()
        return next((str(w.places) for w in windows if (w.starts, w.ends) == (starts, ends)), "")

    return tuple(on(day) for day in WEEKDAYS)


def read_grid(sent: Mapping[str, str]) -> Grid:
    """The grid as it was sent, always with an empty row to go on with."""
    rows = []
    for number in range(MOST_ROWS):
        if f"from-{number}" not in sent:
            break
        places = tuple(sent.get(f"places-{number}-{day}", "").strip() for day in WEEKDAYS)
        rows.append(Row(sent.get(f"from-{number}", "").strip(), sent.get(f"to-{number}", "").strip(), places))
    filled = [row for row in rows if not row.is_empty]
    maxima = [sent.get(f"max-{day}", "").strip() for day in WEEKDAYS]
    spare = [Row()] * SPARE_ROWS
    return Grid(sent.get("valid_from", ""), [*filled, *spare], maxima, sent.get("by_hand_too") == "y")


def tomorrow() -> date:
    """The first day that a template may hold from."""
    return today_in(ZONE) + timedelta(days=1)


def _minutes(text: str) -> int | None:
    hours, colon, rest = text.partition(":")
    if not colon or not (hours.isascii() and hours.isdigit() and rest[:2].isascii() and rest[:2].isdigit()):
        return None
    minutes = int(hours) * 60 + int(rest[:2])
    return minutes if int(hours) < 24 and int(rest[:2]) < 60 else None


def shown(draft: Draft, changes: Sequence[DayChange]) -> str:
    """A digest of what a preview said: only what was shown is saved."""
    effect = [(c.now.day, c.kind, c.then, [(o.kind, o.booked) for o in c.obstacles]) for c in changes]
    facts = (draft.valid_from, sorted(draft.week.days.items(), key=lambda one: one[0]), draft.by_hand_too, effect)
    return hashlib.sha256(repr(facts).encode()).hexdigest()
