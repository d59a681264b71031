"""Steps: what other features do with payments inside their own transaction. They flush and never commit.

Lock order: whoever calls these has locked its own row (the booking) first; these lock the payment.
"""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select

from b2c_web import audit, jobs
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.gateway import Owner
from b2c_web.payments.jobs import close_checkout
from b2c_web.payments.models import CaptureMethod, Payment, PaymentPurpose, PaymentState

GIVEN_UP_STATES = (PaymentState.CREATED, PaymentState.OPEN, PaymentState.AUTHORIZED)


def add_payment(
    purpose: PaymentPurpose,
    purpose_id: uuid.UUID,
    user_id: uuid.UUID,
    amount_cents: int,
    expires_at: datetime | None,
    *,
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC,
    attempt: int | None = None,
    **facts: Any,
) -> Payment:
    """Step: write down that we want this money. The next attempt for the same purpose gets the next number.

    `expires_at`: until when the customer may pay (the end of the hold). `attempt`: that number, when the caller has
    read those before. `facts`: further columns. Nobody is asked for money yet.
    """
    payment = Payment(
        purpose=purpose,
        purpose_id=purpose_id,
        attempt=attempt or _next_attempt(purpose, purpose_id),
        user_id=user_id,
        amount_cents=amount_cents,
        expires_at=expires_at,
        capture_method=capture_method,
        **facts,
    )
    db.session.add(payment)
    db.session.flush()
    return payment


def _next_attempt(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> ColumnElement[int]:
    last = select(func.coalesce(func.max(Payment.attempt), 0)).filter_by(purpose=purpose, purpose_id=purpose_id)
    return last.scalar_subquery() + 1


def cancel_payment(payment: Payment) -> None:
    """Step: give the payment up; its page is closed, or its hold released, by a job.

    Locks the payment. Money that was quicker wins: the payment still becomes SUCCEEDED and `hooks.paid` is
    called. Changes nothing once money came, is under way (PROCESSING) or asked for by a capture that nobody gave up,
    or when the attempt is over.
    """
    db.session.refresh(payment, with_for_update=True)
    if payment.state not in GIVEN_UP_STATES:
        return
    if payment.capture_cents is not None and payment.capture_given_up_at is None:
        return
    before, payment.state = payment.state, PaymentState.CANCELLED
    db.session.flush()
    audit.record("payment.given_up", "payment", payment.id, before={"state": before}, after={"state": payment.state})
    if payment.checkout_expires_at or payment.stripe_payment_intent_id or payment.provider_asked_at:
        jobs.defer(close_checkout, payment_id=str(payment.id))


def lock_payment(payment_id: uuid.UUID, whose: Owner | None = None) -> Payment:
    """Step: the payment, fresh, with the row it is paid for and its own row locked in this order.

    `whose`: what its row said of it before, which never changes; not what the provider says, and not another's
    (ValueError). Raises NotFound.
    """
    if whose and whose.payment_id != payment_id:
        raise ValueError(f"not the owner of payment {payment_id}")
    known = whose or db.session.execute(select(Payment.purpose, Payment.purpose_id).filter_by(id=payment_id)).first()
    if known is None:
        raise NotFound
    hooks.lock_purpose(known.purpose, known.purpose_id)
    return db.session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)
