"""Steps for money that is held first and taken later. They flush and never commit; the provider is asked by jobs.

Lock order: whoever calls these has locked its own row first; these lock the payments of one purpose by attempt.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from b2c_web import audit, jobs
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.jobs import authorize as authorize_job
from b2c_web.payments.jobs import capture as capture_job
from b2c_web.payments.methods import default_of
from b2c_web.payments.models import CaptureMethod, Payment, PaymentMethod, PaymentPurpose, PaymentState
from b2c_web.payments.steps import add_payment, cancel_payment

# the web request that follows the commit asks at once; the job only comes when it did not
JOB_AFTER = timedelta(seconds=5)
MONEY_THERE = (PaymentState.AUTHORIZED, PaymentState.PROCESSING, PaymentState.SUCCEEDED)
WAITING = (PaymentState.CREATED, PaymentState.OPEN)
CARD = "card"


def hold_payment(
    purpose: PaymentPurpose,
    purpose_id: uuid.UUID,
    user_id: uuid.UUID,
    amount_cents: int,
    *,
    method_id: uuid.UUID | None = None,
    on_page: bool = False,
    description: str = "",
) -> Payment:
    """Step: write down that this money shall be held; an attempt before it that waits is given up.

    `method_id`: the saved card or account (None: the customer's usual one). For a card the first try is written down
    here: call `authorize_payment` with its `wish_of` right after the commit; a job goes on 5 s later otherwise. A card
    is held, a SEPA mandate promises and is charged by the capture (`payment.by_mandate`). `on_page`: the customer types
    a card instead; call `open_checkout` after the commit.
    `description` is what the bank statement's details show, without personal data. Locks the purpose's payments.
    Raises Conflict when the purpose's money is held or paid already, NotFound when the method is not this user's.
    """
    last = 0
    for earlier in payments_in_line(purpose, purpose_id):
        if earlier.state in MONEY_THERE:
            raise Conflict(code="payment_held")
        cancel_payment(earlier)
        last = earlier.attempt
    method = None if on_page else _method(user_id, method_id)
    facts: dict[str, Any] = {"on_page": on_page, "description": description[:200], "attempt": last + 1}
    if method is not None and method.type == CARD:
        facts |= {"tries": 1, "provider_asked_at": now_utc()}
    return _add(purpose, purpose_id, user_id, amount_cents, method, **facts)


def renew_payment(old: Payment, method: PaymentMethod) -> Payment:
    """Step: hold the money of a hold that is about to lapse once more; the old one stays until the new one stands."""
    wish = (old.purpose, old.purpose_id, old.user_id, old.amount_cents)
    return _add(*wish, method, description=old.description, replaces_id=old.id)


def capture_payment(payment: Payment, amount_cents: int) -> None:
    """Step: take so much of what is held, by a job; the rest is released. 0 releases all. Once: the same wish again
    changes nothing, another one is refused; a capture that was given up is asked for anew, with either.

    Never above `payment.amount_cents` (ValueError). Locks the payment; a renewal under way is given up. Raises
    Conflict when the money is not held (any more), or another sum was asked for.
    """
    if not 0 <= amount_cents <= payment.amount_cents:
        raise ValueError(f"{amount_cents} cents of {payment.amount_cents} cannot be captured")
    db.session.refresh(payment, with_for_update=True)
    if payment.capture_cents is not None and payment.capture_given_up_at is None:
        if payment.capture_cents != amount_cents:
            raise Conflict(code="capture_asked")
        return
    if amount_cents == 0:
        cancel_payment(payment)
        return
    if payment.state is not PaymentState.AUTHORIZED:
        raise Conflict(code="payment_not_held")
    _give_up_others(payment)
    payment.capture_cents, payment.capture_asked_at = amount_cents, now_utc()
    _begin_tries(payment)
    db.session.flush()
    audit.record("payment.capture_wanted", "payment", payment.id, after={"amount_cents": amount_cents})
    jobs.defer(capture_job, payment_id=str(payment.id))


def _begin_tries(payment: Payment) -> None:
    """After a capture that was given up the next try is no first one: what the others did is looked for before it."""
    if payment.capture_given_up_at is None:
        payment.tries = 0
        return
    payment.tries = 1
    payment.key_version += 1
    payment.capture_given_up_at = payment.failure_code = None


def payments_in_line(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> Sequence[Payment]:
    """Step: every attempt for the purpose, fresh and locked, oldest first."""
    wanted = select(Payment).filter_by(purpose=purpose, purpose_id=purpose_id).order_by(Payment.attempt)
    locked = wanted.with_for_update().execution_options(populate_existing=True)
    return db.session.scalars(locked).all()


def stand_alone(payment: Payment) -> None:
    """Step: this attempt holds the money now; every other one that waits or holds is given up and released."""
    _give_up_others(payment)


def tell_declined(payment: Payment) -> None:
    """Step: an attempt was declined. Of a renewal the old hold still stands, so that only a person is told."""
    if payment.replaces_id is None:
        hooks.tell(hooks.failed, payment.purpose, payment)
        return
    cancel_payment(payment)
    escalate(db.session.get_one(Payment, payment.replaces_id), payment.failure_code or "declined")


def escalate(payment: Payment, why: str) -> None:
    """Step: a hold that lapses and cannot be renewed is put before a person, once."""
    if payment.escalated_at is not None:
        return
    payment.escalated_at = now_utc()
    db.session.flush()
    facts = {"payment_id": str(payment.id), "capture_before": str(payment.capture_before)}
    hooks.give_up("payments.hold_lapses", facts, f"the hold could not be renewed: {why}")


def owe(payment: Payment) -> None:
    """Step: the debit for work that is done failed: an open debt, which a person sees. Any other failure is none.

    For the purpose's `hooks.failed`, which knows whether the money is still wanted.
    """
    if payment.state is PaymentState.FAILED and payment.capture_cents is not None:
        facts = {"payment_id": str(payment.id), "amount_cents": payment.capture_cents}
        hooks.give_up("payments.debt", facts, f"the debit failed: {payment.failure_code}")


def _add(
    purpose: PaymentPurpose,
    purpose_id: uuid.UUID,
    user_id: uuid.UUID,
    amount_cents: int,
    method: PaymentMethod | None,
    *,
    on_page: bool = False,
    **facts: Any,
) -> Payment:
    is_debit = method is not None and method.type != CARD
    asked_at = None if on_page else now_utc()
    payment = add_payment(
        purpose,
        purpose_id,
        user_id,
        amount_cents,
        None,
        capture_method=CaptureMethod.AUTOMATIC if is_debit else CaptureMethod.MANUAL,
        method=method,
        hold_asked_at=asked_at,
        **facts,
    )
    if asked_at is not None:
        jobs.defer(authorize_job, at=asked_at + JOB_AFTER, payment_id=str(payment.id))
    return payment


def _method(user_id: uuid.UUID, method_id: uuid.UUID | None) -> PaymentMethod | None:
    if method_id is None:
        return default_of(user_id)
    method = db.session.scalar(select(PaymentMethod).filter_by(id=method_id, user_id=user_id, is_active=True))
    if method is None:
        raise NotFound
    return method


def _give_up_others(payment: Payment) -> None:
    for other in payments_in_line(payment.purpose, payment.purpose_id):
        if other.id != payment.id:
            cancel_payment(other)
