"""Webhooks: signed, stored once, answered at once; twice, late, out of order and never do no harm."""

import json
import time
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.payments.commands import add_payment, handle_event, settle_payment
from b2c_web.payments.gateway import OffSessionOrder, Owner, PaymentUnavailable, PaymentUncertain, gateway
from b2c_web.payments.models import (
    LedgerEntry,
    Payment,
    PaymentMethod,
    PaymentPurpose,
    PaymentState,
    ProviderEvent,
    Refund,
)
from b2c_web.payments.simulator.webhooks import signature
from tests.contract.simulator_process import Received
from tests.factories import make_customer
from tests.paying import Provider, Purpose, open_page, post_event

PRICE = 28800


@pytest.fixture
def user(session: Any) -> User:
    return make_customer()


@pytest.fixture
def payment(session: Any, user: User, purpose: Purpose, provider: Provider) -> Payment:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, clock.now_utc() + timedelta(minutes=30))
    session.commit()
    open_page(payment)
    return payment


def _stored(session: Any) -> int:
    return int(session.scalar(select(func.count()).select_from(ProviderEvent)))


def _unprocessed(session: Any) -> int:
    return int(session.scalar(select(func.count()).select_from(ProviderEvent).filter_by(processed_at=None)))


def _charges(session: Any, payment: Payment) -> int:
    return int(session.scalar(select(func.count()).select_from(LedgerEntry).filter_by(payment_id=payment.id)))


