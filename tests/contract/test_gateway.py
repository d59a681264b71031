"""What every payment provider of ours must do, through `PaymentGateway` alone: refunds, customers and their cards, what
the reconciliation asks, and events.
"""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from b2c_web.payments.gateway import EventRejected, Outcome, PaymentDeclined, PaymentRefused, RefundOutcome
from tests.contract.simulator_process import SECRET, SimulatorProcess
from tests.contract.worlds import PRICE, World, a_hold, a_payment, an_order, an_owner

# refunds


def test_refunds_never_exceed_what_is_left(world: World) -> None:
    paid, owner = a_payment(world), an_owner()
    first = world.gateway.refund(paid.intent_id, 20000, reference="r1", owner=owner, key="refund-1")
    with pytest.raises(PaymentRefused):
        world.gateway.refund(paid.intent_id, 20000, reference="r2", owner=owner, key="refund-2")
    assert first.outcome is RefundOutcome.SUCCEEDED
    assert [(each.reference, each.amount_cents) for each in world.gateway.refunds_of(paid.intent_id)] == [("r1", 20000)]


def test_the_same_key_refunds_once(world: World) -> None:
    paid, owner = a_payment(world), an_owner()
    made = [world.gateway.refund(paid.intent_id, 5000, reference="r1", owner=owner, key="refund-1") for _ in range(2)]
    assert made[0] == made[1]
    with pytest.raises(PaymentRefused) as refused:
        world.gateway.refund(paid.intent_id, 6000, reference="r1", owner=owner, key="refund-1")
    assert refused.value.code == "idempotency_mismatch"
    assert len(world.gateway.refunds_of(paid.intent_id)) == 1


def test_a_second_full_refund_is_refused(world: World) -> None:
    paid, owner = a_payment(world), an_owner()
    world.gateway.refund(paid.intent_id, PRICE, reference="r1", owner=owner, key="refund-1")
    with pytest.raises(PaymentRefused) as refused:
        world.gateway.refund(paid.intent_id, PRICE, reference="r2", owner=owner, key="refund-2")
    assert refused.value.code == "charge_already_refunded"


def test_a_refund_that_comes_back_shows_as_failed(world: World, simulator: SimulatorProcess) -> None:
    page = world.gateway.open_checkout(an_order(world))
    world.pay(page.id, card="refund_fails")
    intent_id = world.gateway.look(checkout_id=page.id).intent_id
    made = world.gateway.refund(intent_id, PRICE, reference="r1", owner=an_owner(), key="refund-1")
    world.advance(10)
    (now,) = world.gateway.refunds_of(intent_id)
    assert (made.outcome, now.outcome, now.failure_code) == (
        RefundOutcome.SUCCEEDED,
        RefundOutcome.FAILED,
        "expired_or_canceled_card",
    )


def test_an_attempt_whose_id_was_never_learned_is_found(any_world: World) -> None:
    order = a_hold(any_world)
    any_world.gateway.authorize_off_session(a_hold(any_world))
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
    order = a_hold(any_world, "authenticate_always")
    with pytest.raises(PaymentDeclined):
        any_world.gateway.authorize_off_session(order)
    found = any_world.gateway.find_intent(any_world.customer_id, order.owner.payment_id)
    assert found is not None
    assert (found.outcome, found.failure_code) == (Outcome.FAILED, "authentication_required")


def test_a_released_rest_is_no_refund(any_world: World) -> None:
    held = any_world.gateway.authorize_off_session(a_hold(any_world))
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
    owners = [an_owner() for _ in range(5)]
    for owner in owners:
        paid = a_payment(world, owner=owner)
        world.gateway.refund(
            paid.intent_id, 100, reference=str(owner.payment_id), owner=owner, key=f"r-{owner.payment_id}"
        )
    newest_first = owners[::-1]
    assert [each.owner for each in world.gateway.recent_intents(since)] == newest_first
    assert [each.owner for each in world.gateway.recent_checkouts(since)] == newest_first
    assert [each.reference for each in world.gateway.recent_refunds(since)] == [str(o.payment_id) for o in newest_first]
    assert {each.captured_cents for each in world.gateway.recent_intents(since)} == {PRICE}
    assert list(world.gateway.recent_intents(datetime.now(UTC) + timedelta(minutes=5))) == []


def test_disputes_are_listed_by_when_they_were_opened(world: World, simulator: SimulatorProcess) -> None:
    before = datetime.now(UTC) - timedelta(minutes=1)
    paid, _undisputed = a_payment(world), a_payment(world)
    simulator.control("POST", f"payment_intents/{paid.intent_id}/dispute")
    (dispute,) = world.gateway.recent_disputes(before)
    assert (dispute.intent_id, dispute.amount_cents) == (paid.intent_id, PRICE)
    assert list(world.gateway.recent_disputes(datetime.now(UTC) + timedelta(minutes=5))) == []


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
    order = an_order(world)
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
