"""Payment providers under test: the simulator and, with STRIPE_TEST_KEY set (a key of a Stripe test account), Stripe
itself for what needs no page filled in.
"""

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from b2c_web.payments.gateway import CheckoutOrder, OffSessionOrder, Owner, PaymentSnapshot
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.stripe import StripeGateway
from tests.contract.simulator_process import SECRET, SimulatorProcess

STRIPE_TEST_KEY = os.environ.get("STRIPE_TEST_KEY", "")
PRICE = 28800


@dataclass
class World:
    """A provider under test. `pay` fills in its page; `save` keeps a test card for a customer; None: cannot."""

    gateway: StripeGateway
    customer_id: str
    save: Callable[[str], str]
    pay: Callable[..., Any] | None = None
    advance: Callable[[int], Any] | None = None


def _settings(**changes: Any) -> dict[str, Any]:
    defaults = {"STRIPE_SECRET_KEY": "sk_test_contract", "STRIPE_API_BASE": "", "PAYMENT_TIMEOUT_SECONDS": 20}
    return {**defaults, "STRIPE_WEBHOOK_SECRET": SECRET, **changes}


def a_customer(gateway: StripeGateway) -> str:
    user_id = uuid.uuid4()
    return gateway.create_customer(
        user_id=user_id, email="kundin@example.com", name="Karla Kundin", key=f"customer-{user_id}"
    )


def simulated(simulator: SimulatorProcess) -> World:
    gateway = StripeGateway(_settings(STRIPE_API_BASE=simulator.url))
    customer_id = a_customer(gateway)

    def save(card: str) -> str:
        return str(simulator.control("POST", "payment_methods", customer=customer_id, card=card)["id"])

    return World(gateway, customer_id, save, simulator.pay, simulator.advance)


def real() -> World:
    gateway = StripeGateway(_settings(STRIPE_SECRET_KEY=STRIPE_TEST_KEY))
    customer_id = a_customer(gateway)
    tokens = {"visa": "pm_card_visa", "authenticate_always": "pm_card_authenticationRequired"}

    def save(card: str) -> str:
        return gateway._client.payment_methods.attach(tokens[card], {"customer": customer_id}).id

    return World(gateway, customer_id, save)


def an_owner() -> Owner:
    return Owner(uuid.uuid4(), PaymentPurpose.BOOKING, uuid.uuid4())


def an_order(world: World, **changes: Any) -> CheckoutOrder:
    owner = changes.pop("owner", None) or an_owner()
    order = CheckoutOrder(
        owner=owner,
        customer_id=world.customer_id,
        amount_cents=PRICE,
        description="Bremsenservice",
        success_url="http://127.0.0.1:8000/paid",
        cancel_url="http://127.0.0.1:8000/back",
        language="de",
        expires_at=datetime.now(UTC) + timedelta(minutes=31),
        key=f"checkout-{owner.payment_id}",
    )
    return replace(order, **changes)


def a_hold(world: World, card: str = "visa", **changes: Any) -> OffSessionOrder:
    owner = changes.pop("owner", None) or an_owner()
    order = OffSessionOrder(
        owner=owner,
        customer_id=world.customer_id,
        method_id=world.save(card),
        amount_cents=10000,
        description="Bremsscheiben",
        key=f"hold-{owner.payment_id}",
    )
    return replace(order, **changes)


def a_payment(world: World, **changes: Any) -> PaymentSnapshot:
    assert world.pay is not None
    page = world.gateway.open_checkout(an_order(world, **changes))
    world.pay(page.id, card="visa")
    return world.gateway.look(checkout_id=page.id)
