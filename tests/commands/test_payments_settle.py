"""What the provider says becomes ours exactly once, whoever brings it and in whatever order."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.audit import AuditEntry
from b2c_web.db import command_transaction
from b2c_web.payments.commands import add_payment, add_refund, cancel_payment, ensure_customer, settle_payment
from b2c_web.payments.gateway import OffSessionOrder, Owner, PaymentUnavailable, gateway
from b2c_web.payments.models import (
    CaptureMethod,
    LedgerEntry,
    LedgerKind,
    Payment,
    PaymentMethod,
    PaymentPurpose,
    PaymentState,
)
from b2c_web.payments.queries import live_payment, paid_cents, payments_of, refundable_cents, succeeded_payment
from b2c_web.payments.recording import record
from tests.factories import make_customer
from tests.paying import Provider, Purpose, open_page

pytestmark = pytest.mark.usefixtures("provider")
PRICE = 28800


@pytest.fixture
def user(session: Any) -> User:
    return make_customer()


@pytest.fixture
def payment(session: Any, user: User, purpose: Purpose) -> Payment:
    """A payment whose page is open."""
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, clock.now_utc() + timedelta(minutes=30))
    session.commit()
    open_page(payment)
    return payment


def _charges(session: Any, payment: Payment) -> list[int]:
    wanted = select(LedgerEntry.amount_cents).filter_by(payment_id=payment.id, kind=LedgerKind.CHARGE)
    return list(session.scalars(wanted))


def test_paid_is_recorded_once_however_often_it_is_asked(
    payment: Payment, provider: Provider, purpose: Purpose, session: Any
) -> None:
    provider.pay(payment)
    for _ in range(3):
        settle_payment(payment.id)
    assert (payment.state, payment.captured_cents, payment.method_label) == (
        PaymentState.SUCCEEDED,
        PRICE,
        "visa 4242",
    )
    assert payment.stripe_charge_id and payment.stripe_payment_intent_id and payment.succeeded_at
    assert payment.checkout_url is None
    assert (purpose.told, _charges(session, payment)) == (["paid"], [PRICE])


def test_the_queries_show_what_was_paid(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    assert live_payment(PaymentPurpose.BOOKING, purpose.id) is payment
    provider.pay(payment)
    settle_payment(payment.id)
    assert paid_cents(PaymentPurpose.BOOKING, purpose.id) == PRICE
    assert list(payments_of(PaymentPurpose.BOOKING, purpose.id)) == [payment]
    assert succeeded_payment(PaymentPurpose.BOOKING, purpose.id) is payment
    assert live_payment(PaymentPurpose.BOOKING, purpose.id) is None
    assert refundable_cents(payment) == PRICE


def test_a_raise_in_what_is_paid_for_records_nothing(
    payment: Payment, provider: Provider, purpose: Purpose, session: Any
) -> None:
    def refuse(paid: Payment) -> None:
        raise RuntimeError("the booking cannot take it now")

    provider.pay(payment)
    purpose.when_paid = refuse
    with pytest.raises(RuntimeError):
        settle_payment(payment.id)
    assert (payment.state, _charges(session, payment)) == (PaymentState.OPEN, [])
    purpose.when_paid = None
    settle_payment(payment.id)
    assert (payment.state, _charges(session, payment)) == (PaymentState.SUCCEEDED, [PRICE])


def test_what_is_paid_for_may_send_late_money_back_at_once(
    payment: Payment, provider: Provider, purpose: Purpose, run_jobs: Any
) -> None:
    with command_transaction():
        cancel_payment(payment)
    provider.pay(payment)
    purpose.when_paid = lambda late: add_refund(late, late.captured_cents, "late_money")
    settle_payment(payment.id)
    run_jobs({"payments.refund"})
    assert (payment.state, payment.refunded_cents) == (PaymentState.SUCCEEDED, PRICE)
    assert purpose.told == ["paid", "refund SUCCEEDED"]


def test_a_decline_is_told_once_and_the_page_stays_open(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.pay(payment, card="insufficient_funds")
    settle_payment(payment.id)
    settle_payment(payment.id)
    assert (payment.state, payment.failure_code) == (PaymentState.OPEN, "insufficient_funds")
    assert (payment.checkout_url is not None, purpose.told) == (True, ["failed"])
    provider.pay(payment, card="insufficient_funds")
    settle_payment(payment.id)
    assert purpose.told == ["failed", "failed"]
    provider.pay(payment)
    settle_payment(payment.id)
    assert (payment.state, payment.failure_code, purpose.told[-1]) == (PaymentState.SUCCEEDED, None, "paid")


def test_the_bank_may_ask_the_customer(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.pay(payment, card="authenticate_once")
    assert settle_payment(payment.id).state is PaymentState.OPEN
    assert purpose.told == []


def test_a_page_that_ended_unpaid_closes_the_payment(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.process.advance(31 * 60)
    settle_payment(payment.id)
    assert (payment.state, payment.checkout_url, purpose.told) == (PaymentState.CANCELLED, None, ["closed"])


def test_old_news_never_takes_money_back(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    waiting = gateway().look(checkout_id=payment.stripe_checkout_session_id)
    provider.pay(payment, card="declined")
    declined = gateway().look(checkout_id=payment.stripe_checkout_session_id)
    provider.pay(payment)
    paid = gateway().look(checkout_id=payment.stripe_checkout_session_id)
    for seen in (paid, declined, waiting, paid):
        record(payment.id, seen)
    assert (payment.state, payment.captured_cents, payment.failure_code) == (PaymentState.SUCCEEDED, PRICE, None)
    assert purpose.told == ["paid"]


def test_another_payments_news_are_refused(payment: Payment, provider: Provider, user: User, session: Any) -> None:
    other = add_payment(PaymentPurpose.BOOKING, Purpose().id, user.id, PRICE, None)
    session.commit()
    provider.pay(payment)
    seen = gateway().look(checkout_id=payment.stripe_checkout_session_id)
    with pytest.raises(ValueError, match="does not belong"):
        record(other.id, seen)
    assert other.captured_cents == 0


def test_more_money_than_we_asked_for_goes_before_a_person(
    payment: Payment, provider: Provider, purpose: Purpose, session: Any
) -> None:
    with command_transaction():
        payment.amount_cents = PRICE - 1
    provider.pay(payment)
    settle_payment(payment.id)
    assert (payment.state, payment.captured_cents) == (PaymentState.OPEN, 0)
    assert [(operation, payload) for operation, payload, _ in purpose.given_up] == [
        ("payments.too_much_money", {"payment_id": str(payment.id)})
    ]


def test_a_debit_counts_as_decided_and_may_still_fail(
    session: Any, user: User, purpose: Purpose, provider: Provider
) -> None:
    customer_id = ensure_customer(user.id)
    account = provider.process.control("POST", "payment_methods", customer=customer_id, account="sepa_fails")
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, 10000, None)
    session.commit()
    owner = Owner(payment.id, payment.purpose, payment.purpose_id)
    order = OffSessionOrder(owner, customer_id, account["id"], 10000, "Arbeit", f"charge-{payment.id}")
    seen = gateway().authorize_off_session(replace(order, capture_later=False))
    record(payment.id, seen)
    assert payment.state is PaymentState.PROCESSING
    provider.process.advance(700)
    settle_payment(payment.id)
    assert (payment.state, payment.failure_code) == (PaymentState.FAILED, "payment_intent_payment_attempt_failed")
    assert purpose.told == ["processing", "failed"]


def test_a_hold_that_lapsed_is_told(session: Any, user: User, purpose: Purpose, provider: Provider) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None, capture_method=CaptureMethod.MANUAL)
    session.commit()
    open_page(payment)
    provider.pay(payment)
    settle_payment(payment.id)
    provider.process.advance(8 * 24 * 3600)
    settle_payment(payment.id)
    assert (payment.state, payment.authorized_cents) == (PaymentState.CANCELLED, 0)
    assert purpose.told == ["authorized", "closed"]


def test_part_of_a_hold_is_captured_and_that_is_what_counts(
    session: Any, user: User, purpose: Purpose, provider: Provider
) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None, capture_method=CaptureMethod.MANUAL)
    session.commit()
    open_page(payment)
    provider.pay(payment)
    settle_payment(payment.id)
    gateway().capture(payment.stripe_payment_intent_id, 20000, f"capture-{payment.id}")
    settle_payment(payment.id)
    assert (payment.state, payment.captured_cents, payment.authorized_cents) == (PaymentState.SUCCEEDED, 20000, 0)
    assert (purpose.told, purpose.given_up) == (["authorized", "paid"], [])


def test_the_first_card_becomes_the_default_and_the_same_card_is_kept_once(
    payment: Payment, user: User, provider: Provider, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    second = add_payment(PaymentPurpose.BOOKING, Purpose().id, user.id, PRICE, None)
    third = add_payment(PaymentPurpose.BOOKING, Purpose().id, user.id, PRICE, None)
    session.commit()
    for later, card in ((second, "mastercard"), (third, "visa")):
        open_page(later)
        provider.pay(later, card=card)
        settle_payment(later.id)
    run_jobs({"payments.detach_method", "payments.push_default"})
    kept = session.scalars(select(PaymentMethod).filter_by(user_id=user.id, is_active=True)).all()
    assert sorted(str(each.card_last4) for each in kept) == ["4242", "4444"]
    assert sum(each.is_default for each in kept) == 1
    at_provider = {each.id for each in gateway().list_methods(str(user.stripe_customer_id))}
    assert at_provider == {each.stripe_payment_method_id for each in kept}


def test_no_answer_is_no_news(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.pay(payment)
    provider.misbehave("drop", "/v1/checkout/sessions", method="GET")
    with pytest.raises(PaymentUnavailable):
        settle_payment(payment.id)
    assert (payment.state, purpose.told) == (PaymentState.OPEN, [])


def test_every_change_is_in_the_audit_log(payment: Payment, provider: Provider, session: Any) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    settle_payment(payment.id)
    entries = select(func.count()).select_from(AuditEntry).filter_by(entity_id=payment.id, actor="provider")
    assert session.scalar(entries.filter_by(action="payment.succeeded")) == 1
