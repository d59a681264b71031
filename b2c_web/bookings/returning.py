"""A new return window for a car that is ready: after a failed return, after rework, or by the customer's wish."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import hooks, messages
from b2c_web.bookings.access import lock_for
from b2c_web.bookings.availability import order_of, read_windows
from b2c_web.bookings.claim import place_of, question_of, service_minutes
from b2c_web.bookings.counters import change_slots, held_by, lock_keys, release_trips
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus, RonjaReservation, Trip, TripMinutes
from b2c_web.bookings.places import PlaceTaken
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.workshops.models import TimeSlot
from b2c_web.workshops.rules import MINUTE, Block, Window, trip_parts

NEW_RETURN_DAYS = 10
FAR_FUTURE = 2**40
OPEN_FOR_A_NEW_RETURN = (BookingStatus.IN_WORKSHOP, BookingStatus.READY_FOR_RETURN)


def return_options(booking: Booking) -> list[Window]:
    """The return windows that can be promised now: jockeys have the minutes, the same Ronja is free until then, and the
    window reaches what the customer was told that the work takes.
    """
    question = question_of(booking)
    order = order_of(question, service_minutes(booking), for_staff=True)
    today = today_in(ZONE)
    windows, _days = read_windows(booking.workshop_id, today, today + timedelta(days=NEW_RETURN_DAYS))
    not_before = int(booking.pickup_time.timestamp()) + order.earliest_return_seconds - 1
    until, ready_at = _ronja_free_until(booking), _ready_at(booking)
    beyond = (order.travel_minutes + order.cleaning_minutes) * MINUTE
    return [
        window
        for index, window in enumerate(windows)
        if window.is_open
        and window.start > max(order.bookable_from, not_before)
        and window.slot_id != booking.return_slot_id
        and ready_at <= window.end <= until - beyond
        and has_room(windows, index, order.return_minutes)
    ]


def _ready_at(booking: Booking) -> int:
    """Until when the work takes that the customer has agreed to, in whole seconds; 0 once it is done."""
    if booking.service_completed_at is not None:
        return 0
    told = (ask(booking) for ask in hooks.not_ready_before.functions)
    return max((int(at.timestamp()) for at in told if at), default=0)


def has_room(windows: Sequence[Window], index: int, minutes: int) -> bool:
    """Do the jockeys have `minutes` for a return in the window at `index`, and in the next one for what exceeds it?"""
    parts = trip_parts(windows, index, minutes)
    left = {window.slot_id: window.jockey_minutes_left for window in windows}
    return parts is not None and all(left[slot_id] >= taken for slot_id, taken in parts.items())


def may_choose_return(booking: Booking) -> bool:
    """Is there a return of this booking that can be given another window?"""
    concierge = booking.include_concierge and booking.concierge_dropped_at is None
    left_here = booking.cancelled_here and not hooks.on_the_road.any(booking)
    return concierge and (booking.status in OPEN_FOR_A_NEW_RETURN or left_here)


def may_be_collected(booking: Booking) -> bool:
    """Is the car here, and is there nothing left to do but to hand it out?"""
    waits = booking.status is BookingStatus.READY_FOR_RETURN or booking.cancelled_here
    return waits and not hooks.on_the_road.any(booking)


def _ronja_free_until(booking: Booking) -> int:
    """Until when the booking's own Ronja is promised to nobody else, in whole seconds."""
    mine = select(RonjaReservation).where(RonjaReservation.booking_id == booking.id)
    reservation = db.session.scalars(mine).one_or_none()
    if reservation is None or reservation.during.lower is None:
        return FAR_FUTURE
    following = select(func.min(func.lower(RonjaReservation.during))).where(
        RonjaReservation.ronja_id == reservation.ronja_id,
        func.lower(RonjaReservation.during) > reservation.during.lower,
    )
    first = db.session.scalar(following)
    return int(first.timestamp()) if first else FAR_FUTURE


def replan_return(person: User, booking_id: uuid.UUID, return_slot_id: uuid.UUID) -> None:
    """Give the return another window: its minutes move, the Ronja's reservation is stretched or shortened.

    Allowed while the car is in the workshop or ready, also of a booking that staff cancelled meanwhile. Locks the
    booking, the windows in order, the reservation. Raises Conflict, and PlaceTaken when jockeys or the Ronja are
    promised elsewhere then.
    """
    with command_transaction():
        booking = lock_for(person, booking_id)
        if not may_choose_return(booking):
            raise Conflict(_l("Die Rückgabe dieser Buchung lässt sich jetzt nicht verschieben."), code="wrong_state")
        move_return(booking, return_slot_id)


