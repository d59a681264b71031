"""What the what-if reads: the bookings that are promised for the days, and the jockeys' shifts."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from b2c_web.bookings.availability import FAR_FUTURE
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus
from b2c_web.capacity.what_if_shifts import Shift
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.generation import local_day
from b2c_web.workshops.models import Jockey, JockeyShift, JockeyStatus, Workshop
from b2c_web.workshops.rules import Order

STANDING = (BookingStatus.PENDING, BookingStatus.CONFIRMED)


@dataclass(frozen=True, slots=True, eq=False)
class Promised:
    """A booking whose pickup or arrival lies ahead, as an order for the judge, with the Ronja it has."""

    booking: Booking
    order: Order
    ronja_id: uuid.UUID | None
    span: tuple[int, int] | None


def promised_in(workshop_id: uuid.UUID, first: date, last: date) -> list[Promised]:
    """Held and confirmed bookings whose car comes between the two days, in the order in which they were booked."""
    start, end = local_to_utc(first, 0, ZONE), local_to_utc(last + timedelta(days=1), 0, ZONE)
    statement = (
        select(Booking)
        .where(Booking.workshop_id == workshop_id, Booking.pickup_time >= start, Booking.pickup_time < end)
        .where(Booking.status.in_(STANDING))
        .options(
            joinedload(Booking.slot),
            joinedload(Booking.return_slot),
            joinedload(Booking.vehicle),
            joinedload(Booking.reservation),
            selectinload(Booking.trips),
        )
        .order_by(Booking.created_at, Booking.id)
    )
    bookings = db.session.scalars(statement).unique().all()
    return [_promised(booking) for booking in bookings]


def _promised(booking: Booking) -> Promised:
    during = booking.reservation.during if booking.reservation else None
    span = (_seconds(during.lower), _seconds(during.upper)) if during and during.lower and during.upper else None
    ronja_id = booking.reservation.ronja_id if booking.reservation else None
    return Promised(booking, _order(booking), ronja_id, span)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _order(booking: Booking) -> Order:
    """What the booking was promised, without lead time and horizon, its return wherever it lies."""
    config = current_app.config
    concierge = booking.include_concierge and booking.concierge_dropped_at is None
    pickup = next((t for t in booking.trips if t.released_at is None and t.type is AssignmentType.PICKUP), None)
    back = booking.return_slot.start_time if booking.return_slot else booking.pickup_time
    return Order(
        concierge=concierge,
        service_minutes=0,  # what was promised stands; how long the work takes was judged then
        travel_minutes=pickup.travel_minutes if pickup else 0,
        pickup_handover_minutes=config["PICKUP_HANDOVER_MINUTES"],
        return_handover_minutes=config["RETURN_HANDOVER_MINUTES"],
        return_buffer_minutes=0,
        cleaning_minutes=config["RONJA_CLEANING_MINUTES"],
        return_offer_days=(back - booking.pickup_time).days + 2,
        bookable_until=FAR_FUTURE,
    )


def shifts_of(workshop_id: uuid.UUID, first: date, last: date) -> tuple[list[Shift], int]:
    """The shifts of jockeys who are not INACTIVE on these local days, and the workshop's overbooking factor."""
    start, end = local_to_utc(first, 0, ZONE), local_to_utc(last + timedelta(days=1), 0, ZONE)
    rows = db.session.scalars(
        select(JockeyShift)
        .join(Jockey, Jockey.id == JockeyShift.jockey_id)
        .where(Jockey.workshop_id == workshop_id, Jockey.status != JockeyStatus.INACTIVE)
        .where(JockeyShift.starts_at < end, JockeyShift.ends_at > start)
    ).all()
    percent = db.session.execute(select(Workshop.jockey_overbooking_percent).where(Workshop.id == workshop_id))
    return [_shift(row) for row in rows], percent.scalar_one()


def _shift(row: JockeyShift) -> Shift:
    shift = Shift(row.jockey_id, local_day(row.starts_at), _seconds(row.starts_at), _seconds(row.ends_at))
    if row.break_starts_at is None or row.break_ends_at is None:
        return shift
    return replace(shift, break_start=_seconds(row.break_starts_at), break_end=_seconds(row.break_ends_at))
