"""Checkout Sessions behave as the provider's do today."""

import time
from typing import Any

import pytest
import stripe

from tests.contract.conftest import MakeSession
from tests.contract.simulator_process import SimulatorProcess

ACCOUNT = {"mode": "setup", "payment_method_types": ["sepa_debit"], "line_items": None, "payment_intent_data": None}


def test_an_open_session_has_no_payment_intent(make_session: MakeSession, customer: Any) -> None:
    session = make_session()

    assert (session.status, session.payment_status, session.payment_intent) == ("open", "unpaid", None)
    assert session.amount_total == 24900
    assert session.customer == customer.id
    assert session.client_reference_id == "BK-2026-000001"
    assert session.url.endswith(f"/c/pay/{session.id}")


def test_the_total_is_the_sum_of_the_lines(make_session: MakeSession, client: stripe.StripeClient) -> None:
    lines = [
        {"quantity": 2, "price_data": {"currency": "eur", "unit_amount": 1050, "product_data": {"name": "A"}}},
        {"quantity": 1, "price_data": {"currency": "eur", "unit_amount_decimal": "900", "product_data": {"name": "B"}}},
    ]
    session = make_session(line_items=lines)

    assert session.amount_total == 3000
    listed = client.v1.checkout.sessions.line_items.list(session.id)
    assert [(line.description, line.amount_total) for line in listed.data] == [("A", 2100), ("B", 900)]


def test_paying_completes_the_session_and_keeps_the_card(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession, customer: Any
) -> None:
    session = make_session(metadata={"purpose": "booking"})

    paid = simulator.pay(session.id, number="4242 4242 4242 4242", email="kundin@example.com", name="Karla Kundin")

    assert (paid["outcome"], paid["decline_code"]) == ("complete", None)
    assert paid["url"] == f"http://127.0.0.1:8000/zahlung?session={session.id}"
    session = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent.latest_charge"]})
    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    assert session.metadata["purpose"] == "booking"
    intent = session.payment_intent
    assert (intent.status, intent.amount_received, intent.metadata["booking"]) == ("succeeded", 24900, "1")
    assert (intent.latest_charge.status, intent.latest_charge.amount_captured) == ("succeeded", 24900)
    kept = client.v1.customers.payment_methods.list(customer.id).data
    assert [(method.id, method.card.last4) for method in kept] == [(intent.payment_method, "4242")]


