"""Third step of a refund: what the provider said becomes ours, exactly once. Called with the payment locked."""

import uuid
from datetime import datetime

from sqlalchemy import select

from b2c_web import audit
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.gateway import RefundOutcome, RefundResult
from b2c_web.payments.models import LedgerEntry, LedgerKind, Payment, Refund, RefundState
from b2c_web.payments.rules import MADE_ELSEWHERE, refund_left_cents


def note_refund(payment: Payment, result: RefundResult) -> None:
    """Step: record a refund of the locked payment. A refund that we never wished for is taken over as made there.

    An answer about an earlier try than the one we know of changes nothing.
    """
    refund = _ours(payment, result) or _taken_over(payment, result)
    if refund is None or (refund.stripe_refund_id not in (None, result.id)):
        return
    if refund.state is RefundState.FAILED and refund.stripe_refund_id is None:
        _found(refund, result)
    refund.stripe_refund_id = result.id
    if result.outcome is RefundOutcome.SUCCEEDED and refund.state is not RefundState.SUCCEEDED:
        _arrived(payment, refund, result)
    elif result.outcome is RefundOutcome.FAILED and refund.state is not RefundState.FAILED:
        _came_back(payment, refund, result)
    db.session.flush()


def _ours(payment: Payment, result: RefundResult) -> Refund | None:
    by_id = db.session.scalar(select(Refund).filter_by(stripe_refund_id=result.id))
    if by_id is not None or result.reference is None:
        return by_id
    return db.session.scalar(select(Refund).filter_by(id=_uuid(result.reference), payment_id=payment.id))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _taken_over(payment: Payment, result: RefundResult) -> Refund | None:
    """Somebody refunded at the provider by hand; a failed one moved nothing and is left out."""
    refunds = list(db.session.scalars(select(Refund).filter_by(payment_id=payment.id)))
    if result.outcome is RefundOutcome.FAILED:
        return None
    if result.amount_cents > refund_left_cents(payment.captured_cents, refunds):
        facts = {"payment_id": str(payment.id), "provider_refund": result.id}
        hooks.give_up("payments.refund_not_ours", facts, "more was refunded than we know to be left")
        return None
    refund = Refund(
        payment_id=payment.id,
        amount_cents=result.amount_cents,
        reason=MADE_ELSEWHERE,
        reference=result.id,
        created_at=now_utc(),  # under the lock, so that it compares with the end of what was paid for
    )
    db.session.add(refund)
    db.session.flush()
    return refund


def _found(refund: Refund, result: RefundResult) -> None:
    """We gave up asking, not the provider: what it has after all nobody shall make again, or pay otherwise."""
    if result.outcome is RefundOutcome.FAILED:
        return
    refund.state, refund.failure_code = RefundState.PENDING, None
    audit.record("refund.found", "refund", refund.id, after={"provider_refund": result.id}, actor="provider")
    hooks.settle(("payments.refund",), [refund.id], "the provider has it after all")


def book_arrival(payment: Payment, refund: Refund, provider_reference: str, at: datetime) -> None:
    """Step: the money of a refund of the locked payment has reached the customer."""
    refund.state, refund.succeeded_at, refund.failure_code = RefundState.SUCCEEDED, now_utc(), None
    payment.refunded_cents += refund.amount_cents
    _book(LedgerKind.REFUND, refund, provider_reference, at)


def _arrived(payment: Payment, refund: Refund, result: RefundResult) -> None:
    book_arrival(payment, refund, result.id, result.created_at)
    audit.record("refund.succeeded", "refund", refund.id, after={"amount_cents": refund.amount_cents}, actor="provider")
    hooks.tell(hooks.refunded, payment.purpose, refund)


def _came_back(payment: Payment, refund: Refund, result: RefundResult) -> None:
    """The bank sent it back, perhaps after it had arrived: the customer's money is with us again."""
    if refund.state is RefundState.SUCCEEDED:
        payment.refunded_cents -= refund.amount_cents
        _book(LedgerKind.REFUND_RETURNED, refund, result.id, result.created_at)
    refund.state, refund.failure_code = RefundState.FAILED, (result.failure_code or "failed")[:80]
    refund.succeeded_at = None
    audit.record("refund.failed", "refund", refund.id, after={"failure_code": refund.failure_code}, actor="provider")
    hooks.tell(hooks.refunded, payment.purpose, refund)
    hooks.give_up("payments.refund", {"refund_id": str(refund.id)}, f"the bank sent it back: {refund.failure_code}")


def _book(kind: LedgerKind, refund: Refund, provider_reference: str, at: datetime) -> None:
    db.session.add(
        LedgerEntry(
            payment_id=refund.payment_id,
            refund_id=refund.id,
            kind=kind,
            amount_cents=refund.amount_cents,
            provider_reference=provider_reference,
            occurred_at=at,
        )
    )
    db.session.flush()
