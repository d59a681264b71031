"""What a booking's page says of its late move, whose fee is paid first. Reads only."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import aliased

from b2c_web.bookings.models import Booking, BookingMove, BookingStatus, MoveState
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState
from b2c_web.payments.queries import latest_payment
from b2c_web.payments.rules import UNPAID
from b2c_web.workshops.models import TimeSlot


class FeeStanding(StrEnum):
    """How a late move stands, for its customer."""

    OPEN = "OPEN"  # its fee can be paid
    CHECKED = "CHECKED"  # somebody paid; the provider or the bank has not said so yet
    OVER = "OVER"  # the time to pay it is over, as far as we know
    UNPAID = "UNPAID"  # nobody paid it, the old date stays
    DONE = "DONE"
    RETURNED = "RETURNED"  # paid, but it could not be moved any more


@dataclass(frozen=True, slots=True)
class LateMove:
    """`until`: so long its fee can be paid. `window`: start and end of the new pickup window."""

    id: uuid.UUID
    standing: FeeStanding
    fee_cents: int
    until: datetime | None
    window: tuple[datetime, datetime]


def late_move_of(booking: Booking, now: datetime, paid: str) -> LateMove | None:
    """The newest late move while it waits for its fee; later only for who comes from paying it.

    `paid`: the id of the move whose payment page the customer comes from, or nothing.
    """
    slot = aliased(TimeSlot)
    statement = select(BookingMove, slot.start_time, slot.end_time).join(slot, slot.id == BookingMove.to_slot_id)
    newest = statement.where(BookingMove.booking_id == booking.id).order_by(BookingMove.id.desc()).limit(1)
    found = db.session.execute(newest).first()
    if found is None or not found[0].fee_cents:
        return None
    move, start, end = found
    comes_back = str(move.id) == paid
    waits = move.state is MoveState.AWAITING_FEE and booking.status is BookingStatus.CONFIRMED
    payment = latest_payment(PaymentPurpose.MOVE_FEE, move.id) if waits or comes_back else None
    if payment is None:
        return None
    until = payment.checkout_expires_at or payment.expires_at
    is_open = until is None or now < until
    standing = _standing(move, payment, comes_back=comes_back, is_open=is_open)
    return LateMove(move.id, standing, move.fee_cents, until, (start, end))


def _standing(move: BookingMove, payment: Payment, *, comes_back: bool, is_open: bool) -> FeeStanding:
    """Rule: what the states of a move and of its fee mean together."""
    if move.state is MoveState.DONE:
        return FeeStanding.DONE
    if payment.captured_cents:
        return FeeStanding.RETURNED
    if payment.state is PaymentState.PROCESSING:
        return FeeStanding.CHECKED
    if move.state is MoveState.FAILED or payment.state not in UNPAID:
        return FeeStanding.UNPAID
    if comes_back:
        return FeeStanding.CHECKED
    return FeeStanding.OPEN if is_open else FeeStanding.OVER
