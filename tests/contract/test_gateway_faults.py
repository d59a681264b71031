"""What the gateway says when the provider is slow, silent, broken or gone, and what the same key finds out later."""

import logging
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from b2c_web.payments.gateway import (
    CheckoutOrder,
    Outcome,
    Owner,
    PaymentDeclined,
    PaymentUnavailable,
    PaymentUncertain,
)
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.setup_gateway import SetupOrder
from b2c_web.payments.setup_models import MethodKind
from b2c_web.payments.stripe import StripeGateway
from tests.contract.simulator_process import SECRET, SimulatorProcess, free_port


def _gateway(url: str, **changes: Any) -> StripeGateway:
    settings = {"STRIPE_SECRET_KEY": "sk_test_faults", "STRIPE_WEBHOOK_SECRET": SECRET, "PAYMENT_TIMEOUT_SECONDS": 1}
    return StripeGateway({**settings, "STRIPE_API_BASE": url, **changes})


@pytest.fixture
def gateway(simulator: SimulatorProcess) -> StripeGateway:
    return _gateway(simulator.url)


@pytest.fixture
def customer_id(gateway: StripeGateway) -> str:
    return gateway.create_customer(user_id=uuid.uuid4(), email="kundin@example.com", name="Karla Kundin", key="c-1")


def _order(customer_id: str) -> CheckoutOrder:
    return CheckoutOrder(
        owner=Owner(uuid.uuid4(), PaymentPurpose.BOOKING, uuid.uuid4()),
        customer_id=customer_id,
        amount_cents=28800,
        description="Bremsenservice",
        success_url="http://127.0.0.1:8000/paid",
        cancel_url="http://127.0.0.1:8000/back",
        language="en",
        expires_at=datetime.now(UTC) + timedelta(minutes=31),
        key="checkout-1",
    )


def _sessions(simulator: SimulatorProcess) -> int:
    return int(simulator.control("GET", "")["objects"].get("checkout.session", 0))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "method": "POST", "path": "/v1/checkout/sessions"},
        {"kind": "delay", "method": "POST", "path": "/v1/checkout/sessions", "milliseconds": 1500, "when": "after"},
    ],
    ids=["answer dropped after acting", "answer too slow"],
)
def test_a_lost_answer_is_uncertain_and_the_same_key_finds_the_page(
    simulator: SimulatorProcess, gateway: StripeGateway, customer_id: str, fault: dict[str, Any]
) -> None:
    order = _order(customer_id)
    simulator.control("POST", "faults", **fault)
    with pytest.raises(PaymentUncertain) as uncertain:
        gateway.open_checkout(order)
    assert not uncertain.value.answered
    while True:  # a slow first request may still be under way, which is uncertain as well
        try:
            page = gateway.open_checkout(order)
            break
        except PaymentUncertain as error:
            assert error.code == "in_progress"
    assert _sessions(simulator) == 1
    assert gateway.look(checkout_id=page.id).page_url == page.url


def _setup(customer_id: str) -> SetupOrder:
    return SetupOrder(
        setup_id=uuid.uuid4(),
        customer_id=customer_id,
        kind=MethodKind.ACCOUNT,
        note="Nothing is charged.",
        success_url="http://127.0.0.1:8000/saved",
        cancel_url="http://127.0.0.1:8000/back",
        language="en",
        expires_at=datetime.now(UTC) + timedelta(minutes=31),
        key="setup-1",
    )


def test_a_lost_answer_to_a_page_that_saves_is_uncertain_and_the_same_key_finds_it(
    simulator: SimulatorProcess, gateway: StripeGateway, customer_id: str
) -> None:
    order = _setup(customer_id)
    simulator.control("POST", "faults", kind="drop", method="POST", path="/v1/checkout/sessions")
    with pytest.raises(PaymentUncertain):
        gateway.open_setup(order)
    found = gateway.find_setup(customer_id, order.setup_id)
    assert (gateway.open_setup(order), _sessions(simulator)) == (found, 1)
    simulator.control("POST", "faults", kind="drop", method="GET")
    with pytest.raises(PaymentUnavailable):
        gateway.look_setup(found.checkout_id)


def test_an_account_that_was_saved_is_known_after_a_kill(tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path / "state.sqlite") as process:
        gateway = _gateway(process.url)
        customer_id = gateway.create_customer(user_id=uuid.uuid4(), email="k@example.com", name=None, key="c-1")
        order = _setup(customer_id)
        page = gateway.open_setup(order)
        process.kill()
        process.start()
        assert gateway.open_setup(order) == page
        process.pay(page.checkout_id, account="sepa")
        saved = gateway.look_setup(page.checkout_id)
        process.kill()
        process.start()
        assert gateway.look_setup(page.checkout_id) == saved
        assert saved.mandate is not None


