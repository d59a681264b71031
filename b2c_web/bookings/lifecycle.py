"""A booking's steps from state to state. Each is called inside a command, after `lock_booking`.

Steps flush and never commit. A step that the state does not allow raises Conflict and changes nothing.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import force_locale
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range

from b2c_web import audit
from b2c_web.bookings import hooks, messages
from b2c_web.bookings.counters import give_back as give_back_all
from b2c_web.bookings.counters import held_by, lock_keys
from b2c_web.bookings.giving_back import CONCIERGE_UNUSED, give_back_fees, move_fees_cents, withdrawal_cents
from b2c_web.bookings.labels import KEPT_FEE, line
from b2c_web.bookings.models import Booking, BookingStatus, PaymentStatus, RonjaReservation
from b2c_web.bookings.papers import add_paper
from b2c_web.bookings.rules import BookingAction, HoldEnd, next_status
from b2c_web.bookings.waiting import end_waiting_moves
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.models import DocumentKind, Payment, PaymentPurpose, PaymentState
from b2c_web.payments.refunding import add_refund, replace_failed
from b2c_web.payments.rules import refund_left_cents
from b2c_web.payments.steps import cancel_payment

RETURN_FAILURES = {
    "NO_SHOW": _l("Wir haben niemanden angetroffen."),
    "BREAKDOWN": _l("Wir hatten unterwegs eine Panne."),
    "REDISPATCHED": _l("Wir mussten umplanen."),
}
STATE_CHANGED = _l("Der Stand dieser Buchung hat sich geändert. Bitte sehen Sie ihn sich neu an.")


def advance(booking: Booking, action: BookingAction, *, actor: str | None = None, **facts: Any) -> None:
    """Move `booking` (locked) along by `action`, with `facts` as further columns. Raises Conflict.

    Writes the audit entry with before and after.
    """
    to = next_status(booking.status, action)
    if to is None:
        raise Conflict(STATE_CHANGED, code="wrong_state", status=booking.status.value, action=action.value)
    before = booking.status
    booking.status = to
    if to is not BookingStatus.PENDING:
        booking.hold_expires_at = None
    for name, value in facts.items():
        setattr(booking, name, value)
    db.session.flush()
    audit.record(
        f"booking.{action.value.lower()}",
        "booking",
        booking.id,
        before={"status": before.value},
        after={"status": to.value, **{name: _plain(value) for name, value in facts.items()}},
        actor=actor,
    )


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int | bool | str) else str(value)


def release(booking: Booking) -> None:
    """Give back day, window, minutes and Ronja of a booking that has just ended."""
    held = held_by([booking.id])
    for one in held:
        lock_keys([(one.workshop_id, one.place_day)] if one.place_day else [], one.slot_ids)
    give_back_all(held)
    db.session.expire(booking)


def payments_of(booking_id: uuid.UUID) -> list[Payment]:
    """The booking's payments, locked after the booking's row."""
    statement = select(Payment).where(Payment.purpose == PaymentPurpose.BOOKING, Payment.purpose_id == booking_id)
    return list(db.session.scalars(statement.order_by(Payment.id).with_for_update()).all())


def end_hold(booking: Booking, action: BookingAction, reason: HoldEnd) -> None:
    """PENDING -> CANCELLED: the payment page is closed, the draft may be booked again.

    The caller gives the places back (`release`, or together with other keys).
    """
    advance(booking, action, cancelled_at=now_utc(), cancellation_reason=reason, draft_id=None)
    for payment in payments_of(booking.id):
        cancel_payment(payment)


def refund(booking: Booking, keep_cents: int, reason: str) -> tuple[int, int]:
    """Send back what is left of the money less `keep_cents`, and write the documents. Returns (refunded, kept).

    What failed to go back before is part of what is left. `reason` is a code of ours, not words.
    """
    back, kept = 0, 0
    for payment in payments_of(booking.id):
        if payment.state is not PaymentState.SUCCEEDED:
            continue
        replace_failed(payment)
        left = refund_left_cents(payment.captured_cents, payment.refunds)
        keep = min(left, keep_cents - kept)
        kept += keep
        made = add_refund(payment, left - keep, reason) if left > keep else None
        back += made.amount_cents if made is not None else 0
    if kept:
        add_paper(DocumentKind.FEE, booking, booking.id, [line(KEPT_FEE, kept)], reference=reason)
    return back, kept


def cancel(booking: Booking, *, keep_cents: int, reason: str, kind: NotificationKind, words: str = "") -> None:
    """CONFIRMED (or, by staff, later) -> CANCELLED: refund by policy, claims and assignments end, message, Odoo.

    `reason` is a code of ours; staff say why in `words`. While the car is with us the return trip and the Ronja
    stay until it is home. After a withdrawal all goes back that came for the booking, not only its price.
    """
    car_with_us = booking.status is not BookingStatus.CONFIRMED
    action = BookingAction.STAFF_CANCEL if words else BookingAction.CANCEL
    why = words or reason
    advance(booking, action, cancelled_at=now_utc(), cancellation_reason=why, draft_id=None, new_date_until=None)
    end_waiting_moves(booking)
    is_withdrawn = booking.withdrawn_at is not None
    all_cents = withdrawal_cents(booking) if is_withdrawn else 0
    back, kept = refund(booking, keep_cents, reason)
    if is_withdrawn:
        give_back_fees(booking)
        back = all_cents  # with what the hooks below give back
    if car_with_us:
        hooks.ready_for_return(booking)
    else:
        release(booking)
        hooks.cancelled(booking)  # after the windows' locks: a jockey's time is taken and given back last everywhere
    ahead = is_return_ahead(booking)
    told: dict[str, Any] = {"reason": words or None, "car_with_us": car_with_us, "return_ahead": ahead}
    if not is_withdrawn:
        told["move_fees_cents"] = move_fees_cents(booking)
    messages.send(kind, booking, refund_cents=back, kept_cents=kept, **told)


def is_return_ahead(booking: Booking) -> bool:
    """Is the promised return still to come?"""
    return booking.estimated_return_time > now_utc()


def pick_up(booking: Booking) -> None:
    """The jockey has the car: CONFIRMED -> IN_TRANSIT_TO_WORKSHOP."""
    advance(booking, BookingAction.PICK_UP)
    messages.send(NotificationKind.PICKED_UP, booking)


def leave_for_customer(booking: Booking, arrival_estimate: datetime | None = None) -> None:
    """The jockey leaves with the car: READY_FOR_RETURN -> IN_TRANSIT_TO_CUSTOMER (a cancelled one stays so)."""
    booking.return_failed_at = None
    if booking.status is not BookingStatus.CANCELLED:
        advance(booking, BookingAction.LEAVE)
    messages.send(
        NotificationKind.UNDER_WAY_BACK,
        booking,
        arrival_estimate=arrival_estimate.isoformat() if arrival_estimate else None,
        once=now_utc().isoformat(),
    )


def return_failed(booking: Booking, reason: str) -> None:
    """Nobody home or a breakdown: back to READY_FOR_RETURN; a new return window is offered."""
    if booking.status is not BookingStatus.CANCELLED:
        advance(booking, BookingAction.RETURN_FAILED)
    booking.return_failed_at = now_utc()
    with force_locale(booking.user.language):
        words = str(RETURN_FAILURES.get(reason, reason))
    messages.send(NotificationKind.RETURN_FAILED, booking, reason=words, once=now_utc().isoformat())


def complete(booking: Booking, *, ronja_back_at: datetime | None = None) -> None:
    """The car is home: COMPLETED; the Ronja's reservation ends after cleaning; review request 2 h later.

    `ronja_back_at`: when the Ronja is at the workshop again (default: now, the customer brought it).
    A booking that staff cancelled while the car was with us stays CANCELLED; what it still held is given back.
    """
    now, booking.return_failed_at = now_utc(), None
    if booking.status is BookingStatus.CANCELLED:
        booking.actual_return_time = now
        db.session.flush()
        release(booking)
        return
    advance(booking, BookingAction.COMPLETE, actual_return_time=now, completed_at=now)
    end_reservation(booking, ronja_back_at or now)
    messages.send(NotificationKind.COMPLETED, booking)
    messages.later(
        NotificationKind.REVIEW_REQUEST, booking, now + timedelta(hours=current_app.config["REVIEW_REQUEST_HOURS"])
    )


def end_reservation(booking: Booking, back_at: datetime) -> None:
    """Shorten the Ronja's reservation to its return plus cleaning, when that is earlier than planned."""
    reservation = db.session.scalar(select(RonjaReservation).where(RonjaReservation.booking_id == booking.id))
    if reservation is None or reservation.during.lower is None:
        return
    end = back_at + timedelta(minutes=current_app.config["RONJA_CLEANING_MINUTES"])
    end = max(end, reservation.during.lower + timedelta(minutes=1))
    if reservation.during.upper is None or end < reservation.during.upper:
        reservation.during = Range(reservation.during.lower, end)
        db.session.flush()


