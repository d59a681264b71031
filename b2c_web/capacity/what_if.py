"""What if: the effect of fewer or more jockeys, Ronjas, windows or places, judged in memory. Nothing is saved.

Every booking of the days gives back what it holds; then all of them are promised again in the order in which they
were booked, on the changed rows and by the judge that answers customers. Whom the judge refuses now, and did not
refuse on the unchanged rows, is a promise that would break. What is left afterwards is filled up booking by booking:
those are the places.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from b2c_web.bookings.availability import RETURN_LOOKAHEAD_DAYS, Question, order_of
from b2c_web.bookings.counters import held_by
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import instant
from b2c_web.capacity.plan_rows import Rows, spans_of
from b2c_web.capacity.what_if_reads import Promised, promised_in, shifts_of
from b2c_web.capacity.what_if_shifts import Shift, fewer_or_more, rooms
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.workshops.rules import (
    Block,
    Judge,
    Order,
    RonjaPlan,
    Window,
    add_parts,
    free_ronjas,
    ronja_span,
    trip_parts,
)
from b2c_web.workshops.template_commands import wall_minutes

FAR_FUTURE = 2**40


@dataclass(frozen=True, slots=True)
class Change:
    """What is tried between two days; None leaves as it is. `closed`: windows by wall-clock start, in minutes."""

    first: date
    last: date
    jockeys: int = 0
    ronjas: int = 0
    places_per_window: int | None = None
    day_maximum: int | None = None
    closed: frozenset[int] = frozenset()

    @property
    def is_none(self) -> bool:
        tried = (self.jockeys, self.ronjas, self.places_per_window, self.day_maximum, self.closed)
        return tried == (0, 0, None, None, frozenset())


@dataclass(frozen=True, slots=True)
class Broken:
    """A promise that would not hold, and what is missing."""

    booking: Booking
    block: Block


@dataclass(frozen=True, slots=True)
class DayEffect:
    """Further bookings that one day could take, before and after: fetched by us, and brought by customers."""

    day: date
    fetched_before: int
    fetched_after: int
    brought_before: int
    brought_after: int
    broken: list[Broken]


@dataclass(frozen=True, slots=True)
class Effect:
    days: list[DayEffect]

    @property
    def broken(self) -> list[Broken]:
        return [one for day in self.days for one in day.broken]

    @property
    def fetched(self) -> int:
        """Places with concierge gained (or lost, below zero) in all."""
        return sum(day.fetched_after - day.fetched_before for day in self.days)

    @property
    def brought(self) -> int:
        return sum(day.brought_after - day.brought_before for day in self.days)


def effect_of(change: Change, question: Question, service_minutes: int) -> Effect:
    """The effect of `change`, its free places counted for bookings like `question`. Reads only, eight statements."""
    now_rows = Rows.read(question.workshop_id, change.first, change.last)
    promised = promised_in(question.workshop_id, change.first, change.last)
    behind = change.last + timedelta(days=RETURN_LOOKAHEAD_DAYS)
    shifts, percent = shifts_of(question.workshop_id, change.first, behind)
    tried = changed(now_rows, change, shifts, percent)
    before, refused_before = _replayed(now_rows, promised)
    after, refused = _replayed(tried, promised)
    broken = [Broken(one.booking, block) for one, block in refused.items() if one not in refused_before]
    order = order_of(question, service_minutes, for_staff=True)
    return Effect([_day_effect(day, before, after, order, broken) for day in _open_days(now_rows, change)])


def _open_days(rows: Rows, change: Change) -> list[date]:
    return sorted({w.day for w in rows.windows if change.first <= w.day <= change.last})


def _day_effect(day: date, before: Rows, after: Rows, order: Order, broken: Sequence[Broken]) -> DayEffect:
    fetch, bring = replace(order, concierge=True), replace(order, concierge=False)
    of_day = [one for one in broken if one.booking.pickup_time.astimezone(ZONE).date() == day]
    return DayEffect(
        day,
        fetched_before=places_of(day, before, fetch),
        fetched_after=places_of(day, after, fetch),
        brought_before=places_of(day, before, bring),
        brought_after=places_of(day, after, bring),
        broken=of_day,
    )


# -- the changed rows


def changed(rows: Rows, change: Change, shifts: Sequence[Shift], percent: int) -> Rows:
    """A copy of the rows with the change in its days. Jockeys: see `fewer_or_more`."""
    room_now, room_then = rooms(rows.windows, shifts, percent), {}
    if change.jockeys:
        room_then = rooms(rows.windows, fewer_or_more(shifts, change.jockeys, change.first, change.last), percent)
    windows = [
        _changed_window(window, change, room_now, room_then) if change.first <= window.day <= change.last else window
        for window in rows.windows
    ]
    return Rows(windows, _changed_plans(rows.plans, change))


def _changed_window(
    window: Window,
    change: Change,
    room_now: dict[uuid.UUID, tuple[int, int]],
    room_then: dict[uuid.UUID, tuple[int, int]],
) -> Window:
    begins = wall_minutes(instant(window.start), window.day)
    if room_then:
        taken = room_now[window.slot_id][0] - window.jockey_minutes_left
        room, longest = room_then[window.slot_id]
        window = replace(window, jockey_minutes_left=room - taken, longest_trip_minutes=longest)
    places, maximum = change.places_per_window, change.day_maximum
    return replace(
        window,
        max_bookings=window.max_bookings if places is None else places,
        day_max_bookings=window.day_max_bookings if maximum is None else maximum,
        is_available=window.is_available and begins not in change.closed,
    )


def _changed_plans(plans: Sequence[RonjaPlan], change: Change) -> list[RonjaPlan]:
    """More Ronjas stand free; fewer: those go that are promised least in these days, and are away on all of them."""
    if change.ronjas >= 0:
        return [*plans, *(RonjaPlan(uuid.uuid4(), [], [], FAR_FUTURE) for _n in range(change.ronjas))]
    start = int(local_to_utc(change.first, 0, ZONE).timestamp())
    end = int(local_to_utc(change.last + timedelta(days=1), 0, ZONE).timestamp())
    by_use = sorted(plans, key=lambda plan: (sum(e > start and s < end for s, e in spans_of(plan)), plan.ronja_id))
    away = {plan.ronja_id for plan in by_use[: -change.ronjas]}
    rows = Rows([], list(plans))
    for ronja_id in away:
        rows.reserve_ronja(ronja_id, (start, end))
    return rows.plans


# -- promising everything again


def _replayed(rows: Rows, promised: Sequence[Promised]) -> tuple[Rows, dict[Promised, Block]]:
    """The rows after every booking was promised again, and whom the judge refused."""
    rows = Rows(list(rows.windows), list(rows.plans))
    for held in held_by([one.booking.id for one in promised]):
        rows.give_back(held)
    for one in promised:
        if one.ronja_id is not None and one.span is not None:
            rows.free_ronja(one.ronja_id, one.span)  # a Ronja that is away all these days stays away
    refused = {one: block for one in promised if (block := _promise_again(rows, one)) is not None}
    for one in refused:  # a broken promise is no free place: somebody must be asked first
        rows.count_in(one.booking.slot_id, one.booking.slot.service_date, {})
    return rows, refused


def _promise_again(rows: Rows, one: Promised) -> Block | None:
    """Promise one booking its own windows; the reason when the judge refuses."""
    index = next((n for n, window in enumerate(rows.windows) if window.slot_id == one.booking.slot_id), None)
    if index is None:
        return Block.CLOSED
    windows = _near(rows.windows, index, one.order)
    offer = Judge(windows, rows.plans, one.order).offer(0, all_returns=True)
    if offer.block is not None:
        return offer.block
    back = next((o.window for o in offer.returns if o.window.slot_id == one.booking.return_slot_id), None)
    if one.order.concierge and back is None:
        return Block.NO_RONJA if _has_jockey(rows, one) else Block.NO_JOCKEY
    _take(rows, one, offer.window, back)
    return None


def _near(windows: Sequence[Window], index: int, order: Order) -> list[Window]:
    """The window and those behind it on as many open days as returns are offered: a judge over these is quick."""
    days: dict[date, bool] = {}
    near = []
    for window in windows[index:]:
        days[window.day] = window.is_open or days.get(window.day, False)
        if sum(days.values()) > order.return_offer_days + 1:
            break
        near.append(window)
    return near


def _has_jockey(rows: Rows, one: Promised) -> bool:
    """Would the booking's own return have a jockey, if there were any number of Ronjas?"""
    index = next(n for n, window in enumerate(rows.windows) if window.slot_id == one.booking.slot_id)
    spare = [*rows.plans, RonjaPlan(uuid.uuid4(), [], [], FAR_FUTURE)]
    offer = Judge(_near(rows.windows, index, one.order), spare, one.order).offer(0, all_returns=True)
    return any(option.window.slot_id == one.booking.return_slot_id for option in offer.returns)