def test_a_lost_answer_to_a_question_changed_nothing(
    simulator: SimulatorProcess, gateway: StripeGateway, customer_id: str
) -> None:
    page = gateway.open_checkout(_order(customer_id))
    simulator.control("POST", "faults", kind="drop", method="GET")
    with pytest.raises(PaymentUnavailable):
        gateway.look(checkout_id=page.id)


def test_a_failure_of_the_providers_own_is_uncertain_and_repeated_for_its_key(
    simulator: SimulatorProcess, gateway: StripeGateway, customer_id: str
) -> None:
    simulator.control("POST", "faults", kind="error", method="POST", path="/v1/checkout/sessions", status=500)
    order = _order(customer_id)
    for _ in range(2):
        with pytest.raises(PaymentUncertain) as uncertain:
            gateway.open_checkout(order)
        assert uncertain.value.answered
    assert _sessions(simulator) == 0


def test_too_many_requests_change_nothing(
    simulator: SimulatorProcess, gateway: StripeGateway, customer_id: str
) -> None:
    simulator.control("POST", "faults", kind="error", method="POST", path="/v1/checkout/sessions", status=429)
    with pytest.raises(PaymentUnavailable) as unavailable:
        gateway.open_checkout(_order(customer_id))
    assert unavailable.value.code == "rate_limit"
    assert gateway.open_checkout(_order(customer_id)).url


def test_a_decline_names_the_banks_reason(
    simulator: SimulatorProcess, gateway: StripeGateway, customer_id: str
) -> None:
    page = gateway.open_checkout(_order(customer_id))
    simulator.pay(page.id, card="visa")
    intent_id = gateway.look(checkout_id=page.id).intent_id
    simulator.control(
        "POST", "faults", kind="error", method="POST", path="/v1/refunds", status=402, decline_code="processing_error"
    )
    owner = Owner(uuid.uuid4(), PaymentPurpose.BOOKING, uuid.uuid4())
    with pytest.raises(PaymentDeclined) as declined:
        gateway.refund(intent_id, 100, reference="r1", owner=owner, key="refund-1")
    assert declined.value.code == "processing_error"


def test_nobody_there_means_that_nothing_happened() -> None:
    gateway = _gateway(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(PaymentUnavailable) as unavailable:
        gateway.create_customer(user_id=uuid.uuid4(), email="kundin@example.com", name=None, key="c-1")
    assert unavailable.value.code == "not_reached"


def test_without_a_key_nothing_is_sent_anywhere() -> None:
    with pytest.raises(PaymentUnavailable) as unavailable:
        _gateway("", STRIPE_SECRET_KEY="")
    assert unavailable.value.code == "not_configured"


def test_a_wrong_key_is_named(simulator: SimulatorProcess) -> None:
    with pytest.raises(PaymentUnavailable) as unavailable:
        _gateway(simulator.url, STRIPE_SECRET_KEY="no_key_of_a_test_account").look(checkout_id="cs_1")
    assert unavailable.value.code == "not_configured"


def test_connections_are_kept(
    simulator: SimulatorProcess, gateway: StripeGateway, customer_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    page = gateway.open_checkout(_order(customer_id))
    with caplog.at_level(logging.DEBUG, logger="urllib3.connectionpool"):
        for _ in range(3):
            gateway.look(checkout_id=page.id)
    assert not [record for record in caplog.records if "Starting new" in record.getMessage()]
    assert [record for record in caplog.records if "/v1/checkout/sessions/" in record.getMessage()]


def test_a_provider_that_was_killed_knows_its_keys_again(tmp_path: Path) -> None:
    with SimulatorProcess(tmp_path / "state.sqlite") as process:
        gateway = _gateway(process.url)
        user_id = uuid.uuid4()
        customer = {"user_id": user_id, "email": "kundin@example.com", "name": None, "key": "c-1"}
        customer_id = gateway.create_customer(**customer)
        order = _order(customer_id)
        page = gateway.open_checkout(order)
        process.kill()
        with pytest.raises((PaymentUnavailable, PaymentUncertain)):
            gateway.open_checkout(order)
        process.start()
        assert gateway.create_customer(**customer) == customer_id
        assert gateway.open_checkout(order) == page
        process.pay(page.id, card="visa")
        assert gateway.look(checkout_id=page.id).outcome is Outcome.PAID