def test_a_declined_card_leaves_the_session_open_for_another_try(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()

    first = simulator.pay(session.id, card="insufficient_funds")
    between = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    second = simulator.pay(session.id, card="mastercard")

    assert (first["outcome"], first["decline_code"]) == ("declined", "insufficient_funds")
    assert (between.status, between.payment_intent.status) == ("open", "requires_payment_method")
    assert between.payment_intent.last_payment_error.decline_code == "insufficient_funds"
    assert second["session"]["payment_intent"] == between.payment_intent.id
    charges = client.v1.charges.list({"payment_intent": between.payment_intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    ("offset", "message"),
    [(1790, "at least 30 minutes"), (24 * 3600 + 10, "less than 24 hours")],
)
def test_a_life_too_short_or_too_long_is_refused(make_session: MakeSession, offset: int, message: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=message) as refused:
        make_session(expires_at=int(time.time()) + offset)
    assert (refused.value.http_status, refused.value.param) == (400, "expires_at")


def test_a_session_past_its_time_is_expired_by_itself(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()

    simulator.advance(1801)

    session = client.v1.checkout.sessions.retrieve(session.id)
    assert (session.status, session.url) == ("expired", None)
    events = client.v1.events.list({"type": "checkout.session.expired"}).data
    assert [event.data.object.id for event in events] == [session.id]
    with pytest.raises(RuntimeError, match="409"):
        simulator.pay(session.id)


def test_expiring_ends_an_open_session_once(client: stripe.StripeClient, make_session: MakeSession) -> None:
    session = make_session()

    assert client.v1.checkout.sessions.expire(session.id).status == "expired"
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        client.v1.checkout.sessions.expire(session.id)


def test_expiring_a_completed_session_is_an_error_because_the_payment_won(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    simulator.pay(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="status of `complete`") as refused:
        client.v1.checkout.sessions.expire(session.id)
    assert refused.value.http_status == 400
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"


def test_the_intent_of_a_session_cannot_be_cancelled_but_goes_with_it(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    intent_id = simulator.pay(session.id, card="declined")["session"]["payment_intent"]

    with pytest.raises(stripe.InvalidRequestError, match="created by Checkout"):
        client.v1.payment_intents.cancel(intent_id)
    client.v1.checkout.sessions.expire(session.id)
    assert client.v1.payment_intents.retrieve(intent_id).status == "canceled"


def test_a_guest_who_keeps_the_card_becomes_a_customer(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session(customer=None, customer_email="neu@example.com")

    paid = simulator.pay(session.id, email="neu@example.com", name="Nele Neu")["session"]

    customer = client.v1.customers.retrieve(paid["customer"])
    assert (customer.email, customer.name) == ("neu@example.com", "Nele Neu")
    assert len(client.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data) == 1


def test_setup_mode_saves_a_card_without_a_payment(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession, customer: Any
) -> None:
    session = make_session(mode="setup", currency="eur", line_items=None, payment_intent_data=None)
    assert session.payment_status == "no_payment_required"

    assert simulator.pay(session.id, card="declined")["outcome"] == "declined"
    assert simulator.pay(session.id, card="authenticate_once")["outcome"] == "requires_action"
    done = simulator.pay(session.id, card="authenticate_once", confirm=True)

    assert done["outcome"] == "complete"
    session = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent.payment_method"]})
    assert (session.status, session.payment_intent, session.amount_total) == ("complete", None, None)
    assert session.setup_intent.status == "succeeded"
    assert session.setup_intent.payment_method.customer == customer.id


def test_setup_mode_saves_an_account_with_its_mandate(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession, customer: Any
) -> None:
    session = make_session(**ACCOUNT, setup_intent_data={"metadata": {"setup": "1"}})
    simulator.pay(session.id, account="sepa")

    parts = ["setup_intent.payment_method", "setup_intent.mandate"]
    saved = client.v1.checkout.sessions.retrieve(session.id, {"expand": parts}).setup_intent
    assert (saved.metadata.to_dict(), saved.payment_method.type) == ({"setup": "1"}, "sepa_debit")
    assert saved.mandate.payment_method_details.sepa_debit.reference
    assert (saved.mandate.status, saved.mandate.payment_method) == ("active", saved.payment_method.id)
    assert client.v1.mandates.retrieve(saved.mandate.id).to_dict() == saved.mandate.to_dict()

    facts = {"customer": customer.id, "payment_method": saved.payment_method.id, "off_session": True, "confirm": True}
    debit = {"amount": 900, "currency": "eur", "payment_method_types": ["sepa_debit"], "expand": ["latest_charge"]}
    intent = client.v1.payment_intents.create({**facts, **debit})
    assert intent.latest_charge.payment_method_details.sepa_debit.mandate == saved.mandate.id


def test_an_abandoned_setup_ends_with_its_page(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    given_up, left = make_session(**ACCOUNT), make_session(**ACCOUNT)
    client.v1.checkout.sessions.expire(given_up.id)
    simulator.advance(1801)
    for session in (given_up, left):
        seen = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
        assert (seen.status, seen.url, seen.setup_intent.status) == ("expired", None, "canceled")
        with pytest.raises(RuntimeError, match="409"):
            simulator.pay(session.id, account="sepa")


def test_what_setup_mode_needs_and_does_not_take(make_session: MakeSession) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="currency"):
        make_session(**{**ACCOUNT, "payment_method_types": None})
    with pytest.raises(stripe.InvalidRequestError, match="payment_intent_data"):
        make_session(**{**ACCOUNT, "payment_intent_data": {"description": "x"}})


def test_the_name_on_the_card_reaches_the_customer_when_asked_to(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession, customer: Any
) -> None:
    simulator.pay(make_session().id, name="Anders Genannt")
    assert client.v1.customers.retrieve(customer.id).name == "Karla Kundin"

    simulator.pay(make_session(customer_update={"name": "auto"}).id, name="Anders Genannt")
    assert client.v1.customers.retrieve(customer.id).name == "Anders Genannt"


def test_a_debit_completes_the_session_unpaid_and_settles_later(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    good, bad = (make_session(payment_method_types=["card", "sepa_debit"]) for _ in range(2))

    paid = simulator.pay(good.id, iban="DE89 3704 0044 0532 0130 00")["session"]
    simulator.pay(bad.id, account="sepa_fails")
    assert (paid["status"], paid["payment_status"]) == ("complete", "unpaid")
    assert client.v1.payment_intents.retrieve(paid["payment_intent"]).status == "processing"
    simulator.advance(601)

    assert client.v1.checkout.sessions.retrieve(good.id).payment_status == "paid"
    assert client.v1.checkout.sessions.retrieve(bad.id).payment_status == "unpaid"
    for outcome, session in (("succeeded", good), ("failed", bad)):
        events = client.v1.events.list({"type": f"checkout.session.async_payment_{outcome}"}).data
        assert [event.data.object.id for event in events] == [session.id]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"success_url": None}, "success_url"),
        ({"success_url": "javascript:alert(1)"}, "success_url"),
        ({"line_items": None}, "line_items"),
        ({"payment_method_types": ["bitcoin"]}, "payment_method_types[0]"),
        ({"payment_intent_dta": {"description": "misspelt"}}, "payment_intent_dta"),
        ({"customer": "cus_unknown"}, "customer"),
        ({"locale": "tlh"}, "locale"),
    ],
)
def test_wrong_parameters_are_named(make_session: MakeSession, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        make_session(**changes)
    assert refused.value.param == param


def test_less_than_half_a_euro_is_refused(make_session: MakeSession) -> None:
    price = {"currency": "eur", "unit_amount": 49, "product_data": {"name": "Zu wenig"}}
    with pytest.raises(stripe.InvalidRequestError) as refused:
        make_session(line_items=[{"price_data": price, "quantity": 1}])
    assert refused.value.code == "amount_too_small"


def test_sessions_are_listed_by_what_they_belong_to(
    simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession, customer: Any
) -> None:
    first, second, third = (make_session() for _ in range(3))
    intent_id = simulator.pay(second.id)["session"]["payment_intent"]

    by_customer = client.v1.checkout.sessions.list({"customer": customer.id, "limit": 2})
    rest = client.v1.checkout.sessions.list({"customer": customer.id, "starting_after": second.id})
    by_intent = client.v1.checkout.sessions.list({"payment_intent": intent_id})
    opened = client.v1.checkout.sessions.list({"status": "open"})

    assert ([each.id for each in by_customer.data], by_customer.has_more) == ([third.id, second.id], True)
    assert ([each.id for each in rest.data], rest.has_more) == ([first.id], False)
    assert [each.id for each in by_intent.data] == [second.id]
    assert [each.id for each in opened.data] == [third.id, first.id]
    assert [each.id for each in by_customer.auto_paging_iter()] == [third.id, second.id, first.id]
