"""The most concierge bookings that days can hold, and whether their maximum, bays, jockeys or Ronjas limit them.

Empty days are filled window by window with the judge that answers customers, once with every limit and once with
each limit alone. Filling the earliest window first is not always the best plan, so this is what the calendar would
in fact give away, not a theoretical maximum.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from b2c_web.workshops.rules import Judge, Limit, Offer, Order, RonjaPlan, Window, add_parts, ronja_span, trip_parts

PLENTY = 10**6
FAR_FUTURE = 2**40


@dataclass(frozen=True, slots=True)
class Ceiling:
    """Per open day: places for cars at all, and concierge bookings with every limit and with each one alone.

    `limit` is the lowest of these.
    """

    places: float
    together: float
    alone: dict[Limit, float]

    @property
    def limit(self) -> Limit:
        return min(self.alone, key=lambda one: self.alone[one])


def ceiling(windows: Sequence[Window], ronjas: int, order: Order) -> Ceiling:
    """What the days of `windows` hold, taken as empty; `windows` carry the full jockey minutes as left."""
    days = len({window.day for window in windows if window.is_open}) or 1
    alone = {limit: _filled(windows, ronjas, order, {limit}) / days for limit in Limit}
    return Ceiling(_places(windows) / days, _filled(windows, ronjas, order, set(Limit)) / days, alone)


def _places(windows: Sequence[Window]) -> int:
    """Cars that the days can take in: each day's maximum, or what its windows hold when that is less."""
    by_day: dict[date, list[Window]] = {}
    for window in windows:
        if window.is_open:
            by_day.setdefault(window.day, []).append(window)
    return sum(min(day[0].day_max_bookings, sum(w.max_bookings for w in day)) for day in by_day.values())


def _filled(windows: Sequence[Window], ronjas: int, order: Order, limits: set[Limit]) -> int:
    empty = [_emptied(window, limits) for window in windows]
    count = ronjas if Limit.RONJAS in limits else sum(window.max_bookings for window in windows)
    plans = [RonjaPlan(uuid.uuid4(), [], [], FAR_FUTURE) for _n in range(count)]
    filled = 0
    while True:
        judge = Judge(empty, plans, order)
        offer = next((one for one in map(judge.offer, range(len(empty))) if one.block is None), None)
        if offer is None:
            return filled
        empty, plans = _taken(empty, plans, offer, order)
        filled += 1


def _emptied(window: Window, limits: set[Limit]) -> Window:
    bays = Limit.BAYS in limits
    jockeys = Limit.JOCKEYS in limits
    return replace(
        window,
        current_bookings=0,
        day_current_bookings=0,
        max_bookings=window.max_bookings if bays else min(PLENTY, 4 * window.max_bookings),
        day_max_bookings=window.day_max_bookings if Limit.DAY in limits else PLENTY,
        jockey_minutes_left=window.jockey_minutes_left if jockeys else PLENTY,
        longest_trip_minutes=window.longest_trip_minutes if jockeys else PLENTY,
    )


def _taken(
    windows: list[Window], plans: list[RonjaPlan], offer: Offer, order: Order
) -> tuple[list[Window], list[RonjaPlan]]:
    """The windows and Ronjas after one more booking of `offer`."""
    index = {window.slot_id: n for n, window in enumerate(windows)}
    back = offer.returns[0].window
    pickup_parts = trip_parts(windows, index[offer.window.slot_id], order.pickup_minutes) or {}
    parts = add_parts(pickup_parts, trip_parts(windows, index[back.slot_id], order.return_minutes) or {})
    after = [
        replace(
            window,
            current_bookings=window.current_bookings + (window.slot_id == offer.window.slot_id),
            day_current_bookings=window.day_current_bookings + (window.day == offer.window.day),
            jockey_minutes_left=window.jockey_minutes_left - parts.get(window.slot_id, 0),
        )
        for window in windows
    ]
    return after, _reserve(plans, ronja_span(offer.window, back, order))


def _reserve(plans: list[RonjaPlan], span: tuple[int, int]) -> list[RonjaPlan]:
    start, end = span
    chosen = next(n for n, plan in enumerate(plans) if all(end <= s or e <= start for s, e in _spans(plan)))
    spans = sorted([*_spans(plans[chosen]), span])
    taken = replace(plans[chosen], starts=[s for s, _e in spans], ends=[e for _s, e in spans])
    return [*plans[:chosen], taken, *plans[chosen + 1 :]]


def _spans(plan: RonjaPlan) -> list[tuple[int, int]]:
    return list(zip(plan.starts, plan.ends, strict=True))
