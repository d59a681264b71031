"""What the demo's customers and staff do at a desk: book, pay, move, cancel, check in, work. The application's own
commands, at instants gone by.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import func, select, update

from b2c_web.accounts.models import User
from b2c_web.audit import acting
from b2c_web.bookings import commands
from b2c_web.bookings.availability import Answer, Question, availability
from b2c_web.bookings.claim import BookingRequest, book
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import Place
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.returning import move_promise
from b2c_web.bookings.rules import cancellation_terms, move_terms
from b2c_web.clock import frozen, now_utc
from b2c_web.db import command_transaction
from b2c_web.demo.stories import Story
from b2c_web.demo.till import Till
from b2c_web.flask_extensions import db
from b2c_web.payments.commands import settle_payment
from b2c_web.payments.models import LedgerEntry, Payment, PaymentPurpose
from b2c_web.payments.queries import latest_payment
from b2c_web.vehicles.models import Vehicle
from b2c_web.workshops.models import TimeSlot
from b2c_web.workshops.queries import nearest_workshop
from b2c_web.workshops.rules import Offer

SEED = uuid.UUID("5f6f0f9e-6a0f-4c6e-9d0b-000000000000")
DAYS_TRIED = 6  # when the wanted day is full
STAYS_OPEN = timedelta(minutes=40)


@contextmanager
def holding_until_now(at: datetime) -> Iterator[None]:
    """The clock stands at `at`, and a hold made there still lives at the true present: the payment page can be
    opened, and a running worker does not end the hold before it is paid.
    """
    config = current_app.config
    usual = config["HOLD_MINUTES"]
    past = max(datetime.now(UTC) - at, timedelta(0))
    try:
        config["HOLD_MINUTES"] = max(usual, (past + STAYS_OPEN) // timedelta(minutes=1))
        with frozen(at):
            yield
    finally:
        config["HOLD_MINUTES"] = usual


def user_of(email: str) -> User:
    return db.session.scalars(select(User).where(User.email == email)).one()


def by_staff(command: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """The workshop's member of staff does it: a command whose first argument is the person."""
    person = user_of("werkstatt@example.org")
    with acting(person):
        return command(person, *arguments, **keywords)


def book_for(story: Story, back_from: datetime, begun_by: datetime) -> uuid.UUID:
    """Books what the story's customer wants on the wanted day, or on the next that has it. Returns the booking's id.

    A car that is fetched comes back in the first window that begins at `back_from`, else in the last one offered. Its
    pickup lies in a window that has begun at `begun_by`, if there is one.
    """
    person = story.person
    user = user_of(person.email)
    reach = nearest_workshop(person.postal_code)
    question = Question.of(reach, story.service, person.vehicle_class, story.concierge)
    answer = availability(question, story.day, story.day + timedelta(days=DAYS_TRIED))
    offer = _choice(answer, story, begun_by)
    vehicle = db.session.scalars(select(Vehicle).where(Vehicle.user_id == user.id)).first()
    assert reach.point is not None  # noqa: S101 - the demo's towns are all known
    place = Place(person.street, person.postal_code, person.city, reach.point.lat, reach.point.lng)
    request = BookingRequest(
        user_id=user.id,
        draft_id=uuid.uuid5(SEED, str(story.number)),
        network=f"198.51.{story.number}.0/24",  # a block for documentation
        question=question,
        slot_id=offer.window.slot_id,
        return_slot_id=_return_slot(answer, offer, back_from) if story.concierge else None,
        place=place,
        customer_name=person.name,
        customer_phone=person.phone,
        shown_total_cents=answer.total_cents,
        vehicle_id=vehicle.id if vehicle else None,
    )
    with acting(user):
        return book(request)