def test_an_event_confirms_and_all_its_siblings_change_nothing(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    statuses = provider.deliver(client)
    assert len(statuses) >= 4 and set(statuses) == {200}
    assert payment.state is PaymentState.OPEN  # nothing is done inside the request
    run_jobs()
    assert (payment.state, purpose.told, _charges(session, payment)) == (PaymentState.SUCCEEDED, ["paid"], 1)
    assert (_stored(session), _unprocessed(session)) == (len(statuses), 0)


def test_events_twice_are_stored_once(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.sent()
    provider.receiver.forget()
    provider.events("twice")
    provider.pay(payment)
    statuses = provider.deliver(client)
    assert set(statuses) == {200}
    assert _stored(session) * 2 == len(statuses)
    handled = run_jobs({"payments.handle_event"})
    assert len(handled) == _stored(session)
    assert (purpose.told, _charges(session, payment)) == (["paid"], 1)


def test_a_decline_arriving_after_the_success_changes_nothing(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment, card="declined")
    declined = provider.sent()
    provider.receiver.forget()
    provider.pay(payment)
    provider.deliver(client)
    run_jobs()
    for each in declined:
        assert post_event(client, each) == 200
    run_jobs()
    assert (payment.state, payment.failure_code, purpose.told) == (PaymentState.SUCCEEDED, None, ["paid"])


def test_events_in_the_opposite_order_give_the_same_end(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, run_jobs: Any
) -> None:
    provider.events("out_of_order", times=4)
    provider.pay(payment)
    order = [json.loads(each.payload)["type"] for each in provider.sent()]
    assert order.index("checkout.session.completed") < order.index("payment_intent.created")
    provider.deliver(client)
    run_jobs()
    assert (payment.state, purpose.told) == (PaymentState.SUCCEEDED, ["paid"])


def test_a_late_event_after_the_return_page_changes_nothing(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.events("late", seconds=3600)
    provider.pay(payment)
    settle_payment(payment.id)
    assert provider.deliver(client)
    run_jobs()
    assert (purpose.told, _charges(session, payment), _unprocessed(session)) == (["paid"], 1, 0)


def test_an_event_for_a_page_that_we_have_not_recorded_yet(
    session: Any, user: User, purpose: Purpose, provider: Provider, client: FlaskClient, run_jobs: Any
) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None)
    session.commit()
    provider.misbehave("drop", "/v1/checkout/sessions")
    with pytest.raises(PaymentUncertain):
        open_page(payment)
    (seen,) = gateway().recent_checkouts(clock.now_utc() - timedelta(minutes=5))
    provider.process.pay(str(seen.checkout_id), card="visa")
    provider.deliver(client)
    run_jobs()
    assert (payment.state, payment.stripe_checkout_session_id) == (PaymentState.SUCCEEDED, seen.checkout_id)
    assert purpose.told == ["paid"]


def test_an_event_for_a_charge_without_the_customer_whose_answer_was_lost(
    payment: Payment, user: User, provider: Provider, purpose: Purpose, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    method = settle_payment(payment.id) and session.scalars(select(PaymentMethod)).one()
    later = add_payment(PaymentPurpose.BOOKING, Purpose().id, user.id, 10000, None)
    session.commit()
    owner = Owner(later.id, later.purpose, later.purpose_id)
    order = OffSessionOrder(
        owner, str(user.stripe_customer_id), method.stripe_payment_method_id, 10000, "Arbeit", f"hold-{later.id}"
    )
    provider.misbehave("drop", "/v1/payment_intents")
    with pytest.raises(PaymentUncertain):
        gateway().authorize_off_session(order)
    provider.deliver(client)
    run_jobs()
    assert (later.state, later.authorized_cents) == (PaymentState.AUTHORIZED, 10000)
    assert purpose.told == ["paid", "authorized"]


def test_a_decline_is_told_by_event(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, run_jobs: Any
) -> None:
    provider.pay(payment, card="insufficient_funds")
    provider.deliver(client)
    run_jobs()
    assert (payment.state, payment.failure_code, purpose.told) == (
        PaymentState.OPEN,
        "insufficient_funds",
        ["failed"],
    )


def test_an_expired_page_is_told_by_event(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, run_jobs: Any
) -> None:
    provider.process.advance(31 * 60)
    provider.deliver(client)
    run_jobs()
    assert (payment.state, purpose.told) == (PaymentState.CANCELLED, ["closed"])


def test_a_refund_by_hand_is_taken_over_by_event(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    provider.process.client().v1.refunds.create(
        {"payment_intent": str(payment.stripe_payment_intent_id), "amount": 5000}
    )
    provider.deliver(client)
    run_jobs()
    assert payment.refunded_cents == 5000
    assert session.scalar(select(Refund.reason).filter_by(payment_id=payment.id)) == "made_at_provider"


def test_a_card_removed_at_the_provider_is_removed_here(
    payment: Payment, user: User, provider: Provider, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    method = session.scalars(select(PaymentMethod).filter_by(user_id=user.id)).one()
    api = provider.process.client().v1.payment_methods
    api.update(method.stripe_payment_method_id, {"card": {"exp_year": 2041}})
    provider.deliver(client)
    run_jobs()
    assert (method.is_active, method.card_exp_year) == (True, 2041)
    api.detach(method.stripe_payment_method_id)
    provider.deliver(client)
    run_jobs()
    assert (method.is_active, method.is_default, method.detached_at is not None) == (False, False, True)


def test_the_handler_looks_itself_and_believes_nothing(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, run_jobs: Any
) -> None:
    """A signed event that claims success of an unpaid page."""
    claim = {
        "id": "evt_claims_success",
        "object": "event",
        "type": "checkout.session.completed",
        "data": {
            "object": {
                "id": payment.stripe_checkout_session_id,
                "object": "checkout.session",
                "payment_status": "paid",
                "status": "complete",
                "amount_total": 1,
            }
        },
    }
    assert post_event(client, _signed(client, claim)) == 200
    run_jobs()
    assert (payment.state, purpose.told) == (PaymentState.OPEN, [])


def _signed(client: FlaskClient, event: dict[str, Any]) -> Received:
    payload = json.dumps(event).encode()
    return Received(signature(client.application.config["STRIPE_WEBHOOK_SECRET"], payload, int(time.time())), payload)


@pytest.mark.parametrize(
    "about",
    [
        {"id": "cs_unknown", "object": "checkout.session", "metadata": {"payment_id": "no id"}},
        {"id": "pi_unknown", "object": "payment_intent"},
        {"id": "prod_1", "object": "product"},
        {"object": "balance"},
        {"id": "pm_unknown", "object": "payment_method"},
    ],
    ids=lambda about: str(about["object"]),
)
def test_events_about_nothing_of_ours_are_processed_and_ignored(
    provider: Provider, client: FlaskClient, session: Any, run_jobs: Any, about: dict[str, Any]
) -> None:
    event = {"id": "evt_foreign", "object": "event", "type": "some.thing", "data": {"object": about}}
    assert post_event(client, _signed(client, event)) == 200
    run_jobs()
    assert (_stored(session), _unprocessed(session)) == (1, 0)


def test_an_event_about_what_the_provider_forgot_does_not_stay_for_ever(
    payment: Payment, provider: Provider, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    events = provider.sent()
    provider.process.control("POST", "reset")
    for each in events:
        post_event(client, each)
    run_jobs()
    assert (_unprocessed(session), payment.state) == (0, PaymentState.OPEN)


def test_an_unsigned_event_is_refused_and_not_stored(provider: Provider, client: FlaskClient, session: Any) -> None:
    bad = Received("t=1,v1=0", b'{"id": "evt_1", "type": "x", "data": {"object": {}}}')
    assert post_event(client, bad) == 400
    assert client.post("/payments/webhook", data=b"{}").status_code == 400
    assert client.get("/payments/webhook").status_code == 405
    assert _stored(session) == 0


def test_an_event_waits_for_a_provider_that_is_away(
    payment: Payment, provider: Provider, purpose: Purpose, client: FlaskClient, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    provider.deliver(client)
    provider.misbehave("drop", "/v1/checkout/sessions", method="GET")
    event_id = session.scalar(select(ProviderEvent.id).filter_by(type="checkout.session.completed"))
    with pytest.raises(PaymentUnavailable):
        handle_event(event_id)
    assert purpose.told == []
    handle_event(event_id)
    handle_event(event_id)
    assert purpose.told == ["paid"]
