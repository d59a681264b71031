"""Asking a customer to take another date: what staff see before they ask, the request and its mail."""

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import messages
from b2c_web.bookings.access import lock_as_staff
from b2c_web.bookings.claim import question_of
from b2c_web.bookings.lifecycle import STATE_CHANGED
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import visible_to
from b2c_web.capacity.alternatives import NOTICE, Alternative, alternatives_for
from b2c_web.capacity.move_models import MoveOffer, MoveOfferState
from b2c_web.capacity.moves import end, hash_of, open_of
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.formatting import phone
from b2c_web.notifications.models import NotificationKind

REASON_LENGTH = 300
SHORTEST = timedelta(hours=1)  # a mail that must be answered sooner is not read in time


@dataclass(frozen=True, slots=True)
class Question:
    """What a customer would be asked: `options`, until `until`. When they cannot be asked `refusal` says why."""

    booking: Booking
    options: list[Alternative]
    until: datetime | None
    refusal: Conflict | None


def ask_to_move(staff: User, booking_id: uuid.UUID, reason: str = "", *, same_day: bool = False) -> uuid.UUID:
    """Ask the customer of a confirmed booking to take another date; returns the request's id.

    Mails a link that offers the three nearest windows for MOVE_OFFER_HOURS, at most until somebody sets out for the
    date that stands or the last of them is too near; nothing moves before the answer.
    `same_day`: other windows of the booking's own day will do. Locks the booking. Raises Conflict (not confirmed,
    asked already, nothing to offer, too late to ask by mail), Invalid, NotFound.
    """
    if len(reason.strip()) > REASON_LENGTH:
        raise Invalid(_l("Bitte kürzer, höchstens 300 Zeichen."), field="reason")
    with command_transaction():
        booking = lock_as_staff(staff, booking_id)
        open_one = db.session.scalars(open_of(booking.id).with_for_update()).one_or_none()
        _check_askable(booking, open_one)
        if open_one is not None:
            end(open_one, MoveOfferState.ENDED)  # it has run out
        options = alternatives_for(booking, same_day=same_day)
        until, token = _answer_until(booking, options), secrets.token_urlsafe(32)
        facts = {"reason": reason.strip() or None, "same_day": same_day, "token_hash": hash_of(token)}
        offer = _add(booking, staff, expires_at=until, options=[option.facts() for option in options], **facts)
        _mail(offer, booking, token)
        return offer.id


def question(staff: User, booking_id: uuid.UUID, *, same_day: bool = False) -> Question:
    """What asking would offer now, or why it would be refused. Reads only. Raises NotFound."""
    booking = db.session.scalars(visible_to(staff).where(Booking.id == booking_id)).one_or_none()
    if booking is None:
        raise NotFound
    try:
        _check_askable(booking, db.session.scalars(open_of(booking.id)).one_or_none())
        options = alternatives_for(booking, same_day=same_day)
        return Question(booking, options, _answer_until(booking, options), None)
    except Conflict as refusal:
        return Question(booking, [], None, refusal)


def _check_askable(booking: Booking, open_one: MoveOffer | None) -> None:
    if booking.status is not BookingStatus.CONFIRMED:
        raise Conflict(STATE_CHANGED, code="wrong_state", status=booking.status.value)
    if open_one is not None and open_one.expires_at > now_utc():
        raise Conflict(_l("Der Kunde ist schon gefragt und hat noch nicht geantwortet."), code="already_asked")


def _add(booking: Booking, staff: User, **facts: Any) -> MoveOffer:
    offer = MoveOffer(
        booking_id=booking.id,
        asked_by=staff.id,
        state=MoveOfferState.ASKED,
        from_start=booking.slot.start_time,
        from_end=booking.slot.end_time,
        **facts,
    )
    db.session.add(offer)
    db.session.flush()
    after = {"state": offer.state.value, "offer_id": str(offer.id), "reason": offer.reason}
    audit.record("booking.move_asked", "booking", booking.id, before={"state": None}, after=after)
    return offer


def _answer_until(booking: Booking, options: Sequence[Alternative]) -> datetime:
    """When the link ends: before the date that stands begins, and while a window that it offers can be promised."""
    if not options:
        raise Conflict(_l("Gerade ist kein anderes Fenster frei, das wir anbieten könnten."), code="nothing_free")
    last_choice = max(option.start for option in options) - NOTICE
    until = min(now_utc() + timedelta(hours=current_app.config["MOVE_OFFER_HOURS"]), last_choice)
    if not _is_missed(booking):
        until = min(until, _sets_out(booking))
    if booking.new_date_until is not None:
        until = min(until, booking.new_date_until)  # the booking ends then
    if until < now_utc() + SHORTEST:
        number = phone(booking.customer_phone)
        raise Conflict(
            _l("Für eine Antwort per E-Mail ist es zu spät. Bitte rufen Sie an: %(phone)s.", phone=number),
            code="too_late_to_ask",
        )
    return until


def _is_missed(booking: Booking) -> bool:
    """The date that stands is over, so nothing begins that an answer would have to come before."""
    return booking.new_date_until is not None or booking.slot.end_time <= now_utc()


def _sets_out(booking: Booking) -> datetime:
    """When a jockey leaves for the booked window; its start, if the customer brings the car."""
    question = question_of(booking)
    return booking.pickup_time - timedelta(minutes=question.travel_minutes if question.concierge else 0)


def _mail(offer: MoveOffer, booking: Booking, token: str) -> None:
    messages.send(
        NotificationKind.MOVE_ASKED,
        booking,
        once=str(offer.id),
        reason=offer.reason,
        options=offer.options,
        asked_until=offer.expires_at.isoformat(),
        link_path=f"/move/{token}",
    )


def asked_moves(workshop_id: uuid.UUID, limit: int = 100) -> Sequence[MoveOffer]:
    """The workshop's requests, the open ones first, then the latest answers. One statement."""
    statement = (
        select(MoveOffer)
        .join(MoveOffer.booking)
        .where(Booking.workshop_id == workshop_id)
        .options(
            joinedload(MoveOffer.staff),
            joinedload(MoveOffer.booking).joinedload(Booking.slot),
            joinedload(MoveOffer.booking).joinedload(Booking.vehicle),
        )
        .order_by((MoveOffer.state == MoveOfferState.ASKED).desc(), MoveOffer.updated_at.desc())
        .limit(limit)
    )
    return db.session.scalars(statement).all()