def _choice(answer: Answer, story: Story, begun_by: datetime) -> Offer:
    """The window wanted, else the nearest one that can be promised."""
    day = answer.days[0].offers
    wanted = day[min(story.window, len(day) - 1)].window.start if day else 0
    begun = [offer for offer in answer.free() if offer.window.start <= begun_by.timestamp()]
    return min(begun or answer.free(), key=lambda offer: abs(offer.window.start - wanted))


def _return_slot(answer: Answer, offer: Offer, back_from: datetime) -> uuid.UUID:
    closer = answer.with_returns(offer.window.slot_id) or offer
    windows = [option.window for option in closer.returns]
    return next((one for one in windows if one.start >= back_from.timestamp()), windows[-1]).slot_id


def promise_anew(booking_id: uuid.UUID) -> None:
    """The workshop tells the customer who fetches the car that it takes until the next window."""
    with acting(user_of("werkstatt@example.org")), command_transaction():
        booking = lock_booking(booking_id)
        ahead = TimeSlot.workshop_id == booking.workshop_id, TimeSlot.start_time > now_utc()
        next_end = db.session.scalar(select(func.min(TimeSlot.end_time)).where(*ahead, TimeSlot.is_available))
        if next_end is not None:
            move_promise(booking, next_end)


def pay(till: Till, booking_id: uuid.UUID, at: datetime, card: str = "visa") -> None:
    """The customer pays on the payment page, truly now; our books say `at`."""
    payment = latest_payment(PaymentPurpose.BOOKING, booking_id)
    assert payment is not None  # noqa: S101 - a claim writes its payment
    payment_id, language = payment.id, payment_language(booking_id)
    db.session.rollback()
    till.pay(payment_id, "Ronja", language, card)
    with frozen(at):
        settle_payment(payment_id)
        _date_back(booking_id, payment_id, at)


def save_account(till: Till, email: str) -> None:
    """The customer saves an account on the page for it, truly now."""
    with frozen(datetime.now(UTC)):
        till.save_account(email)


def payment_language(booking_id: uuid.UUID) -> str:
    return db.session.get_one(Booking, booking_id).user.language


def _date_back(booking_id: uuid.UUID, payment_id: uuid.UUID, at: datetime) -> None:
    """The provider dates money by its own clock, which nobody can set back; our books follow the story."""
    with command_transaction():
        paid = update(Payment).where(Payment.id == payment_id, Payment.succeeded_at.is_not(None))
        db.session.execute(paid.values(succeeded_at=at))
        db.session.execute(update(LedgerEntry).where(LedgerEntry.payment_id == payment_id).values(occurred_at=at))
        booked = update(Booking).where(Booking.id == booking_id, Booking.paid_at.is_not(None))
        db.session.execute(booked.values(paid_at=at))


def cancel(booking_id: uuid.UUID) -> None:
    booking = db.session.get_one(Booking, booking_id)
    fee_cents = cancellation_terms(booking, now_utc(), current_app.config).fee_cents
    with acting(booking.user):
        commands.cancel(booking.user, booking_id, accepted_fee_cents=fee_cents)


def withdraw(booking_id: uuid.UUID) -> None:
    customer = db.session.get_one(Booking, booking_id).user
    with acting(customer):
        commands.withdraw(customer, booking_id)


def move(booking_id: uuid.UUID) -> None:
    """To the next day that has a place."""
    booking = db.session.get_one(Booking, booking_id)
    reach = nearest_workshop(booking.pickup_postal_code)
    question = Question.of(reach, booking.service, booking.vehicle_class, booking.include_concierge)
    day = (booking.pickup_time + timedelta(days=1)).date()
    offer = availability(question, day, day + timedelta(days=DAYS_TRIED)).next_free()
    if offer is None:
        return
    back = offer.returns[0].window.slot_id if booking.include_concierge else None
    fee_cents = move_terms(booking, now_utc(), current_app.config).fee_cents
    with acting(booking.user):
        commands.move(booking.user, booking_id, offer.window.slot_id, back, accepted_fee_cents=fee_cents)
