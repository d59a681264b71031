"""One simulator and one webhook receiver for all contract tests; each test starts with an empty one."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
import stripe

from tests.contract.simulator_process import SimulatorProcess, WebhookReceiver
from tests.contract.worlds import STRIPE_TEST_KEY, World, real, simulated

MakeSession = Callable[..., Any]


@pytest.fixture(scope="session")
def running_receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    state: Path = tmp_path_factory.mktemp("simulator") / "state.sqlite"
    with SimulatorProcess(state) as process:
        yield process


@pytest.fixture
def simulator(running_simulator: SimulatorProcess) -> SimulatorProcess:
    """Empty, well behaved, without webhooks; debits settle only when the clock is pushed."""
    running_simulator.control("POST", "reset")
    running_simulator.control("POST", "settings", webhook_url=None, debit_seconds=600)
    return running_simulator


@pytest.fixture
def receiver(simulator: SimulatorProcess, running_receiver: WebhookReceiver) -> WebhookReceiver:
    """Takes the simulator's webhooks from now on."""
    running_receiver.forget()
    simulator.control("POST", "settings", webhook_url=running_receiver.url)
    return running_receiver


@pytest.fixture
def client(simulator: SimulatorProcess) -> stripe.StripeClient:
    return simulator.client()


@pytest.fixture
def customer(client: stripe.StripeClient) -> Any:
    return client.v1.customers.create({"email": "kundin@example.com", "name": "Karla Kundin"})


@pytest.fixture
def make_session(client: stripe.StripeClient, customer: Any) -> MakeSession:
    """An open session over 249.00 EUR that keeps the card; `changes` win, None takes a parameter away."""

    def make(**changes: Any) -> Any:
        product = {"name": "Bremsen", "description": "Mit Abholung"}
        params = {
            "mode": "payment",
            "customer": customer.id,
            "client_reference_id": "BK-2026-000001",
            "success_url": "http://127.0.0.1:8000/zahlung?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:8000/zurueck",
            "expires_at": int(time.time()) + 1800,
            "locale": "de",
            "line_items": [
                {"quantity": 1, "price_data": {"currency": "eur", "unit_amount": 24900, "product_data": product}}
            ],
            "payment_intent_data": {"setup_future_usage": "off_session", "metadata": {"booking": "1"}},
            **changes,
        }
        return client.v1.checkout.sessions.create({name: part for name, part in params.items() if part is not None})

    return make


@pytest.fixture
def saved_card(simulator: SimulatorProcess, customer: Any) -> Callable[..., str]:
    """The id of a payment method of the customer, as if saved on the hosted page: `saved_card("mastercard")`."""

    def save(card: str = "visa") -> str:
        method = simulator.control("POST", "payment_methods", customer=customer.id, card=card)
        return str(method["id"])

    return save


@pytest.fixture
def authorise(client: stripe.StripeClient, customer: Any) -> Callable[..., Any]:
    """An off-session PaymentIntent with manual capture over 100.00 EUR; `changes` win."""

    def create(method_id: str, **changes: Any) -> Any:
        params = {
            "amount": 10000,
            "currency": "eur",
            "customer": customer.id,
            "payment_method": method_id,
            "payment_method_types": ["card", "sepa_debit"],
            "capture_method": "manual",
            "off_session": True,
            "confirm": True,
            **changes,
        }
        return client.v1.payment_intents.create(params)

    return create


@pytest.fixture(params=["simulator", *(["stripe"] if STRIPE_TEST_KEY else [])])
def any_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every provider there is: what needs no page."""
    if request.param == "stripe":
        pytest_socket._remove_restrictions()  # the one test that may leave this machine, when it is given a key
    yield real() if request.param == "stripe" else simulated(request.getfixturevalue("simulator"))


@pytest.fixture
def world(simulator: SimulatorProcess) -> World:
    """The provider whose pages we can fill in."""
    return simulated(simulator)
