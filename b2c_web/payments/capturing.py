"""Taking what is held, in three steps. A card's hold is captured, a mandate is charged; both once."""

import uuid

from b2c_web import audit
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.authorizing import Try, ask_for, order_for, take_new_key
from b2c_web.payments.gateway import (
    Outcome,
    PaymentProviderError,
    PaymentRefused,
    PaymentSnapshot,
    PaymentUncertain,
    gateway,
)
from b2c_web.payments.holds import capture_payment
from b2c_web.payments.models import Payment, PaymentState
from b2c_web.payments.recording import record
from b2c_web.payments.rules import NOT_CAPTURED
from b2c_web.payments.steps import lock_payment

MAX_TRIES = 8  # with the queue's pauses about an hour


def capture_held(payment_id: uuid.UUID) -> Payment:
    """Take what `capture_payment` asked for, once, and record it; returns the payment. Safe to repeat.

    Afterwards it is SUCCEEDED, PROCESSING (a mandate: decided, may still fail), FAILED (the mandate was refused) or
    CANCELLED (the hold was gone). Raises PaymentProviderError to be tried again; after MAX_TRIES `hooks.failed` is
    told with "capture_failed", and a person unless it gave the payment up; the money stays held meanwhile.
    """
    attempt = _begin(payment_id)
    if attempt is None:
        return _now(payment_id)
    try:
        seen = ask_for(attempt) if attempt.intent_id is None else _take(attempt)
    except PaymentProviderError as error:
        if attempt.number >= MAX_TRIES:
            return _give_up(payment_id, error)
        raise
    if isinstance(seen, PaymentRefused):
        return _give_up(payment_id, seen)
    return record(payment_id, seen)


def retry_capture(payment_id: uuid.UUID) -> Payment:
    """A person wants a capture that was given up tried again. Raises Conflict unless the money is still held."""
    with command_transaction():
        payment = lock_payment(payment_id)
        if payment.capture_given_up_at is None or payment.capture_cents is None:
            raise Conflict
        capture_payment(payment, payment.capture_cents)
        audit.record("payment.capture_retried", "payment", payment.id)
    return payment


def _begin(payment_id: uuid.UUID) -> Try | None:
    """First step: count the try. None when it is done, given up, or nobody wants it."""
    with command_transaction():
        payment = lock_payment(payment_id)
        if payment.state is not PaymentState.AUTHORIZED or payment.capture_given_up_at is not None:
            return None
        if payment.capture_cents is None:
            return None
        return order_for(payment, "capture", payment.capture_cents)


def _take(attempt: Try) -> PaymentSnapshot | PaymentRefused:
    """Second step of a card. What an earlier try did, or that the hold is gone, is seen first."""
    intent_id, order = attempt.intent_id or "", attempt.order
    if attempt.number > 1:
        seen = gateway().look(intent_id=intent_id)
        if seen.outcome is not Outcome.AUTHORIZED:
            return seen
    try:
        return gateway().capture(intent_id, order.amount_cents, order.key)
    except PaymentUncertain as error:
        take_new_key(attempt.payment_id, error)
        raise
    except PaymentProviderError as error:
        take_new_key(attempt.payment_id, PaymentUncertain(error.technical, answered=True))
        seen = gateway().look(intent_id=intent_id)
        if seen.outcome is Outcome.AUTHORIZED:
            raise error from None
        return seen


def _give_up(payment_id: uuid.UUID, error: PaymentProviderError) -> Payment:
    with command_transaction():
        payment = lock_payment(payment_id)
        if payment.state is not PaymentState.AUTHORIZED or payment.capture_given_up_at is not None:
            return payment
        payment.capture_given_up_at, payment.failure_code = now_utc(), NOT_CAPTURED
        db.session.flush()
        audit.record("payment.capture_given_up", "payment", payment.id, after={"error": str(error)[:200]})
        hooks.tell(hooks.failed, payment.purpose, payment)
        if payment.state is PaymentState.AUTHORIZED:  # else nobody wants it any more
            hooks.give_up("payments.capture", {"payment_id": str(payment.id)}, str(error))
    return payment


def _now(payment_id: uuid.UUID) -> Payment:
    with command_transaction():
        return db.session.get_one(Payment, payment_id)
