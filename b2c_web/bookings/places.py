"""Taking what a booking needs: its day, its window, jockey minutes for its trips, one particular Ronja.

Everything here runs inside a command's transaction. The judge that answers the calendar decides here too, on
rows that are locked; conditional updates and constraints stand behind it.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from b2c_web.bookings.availability import Question, read_ronjas, read_windows
from b2c_web.bookings.counters import Held, change_day, change_slots, give_back, lock_keys
from b2c_web.bookings.models import AssignmentType, RonjaReservation, Trip, TripMinutes
from b2c_web.db import table_of
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot, Workshop
from b2c_web.workshops.rules import (
    RETURN_LOOKAHEAD_DAYS,
    Block,
    Judge,
    Order,
    Window,
    add_parts,
    free_ronjas,
    ronja_span,
    trip_parts,
)

Parts = dict[AssignmentType, dict[uuid.UUID, int]]  # trip -> window -> jockey minutes


TAKEN = _l("Ihr Fenster ist gerade vergeben worden.")
CLOSED_NOW = _l("In Ihrem Fenster haben wir inzwischen geschlossen.")
BACK_TAKEN = _l("Ihr Rückgabefenster ist gerade vergeben worden.")
BACK_CLOSED_NOW = _l("In Ihrem Rückgabefenster haben wir inzwischen geschlossen.")
TOO_LATE = _l("Ihr Fenster lässt sich nicht mehr buchen.")
GONE_BY = {
    Block.CLOSED: CLOSED_NOW,
    Block.HOLIDAY: CLOSED_NOW,
    Block.LEAD_TIME: TOO_LATE,
    Block.HORIZON: TOO_LATE,
}


class PlaceTaken(Conflict):
    """What was wanted cannot be promised any more; `details` has the `block` and the window's `slot_start`."""

    code = "place_taken"

    def __init__(self, message: Any = None, *, block: Block, **details: Any) -> None:
        super().__init__(message or GONE_BY.get(block, TAKEN), block=block, **details)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the car is fetched and brought back to."""

    address: str
    postal_code: str
    city: str
    lat: float
    lng: float


@dataclass(frozen=True, slots=True)
class Promise:
    """What was taken for a booking. `ready`: the end of the return, or when the car stands ready in the workshop."""

    pickup: Window
    back: Window | None
    ronja_id: uuid.UUID | None
    ready: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be taken: which windows, for which order. Without `back` it is a drop-off."""

    question: Question
    order: Order
    slot_id: uuid.UUID
    slot_day: date
    back_slot_id: uuid.UUID | None
    back_day: date | None


def find_wish(question: Question, order: Order, slot_id: uuid.UUID, back_slot_id: uuid.UUID | None) -> Wish:
    """Look up the windows' days. Raises PlaceTaken when one is not a window of this active workshop."""
    ids = [slot_id, back_slot_id] if back_slot_id else [slot_id]
    rows = db.session.execute(
        select(TimeSlot.id, TimeSlot.service_date, TimeSlot.start_time)
        .join(Workshop, Workshop.id == TimeSlot.workshop_id)
        .where(TimeSlot.id.in_(ids), TimeSlot.workshop_id == question.workshop_id, Workshop.is_active)
    ).all()
    days = {row.id: row.service_date for row in rows}
    if len(days) != len(ids) or (question.concierge and back_slot_id is None):
        raise PlaceTaken(block=Block.CLOSED)
    starts = {row.id: row.start_time for row in rows}
    if back_slot_id is not None and starts[back_slot_id] <= starts[slot_id]:
        raise PlaceTaken(_l("Die Rückgabe liegt vor der Abholung."), block=Block.CLOSED)
    return Wish(question, order, slot_id, days[slot_id], back_slot_id, days[back_slot_id] if back_slot_id else None)


