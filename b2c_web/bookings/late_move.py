"""What a booking's page says of its late move, whose fee is paid first. Reads only."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import aliased

from b2c_web.bookings.models import Booking, BookingMove, BookingStatus, MoveState
from b2c_web.bookings.waiting import page_ends_after
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState
from b2c_web.payments.queries import latest_payment
from b2c_web.workshops.models import TimeSlot

SAID = timedelta(hours=1)  # so long what came of it is said to who comes from paying


class FeeStanding(StrEnum):
    """How a late move stands, for its customer."""

    OPEN = "OPEN"  # its fee can be paid
    CHECKED = "CHECKED"  # somebody paid; the provider or the bank has not said so yet
    OVER = "OVER"  # the time to pay it is over, as far as we know
    UNPAID = "UNPAID"  # nobody paid it, the old date stays
    LATE = "LATE"  # the bank is still at it, and the move is off: what comes goes back
    DONE = "DONE"
    RETURNED = "RETURNED"  # paid, but it could not be moved any more


@dataclass(frozen=True, slots=True)
class LateMove:
    """`until`: so long its fee can be paid. `window`: start and end of the new pickup window."""

    id: uuid.UUID
    standing: FeeStanding
    fee_cents: int
    until: datetime
    window: tuple[datetime, datetime]


def late_moves_of(booking: Booking, now: datetime, paid: uuid.UUID | None) -> list[LateMove]:
    """What there is to say of late moves: of the one that waits for its fee, and of the one with the id `paid`, whose
    payment page the customer comes from, until an hour after it ended.
    """
    if booking.status is not BookingStatus.CONFIRMED:
        return []
    slot, waits = aliased(TimeSlot), BookingMove.state == MoveState.AWAITING_FEE
    ended = and_(BookingMove.id == paid, BookingMove.updated_at >= now - SAID)
    statement = select(BookingMove, slot.start_time, slot.end_time).join(slot, slot.id == BookingMove.to_slot_id)
    statement = statement.where(BookingMove.booking_id == booking.id, or_(waits, ended)).order_by(
        BookingMove.created_at
    )
    found = [_late_move(move, (start, end), paid, now) for move, start, end in db.session.execute(statement)]
    return [one for one in found if one is not None]


def _late_move(
    move: BookingMove, window: tuple[datetime, datetime], paid: uuid.UUID | None, now: datetime
) -> LateMove | None:
    payment = latest_payment(PaymentPurpose.MOVE_FEE, move.id)
    if payment is None:
        return None
    until = min(payment.checkout_expires_at or payment.expires_at or now, move.created_at + page_ends_after())
    standing = _standing(move, payment, comes_back=move.id == paid, is_open=now < until)
    return LateMove(move.id, standing, move.fee_cents, until, window)


def fee_of(booking: Booking, move_id: uuid.UUID) -> Payment | None:
    """The payment of the fee of one of this booking's moves, if it has one. Raises NotFound for any other move."""
    if db.session.scalar(select(BookingMove.id).filter_by(id=move_id, booking_id=booking.id)) is None:
        raise NotFound
    return latest_payment(PaymentPurpose.MOVE_FEE, move_id)


def _standing(move: BookingMove, payment: Payment, *, comes_back: bool, is_open: bool) -> FeeStanding:
    """Rule: what the states of a move and of its fee mean together."""
    if move.state is MoveState.DONE:
        return FeeStanding.DONE
    if payment.captured_cents:
        return FeeStanding.RETURNED
    if move.state is MoveState.FAILED or payment.state is PaymentState.CANCELLED:
        return FeeStanding.LATE if payment.state is PaymentState.PROCESSING else FeeStanding.UNPAID
    if comes_back or payment.state is PaymentState.PROCESSING:
        return FeeStanding.CHECKED
    return FeeStanding.OPEN if is_open else FeeStanding.OVER
