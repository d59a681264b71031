"""What a workshop's weeks look like: plain values and the rules about them.

Times are minutes of the wall clock after midnight, weekdays count from 0, Monday.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Any, Protocol

from flask_babel import gettext as _

SHORTEST_WINDOW = 15
MOST_PLACES = 1000
WEEKDAYS = range(7)


@dataclass(frozen=True, slots=True, order=True)
class PlannedWindow:
    """A window of a day, and the cars that it takes."""

    starts: int
    ends: int
    places: int


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A day's windows in order, and the bookings that the whole day takes."""

    maximum: int
    windows: tuple[PlannedWindow, ...]


class Days(Protocol):
    """Knows what each local day should look like; holidays are decided elsewhere."""

    def on(self, day: date) -> DayPlan | None:
        """The plan of a day, or None when the workshop is closed on it."""


@dataclass(frozen=True)
class Week:
    """The plans of the open weekdays."""

    days: Mapping[int, DayPlan]

    def on(self, day: date) -> DayPlan | None:
        return self.days.get(day.weekday())

    @property
    def spans(self) -> list[tuple[int, int]]:
        """From and to of every window that some weekday has, each start once."""
        return sorted({window.starts: window.ends for plan in self.days.values() for window in plan.windows}.items())


@dataclass(frozen=True)
class Weeks:
    """Weeks one after the other, each from its first day on; before the first of them that one holds too."""

    valid: tuple[tuple[date, Week], ...]

    def week_on(self, day: date) -> Week:
        begun = [week for since, week in self.valid if since <= day]
        return begun[-1] if begun else self.valid[0][1]

    def on(self, day: date) -> DayPlan | None:
        return self.week_on(day).on(day)

    def until(self, since: date) -> date | None:
        """The day on which a later template takes over from one that is valid from `since`, or None."""
        return next((later for later, _week in self.valid if later > since), None)

    def with_week(self, since: date, week: Week) -> "Weeks":
        """The same with `week` valid from `since`, in the place of one that had the same first day."""
        others = [one for one in self.valid if one[0] != since]
        return Weeks(tuple(sorted([*others, (since, week)], key=lambda one: one[0])))

    def usual_plan(self, day: date) -> DayPlan | None:
        """What a day gets that is opened although it is usually closed: the last open weekday's plan."""
        days = self.week_on(day).days
        return self.on(day) or (days[max(days)] if days else None)


def week_refusals(week: Week) -> list[tuple[int, Any]]:
    """(weekday, why) for every weekday that cannot be planned like that; nothing when all is well."""
    return [(weekday, why) for weekday in WEEKDAYS if weekday in week.days for why in _refusals(week.days[weekday])]


def _refusals(plan: DayPlan) -> Iterator[Any]:
    if not 0 <= plan.maximum <= MOST_PLACES:
        yield _("Am Tag sind 0 bis 1000 Buchungen möglich.")
    if why := places_refusal(*plan.windows):
        yield why
    yield from span_refusals(plan.windows)


def places_refusal(*windows: PlannedWindow) -> Any:
    """Why windows cannot have so many places, or None."""
    fit = all(1 <= window.places <= MOST_PLACES for window in windows)
    return None if fit else _("Ein Fenster hat 1 bis 1000 Plätze.")


def span_refusals(windows: Sequence[PlannedWindow]) -> list[Any]:
    """Why these windows cannot stand on one day (too short, beyond midnight, one over another), each by its times."""
    in_order = sorted(windows)
    wrong = [w for w in in_order if w.starts < 0 or w.ends > 1440 or w.ends - w.starts < SHORTEST_WINDOW]
    found = [
        _("%(span)s geht nicht: Ein Fenster dauert mindestens 15 Minuten und endet am selben Tag.", span=_span(one))
        for one in wrong
    ]
    pairs = combinations([one for one in in_order if one not in wrong], 2)
    return found + [
        _("%(one)s und %(other)s überschneiden sich.", one=_span(one), other=_span(other))
        for one, other in pairs
        if one.ends > other.starts
    ]


def _span(window: PlannedWindow) -> str:
    return _("%(start)s–%(end)s Uhr", start=clock_of(window.starts), end=clock_of(window.ends))


def clock_of(minutes: int) -> str:
    """ "08:00" of minutes after midnight."""
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"
