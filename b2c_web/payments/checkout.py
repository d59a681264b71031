"""The payment page, in three steps: our wish is written, the provider opens a page, the page is recorded."""

import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l

from b2c_web import jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Busy, Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments.customers import ensure_customer, forget_customer
from b2c_web.payments.gateway import (
    CheckoutOrder,
    CheckoutPage,
    Owner,
    PaymentProviderError,
    PaymentRefused,
    PaymentUncertain,
    gateway,
)
from b2c_web.payments.jobs import close_checkout
from b2c_web.payments.keys import digest, once, repeatable
from b2c_web.payments.models import CaptureMethod, Payment, PaymentState
from b2c_web.payments.rules import UNPAID, page_expiry, page_refusal
from b2c_web.payments.settling import settle_payment

GONE = _l("Die Reservierung ist abgelaufen. Bezahlt wurde nichts. Bitte wählen Sie noch einmal ein Fenster.")
HOLD_GONE = _l("Diese Freigabe ist nicht mehr offen. Abgebucht wurde nichts.")
PAID = (PaymentState.SUCCEEDED, PaymentState.PROCESSING, PaymentState.AUTHORIZED)


@dataclass(frozen=True)
class _Wish:
    """What the customer should see, and where the browser goes afterwards."""

    description: str
    success_url: str
    cancel_url: str
    language: str


@dataclass(frozen=True)
class _Begun:
    owner: Owner
    user_id: uuid.UUID
    amount_cents: int
    capture_later: bool
    expires_at: datetime


def open_checkout(payment_id: uuid.UUID, *, description: str, success_url: str, cancel_url: str, language: str) -> str:
    """Where to send the customer to pay: the payment page; the same one again while it is open. When the money is
    already here, `success_url`.

    The page ends with the hold (`payment.expires_at`), as near as the provider allows. `language`: "de" or "en".
    Raises Conflict when the payment was given up or its hold is over, Busy while its saved card is being asked,
    PaymentProviderError when the provider does
    not answer: calling again then finds the page that an unheard answer may have opened.
    """
    wish = _Wish(description, success_url, cancel_url, language)
    state = _state_without_page(payment_id)
    if state in UNPAID:
        return _new_page(payment_id, wish)
    return _known_page(payment_id, wish)


def _state_without_page(payment_id: uuid.UUID) -> PaymentState | None:
    """The state of a payment that has no page; None of one that has."""
    with command_transaction():
        payment = db.session.get_one(Payment, payment_id)
        return payment.state if payment.stripe_checkout_session_id is None else None


def _gone(payment: Payment) -> Conflict:
    held = payment.capture_method is CaptureMethod.MANUAL
    return Conflict(HOLD_GONE if held else GONE, code="payment_gone")


def _known_page(payment_id: uuid.UUID, wish: _Wish) -> str:
    """The page that is open, unless it was paid or ended in the meantime."""
    if _is_open(payment_id):
        # unanswered: the page itself is at the provider, the customer may reach it although we do not
        with suppress(PaymentProviderError):
            settle_payment(payment_id)
    with command_transaction():
        payment = db.session.get_one(Payment, payment_id)
        if payment.state in PAID:
            return wish.success_url
        if payment.state is PaymentState.OPEN and payment.checkout_url:
            return payment.checkout_url
        raise _gone(payment)


def _is_open(payment_id: uuid.UUID) -> bool:
    with command_transaction():
        return db.session.get_one(Payment, payment_id).state is PaymentState.OPEN


def _new_page(payment_id: uuid.UUID, wish: _Wish) -> str:
    begun = _begin(payment_id)
    page = _ask_for_page(begun, wish)
    url = _record_page(payment_id, page)
    if url is None:
        return _known_page(payment_id, wish)
    if url != page.url:
        # two requests opened a page each, in two languages say: the first one stays
        gateway().expire_checkout(page.id, repeatable("expire", payment_id))
    return url


def _begin(payment_id: uuid.UUID) -> _Begun:
    """First step: fix when the page ends, so that a repeated request is the same request. Locks the payment."""
    with command_transaction():
        payment = db.session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)
        now = now_utc()
        refusal = page_refusal(payment, now)
        if refusal is not None:
            raise Busy if refusal == "asking" else _gone(payment)
        payment.checkout_expires_at = payment.checkout_expires_at or page_expiry(now, payment.expires_at)
        payment.checked_at = now
        return _Begun(
            owner=Owner(payment.id, payment.purpose, payment.purpose_id),
            user_id=payment.user_id,
            amount_cents=payment.amount_cents,
            capture_later=payment.capture_method is CaptureMethod.MANUAL,
            expires_at=payment.checkout_expires_at,
        )


def _ask_for_page(begun: _Begun, wish: _Wish) -> CheckoutPage:
    """Second step. What the provider refuses for a reason that we can mend is mended and asked once more."""
    customer_id = ensure_customer(begun.user_id)
    try:
        return gateway().open_checkout(_order(begun, wish, customer_id))
    except PaymentRefused as refused:
        if refused.param == "expires_at":
            begun = _with_new_end(begun)
        elif refused.param == "customer":
            customer_id = ensure_customer(begun.user_id, instead_of=forget_customer(begun.user_id, customer_id))
        else:
            raise
        return gateway().open_checkout(_order(begun, wish, customer_id))
    except PaymentUncertain as error:
        if error.answered:
            _with_new_end(begun)
        raise


def _order(begun: _Begun, wish: _Wish, customer_id: str) -> CheckoutOrder:
    facts = (customer_id, begun.amount_cents, begun.expires_at, begun.capture_later, wish)
    return CheckoutOrder(
        owner=begun.owner,
        customer_id=customer_id,
        amount_cents=begun.amount_cents,
        description=wish.description,
        success_url=wish.success_url,
        cancel_url=wish.cancel_url,
        language=wish.language,
        expires_at=begun.expires_at,
        capture_later=begun.capture_later,
        key=once("checkout", begun.owner.payment_id, digest(*facts)),
    )


def _with_new_end(begun: _Begun) -> _Begun:
    """A later end makes it another request with another key, for what was refused or failed under the old one."""
    with command_transaction():
        payment = db.session.get_one(Payment, begun.owner.payment_id, with_for_update=True, populate_existing=True)
        later = max(page_expiry(now_utc(), payment.expires_at), begun.expires_at + timedelta(seconds=1))
        payment.checkout_expires_at = later
    return replace(begun, expires_at=later)


def _record_page(payment_id: uuid.UUID, page: CheckoutPage) -> str | None:
    """Third step. Returns the page that counts, or None when the payment was given up: a job closes it then."""
    with command_transaction():
        payment = db.session.get_one(Payment, payment_id, with_for_update=True, populate_existing=True)
        if payment.stripe_checkout_session_id not in (None, page.id):
            return payment.checkout_url
        payment.stripe_checkout_session_id = page.id
        if payment.state in UNPAID:
            payment.state, payment.checkout_url = PaymentState.OPEN, page.url
            return page.url
        if payment.state is PaymentState.CANCELLED:
            payment.checkout_url = page.url
            db.session.flush()
            jobs.defer(close_checkout, payment_id=str(payment.id))
        return None
