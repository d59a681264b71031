"""Holding money on a saved card, in three steps: the try is written, the provider holds, the answer is recorded."""

import uuid
from dataclasses import dataclass

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.gateway import (
    OffSessionOrder,
    Owner,
    PaymentDeclined,
    PaymentRefused,
    PaymentSnapshot,
    PaymentUncertain,
    gateway,
)
from b2c_web.payments.holds import tell_declined
from b2c_web.payments.keys import once
from b2c_web.payments.methods import lock_user
from b2c_web.payments.models import Payment, PaymentState
from b2c_web.payments.recording import record
from b2c_web.payments.steps import lock_payment

NO_METHOD = "no_method"  # nothing saved, or removed meanwhile: a page is the way on


@dataclass(frozen=True)
class Try:
    """One request for money on a saved method; `number` counts from 1. `intent_id`: the hold, when there is one."""

    payment_id: uuid.UUID
    number: int
    order: OffSessionOrder
    intent_id: str | None = None


@dataclass(frozen=True)
class HoldWish:
    """A wish to hold money; `first`: the try that was written down with it, if the provider is to be asked."""

    payment_id: uuid.UUID
    first: Try | None


def wish_of(payment: Payment) -> HoldWish:
    """Step: what `hold_payment` wrote down, to be carried out by `authorize_payment` after the commit."""
    is_asked = payment.provider_asked_at is not None
    return HoldWish(payment.id, _try(payment, "authorize", payment.amount_cents) if is_asked else None)


def authorize_payment(payment_id: uuid.UUID, first: Try | None = None) -> Payment:
    """Hold the money of a payment of `hold_payment`, and record what became of it; returns the payment.

    Call it right after the commit, with the `first` try if the commit wrote one; the job calls it again. Afterwards
    the payment is AUTHORIZED, OPEN (the bank wants the customer, or nothing is saved: `open_checkout` is the way on),
    FAILED (declined: another attempt), or what it was when nothing is to be done. `hooks.authorized` or `hooks.failed`
    was told. Raises PaymentProviderError when nobody knows yet: the job, the webhook or the sweep find out.
    """
    attempt = first or _begin(payment_id)
    if attempt is None:
        return _now(payment_id)
    seen = ask_for(attempt)
    if isinstance(seen, PaymentRefused):
        return _refused(payment_id, seen)
    return record(payment_id, seen, attempt.order.owner)


def ask_for(attempt: Try) -> PaymentSnapshot | PaymentRefused:
    """Second step: what the provider made of the order, or its refusal. What an earlier try did is found first.

    Raises PaymentProviderError to be tried again.
    """
    found = _already_there(attempt)
    if found is not None:
        return found
    try:
        return gateway().authorize_off_session(attempt.order)
    except PaymentDeclined as declined:
        if declined.intent_id is None:
            return PaymentRefused(declined.technical, code=declined.code)
        return gateway().look(intent_id=declined.intent_id)
    except PaymentRefused as refused:
        return refused
    except PaymentUncertain as error:
        take_new_key(attempt.payment_id, error)
        raise


def take_new_key(payment_id: uuid.UUID, error: PaymentUncertain) -> None:
    """A failure of the provider's own is repeated for its key: the next try looks first, then takes a new one."""
    if error.answered:
        with command_transaction():
            payment = db.session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)
            payment.key_version += 1


def order_for(payment: Payment, word: str, amount_cents: int) -> Try:
    """Step: count a try of the locked payment and write down that the provider is asked."""
    payment.tries += 1
    payment.provider_asked_at = now_utc()
    return _try(payment, word, amount_cents)


def _try(payment: Payment, word: str, amount_cents: int) -> Try:
    user = db.session.get_one(User, payment.user_id)
    order = OffSessionOrder(
        owner=Owner(payment.id, payment.purpose, payment.purpose_id),
        customer_id=user.stripe_customer_id or "",
        method_id=payment.method.stripe_payment_method_id if payment.method else "",
        amount_cents=amount_cents,
        description=payment.description or payment.purpose.value,
        key=once(word, payment.id, payment.key_version),
        capture_later=not payment.by_mandate,
    )
    return Try(payment.id, payment.tries, order, payment.stripe_payment_intent_id)


def _begin(payment_id: uuid.UUID) -> Try | None:
    """First step, where it was not taken with the wish. None when nothing is to be asked: it is decided, or our own
    records decide it. A mandate promises without the provider; what has no card any more needs the customer.
    """
    with command_transaction():
        payment = lock_payment(payment_id)
        lock_user(payment.user_id)  # an account is not removed while it is being promised
        if not _is_wanted(payment):
            return None
        if payment.method is None or not payment.method.is_active:
            _decline_here(payment, PaymentState.OPEN, NO_METHOD)
        elif payment.by_mandate:
            _promise(payment)
        else:
            return order_for(payment, "authorize", payment.amount_cents)
    return None


def _is_wanted(payment: Payment) -> bool:
    return payment.state is PaymentState.CREATED and payment.hold_asked_at is not None


def _promise(payment: Payment) -> None:
    """A mandate holds nothing: the promise is here, the bank is asked when the work is done."""
    payment.state = PaymentState.AUTHORIZED
    db.session.flush()
    audit.record("payment.promised", "payment", payment.id, after={"state": payment.state})
    hooks.tell(hooks.authorized, payment.purpose, payment)


def _already_there(attempt: Try) -> PaymentSnapshot | None:
    """From the second try on: what an earlier one may have done. Keys are forgotten by the provider after a day."""
    if attempt.number == 1:
        return None
    return gateway().find_intent(attempt.order.customer_id, attempt.payment_id)


def _refused(payment_id: uuid.UUID, refused: PaymentRefused) -> Payment:
    """The provider will never do this as asked, so that repeating it is useless: the attempt is over."""
    with command_transaction():
        payment = lock_payment(payment_id)
        if payment.state is not PaymentState.CREATED:
            return payment
        gone = refused.code == "resource_missing"
        _decline_here(payment, PaymentState.FAILED, NO_METHOD if gone else refused.code)
        if not gone:
            hooks.give_up("payments.authorize", {"payment_id": str(payment.id)}, str(refused))
    return payment


def _decline_here(payment: Payment, state: PaymentState, code: str) -> None:
    payment.state, payment.failure_code, payment.failure_reference = state, code[:80], f"here-{payment.attempt}"
    payment.provider_asked_at = None
    db.session.flush()
    audit.record("payment.declined", "payment", payment.id, after={"state": state, "failure_code": code})
    tell_declined(payment)


def _now(payment_id: uuid.UUID) -> Payment:
    with command_transaction():
        return db.session.get_one(Payment, payment_id)
