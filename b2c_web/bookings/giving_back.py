"""What goes back when the customer withdraws: the price, the fees of late moves, and what came for extra work.

What is already on its way back is taken off everywhere, so that all pages and messages name one sum.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, select

from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking, BookingMove
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment, PaymentPurpose, Refund
from b2c_web.payments.queries import payments_of, refundable_cents
from b2c_web.payments.refunding import add_refund

WITHDRAWAL = "withdrawal"


def price_left_cents(booking: Booking) -> int:
    """What of the booking's price is still with us."""
    return sum(map(refundable_cents, payments_of(PaymentPurpose.BOOKING, booking.id)))


def withdrawal_cents(booking: Booking) -> int:
    """All that a withdrawal gives back as things stand now."""
    fees = db.session.scalars(select(Payment).where(_is_fee_of(booking))).all()
    beside = sum(ask(booking) for ask in hooks.cents_beside.functions)
    return price_left_cents(booking) + sum(map(refundable_cents, fees)) + beside


def give_back_fees(booking: Booking) -> None:
    """Step: the booking is withdrawn from: the fees of its late moves go back, once."""
    for payment in db.session.scalars(select(Payment).where(_is_fee_of(booking)).order_by(Payment.id)).all():
        if left := refundable_cents(payment):
            add_refund(payment, left, WITHDRAWAL)


def refunds_of_fees(booking: Booking) -> Sequence[Refund]:
    """Every refund of a late move's fee, oldest first, failed ones too."""
    return db.session.scalars(select(Refund).join(Payment).where(_is_fee_of(booking)).order_by(Refund.id)).all()


def _is_fee_of(booking: Booking) -> ColumnElement[bool]:
    moves = select(BookingMove.id).where(BookingMove.booking_id == booking.id)
    return (Payment.purpose == PaymentPurpose.MOVE_FEE) & Payment.purpose_id.in_(moves)
