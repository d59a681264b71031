"""Fixtures for tests that pay: the simulator as a process, behind the real gateway and the real library.

`provider` puts it behind the test's app. Webhooks are the simulator's own, signed and sent over HTTP to a receiver;
`provider.deliver(client)` posts them to the application. `purpose` stands for what is paid for.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts.models import User
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.commands import open_checkout
from b2c_web.payments.gateway import Owner, gateway
from b2c_web.payments.methods import default_of, keep_method
from b2c_web.payments.models import Payment, PaymentMethod, PaymentPurpose, Refund
from b2c_web.payments.stripe import StripeGateway
from b2c_web.payments.stripe_reading import read_method
from tests.contract.simulator_process import Received, SimulatorProcess, WebhookReceiver

PAGE = {
    "description": "Bremsenservice",
    "success_url": "http://localhost/paid",
    "cancel_url": "http://localhost/back",
    "language": "de",
}


@dataclass
class Provider:
    """The payment provider as a test sees it."""

    process: SimulatorProcess
    receiver: WebhookReceiver

    def connect(self, app: Flask, **settings: Any) -> StripeGateway:
        """Let `app` pay here; `settings` change the gateway's (PAYMENT_TIMEOUT_SECONDS, say)."""
        gateway = StripeGateway({**app.config, "STRIPE_API_BASE": self.process.url, **settings})
        app.extensions["payment_gateway"] = gateway
        return gateway

    def pay(self, payment: Payment, card: str = "visa", **how: Any) -> dict[str, Any]:
        """The customer pays on the page that is open for `payment`."""
        return self.process.pay(str(payment.stripe_checkout_session_id), card=card, **how)

    def misbehave(self, kind: str, path: str = "/", method: str = "POST", **how: Any) -> None:
        """The next matching call goes wrong: kind "drop", "delay", "error" or "decline"."""
        self.process.control("POST", "faults", kind=kind, path=path, method=method, **how)

    def behave(self) -> None:
        self.process.control("DELETE", "faults")
        self.process.control("DELETE", "webhooks")

    def events(self, rule: str, event: str = "*", **how: Any) -> None:
        """What becomes of coming webhooks: "twice", "late", "out_of_order" or "never"."""
        self.process.control("POST", "webhooks", kind=rule, event=event, **how)

    def sent(self, withheld: bool = False) -> list[Received]:
        """Everything the provider has sent so far, in the order of arrival."""
        self.process.control("POST", "webhooks/flush", withheld=withheld)
        return list(self.receiver.received)

    def deliver(self, client: FlaskClient, withheld: bool = False) -> list[int]:
        """Post everything that came to the application's webhook, in the order of arrival; returns the statuses."""
        statuses = [post_event(client, each) for each in self.sent(withheld)]
        self.receiver.forget()
        return statuses

    def count(self, kind: str) -> int:
        """How many objects of a kind the provider has."""
        return int(self.process.control("GET", "")["objects"].get(kind, 0))


def post_event(client: FlaskClient, event: Received) -> int:
    headers = {"Stripe-Signature": event.signature, "Content-Type": "application/json"}
    return client.post("/payments/webhook", data=event.payload, headers=headers).status_code


@dataclass
class Purpose:
    """Something to pay for, in place of a booking. Keeps what payments told it."""

    id: uuid.UUID = field(default_factory=uuid.uuid4)
    told: list[str] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    given_up: list[tuple[str, dict[str, Any], str]] = field(default_factory=list)
    when_paid: Callable[[Payment], Any] | None = None

    def note(self, word: str) -> Callable[[Payment], None]:
        def listen(payment: Payment) -> None:
            self.told.append(word)
            self.payments.append(payment)
            if word == "paid" and self.when_paid:
                self.when_paid(payment)

        return listen

    def note_refund(self, refund: Refund) -> None:
        self.told.append(f"refund {refund.state.value}")
        self.refunds.append(refund)

    def note_given_up(self, operation: str, payload: dict[str, Any], error: str) -> None:
        self.given_up.append((operation, payload, error))


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    state: Path = tmp_path_factory.mktemp("provider") / "state.sqlite"
    with SimulatorProcess(state) as process:
        yield process


@pytest.fixture(scope="session")
def provider_receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def provider(provider_process: SimulatorProcess, provider_receiver: WebhookReceiver, app: Flask) -> Iterator[Provider]:
    """An empty, well behaved provider behind `app`; debits settle only when its clock is pushed."""
    provider_process.control("POST", "reset")
    settings = {"webhook_url": provider_receiver.url, "webhook_secret": app.config["STRIPE_WEBHOOK_SECRET"]}
    provider_process.control("POST", "settings", debit_seconds=600, **settings)
    provider_receiver.forget()
    before = app.extensions.get("payment_gateway")
    provider = Provider(provider_process, provider_receiver)
    provider.connect(app)
    yield provider
    app.extensions.pop("payment_gateway", None)
    if before is not None:
        app.extensions["payment_gateway"] = before


def _stand_in(monkeypatch: pytest.MonkeyPatch, kind: PaymentPurpose) -> Purpose:
    purpose = Purpose()
    monkeypatch.setitem(hooks.lock, kind, lambda purpose_id: None)
    for word in ("paid", "processing", "authorized", "failed", "closed"):
        monkeypatch.setitem(getattr(hooks, word), kind, purpose.note(word))
    monkeypatch.setitem(hooks.refunded, kind, purpose.note_refund)
    monkeypatch.setattr(hooks, "gave_up", [purpose.note_given_up])
    return purpose


@pytest.fixture
def purpose(monkeypatch: pytest.MonkeyPatch) -> Purpose:
    """What BOOKING payments are for in this test; the bookings' own hooks are put aside."""
    return _stand_in(monkeypatch, PaymentPurpose.BOOKING)


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Purpose:
    """What EXTENSION payments are for in this test: work that is held when approved and taken when done."""
    return _stand_in(monkeypatch, PaymentPurpose.EXTENSION)


def save_method(provider: Provider, user: User, **which: str) -> PaymentMethod:
    """A card (`card="visa"`) or account (`account="sepa"`) of `user`, as an earlier payment left it. In a command.

    The first is the usual one.
    """
    if user.stripe_customer_id is None:
        raise ValueError("ensure_customer first")
    made = provider.process.control("POST", "payment_methods", customer=user.stripe_customer_id, **which)
    kept = keep_method(user.id, read_method(made))
    assert kept is not None
    if default_of(user.id) is None:
        kept.is_default = True  # an account only because the customer said so
        db.session.flush()
    return kept


def open_page(payment: Payment, **changes: Any) -> str:
    """The payment page of `payment`, opened as a view would."""
    return open_checkout(payment.id, **{**PAGE, **changes})


def refund_by_hand(payment: Payment, cents: int) -> str:
    """Somebody refunds at the provider, without us: the refund's id there."""
    owner = Owner(payment.id, payment.purpose, payment.purpose_id)
    intent_id = str(payment.stripe_payment_intent_id)
    return gateway().refund(intent_id, cents, reference="", owner=owner, key=f"by-hand-{uuid.uuid4()}").id
