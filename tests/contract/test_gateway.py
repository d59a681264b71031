"""What every payment provider of ours must do, through `PaymentGateway` alone.

Runs against the simulator. With STRIPE_TEST_KEY set (a key of a Stripe test account) the tests that need no page
filled in run against Stripe as well.
"""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_socket

from b2c_web.payments.gateway import (
    CheckoutOrder,
    EventRejected,
    OffSessionOrder,
    Outcome,
    Owner,
    PaymentDeclined,
    PaymentRefused,
    PaymentSnapshot,
    RefundOutcome,
)
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.setup_gateway import SetupOrder, SetupOutcome
from b2c_web.payments.setup_models import MethodKind
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


def _customer(gateway: StripeGateway) -> str:
    user_id = uuid.uuid4()
    return gateway.create_customer(
        user_id=user_id, email="kundin@example.com", name="Karla Kundin", key=f"customer-{user_id}"
    )


def _simulated(simulator: SimulatorProcess) -> World:
    gateway = StripeGateway(_settings(STRIPE_API_BASE=simulator.url))
    customer_id = _customer(gateway)

    def save(card: str) -> str:
        return str(simulator.control("POST", "payment_methods", customer=customer_id, card=card)["id"])

    return World(gateway, customer_id, save, simulator.pay, simulator.advance)


def _real() -> World:
    gateway = StripeGateway(_settings(STRIPE_SECRET_KEY=STRIPE_TEST_KEY))
    customer_id = _customer(gateway)
    tokens = {"visa": "pm_card_visa", "authenticate_always": "pm_card_authenticationRequired"}

    def save(card: str) -> str:
        return gateway._client.payment_methods.attach(tokens[card], {"customer": customer_id}).id

    return World(gateway, customer_id, save)


