"""Moving with consent: staff ask, the customer decides by a mailed link, and the same claim as ever carries it out."""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, select, update
from sqlalchemy.orm import joinedload

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import messages, moving
from b2c_web.bookings.access import lock_as_staff
from b2c_web.bookings.claim import question_of
from b2c_web.bookings.lifecycle import STATE_CHANGED
from b2c_web.bookings.models import Booking, BookingMove, BookingStatus, MoveState
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.waiting import end_waiting_moves
from b2c_web.capacity.alternatives import NOTICE, Alternative, alternatives_for
from b2c_web.capacity.move_models import MoveOffer, MoveOfferState
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.formatting import phone
from b2c_web.notifications.models import NotificationKind

REASON_LENGTH = 300
SHORTEST = timedelta(hours=1)  # a mail that must be answered sooner is not read in time
Pair = tuple[uuid.UUID, uuid.UUID | None]


class OfferEnded(Conflict):
    """The link decides nothing any more: answered, run out, or the booking changed meanwhile."""

    code = "offer_ended"
    message = _l("Diese Anfrage ist schon beendet. An Ihrem Termin hat sich dadurch nichts geändert.")


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page of one request shows: the windows that are free now. `is_open`: can it still be answered?"""

    offer: MoveOffer
    booking: Booking
    options: list[Alternative]
    is_open: bool


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# -- staff


def ask_to_move(staff: User, booking_id: uuid.UUID, reason: str = "", *, same_day: bool = False) -> uuid.UUID:
    """Ask the customer of a confirmed booking to take another date; returns the request's id.

    Mails a link that offers the three nearest windows for MOVE_OFFER_HOURS, at most until somebody sets out for the
    date that stands or the last of them is too near; nothing moves before the answer.
    `same_day`: other windows of the booking's own day will do. Locks the booking. Raises Conflict (not confirmed,
    asked already, nothing to offer, too late to ask by mail), Invalid, NotFound.
    """
    if len(reason.strip()) > REASON_LENGTH:
        raise Invalid(_l("Bitte kürzer, höchstens 300 Zeichen."), field="reason")
    with command_transaction(lock_timeout_ms=current_app.config["LOCK_TIMEOUT_MS"]):
        booking = lock_as_staff(staff, booking_id)
        _check_askable(booking)
        options = alternatives_for(booking, same_day=same_day)
        if not options:
            raise Conflict(_l("Gerade ist kein anderes Fenster frei, das wir anbieten könnten."), code="nothing_free")
        until, token = _answer_until(booking, options), secrets.token_urlsafe(32)
        facts = {"reason": reason.strip() or None, "same_day": same_day, "token_hash": _hash(token)}
        offer = _add(booking, staff, expires_at=until, options=[option.facts() for option in options], **facts)
        _mail(offer, booking, token)
        return offer.id


def _check_askable(booking: Booking) -> None:
    if booking.status is not BookingStatus.CONFIRMED:
        raise Conflict(STATE_CHANGED, code="wrong_state", status=booking.status.value)
    open_one = db.session.scalars(_open_of(booking.id).with_for_update()).one_or_none()
    if open_one is None:
        return
    if open_one.expires_at > now_utc():
        raise Conflict(_l("Der Kunde ist schon gefragt und hat noch nicht geantwortet."), code="already_asked")
    _end(open_one, MoveOfferState.ENDED)


def _open_of(booking_id: uuid.UUID) -> Select[MoveOffer]:
    return select(MoveOffer).where(MoveOffer.booking_id == booking_id, MoveOffer.state == MoveOfferState.ASKED)


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
    audit.record("booking.move_asked", "booking", booking.id, after={"offer_id": str(offer.id), "reason": offer.reason})
    return offer


def _answer_until(booking: Booking, options: Sequence[Alternative]) -> datetime:
    """When the link ends: before the date that stands begins, and while a window that it offers can be promised."""
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


# -- the customer


def offer_by_token(token: str) -> MoveOffer:
    """The request that a mailed link stands for. Raises NotFound."""
    found = select(MoveOffer).where(MoveOffer.token_hash == _hash(token))
    offer = db.session.scalars(found).one_or_none()
    if offer is None:
        raise NotFound
    return offer


def offer_by_id(offer_id: uuid.UUID) -> MoveOffer:
    """One request, read anew. Raises NotFound."""
    found = select(MoveOffer).where(MoveOffer.id == offer_id).execution_options(populate_existing=True)
    offer = db.session.scalars(found).one_or_none()
    if offer is None:
        raise NotFound
    return offer


def offer_of_customer(user: User, offer_id: uuid.UUID) -> MoveOffer:
    """The same for a signed-in customer who was asked. Raises NotFound."""
    mine = select(MoveOffer).join(Booking).where(MoveOffer.id == offer_id, Booking.user_id == user.id)
    offer = db.session.scalars(mine).one_or_none()
    if offer is None:
        raise NotFound
    return offer


def shown(offer: MoveOffer) -> Shown:
    """What the page shows now: of the windows that were mailed those still free, filled up with the nearest others."""
    booking = offer.booking
    is_open = _is_open(offer, booking)
    mailed = tuple(uuid.UUID(option["slot_id"]) for option in offer.options)
    options = alternatives_for(booking, same_day=offer.same_day, first_choice=mailed) if is_open else []
    return Shown(offer, booking, options, is_open)


def _is_open(offer: MoveOffer, booking: Booking) -> bool:
    waits = offer.state is MoveOfferState.ASKED and offer.expires_at > now_utc()
    return waits and booking.status is BookingStatus.CONFIRMED


def accept(offer_id: uuid.UUID, pair: Pair) -> None:
    """The customer takes one of the windows: moved by the same claim as any move, without fee and lead time.

    Locks booking, request, days, windows, a Ronja. Raises OfferEnded, PlaceTaken (then nothing has changed and the
    link still decides), Busy.
    """
    with command_transaction(lock_timeout_ms=current_app.config["LOCK_TIMEOUT_MS"]):
        offer, booking = _lock_open(offer_id)
        end_waiting_moves(booking)
        move = BookingMove(
            booking_id=booking.id,
            from_slot_id=booking.slot_id,
            to_slot_id=pair[0],
            to_return_slot_id=pair[1],
            state=MoveState.AWAITING_FEE,
        )
        db.session.add(move)
        _end(offer, MoveOfferState.MOVED)
        moving.carry_out(booking, move, by_staff=True)
        audit.record(
            "booking.move_accepted", "booking", booking.id, after={"offer_id": str(offer.id)}, actor="customer"
        )


def decline(offer_id: uuid.UUID) -> None:
    """The customer would rather keep the date; staff see it. Locks booking and request. Raises OfferEnded, Busy."""
    with command_transaction(lock_timeout_ms=current_app.config["LOCK_TIMEOUT_MS"]):
        offer, booking = _lock_open(offer_id)
        _end(offer, MoveOfferState.DECLINED)
        audit.record(
            "booking.move_declined", "booking", booking.id, after={"offer_id": str(offer.id)}, actor="customer"
        )


def _lock_open(offer_id: uuid.UUID) -> tuple[MoveOffer, Booking]:
    offer = offer_by_id(offer_id)
    booking = lock_booking(offer.booking_id)
    db.session.refresh(offer, with_for_update=True)
    if not _is_open(offer, booking):
        raise OfferEnded
    return offer, booking


def _end(offer: MoveOffer, state: MoveOfferState) -> None:
    offer.state, offer.ended_at = state, now_utc()
    db.session.flush()


# -- what else ends a request


def end_open_offer(booking: Booking) -> None:
    """Step: the booking was moved or cancelled in another way; its open request is over."""
    open_ones = MoveOffer.booking_id == booking.id, MoveOffer.state == MoveOfferState.ASKED
    over = {"state": MoveOfferState.ENDED, "ended_at": now_utc()}
    db.session.execute(update(MoveOffer).where(*open_ones).values(over).execution_options(synchronize_session=False))


def end_old_offers() -> int:
    """Requests that ran out, or whose car is under way already, are over. Returns how many."""
    late = (MoveOffer.expires_at <= now_utc()) | (Booking.status != BookingStatus.CONFIRMED)
    old = select(MoveOffer.booking_id).join(Booking).where(MoveOffer.state == MoveOfferState.ASKED, late).limit(200)
    ended = 0
    for booking_id in db.session.scalars(old).all():
        db.session.rollback()
        with command_transaction(lock_timeout_ms=current_app.config["LOCK_TIMEOUT_MS"]):
            booking = lock_booking(booking_id)
            offer = db.session.scalars(_open_of(booking_id).with_for_update()).one_or_none()
            if offer is not None and not _is_open(offer, booking):
                _end(offer, MoveOfferState.ENDED)
                ended += 1
    return ended


# -- what is read


def open_offer_of(booking: Booking) -> MoveOffer | None:
    """The request that this booking's customer can still answer, for the booking's page."""
    offer = db.session.scalars(_open_of(booking.id)).one_or_none()
    return offer if offer is not None and _is_open(offer, booking) else None


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
