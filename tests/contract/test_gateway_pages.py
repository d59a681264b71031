"""What every payment provider of ours must do, through `PaymentGateway` alone: payment pages."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from b2c_web.payments.gateway import Outcome, PaymentRefused
from tests.contract.simulator_process import SimulatorProcess
from tests.contract.worlds import PRICE, World, a_customer, a_payment, an_order


def test_an_open_page_waits_and_shows_no_money(any_world: World) -> None:
    order = an_order(any_world)
    page = any_world.gateway.open_checkout(order)
    seen = any_world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.owner, seen.page_url) == (Outcome.WAITING, order.owner, page.url)
    assert (seen.amount_cents, seen.captured_cents, seen.intent_id) == (PRICE, 0, None)
    assert abs(page.expires_at - order.expires_at) < timedelta(seconds=2)


def test_the_same_key_opens_the_same_page(any_world: World) -> None:
    order = an_order(any_world)
    assert any_world.gateway.open_checkout(order) == any_world.gateway.open_checkout(order)


def test_the_same_key_with_another_amount_is_refused(any_world: World) -> None:
    order = an_order(any_world)
    any_world.gateway.open_checkout(order)
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_checkout(replace(order, amount_cents=PRICE + 1))
    assert refused.value.code == "idempotency_mismatch"


def test_a_page_shorter_than_half_an_hour_is_refused_by_name(any_world: World) -> None:
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_checkout(an_order(any_world, expires_at=datetime.now(UTC) + timedelta(minutes=20)))
    assert refused.value.param == "expires_at"


def test_an_unknown_customer_is_refused_by_name(any_world: World) -> None:
    with pytest.raises(PaymentRefused) as refused:
        any_world.gateway.open_checkout(an_order(any_world, customer_id="cus_unknown"))
    assert (refused.value.code, refused.value.param) == ("resource_missing", "customer")


def test_paying_keeps_the_card_and_shows_the_charge(world: World) -> None:
    order = an_order(world)
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
    page = world.gateway.open_checkout(an_order(world))
    world.pay(page.id, card=card)
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.failure_code, seen.page_url) == (Outcome.WAITING, code, page.url)
    assert seen.failure_reference


def test_two_declines_are_two_attempts_and_the_third_card_pays(world: World) -> None:
    page = world.gateway.open_checkout(an_order(world))
    references = []
    for card in ("declined", "declined"):
        world.pay(page.id, card=card)
        references.append(world.gateway.look(checkout_id=page.id).failure_reference)
    world.pay(page.id, card="visa")
    assert len(set(references)) == 2
    assert world.gateway.look(checkout_id=page.id).outcome is Outcome.PAID


def test_a_refused_confirmation_at_the_bank_is_a_decline(world: World) -> None:
    page = world.gateway.open_checkout(an_order(world))
    world.pay(page.id, card="authenticate_once", confirm=False)
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.failure_code) == (Outcome.WAITING, "payment_intent_authentication_failure")
    assert seen.failure_reference


def test_the_second_page_offers_the_card_that_was_kept(world: World, simulator: SimulatorProcess) -> None:
    first = a_payment(world)
    assert first.method is not None
    page = world.gateway.open_checkout(an_order(world))
    path = f"/c/pay/{page.id}"
    assert "Visa •••• 4242" in simulator.request("GET", path)[1]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert simulator.request("POST", path, f"saved={first.method.id}", form)[0] == 303
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.method) == (Outcome.PAID, first.method)
    assert [each.id for each in world.gateway.list_methods(world.customer_id)] == [first.method.id]


def test_a_strangers_card_is_not_offered_and_not_taken(world: World, simulator: SimulatorProcess) -> None:
    first = a_payment(world)
    stranger = replace(world, customer_id=a_customer(world.gateway))
    page = world.gateway.open_checkout(an_order(stranger))
    path = f"/c/pay/{page.id}"
    assert "•••• 4242" not in simulator.request("GET", path)[1]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert simulator.request("POST", path, f"saved={first.method.id}", form)[0] == 422
    assert world.gateway.look(checkout_id=page.id).outcome is Outcome.WAITING


def test_expiring_an_open_page_closes_it_and_repeats_safely(any_world: World) -> None:
    page = any_world.gateway.open_checkout(an_order(any_world))
    for attempt in range(2):
        seen = any_world.gateway.expire_checkout(page.id, f"expire-{page.id[-20:]}-{attempt}")
        assert (seen.outcome, seen.page_url) == (Outcome.CLOSED, None)


def test_expiring_a_paid_page_says_that_the_payment_won(world: World) -> None:
    page = world.gateway.open_checkout(an_order(world))
    world.pay(page.id, card="visa")
    seen = world.gateway.expire_checkout(page.id, "expire-1")
    assert (seen.outcome, seen.captured_cents) == (Outcome.PAID, PRICE)


def test_expiring_after_a_decline_closes_it_for_good(world: World) -> None:
    page = world.gateway.open_checkout(an_order(world))
    world.pay(page.id, card="declined")
    assert world.gateway.expire_checkout(page.id, "expire-1").outcome is Outcome.CLOSED


def test_a_page_closes_by_itself_when_its_time_is_over(world: World) -> None:
    page = world.gateway.open_checkout(an_order(world))
    world.advance(32 * 60)
    assert world.gateway.look(checkout_id=page.id).outcome is Outcome.CLOSED


def test_a_page_whose_id_was_lost_is_found_among_the_customers(any_world: World) -> None:
    order = an_order(any_world)
    any_world.gateway.open_checkout(an_order(any_world))
    page = any_world.gateway.open_checkout(order)
    found = any_world.gateway.find_checkout(any_world.customer_id, order.owner.payment_id)
    assert found is not None
    assert (found.checkout_id, found.page_url) == (page.id, page.url)
    assert any_world.gateway.find_checkout(any_world.customer_id, uuid.uuid4()) is None


def test_a_page_may_only_hold_the_money(world: World) -> None:
    page = world.gateway.open_checkout(an_order(world, capture_later=True))
    world.pay(page.id, card="mastercard")
    seen = world.gateway.look(checkout_id=page.id)
    assert (seen.outcome, seen.authorized_cents, seen.captured_cents) == (Outcome.AUTHORIZED, PRICE, 0)
    assert world.gateway.expire_checkout(page.id, "expire-1").outcome is Outcome.AUTHORIZED
    assert world.gateway.release(seen.intent_id, "release-1").outcome is Outcome.CLOSED
