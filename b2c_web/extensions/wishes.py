"""Reads of wishes: what stayed open for a car and can be wished again, and what became of a booking's wishes."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, tuple_
from sqlalchemy.orm import aliased, joinedload

from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.extensions import rules
from b2c_web.extensions.models import Extension, ExtensionWish
from b2c_web.extensions.open_work import decided_at, is_left_undone, open_items, was_declined
from b2c_web.extensions.rules import WishState
from b2c_web.flask_extensions import db

Car = tuple[uuid.UUID | None, uuid.UUID]  # a vehicle, and the customer whose bookings of it count


@dataclass(frozen=True, slots=True)
class OpenItem:
    """Work that stayed open for a car, as `bookings.wishes.OpenWork` wants it."""

    name: str
    description: str
    price_cents: int
    kept_quantity: str  # as the table keeps it
    decided_at: datetime
    was_approved: bool
    booking_number: str
    extension_id: uuid.UUID
    index: int

    @property
    def key(self) -> str:
        return f"{self.extension_id}:{self.index}"

    @property
    def quantity(self) -> Decimal:
        return Decimal(self.kept_quantity)

    @property
    def sum_cents(self) -> int:
        return rules.item_cents(self.price_cents, self.quantity)


@dataclass(frozen=True, slots=True)
class WishView:
    """One wish as pages show it. Prices are those of then; `accepted` is None while nobody has decided the offer.

    `was_approved`: it had been approved before, and not done. `left_undone`: so it went with this booking too.
    """

    id: uuid.UUID
    key: str
    name: str
    description: str
    price_cents: int
    quantity: Decimal
    decided_at: datetime
    was_approved: bool
    state: WishState
    words: str
    offered_in: uuid.UUID | None
    accepted: bool | None
    left_undone: bool

    @property
    def is_open(self) -> bool:
        return self.state is WishState.OPEN

    @property
    def sum_cents(self) -> int:
        return rules.item_cents(self.price_cents, self.quantity)


def key_of(wish: ExtensionWish) -> str:
    """What tells the work apart that was wished, the same for the wish and for `OpenItem`."""
    return f"{wish.extension_id}:{wish.place}"


def open_for(vehicle_id: uuid.UUID | None, user_id: uuid.UUID) -> list[OpenItem]:
    """What was declined, or approved and not done, for this car of this customer: newest first, to be offered again."""
    if vehicle_id is None:
        return []
    rows = _extensions_of(vehicle_id, user_id)
    numbers = {extension.id: number for extension, number in rows}
    found = open_items([extension for extension, _number in rows])
    return [_open(extension, index, numbers[extension.id]) for extension, index in found]


def _extensions_of(vehicle_id: uuid.UUID, user_id: uuid.UUID) -> Sequence[tuple[Extension, str]]:
    wanted = (
        select(Extension, Booking.number)
        .join(Booking, Booking.id == Extension.booking_id)
        .where(Booking.vehicle_id == vehicle_id, Booking.user_id == user_id)
        .options(joinedload(Extension.consent))
        .order_by(Extension.requested_at, Extension.id)
    )
    return [(extension, number) for extension, number in db.session.execute(wanted)]


def _open(extension: Extension, index: int, number: str) -> OpenItem:
    kept = extension.items[index]
    return OpenItem(
        name=kept["name"],
        description=kept.get("description", ""),
        price_cents=kept["price"],
        kept_quantity=kept["quantity"],
        decided_at=decided_at(extension, index),
        was_approved=not was_declined(extension, index),
        booking_number=number,
        extension_id=extension.id,
        index=index,
    )


def open_work(user_id: uuid.UUID, vehicle_id: uuid.UUID) -> list[OpenItem]:
    """In `bookings.open_work`."""
    return open_for(vehicle_id, user_id)


def open_work_of(booking: Booking) -> list[OpenItem]:
    """What the customer of this booking could wish for its car."""
    return open_for(booking.vehicle_id, booking.user_id)


def of_booking(booking: Booking) -> list[WishView]:
    """A booking's wishes in the order of their making; those of a cancelled one have ended. 1 or 2 statements."""
    if booking.status is BookingStatus.CANCELLED:
        return []
    source = aliased(Extension)
    rows = db.session.execute(
        select(ExtensionWish, source, Extension)
        .join(source, source.id == ExtensionWish.extension_id)
        .outerjoin(Extension, Extension.id == ExtensionWish.taken_up_by_id)
        .where(ExtensionWish.booking_id == booking.id)
        .options(joinedload(source.consent), joinedload(Extension.consent))
        .order_by(ExtensionWish.id)
        .execution_options(populate_existing=True)
    ).all()
    names = _still_open({_car_of(booking)} if rows else set())[_car_of(booking)]
    return [_view(wish, source, taken_up_by, rules.wish_state(wish, names)) for wish, source, taken_up_by in rows]