@pytest.fixture(params=["simulator", *(["stripe"] if STRIPE_TEST_KEY else [])])
def any_world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Every provider there is: what needs no page."""
    if request.param == "stripe":
        pytest_socket._remove_restrictions()  # the one test that may leave this machine, when it is given a key
    yield _real() if request.param == "stripe" else _simulated(request.getfixturevalue("simulator"))


@pytest.fixture
def world(simulator: SimulatorProcess) -> World:
    """The provider whose pages we can fill in."""
    return _simulated(simulator)


def _owner() -> Owner:
    return Owner(uuid.uuid4(), PaymentPurpose.BOOKING, uuid.uuid4())


def _order(world: World, **changes: Any) -> CheckoutOrder:
    owner = changes.pop("owner", None) or _owner()
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


def _hold(world: World, card: str = "visa", **changes: Any) -> OffSessionOrder:
    owner = changes.pop("owner", None) or _owner()
    order = OffSessionOrder(
        owner=owner,
        customer_id=world.customer_id,
        method_id=world.save(card),
        amount_cents=10000,
        description="Bremsscheiben",
        key=f"hold-{owner.payment_id}",
    )
    return replace(order, **changes)


def _paid(world: World, **changes: Any) -> PaymentSnapshot:
    assert world.pay is not None
    page = world.gateway.open_checkout(_order(world, **changes))
    world.pay(page.id, card="visa")
    return world.gateway.look(checkout_id=page.id)


# pages


def test_an_open_page_waits_and_shows_no_money(any_world: World) -> None:
    order = _order(any_world)
    page = any_world.gateway.open_checkout(order)
    seen = any_world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.owner, seen.page_url) == (Outcome.WAITING, order.owner, page.url)
    assert (seen.amount_cents, seen.captured_cents, seen.intent_id) == (PRICE, 0, None)
    assert abs(page.expires_at - order.expires_at) < timedelta(seconds=2)


def test_the_same_key_opens_the_same_page(any_world: World) -> None:
    order = _order(any_world)
    assert any_world.gateway.open_checkout(order) == any_world.gateway.open_checkout(order)


def test_the_same_key_with_another_amount_is_refused(any_world: World) -> None:
    order = _order(any_world)
    any_world.gateway.open_checkout(order)
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_checkout(replace(order, amount_cents=PRICE + 1))
    assert refused.value.code == "idempotency_mismatch"


def test_a_page_shorter_than_half_an_hour_is_refused_by_name(any_world: World) -> None:
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_checkout(_order(any_world, expires_at=datetime.now(UTC) + timedelta(minutes=20)))
    assert refused.value.param == "expires_at"


def test_an_unknown_customer_is_refused_by_name(any_world: World) -> None:
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_checkout(_order(any_world, customer_id="cus_unknown"))
    assert (refused.value.code, refused.value.param) == ("resource_missing", "customer")


def test_paying_keeps_the_card_and_shows_the_charge(world: World) -> None:
    order = _order(world)
    page = world.gateway.open_checkout(order)
    world.pay(page.id, card="visa")
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.captured_cents, seen.page_url) == (Outcome.PAID, PRICE, None)
    assert seen.method is not None
    assert (seen.method.label, seen.method.customer_id) == ("visa 4242", world.customer_id)
    assert seen.method.exp_year is not None and seen.method.fingerprint
    assert seen.charge_id and abs(seen.charged_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert seen == replace(world.gateway.look(intent_id=seen.intent_id), checkout_id=page.id)


@pytest.mark.parametrize(
    ("card", "code"),
    [
        ("declined", "generic_decline"),
        ("insufficient_funds", "insufficient_funds"),
        ("expired", "expired_card"),
        ("incorrect_cvc", "incorrect_cvc"),
    ],
)
def test_a_declined_card_leaves_the_page_open_with_the_banks_reason(world: World, card: str, code: str) -> None:
    page = world.gateway.open_checkout(_order(world))
    world.pay(page.id, card=card)
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.failure_code, seen.page_url) == (Outcome.WAITING, code, page.url)
    assert seen.failure_reference


def test_two_declines_are_two_attempts_and_the_third_card_pays(world: World) -> None:
    page = world.gateway.open_checkout(_order(world))
    references = []
    for card in ("declined", "declined"):
        world.pay(page.id, card=card)
        references.append(world.gateway.look(checkout_id=page.id).failure_reference)
    world.pay(page.id, card="visa")
    assert len(set(references)) == 2
    assert world.gateway.look(checkout_id=page.id).outcome is Outcome.PAID


def test_a_refused_confirmation_at_the_bank_is_a_decline(world: World) -> None:
    page = world.gateway.open_checkout(_order(world))
    world.pay(page.id, card="authenticate_once", confirm=False)
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.failure_code) == (Outcome.WAITING, "payment_intent_authentication_failure")
    assert seen.failure_reference


def test_the_second_page_offers_the_card_that_was_kept(world: World, simulator: SimulatorProcess) -> None:
    first = _paid(world)
    assert first.method is not None
    page = world.gateway.open_checkout(_order(world))
    path = f"/c/pay/{page.id}"
    assert "Visa •••• 4242" in simulator.request("GET", path)[1]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert simulator.request("POST", path, f"saved={first.method.id}", form)[0] == 303
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.method) == (Outcome.PAID, first.method)
    assert [each.id for each in world.gateway.list_methods(world.customer_id)] == [first.method.id]


def test_a_strangers_card_is_not_offered_and_not_taken(world: World, simulator: SimulatorProcess) -> None:
    first = _paid(world)
    stranger = replace(world, customer_id=_customer(world.gateway))
    page = world.gateway.open_checkout(_order(stranger))
    path = f"/c/pay/{page.id}"
    assert "•••• 4242" not in simulator.request("GET", path)[1]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert simulator.request("POST", path, f"saved={first.method.id}", form)[0] == 422
    assert world.gateway.look(checkout_id=page.id).outcome is Outcome.WAITING


def test_expiring_an_open_page_closes_it_and_repeats_safely(any_world: World) -> None:
    page = any_world.gateway.open_checkout(_order(any_world))
    for attempt in range(2):
        seen = any_world.gateway.expire_checkout(page.id, f"expire-{page.id[-20:]}-{attempt}")
        assert (seen.outcome, seen.page_url) == (Outcome.CLOSED, None)


def test_expiring_a_paid_page_says_that_the_payment_won(world: World) -> None:
    page = world.gateway.open_checkout(_order(world))
    world.pay(page.id, card="visa")
    seen = world.gateway.expire_checkout(page.id, "expire-1")
    assert (seen.outcome, seen.captured_cents) == (Outcome.PAID, PRICE)


def test_expiring_after_a_decline_closes_it_for_good(world: World) -> None:
    page = world.gateway.open_checkout(_order(world))
    world.pay(page.id, card="declined")
    assert world.gateway.expire_checkout(page.id, "expire-1").outcome is Outcome.CLOSED


def test_a_page_closes_by_itself_when_its_time_is_over(world: World) -> None:
    page = world.gateway.open_checkout(_order(world))
    world.advance(32 * 60)
    assert world.gateway.look(checkout_id=page.id).outcome is Outcome.CLOSED


def test_a_page_whose_id_was_lost_is_found_among_the_customers(any_world: World) -> None:
    order = _order(any_world)
    any_world.gateway.open_checkout(_order(any_world))
    page = any_world.gateway.open_checkout(order)
    found = any_world.gateway.find_checkout(any_world.customer_id, order.owner.payment_id)
    assert found is not None
    assert (found.checkout_id, found.page_url) == (page.id, page.url)
    assert any_world.gateway.find_checkout(any_world.customer_id, uuid.uuid4()) is None


def test_a_page_may_only_hold_the_money(world: World) -> None:
    page = world.gateway.open_checkout(_order(world, capture_later=True))
    world.pay(page.id, card="mastercard")
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.authorized_cents, seen.captured_cents) == (Outcome.AUTHORIZED, PRICE, 0)
    assert world.gateway.expire_checkout(page.id, "expire-1").outcome is Outcome.AUTHORIZED
    assert world.gateway.release(seen.intent_id, "release-1").outcome is Outcome.CLOSED


# pages that save without charging


def _setup(world: World, kind: MethodKind = MethodKind.ACCOUNT, **changes: Any) -> SetupOrder:
    setup_id = changes.pop("setup_id", None) or uuid.uuid4()
    order = SetupOrder(
        setup_id=setup_id,
        customer_id=world.customer_id,
        kind=kind,
        note="Abgebucht wird nichts.",
        success_url="http://127.0.0.1:8000/saved",
        cancel_url="http://127.0.0.1:8000/back",
        language="de",
        expires_at=datetime.now(UTC) + timedelta(minutes=31),
        key=f"setup-{setup_id}",
    )
    return replace(order, **changes)


def test_a_page_that_saves_waits_and_the_same_key_opens_the_same_one(any_world: World) -> None:
    order = _setup(any_world)
    page = any_world.gateway.open_setup(order)
    assert (page.outcome, page.setup_id, page.customer_id) == (
        SetupOutcome.WAITING,
        order.setup_id,
        any_world.customer_id,
    )
    assert page.checkout_id and page.page_url and page.method is None
    assert any_world.gateway.open_setup(order) == page
    assert any_world.gateway.look_setup(page.checkout_id) == page
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_setup(replace(order, note="Anders."))
    assert refused.value.code == "idempotency_mismatch"


@pytest.mark.parametrize("changes", [{"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"customer_id": "cus_unknown"}])
def test_what_a_page_that_saves_cannot_have_is_refused_by_name(any_world: World, changes: dict[str, Any]) -> None:
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_setup(_setup(any_world, **changes))
    assert refused.value.param in ("expires_at", "customer")


def test_an_account_is_saved_with_its_mandate_and_nothing_is_charged(world: World) -> None:
    order = _setup(world)
    page = world.gateway.open_setup(order)
    world.pay(page.checkout_id, account="sepa")
    seen = world.gateway.look_setup(page.checkout_id)
    assert (seen.outcome, seen.setup_id, seen.page_url) == (SetupOutcome.SAVED, order.setup_id, None)
    assert seen.method is not None and seen.mandate
    assert (seen.method.type, seen.method.last4, seen.method.customer_id) == ("sepa_debit", "3000", world.customer_id)
    assert world.gateway.list_methods(world.customer_id) == [seen.method]
    assert list(world.gateway.recent_intents(datetime.now(UTC) - timedelta(hours=1))) == []
    debit = _hold(world, capture_later=False)
    charged = world.gateway.authorize_off_session(replace(debit, method_id=seen.method.id))
    assert charged.outcome is Outcome.PROCESSING


def test_a_card_is_saved_without_a_mandate(world: World) -> None:
    page = world.gateway.open_setup(_setup(world, MethodKind.CARD))
    world.pay(page.checkout_id, card="declined")
    assert world.gateway.look_setup(page.checkout_id).outcome is SetupOutcome.WAITING
    world.pay(page.checkout_id, card="visa")
    seen = world.gateway.look_setup(page.checkout_id)
    assert seen.method is not None
    assert (seen.outcome, seen.method.label, seen.mandate) == (SetupOutcome.SAVED, "visa 4242", None)


def test_a_page_that_saves_takes_only_what_it_asks_for(world: World, simulator: SimulatorProcess) -> None:
    account, card = world.gateway.open_setup(_setup(world)), world.gateway.open_setup(_setup(world, MethodKind.CARD))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    typed = "email=k%40example.com&number=4242424242424242&expiry=12/40&cvc=123&method=card"
    assert simulator.request("POST", f"/c/pay/{account.checkout_id}", typed, form)[0] == 422
    iban = "email=k%40example.com&holder=K&iban=DE89370400440532013000&method=sepa_debit"
    assert simulator.request("POST", f"/c/pay/{card.checkout_id}", iban, form)[0] == 422
    for page in (account, card):
        assert world.gateway.look_setup(page.checkout_id).outcome is SetupOutcome.WAITING


def test_ending_a_page_that_saves_says_what_won(world: World) -> None:
    given_up, quicker = world.gateway.open_setup(_setup(world)), world.gateway.open_setup(_setup(world))
    world.pay(quicker.checkout_id, account="sepa")
    for attempt in range(2):
        assert world.gateway.expire_setup(given_up.checkout_id, f"expire-{attempt}").outcome is SetupOutcome.CLOSED
        assert world.gateway.expire_setup(quicker.checkout_id, f"late-{attempt}").outcome is SetupOutcome.SAVED


def test_a_page_that_saves_is_found_again_and_listed(world: World) -> None:
    lost, other = _setup(world), _setup(world)
    world.gateway.open_setup(other)
    page = world.gateway.open_setup(lost)
    world.pay(page.checkout_id, account="sepa")
    found = world.gateway.find_setup(world.customer_id, lost.setup_id)
    assert found == world.gateway.look_setup(page.checkout_id)
    assert world.gateway.find_setup(world.customer_id, uuid.uuid4()) is None
    assert world.gateway.find_setup(_customer(world.gateway), lost.setup_id) is None
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    listed = {each.setup_id: each.outcome for each in world.gateway.recent_setups(hour_ago)}
    assert listed == {lost.setup_id: SetupOutcome.SAVED, other.setup_id: SetupOutcome.WAITING}
    assert list(world.gateway.recent_checkouts(hour_ago)) == []
    assert world.gateway.find_checkout(world.customer_id, lost.setup_id) is None
    world.gateway.detach_method(found.method.id, "detach-1")
    assert {each.outcome for each in world.gateway.recent_setups(hour_ago)} == {
        SetupOutcome.CLOSED,
        SetupOutcome.WAITING,
    }


# saved cards without the customer


def test_money_is_held_until_the_time_that_the_charge_says(any_world: World) -> None:
    seen = any_world.gateway.authorize_off_session(_hold(any_world))
    assert (seen.outcome, seen.authorized_cents, seen.captured_cents) == (Outcome.AUTHORIZED, 10000, 0)
    days = (seen.capture_before - datetime.now(UTC)) / timedelta(days=1)
    assert 4.5 < days < 8


def test_visa_without_the_customer_is_held_four_days_and_eighteen_hours(world: World) -> None:
    seen = world.gateway.authorize_off_session(_hold(world))
    assert abs(seen.capture_before - datetime.now(UTC) - timedelta(days=4, hours=18)) < timedelta(minutes=1)


def test_part_of_what_is_held_is_captured_once(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(_hold(any_world))
    key = f"capture-{held.intent_id}"
    for _ in range(2):
        seen = any_world.gateway.capture(held.intent_id, 7000, key)
        assert (seen.outcome, seen.captured_cents) == (Outcome.PAID, 7000)
    with pytest.raises(PaymentRefused):
        any_world.gateway.capture(held.intent_id, 1000, key + "-again")


def test_more_than_is_held_is_never_captured(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(_hold(any_world))
    with pytest.raises(PaymentRefused):
        any_world.gateway.capture(held.intent_id, 10001, f"capture-{held.intent_id}")
    assert any_world.gateway.look(intent_id=held.intent_id).outcome is Outcome.AUTHORIZED


def test_releasing_gives_the_hold_back_and_repeats_safely(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(_hold(any_world))
    for attempt in range(2):
        seen = any_world.gateway.release(held.intent_id, f"release-{held.intent_id}-{attempt}")
        assert (seen.outcome, seen.authorized_cents) == (Outcome.CLOSED, 0)
    with pytest.raises(PaymentRefused):
        any_world.gateway.capture(held.intent_id, 1, f"capture-{held.intent_id}")


def test_releasing_what_was_captured_says_that_the_capture_won(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(_hold(any_world))
    any_world.gateway.capture(held.intent_id, 10000, f"capture-{held.intent_id}")
    seen = any_world.gateway.release(held.intent_id, f"release-{held.intent_id}")
    assert (seen.outcome, seen.captured_cents) == (Outcome.PAID, 10000)


def test_the_bank_that_wants_the_customer_says_so(any_world: World) -> None:
    with pytest.raises(PaymentDeclined) as declined:
        any_world.gateway.authorize_off_session(_hold(any_world, "authenticate_always"))
    assert declined.value.code == "authentication_required"
    assert any_world.gateway.look(intent_id=declined.value.intent_id).outcome is Outcome.FAILED
    released = any_world.gateway.release(declined.value.intent_id, f"release-{declined.value.intent_id}")
    assert released.outcome is Outcome.CLOSED


def test_a_hold_lapses_when_its_time_is_over(world: World) -> None:
    held = world.gateway.authorize_off_session(_hold(world))
    world.advance(5 * 24 * 3600)
    assert world.gateway.look(intent_id=held.intent_id).outcome is Outcome.CLOSED


@pytest.mark.parametrize(("account", "outcome"), [("sepa", Outcome.PAID), ("sepa_fails", Outcome.FAILED)])
def test_a_debit_is_under_way_before_it_is_decided(
    world: World, simulator: SimulatorProcess, account: str, outcome: Outcome
) -> None:
    method = simulator.control("POST", "payment_methods", customer=world.customer_id, account=account)
    order = _hold(world, capture_later=False)
    seen = world.gateway.authorize_off_session(replace(order, method_id=method["id"]))
    assert (seen.outcome, seen.captured_cents) == (Outcome.PROCESSING, 0)
    world.advance(601)
    seen = world.gateway.look(intent_id=seen.intent_id)
    assert (seen.outcome, seen.captured_cents) == (outcome, 10000 if outcome is Outcome.PAID else 0)


# refunds


def test_refunds_never_exceed_what_is_left(world: World) -> None:
    paid, owner = _paid(world), _owner()
    first = world.gateway.refund(paid.intent_id, 20000, reference="r1", owner=owner, key="refund-1")
    with pytest.raises(PaymentRefused):
        world.gateway.refund(paid.intent_id, 20000, reference="r2", owner=owner, key="refund-2")
    assert first.outcome is RefundOutcome.SUCCEEDED
    assert [(each.reference, each.amount_cents) for each in world.gateway.refunds_of(paid.intent_id)] == [("r1", 20000)]


def test_the_same_key_refunds_once(world: World) -> None:
    paid, owner = _paid(world), _owner()
    made = [world.gateway.refund(paid.intent_id, 5000, reference="r1", owner=owner, key="refund-1") for _ in range(2)]
    assert made[0] == made[1]
    with pytest.raises(PaymentRefused) as refused:
        world.gateway.refund(paid.intent_id, 6000, reference="r1", owner=owner, key="refund-1")
    assert refused.value.code == "idempotency_mismatch"
    assert len(world.gateway.refunds_of(paid.intent_id)) == 1


def test_a_second_full_refund_is_refused(world: World) -> None:
    paid, owner = _paid(world), _owner()
    world.gateway.refund(paid.intent_id, PRICE, reference="r1", owner=owner, key="refund-1")
    with pytest.raises(PaymentRefused) as refused:
        world.gateway.refund(paid.intent_id, PRICE, reference="r2", owner=owner, key="refund-2")
    assert refused.value.code == "charge_already_refunded"


def test_a_refund_that_comes_back_shows_as_failed(world: World, simulator: SimulatorProcess) -> None:
    page = world.gateway.open_checkout(_order(world))
    world.pay(page.id, card="refund_fails")
    intent_id = world.gateway.look(checkout_id=page.id).intent_id
    made = world.gateway.refund(intent_id, PRICE, reference="r1", owner=_owner(), key="refund-1")
    world.advance(10)
    (now,) = world.gateway.refunds_of(intent_id)
    assert (made.outcome, now.outcome, now.failure_code) == (
        RefundOutcome.SUCCEEDED,
        RefundOutcome.FAILED,
        "expired_or_canceled_card",
    )


def test_an_attempt_whose_id_was_never_learned_is_found(any_world: World) -> None:
    order = _hold(any_world)
    any_world.gateway.authorize_off_session(_hold(any_world))
    assert any_world.gateway.find_intent(any_world.customer_id, order.owner.payment_id) is None
    held = any_world.gateway.authorize_off_session(order)
    found = any_world.gateway.find_intent(any_world.customer_id, order.owner.payment_id)
    assert found is not None
    assert (found.intent_id, found.outcome, found.authorized_cents, found.capture_before) == (
        held.intent_id,
        Outcome.AUTHORIZED,
        10000,
        held.capture_before,
    )


def test_a_declined_attempt_is_found_with_its_reason(any_world: World) -> None:
    order = _hold(any_world, "authenticate_always")
    with pytest.raises(PaymentDeclined):
        any_world.gateway.authorize_off_session(order)
    found = any_world.gateway.find_intent(any_world.customer_id, order.owner.payment_id)
    assert found is not None
    assert (found.outcome, found.failure_code) == (Outcome.FAILED, "authentication_required")


def test_a_released_rest_is_no_refund(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(_hold(any_world))
    any_world.gateway.capture(held.intent_id, 7000, f"capture-{held.intent_id}")
    assert any_world.gateway.refunds_of(held.intent_id) == []


# saved methods and customers


def test_the_same_key_makes_one_customer(any_world: World) -> None:
    user_id = uuid.uuid4()
    facts = {"user_id": user_id, "email": "eine@example.com", "name": None, "key": f"customer-{user_id}"}
    assert any_world.gateway.create_customer(**facts) == any_world.gateway.create_customer(**facts)


def test_a_saved_card_is_listed_until_it_is_detached(any_world: World) -> None:
    method_id = any_world.save("visa")
    assert [each.id for each in any_world.gateway.list_methods(any_world.customer_id)] == [method_id]
    any_world.gateway.set_default(any_world.customer_id, method_id, f"default-{method_id}")
    for attempt in range(2):
        any_world.gateway.detach_method(method_id, f"detach-{method_id}-{attempt}")
    assert any_world.gateway.list_methods(any_world.customer_id) == []
    assert any_world.gateway.look_method(method_id).customer_id is None


# lists for the reconciliation


def test_recent_lists_run_over_their_pages_and_name_their_owners(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("b2c_web.payments.stripe.PAGE", 2)
    since = datetime.now(UTC) - timedelta(minutes=5)
    owners = [_owner() for _ in range(5)]
    for owner in owners:
        paid = _paid(world, owner=owner)
        world.gateway.refund(
            paid.intent_id, 100, reference=str(owner.payment_id), owner=owner, key=f"r-{owner.payment_id}"
        )
    newest_first = owners[::-1]
    assert [each.owner for each in world.gateway.recent_intents(since)] == newest_first
    assert [each.owner for each in world.gateway.recent_checkouts(since)] == newest_first
    assert [each.reference for each in world.gateway.recent_refunds(since)] == [str(o.payment_id) for o in newest_first]
    assert {each.captured_cents for each in world.gateway.recent_intents(since)} == {PRICE}
    assert list(world.gateway.recent_intents(datetime.now(UTC) + timedelta(minutes=5))) == []


# events


def _signed(payload: bytes, at: float, secret: str = SECRET) -> str:
    from b2c_web.payments.simulator.webhooks import signature

    return signature(secret, payload, int(at))


def test_only_a_signed_and_fresh_event_is_taken(world: World) -> None:
    payload = b'{"id": "evt_1", "type": "charge.refunded", "data": {"object": {"id": "ch_1", "object": "charge"}}}'
    event = world.gateway.parse_event(payload, _signed(payload, time.time()))
    assert (event.id, event.type, event.object_kind, event.object_id) == ("evt_1", "charge.refunded", "charge", "ch_1")
    rejected = [
        (payload, ""),
        (payload, "t=1,v1=00"),
        (payload, _signed(payload, time.time(), "whsec_of_somebody_else")),
        (payload, _signed(payload, time.time() - 600)),
        (payload + b" ", _signed(payload, time.time())),
        (b"[]", _signed(b"[]", time.time())),
        (b"\xff", _signed(b"\xff", time.time())),
    ]
    for body, signature in rejected:
        with pytest.raises(EventRejected):
            world.gateway.parse_event(body, signature)


def test_an_event_leads_to_its_payment(world: World, receiver: Any) -> None:
    order = _order(world)
    page = world.gateway.open_checkout(order)
    world.pay(page.id, card="visa")
    seen = world.gateway.look(checkout_id=page.id)
    links = {}
    for each in receiver.wait_for(5):
        event = world.gateway.parse_event(each.payload, each.signature)
        links[event.type] = event.links
    payment_id = str(order.owner.payment_id)
    assert links["checkout.session.completed"] == {
        "payment_id": payment_id,
        "intent_id": seen.intent_id,
        "checkout_id": page.id,
    }
    assert links["payment_intent.succeeded"] == {"payment_id": payment_id, "intent_id": seen.intent_id}
