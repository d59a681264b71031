"""What a payment's outcome means for a booking. Called by payments' hooks in the same transaction, exactly once.

The booking's row is locked before the payment's (see `lock`), as everywhere.
"""

import uuid
from typing import Any

from flask_babel import force_locale
from sqlalchemy import and_, or_, select

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import hooks, messages, moving
from b2c_web.bookings.claim import question_of, reclaim
from b2c_web.bookings.giving_back import LATE_MONEY
from b2c_web.bookings.labels import lines_of
from b2c_web.bookings.lifecycle import advance, confirm_facts, end_hold, release
from b2c_web.bookings.models import Booking, BookingDraft, BookingStatus, PaymentStatus
from b2c_web.bookings.naming import keep_car
from b2c_web.bookings.papers import add_paper, add_refund_document
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.rules import BookingAction, HoldEnd, settled_payment_status
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments import hooks as payment_hooks
from b2c_web.payments.models import DocumentKind, Payment, PaymentPurpose, Refund, RefundState
from b2c_web.payments.reasons import reason_message
from b2c_web.payments.refunding import add_refund


def lock(purpose_id: uuid.UUID) -> Booking:
    """Lock the booking before its payment."""
    return lock_booking(purpose_id)


def paid(payment: Payment) -> None:
    """Money came: confirm; when the hold was released meanwhile, claim the same places again or send it back."""
    booking = lock_booking(payment.purpose_id)
    holds = booking.status is BookingStatus.PENDING
    in_time = holds and booking.hold_expires_at > now_utc()  # type: ignore[operator]  # hold_only_while_pending
    anew = booking.paid_at is None and not in_time and _chosen_anew(booking)
    if holds and anew:
        end_hold(booking, BookingAction.EXPIRE, HoldEnd.EXPIRED)
        release(booking)
    elif holds:
        advance(booking, BookingAction.CONFIRM, actor="provider", **confirm_facts(payment))
        return _confirmed(booking, payment)
    elif booking.paid_at is None and not anew and _revived(booking, payment):
        return _confirmed(booking, payment)
    return _back(booking, payment, paid_for="anew" if anew else None)


def _back(booking: Booking, payment: Payment, paid_for: str | None) -> None:
    add_refund(payment, payment.captured_cents, LATE_MONEY)
    audit.record("booking.late_money", "booking", booking.id, after={"cents": payment.captured_cents}, actor="provider")
    facts: dict[str, Any] = {"refund_cents": payment.captured_cents, "paid_for": paid_for}
    messages.send(NotificationKind.MONEY_RETURNED, booking, once=str(payment.id), **facts)


def _revived(booking: Booking, payment: Payment) -> bool:
    """CANCELLED -> CONFIRMED with the same places, when all are still free."""
    if booking.cancellation_reason not in (HoldEnd.EXPIRED, HoldEnd.GIVEN_UP):
        return False
    return reclaim(booking, question_of(booking), lambda: _revive(booking, payment))


def _chosen_anew(booking: Booking) -> bool:
    """Whether the customer chose again for this ended hold: another one replaced it, or since it was made they have
    paid for the same service for a car that may be the same, or hold it: can still pay it, and made it in the wizard.

    Locks the customer: no claim of theirs comes between this and the end of the transaction.
    """
    db.session.execute(select(User.id).where(User.id == booking.user_id).with_for_update(key_share=True))
    is_held = and_(
        Booking.created_at > booking.created_at,
        Booking.status == BookingStatus.PENDING,
        Booking.hold_expires_at > now_utc(),
        Booking.draft_id.in_(select(BookingDraft.id)),
    )
    is_paid = and_(
        Booking.paid_at > booking.created_at,
        Booking.status.notin_((BookingStatus.PENDING, BookingStatus.CANCELLED)),
    )
    other = select(Booking.id).where(
        Booking.id != booking.id,
        Booking.user_id == booking.user_id,
        Booking.service == booking.service,
        or_(is_held, is_paid),
    )
    if booking.vehicle_id:
        other = other.where(or_(Booking.vehicle_id == booking.vehicle_id, Booking.vehicle_id.is_(None)))
    return booking.cancellation_reason == HoldEnd.REPLACED or db.session.scalar(select(other.exists())) is True


def _revive(booking: Booking, payment: Payment) -> None:
    facts = confirm_facts(payment) | {"cancelled_at": None, "cancellation_reason": None, "places_released_at": None}
    advance(booking, BookingAction.REVIVE, actor="provider", **facts)


def _confirmed(booking: Booking, payment: Payment) -> None:
    """PAID: the car is kept, assignment and Odoo through hooks, receipt, confirmation, reminder."""
    keep_car(booking)
    add_paper(DocumentKind.RECEIPT, booking, payment.id, lines_of(booking))
    hooks.confirmed(booking)
    messages.confirm(booking)
    messages.remind(booking)


def failed(payment: Payment) -> None:
    """A decline: the hold goes on and the customer may try again; the bank's reason is kept for the page."""
    booking = lock_booking(payment.purpose_id)
    if booking.status is not BookingStatus.PENDING:
        return
    booking.payment_status = PaymentStatus.FAILED
    booking.payment_error = payment.failure_code
    db.session.flush()
    with force_locale(booking.user.language):
        reason = str(reason_message(payment.failure_code))
    messages.send(NotificationKind.PAYMENT_FAILED, booking, reason=reason, once=str(payment.failure_reference))


def refunded(refund: Refund) -> None:
    """Money went back: the booking shows REFUNDED when all of it did; the refund gets its document.

    One that came back is put before a person by payments; the booking is PAID again.
    """
    payment = refund.payment
    booking = lock_booking(payment.purpose_id)
    if booking.paid_at is not None:
        booking.payment_status = settled_payment_status(payment.captured_cents, payment.refunded_cents)
        db.session.flush()
    if refund.state is not RefundState.SUCCEEDED:
        return
    add_refund_document(booking, refund)
    hooks.refunded(booking)


def register() -> None:
    """Fill payments' hooks for the purposes that bookings own. Doing it twice changes nothing."""
    payment_hooks.lock[PaymentPurpose.BOOKING] = lock
    payment_hooks.paid[PaymentPurpose.BOOKING] = paid
    payment_hooks.failed[PaymentPurpose.BOOKING] = failed
    payment_hooks.refunded[PaymentPurpose.BOOKING] = refunded
    payment_hooks.lock[PaymentPurpose.MOVE_FEE] = moving.lock_move
    payment_hooks.paid[PaymentPurpose.MOVE_FEE] = moving.fee_paid
    payment_hooks.failed[PaymentPurpose.MOVE_FEE] = moving.fee_failed
    payment_hooks.closed[PaymentPurpose.MOVE_FEE] = moving.fee_closed
    payment_hooks.refunded[PaymentPurpose.MOVE_FEE] = moving.fee_refunded
