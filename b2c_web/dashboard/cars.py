"""Looking for a car over all days. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager, joinedload

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import visible_to
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import Vehicle

PER_PAGE = 25
OVER = (BookingStatus.COMPLETED, BookingStatus.CANCELLED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`show`: "open", "ended" or all; `page` counts from 1."""

    search: str = ""
    show: str = ""
    oldest_first: bool = False
    page: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was looked for; `first` and `last` count from 1 over all pages."""

    rows: Sequence[Booking]
    total: int
    page: int

    @property
    def first(self) -> int:
        return (self.page - 1) * PER_PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0


def find_cars(user: User, wanted: Wanted) -> Found:
    """Bookings of all days, by plate, name or number; blanks and hyphens do not count: "wit xy207" is WIT XY 207.

    A page beyond the last one gives the last one.
    """
    query = _filtered(visible_to(user).outerjoin(Booking.vehicle), wanted)
    total = db.session.scalar(select(func.count()).select_from(query.with_only_columns(Booking.id).subquery())) or 0
    page = max(1, min(wanted.page, -(-total // PER_PAGE)))
    order = (Booking.pickup_time, Booking.number)
    rows = db.session.scalars(
        query.options(contains_eager(Booking.vehicle), joinedload(Booking.slot), joinedload(Booking.workshop))
        .order_by(*(order if wanted.oldest_first else [key.desc() for key in order]))
        .limit(PER_PAGE)
        .offset((page - 1) * PER_PAGE)
    ).all()
    return Found(rows, total, page)


def _filtered(query: Select[Booking], wanted: Wanted) -> Select[Booking]:
    query = query.where(Booking.status != BookingStatus.PENDING)
    if wanted.show in ("open", "ended"):
        query = query.where(Booking.status.in_(OVER) if wanted.show == "ended" else Booking.status.notin_(OVER))
    plain = "".join(wanted.search.split()).replace("-", "").lower()
    if not plain:
        return query
    said = Booking.car_details["license_plate"].astext
    places = (Vehicle.license_plate, said, Booking.customer_name, Booking.number)
    return query.where(or_(*(_plain(place).contains(plain, autoescape=True) for place in places)))


def _plain(place: Any) -> ColumnElement[str]:
    return func.lower(func.translate(place, " -", ""))
