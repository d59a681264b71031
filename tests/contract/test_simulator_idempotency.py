"""The same key does the same thing once."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.contract.simulator_process import SimulatorProcess

REFUND_KEY = "refund-of-booking-1"


def payment(customer: Any, method_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "amount": 5000,
        "currency": "eur",
        "customer": customer.id,
        "payment_method": method_id,
        "payment_method_types": ["card"],
        "off_session": True,
        "confirm": True,
        **changes,
    }


def test_the_same_key_gets_the_same_answer(
    client: stripe.StripeClient, customer: Any, saved_card: Callable[..., str]
) -> None:
    params = payment(customer, saved_card())

    first = client.v1.payment_intents.create(params, {"idempotency_key": "one"})
    second = client.v1.payment_intents.create(params, {"idempotency_key": "one"})

    assert (second.id, len(client.v1.payment_intents.list().data)) == (first.id, 1)
    assert "Idempotent-Replayed" not in first.last_response.headers
    headers = second.last_response.headers
    assert headers["Idempotent-Replayed"] == "true"
    assert headers["Original-Request"] == first.last_response.headers["Request-Id"] != headers["Request-Id"]


def test_the_same_key_for_something_else_is_an_error(
    client: stripe.StripeClient, customer: Any, saved_card: Callable[..., str]
) -> None:
    params = payment(customer, saved_card())
    first = client.v1.payment_intents.create(params, {"idempotency_key": "one"})

    with pytest.raises(stripe.IdempotencyError, match="same parameters") as other_amount:
        client.v1.payment_intents.create({**params, "amount": 6000}, {"idempotency_key": "one"})
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.refunds.create({"payment_intent": first.id}, {"idempotency_key": "one"})
    assert other_amount.value.http_status == 400


def test_a_declined_payment_is_replayed_and_not_tried_again(
    client: stripe.StripeClient, customer: Any, saved_card: Callable[..., str]
) -> None:
    params = payment(customer, saved_card("fails_later"))
    answers = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            client.v1.payment_intents.create(params, {"idempotency_key": "one"})
        answers.append(declined.value)

    assert answers[0].http_body == answers[1].http_body
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(client.v1.charges.list().data) == 1


def test_a_refusal_of_the_state_is_kept_one_of_the_parameters_is_not(
    client: stripe.StripeClient, customer: Any, saved_card: Callable[..., str]
) -> None:
    intent = client.v1.payment_intents.create(payment(customer, saved_card()))
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="greater than") as too_much:
            client.v1.refunds.create({"payment_intent": intent.id, "amount": 5001}, {"idempotency_key": "too-much"})
    assert too_much.value.headers["Idempotent-Replayed"] == "true"

    with pytest.raises(stripe.InvalidRequestError, match="Invalid integer"):
        client.v1.refunds.create({"payment_intent": intent.id, "amount": "x"}, {"idempotency_key": REFUND_KEY})
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 1}, {"idempotency_key": REFUND_KEY})
    assert refund.amount == 1


def test_a_key_is_forgotten_after_a_day(
    simulator: SimulatorProcess, client: stripe.StripeClient, customer: Any, saved_card: Callable[..., str]
) -> None:
    params = payment(customer, saved_card())
    first = client.v1.payment_intents.create(params, {"idempotency_key": "one"})
    simulator.advance(24 * 3600)
    assert client.v1.payment_intents.create(params, {"idempotency_key": "one"}).id != first.id


def test_a_key_whose_first_request_is_running_is_a_conflict(
    simulator: SimulatorProcess, client: stripe.StripeClient, customer: Any, saved_card: Callable[..., str]
) -> None:
    params = payment(customer, saved_card())
    simulator.control("POST", "faults", kind="delay", milliseconds=4000, path="/v1/payment_intents", times=1)
    slow = threading.Thread(target=client.v1.payment_intents.create, args=(params, {"idempotency_key": "one"}))
    slow.start()
    while simulator.control("GET", "")["faults"]:
        time.sleep(0.02)

    with pytest.raises(stripe.APIError) as conflict:
        simulator.client().v1.payment_intents.create(params, {"idempotency_key": "one"})
    slow.join()

    assert (conflict.value.http_status, conflict.value.error.code) == (409, "idempotency_key_in_use")
    assert conflict.value.headers["Stripe-Should-Retry"] == "true"
    assert len(client.v1.payment_intents.list().data) == 1


def test_the_librarys_own_retry_waits_for_the_first_answer(
    simulator: SimulatorProcess, customer: Any, saved_card: Callable[..., str]
) -> None:
    params = payment(customer, saved_card())
    simulator.control("POST", "faults", kind="delay", milliseconds=400, path="/v1/payment_intents", times=1)
    patient = simulator.client(max_network_retries=4)
    ids = []

    def create() -> None:
        ids.append(patient.v1.payment_intents.create(params, {"idempotency_key": "one"}).id)

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 2
    assert len(set(ids)) == 1
