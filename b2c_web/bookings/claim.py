"""Booking: a customer confirms the summary, and everything that is needed is claimed in one transaction.

The claim takes the day, the window, the jockey minutes of both trips and one particular Ronja for 30 min, or
nothing at all. A hundred customers after the last place give one booking and ninety-nine clear answers.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import bindparam, insert, or_, select, text
from sqlalchemy.exc import IntegrityError
from uuid_utils.compat import uuid7

from b2c_web import audit, jobs
from b2c_web.accounts.commands import remember_contact
from b2c_web.accounts.limits import count_attempt
from b2c_web.bookings import hooks
from b2c_web.bookings.availability import Question, order_of
from b2c_web.bookings.counters import Held, held_by
from b2c_web.bookings.lifecycle import end_hold
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.overdue import AT_ONCE, end_overdue
from b2c_web.bookings.places import (
    Place,
    PlaceTaken,
    Promise,
    Wish,
    add_trips,
    count_in,
    find_wish,
    instant,
    reserve_ronja,
    take,
)
from b2c_web.bookings.rules import BookingAction, HoldEnd
from b2c_web.catalog.models import Service
from b2c_web.catalog.queries import Price, price_for
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction, table_of
from b2c_web.errors import Busy, Conflict, Invalid
from b2c_web.flask_extensions import db
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.steps import add_payment
from b2c_web.workshops.travel import Point, travel_times

EXPIRY_GRACE_SECONDS = 5


class PriceChanged(Conflict):
    """The price is no longer the one that was shown; `details['total_cents']` is the new one."""

    code = "price_changed"
    message = _l("Der Preis hat sich geändert. Bitte sehen Sie sich die Zusammenfassung noch einmal an.")


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """All that the summary showed. `shown_total_cents` is what the customer agreed to pay."""

    user_id: uuid.UUID
    draft_id: uuid.UUID
    network: str
    question: Question
    slot_id: uuid.UUID
    return_slot_id: uuid.UUID | None
    place: Place
    customer_name: str
    customer_phone: str
    shown_total_cents: int
    vehicle_id: uuid.UUID | None = None
    car_details: dict[str, Any] | None = None
    standing_limit_cents: int = 0
    early_start: bool = False
    terms_version: str | None = None  # that was agreed to; None: today's
    wishes: Sequence[str] = ()  # keys of `wishes.OpenWork`


_LOCK_USER = text("SELECT email_verified IS NOT NULL FROM users WHERE id = :user AND is_active FOR NO KEY UPDATE")

_IN_THE_WAY = (
    select(Booking.id)  # nearly always none: that costs less without the hundred columns
    .where(
        or_(
            (Booking.status == BookingStatus.PENDING) & (Booking.user_id == bindparam("user")),
            Booking.draft_id == bindparam("draft"),
            (Booking.status == BookingStatus.PENDING)
            & (Booking.hold_expires_at <= bindparam("now"))
            & (Booking.workshop_id == bindparam("workshop")),
        )
    )
    .order_by(
        (Booking.user_id == bindparam("user")).desc(),
        (Booking.slot_id == bindparam("slot")).desc(),
        Booking.hold_expires_at,
    )
    .limit(AT_ONCE)
    .with_for_update(skip_locked=True)
)


def book(request: BookingRequest) -> uuid.UUID:
    """PENDING booking with everything claimed for HOLD_MINUTES; returns its id.

    The same draft gives the same booking (a double click). A new hold replaces the customer's live one; expired
    holds of the workshop are released first, in this transaction. Price, terms version and standing limit are
    stored; the payment's intent and the expiry job are written. Locks: the user, the bookings in the way, days,
    windows, a Ronja. Raises PlaceTaken, PriceChanged, WishGone, NotOffered, TooMany, Invalid, Busy.
    """
    try:
        with command_transaction():
            return hold(request)
    except IntegrityError as error:
        if "uq_bookings_live_hold" in str(error.orig) or "uq_bookings_draft_id" in str(error.orig):
            raise Busy from error
        raise


def hold(request: BookingRequest) -> uuid.UUID:
    """Step: the claim itself, as `book` says it, in a transaction of the caller's. Raises what `book` raises."""
    in_the_way = _in_the_way(request)
    booked = next((one.id for one in in_the_way if one.draft_id == request.draft_id and _is_live(one)), None)
    return booked or _claim(request, _end_holds(in_the_way, request.user_id))


