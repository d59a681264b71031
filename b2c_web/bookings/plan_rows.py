"""The rows that limit a workshop, as a copy in memory that can be changed and judged. Nothing is written here."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from b2c_web.bookings.availability import read_ronjas, read_windows
from b2c_web.bookings.counters import Held
from b2c_web.bookings.models import Booking
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS, RonjaPlan, Window

Span = tuple[int, int]  # from and to, in seconds since 1970


@dataclass
class Rows:
    """Windows in order of time and Ronjas with their reservations, as the judge takes them."""

    windows: list[Window]
    plans: list[RonjaPlan]

    @classmethod
    def read(cls, workshop_id: uuid.UUID, first: date, last: date) -> "Rows":
        """What stands in the database for the days, and for as many behind them as a return may lie. Two statements."""
        behind = last + timedelta(days=RETURN_LOOKAHEAD_DAYS)
        windows, _days = read_windows(workshop_id, first, behind)
        start, end = local_to_utc(first - timedelta(days=1), 0, ZONE), local_to_utc(behind + timedelta(days=2), 0, ZONE)
        return cls(windows, read_ronjas(workshop_id, start, end))

    def without(self, booking: Booking, held: Held) -> "Rows":
        """A copy, as if the booking had given back what it holds: its places and minutes (`held`), and its Ronja."""
        rows = Rows(list(self.windows), list(self.plans))
        rows.give_back(held)
        during = booking.reservation.during if booking.reservation else None
        if booking.reservation and during and during.lower and during.upper:
            span = (int(during.lower.timestamp()), int(during.upper.timestamp()))
            rows.free_ronja(booking.reservation.ronja_id, span)
        return rows

    def give_back(self, held: Held) -> None:
        """A booking's day, window and jockey minutes are free again."""
        self._change(held.place_slot_id, held.place_day, held.minutes, -1)

    def count_in(self, slot_id: uuid.UUID | None, day: date | None, minutes: Mapping[uuid.UUID, int]) -> None:
        """One more booking takes its day, window and jockey minutes; without window and day a trip its minutes."""
        self._change(slot_id, day, minutes, 1)

    def _change(self, slot_id: uuid.UUID | None, day: date | None, minutes: Mapping[uuid.UUID, int], by: int) -> None:
        self.windows = [
            replace(
                window,
                current_bookings=window.current_bookings + by * (window.slot_id == slot_id),
                day_current_bookings=window.day_current_bookings + by * (window.day == day),
                jockey_minutes_left=window.jockey_minutes_left - by * minutes.get(window.slot_id, 0),
            )
            if window.day == day or window.slot_id in minutes
            else window
            for window in self.windows
        ]

    def free_ronja(self, ronja_id: uuid.UUID, span: Span) -> None:
        """A reservation ends before it began."""
        self._replan(ronja_id, lambda spans: [one for one in spans if one != span])

    def reserve_ronja(self, ronja_id: uuid.UUID, span: Span) -> None:
        """A Ronja is taken for `span`; what overlaps becomes one."""
        self._replan(ronja_id, lambda spans: merged([*spans, span]))

    def _replan(self, ronja_id: uuid.UUID, change: Callable[[list[Span]], list[Span]]) -> None:
        self.plans = [_with(plan, change(spans_of(plan))) if plan.ronja_id == ronja_id else plan for plan in self.plans]


def spans_of(plan: RonjaPlan) -> list[Span]:
    """When a Ronja is taken."""
    return list(zip(plan.starts, plan.ends, strict=True))


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans in order, those that touch or overlap made one."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def _with(plan: RonjaPlan, spans: Sequence[Span]) -> RonjaPlan:
    return replace(plan, starts=[start for start, _end in spans], ends=[end for _start, end in spans])
