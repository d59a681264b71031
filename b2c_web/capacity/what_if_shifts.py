"""Jockeys' shifts as a copy in memory, and what they give each window: the same count as `refresh_jockey_room`."""

import math
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from b2c_web.workshops.rules import MINUTE, Window


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift in seconds since 1970; without a break `break_start` equals `break_end`."""

    jockey_id: uuid.UUID
    day: date
    start: int
    end: int
    break_start: int = 0
    break_end: int = 0

    def seconds_in(self, start: int, end: int) -> int:
        """Seconds at work between two instants."""
        work = max(0, min(self.end, end) - max(self.start, start))
        return work - max(0, min(self.break_end, end) - max(self.break_start, start))


def rooms(windows: Iterable[Window], shifts: Sequence[Shift], percent: int) -> dict[uuid.UUID, tuple[int, int]]:
    """For each window: the jockey minutes in it, times the overbooking factor, and the longest trip in minutes."""
    by_day: dict[date, list[Shift]] = {}
    for shift in shifts:
        by_day.setdefault(shift.day, []).append(shift)
    return {window.slot_id: _room(window, by_day.get(window.day, []), percent) for window in windows}


def _room(window: Window, shifts: Sequence[Shift], percent: int) -> tuple[int, int]:
    seconds = sum(shift.seconds_in(window.start, window.end) for shift in shifts)
    covering = [(shift.end - window.start) // MINUTE for shift in shifts if shift.start <= window.start < shift.end]
    return math.floor(seconds / 60 * percent / 100), max(covering, default=0)


def fewer_or_more(shifts: Sequence[Shift], by: int, first: date, last: date) -> list[Shift]:
    """The shifts with `by` jockeys more or fewer on each day between the two.

    Fewer: those with the longest shifts are away, the careful case. More: each works the day's longest shift.
    """
    kept = [shift for shift in shifts if not first <= shift.day <= last]
    by_day: dict[date, list[Shift]] = {}
    for shift in shifts:
        if first <= shift.day <= last:
            by_day.setdefault(shift.day, []).append(shift)
    for day_shifts in by_day.values():
        longest = sorted(day_shifts, key=lambda one: (one.start - one.end, one.jockey_id))
        away = {one.jockey_id for one in longest[: max(0, -by)]}
        kept += [one for one in day_shifts if one.jockey_id not in away]
        kept += [longest[0]] * max(0, by)
    return kept