def _in_the_way(request: BookingRequest) -> Sequence[Booking]:
    """What this draft has become already, the customer's live hold, and the workshop's expired holds; locked."""
    verified = db.session.execute(_LOCK_USER, {"user": request.user_id}).scalar_one_or_none()
    if not verified:
        raise Invalid(_l("Bitte bestätigen Sie zuerst Ihre E-Mail-Adresse."), field="email")
    facts = {"user": request.user_id, "draft": request.draft_id, "now": now_utc()}
    locked = db.session.scalars(
        _IN_THE_WAY, facts | {"workshop": request.question.workshop_id, "slot": request.slot_id}
    ).all()
    if not locked:
        return ()
    whole = select(Booking).where(Booking.id.in_(locked))
    return db.session.scalars(whole.execution_options(populate_existing=True)).all()


def _is_live(booking: Booking) -> bool:
    return booking.status is not BookingStatus.PENDING or (booking.hold_expires_at or now_utc()) > now_utc()


def _end_holds(bookings: Sequence[Booking], user_id: uuid.UUID) -> list[Held]:
    """End the holds, and return what they held: the claim gives it back under its own locks."""
    holds = sorted((one for one in bookings if one.status is BookingStatus.PENDING), key=lambda one: one.id)
    for booking in holds:
        if booking.user_id == user_id:
            end_hold(booking, BookingAction.GIVE_UP, HoldEnd.REPLACED)
        else:
            end_hold(booking, BookingAction.EXPIRE, HoldEnd.EXPIRED)
    return held_by([booking.id for booking in holds])


def _claim(request: BookingRequest, releasing: list[Held]) -> uuid.UUID:
    config = current_app.config
    count_attempt(
        "HOLD",
        str(request.user_id),
        request.network,
        per_subject=config["HOLDS_PER_ADDRESS_PER_DAY"],
        per_network=config["HOLDS_PER_NETWORK_PER_DAY"],
        window=timedelta(hours=24),
    )
    now = now_utc()
    price = price_for(request.question.service, request.question.vehicle_class, now)
    total = price.total_cents(concierge=request.question.concierge)
    if total != request.shown_total_cents:
        raise PriceChanged(total_cents=total)
    order = order_of(request.question, price.duration_minutes)
    wish = find_wish(request.question, order, request.slot_id, request.return_slot_id)
    promise, parts = take(wish, releasing)
    booking_id = _insert(request, price, wish, promise, now)
    count_in(wish, parts)
    add_trips(booking_id, promise, parts, request.place, order)
    reserve_ronja(booking_id, wish, promise)
    _owe(booking_id, request, total, now)
    _remember(request)
    if request.wishes:
        hooks.wished(booking_id, request.user_id, request.vehicle_id, request.wishes)
    return booking_id


def _remember(request: BookingRequest) -> None:
    place = request.place
    where = {"street": place.address, "postal_code": place.postal_code, "city": place.city}
    remember_contact(request.user_id, name=request.customer_name, phone=request.customer_phone, **where)


