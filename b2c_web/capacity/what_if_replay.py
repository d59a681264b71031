"""Promising everything again, in memory, by the judge that answers customers."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from b2c_web.bookings.availability import FAR_FUTURE
from b2c_web.bookings.plan_rows import Rows, Span
from b2c_web.bookings.returning import has_room
from b2c_web.capacity.what_if_reads import Promised
from b2c_web.workshops.rules import (
    LIMIT_OF,
    Block,
    Judge,
    Limit,
    Order,
    RonjaPlan,
    Window,
    add_parts,
    bottleneck,
    free_ronjas,
    ronja_span,
    trip_parts,
)


def kept(
    rows: Rows, promised: Sequence[Promised], since: int, away: Mapping[uuid.UUID, Span] | None = None
) -> tuple[Rows, dict[Promised, Block]]:
    """Every promise gives back what it holds; then each, in this order, is promised its own windows again.

    That a window is closed refuses nobody: who has booked it keeps it (`edit_day`), see `in_closed`. Returns whom the
    judge refuses, and why; and the rows with every Ronja where it is needed then. A refused promise still holds its
    places and minutes, as in the database: what breaks is no free place, somebody must be asked first.
    `since`: from when on a Ronja that is out with a customer must stay free (epoch seconds). `away`: Ronjas that are
    not there for a while.
    """
    again = Rows(list(rows.windows), list(rows.plans))
    for one in promised:
        again.give_back(one.held)
        if one.ronja_id is not None and one.span is not None:
            again.free_ronja(one.ronja_id, one.span)
    for ronja_id, span in (away or {}).items():
        again.reserve_ronja(ronja_id, span)
    refused = {one: block for one in promised if (block := _promise(again, one, since)) is not None}
    for one in refused:
        if one.span is not None and one.ronja_id in _free(again, one.span):
            again.reserve_ronja(one.ronja_id, one.span)
    return Rows(rows.windows, again.plans), refused


def _promise(rows: Rows, one: Promised, since: int) -> Block | None:
    """Promise one its own windows; the reason when it cannot be."""
    slot_id = one.back.slot_id if one.back else one.booking.slot_id
    index = next((n for n, window in enumerate(rows.windows) if window.slot_id == slot_id), None)
    if index is None:
        return Block.CLOSED
    return _promise_return(rows, one, index, since) if one.back else _promise_whole(rows, one, index)


def in_closed(rows: Rows, promised: Sequence[Promised]) -> list[tuple[Promised, Window]]:
    """What is promised in windows that are not open: it holds, and only somebody who agrees moves."""
    shut = [window for window in rows.windows if not window.is_open]
    return [(one, window) for window in shut for one in promised if window.slot_id in one.slot_ids]


def why_closed(window: Window) -> Block:
    """The reason of a window that is not open."""
    return Block.HOLIDAY if window.day_is_holiday else Block.CLOSED


def _opened(window: Window) -> Window:
    return replace(window, is_available=True, day_is_holiday=False, day_is_closed=False)


def _promise_return(rows: Rows, one: Promised, index: int, since: int) -> Block | None:
    """A car that is with us goes home in the window at `index`, and until then its customer has a Ronja."""
    minutes = one.back.jockey_minutes if one.back else 0
    if not has_room(rows.windows, index, minutes):
        return Block.NO_JOCKEY
    if one.span is not None:
        span = max(since, one.span[0]), one.span[1]
        free = _free(rows, span)
        if not free:
            return Block.NO_RONJA
        rows.reserve_ronja(one.ronja_id if one.ronja_id in free else free[0], span)
    rows.count_in(None, None, trip_parts(rows.windows, index, minutes) or {})
    return None


def _promise_whole(rows: Rows, one: Promised, index: int) -> Block | None:
    nearby = near(rows.windows, index, one.order)
    windows = [_opened(window) if window.slot_id in one.slot_ids else window for window in nearby]
    offer = Judge(windows, rows.plans, one.order).offer(0, all_returns=True)
    if offer.block is not None:
        return offer.block
    back = next((o.window for o in offer.returns if o.window.slot_id == one.booking.return_slot_id), None)
    if one.order.concierge and back is None:
        return _why_no_return(rows, one, windows)
    take(rows, offer.window, back, one.order, one.ronja_id)
    return None


def _why_no_return(rows: Rows, one: Promised, windows: Sequence[Window]) -> Block:
    """Judged once more with any number of Ronjas: is it they, or the jockeys, or is the window closed?"""
    if not any(window.slot_id == one.booking.return_slot_id and window.is_open for window in windows):
        return Block.CLOSED
    spare = [*rows.plans, RonjaPlan(uuid.uuid4(), [], [], FAR_FUTURE)]
    offer = Judge(windows, spare, one.order).offer(0, all_returns=True)
    has_jockey = any(option.window.slot_id == one.booking.return_slot_id for option in offer.returns)
    return Block.NO_RONJA if has_jockey else Block.NO_JOCKEY


def near(windows: Sequence[Window], index: int, order: Order) -> list[Window]:
    """The window and those behind it on as many days as returns are offered: a judge over these is quick."""
    days: set[date] = set()
    found = []
    for window in windows[index:]:
        if order.counts(window):
            days.add(window.day)
        if len(days) > order.return_offer_days + 1:
            break
        found.append(window)
    return found


def take(rows: Rows, pickup: Window, back: Window | None, order: Order, wanted: uuid.UUID | None = None) -> None:
    """One more booking on the rows, with the Ronja that is `wanted` or else the tightest fit."""
    rows.count_in(pickup.slot_id, pickup.day, _minutes(rows.windows, pickup, back, order))
    if back is not None:
        span = ronja_span(pickup, back, order)
        free = _free(rows, span)
        rows.reserve_ronja(wanted if wanted in free else free[0], span)


def _free(rows: Rows, span: tuple[int, int]) -> list[uuid.UUID]:
    return [ronja_id for _idle, ronja_id in free_ronjas(rows.plans, span)]


def _minutes(windows: Sequence[Window], pickup: Window, back: Window | None, order: Order) -> Mapping[uuid.UUID, int]:
    """What pickup and return take from each window; nothing without concierge."""
    if back is None:
        return {}
    index = {window.slot_id: n for n, window in enumerate(windows)}
    out = trip_parts(windows, index[pickup.slot_id], order.pickup_minutes) or {}
    return add_parts(out, trip_parts(windows, index[back.slot_id], order.return_minutes) or {})


def limit_of(day: date, rows: Rows, order: Order) -> Limit | None:
    """The bottleneck of a day for such bookings; None when it is shut, whatever there is of anything."""
    index = next((n for n, window in enumerate(rows.windows) if window.day == day), None)
    if index is None:
        return None
    judge = Judge(near(rows.windows, index, order), rows.plans, order)
    numbers = [n for n, window in enumerate(judge.windows) if window.day == day]
    blocks = [judge.offer(n).block for n in numbers]
    scarce = [block for block in blocks if block in LIMIT_OF]
    carries = judge.carries(numbers)
    if None in blocks:
        return bottleneck(carries, None)
    return bottleneck(carries, Counter(scarce).most_common(1)[0][0]) if scarce else None


def places_of(day: date, rows: Rows, order: Order) -> int:
    """How many further bookings `day` could take if no other day took any: filled up one by one by the judge."""
    index = next((n for n, window in enumerate(rows.windows) if window.day == day), None)
    if index is None:
        return 0
    rows = Rows(near(rows.windows, index, order), list(rows.plans))
    count = 0
    while True:
        judge = Judge(rows.windows, rows.plans, order)
        numbers = [n for n, window in enumerate(rows.windows) if window.day == day]
        offer = next((one for one in map(judge.offer, numbers) if one.block is None), None)
        if offer is None:
            return count
        take(rows, offer.window, offer.returns[0].window if offer.returns else None, order)
        count += 1
