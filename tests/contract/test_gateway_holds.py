"""What every payment provider of ours must do, through `PaymentGateway` alone: saved cards and accounts
without the customer.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from b2c_web.payments.gateway import Outcome, PaymentDeclined, PaymentRefused
from tests.contract.simulator_process import SimulatorProcess
from tests.contract.worlds import World, a_hold


def test_money_is_held_until_the_time_that_the_charge_says(any_world: World) -> None:
    seen = any_world.gateway.authorize_off_session(a_hold(any_world))
    assert (seen.outcome, seen.authorized_cents, seen.captured_cents) == (Outcome.AUTHORIZED, 10000, 0)
    days = (seen.capture_before - datetime.now(UTC)) / timedelta(days=1)
    assert 4.5 < days < 8


def test_visa_without_the_customer_is_held_four_days_and_eighteen_hours(world: World) -> None:
    seen = world.gateway.authorize_off_session(a_hold(world))
    assert abs(seen.capture_before - datetime.now(UTC) - timedelta(days=4, hours=18)) < timedelta(minutes=1)


def test_part_of_what_is_held_is_captured_once(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(a_hold(any_world))
    key = f"capture-{held.intent_id}"
    for _ in range(2):
        seen = any_world.gateway.capture(held.intent_id, 7000, key)
        assert (seen.outcome, seen.captured_cents) == (Outcome.PAID, 7000)
    with pytest.raises(PaymentRefused):
        any_world.gateway.capture(held.intent_id, 1000, key + "-again")


def test_more_than_is_held_is_never_captured(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(a_hold(any_world))
    with pytest.raises(PaymentRefused):
        any_world.gateway.capture(held.intent_id, 10001, f"capture-{held.intent_id}")
    assert any_world.gateway.look(intent_id=held.intent_id).outcome is Outcome.AUTHORIZED


def test_releasing_gives_the_hold_back_and_repeats_safely(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(a_hold(any_world))
    for attempt in range(2):
        seen = any_world.gateway.release(held.intent_id, f"release-{held.intent_id}-{attempt}")
        assert (seen.outcome, seen.authorized_cents) == (Outcome.CLOSED, 0)
    with pytest.raises(PaymentRefused):
        any_world.gateway.capture(held.intent_id, 1, f"capture-{held.intent_id}")


def test_releasing_what_was_captured_says_that_the_capture_won(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(a_hold(any_world))
    any_world.gateway.capture(held.intent_id, 10000, f"capture-{held.intent_id}")
    seen = any_world.gateway.release(held.intent_id, f"release-{held.intent_id}")
    assert (seen.outcome, seen.captured_cents) == (Outcome.PAID, 10000)


def test_the_bank_that_wants_the_customer_says_so(any_world: World) -> None:
    with pytest.raises(PaymentDeclined) as declined:
        any_world.gateway.authorize_off_session(a_hold(any_world, "authenticate_always"))
    assert declined.value.code == "authentication_required"
    assert any_world.gateway.look(intent_id=declined.value.intent_id).outcome is Outcome.FAILED
    released = any_world.gateway.release(declined.value.intent_id, f"release-{declined.value.intent_id}")
    assert released.outcome is Outcome.CLOSED


def test_a_hold_lapses_when_its_time_is_over(world: World) -> None:
    held = world.gateway.authorize_off_session(a_hold(world))
    world.advance(5 * 24 * 3600)
    assert world.gateway.look(intent_id=held.intent_id).outcome is Outcome.CLOSED


@pytest.mark.parametrize(("account", "outcome"), [("sepa", Outcome.PAID), ("sepa_fails", Outcome.FAILED)])
def test_a_debit_is_under_way_before_it_is_decided(
    world: World, simulator: SimulatorProcess, account: str, outcome: Outcome
) -> None:
    method = simulator.control("POST", "payment_methods", customer=world.customer_id, account=account)
    order = a_hold(world, capture_later=False)
    seen = world.gateway.authorize_off_session(replace(order, method_id=method["id"]))
    assert (seen.outcome, seen.captured_cents) == (Outcome.PROCESSING, 0)
    world.advance(601)
    seen = world.gateway.look(intent_id=seen.intent_id)
    assert (seen.outcome, seen.captured_cents) == (outcome, 10000 if outcome is Outcome.PAID else 0)
