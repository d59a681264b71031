"""Money that goes back: wished for in somebody's transaction, asked for by a job, recorded when it happened."""

import logging
import uuid
from dataclasses import dataclass

from sqlalchemy import Select, select

from b2c_web import audit, jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.gateway import (
    Owner,
    PaymentProviderError,
    PaymentRefused,
    PaymentUncertain,
    RefundOutcome,
    RefundResult,
    gateway,
)
from b2c_web.payments.jobs import refund as refund_job
from b2c_web.payments.keys import once
from b2c_web.payments.models import Payment, Refund, RefundState
from b2c_web.payments.refund_recording import note_refund
from b2c_web.payments.rules import outside_reference, owed_again_cents, refund_left_cents, retry_reference
from b2c_web.payments.steps import lock_payment

log = logging.getLogger(__name__)
MAX_TRIES = 12


@dataclass(frozen=True)
class _Order:
    refund_id: uuid.UUID
    intent_id: str
    amount_cents: int
    owner: Owner
    key: str
    tries: int


def add_refund(payment: Payment, amount_cents: int, reason: str, reference: str = "") -> Refund | None:
    """Step: give money back, by a job. Once per (payment, reason, reference): a repeated call returns the first.

    Never above what is left of the captured money (refunds under way counted): a larger wish is cut to it, and None
    is returned when nothing is left. Locks the payment. `amount_cents` must be positive.
    """
    if amount_cents <= 0:
        raise ValueError("a refund is a positive number of cents")
    db.session.refresh(payment, with_for_update=True)
    known = select(Refund).filter_by(payment_id=payment.id, reason=reason, reference=reference)
    refund = db.session.scalar(known)
    if refund is not None:
        return refund
    left = refund_left_cents(payment.captured_cents, list(db.session.scalars(_refunds_of(payment.id))))
    if left <= 0:
        return None
    refund = Refund(payment_id=payment.id, amount_cents=min(amount_cents, left), reason=reason, reference=reference)
    db.session.add(refund)
    db.session.flush()
    audit.record("refund.wanted", "refund", refund.id, after={"amount_cents": refund.amount_cents, "reason": reason})
    jobs.defer(refund_job, refund_id=str(refund.id))
    return refund


def replace_failed(payment: Payment) -> None:
    """Step: what is left of a locked payment is shared out anew, and what failed to go back is part of that."""
    failed = [one for one in db.session.scalars(_refunds_of(payment.id)) if one.state is RefundState.FAILED]
    for refund in failed:
        refund.replaced_at = refund.replaced_at or now_utc()
    db.session.flush()
    hooks.settle(("payments.refund",), [one.id for one in failed], "what was left was shared out anew")


def run_refund(refund_id: uuid.UUID) -> None:
    """Ask the provider to give the money back, once, and record it. Safe to repeat.

    Raises PaymentProviderError to be tried again; after MAX_TRIES, or when the provider refuses, the refund is FAILED
    and a person is told through `hooks.gave_up`.
    """
    order = _begin(refund_id)
    if order is None:
        return
    try:
        result = _already_there(order) or gateway().refund(
            order.intent_id,
            order.amount_cents,
            reference=str(order.refund_id),
            owner=order.owner,
            key=order.key,
        )
    except PaymentRefused as refused:
        _give_up(order, str(refused), refused.code)
        return
    except PaymentProviderError as error:
        if order.tries >= MAX_TRIES:
            _give_up(order, str(error), error.code)
            return
        _prepare_next_try(order, error)
        raise
    record_refund(order.owner.payment_id, result)


def record_refund(payment_id: uuid.UUID, result: RefundResult) -> None:
    """Record what the provider said of a refund, in one transaction; one that is not ours is taken over. Repeatable."""
    with command_transaction():
        note_refund(lock_payment(payment_id), result)


