"""Looking for a car over all days. Reads only, and only what an index leads to, however many bookings there are."""

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Uuid, any_, func, literal_column, or_, select, union
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import joinedload

from b2c_web.accounts.models import User
from b2c_web.bookings.models import SAID, Booking, BookingStatus
from b2c_web.bookings.queries import visible_to
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import PLAIN_PLATE, Vehicle

PER_PAGE = 25
MOST = 1000  # what is counted and can be paged through; nobody reads on further, they search
MOST_CARS = 5000  # a piece of a plate that more have leads to nobody
SHORTEST = 3  # what trigrams find; anything shorter is looked for among the cars that are not through
OVER = (BookingStatus.COMPLETED, BookingStatus.CANCELLED)
NUMBER = re.compile(r"(bk)?(\d{0,4})(\d*)")
number: ColumnElement[str] = Booking.number.collate("C")
said: ColumnElement[str] = literal_column(SAID)
plate: ColumnElement[str] = literal_column(PLAIN_PLATE)
TIMES: Sequence[ColumnElement[Any]] = (Booking.pickup_time, Booking.number)  # type: ignore[assignment]
NUMBERS: Sequence[ColumnElement[Any]] = (number,)


@dataclass(frozen=True, slots=True)
class Wanted:
    """`show`: "open", "ended" or all; `page` counts from 1."""

    search: str = ""
    show: str = ""
    oldest_first: bool = False
    page: int = 1

    @property
    def plain(self) -> str:
        """What is looked for, without blanks and hyphens."""
        return "".join(self.search.split()).replace("-", "").replace("|", "").lower()

    @property
    def number(self) -> str | None:
        """The number that begins like this, "BK-2026-0047" for "bk20260047"; None when it is no number."""
        found = NUMBER.fullmatch(self.plain)
        if found is None or not (found[1] or (found[2].startswith("20") and found[3])):
            return None
        return f"BK-{found[2]}{'-' if len(found[2]) == 4 else ''}{found[3]}"

    @property
    def is_number(self) -> bool:
        """Nothing but a booking's number; without its "BK" it may as well be a running number or a piece of a plate."""
        return self.plain.startswith("bk") and self.number is not None

    @property
    def is_short(self) -> bool:
        """Too short to be looked for among all cars."""
        return 0 < len(self.plain) < SHORTEST and self.number is None


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what was looked for; `first` and `last` count from 1 over all pages. `is_more`: there are more than
    the `total` that were counted.
    """

    rows: Sequence[Booking]
    total: int
    page: int
    is_more: bool = False

    @property
    def first(self) -> int:
        return (self.page - 1) * PER_PAGE + 1 if self.rows else 0

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1 if self.rows else 0


def find_cars(user: User, wanted: Wanted) -> Found:
    """Bookings of all days, by plate, name or number; blanks and hyphens do not count: "wit xy207" is WIT XY 207.

    Counts to MOST. A page beyond the last one gives the last one. What is too short finds nothing among those that
    are over. Two statements.
    """
    if wanted.is_short and wanted.show == "ended":
        return Found((), 0, 1)
    ids = db.session.scalars(_matches(visible_to(user), wanted)).all()
    total = min(len(ids), MOST)
    page = max(1, min(wanted.page, -(-total // PER_PAGE)))
    shown = ids[:total][(page - 1) * PER_PAGE : page * PER_PAGE]
    return Found(_rows(shown), total, page, len(ids) > MOST)


def _rows(ids: Sequence[uuid.UUID]) -> Sequence[Booking]:
    """In the order of their ids."""
    loads = [joinedload(Booking.vehicle), joinedload(Booking.slot), joinedload(Booking.workshop)]
    rows = {row.id: row for row in db.session.scalars(select(Booking).where(Booking.id.in_(ids)).options(*loads))}
    return [rows[booking_id] for booking_id in ids]


def _matches(query: Select[Booking], wanted: Wanted) -> Select[uuid.UUID]:
    """The ids of at most one more than MOST, in order: by time, or by number when nothing else is looked for.

    Each way to find a car is a branch of its own, cut there already, so that each goes by its own index: numbers are
    cut by number.
    """
    order = NUMBERS if wanted.is_number else TIMES
    columns = [Booking.id.label("id"), *[key.label(f"key_{n}") for n, key in enumerate(order)]]
    branches = [
        branch.with_only_columns(*columns, maintain_column_froms=True)
        .order_by(*_sorted(by, wanted))
        .limit(MOST + 1)
        .subquery()
        for branch, by in _ways(_shown(query, wanted), wanted)
    ]
    found = union(*[select(branch) for branch in branches]).subquery()
    keys = [found.c[f"key_{n}"] for n in range(len(order))]
    return select(found.c.id).order_by(*_sorted(keys, wanted)).limit(MOST + 1)


def _sorted(keys: Sequence[ColumnElement[Any]], wanted: Wanted) -> list[ColumnElement[Any]]:
    return [key if wanted.oldest_first else key.desc() for key in keys]


def _shown(query: Select[Booking], wanted: Wanted) -> Select[Booking]:
    query = query.where(Booking.status != BookingStatus.PENDING)
    if wanted.show == "ended":
        return query.where(Booking.status.in_(OVER))
    return query.where(Booking.status.notin_(OVER)) if wanted.show == "open" or wanted.is_short else query


def _ways(query: Select[Booking], wanted: Wanted) -> list[tuple[Select[Booking], Sequence[ColumnElement[Any]]]]:
    """Each with what it is cut by."""
    if not wanted.plain:
        return [(query, TIMES)]
    if wanted.is_short:
        return [(query.outerjoin(Booking.vehicle).where(or_(_has(said, wanted), _has(plate, wanted))), TIMES)]
    numbers = [(query.where(number.startswith(wanted.number, autoescape=True)), NUMBERS)] if wanted.number else []
    if wanted.is_number:
        return numbers
    cars = query.where(Booking.vehicle_id == any_(_cars(query, wanted)))
    return [(query.where(_has(said, wanted)), TIMES), (cars, TIMES), *numbers]


def _cars(query: Select[Booking], wanted: Wanted) -> ColumnElement[Any]:
    """The saved cars with such a plate and a booking among those, as an array: whatever is guessed of their number,
    bookings are looked up by them and not the other way round. So MOST_CARS are more bookings than are counted.
    """
    booked = query.with_only_columns(Booking.id).where(Booking.vehicle_id == Vehicle.id).limit(1).correlate(Vehicle)
    cars = select(Vehicle.id).where(_has(plate, wanted), booked.scalar_subquery().is_not(None)).limit(MOST_CARS)
    return func.array(cars.scalar_subquery(), type_=ARRAY(Uuid))


def _has(text: ColumnElement[str], wanted: Wanted) -> ColumnElement[bool]:
    return text.contains(wanted.plain, autoescape=True)
