"""Off-session payments, holds, captures and what the bank says to each test card."""

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.contract.conftest import MakeSession
from tests.contract.simulator_process import SimulatorProcess

DAY = 24 * 3600
Authorise = Callable[..., Any]
SavedCard = Callable[..., str]


@pytest.mark.parametrize(("card", "seconds"), [("visa", 4 * DAY + 18 * 3600), ("mastercard", 7 * DAY)])
def test_a_hold_says_until_when_it_can_be_captured(
    client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise, card: str, seconds: int
) -> None:
    intent = authorise(saved_card(card), expand=["latest_charge"])

    assert (intent.status, intent.amount_capturable, intent.amount_received) == ("requires_capture", 10000, 0)
    charge = intent.latest_charge
    assert (charge.captured, charge.paid, charge.amount_captured) == (False, True, 0)
    assert charge.payment_method_details.card.capture_before - charge.created == seconds


def test_a_hold_made_with_the_customer_lasts_seven_days(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session(payment_intent_data={"capture_method": "manual"})
    paid = simulator.pay(session.id, card="visa")["session"]

    intent = client.v1.payment_intents.retrieve(paid["payment_intent"], {"expand": ["latest_charge"]})
    assert intent.status == "requires_capture"
    charge = intent.latest_charge
    assert charge.payment_method_details.card.capture_before - charge.created == 7 * DAY
    assert client.v1.payment_intents.cancel(intent.id).status == "canceled"


def test_a_lapsed_hold_cannot_be_captured(
    simulator: SimulatorProcess, client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise
) -> None:
    intent = authorise(saved_card("visa"))

    simulator.advance(4 * DAY + 18 * 3600 + 1)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.v1.payment_intents.capture(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error.payment_intent.status == "canceled"
    refund = client.v1.refunds.list({"payment_intent": intent.id}).data[0]
    assert (refund.amount, refund.reason) == (10000, "expired_uncaptured_charge")
    types = {event.type for event in client.v1.events.list({"limit": 10}).data}
    assert {"payment_intent.canceled", "charge.expired", "charge.refunded"} <= types


def test_less_can_be_captured_and_the_rest_is_released(
    client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise
) -> None:
    intent = authorise(saved_card())

    captured = client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 6000, "expand": ["latest_charge"]})

    assert (captured.status, captured.amount_received, captured.amount_capturable) == ("succeeded", 6000, 0)
    charge = captured.latest_charge
    assert (charge.amount, charge.amount_captured, charge.amount_refunded) == (10000, 6000, 4000)
    assert charge.refunded is False
    assert charge.refunds.data[0].destination_details.card.type == "reversal"


def test_more_than_authorised_or_twice_cannot_be_captured(
    client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise
) -> None:
    intent = authorise(saved_card())

    with pytest.raises(stripe.InvalidRequestError, match="positive"):
        client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 0})
    with pytest.raises(stripe.InvalidRequestError) as too_much:
        client.v1.payment_intents.capture(intent.id, {"amount_to_capture": 10001})
    client.v1.payment_intents.capture(intent.id)
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.payment_intents.capture(intent.id)

    assert (too_much.value.code, too_much.value.param) == ("amount_too_large", "amount_to_capture")
    assert again.value.code == "payment_intent_unexpected_state"
    assert client.v1.payment_intents.retrieve(intent.id).amount_received == 10000


def test_cancelling_releases_a_hold_and_nothing_else(
    client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise
) -> None:
    held, taken = authorise(saved_card()), authorise(saved_card(), capture_method="automatic")

    cancelled = client.v1.payment_intents.cancel(held.id, {"cancellation_reason": "abandoned"})
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        client.v1.payment_intents.cancel(taken.id)

    assert (cancelled.status, cancelled.cancellation_reason) == ("canceled", "abandoned")
    assert cancelled.canceled_at >= cancelled.created
    assert client.v1.charges.retrieve(held.latest_charge).refunded is True


def test_a_card_that_always_asks_is_declined_off_session(
    client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise
) -> None:
    method_id = saved_card("authenticate_always")

    with pytest.raises(stripe.CardError) as declined:
        authorise(method_id)

    error = declined.value.error
    assert (declined.value.http_status, declined.value.code) == (402, "authentication_required")
    assert (error.type, error.decline_code) == ("card_error", "authentication_required")
    assert error.payment_method.id == method_id
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id, {"expand": ["latest_charge"]})
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.code == "authentication_required"
    assert (intent.latest_charge.id, intent.latest_charge.status) == (error.charge, "failed")


def test_a_card_that_asks_once_pays_off_session_after_it_was_set_up(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession, authorise: Authorise
) -> None:
    paid = simulator.pay(make_session().id, number="4000002500003155", confirm=True)["session"]
    set_up = client.v1.payment_intents.retrieve(paid["payment_intent"]).payment_method
    not_set_up = client.v1.payment_methods.attach(
        "pm_card_authenticationRequiredOnSetup", {"customer": paid["customer"]}
    )

    assert authorise(set_up).status == "requires_capture"
    with pytest.raises(stripe.CardError) as declined:
        authorise(not_set_up.id)
    assert declined.value.code == "authentication_required"


