"""A car in the workshop and an extension of its order, for tests."""

import uuid
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid
from b2c_web.extensions import commands, completing, queries
from b2c_web.extensions.access import lock_for_staff
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import Extension
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.commands import ensure_customer
from b2c_web.payments.gateway import gateway
from b2c_web.payments.models import LedgerEntry, Payment, PaymentMethod, PaymentPurpose
from b2c_web.payments.queries import payments_of
from tests.commands.trips import CAR, Trips
from tests.paying import Provider, save_method

PADS = Item("Bremsbeläge vorn", 8990)
DISCS = Item("Bremsscheiben vorn", 7450, Decimal(2))
OIL = Item("Motoröl", 1599, Decimal("4.5"), "5W-30")  # 71.955 EUR: rounds up
SUMS = (8990, 14900, 7196)
OFFER = Offer("Die Beläge sind fast durch, die Scheiben haben Riefen.", (PADS, DISCS, OIL))


def mark_not_done(staff: User, extension_id: uuid.UUID, not_done: Collection[int]) -> None:
    """As completing the work does it, without completing it."""
    with command_transaction():
        completing.mark_not_done(*lock_for_staff(staff, extension_id), not_done)


class Extending(Trips):
    """The scene with a car that is checked in and worked on; the clock stays at ten that day."""

    def __init__(self, session: Any, at: Callable[[datetime], AbstractContextManager[None]], **facts: Any) -> None:
        super().__init__(session, at, **facts)

    @classmethod
    def of_now(cls, session: Any) -> "Extending":
        """With the real clock, which is the provider's too."""
        first = clock.now_utc().date() + timedelta(days=2)
        while first.weekday() > 4:
            first += timedelta(days=1)
        return cls(session, clock.frozen, first=first)

    def in_workshop(self, back: int | None = None, **facts: Any) -> Booking:
        """A drop-off, or with `back` (a return window's number) a concierge booking, checked in."""
        booking = self.booked(back=back, **facts)
        if back is not None:
            self.drive_in(booking)
        bookings.check_in(self.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
        bookings.start_work(self.staff, booking.id, unasked=True)
        self.session.expire_all()
        return booking

    def raised(self, booking: Booking, offer: Offer = OFFER, **facts: Any) -> Extension:
        """A PENDING extension."""
        extension_id = commands.raise_extension(self.staff, booking.id, offer, **facts)
        return self.fresh(extension_id)

    def approved(self, booking: Booking, accepted: Collection[int] = (0, 1), offer: Offer = OFFER) -> Extension:
        """Approved by the customer; nothing is held yet."""
        extension = self.raised(booking, offer)
        self.approve(extension, accepted)
        return self.fresh(extension.id)

    def approve(self, extension: Extension, accepted: Collection[int] = (0, 1)) -> commands.HoldWish:
        """The booking's customer ticks and approves on the page; returns the wish for the money."""
        booking = self.session.get(Booking, extension.booking_id)
        return commands.approve(booking.user, extension.id, accepted, queries.digest_of(extension))

    def held(self, booking: Booking, accepted: Collection[int] = (0, 1), offer: Offer = OFFER) -> Extension:
        """Approved, and the provider was asked at once."""
        extension = self.raised(booking, offer)
        commands.authorize_now(self.approve(extension, accepted))
        return self.fresh(extension.id)

    def declined_before(self, offer: Offer = OFFER) -> tuple[Booking, Extension]:
        """A booking in whose course all of an offer was declined; its car is named and ready to be fetched."""
        booking = self.in_workshop()
        extension = self.raised(booking, offer)
        commands.decline(booking.user, extension.id, "", queries.digest_of(extension))
        bookings.complete_work(self.staff, booking.id)
        return self.session.get(Booking, booking.id), self.fresh(extension.id)

    def again(self, before: Booking, extension: Extension, *places: int, **facts: Any) -> Booking:
        """The same customer books the same car again, and ticks some of what was declined then."""
        keys = tuple(f"{extension.id}:{place}" for place in places)
        car = {"user_id": before.user_id, "vehicle_id": before.vehicle_id, "wishes": keys}
        return self.booked(**{"slot": 1, "back": None, **car, **facts})

    def check_in(self, booking: Booking) -> None:
        """The car comes, and work on it begins."""
        bookings.check_in(self.staff, booking.id, mileage_km=53_000, early=True)
        bookings.start_work(self.staff, booking.id, unasked=True)
        self.session.expire_all()

    def fresh(self, extension_id: uuid.UUID) -> Extension:
        self.session.expire_all()
        return self.session.get(Extension, extension_id)

    def mails(self, kind: NotificationKind) -> list[Notification]:
        self.session.expire_all()
        wanted = select(Notification).where(Notification.kind == kind).order_by(Notification.created_at)
        return list(self.session.scalars(wanted))

    def token(self, kind: NotificationKind = NotificationKind.EXTENSION_RAISED) -> str:
        """The newest direct link that was mailed."""
        return str(self.mails(kind)[-1].context["link_path"]).rpartition("/")[2]

    def later(self, **how: float) -> AbstractContextManager[None]:
        """The clock moved on."""
        return self.at(clock.now_utc() + timedelta(**how))


def saver(provider: Provider, user: User) -> Callable[..., PaymentMethod]:
    """Saves a card or account of this customer, as paying the booking left it; a Visa unless told."""
    ensure_customer(user.id)

    def save_one(**which: str) -> PaymentMethod:
        with command_transaction():
            return save_method(provider, user, **(which or {"card": "visa"}))

    return save_one


def payments(extension: Extension) -> list[Payment]:
    return list(payments_of(PaymentPurpose.EXTENSION, extension.id))


def taken(extension: Extension) -> list[int]:
    """What the ledger says was charged for it."""
    mine = Payment.purpose_id == extension.id
    rows = select(LedgerEntry.amount_cents).join(Payment, Payment.id == LedgerEntry.payment_id).where(mine)
    return list(db.session.scalars(rows.order_by(LedgerEntry.id)))


def held_at_provider() -> list[int]:
    seen = gateway().recent_intents(clock.now_utc() - timedelta(days=30))
    return [each.authorized_cents for each in seen if each.outcome.value == "AUTHORIZED"]


def complete(scene: Extending, booking: Booking, run_jobs: Any) -> bool:
    ready = bookings.complete_work(scene.staff, booking.id)
    run_jobs({"payments.capture", "payments.close_checkout"})
    scene.session.expire_all()
    return ready


def refused(code: str) -> Any:
    return pytest.raises(Conflict, check=lambda error: error.code == code)


def invalid(field: str) -> Any:
    return pytest.raises(Invalid, check=lambda error: error.details["field"] == field)
