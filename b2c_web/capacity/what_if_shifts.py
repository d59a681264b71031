"""Jockeys' shifts as a copy in memory, and what they give each window: the same count as `refresh_jockey_room`."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from b2c_web.bookings.places import instant
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.workshops.generation import each_day, local_day
from b2c_web.workshops.rules import MINUTE, Window
from b2c_web.workshops.template_commands import wall_minutes


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


@dataclass(frozen=True, slots=True)
class Assumed:
    """What a jockey more is taken to work on a day without shifts, and the day that it was copied from; None when
    there was no shift to copy: then from the day's first window to its last.
    """

    shift: Shift
    like: date | None


def rooms(windows: Iterable[Window], shifts: Sequence[Shift], percent: int) -> dict[uuid.UUID, tuple[int, int]]:
    """For each window: the jockey minutes in it, times the overbooking factor, and the longest trip in minutes."""
    by_day: dict[date, list[Shift]] = {}
    for shift in shifts:
        for day in each_day(shift.day, local_day(instant(shift.end))):  # a shift may go on past midnight
            by_day.setdefault(day, []).append(shift)
    return {window.slot_id: _room(window, by_day.get(window.day, []), percent) for window in windows}


def _room(window: Window, shifts: Sequence[Shift], percent: int) -> tuple[int, int]:
    seconds = sum(shift.seconds_in(window.start, window.end) for shift in shifts)
    covering = [(shift.end - window.start) // MINUTE for shift in shifts if shift.start <= window.start < shift.end]
    return seconds * percent // (MINUTE * 100), max(covering, default=0)


def fewer_or_more(
    shifts: Sequence[Shift], by: int, first: date, last: date, assumed: Mapping[date, Assumed] | None = None
) -> list[Shift]:
    """The shifts with `by` jockeys more or fewer on each day between the two.

    Fewer: those with the longest shifts are away, the careful case. More: each works the day's longest shift, on a
    day without shifts what is `assumed` for it.
    """
    kept = [shift for shift in shifts if not first <= shift.day <= last]
    for day in each_day(first, last):
        of_day = [shift for shift in shifts if shift.day == day]
        longest = sorted(of_day, key=_longest_first)
        away = {one.jockey_id for one in longest[: max(0, -by)]}
        usual = longest[:1] or [one.shift for one in [(assumed or {}).get(day)] if one]
        kept += [one for one in of_day if one.jockey_id not in away]
        kept += usual * max(0, by)
    return kept


def _longest_first(shift: Shift) -> tuple[int, uuid.UUID]:
    return shift.start - shift.end, shift.jockey_id


def assumed_shifts(windows: Iterable[Window], shifts: Sequence[Shift]) -> dict[date, Assumed]:
    """For each day that has windows and no shift: the longest shift of the nearest day that has one, if there is such
    a day with the same weekday of that, at the same time of the wall clock.
    """
    worked = {shift.day for shift in shifts}
    open_days: dict[date, list[Window]] = {}
    for window in windows:
        if window.day not in worked:
            open_days.setdefault(window.day, []).append(window)
    return {day: _assumed(day, of_day, shifts) for day, of_day in open_days.items()}


def _assumed(day: date, windows: Sequence[Window], shifts: Sequence[Shift]) -> Assumed:
    if not shifts:
        start, end = min(window.start for window in windows), max(window.end for window in windows)
        return Assumed(Shift(uuid.uuid4(), day, start, end), None)
    like = min({shift.day for shift in shifts}, key=lambda one: _distance(day, one))
    longest = min((shift for shift in shifts if shift.day == like), key=_longest_first)
    return Assumed(_moved(longest, day), like)


def _distance(day: date, other: date) -> tuple[bool, int, date]:
    return day.weekday() != other.weekday(), abs((day - other).days), other


def _moved(shift: Shift, day: date) -> Shift:
    """The same shift on another day, as the wall clock shows it."""

    def at(seconds: int) -> int:
        return int(local_to_utc(day, wall_minutes(instant(seconds), shift.day), ZONE).timestamp()) if seconds else 0

    return Shift(shift.jockey_id, day, at(shift.start), at(shift.end), at(shift.break_start), at(shift.break_end))
