"""Late moves that wait for their fee, and how they end without it."""

import uuid
from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from b2c_web.bookings.models import Booking, BookingMove, MoveState
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment, PaymentPurpose
from b2c_web.payments.steps import cancel_payment

GRACE = timedelta(minutes=10)  # an open payment page ends by itself first


def end_waiting_moves(booking: Booking) -> None:
    """Step: moves of a locked booking that wait for their fee are off; their payment pages are closed."""
    waiting = select(BookingMove).where(
        BookingMove.booking_id == booking.id, BookingMove.state == MoveState.AWAITING_FEE
    )
    for move in db.session.scalars(waiting.with_for_update()).all():
        move.state = MoveState.FAILED
        fees = select(Payment).where(Payment.purpose == PaymentPurpose.MOVE_FEE, Payment.purpose_id == move.id)
        for payment in db.session.scalars(fees.with_for_update()).all():
            cancel_payment(payment)
    db.session.flush()


def page_ends_after() -> timedelta:
    """So long after a wish its fee can be paid."""
    return timedelta(minutes=current_app.config["HOLD_MINUTES"]) + GRACE


def bookings_waiting_too_long() -> list[uuid.UUID]:
    """Bookings with a move whose fee should have been paid by now."""
    since = now_utc() - page_ends_after()
    waiting = select(BookingMove.booking_id).where(
        BookingMove.state == MoveState.AWAITING_FEE, BookingMove.created_at < since
    )
    return list(db.session.scalars(waiting.limit(200)).all())
