"""What goes back when the customer withdraws: the price, the fees of late moves, and what came for extra work.

What is already on its way back is taken off everywhere, so that all pages and messages name one sum.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, literal, select, union_all

from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking, BookingMove, MoveState
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Document, DocumentKind, Payment, PaymentPurpose, Refund, RefundState
from b2c_web.payments.queries import refundable_cents
from b2c_web.payments.refunding import add_refund, replace_failed
from b2c_web.payments.rules import MADE_ELSEWHERE, refund_left_cents

WITHDRAWAL = "withdrawal"
CONCIERGE_UNUSED = "concierge_unused"
MOVE_NOT_POSSIBLE = "move_not_possible"
LATE_MONEY = "late_money"
NOT_NEEDED = frozenset({MOVE_NOT_POSSIBLE, LATE_MONEY})  # it came, and nothing was left to be paid for
NOT_BY_THE_END = NOT_NEEDED | {CONCIERGE_UNUSED}


def price_left_cents(booking: Booking) -> int:
    """What of the booking's price is still with us. One statement."""
    return _left_cents((Payment.purpose == PaymentPurpose.BOOKING) & (Payment.purpose_id == booking.id))


def withdrawal_cents(booking: Booking) -> int:
    """All that a withdrawal gives back as things stand now. One statement, and what `cents_beside` asks."""
    return _left_cents(_is_own(booking)) + sum(ask(booking) for ask in hooks.cents_beside.functions)


def _left_cents(wanted: ColumnElement[bool]) -> int:
    going_back = select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
        Refund.payment_id == Payment.id, Refund.state != RefundState.FAILED
    )
    left = func.coalesce(func.sum(Payment.captured_cents - going_back.scalar_subquery()), 0)
    return int(db.session.scalar(select(left).where(wanted)) or 0)


def left_of_cents(payments: Sequence[Payment], refunds: Sequence[Refund]) -> int:
    """Rule: what of these payments is still with us; `refunds` may hold those of others too."""
    return sum(
        refund_left_cents(payment.captured_cents, [one for one in refunds if one.payment_id == payment.id])
        for payment in payments
    )


def kept_cents(booking: Booking, left_cents: int, documents: Sequence[Document]) -> int:
    """Rule: what the booking's end kept for good, by its own document; never more than is still with us."""
    fees = [one for one in documents if one.kind is DocumentKind.FEE and one.purpose_id == booking.id]
    return 0 if booking.withdrawn_at else min(left_cents, sum(one.gross_cents for one in fees))


def give_back_fees(booking: Booking) -> None:
    """Step: the booking is withdrawn from: the fees of its late moves go back, once."""
    fees = select(Payment).where(_is_own(booking), Payment.purpose == PaymentPurpose.MOVE_FEE)
    for payment in db.session.scalars(fees.order_by(Payment.id).with_for_update()).all():
        replace_failed(payment)
        if left := refundable_cents(payment):
            add_refund(payment, left, WITHDRAWAL)


def move_fees_cents(booking: Booking) -> int:
    """What the customer paid to move it late, for moves that were made: not part of its price. One statement."""
    paid = select(func.coalesce(func.sum(Payment.captured_cents), 0)).join(
        BookingMove, BookingMove.id == Payment.purpose_id
    )
    made = BookingMove.booking_id == booking.id, BookingMove.state == MoveState.DONE
    return int(db.session.scalar(paid.where(Payment.purpose == PaymentPurpose.MOVE_FEE, *made)) or 0)


def refunds_of(booking: Booking) -> Sequence[Refund]:
    """Every refund of the price and of the fees of late moves, oldest first, failed ones too. One statement."""
    return db.session.scalars(select(Refund).join(Payment).where(_is_own(booking)).order_by(Refund.id)).all()


def shown_of(booking: Booking, refunds: Sequence[Refund]) -> tuple[list[Refund], list[Refund]]:
    """Rule: what the customer reads of: first what goes back of what was paid for, then what was not needed."""
    shown = [one for one in refunds if one.state is not RefundState.FAILED]
    not_needed = [one for one in shown if booking.paid_at is not None and one.reason in NOT_NEEDED]
    return [one for one in shown if one not in not_needed], not_needed


def by_the_end(booking: Booking, refunds: Sequence[Refund]) -> list[Refund]:
    """Rule: what the end of the booking gave back, as its message said, and what a person at the provider did after it.

    Before a payment all that came.
    """
    shown = [one for one in refunds if one.state is not RefundState.FAILED]
    return [one for one in shown if booking.paid_at is None or _is_for_the_end(booking, one)]


def _is_for_the_end(booking: Booking, refund: Refund) -> bool:
    if refund.reason == MADE_ELSEWHERE:
        return booking.cancelled_at is not None and refund.created_at > booking.cancelled_at
    return refund.reason not in NOT_BY_THE_END


def _is_own(booking: Booking) -> ColumnElement[bool]:
    """Is it a payment of the booking's price, or of a fee of its late moves?"""
    moves = select(BookingMove.id).where(BookingMove.booking_id == booking.id)
    purposes = (PaymentPurpose.BOOKING, PaymentPurpose.MOVE_FEE)
    return Payment.purpose.in_(purposes) & Payment.purpose_id.in_(union_all(select(literal(booking.id)), moves))
