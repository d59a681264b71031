"""Reads of bookings, always limited to what the person may see."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import Vehicle

LIVE = (
    BookingStatus.PENDING,
    BookingStatus.CONFIRMED,
    BookingStatus.IN_TRANSIT_TO_WORKSHOP,
    BookingStatus.IN_WORKSHOP,
    BookingStatus.READY_FOR_RETURN,
    BookingStatus.IN_TRANSIT_TO_CUSTOMER,
)
PAID_AND_OPEN = tuple(status for status in LIVE if status is not BookingStatus.PENDING)


def lock_booking(booking_id: uuid.UUID) -> Booking:
    """The booking, its row locked until the transaction ends; always the first lock of a command. Raises NotFound."""
    statement = select(Booking).where(Booking.id == booking_id).with_for_update(of=Booking)
    booking = db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if booking is None:
        raise NotFound
    return booking


def visible_to(user: User) -> Select[Booking]:
    """The bookings that `user` may see: a customer their own, workshop staff their workshop's, an admin all."""
    statement = select(Booking)
    if user.role is Role.ADMIN:
        return statement
    if user.role in (Role.WORKSHOP, Role.DISPATCHER):
        return statement.where(Booking.workshop_id == user.workshop_id)
    return statement.where(Booking.user_id == user.id)


def left_here(start: datetime) -> ColumnElement[bool]:
    """Bookings that ended while their cars were here, which are here still; `start` of today, and 60 days back."""
    return and_(
        Booking.status == BookingStatus.CANCELLED,
        Booking.places_released_at.is_(None),
        Booking.actual_return_time.is_(None),
        Booking.pickup_time > start - timedelta(days=60),
    )


def own_booking(user: User, booking_id: uuid.UUID) -> Booking:
    """One booking of this customer with all that its page shows. Raises NotFound, also for somebody else's."""
    booking = db.session.scalars(
        select(Booking)
        .where(Booking.id == booking_id, Booking.user_id == user.id)
        .options(
            joinedload(Booking.slot),
            joinedload(Booking.return_slot),
            joinedload(Booking.workshop),
            joinedload(Booking.vehicle),
            joinedload(Booking.reservation).joinedload(RonjaReservation.ronja),
            selectinload(Booking.trips),
        )
    ).one_or_none()
    if booking is None:
        raise NotFound
    return booking


def open_twin(user: User, service: ServiceType, vehicle_id: uuid.UUID | None, plate: str) -> Booking | None:
    """This person's first open paid booking of the same service for the same car: the saved one, or by its plate."""
    known_plate = func.coalesce(Vehicle.license_plate, Booking.car_details["license_plate"].astext)
    same = [Booking.vehicle_id == vehicle_id] * (vehicle_id is not None) + [known_plate == plate] * bool(plate)
    if not same:
        return None
    return db.session.scalars(
        select(Booking)
        .outerjoin(Booking.vehicle)
        .where(Booking.user_id == user.id, Booking.service == service, Booking.status.in_(PAID_AND_OPEN), or_(*same))
        .order_by(Booking.pickup_time)
        .limit(1)
    ).first()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a customer looks for: part of a number or a plate, only "open" or "ended" ones, and the order."""

    search: str = ""
    show: str = ""
    oldest_first: bool = False

    @property
    def is_narrow(self) -> bool:
        return bool(self.search or self.show)


EVERYTHING = Asked()
_IS_OVER = or_(  # one that was cancelled with the car here goes on until the car is home
    Booking.status == BookingStatus.COMPLETED,
    and_(Booking.status == BookingStatus.CANCELLED, Booking.places_released_at.is_not(None)),
)


def bookings_of(
    user: User, asked: Asked = Asked(), *, page: int = 1, per_page: int = 20
) -> tuple[Sequence[Booking], int]:
    """A page of a customer's bookings, and how many there are in all of what was asked for.

    What is going on or comes next stands first, then what comes later, then what is over, the newest first.
    """
    mine = select(Booking).outerjoin(Booking.vehicle).where(Booking.user_id == user.id)
    if asked.show in ("open", "ended"):
        mine = mine.where(Booking.status.in_(LIVE) if asked.show == "open" else Booking.status.notin_(LIVE))
    if asked.search:
        plain = asked.search.replace(" ", "")
        plate = func.replace(Vehicle.license_plate, " ", "")
        mine = mine.where(Booking.number.icontains(plain, autoescape=True) | plate.icontains(plain, autoescape=True))
    total = db.session.scalar(select(func.count()).select_from(mine.subquery())) or 0
    first = Booking.pickup_time if asked.oldest_first else case((_IS_OVER, None), else_=Booking.pickup_time)
    rows = db.session.scalars(
        mine.order_by(first.asc().nulls_last(), Booking.pickup_time.desc(), Booking.id)
        .options(joinedload(Booking.slot), joinedload(Booking.return_slot), contains_eager(Booking.vehicle))
        .limit(per_page)
        .offset((page - 1) * per_page)
    ).all()
    return rows, total


def day_of(user: User, day: date) -> Sequence[Booking]:
    """The bookings that arrive at the user's workshop on a local day, by window. An admin sees all workshops."""
    start, end = local_to_utc(day, 0, ZONE), local_to_utc(day + timedelta(days=1), 0, ZONE)
    statement = (
        visible_to(user)
        .where(Booking.pickup_time >= start, Booking.pickup_time < end)
        .where(Booking.status.notin_((BookingStatus.PENDING, BookingStatus.CANCELLED)))
        .options(
            joinedload(Booking.slot),
            joinedload(Booking.return_slot),
            joinedload(Booking.vehicle),
            joinedload(Booking.user),
            joinedload(Booking.workshop),
            joinedload(Booking.reservation).joinedload(RonjaReservation.ronja),
        )
        .order_by(Booking.pickup_time, Booking.number)
    )
    return db.session.scalars(statement).all()