def _take(rows: Rows, one: Promised, pickup: Window, back: Window | None) -> None:
    minutes = _minutes(rows.windows, pickup, back, one.order)
    rows.count_in(pickup.slot_id, pickup.day, minutes)
    if back is not None:
        span = ronja_span(pickup, back, one.order)
        free = [ronja_id for _idle, ronja_id in free_ronjas(rows.plans, span)]
        rows.reserve_ronja(one.ronja_id if one.ronja_id in free else free[0], span)


def _minutes(windows: Sequence[Window], pickup: Window, back: Window | None, order: Order) -> dict[uuid.UUID, int]:
    """What pickup and return take from each window; nothing without concierge."""
    if back is None:
        return {}
    index = {window.slot_id: n for n, window in enumerate(windows)}
    out = trip_parts(windows, index[pickup.slot_id], order.pickup_minutes) or {}
    return add_parts(out, trip_parts(windows, index[back.slot_id], order.return_minutes) or {})


# -- how much more a day takes


def places_of(day: date, rows: Rows, order: Order) -> int:
    """How many further bookings `day` could take if no other day took any: filled up one by one by the judge."""
    index = next((n for n, window in enumerate(rows.windows) if window.day == day), None)
    if index is None:
        return 0
    rows = Rows(_near(rows.windows, index, order), list(rows.plans))
    count = 0
    while True:
        judge = Judge(rows.windows, rows.plans, order)
        numbers = [n for n, window in enumerate(rows.windows) if window.day == day]
        offer = next((one for one in map(judge.offer, numbers) if one.block is None), None)
        if offer is None:
            return count
        back = offer.returns[0].window if offer.returns else None
        rows.count_in(offer.window.slot_id, day, _minutes(rows.windows, offer.window, back, order))
        if back is not None:
            span = ronja_span(offer.window, back, order)
            rows.reserve_ronja(free_ronjas(rows.plans, span)[0][1], span)
        count += 1
