"""Money goes back once, never above what is left, and what fails goes before a person."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.payments.commands import add_payment, add_refund, retry_refund, run_refund, settle_payment, sync_refunds
from b2c_web.payments.gateway import PaymentUnavailable, PaymentUncertain, gateway
from b2c_web.payments.models import LedgerEntry, LedgerKind, Payment, PaymentPurpose, Refund, RefundState
from b2c_web.payments.queries import paid_cents, refundable_cents, refunds_of
from b2c_web.payments.refunding import MAX_TRIES
from tests.factories import make_customer
from tests.paying import Provider, Purpose, open_page, refund_by_hand

pytestmark = pytest.mark.usefixtures("provider")
PRICE = 28800


def _pay(session: Any, user: User, purpose: Purpose, provider: Provider, card: str = "visa") -> Payment:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None)
    session.commit()
    open_page(payment)
    provider.pay(payment, card=card)
    return settle_payment(payment.id)


@pytest.fixture
def payment(session: Any, purpose: Purpose, provider: Provider) -> Payment:
    return _pay(session, make_customer(), purpose, provider)


def _wish(payment: Payment, cents: int, reason: str = "cancellation", reference: str = "") -> Refund | None:
    with command_transaction():
        return add_refund(payment, cents, reason, reference)


def _ledger(session: Any, payment: Payment) -> list[tuple[LedgerKind, int]]:
    wanted = select(LedgerEntry.kind, LedgerEntry.amount_cents).filter_by(payment_id=payment.id)
    return [tuple(row) for row in session.execute(wanted.order_by(LedgerEntry.id))]


def test_a_refund_arrives_and_is_in_the_ledger(payment: Payment, purpose: Purpose, session: Any, run_jobs: Any) -> None:
    refund = _wish(payment, 26300)
    assert refund is not None and refund.state is RefundState.PENDING
    run_jobs({"payments.refund"})
    assert (refund.state, payment.refunded_cents, refundable_cents(payment)) == (RefundState.SUCCEEDED, 26300, 2500)
    assert _ledger(session, payment) == [(LedgerKind.CHARGE, PRICE), (LedgerKind.REFUND, 26300)]
    assert purpose.told == ["paid", "refund SUCCEEDED"]
    assert paid_cents(PaymentPurpose.BOOKING, purpose.id) == 2500
    (at_provider,) = gateway().refunds_of(str(payment.stripe_payment_intent_id))
    assert (at_provider.reference, at_provider.amount_cents) == (str(refund.id), 26300)


def test_the_same_wish_is_one_refund(payment: Payment, purpose: Purpose, run_jobs: Any) -> None:
    first, second = _wish(payment, 5000, reference="a"), _wish(payment, 6000, reference="a")
    third = _wish(payment, 5000, reference="b")
    assert first is second and first is not third
    run_jobs({"payments.refund"})
    assert payment.refunded_cents == 10000


def test_a_wish_above_what_is_left_is_cut_to_it(payment: Payment, run_jobs: Any) -> None:
    _wish(payment, 20000, "concierge_unused")
    second = _wish(payment, PRICE)
    assert second is not None and second.amount_cents == PRICE - 20000
    assert _wish(payment, 1, "more") is None
    run_jobs({"payments.refund"})
    assert payment.refunded_cents == PRICE


def test_nothing_is_refunded_of_nothing(session: Any, purpose: Purpose) -> None:
    unpaid = add_payment(PaymentPurpose.BOOKING, purpose.id, make_customer().id, PRICE, None)
    session.commit()
    assert _wish(unpaid, 100) is None
    with pytest.raises(ValueError, match="positive"):
        _wish(unpaid, 0)


def test_running_a_refund_twice_gives_back_once(payment: Payment, purpose: Purpose, session: Any) -> None:
    refund = _wish(payment, 5000)
    run_refund(refund.id)
    run_refund(refund.id)
    assert (payment.refunded_cents, len(gateway().refunds_of(str(payment.stripe_payment_intent_id)))) == (5000, 1)
    assert len(_ledger(session, payment)) == 2


def test_a_dropped_answer_gives_back_once(payment: Payment, provider: Provider) -> None:
    refund = _wish(payment, 5000)
    provider.misbehave("drop", "/v1/refunds")
    with pytest.raises(PaymentUncertain):
        run_refund(refund.id)
    assert (refund.state, payment.refunded_cents) == (RefundState.PENDING, 0)
    run_refund(refund.id)
    assert (refund.state, payment.refunded_cents) == (RefundState.SUCCEEDED, 5000)
    assert provider.count("refund") == 1


def test_a_dropped_answer_gives_back_once_even_when_the_provider_forgot_the_key(
    payment: Payment, provider: Provider
) -> None:
    refund = _wish(payment, 5000)
    provider.misbehave("drop", "/v1/refunds")
    with pytest.raises(PaymentUncertain):
        run_refund(refund.id)
    provider.process.advance(25 * 3600)
    run_refund(refund.id)
    assert (refund.state, provider.count("refund")) == (RefundState.SUCCEEDED, 1)


def test_a_stored_failure_does_not_block_the_refund_for_a_day(payment: Payment, provider: Provider) -> None:
    refund = _wish(payment, 5000)
    provider.misbehave("error", "/v1/refunds", status=500)
    with pytest.raises(PaymentUncertain):
        run_refund(refund.id)
    run_refund(refund.id)
    assert (refund.state, provider.count("refund")) == (RefundState.SUCCEEDED, 1)


def test_a_provider_that_stays_away_goes_before_a_person(
    payment: Payment, provider: Provider, purpose: Purpose
) -> None:
    refund = _wish(payment, 5000)
    provider.misbehave("error", "/v1/refunds", status=429, times=None)
    for _ in range(MAX_TRIES - 1):
        with pytest.raises(PaymentUnavailable):
            run_refund(refund.id)
    assert (refund.state, purpose.given_up) == (RefundState.PENDING, [])
    run_refund(refund.id)
    assert (refund.state, refund.failure_code) == (RefundState.FAILED, "rate_limit")
    assert [(each[0], each[1]) for each in purpose.given_up] == [("payments.refund", {"refund_id": str(refund.id)})]
    assert purpose.told[-1] == "refund FAILED"


def test_a_refund_that_the_provider_refuses_goes_before_a_person(
    payment: Payment, provider: Provider, purpose: Purpose
) -> None:
    refund = _wish(payment, PRICE)
    refund_by_hand(payment, 5000)
    run_refund(refund.id)
    assert (refund.state, payment.refunded_cents, len(purpose.given_up)) == (RefundState.FAILED, 0, 1)
    assert provider.count("refund") == 1


def test_a_refund_made_by_hand_is_taken_over_once(payment: Payment, purpose: Purpose, session: Any) -> None:
    provider_id = refund_by_hand(payment, 5000)
    sync_refunds(payment.id)
    sync_refunds(payment.id)
    (refund,) = refunds_of(PaymentPurpose.BOOKING, purpose.id)
    assert (refund.reason, refund.reference, refund.state) == ("made_at_provider", provider_id, RefundState.SUCCEEDED)
    assert (payment.refunded_cents, purpose.told) == (5000, ["paid", "refund SUCCEEDED"])
    assert _ledger(session, payment)[1:] == [(LedgerKind.REFUND, 5000)]


def test_a_refund_under_way_arrives_later(session: Any, purpose: Purpose, provider: Provider, run_jobs: Any) -> None:
    payment = _pay(session, make_customer(), purpose, provider, card="refund_later")
    refund = _wish(payment, 5000)
    run_jobs({"payments.refund"})
    assert (refund.state, refund.stripe_refund_id is not None, payment.refunded_cents) == (RefundState.PENDING, True, 0)
    run_refund(refund.id)
    provider.process.advance(10)
    sync_refunds(payment.id)
    assert (refund.state, payment.refunded_cents, provider.count("refund")) == (RefundState.SUCCEEDED, 5000, 1)


def test_a_refund_that_comes_back_is_owed_again_and_can_be_retried(
    app: Flask, session: Any, purpose: Purpose, provider: Provider, run_jobs: Any
) -> None:
    payment = _pay(session, make_customer(), purpose, provider, card="refund_fails")
    refund = _wish(payment, 5000)
    run_jobs({"payments.refund"})
    assert payment.refunded_cents == 5000
    provider.process.advance(10)
    sync_refunds(payment.id)
    sync_refunds(payment.id)
    assert (refund.state, refund.failure_code, payment.refunded_cents) == (
        RefundState.FAILED,
        "expired_or_canceled_card",
        0,
    )
    assert _ledger(session, payment)[1:] == [(LedgerKind.REFUND, 5000), (LedgerKind.REFUND_RETURNED, 5000)]
    assert (len(purpose.given_up), purpose.told[-1]) == (1, "refund FAILED")
    told = app.test_cli_runner().invoke(args=["payments", "retry-refund", str(refund.id)])
    assert (told.exit_code, told.output) == (0, "PENDING 50.00 EUR\n")
    again = retry_refund(refund.id)
    assert retry_refund(refund.id) is again
    run_jobs({"payments.refund"})
    assert (again.state, payment.refunded_cents, refund.state) == (RefundState.SUCCEEDED, 5000, RefundState.FAILED)


def test_a_refund_given_up_that_had_arrived_is_not_retried(
    payment: Payment, provider: Provider, purpose: Purpose, session: Any
) -> None:
    refund = _wish(payment, 5000)
    provider.misbehave("drop", "/v1/refunds")
    with pytest.raises(PaymentUncertain):
        run_refund(refund.id)
    with command_transaction():
        refund.state = RefundState.FAILED
    with pytest.raises(Conflict):
        retry_refund(refund.id)
    assert (refund.state, payment.refunded_cents, provider.count("refund")) == (RefundState.SUCCEEDED, 5000, 1)


def test_a_refund_wish_is_rolled_back_with_its_command(payment: Payment, session: Any) -> None:
    with pytest.raises(RuntimeError), command_transaction():
        add_refund(payment, 5000, "cancellation")
        raise RuntimeError
    found = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'payments.refund'")
    assert session.scalar(found) == 0
    assert refundable_cents(payment) == PRICE
