"""Third step of every payment: what the provider said becomes ours, exactly once.

Webhook, return page, sweep and reconciliation all end here. The payment's row lock puts them in line, the state
table makes the second one see no news, and the ledger's unique charge id stands behind both.
"""

import logging
import uuid
from collections.abc import Callable

from b2c_web import audit, jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.gateway import Outcome, Owner, PaymentSnapshot
from b2c_web.payments.holds import stand_alone, tell_declined
from b2c_web.payments.jobs import close_checkout
from b2c_web.payments.methods import keep_method, shows
from b2c_web.payments.models import CaptureMethod, LedgerEntry, LedgerKind, Payment, PaymentState
from b2c_web.payments.rules import heard, is_old_news, next_state
from b2c_web.payments.steps import lock_payment

log = logging.getLogger(__name__)
State = PaymentState


def record(payment_id: uuid.UUID, seen: PaymentSnapshot, whose: Owner | None = None) -> Payment:
    """Record what the provider said of a payment, and tell who waits for it, in one transaction.

    Safe to repeat. Locks purpose, then payment; `whose` as in `lock_payment`. Raises Busy when the rows stay locked;
    ValueError when `seen` is another payment's.
    """
    with command_transaction():
        payment = lock_payment(payment_id, whose)
        if seen.owner is not None and seen.owner.payment_id != payment.id:
            raise ValueError(f"{seen.intent_id or seen.checkout_id} does not belong to payment {payment.id}")
        if not is_old_news(payment, seen):
            _note(payment, seen)
    return payment


def _note(payment: Payment, seen: PaymentSnapshot) -> None:
    before = payment.state
    _note_page(payment, seen)
    after = next_state(before, heard(payment, seen))
    if after is State.SUCCEEDED and seen.captured_cents > payment.amount_cents:
        hooks.give_up("payments.too_much_money", {"payment_id": str(payment.id)}, f"captured {seen.captured_cents}")
        return
    declined = _note_decline(payment, seen)
    if after is not before:
        _enter(payment, after, seen)
    db.session.flush()
    if declined and payment.state in (State.OPEN, State.FAILED):
        tell_declined(payment)
    if payment.state is State.CANCELLED and seen.outcome is Outcome.AUTHORIZED:
        jobs.defer(close_checkout, payment_id=str(payment.id))  # it was given up meanwhile: nothing stays held


def _note_page(payment: Payment, seen: PaymentSnapshot) -> None:
    payment.checked_at = now_utc()
    payment.stripe_checkout_session_id = payment.stripe_checkout_session_id or seen.checkout_id
    payment.stripe_payment_intent_id = seen.intent_id or payment.stripe_payment_intent_id
    if seen.intent_id:
        payment.provider_asked_at = None
    payment.checkout_url = seen.page_url
    if payment.state is not State.SUCCEEDED and seen.outcome in (Outcome.AUTHORIZED, Outcome.CLOSED):
        payment.authorized_cents = seen.authorized_cents


def _note_decline(payment: Payment, seen: PaymentSnapshot) -> bool:
    """True when the provider tells of a declined attempt that we have not heard of."""
    if not seen.failure_reference or seen.failure_reference == payment.failure_reference:
        return False
    if payment.state is State.SUCCEEDED:
        return False
    payment.failure_reference, payment.failure_code = seen.failure_reference, seen.failure_code
    return True


def _enter(payment: Payment, state: PaymentState, seen: PaymentSnapshot) -> None:
    before, payment.state = payment.state, state
    if state in ENTERED:
        ENTERED[state](payment, seen)
    db.session.flush()
    audit.record(
        f"payment.{state.value.lower()}",
        "payment",
        payment.id,
        before={"state": before},
        after={"state": state, "failure_code": payment.failure_code},
        actor="provider",
    )
    if state in TOLD:
        hooks.tell(TOLD[state], payment.purpose, payment)


def _succeed(payment: Payment, seen: PaymentSnapshot) -> None:
    payment.captured_cents = seen.captured_cents
    payment.authorized_cents = 0
    payment.stripe_charge_id = seen.charge_id
    payment.succeeded_at = now_utc()
    payment.failure_code = payment.failure_reference = None
    db.session.add(
        LedgerEntry(
            payment_id=payment.id,
            kind=LedgerKind.CHARGE,
            amount_cents=seen.captured_cents,
            provider_reference=seen.charge_id,
            occurred_at=seen.charged_at or payment.succeeded_at,
        )
    )
    _remember_method(payment, seen)
    wanted_cents = payment.capture_cents
    if wanted_cents is None and payment.capture_method is CaptureMethod.AUTOMATIC:
        wanted_cents = payment.amount_cents
    if wanted_cents not in (None, seen.captured_cents):
        hooks.give_up("payments.amount_differs", {"payment_id": str(payment.id)}, f"captured {seen.captured_cents}")


def _hold(payment: Payment, seen: PaymentSnapshot) -> None:
    payment.stripe_charge_id = seen.charge_id
    payment.capture_before = seen.capture_before
    payment.failure_code = payment.failure_reference = None
    _remember_method(payment, seen)
    stand_alone(payment)


def _remember_method(payment: Payment, seen: PaymentSnapshot) -> None:
    if seen.method is None:
        return
    payment.method_label = seen.method.label
    if payment.method is None or not shows(payment.method, seen.method):
        kept = keep_method(payment.user_id, seen.method)
        if payment.capture_method is CaptureMethod.MANUAL and kept is not None:
            payment.method = kept  # a hold that lapses is renewed on it


ENTERED: dict[PaymentState, Callable[[Payment, PaymentSnapshot], None]] = {
    State.SUCCEEDED: _succeed,
    State.AUTHORIZED: _hold,
    State.PROCESSING: _remember_method,
}
TOLD = {
    State.SUCCEEDED: hooks.paid,
    State.AUTHORIZED: hooks.authorized,
    State.PROCESSING: hooks.processing,
    State.CANCELLED: hooks.closed,
}
