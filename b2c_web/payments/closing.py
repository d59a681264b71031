"""A payment that was given up: its page is closed and its hold released, unless the customer was quicker."""

import uuid
from datetime import timedelta

from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments.gateway import Outcome, PaymentSnapshot, PaymentUncertain, gateway
from b2c_web.payments.keys import repeatable
from b2c_web.payments.models import Payment, PaymentState
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
    elif known.asked_at is not None:
        _never_arrived(payment_id)


def _ended(known: Known) -> PaymentSnapshot | None:
    found = None if known.checkout_id else ask(known)
    checkout_id = known.checkout_id or (found.checkout_id if found else None)
    if checkout_id:
        return _expired(known, checkout_id)
    if found is not None and found.intent_id:
        return gateway().release(found.intent_id, repeatable("release", known.payment_id))
    recently = now_utc() - ON_ITS_WAY
    if any(at is not None and at > recently for at in (known.checked_at, known.asked_at)):
        raise PaymentUncertain("what was asked of the provider may still be on its way", code="in_progress")
    return None


def _expired(known: Known, checkout_id: str) -> PaymentSnapshot:
    seen = gateway().expire_checkout(checkout_id, repeatable("expire", known.payment_id))
    if seen.outcome is Outcome.AUTHORIZED and seen.intent_id:
        return gateway().release(seen.intent_id, repeatable("release", known.payment_id))
    return seen


def _never_arrived(payment_id: uuid.UUID) -> None:
    with command_transaction():
        db.session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True).provider_asked_at = None