def test_a_card_can_be_saved_and_fail_later(saved_card: SavedCard, authorise: Authorise) -> None:
    with pytest.raises(stripe.CardError) as declined:
        authorise(saved_card("fails_later"))
    assert (declined.value.code, declined.value.error.decline_code) == ("card_declined", "generic_decline")


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("4000000000000002", ("card_declined", "generic_decline")),
        ("4000000000009995", ("card_declined", "insufficient_funds")),
        ("4000000000000069", ("expired_card", "expired_card")),
        ("4000000000000127", ("incorrect_cvc", "incorrect_cvc")),
        ("4000000000000341", ("card_declined", "generic_decline")),
    ],
)
def test_each_declining_card_gives_its_reason(
    simulator: SimulatorProcess,
    client: stripe.StripeClient,
    make_session: MakeSession,
    number: str,
    reason: tuple[str, str],
) -> None:
    declined = simulator.pay(make_session().id, number=number)

    assert (declined["outcome"], declined["decline_code"]) == ("declined", reason[1])
    intent = client.v1.payment_intents.retrieve(declined["session"]["payment_intent"])
    assert (intent.last_payment_error.code, intent.last_payment_error.decline_code) == reason


def test_a_debit_off_session_is_processing_and_settles_later(
    simulator: SimulatorProcess, client: stripe.StripeClient, customer: Any, authorise: Authorise
) -> None:
    accounts = [
        simulator.control("POST", "payment_methods", customer=customer.id, account=name)["id"]
        for name in ("sepa", "sepa_fails")
    ]
    good, bad = (authorise(account, capture_method="automatic") for account in accounts)
    assert (good.status, bad.status) == ("processing", "processing")
    with pytest.raises(stripe.InvalidRequestError, match="status of processing"):
        client.v1.payment_intents.cancel(good.id)

    simulator.advance(601)

    assert client.v1.payment_intents.retrieve(good.id).amount_received == 10000
    failed = client.v1.payment_intents.retrieve(bad.id, {"expand": ["latest_charge"]})
    assert (failed.status, failed.amount_received) == ("requires_payment_method", 0)
    assert (failed.latest_charge.status, failed.latest_charge.paid) == ("failed", False)


def test_a_debit_cannot_be_held(simulator: SimulatorProcess, customer: Any, authorise: Authorise) -> None:
    account = simulator.control("POST", "payment_methods", customer=customer.id, account="sepa")
    with pytest.raises(stripe.InvalidRequestError, match="manual capture"):
        authorise(account["id"])


def test_on_session_the_customer_is_sent_to_the_bank(
    simulator: SimulatorProcess, client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise
) -> None:
    intent = authorise(saved_card("authenticate_always"), off_session=None, return_url="http://127.0.0.1:8000/da")

    assert (intent.status, intent.next_action.type) == ("requires_action", "redirect_to_url")
    path = intent.next_action.redirect_to_url.url.removeprefix(simulator.url)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, _, headers = simulator.request_with_headers("POST", path, "answer=confirm", form)
    assert (status, headers["Location"]) == (303, "http://127.0.0.1:8000/da")
    assert client.v1.payment_intents.retrieve(intent.id).status == "requires_capture"


def test_a_payment_can_be_confirmed_after_it_was_made(
    client: stripe.StripeClient, customer: Any, saved_card: SavedCard
) -> None:
    params = {"amount": 500, "currency": "eur", "customer": customer.id, "payment_method_types": ["card"]}
    intent = client.v1.payment_intents.create(params)
    assert intent.status == "requires_payment_method"

    confirmed = client.v1.payment_intents.confirm(intent.id, {"payment_method": saved_card(), "off_session": True})

    assert (confirmed.status, confirmed.amount_received) == ("succeeded", 500)
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.v1.payment_intents.confirm(intent.id)
    assert again.value.code == "payment_intent_unexpected_state"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"customer": None}, "payment_method"),
        ({"amount": 49}, "amount"),
        ({"amount": "viel"}, "amount"),
        ({"currency": "usd"}, "currency"),
        ({"confirm": None}, "off_session"),
        ({"payment_method_types": ["sepa_debit"]}, "payment_method"),
        ({"payment_method_types": None}, "return_url"),
    ],
)
def test_wrong_payments_are_refused_and_leave_nothing(
    client: stripe.StripeClient, saved_card: SavedCard, authorise: Authorise, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        authorise(saved_card(), **changes)
    assert refused.value.param == param
    assert client.v1.payment_intents.list().data == []


def test_payments_are_listed_by_customer_and_time(
    simulator: SimulatorProcess, client: stripe.StripeClient, customer: Any, saved_card: SavedCard, authorise: Authorise
) -> None:
    first = authorise(saved_card())
    simulator.advance(3600)
    second = authorise(saved_card())

    later = client.v1.payment_intents.list({"customer": customer.id, "created": {"gt": first.created + 60}})
    earlier = client.v1.payment_intents.list({"created": {"gte": first.created, "lt": second.created}})
    before = client.v1.payment_intents.list({"ending_before": first.id, "expand": ["data.latest_charge"]})

    assert [each.id for each in later.data] == [second.id]
    assert [each.id for each in earlier.data] == [first.id]
    assert [each.latest_charge.payment_intent for each in before.data] == [second.id]