def move_return(booking: Booking, return_slot_id: uuid.UUID) -> None:
    """Step: give the return of a locked booking another window, when it can be promised now, and tell its customer.

    Raises PlaceTaken.
    """
    possible = may_choose_return(booking) and any(one.slot_id == return_slot_id for one in return_options(booking))
    if not possible:
        raise PlaceTaken(_l("Dieses Rückgabefenster ist nicht mehr frei."), block=Block.NO_JOCKEY)
    slot, before = db.session.get_one(TimeSlot, return_slot_id), messages.facts_of(booking)
    trip_id = _move_minutes(booking, slot)
    _stretch_reservation(booking, slot)
    booking.return_slot, booking.return_failed_at = slot, None
    move_promise(booking, slot.end_time)
    hooks.return_replanned(booking)
    old = {f"old_{key}": before[key] for key in ("return_start", "return_end")}
    messages.send(NotificationKind.RETURN_MOVED, booking, once=str(trip_id), **old)


def move_promise(booking: Booking, ready_at: datetime) -> None:
    """Step: state another time for a locked booking's return; of a car that its customer fetches nothing else moves."""
    before, booking.estimated_return_time = booking.estimated_return_time, ready_at
    db.session.flush()
    audit.record(
        "booking.replan_return",
        "booking",
        booking.id,
        before={"estimated_return_time": before.isoformat()},
        after={"estimated_return_time": ready_at.isoformat()},
    )


def _move_minutes(booking: Booking, slot: TimeSlot) -> uuid.UUID:
    """The return trip's minutes leave their windows and go to the new one, all of them locked in one order.

    Returns the new trip's id.
    """
    question = question_of(booking)
    order = order_of(question, service_minutes(booking), for_staff=True)
    windows, _days = read_windows(booking.workshop_id, slot.service_date, slot.service_date)
    index = next(n for n, window in enumerate(windows) if window.slot_id == slot.id)
    parts = trip_parts(windows, index, order.return_minutes)
    if parts is None:
        raise PlaceTaken(block=Block.NO_JOCKEY)
    held = held_by([booking.id], AssignmentType.RETURN)[0]
    lock_keys([], held.slot_ids | parts.keys())
    change_slots({slot_id: -minutes for slot_id, minutes in held.minutes.items()})
    release_trips([booking.id], AssignmentType.RETURN)
    if not change_slots(parts):
        raise PlaceTaken(block=Block.NO_JOCKEY)
    return _add_trip(booking, slot, order.travel_minutes, order.return_minutes, parts)


def _add_trip(
    booking: Booking, slot: TimeSlot, travel_minutes: int, jockey_minutes: int, parts: dict[uuid.UUID, int]
) -> uuid.UUID:
    place, trip_id = place_of(booking), uuid7()
    trip = {
        "id": trip_id,
        "booking_id": booking.id,
        "type": AssignmentType.RETURN,
        "slot_id": slot.id,
        "window_start": slot.start_time,
        "window_end": slot.end_time,
        "address": place.address,
        "postal_code": place.postal_code,
        "city": place.city,
        "lat": place.lat,
        "lng": place.lng,
        "travel_minutes": travel_minutes,
        "jockey_minutes": jockey_minutes,
    }
    db.session.execute(insert(Trip), trip)
    rows = [{"trip_id": trip_id, "slot_id": slot_id, "minutes": minutes} for slot_id, minutes in parts.items()]
    db.session.execute(insert(TripMinutes), rows)
    return trip_id


def _stretch_reservation(booking: Booking, slot: TimeSlot) -> None:
    reservation = db.session.scalar(
        select(RonjaReservation).where(RonjaReservation.booking_id == booking.id).with_for_update()
    )
    if reservation is None:
        return
    travel = next(trip.travel_minutes for trip in booking.trips if trip.type is AssignmentType.PICKUP)
    cleaning = current_app.config["RONJA_CLEANING_MINUTES"]
    until = slot.end_time + timedelta(minutes=travel + cleaning)
    try:
        with db.session.begin_nested():
            reservation.during = Range(reservation.during.lower, until)
            db.session.flush()
    except IntegrityError as overlap:
        raise PlaceTaken(_l("Der Ersatzwagen ist dann schon versprochen."), block=Block.NO_RONJA) from overlap