def sync_refunds(payment_id: uuid.UUID) -> None:
    """Bring all refunds of a payment up to date with the provider. Raises PaymentProviderError."""
    with command_transaction():
        intent_id = db.session.get_one(Payment, payment_id).stripe_payment_intent_id
    if intent_id is None:
        return
    for result in gateway().refunds_of(intent_id):
        record_refund(payment_id, result)


def retry_refund(refund_id: uuid.UUID) -> Refund:
    """A person wants a failed refund tried again: a new refund, once per failed one. The provider is looked at first.

    It stands for the failed one from now on, which asks nobody any more. What was given back by hand meanwhile is not
    given back again. Raises Conflict unless that is FAILED, not replaced, its money still there and not given back
    outside;
    PaymentProviderError when nobody can be asked.
    """
    with command_transaction():
        payment_id = db.session.get_one(Refund, refund_id).payment_id
    sync_refunds(payment_id)
    with command_transaction():
        payment = lock_payment(payment_id)
        failed = db.session.get_one(Refund, refund_id, with_for_update=True)
        outside = db.session.scalar(_refunds_of(payment_id).filter_by(reference=outside_reference(failed)))
        if failed.state is not RefundState.FAILED or failed.replaced_at is not None or outside is not None:
            raise Conflict
        again = _made_again(payment, failed)
        if again is None:
            raise Conflict
        hooks.settle(("payments.refund",), [failed.id], f"made again: {again.id}")
    return again


def _made_again(payment: Payment, failed: Refund) -> Refund | None:
    refunds, reference = list(db.session.scalars(_refunds_of(payment.id))), retry_reference(failed)
    known = next((one for one in refunds if one.reference == reference), None)
    owed = min(failed.amount_cents, owed_again_cents(refunds))
    return known or (add_refund(payment, owed, failed.reason, reference) if owed else None)


def _refunds_of(payment_id: uuid.UUID) -> Select[Refund]:
    return select(Refund).filter_by(payment_id=payment_id)


def _begin(refund_id: uuid.UUID) -> _Order | None:
    """First step: count the try. None when the provider has it already, or nobody wants it any more."""
    with command_transaction():
        refund = db.session.get_one(Refund, refund_id, with_for_update=True)
        payment = db.session.get_one(Payment, refund.payment_id)
        if refund.state is not RefundState.PENDING or refund.stripe_refund_id is not None:
            return None
        refund.tries += 1
        return _Order(
            refund_id=refund.id,
            intent_id=payment.stripe_payment_intent_id or "",
            amount_cents=refund.amount_cents,
            owner=Owner(payment.id, payment.purpose, payment.purpose_id),
            key=once("refund", refund.id, refund.key_version),
            tries=refund.tries,
        )


def _already_there(order: _Order) -> RefundResult | None:
    """From the second try on: what an earlier one may have done. Keys are forgotten by the provider after a day."""
    if order.tries == 1:
        return None
    for result in gateway().refunds_of(order.intent_id):
        if result.reference == str(order.refund_id) and result.outcome is not RefundOutcome.FAILED:
            return result
    return None


def _prepare_next_try(order: _Order, error: PaymentProviderError) -> None:
    """A failure of the provider's own is repeated for its key: the next try looks first, then takes a new one."""
    if not (isinstance(error, PaymentUncertain) and error.answered):
        return
    with command_transaction():
        db.session.get_one(Refund, order.refund_id, with_for_update=True).key_version += 1


def _give_up(order: _Order, error: str, code: str) -> None:
    with command_transaction():
        payment = lock_payment(order.owner.payment_id)
        refund = db.session.get_one(Refund, order.refund_id, with_for_update=True, populate_existing=True)
        if refund.state is not RefundState.PENDING or refund.stripe_refund_id is not None:
            return
        refund.state, refund.failure_code = RefundState.FAILED, code[:80]
        db.session.flush()
        audit.record("refund.failed", "refund", refund.id, after={"failure_code": code})
        hooks.tell(hooks.refunded, payment.purpose, refund)
        hooks.give_up("payments.refund", {"refund_id": str(refund.id)}, error)
