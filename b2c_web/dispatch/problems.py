"""What speaks against giving a trip to a jockey at a time, in words a dispatcher can decide by. Pure decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from b2c_web.dispatch.placing import JockeyDay, Shift, Span, TripPlan, fits_shift

MINUTE = timedelta(minutes=1)


class Kind(StrEnum):
    NO_SHIFT = "NO_SHIFT"
    OUTSIDE_SHIFT = "OUTSIDE_SHIFT"
    BREAK = "BREAK"
    OVERLAP = "OVERLAP"
    TOO_EARLY = "TOO_EARLY"
    LATE = "LATE"
    TOO_SOON = "TOO_SOON"


@dataclass(frozen=True, slots=True)
class Taken:
    """An open trip of a jockey: the booking's number, and when the jockey is taken by it."""

    number: str
    span: Span


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason. `code` tells it from any other, so that a dispatcher accepts exactly what was shown."""

    kind: Kind
    number: str = ""
    span: Span | None = None
    minutes: int = 0
    at: datetime | None = None

    @property
    def code(self) -> str:
        return f"{self.kind.value}:{self.number}" if self.number else self.kind.value


def problems_of(plan: TripPlan, jockey: JockeyDay, arrival: datetime, taken: Sequence[Taken]) -> list[Problem]:
    """Everything that speaks against this arrival by this jockey; `taken` are the jockey's other open trips.

    None of it is forbidden: a dispatcher may do it anyway and the assignment is flagged.
    """
    span = plan.span(arrival)
    found = _of_time(plan, arrival)
    if not jockey.shifts:
        found.append(Problem(Kind.NO_SHIFT))
    elif not fits_shift(span, jockey):
        found.append(_of_shifts(span, jockey.shifts))
    meets = [one for one in taken if one.span[0] < span[1] and span[0] < one.span[1]]
    return found + [Problem(Kind.OVERLAP, number=one.number, span=one.span) for one in meets]


def _of_shifts(span: Span, shifts: Sequence[Shift]) -> Problem:
    """The break that the trip falls into, when that is all; else the shifts from the first start to the last end."""
    start, end = min(shift.start for shift in shifts), max(shift.end for shift in shifts)
    rests = (shift.rest for shift in shifts if shift.rest)
    met = next((rest for rest in rests if rest[0] < span[1] and span[0] < rest[1]), None)
    if met is not None and start <= span[0] and span[1] <= end:
        return Problem(Kind.BREAK, span=met)
    return Problem(Kind.OUTSIDE_SHIFT, span=(start, end))


def _of_time(plan: TripPlan, arrival: datetime) -> list[Problem]:
    found = []
    if arrival > plan.window_end:
        found.append(Problem(Kind.LATE, minutes=-((plan.window_end - arrival) // MINUTE)))
    if arrival < plan.window_start:
        found.append(Problem(Kind.TOO_EARLY, minutes=-((arrival - plan.window_start) // MINUTE)))
    soonest = plan.not_before + plan.travel
    if arrival < soonest:
        found.append(Problem(Kind.TOO_SOON, at=soonest))
    return found
