"""`flask payments reconcile`: every difference is listed, what is safe is mended, the rest is for a person."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.payments import jobs
from b2c_web.payments.commands import (
    Difference,
    add_payment,
    add_refund,
    cancel_payment,
    reconcile,
    run_refund,
    settle_payment,
)
from b2c_web.payments.comparing import Kind
from b2c_web.payments.gateway import CheckoutOrder, Outcome, Owner, gateway
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState, Refund, RefundState
from tests.factories import make_customer
from tests.paying import PAGE, Provider, Purpose, open_page

PRICE = 28800


@pytest.fixture
def user(session: Any) -> User:
    return make_customer()


@pytest.fixture
def payment(session: Any, user: User, purpose: Purpose, provider: Provider) -> Payment:
    return _open(session, user, purpose.id)


@pytest.fixture
def paid(payment: Payment, provider: Provider) -> Payment:
    provider.pay(payment)
    return settle_payment(payment.id)


def _open(session: Any, user: User, purpose_id: uuid.UUID) -> Payment:
    until = clock.now_utc() + timedelta(minutes=30)
    payment = add_payment(PaymentPurpose.BOOKING, purpose_id, user.id, PRICE, until)
    session.commit()
    open_page(payment)
    return payment


def _order(payment: Payment, user: User) -> CheckoutOrder:
    return CheckoutOrder(
        owner=Owner(payment.id, payment.purpose, payment.purpose_id),
        customer_id=str(user.stripe_customer_id),
        amount_cents=PRICE,
        expires_at=clock.now_utc() + timedelta(minutes=31),
        key=str(uuid.uuid4()),
        **PAGE,
    )


def _kinds(found: list[Difference]) -> list[tuple[Kind, bool]]:
    return [(difference.kind, difference.mended) for difference in found]


def test_nothing_differs_when_all_is_well(
    session: Any, user: User, paid: Payment, provider: Provider, run_jobs: Any
) -> None:
    _open(session, user, uuid.uuid4())
    with command_transaction():
        add_refund(paid, 5000, "cancellation")
    run_jobs({"payments.refund"})
    assert reconcile(fix=True) == []


def test_a_lost_webhook_is_listed_and_mended(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.events("never")
    provider.pay(payment)
    assert _kinds(reconcile()) == [(Kind.CHARGE_MISSING_HERE, False)]
    assert purpose.told == []
    assert _kinds(reconcile(fix=True)) == [(Kind.CHARGE_MISSING_HERE, True)]
    assert (payment.state, purpose.told) == (PaymentState.SUCCEEDED, ["paid"])


def test_a_charge_that_only_we_know_is_for_a_person(paid: Payment, provider: Provider) -> None:
    provider.process.control("POST", "reset")
    (difference,) = reconcile(fix=True)
    assert (difference.kind, difference.mended) == (Kind.CHARGE_MISSING_THERE, False)
    assert str(paid.id) in str(difference) and "28800 cents" in str(difference)


def test_an_old_charge_is_looked_up_alone_before_it_is_missed(paid: Payment, session: Any) -> None:
    session.execute(update(Payment).values(created_at=clock.now_utc() + timedelta(days=3)))
    assert reconcile(since=clock.now_utc() + timedelta(days=1)) == []


def test_different_amounts_are_for_a_person(paid: Payment, session: Any) -> None:
    session.execute(update(Payment).values(captured_cents=PRICE - 100))
    assert _kinds(reconcile(fix=True)) == [(Kind.AMOUNT_DIFFERS, False)]


def test_money_that_nobody_asked_for_is_for_a_person(session: Any, user: User, paid: Payment) -> None:
    customer = str(user.stripe_customer_id)
    provider_api = gateway()._client  # type: ignore[attr-defined]
    provider_api.payment_intents.create(
        {
            "amount": 700,
            "currency": "eur",
            "customer": customer,
            "payment_method": gateway().list_methods(customer)[0].id,
            "payment_method_types": ["card"],
            "off_session": True,
            "confirm": True,
        }
    )
    assert _kinds(reconcile(fix=True)) == [(Kind.UNKNOWN_MONEY, False)]


def test_a_second_page_paid_for_one_payment_is_for_a_person(paid: Payment, user: User, provider: Provider) -> None:
    page = gateway().open_checkout(_order(paid, user))
    provider.process.pay(page.id, card="visa")
    (difference,) = reconcile(fix=True)
    assert (difference.kind, difference.payment_id, difference.mended) == (Kind.UNKNOWN_MONEY, paid.id, False)


def test_a_second_page_left_open_is_closed(paid: Payment, user: User) -> None:
    page = gateway().open_checkout(_order(paid, user))
    assert _kinds(reconcile(fix=True)) == [(Kind.PAGE_OPEN_THERE, True)]
    assert gateway().look(checkout_id=page.id).outcome is Outcome.CLOSED


def test_a_page_of_no_payment_is_closed(paid: Payment, user: User) -> None:
    stranger = _order(paid, user)
    page = gateway().open_checkout(
        CheckoutOrder(**{**vars(stranger), "owner": Owner(uuid.uuid4(), PaymentPurpose.BOOKING, uuid.uuid4())})
    )
    assert _kinds(reconcile(fix=True)) == [(Kind.PAGE_OPEN_THERE, True)]
    assert gateway().look(checkout_id=page.id).outcome is Outcome.CLOSED


def test_the_page_of_a_given_up_payment_is_closed(payment: Payment) -> None:
    with command_transaction():
        cancel_payment(payment)
    assert _kinds(reconcile(fix=True)) == [(Kind.PAGE_OPEN_THERE, True)]
    assert (payment.state, payment.checkout_url) == (PaymentState.CANCELLED, None)


def test_a_page_that_ended_unheard_is_recorded(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.process.advance(32 * 60)
    assert _kinds(reconcile(fix=True)) == [(Kind.PAGE_OVER_THERE, True)]
    assert (payment.state, purpose.told) == (PaymentState.CANCELLED, ["closed"])


def test_a_page_whose_answer_was_lost_is_recorded(
    session: Any, user: User, purpose: Purpose, provider: Provider
) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None)
    session.commit()
    provider.misbehave("drop", "/v1/checkout/sessions")
    with pytest.raises(Exception, match="PaymentUncertain"):
        open_page(payment)
    assert _kinds(reconcile(fix=True)) == [(Kind.PAGE_UNKNOWN_HERE, True)]
    assert payment.state is PaymentState.OPEN and payment.checkout_url


def test_a_refund_made_by_hand_is_taken_over(paid: Payment) -> None:
    owner = Owner(paid.id, paid.purpose, paid.purpose_id)
    gateway().refund(str(paid.stripe_payment_intent_id), 5000, reference="", owner=owner, key="by-hand")
    assert _kinds(reconcile()) == [(Kind.REFUND_MISSING_HERE, False)]
    assert _kinds(reconcile(fix=True)) == [(Kind.REFUND_MISSING_HERE, True)]
    assert paid.refunded_cents == 5000


def test_a_refund_that_nobody_asked_for_in_time_is_asked_for(paid: Payment) -> None:
    with command_transaction():
        refund = add_refund(paid, 5000, "cancellation")
    assert reconcile() == []  # its job is about to run
    with clock.frozen(clock.now_utc() + timedelta(minutes=11)):
        assert _kinds(reconcile(fix=True)) == [(Kind.REFUND_NOT_ASKED, True)]
    assert refund is not None and refund.state is RefundState.SUCCEEDED


def test_a_refund_that_only_we_believe_in_is_for_a_person(paid: Payment, session: Any) -> None:
    with command_transaction():
        refund = add_refund(paid, 5000, "cancellation")
    session.execute(
        update(Refund).values(state=RefundState.SUCCEEDED, stripe_refund_id="re_lost", succeeded_at=clock.now_utc())
    )
    (difference,) = reconcile(fix=True)
    assert (difference.kind, difference.mended, difference.provider_id) == (
        Kind.REFUND_MISSING_THERE,
        False,
        str(refund.id),
    )


def test_a_refund_that_came_back_unheard_is_recorded(
    session: Any, user: User, purpose: Purpose, provider: Provider, run_jobs: Any
) -> None:
    payment = _open(session, user, purpose.id)
    provider.pay(payment, card="refund_fails")
    settle_payment(payment.id)
    with command_transaction():
        refund = add_refund(payment, 5000, "cancellation")
    run_jobs({"payments.refund"})
    provider.process.advance(10)
    assert _kinds(reconcile(fix=True)) == [(Kind.REFUND_DIFFERS, True)]
    assert (refund.state, payment.refunded_cents, len(purpose.given_up)) == (RefundState.FAILED, 0, 1)
    assert reconcile() == []


def test_an_old_refund_is_looked_up_alone_before_it_is_missed(paid: Payment, session: Any) -> None:
    with command_transaction():
        refund = add_refund(paid, 5000, "cancellation")
    run_refund(refund.id)
    session.execute(update(Payment).values(created_at=clock.now_utc() + timedelta(days=3)))
    assert reconcile(since=clock.now_utc() + timedelta(days=1)) == []


def test_what_only_a_person_can_decide_is_put_before_one_once(
    paid: Payment, provider: Provider, purpose: Purpose, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.execute(update(Payment).values(captured_cents=PRICE - 100))
    with clock.frozen(clock.now_utc().replace(minute=0)):
        jobs.reconcile()
        jobs.reconcile()
    assert [(operation, facts["payment_id"]) for operation, facts, _ in purpose.given_up] == [
        ("payments.reconcile", str(paid.id))
    ]


def test_the_periodic_comparison_waits_for_a_provider_that_is_away(
    payment: Payment, provider: Provider, purpose: Purpose
) -> None:
    provider.pay(payment)
    provider.misbehave("drop", "/v1/payment_intents", method="GET")
    with clock.frozen(clock.now_utc().replace(minute=0)):
        jobs.reconcile()
        assert payment.state is PaymentState.OPEN
        jobs.reconcile()
    assert (payment.state, purpose.given_up) == (PaymentState.SUCCEEDED, [])


def test_the_command_lists_mends_and_counts(app: Flask, payment: Payment, provider: Provider) -> None:
    provider.pay(payment)
    runner = app.test_cli_runner()
    listed = runner.invoke(args=["payments", "reconcile"])
    assert listed.exit_code == 1
    assert f"charge missing here: payment {payment.id}" in listed.output
    assert "1 differences, 0 mended, 1 remaining" in listed.output
    mended = runner.invoke(args=["payments", "reconcile", "--fix"])
    assert (mended.exit_code, "1 mended, 0 remaining" in mended.output) == (0, True)
    clean = runner.invoke(args=["payments", "reconcile", "--since", "2026-01-01"])
    assert (clean.exit_code, clean.output) == (0, "0 differences, 0 mended, 0 remaining\n")


def test_the_command_says_when_nobody_answers(app: Flask, payment: Payment, provider: Provider) -> None:
    provider.misbehave("drop", "/v1/payment_intents", method="GET")
    asked = app.test_cli_runner().invoke(args=["payments", "reconcile"])
    assert (asked.exit_code, "does not answer" in asked.output) == (2, True)


def test_a_dispute_whose_event_was_lost_is_told_once(
    paid: Payment, provider: Provider, purpose: Purpose, run_jobs: Any
) -> None:
    provider.events("never")
    provider.process.control("POST", f"payment_intents/{paid.stripe_payment_intent_id}/dispute")
    assert _kinds(reconcile()) == [(Kind.DISPUTE_UNTOLD, False)]
    assert purpose.given_up == []
    assert _kinds(reconcile(fix=True)) == [(Kind.DISPUTE_UNTOLD, True)]
    assert reconcile(fix=True) == []
    assert [operation for operation, _facts, _error in purpose.given_up] == ["payments.dispute"]


def test_a_dispute_over_money_that_is_not_ours_is_left_alone(session: Any, paid: Payment, provider: Provider) -> None:
    provider.process.control("POST", f"payment_intents/{paid.stripe_payment_intent_id}/dispute")
    session.execute(update(Payment).values(stripe_payment_intent_id="pi_other"))
    assert Kind.DISPUTE_UNTOLD not in [difference.kind for difference in reconcile()]
