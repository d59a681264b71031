"""Money that went back past the provider, since it cannot refund it any more: a person writes it down, with a note."""

import uuid

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.models import Payment, Refund, RefundState
from b2c_web.payments.refund_recording import book_arrival
from b2c_web.payments.refunding import sync_refunds
from b2c_web.payments.rules import outside_reference, owed_again_cents, refund_left_cents, retry_reference
from b2c_web.payments.steps import lock_payment


def record_refund_outside(person: User, refund_id: uuid.UUID, note: str) -> Refund:
    """A failed refund was made otherwise, by bank transfer say: it counts like one that arrived, papers included.

    Once per failed one; the provider is looked at first. What was given back by hand meanwhile counts: the rest is what
    is written down. The audit log keeps who and the note, which also resolves what asked a person about it.
    Raises Invalid without a note; Conflict unless it is FAILED, not replaced, nothing was made in its place, and some
    of its money is still owed; PaymentProviderError when nobody can be asked.
    """
    if not note.strip():
        raise Invalid(_l("Bitte schreiben Sie auf, wie das Geld zurückging."), field="note")
    with command_transaction():
        payment_id = db.session.get_one(Refund, refund_id).payment_id
    sync_refunds(payment_id)
    with audit.acting(person), command_transaction():
        payment = lock_payment(payment_id)
        failed = db.session.get_one(Refund, refund_id, with_for_update=True)
        refunds = list(db.session.scalars(select(Refund).filter_by(payment_id=payment_id)))
        left = min(refund_left_cents(payment.captured_cents, refunds), owed_again_cents(refunds))
        is_over = failed.state is not RefundState.FAILED or failed.replaced_at is not None
        if is_over or _is_made_good(failed) or left <= 0:
            raise Conflict
        refund = _made_in_place_of(failed, payment, min(failed.amount_cents, left))
        facts = {"amount_cents": refund.amount_cents, "in_place_of": str(failed.id), "note": note}
        audit.record("refund.made_outside", "refund", refund.id, after=facts)
        hooks.tell(hooks.refunded, payment.purpose, refund)
        hooks.settle(("payments.refund",), [failed.id], note, by=person.id)
    return refund


def _is_made_good(failed: Refund) -> bool:
    """Was another refund made in its place, whatever became of that one?"""
    places = Refund.reference.in_((outside_reference(failed), retry_reference(failed)))
    return db.session.scalar(select(Refund.id).where(Refund.payment_id == failed.payment_id, places)) is not None


def _made_in_place_of(failed: Refund, payment: Payment, amount_cents: int) -> Refund:
    refund = Refund(
        payment_id=payment.id, amount_cents=amount_cents, reason=failed.reason, reference=outside_reference(failed)
    )
    db.session.add(refund)
    db.session.flush()
    book_arrival(payment, refund, refund.reference, now_utc())
    return refund