def take(wish: Wish, releasing: Sequence[Held]) -> tuple[Promise, Parts]:
    """Lock all keys of the new and the old in one order, give back the old, judge, and take the new.

    Returns the promise and each trip's parts by window. Raises PlaceTaken with the block when it cannot be
    promised; the caller's transaction then rolls everything back.
    """
    workshop_id = wish.question.workshop_id
    last = max(wish.slot_day, wish.back_day or wish.slot_day)
    windows, _days = read_windows(workshop_id, wish.slot_day, last + timedelta(days=RETURN_LOOKAHEAD_DAYS))
    parts = _parts_of(wish, windows)
    needed = {slot_id for part in parts.values() for slot_id in part} | {wish.slot_id}
    needed |= {wish.back_slot_id} if wish.back_slot_id else set()
    days = {(workshop_id, day) for day in (wish.slot_day, wish.back_day) if day}
    given_back = {(held.workshop_id, held.place_day) for held in releasing if held.place_day}
    day_rows, slot_rows = lock_keys(days | given_back, needed | {s for held in releasing for s in held.slot_ids})
    if releasing:
        give_back(releasing)
        day_rows, slot_rows = lock_keys(days, needed)
    _check_same_windows(windows, needed, slot_rows)
    locked_days = {day for _, day in day_rows}
    fresh = [
        _refresh(one, day_rows.get((workshop_id, one.day)), slot_rows.get(one.slot_id))
        if one.day in locked_days or one.slot_id in slot_rows
        else one
        for one in windows
    ]
    return _take_judged(wish, fresh), parts


def _check_same_windows(windows: Sequence[Window], needed: Collection[uuid.UUID], slot_rows: Any) -> None:
    """Raises PlaceTaken when a template took one of these windows out, or cut it, since it was read."""
    ends = {window.slot_id: window.end for window in windows}
    locked = {slot_id: int(row.end_time.timestamp()) for slot_id, row in slot_rows.items()}
    if any(slot_id not in ends or locked.get(slot_id) != ends[slot_id] for slot_id in needed):
        raise PlaceTaken(block=Block.CLOSED)


def _parts_of(wish: Wish, windows: Sequence[Window]) -> Parts:
    """Which windows each trip takes minutes from. Raises PlaceTaken when no shift can hold a trip."""
    if not wish.question.concierge or wish.back_slot_id is None:
        return {}
    index = {window.slot_id: n for n, window in enumerate(windows)}
    if wish.slot_id not in index or wish.back_slot_id not in index:
        raise PlaceTaken(block=Block.CLOSED)
    pickup = trip_parts(windows, index[wish.slot_id], wish.order.pickup_minutes)
    back = trip_parts(windows, index[wish.back_slot_id], wish.order.return_minutes)
    if pickup is None or back is None:
        raise PlaceTaken(block=Block.NO_JOCKEY)
    return {AssignmentType.PICKUP: pickup, AssignmentType.RETURN: back}


def _refresh(window: Window, day: Any, slot: Any) -> Window:
    """The window with what the locks on its day and on itself showed, if they are locked."""
    if slot is not None:
        window = replace(
            window,
            max_bookings=slot.max_bookings,
            current_bookings=slot.current_bookings,
            is_available=slot.is_available,
            jockey_minutes_left=slot.left,
            longest_trip_minutes=slot.longest_trip_minutes,
        )
    if day is not None:
        window = replace(
            window,
            day_max_bookings=day.max_bookings,
            day_current_bookings=day.current_bookings,
            day_is_holiday=day.is_holiday,
            day_is_closed=day.is_closed,
        )
    return window


def _take_judged(wish: Wish, windows: list[Window]) -> Promise:
    pickup = next(window for window in windows if window.slot_id == wish.slot_id)
    back = next((window for window in windows if window.slot_id == wish.back_slot_id), None)
    plans = []
    if wish.question.concierge and back is not None:
        start, end = ronja_span(pickup, back, wish.order)
        plans = read_ronjas(wish.question.workshop_id, instant(start), instant(end))
    offer = Judge(windows, plans, wish.order).offer(windows.index(pickup), all_returns=True)
    if offer.block is not None:
        raise PlaceTaken(block=offer.block, slot_start=pickup.start)
    if back is None:
        return Promise(pickup, None, None, drop_off_ready_at(windows, pickup, wish.order))
    if all(option.window.slot_id != back.slot_id for option in offer.returns):
        words = BACK_TAKEN if back.is_open else BACK_CLOSED_NOW
        raise PlaceTaken(words, block=Block.NO_RONJA, slot_start=pickup.start)
    candidates = free_ronjas(plans, ronja_span(pickup, back, wish.order))
    return Promise(pickup, back, candidates[0][1], back.end)


