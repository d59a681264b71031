"""Giving a trip to a jockey: who, and when within the window. Pure decisions."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

NOTHING = timedelta(0)
Span = tuple[datetime, datetime]


class Clash(StrEnum):
    """Why no particular jockey fits; the best was taken all the same."""

    NO_SHIFT = "NO_SHIFT"
    NO_JOCKEY_FREE = "NO_JOCKEY_FREE"
    OUTSIDE_WINDOW = "OUTSIDE_WINDOW"


@dataclass(frozen=True, slots=True)
class TripPlan:
    """What is to be driven. `arrival` lies within the window; nobody leaves before `not_before`."""

    window_start: datetime
    window_end: datetime
    travel: timedelta
    whole: timedelta
    not_before: datetime

    def span(self, arrival: datetime) -> Span:
        """When the jockey is taken: from leaving for the door until the tour is over."""
        leaves = arrival - self.travel
        return leaves, leaves + self.whole

    @property
    def earliest_arrival(self) -> datetime:
        return max(self.window_start, self.not_before + self.travel)


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift; the break, if any, lies inside it."""

    start: datetime
    end: datetime
    break_start: datetime | None = None
    break_end: datetime | None = None

    @property
    def rest(self) -> Span | None:
        """The break."""
        return (self.break_start, self.break_end) if self.break_start and self.break_end else None

    def pieces(self) -> list[Span]:
        """The times at work: before and after the break."""
        if self.rest is None:
            return [(self.start, self.end)]
        return [piece for piece in ((self.start, self.rest[0]), (self.rest[1], self.end)) if piece[0] < piece[1]]


@dataclass(frozen=True, slots=True)
class JockeyDay:
    """A jockey around the window: at work and taken."""

    jockey_id: uuid.UUID
    shifts: Sequence[Shift] = ()
    busy: Sequence[Span] = ()

    @property
    def load(self) -> timedelta:
        return sum((end - start for start, end in self.busy), NOTHING)

    def at_work(self) -> list[Span]:
        return sorted(piece for shift in self.shifts for piece in shift.pieces())


@dataclass(frozen=True, slots=True)
class Placement:
    """Who drives and when they arrive. `clash` is set when it does not fit and a dispatcher must look at it."""

    jockey_id: uuid.UUID
    arrival: datetime
    clash: Clash | None = None


def place(trip: TripPlan, jockeys: Sequence[JockeyDay]) -> Placement | None:
    """The jockey who can be there earliest, of those the least loaded; None only when there is nobody at all.

    A fitting one arrives inside the window and is at work and free for the whole tour. When none fits, the best
    is named with the reason: least time outside the shift, then least overlap with other trips, then earliest.
    """
    arrivals = ((earliest(trip, jockey), jockey.load, jockey.jockey_id) for jockey in jockeys)
    fitting = [(arrival, load, jockey_id) for arrival, load, jockey_id in arrivals if arrival is not None]
    if fitting:
        arrival, _load, jockey_id = min(fitting)
        return Placement(jockey_id, arrival)
    return _best_of_none(trip, jockeys)


def earliest(trip: TripPlan, jockey: JockeyDay) -> datetime | None:
    """The first arrival inside the window at which this jockey is at work and free for the whole tour, or None."""
    for start, end in free_times(jockey):
        arrival = max(trip.earliest_arrival, start + trip.travel)
        if arrival > trip.window_end:
            return None
        if trip.span(arrival)[1] <= end:
            return arrival
    return None


def free_times(jockey: JockeyDay) -> list[Span]:
    """Where the jockey is at work and not taken, in order."""
    free = []
    for start, end in jockey.at_work():
        for busy_start, busy_end in sorted(jockey.busy):
            if busy_end <= start or busy_start >= end:
                continue
            if busy_start > start:
                free.append((start, busy_start))
            start = max(start, busy_end)  # noqa: PLW2901 - what is left of the piece
        if start < end:
            free.append((start, end))
    return free


def fits_shift(span: Span, jockey: JockeyDay) -> bool:
    """Is the jockey at work, and not on a break, for all of `span`?"""
    return _overlap(span, jockey.at_work()) >= span[1] - span[0]


def clash_of(trip: TripPlan, jockey: JockeyDay, arrival: datetime) -> Clash | None:
    """Why this jockey cannot keep this arrival, or None."""
    if not trip.earliest_arrival <= arrival <= trip.window_end:
        return Clash.OUTSIDE_WINDOW
    span = trip.span(arrival)
    if not fits_shift(span, jockey):
        return Clash.NO_SHIFT
    return Clash.NO_JOCKEY_FREE if _overlap(span, jockey.busy) else None


def _best_of_none(trip: TripPlan, jockeys: Sequence[JockeyDay]) -> Placement | None:
    ranked = [
        (
            trip.whole - _overlap(trip.span(arrival), jockey.at_work()),
            _overlap(trip.span(arrival), jockey.busy),
            arrival,
            jockey.load,
            jockey.jockey_id,
        )
        for jockey in jockeys
        for arrival in _tries(trip, jockey)
    ]
    if not ranked:
        return None
    _outside, _taken, arrival, _load, jockey_id = min(ranked)
    jockey = next(one for one in jockeys if one.jockey_id == jockey_id)
    return Placement(jockey_id, arrival, clash_of(trip, jockey, arrival))


def _tries(trip: TripPlan, jockey: JockeyDay) -> list[datetime]:
    """Arrivals worth comparing: the window's edges and wherever the jockey becomes free inside it."""
    first = trip.earliest_arrival
    last = max(first, trip.window_end)
    edges = [start for start, _end in jockey.at_work()] + [end for _start, end in jockey.busy]
    return sorted({first, last, *(min(max(edge + trip.travel, first), last) for edge in edges)})


def _overlap(span: Span, others: Iterable[Span]) -> timedelta:
    return sum((max(NOTHING, min(span[1], end) - max(span[0], start)) for start, end in others), NOTHING)
