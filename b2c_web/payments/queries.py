"""Reads about money. Sums come from the payments' own columns, which the ledger proves."""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select

from b2c_web.accounts.models import User
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Document, Payment, PaymentMethod, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.setup_models import MethodSetup

LIVE = (PaymentState.CREATED, PaymentState.OPEN, PaymentState.PROCESSING, PaymentState.AUTHORIZED)


def payments_of(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> Sequence[Payment]:
    """Every attempt to get the money for one purpose, oldest first."""
    wanted = select(Payment).filter_by(purpose=purpose, purpose_id=purpose_id).order_by(Payment.attempt)
    return db.session.scalars(wanted).all()


def latest_payment(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> Payment | None:
    """The last attempt, whatever became of it."""
    wanted = select(Payment).filter_by(purpose=purpose, purpose_id=purpose_id).order_by(Payment.attempt.desc())
    return db.session.scalars(wanted.limit(1)).first()


def live_payment(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> Payment | None:
    """The attempt that money may still come from, if there is one."""
    payment = latest_payment(purpose, purpose_id)
    return payment if payment is not None and payment.state in LIVE else None


def held_payment(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> Payment | None:
    """The attempt whose money is held (or promised by a mandate) now: the one to capture or to release.

    Not always the latest: a renewal stands beside it until it holds the money itself.
    """
    wanted = select(Payment).filter_by(purpose=purpose, purpose_id=purpose_id, state=PaymentState.AUTHORIZED)
    return db.session.scalars(wanted.order_by(Payment.attempt.desc()).limit(1)).first()


def succeeded_payment(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> Payment | None:
    """The attempt that brought the money."""
    wanted = select(Payment).filter_by(purpose=purpose, purpose_id=purpose_id, state=PaymentState.SUCCEEDED)
    return db.session.scalars(wanted.order_by(Payment.attempt.desc()).limit(1)).first()


def paid_cents(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> int:
    """What was charged for one purpose less what went back."""
    total = select(func.coalesce(func.sum(Payment.captured_cents - Payment.refunded_cents), 0))
    return db.session.scalar(total.filter_by(purpose=purpose, purpose_id=purpose_id)) or 0


def refunds_of(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> Sequence[Refund]:
    """Every refund for one purpose, oldest first, failed ones too."""
    wanted = select(Refund).join(Payment).filter(Payment.purpose == purpose, Payment.purpose_id == purpose_id)
    return db.session.scalars(wanted.order_by(Refund.id)).all()


def refundable_cents(payment: Payment) -> int:
    """What can still be given back of a payment, with refunds under way counted."""
    under_way = select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
        Refund.payment_id == payment.id, Refund.state != RefundState.FAILED
    )
    return payment.captured_cents - (db.session.scalar(under_way) or 0)


def methods_of(user: User) -> Sequence[PaymentMethod]:
    """A customer's saved cards and accounts, the usual one first, then the newest."""
    wanted = select(PaymentMethod).filter_by(user_id=user.id, is_active=True)
    return db.session.scalars(wanted.order_by(PaymentMethod.is_default.desc(), PaymentMethod.id.desc())).all()


def method_of(user: User, method_id: uuid.UUID) -> PaymentMethod:
    """One saved card of this customer. Raises NotFound for any other."""
    wanted = select(PaymentMethod).filter_by(id=method_id, user_id=user.id, is_active=True)
    method = db.session.scalar(wanted)
    if method is None:
        raise NotFound
    return method


def setup_of(user: User, setup_id: uuid.UUID) -> MethodSetup:
    """One attempt of this customer to save a card or an account. Raises NotFound for any other."""
    setup = db.session.scalar(select(MethodSetup).filter_by(id=setup_id, user_id=user.id))
    if setup is None:
        raise NotFound
    return setup


def saved_method(setup: MethodSetup) -> PaymentMethod | None:
    """What was saved there and is still kept."""
    method = db.session.get(PaymentMethod, setup.method_id) if setup.method_id else None
    return method if method is not None and method.is_active else None


def documents_of(booking_id: uuid.UUID) -> Sequence[Document]:
    """A booking's receipts, fees and refund confirmations, oldest first."""
    return db.session.scalars(select(Document).filter_by(booking_id=booking_id).order_by(Document.id)).all()