def count_in(wish: Wish, parts: Parts) -> None:
    """Raise the counters. Their conditions repeat the judgement, so no judge's mistake can overbook."""
    minutes: dict[uuid.UUID, int] = {}
    for part in parts.values():
        minutes = add_parts(minutes, part)
    is_taken = change_day(wish.question.workshop_id, wish.slot_day, 1) and change_slots(minutes, wish.slot_id, 1)
    if not is_taken:
        raise PlaceTaken(block=Block.SLOT_FULL)


def add_trips(booking_id: uuid.UUID, promise: Promise, parts: Parts, place: Place, order: Order) -> None:
    """Insert the trips with the minutes they took."""
    if promise.back is None:
        return
    facts = {
        AssignmentType.PICKUP: (promise.pickup, order.pickup_minutes),
        AssignmentType.RETURN: (promise.back, order.return_minutes),
    }
    trips, minutes = [], []
    for kind, part in parts.items():
        window, jockey_minutes = facts[kind]
        trip = _trip_row(booking_id, kind, window, place)
        trips.append(trip | {"travel_minutes": order.travel_minutes, "jockey_minutes": jockey_minutes})
        minutes += [{"trip_id": trip["id"], "slot_id": slot_id, "minutes": count} for slot_id, count in part.items()]
    db.session.execute(insert(table_of(Trip)), trips)
    db.session.execute(insert(table_of(TripMinutes)), minutes)


def _trip_row(booking_id: uuid.UUID, kind: AssignmentType, window: Window, place: Place) -> dict[str, Any]:
    return {
        "id": uuid7(),
        "booking_id": booking_id,
        "type": kind,
        "slot_id": window.slot_id,
        "window_start": instant(window.start),
        "window_end": instant(window.end),
        "address": place.address,
        "postal_code": place.postal_code,
        "city": place.city,
        "lat": place.lat,
        "lng": place.lng,
    }


def reserve_ronja(booking_id: uuid.UUID, wish: Wish, promise: Promise) -> uuid.UUID | None:
    """Reserve a Ronja for the promise; when somebody was quicker, the next free one. Raises PlaceTaken."""
    if promise.back is None:
        return None
    start, end = ronja_span(promise.pickup, promise.back, wish.order)
    span = Range(instant(start), instant(end))
    tried: set[uuid.UUID] = set()
    ronja_id = promise.ronja_id
    while ronja_id is not None:
        try:
            with db.session.begin_nested():
                db.session.execute(
                    insert(table_of(RonjaReservation)),
                    {"id": uuid7(), "booking_id": booking_id, "ronja_id": ronja_id, "during": span},
                )
            return ronja_id
        except IntegrityError:
            tried.add(ronja_id)
            plans = read_ronjas(wish.question.workshop_id, instant(start), instant(end))
            ronja_id = next((one for _idle, one in free_ronjas(plans, (start, end)) if one not in tried), None)
    raise PlaceTaken(block=Block.NO_RONJA, slot_start=promise.pickup.start)


def instant(seconds: int) -> datetime:
    """The aware UTC instant of the rules' whole seconds."""
    return datetime.fromtimestamp(seconds, UTC)


def drop_off_ready_at(windows: Sequence[Window], pickup: Window, order: Order) -> int:
    """When a car that is brought is promised to be ready: by the end of the first window that is late enough, as a
    return is, or by closing time when only that is. Nobody is there at night: then it is on the next open day.

    `windows`: in order, those of the pickup's day and of RETURN_LOOKAHEAD_DAYS after it.
    """
    not_before = pickup.start + order.earliest_return_seconds
    closing = max(window.end for window in windows if window.day == pickup.day)
    late_enough = (window for window in windows if window.start >= not_before and window.is_open)
    first = next(late_enough, None)
    if not_before <= closing and (first is None or first.day > pickup.day):
        return closing
    return first.end if first is not None else not_before