def no_show(booking: Booking) -> None:
    """Nobody was there at pickup: stays CONFIRMED, a new date is offered for 24 h.

    A move that waits for its fee is off: the new date is free now, and nobody pays twice.
    """
    now = now_utc()
    if booking.status is not BookingStatus.CONFIRMED:
        raise Conflict(STATE_CHANGED, code="wrong_state", status=booking.status.value)
    end_waiting_moves(booking)
    before, until = booking.new_date_until, now + timedelta(hours=current_app.config["NO_SHOW_OFFER_HOURS"])
    booking.no_show_at, booking.new_date_until = now, until
    db.session.flush()
    audit.record(
        "booking.no_show",
        "booking",
        booking.id,
        before={"new_date_until": before.isoformat() if before else None},
        after={"new_date_until": until.isoformat()},
    )
    kept_cents = current_app.config["NO_SHOW_FEE_CENTS"]
    messages.send(NotificationKind.NO_SHOW, booking, once=now.isoformat(), kept_cents=kept_cents)


def drop_concierge(booking: Booking) -> int:
    """The customer brought a concierge car: trips and Ronja are released, the place stays, the price goes back.

    Returns the cents that go back.
    """
    booking.concierge_dropped_at = now_utc()
    db.session.flush()
    held = held_by([booking.id])[0]
    held.place_slot_id = held.place_day = None
    lock_keys([], held.slot_ids)
    held.ends = False
    give_back_all([held])
    hooks.brought_by_customer(booking)
    for payment in payments_of(booking.id)[:1]:
        if booking.concierge_price and (made := add_refund(payment, booking.concierge_price, CONCIERGE_UNUSED)):
            return made.amount_cents
    return 0


def confirm_facts(payment: Payment) -> dict[str, Any]:
    """The columns that a successful payment sets on its booking."""
    return {
        "payment_status": PaymentStatus.PAID,
        "paid_at": payment.succeeded_at,
        "stripe_payment_intent_id": payment.stripe_payment_intent_id,
        "payment_error": None,
    }
