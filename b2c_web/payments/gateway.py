"""The payment provider in our own words. The provider's types and names stay in `stripe*.py`."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from flask import current_app
from flask_babel import lazy_gettext as _l

from b2c_web.db import NestedCommandError
from b2c_web.errors import Busy, DomainError
from b2c_web.flask_extensions import db
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.setup_gateway import MethodSetups, SavedMethod


class PaymentProviderError(Busy):
    """The provider gave no usable answer. `code`, `param` and `technical` are for programs and logs."""

    message = _l("Der Zahlungsdienst antwortet gerade nicht. Bitte versuchen Sie es gleich noch einmal.")

    def __init__(self, technical: str = "", *, code: str = "payment_provider", param: str | None = None) -> None:
        super().__init__(code=code)
        self.technical, self.param = technical, param

    def __str__(self) -> str:
        return f"{type(self).__name__} {self.code}: {self.technical}"


class PaymentUnavailable(PaymentProviderError):
    """Certainly nothing happened: not reached, or too many requests. Trying again is right."""


class PaymentUncertain(PaymentProviderError):
    """Nobody knows whether it happened: time ran out, or the answer was lost.

    The same call with the same key finds out; so do the webhook and the reconciliation. `answered`: the
    provider reported a failure of its own, which it will repeat for this key.
    """

    def __init__(self, technical: str = "", *, code: str = "payment_uncertain", answered: bool = False) -> None:
        super().__init__(technical, code=code)
        self.answered = answered


class PaymentRefused(PaymentProviderError):
    """The provider refuses this request as it is: repeating it is useless, nothing happened."""


class PaymentDeclined(PaymentProviderError):
    """The bank said no. `code` is its reason; the intent named waits for another card or for `release`."""

    status: ClassVar[int] = 409

    def __init__(self, code: str, *, intent_id: str | None = None, technical: str = "") -> None:
        from b2c_web.payments.reasons import reason_message

        super().__init__(technical, code=code)
        self.intent_id = intent_id
        self.message = reason_message(code)


class EventRejected(DomainError):
    """An incoming event that the provider did not sign, or signed too long ago."""

    status = 400
    code = "event_rejected"


class Outcome(StrEnum):
    """What the provider says of a payment."""

    WAITING = "WAITING"  # the customer can still pay, after a declined attempt too
    ACTION_NEEDED = "ACTION_NEEDED"  # the bank wants the customer, who is not there
    PROCESSING = "PROCESSING"
    AUTHORIZED = "AUTHORIZED"
    PAID = "PAID"
    FAILED = "FAILED"  # this attempt is over without money
    CLOSED = "CLOSED"  # expired, cancelled or released


class RefundOutcome(StrEnum):
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Owner:
    """What a provider's object belongs to on our side; travels with every object as its metadata."""

    payment_id: uuid.UUID
    purpose: PaymentPurpose
    purpose_id: uuid.UUID


@dataclass(frozen=True)
class CheckoutOrder:
    """A payment page we want. `capture_later`: money is only held. The key is made from our ids."""

    owner: Owner
    customer_id: str
    amount_cents: int
    description: str
    success_url: str
    cancel_url: str
    language: str
    expires_at: datetime
    key: str
    capture_later: bool = False


@dataclass(frozen=True)
class OffSessionOrder:
    """A charge of a saved method without the customer. `capture_later=False` takes the money at once (SEPA)."""

    owner: Owner
    customer_id: str
    method_id: str
    amount_cents: int
    description: str
    key: str
    capture_later: bool = True


@dataclass(frozen=True)
class CheckoutPage:
    id: str
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class PaymentSnapshot:
    """What the provider knows of one payment at this moment. Amounts in cents.

    `page_url`: the payment page, while it can still be paid on. `failure_reference` names the failed attempt.
    `capture_before`: until when held money may be taken; read it, never assume it.
    """

    outcome: Outcome
    owner: Owner | None
    amount_cents: int
    checkout_id: str | None = None
    page_url: str | None = None
    intent_id: str | None = None
    charge_id: str | None = None
    authorized_cents: int = 0
    captured_cents: int = 0
    charged_at: datetime | None = None
    capture_before: datetime | None = None
    method: SavedMethod | None = None
    failure_code: str | None = None
    failure_reference: str | None = None
    action_url: str | None = None


@dataclass(frozen=True)
class RefundResult:
    """A refund at the provider. `reference` is our refund's id, None when somebody else made it."""

    id: str
    intent_id: str | None
    amount_cents: int
    outcome: RefundOutcome
    reference: str | None
    created_at: datetime
    failure_code: str | None = None