def _car_of(booking: Booking) -> Car:
    return booking.vehicle_id, booking.user_id


def _still_open(cars: Collection[Car]) -> dict[Car, set[str]]:
    """The keys of the names of each car's open work, for the customer that it belongs to. One statement."""
    of_car: dict[Car, list[Extension]] = defaultdict(list)
    wanted = (
        select(Extension, Booking.vehicle_id, Booking.user_id)
        .join(Booking, Booking.id == Extension.booking_id)
        .where(tuple_(Booking.vehicle_id, Booking.user_id).in_(cars))
        .options(joinedload(Extension.consent))
        .order_by(Extension.requested_at, Extension.id)
    )
    for extension, vehicle_id, user_id in db.session.execute(wanted) if cars else ():
        of_car[vehicle_id, user_id].append(extension)
    names = {car: _names(open_items(rows)) for car, rows in of_car.items()}
    return defaultdict(set, names)


def _names(found: Sequence[tuple[Extension, int]]) -> set[str]:
    return {rules.name_key(extension.items[index]["name"]) for extension, index in found}


def _view(wish: ExtensionWish, source: Extension, taken_up_by: Extension | None, state: WishState) -> WishView:
    decided = taken_up_by is not None and (taken_up_by.approved_at or taken_up_by.declined_at) is not None
    return WishView(
        id=wish.id,
        key=key_of(wish),
        name=wish.name,
        description=wish.description,
        price_cents=wish.price,
        quantity=Decimal(wish.quantity),
        decided_at=decided_at(source, wish.place),
        was_approved=not was_declined(source, wish.place),
        state=state,
        words=wish.set_aside_words,
        offered_in=wish.taken_up_by_id,
        accepted=not was_declined(taken_up_by, wish.taken_up_place) if taken_up_by and decided else None,
        left_undone=taken_up_by is not None and is_left_undone(taken_up_by, wish.taken_up_place),
    )


def told_of(booking: Booking) -> list[dict[str, Any]]:
    """In `bookings.wishes_of`: the wishes as a message names them."""
    return [{"name": one.name, "quantity": str(one.quantity), "cents": one.sum_cents} for one in of_booking(booking)]


def places_in(extension_id: uuid.UUID) -> dict[int, uuid.UUID]:
    """Which lines of an extension take up which wish."""
    wanted = select(ExtensionWish.taken_up_place, ExtensionWish.id).filter_by(taken_up_by_id=extension_id)
    return {row.taken_up_place: row.id for row in db.session.execute(wanted)}


def undecided(booking_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """How many open wishes each booking has, which wait for the workshop; without those of none. 1 or 2 statements."""
    unanswered = ExtensionWish.taken_up_by_id.is_(None), ExtensionWish.set_aside_at.is_(None)
    waiting = Booking.status != BookingStatus.CANCELLED, *unanswered
    wanted = select(ExtensionWish, Booking.vehicle_id, Booking.user_id).join(Booking)
    rows = db.session.execute(wanted.where(ExtensionWish.booking_id.in_(booking_ids), *waiting)).all()
    names = _still_open({(vehicle, user) for _wish, vehicle, user in rows})
    states = ((wish.booking_id, rules.wish_state(wish, names[vehicle, user])) for wish, vehicle, user in rows)
    return Counter(booking_id for booking_id, state in states if state is WishState.OPEN)


def one_of(booking: Booking, wish_id: uuid.UUID) -> WishView | None:
    """One wish of a booking, if it still is there."""
    return next((one for one in of_booking(booking) if one.id == wish_id), None)