def _insert(request: BookingRequest, price: Price, wish: Wish, promise: Promise, now: datetime) -> uuid.UUID:
    config, booking_id = current_app.config, uuid7()
    concierge = request.question.concierge
    concierge_cents = price.concierge_cents if concierge else 0
    values = {
        "id": booking_id,
        "user_id": request.user_id,
        "workshop_id": request.question.workshop_id,
        "vehicle_id": request.vehicle_id,
        "draft_id": request.draft_id,
        "service": request.question.service,
        "vehicle_class": request.question.vehicle_class,
        "include_concierge": concierge,
        "car_details": request.car_details or {},
        "base_price": price.base_cents,
        "concierge_price": concierge_cents,
        "total_price": price.base_cents + concierge_cents,
        "standing_limit_cents": min(request.standing_limit_cents, config["STANDING_LIMIT_MAX_CENTS"]),
        "terms_version": request.terms_version or config["TERMS_VERSION"],
        "early_start_requested_at": now if request.early_start else None,
        "hold_expires_at": now + timedelta(minutes=config["HOLD_MINUTES"]),
        "customer_name": request.customer_name,
        "customer_phone": request.customer_phone,
        "pickup_address": request.place.address,
        "pickup_postal_code": request.place.postal_code,
        "pickup_city": request.place.city,
        "pickup_lat": request.place.lat,
        "pickup_lng": request.place.lng,
        "created_at": now,
        **times_of(promise),
    }
    db.session.execute(insert(table_of(Booking)), values)
    return booking_id


def times_of(promise: Promise) -> dict[str, Any]:
    """The booking's columns that say when: windows, pickup_time and estimated_return_time."""
    return {
        "slot_id": promise.pickup.slot_id,
        "return_slot_id": promise.back.slot_id if promise.back else None,
        "pickup_time": instant(promise.pickup.start),
        "estimated_return_time": instant(promise.ready),
    }


def _owe(booking_id: uuid.UUID, request: BookingRequest, total_cents: int, now: datetime) -> None:
    """What follows from the claim: the payment's intent, the end of the hold, the audit entry."""
    until = now + timedelta(minutes=current_app.config["HOLD_MINUTES"])
    add_payment(PaymentPurpose.BOOKING, booking_id, request.user_id, total_cents, expires_at=until, attempt=1)
    jobs.defer("bookings.expire_hold", at=until + timedelta(seconds=EXPIRY_GRACE_SECONDS), booking_id=str(booking_id))
    audit.record(
        "booking.book",
        "booking",
        booking_id,
        after={"status": "PENDING", "total_cents": total_cents, "slot_id": str(request.slot_id)},
    )


def reclaim(booking: Booking, question: Question, revive: Callable[[], None]) -> bool:
    """Step: take the same places again for a booking whose hold was released. False when they are gone.

    For money that came late: lead time and horizon do not count, everything else does. `revive` makes the
    booking live again once its places are sure.
    """
    order = order_of(question, service_minutes(booking))
    order = replace(order, bookable_from=int(now_utc().timestamp()), bookable_until=2**40)
    try:
        with db.session.begin_nested():
            wish = find_wish(question, order, booking.slot_id, booking.return_slot_id)
            promise, parts = take(wish, end_overdue(wish))
            revive()
            count_in(wish, parts)
            add_trips(booking.id, promise, parts, place_of(booking), order)
            reserve_ronja(booking.id, wish, promise)
    except PlaceTaken:
        db.session.refresh(booking)
        return False
    return True


def service_minutes(booking: Booking) -> int:
    """How long a booked service takes in the workshop, whether it is still sold or not."""
    return db.session.execute(select(Service.estimated_duration).filter_by(type=booking.service)).scalar_one()


def place_of(booking: Booking) -> Place:
    """Where a booking's car is fetched; the workshop's place stands in when it was never located."""
    lat = booking.pickup_lat if booking.pickup_lat is not None else booking.workshop.lat
    lng = booking.pickup_lng if booking.pickup_lng is not None else booking.workshop.lng
    return Place(booking.pickup_address, booking.pickup_postal_code, booking.pickup_city, lat, lng)


def question_of(booking: Booking) -> Question:
    """What a booking asks of its workshop."""
    here, there = Point(booking.workshop.lat, booking.workshop.lng), place_of(booking)
    minutes = travel_times().minutes(here, Point(there.lat, there.lng))
    concierge = booking.include_concierge and booking.concierge_dropped_at is None
    return Question(booking.workshop_id, booking.service, booking.vehicle_class, concierge, minutes)
