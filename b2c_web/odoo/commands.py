"""What accounting must know is written down in the command that causes it; syncing is a job's work."""

import uuid

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from b2c_web.bookings.models import Booking, BookingMove, MoveState
from b2c_web.clock import now_utc
from b2c_web.extensions.models import Extension
from b2c_web.flask_extensions import db
from b2c_web.odoo.models import OdooSyncStatus
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState, Refund, RefundState

# the entities that accounting knows, by our tables: customer, invoice, payment, credit note
USER, INVOICE, PAYMENT, CREDIT_NOTE = "user", "booking", "payment", "refund"
EXTENSION_INVOICE = "extension"


def owe(entity_type: str, entity_id: uuid.UUID) -> bool:
    """Step: note once that accounting must know this entity. False when it was noted before; then nothing changes."""
    now = now_utc()
    row = {"id": uuid7(), "entity_type": entity_type, "entity_id": entity_id, "created_at": now, "updated_at": now}
    statement = insert(OdooSyncStatus).values(row).on_conflict_do_nothing(index_elements=["entity_type", "entity_id"])
    return db.session.execute(statement.returning(OdooSyncStatus.id)).scalar_one_or_none() is not None


def owe_invoice(booking: Booking) -> None:
    """Step: a booking is paid: its customer, the invoice and the payment, in the order in which they are needed."""
    owe(USER, booking.user_id)
    owe(INVOICE, booking.id)
    paid = select(Payment.id).where(_payments_of(booking), Payment.state == PaymentState.SUCCEEDED)
    for payment_id in db.session.scalars(paid.order_by(Payment.id)).all():
        owe(PAYMENT, payment_id)


def owe_extension_invoice(booking: Booking, extension: Extension) -> None:
    """Step: an extension's money came: a second invoice, with its payment."""
    owe(USER, booking.user_id)
    owe(EXTENSION_INVOICE, extension.id)
    paid = select(Payment.id).filter_by(purpose=PaymentPurpose.EXTENSION, purpose_id=extension.id)
    for payment_id in db.session.scalars(paid.filter_by(state=PaymentState.SUCCEEDED).order_by(Payment.id)).all():
        owe(PAYMENT, payment_id)


def owe_credit_notes(booking: Booking) -> None:
    """Step: money went back: a credit note for each refund that arrived, when there is an invoice to credit."""
    if booking.paid_at is None:
        return
    _owe_refunds_of(_payments_of(booking))


def owe_extension_credit_notes(booking: Booking, extension: Extension) -> None:
    """Step: some of an extension's captured money went back; money that never counted has no invoice to credit."""
    intent_id = extension.stripe_payment_intent_id
    _owe_refunds_of((Payment.purpose == PaymentPurpose.EXTENSION) & (Payment.stripe_payment_intent_id == intent_id))


def _owe_refunds_of(payments: ColumnElement[bool]) -> None:
    arrived = select(Refund.id).join(Payment, Payment.id == Refund.payment_id)
    arrived = arrived.where(payments, Refund.state == RefundState.SUCCEEDED)
    for refund_id in db.session.scalars(arrived.order_by(Refund.id)).all():
        owe(CREDIT_NOTE, refund_id)


def _payments_of(booking: Booking) -> ColumnElement[bool]:
    """The booking's own payments and the fees of the late moves that were made; other fees went back uninvoiced."""
    moves = select(BookingMove.id).where(BookingMove.booking_id == booking.id, BookingMove.state == MoveState.DONE)
    price = (Payment.purpose == PaymentPurpose.BOOKING) & (Payment.purpose_id == booking.id)
    return price | ((Payment.purpose == PaymentPurpose.MOVE_FEE) & Payment.purpose_id.in_(moves))
