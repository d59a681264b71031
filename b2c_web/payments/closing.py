"""A payment that was given up: its page is closed and its hold released, unless the customer was quicker."""

import uuid
from datetime import timedelta

from b2c_web.clock import now_utc
from b2c_web.payments.gateway import Outcome, PaymentSnapshot, PaymentUncertain, gateway
from b2c_web.payments.keys import repeatable
from b2c_web.payments.models import PaymentState
from b2c_web.payments.recording import record
from b2c_web.payments.settling import Known, ask, whereabouts

ON_ITS_WAY = timedelta(minutes=3)  # longer than any request that may still be under way


def close_payment(payment_id: uuid.UUID) -> None:
    """Close what a payment that was given up left open at the provider, and record what won. Safe to repeat.

    Money that was quicker is recorded as late money. Raises PaymentProviderError to be tried again.
    """
    known = whereabouts(payment_id)
    if known.state is not PaymentState.CANCELLED:
        return
    seen = _ended(known)
    if seen is not None:
        record(payment_id, seen)


def _ended(known: Known) -> PaymentSnapshot | None:
    if known.checkout_id:
        return _expired(known, known.checkout_id)
    if known.intent_id:
        return gateway().release(known.intent_id, repeatable("release", known.payment_id))
    found = ask(known)
    if found is not None and found.checkout_id:
        return _expired(known, found.checkout_id)
    if known.checked_at is not None and known.checked_at > now_utc() - ON_ITS_WAY:
        raise PaymentUncertain("the payment page may still be on its way", code="in_progress")
    return None


def _expired(known: Known, checkout_id: str) -> PaymentSnapshot:
    seen = gateway().expire_checkout(checkout_id, repeatable("expire", known.payment_id))
    if seen.outcome is Outcome.AUTHORIZED and seen.intent_id:
        return gateway().release(seen.intent_id, repeatable("release", known.payment_id))
    return seen
