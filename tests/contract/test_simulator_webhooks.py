"""Webhooks are signed, retried, and misbehave when told."""

import time
from typing import Any

import pytest
import stripe

from tests.contract.conftest import MakeSession
from tests.contract.simulator_process import SECRET, SimulatorProcess, WebhookReceiver


def test_a_payment_tells_its_story_signed(
    simulator: SimulatorProcess, receiver: WebhookReceiver, make_session: MakeSession
) -> None:
    session = make_session()
    simulator.pay(session.id, card="visa")

    received = receiver.wait_for(6)

    events = [each.event for each in received]
    assert {event.type for event in events} == {
        "customer.created",
        "payment_intent.created",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    }
    completed = next(event for event in events if event.type == "checkout.session.completed")
    assert completed.data.object.payment_status == "paid"
    assert completed.data.object.id == session.id
    assert (completed.livemode, completed.request.id, completed.pending_webhooks) == (False, None, 1)


def test_a_forged_webhook_does_not_verify(receiver: WebhookReceiver, customer: Any) -> None:
    received = receiver.wait_for(1)[0]
    for payload, secret in ((received.payload + b" ", SECRET), (received.payload, "whsec_other")):
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(payload, received.signature, secret)


def test_an_event_shows_the_object_as_of_then_and_the_request(
    receiver: WebhookReceiver, client: stripe.StripeClient
) -> None:
    made = client.v1.customers.create({"name": "Vorher"}, {"idempotency_key": "make"})
    client.v1.customers.update(made.id, {"name": "Nachher"})
    receiver.wait_for(2)

    created, updated = (client.v1.events.list({"type": f"customer.{what}"}).data[0] for what in ("created", "updated"))
    assert (created.data.object.name, updated.data.object.name) == ("Vorher", "Nachher")
    assert created.request.idempotency_key == "make"
    assert created.request.id == made.last_response.headers["Request-Id"]
    assert client.v1.events.retrieve(created.id).pending_webhooks == 0


def test_what_is_not_accepted_comes_again(
    simulator: SimulatorProcess, receiver: WebhookReceiver, client: stripe.StripeClient
) -> None:
    receiver.answers += [500, 302]
    client.v1.customers.create({"name": "K"})

    received = receiver.wait_for(3)

    assert len({each.event.id for each in received}) == 1
    assert simulator.control("POST", "webhooks/flush")["open"] == 0
    delivery = simulator.control("GET", "deliveries")["deliveries"][0]
    assert (delivery["state"], delivery["attempts"], delivery["last_answer"]) == ("delivered", 3, "200")


def test_twice(simulator: SimulatorProcess, receiver: WebhookReceiver, client: stripe.StripeClient) -> None:
    simulator.control("POST", "webhooks", kind="twice", event="customer.*", times=1)
    client.v1.customers.create({"name": "K"})
    client.v1.customers.create({"name": "L"})
    receiver.wait_for(3)
    assert simulator.control("POST", "webhooks/flush")["open"] == 0
    assert sorted(each.event.data.object.name for each in receiver.received) == ["K", "K", "L"]


def test_late(simulator: SimulatorProcess, receiver: WebhookReceiver, client: stripe.StripeClient) -> None:
    simulator.control("POST", "webhooks", kind="late", seconds=0.6, times=1)
    started = time.monotonic()
    client.v1.customers.create({"name": "K"})
    receiver.wait_for(1)
    assert time.monotonic() - started >= 0.6


def test_never_until_flushed(
    simulator: SimulatorProcess, receiver: WebhookReceiver, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    simulator.control("POST", "webhooks", kind="never", event="checkout.session.completed")
    simulator.pay(make_session().id)
    receiver.wait_for(5)

    assert simulator.control("POST", "webhooks/flush", withheld=False)["open"] == 1
    assert "checkout.session.completed" not in receiver.types
    event = client.v1.events.list({"type": "checkout.session.completed"}).data[0]
    assert event.pending_webhooks == 1
    assert simulator.control("POST", "webhooks/flush")["open"] == 0
    assert receiver.types[-1] == "checkout.session.completed"


def test_out_of_order(simulator: SimulatorProcess, receiver: WebhookReceiver, make_session: MakeSession) -> None:
    session = make_session()
    receiver.wait_for(1)
    receiver.forget()
    simulator.control("POST", "webhooks", kind="out_of_order", times=5)

    simulator.pay(session.id)
    receiver.wait_for(5)

    assert receiver.types == [
        "checkout.session.completed",
        "payment_intent.succeeded",
        "charge.succeeded",
        "payment_method.attached",
        "payment_intent.created",
    ]


def test_an_unfinished_batch_is_sent_by_a_flush(
    simulator: SimulatorProcess, receiver: WebhookReceiver, client: stripe.StripeClient
) -> None:
    simulator.control("POST", "webhooks", kind="out_of_order", times=9)
    for name in ("A", "B"):
        client.v1.customers.create({"name": name})
    assert receiver.received == []

    simulator.control("POST", "webhooks/flush")

    assert [each.event.data.object.name for each in receiver.received] == ["B", "A"]
    simulator.control("DELETE", "webhooks")
    assert simulator.control("GET", "")["webhook_rules"] == []


def test_an_event_can_be_sent_again(
    simulator: SimulatorProcess, receiver: WebhookReceiver, client: stripe.StripeClient
) -> None:
    client.v1.customers.create({"name": "K"})
    event_id = receiver.wait_for(1)[0].event.id
    simulator.control("POST", f"events/{event_id}/delivery")
    assert [each.event.id for each in receiver.wait_for(2)] == [event_id, event_id]


def test_events_are_listed_by_type_and_time(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    first = make_session()
    simulator.pay(first.id)
    simulator.advance(3600)
    second = make_session(expires_at=None)
    simulator.pay(second.id, card="declined")
    wanted = ["checkout.session.completed", "payment_intent.payment_failed"]

    both = client.v1.events.list({"types": wanted})
    later = client.v1.events.list({"types": wanted, "created": {"gte": second.created}})

    assert [event.type for event in both.data] == wanted[::-1]
    assert [event.type for event in later.data] == ["payment_intent.payment_failed"]
