"""What a weekly template does to days that are there already: decided by a pure rule, shown before it is applied.

A day changes whole or not at all. What is booked stays possible, and what staff changed by hand stays as they
left it unless they say otherwise.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from b2c_web.workshops.weekly import DayPlan, PlannedWindow


class ChangeKind(StrEnum):
    CHANGES = "CHANGES"
    BOOKED = "BOOKED"
    BY_HAND = "BY_HAND"


class ObstacleKind(StrEnum):
    """Why a booked day cannot change."""

    DAY = "DAY"  # more bookings than the new maximum
    WINDOW_GONE = "WINDOW_GONE"  # bookings or trips in a window that would go
    WINDOW_FULL = "WINDOW_FULL"  # more bookings in a window than its new places


@dataclass(frozen=True, slots=True)
class WindowNow:
    """A window as it stands, in wall-clock minutes; `minutes_taken` are jockey minutes of promised trips."""

    slot_id: uuid.UUID
    starts: int
    ends: int
    places: int
    booked: int
    minutes_taken: int
    available: bool

    @property
    def is_promised(self) -> bool:
        return self.booked > 0 or self.minutes_taken > 0


@dataclass(frozen=True, slots=True)
class DayNow:
    """A day as it stands. `exists`: it has its row; `shut`: a holiday, or closed by staff."""

    day: date
    exists: bool = False
    shut: bool = False
    maximum: int = 0
    booked: int = 0
    windows: tuple[WindowNow, ...] = ()

    @property
    def plan(self) -> DayPlan | None:
        """What it amounts to; None without a window that is offered."""
        offered = sorted(PlannedWindow(w.starts, w.ends, w.places) for w in self.windows if w.available)
        return DayPlan(self.maximum, tuple(offered)) if offered else None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why a day stays; `window` is None for the day as a whole."""

    kind: ObstacleKind
    booked: int
    window: WindowNow | None = None


@dataclass(frozen=True, slots=True)
class DayChange:
    """A day that the new template would shape otherwise, and whether it does."""

    now: DayNow
    then: DayPlan | None
    kind: ChangeKind
    obstacles: tuple[Obstacle, ...] = ()


def changes_of(
    days: Sequence[tuple[DayNow, DayPlan | None, DayPlan | None]], *, by_hand_too: bool = False
) -> list[DayChange]:
    """The days that differ from what the new template asks for. Each day comes with the old and the new plan."""
    found = (change_of(now, old, new, by_hand_too=by_hand_too) for now, old, new in days)
    return [change for change in found if change is not None]


def change_of(now: DayNow, old: DayPlan | None, new: DayPlan | None, *, by_hand_too: bool) -> DayChange | None:
    """What the new plan does to one day; None when the day is like that already, or a holiday or closed.

    A day that is not as the old plan made it was changed by hand. A booked day stays whole when one promise of it
    would break.
    """
    if now.shut or now.plan == new:
        return None
    if now.plan != old and not by_hand_too:
        return DayChange(now, new, ChangeKind.BY_HAND)
    obstacles = tuple(_obstacles(now, new))
    return DayChange(now, new, ChangeKind.BOOKED if obstacles else ChangeKind.CHANGES, obstacles)


def _obstacles(now: DayNow, new: DayPlan | None) -> Iterator[Obstacle]:
    if new is not None and new.maximum < now.booked:
        yield Obstacle(ObstacleKind.DAY, now.booked)
    places = {(window.starts, window.ends): window.places for window in new.windows} if new else {}
    for window in now.windows:
        room = places.get((window.starts, window.ends))
        if window.is_promised and room is None:
            yield Obstacle(ObstacleKind.WINDOW_GONE, window.booked, window)
        elif room is not None and room < window.booked:
            yield Obstacle(ObstacleKind.WINDOW_FULL, window.booked, window)
