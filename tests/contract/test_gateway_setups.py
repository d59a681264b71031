"""What every payment provider of ours must do, through `PaymentGateway` alone: pages that save a card or an account."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from b2c_web.payments.gateway import Outcome, PaymentRefused
from b2c_web.payments.setup_gateway import SetupOrder, SetupOutcome
from b2c_web.payments.setup_models import MethodKind
from tests.contract.simulator_process import SimulatorProcess
from tests.contract.worlds import World, a_customer, a_hold


def a_setup(world: World, kind: MethodKind = MethodKind.ACCOUNT, **changes: Any) -> SetupOrder:
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
    order = a_setup(any_world)
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
        any_world.gateway.open_setup(a_setup(any_world, **changes))
    assert refused.value.param in ("expires_at", "customer")


def test_an_account_is_saved_with_its_mandate_and_nothing_is_charged(world: World) -> None:
    order = a_setup(world)
    page = world.gateway.open_setup(order)
    world.pay(page.checkout_id, account="sepa")
    seen = world.gateway.look_setup(page.checkout_id)
    assert (seen.outcome, seen.setup_id, seen.page_url) == (SetupOutcome.SAVED, order.setup_id, None)
    assert seen.method is not None and seen.mandate
    assert (seen.method.type, seen.method.last4, seen.method.customer_id) == ("sepa_debit", "3000", world.customer_id)
    assert world.gateway.list_methods(world.customer_id) == [seen.method]
    assert list(world.gateway.recent_intents(datetime.now(UTC) - timedelta(hours=1))) == []
    debit = a_hold(world, capture_later=False)
    charged = world.gateway.authorize_off_session(replace(debit, method_id=seen.method.id))
    assert charged.outcome is Outcome.PROCESSING


def test_a_card_is_saved_without_a_mandate(world: World) -> None:
    page = world.gateway.open_setup(a_setup(world, MethodKind.CARD))
    world.pay(page.checkout_id, card="declined")
    assert world.gateway.look_setup(page.checkout_id).outcome is SetupOutcome.WAITING
    world.pay(page.checkout_id, card="visa")
    seen = world.gateway.look_setup(page.checkout_id)
    assert seen.method is not None
    assert (seen.outcome, seen.method.label, seen.mandate) == (SetupOutcome.SAVED, "visa 4242", None)


def test_a_page_that_saves_takes_only_what_it_asks_for(world: World, simulator: SimulatorProcess) -> None:
    account, card = (
        world.gateway.open_setup(a_setup(world)),
        world.gateway.open_setup(a_setup(world, MethodKind.CARD)),
    )
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    typed = "email=k%40example.com&number=4242424242424242&expiry=12/40&cvc=123&method=card"
    assert simulator.request("POST", f"/c/pay/{account.checkout_id}", typed, form)[0] == 422
    iban = "email=k%40example.com&holder=K&iban=DE89370400440532013000&method=sepa_debit"
    assert simulator.request("POST", f"/c/pay/{card.checkout_id}", iban, form)[0] == 422
    for page in (account, card):
        assert world.gateway.look_setup(page.checkout_id).outcome is SetupOutcome.WAITING


def test_ending_a_page_that_saves_says_what_won(world: World) -> None:
    given_up, quicker = world.gateway.open_setup(a_setup(world)), world.gateway.open_setup(a_setup(world))
    world.pay(quicker.checkout_id, account="sepa")
    for attempt in range(2):
        assert world.gateway.expire_setup(given_up.checkout_id, f"expire-{attempt}").outcome is SetupOutcome.CLOSED
        assert world.gateway.expire_setup(quicker.checkout_id, f"late-{attempt}").outcome is SetupOutcome.SAVED


def test_a_page_that_saves_is_found_again_and_listed(world: World) -> None:
    lost, other = a_setup(world), a_setup(world)
    world.gateway.open_setup(other)
    page = world.gateway.open_setup(lost)
    world.pay(page.checkout_id, account="sepa")
    found = world.gateway.find_setup(world.customer_id, lost.setup_id)
    assert found == world.gateway.look_setup(page.checkout_id)
    assert world.gateway.find_setup(world.customer_id, uuid.uuid4()) is None
    assert world.gateway.find_setup(a_customer(world.gateway), lost.setup_id) is None
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
