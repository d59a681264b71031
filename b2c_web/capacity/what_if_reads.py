"""What the what-if reads: what is promised for the days, and the jockeys' shifts."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from flask import current_app
from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import joinedload, selectinload

from b2c_web.bookings.availability import FAR_FUTURE
from b2c_web.bookings.counters import Held, held_by
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus, Trip
from b2c_web.capacity.what_if_shifts import Shift
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.generation import PATTERN_DAYS, local_day
from b2c_web.workshops.models import Jockey, JockeyShift, JockeyStatus, TimeSlot, Workshop
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS, Order

B = BookingStatus
COMING = (B.PENDING, B.CONFIRMED)
WITH_US = (B.IN_TRANSIT_TO_WORKSHOP, B.IN_WORKSHOP, B.READY_FOR_RETURN)


@dataclass(frozen=True, slots=True, eq=False)
class Promised:
    """What is promised to one customer: pickup (or arrival) and return, as an order for the judge, with the Ronja that
    is reserved for it and what it holds of days and windows.

    `back` is the return trip when that alone is still to be kept: the car is with us then.
    """

    booking: Booking
    order: Order
    ronja_id: uuid.UUID | None
    span: tuple[int, int] | None
    held: Held
    back: Trip | None = None

    @property
    def window(self) -> tuple[datetime, datetime]:
        """The window that is promised first."""
        slot = self.booking.slot
        return (self.back.window_start, self.back.window_end) if self.back else (slot.start_time, slot.end_time)

    @property
    def slot_ids(self) -> set[uuid.UUID | None]:
        """The windows that are still to be kept."""
        return {self.back.slot_id} if self.back else {self.booking.slot_id, self.booking.return_slot_id}


def promised_in(workshop_id: uuid.UUID, first: date, last: date) -> list[Promised]:
    """What is promised for the days, in the order in which it is kept: first the returns of cars that are with us by
    then, also those that leave after the days, since their Ronjas are out; then the bookings whose car comes between
    the two days; each as they were booked. Held ones count as confirmed ones do.

    A car under way to its customer is judged no more. Six statements.
    """
    start, end = local_to_utc(first, 0, ZONE), local_to_utc(last + timedelta(days=1), 0, ZONE)
    coming = and_(Booking.pickup_time >= start, Booking.pickup_time < end, Booking.status.in_(COMING))
    returns = _promised_bookings(_with_us_by(start), Booking.id.in_(_returning(workshop_id, first, last)))
    bookings = _promised_bookings(Booking.workshop_id == workshop_id, coming)
    backs = held_by([booking.id for booking in returns], AssignmentType.RETURN)
    wholes = held_by([booking.id for booking in bookings])
    held = {one.booking_id: one for one in [*backs, *wholes]}
    return [
        *[_promised(booking, held[booking.id], _trip(booking, AssignmentType.RETURN)) for booking in returns],
        *[_promised(booking, held[booking.id]) for booking in bookings],
    ]


def _promised_bookings(*which: ColumnElement[bool]) -> list[Booking]:
    statement = (
        select(Booking)
        .where(*which)
        .options(
            joinedload(Booking.slot),
            joinedload(Booking.return_slot),
            joinedload(Booking.vehicle),
            joinedload(Booking.reservation),
            selectinload(Booking.trips),
        )
        .order_by(Booking.created_at, Booking.id)
    )
    return list(db.session.scalars(statement).unique().all())


def _with_us_by(start: datetime) -> ColumnElement[bool]:
    """The car is here by then and not yet on its way home; also of a booking that was cancelled with the car here.

    A car that could not be fetched is not here: its customer is asked for a new date.
    """
    return or_(
        and_(Booking.status.in_(COMING), Booking.pickup_time < start, Booking.new_date_until.is_(None)),
        Booking.status.in_(WITH_US),
        and_(Booking.status == B.CANCELLED, Booking.places_released_at.is_(None)),
    )


def _returning(workshop_id: uuid.UUID, first: date, last: date) -> Select[uuid.UUID]:
    days = TimeSlot.service_date.between(first, last + timedelta(days=RETURN_LOOKAHEAD_DAYS))
    return (
        select(Trip.booking_id)
        .join(TimeSlot, TimeSlot.id == Trip.slot_id)
        .where(TimeSlot.workshop_id == workshop_id, days)
        .where(Trip.type == AssignmentType.RETURN, Trip.released_at.is_(None))
    )


def _promised(booking: Booking, held: Held, back: Trip | None = None) -> Promised:
    during = booking.reservation.during if booking.reservation else None
    span = (_seconds(during.lower), _seconds(during.upper)) if during and during.lower and during.upper else None
    ronja_id = booking.reservation.ronja_id if booking.reservation else None
    return Promised(booking, _order(booking), ronja_id, span, held, back)


def _trip(booking: Booking, kind: AssignmentType) -> Trip | None:
    return next((trip for trip in booking.trips if trip.released_at is None and trip.type is kind), None)


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _order(booking: Booking) -> Order:
    """What the booking was promised, without lead time and horizon, its return wherever it lies."""
    config = current_app.config
    concierge = booking.include_concierge and booking.concierge_dropped_at is None
    pickup = _trip(booking, AssignmentType.PICKUP)
    back = booking.return_slot.start_time if booking.return_slot else booking.pickup_time
    days_out = (back - booking.pickup_time).days
    return Order(
        concierge=concierge,
        service_minutes=0,  # what was promised stands; how long the work takes was judged then
        travel_minutes=pickup.travel_minutes if pickup else 0,
        pickup_handover_minutes=config["PICKUP_HANDOVER_MINUTES"],
        return_handover_minutes=config["RETURN_HANDOVER_MINUTES"],
        return_buffer_minutes=0,
        cleaning_minutes=config["RONJA_CLEANING_MINUTES"],
        return_offer_days=days_out + 2,
        return_within_days=days_out + 2,
        bookable_until=FAR_FUTURE,
    )


def shifts_of(workshop_id: uuid.UUID, first: date, last: date) -> tuple[list[Shift], int]:
    """The shifts of jockeys who are not INACTIVE on these local days, and on the four weeks before them, from which a
    usual one is taken; and the workshop's overbooking factor. Two statements.
    """
    start = local_to_utc(first - timedelta(days=PATTERN_DAYS), 0, ZONE)
    end = local_to_utc(last + timedelta(days=1), 0, ZONE)
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
