"""The simulator misbehaves exactly as it is told."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import stripe

from tests.contract.conftest import MakeSession
from tests.contract.simulator_process import SimulatorProcess


def test_an_answer_is_dropped_after_acting_and_the_retry_replays_it(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    intent_id = simulator.pay(make_session().id)["session"]["payment_intent"]
    simulator.control("POST", "faults", kind="drop", method="POST", path="/v1/refunds")
    params = {"payment_intent": intent_id, "amount": 1000}

    with pytest.raises(stripe.APIConnectionError):
        client.v1.refunds.create(params, {"idempotency_key": "back"})
    happened = client.v1.refunds.list({"payment_intent": intent_id}).data
    refund = client.v1.refunds.create(params, {"idempotency_key": "back"})

    assert [each.id for each in happened] == [refund.id]
    assert refund.last_response.headers["Idempotent-Replayed"] == "true"


def test_a_call_that_was_under_way_before_is_not_the_one_dropped(
    simulator: SimulatorProcess, client: stripe.StripeClient
) -> None:
    """A caller that gave up on it would not notice, and the next call would not be dropped."""
    simulator.control(
        "POST", "faults", kind="delay", milliseconds=900, when="after", method="POST", path="/v1/customers"
    )
    with ThreadPoolExecutor() as others:
        slow = others.submit(simulator.client().v1.customers.create, {"name": "Langsam"})
        while len(client.v1.customers.list().data) != 1:
            assert not slow.done(), slow.exception()
            time.sleep(0.01)
        simulator.control("POST", "faults", kind="drop", method="POST", path="/v1/customers")
        assert slow.result().name == "Langsam"
    with pytest.raises(stripe.APIConnectionError):
        client.v1.customers.create({"name": "K"})


def test_the_librarys_own_retry_hides_a_dropped_answer(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    intent_id = simulator.pay(make_session().id)["session"]["payment_intent"]
    simulator.control("POST", "faults", kind="drop", method="POST", path="/v1/refunds")

    simulator.client(max_network_retries=2).v1.refunds.create({"payment_intent": intent_id, "amount": 1000})

    assert [each.amount for each in client.v1.refunds.list().data] == [1000]


def test_a_stored_500_is_replayed_and_another_one_is_not(
    simulator: SimulatorProcess, client: stripe.StripeClient
) -> None:
    for stored, tries in ((True, 2), (False, 1)):
        key = {"idempotency_key": f"stored-{stored}"}
        simulator.control("POST", "faults", kind="error", status=500, stored=stored, path="/v1/customers")
        for _ in range(tries):
            with pytest.raises(stripe.APIError) as failed:
                client.v1.customers.create({"name": "K"}, key)
            assert failed.value.http_status == 500
    assert client.v1.customers.create({"name": "K"}, {"idempotency_key": "stored-False"}).name == "K"
    assert len(client.v1.customers.list().data) == 1


def test_too_many_requests_and_a_refused_capture(
    simulator: SimulatorProcess,
    client: stripe.StripeClient,
    saved_card: Callable[..., str],
    authorise: Callable[..., Any],
) -> None:
    intent = authorise(saved_card())
    simulator.control("POST", "faults", kind="error", status=429, path="/v1/payment_intents/*/capture")
    simulator.control("POST", "faults", kind="error", status=402, path="/v1/payment_intents/*/capture")

    with pytest.raises(stripe.RateLimitError):
        client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "take-1"})
    with pytest.raises(stripe.CardError) as refused:
        client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "take-1"})
    assert refused.value.code == "card_declined"
    assert client.v1.payment_intents.capture(intent.id, {}, {"idempotency_key": "take-2"}).status == "succeeded"


def test_the_bank_declines_the_next_payment_with_the_reason_told(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    simulator.control("POST", "faults", kind="decline", decline_code="insufficient_funds", path="/c/pay/")

    assert simulator.pay(session.id)["decline_code"] == "insufficient_funds"
    assert simulator.pay(session.id)["outcome"] == "complete"


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_answer_is_late(simulator: SimulatorProcess, client: stripe.StripeClient, when: str) -> None:
    simulator.control("POST", "faults", kind="delay", milliseconds=300, when=when, path="/v1/customers")
    started = time.monotonic()
    client.v1.customers.create({"name": "K"})
    assert time.monotonic() - started >= 0.3
    assert simulator.control("GET", "")["faults"] == []  # so the next one is not


def test_faults_are_listed_and_cleared(simulator: SimulatorProcess, client: stripe.StripeClient) -> None:
    simulator.control("POST", "faults", kind="error", status=500, times=None)
    assert [fault["kind"] for fault in simulator.control("GET", "")["faults"]] == ["error"]
    with pytest.raises(stripe.APIError):
        client.v1.customers.list()
    simulator.control("DELETE", "faults")
    assert client.v1.customers.list().data == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("faults", {"kind": "explode"}),
        ("faults", {"kind": "drop", "speed": 3}),
        ("webhooks", {"kind": "out_of_order"}),
        ("clock", {"advance_seconds": -1}),
        ("settings", {"colour": "blue"}),
        ("sessions/cs_unknown/pay", {}),
    ],
)
def test_wrong_orders_are_refused(simulator: SimulatorProcess, path: str, body: dict[str, Any]) -> None:
    with pytest.raises(RuntimeError, match=r"^(404|422):"):
        simulator.control("POST", path, **body)


def test_a_form_of_another_page_cannot_give_orders(simulator: SimulatorProcess) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert simulator.request("POST", "/_simulator/reset", "", form)[0] == 415


def test_a_debugging_person_sees_the_state(simulator: SimulatorProcess, customer: Any) -> None:
    state = simulator.control("GET", "")
    assert (state["ready"], state["objects"]) == (True, {"customer": 1, "event": 1})
