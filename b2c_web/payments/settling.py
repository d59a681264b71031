"""Ask the provider how a payment stands, and record it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.payments.gateway import PaymentSnapshot, gateway
from b2c_web.payments.models import Payment, PaymentState
from b2c_web.payments.recording import record


@dataclass(frozen=True)
class Known:
    """What we know of a payment's whereabouts, read before the provider is called with no transaction open."""

    payment_id: uuid.UUID
    state: PaymentState
    checkout_id: str | None
    intent_id: str | None
    customer_id: str | None
    page_asked_for: bool
    checked_at: datetime | None
    asked_at: datetime | None = None


def whereabouts(payment_id: uuid.UUID) -> Known:
    """Read in a transaction of its own. Raises NotFound."""
    with command_transaction():
        payment = db.session.get(Payment, payment_id)
        if payment is None:
            raise NotFound
        user = db.session.get_one(User, payment.user_id)
        return Known(
            payment_id=payment.id,
            state=payment.state,
            checkout_id=payment.stripe_checkout_session_id,
            intent_id=payment.stripe_payment_intent_id,
            customer_id=user.stripe_customer_id,
            page_asked_for=payment.checkout_expires_at is not None,
            checked_at=payment.checked_at,
            asked_at=payment.provider_asked_at,
        )


def ask(known: Known) -> PaymentSnapshot | None:
    """The payment at the provider, or None when it was never heard of there.

    A page or an attempt on a saved method whose id got lost with an answer is found among the customer's.
    """
    if known.checkout_id:
        return gateway().look(checkout_id=known.checkout_id)
    found = None
    if known.page_asked_for and known.customer_id:
        found = gateway().find_checkout(known.customer_id, known.payment_id)
    if found is None and known.intent_id:
        return gateway().look(intent_id=known.intent_id)
    if found is None and known.asked_at and known.customer_id:
        return gateway().find_intent(known.customer_id, known.payment_id)
    return found


def settle_payment(payment_id: uuid.UUID) -> Payment:
    """Bring a payment up to date with the provider; returns it. For return page, webhook and reconciliation.

    What happened is recorded exactly once, whoever comes first: payment, ledger, saved card, and the hooks of what
    is paid for. Raises PaymentProviderError when the provider cannot be asked, Busy when rows stay locked, NotFound.
    """
    seen = ask(whereabouts(payment_id))
    return _unheard_of(payment_id) if seen is None else record(payment_id, seen)


def _unheard_of(payment_id: uuid.UUID) -> Payment:
    with command_transaction():
        payment = db.session.get_one(Payment, payment_id)
        payment.checked_at = now_utc()
    return payment