@dataclass(frozen=True)
class Dispute:
    """A charge that the customer's bank took back, or wants to, however it ends."""

    id: str
    intent_id: str | None
    amount_cents: int


@dataclass(frozen=True)
class IncomingEvent:
    """A verified event: what it is about, never what to believe. `links`: ids found in its object."""

    id: str
    type: str
    object_kind: str
    object_id: str | None
    links: dict[str, str]
    payload: dict[str, Any]


class PaymentGateway(MethodSetups, Protocol):
    """What we ask of a payment provider.

    Every method may raise PaymentUnavailable, PaymentUncertain (writing ones only) or PaymentRefused. Those with a
    `key` (one of `keys.py`) do their work once for it, however often they are called; with other parameters they
    refuse.
    """

    def create_customer(self, *, user_id: uuid.UUID, email: str, name: str | None, key: str) -> str:
        """A customer of ours at the provider; returns its id there."""

    def open_checkout(self, order: CheckoutOrder) -> CheckoutPage:
        """A page where the customer types a card, kept for later; it ends at `order.expires_at` (30 min to 24 h)."""

    def expire_checkout(self, checkout_id: str, key: str) -> PaymentSnapshot:
        """Ends a page and says what won: CLOSED, or the payment that was quicker. Safe to repeat."""

    def find_checkout(self, customer_id: str, payment_id: uuid.UUID) -> PaymentSnapshot | None:
        """The page of a payment of ours whose id we never learned, among the customer's; an open or paid one first."""

    def find_intent(self, customer_id: str, payment_id: uuid.UUID) -> PaymentSnapshot | None:
        """The attempt on a saved method whose id we never learned, among the customer's; one with money first."""

    def look(self, *, checkout_id: str | None = None, intent_id: str | None = None) -> PaymentSnapshot:
        """The payment as it is now, by its page or, without one, by its intent."""

    def authorize_off_session(self, order: OffSessionOrder) -> PaymentSnapshot:
        """Holds (or takes) money on a saved method. Raises PaymentDeclined; "authentication_required" means that the
        bank wants the customer: open a page instead. A declined attempt holds nothing and may stay as it is."""

    def capture(self, intent_id: str, amount_cents: int, key: str) -> PaymentSnapshot:
        """Takes held money once, at most what was held; the rest is released. Refused when it is taken or gone."""

    def release(self, intent_id: str, key: str) -> PaymentSnapshot:
        """Gives held money back or ends a declined attempt; says what won when it was captured meanwhile."""

    def refund(self, intent_id: str, amount_cents: int, *, reference: str, owner: Owner, key: str) -> RefundResult:
        """Gives captured money back. Refused above what is left."""

    def refunds_of(self, intent_id: str) -> list[RefundResult]:
        """Every refund of a payment, oldest first; released holds are none."""

    def list_methods(self, customer_id: str) -> list[SavedMethod]:
        """The saved cards and accounts of a customer."""

    def look_method(self, method_id: str) -> SavedMethod:
        """A saved card or account as it is now."""

    def detach_method(self, method_id: str, key: str) -> None:
        """Forgets it for good. Safe to repeat."""

    def set_default(self, customer_id: str, method_id: str | None, key: str) -> None:
        """Makes it the customer's usual method."""

    def recent_intents(self, since: datetime) -> Iterator[PaymentSnapshot]:
        """Every payment attempt made since then, newest first, page by page."""

    def recent_checkouts(self, since: datetime) -> Iterator[PaymentSnapshot]:
        """Every payment page made since then, newest first, page by page; without amounts captured."""

    def recent_refunds(self, since: datetime) -> Iterator[RefundResult]:
        """Every refund made since then, newest first, page by page; released holds are none."""

    def recent_disputes(self, since: datetime) -> Iterator[Dispute]:
        """Every dispute opened since then, newest first, page by page; its charge may be much older."""

    def parse_event(self, payload: bytes, signature: str) -> IncomingEvent:
        """Verifies an incoming event. Raises EventRejected."""


def gateway() -> PaymentGateway:
    """The provider of this application. Refused inside a command: no network while rows are locked."""
    if db.session().info.get("in_command"):
        raise NestedCommandError("the payment provider was called inside a command")
    known = current_app.extensions
    if "payment_gateway" not in known:
        from b2c_web.payments.stripe import StripeGateway

        known["payment_gateway"] = StripeGateway(current_app.config)
    chosen: PaymentGateway = known["payment_gateway"]
    return chosen
