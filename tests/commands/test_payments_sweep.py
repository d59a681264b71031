"""What got lost is found again: events that never came, jobs that are gone, pages that nobody closed."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.errors import Busy
from b2c_web.payments import jobs as payment_jobs
from b2c_web.payments.checks import CHECKS
from b2c_web.payments.commands import add_payment, add_refund, cancel_payment, remove_method, settle_payment
from b2c_web.payments.gateway import Outcome, PaymentUnavailable, PaymentUncertain, gateway
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState, RefundState
from b2c_web.payments.queries import methods_of
from b2c_web.payments.sweeping import ask_about_silent, queue_owed, sweep
from tests.factories import make_customer
from tests.paying import Provider, Purpose, open_page

pytestmark = pytest.mark.usefixtures("provider")
PRICE = 28800
LATER = timedelta(minutes=6)


@pytest.fixture
def user(session: Any) -> User:
    return make_customer()


@pytest.fixture
def payment(session: Any, user: User, purpose: Purpose) -> Payment:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, clock.now_utc() + timedelta(minutes=30))
    session.commit()
    open_page(payment)
    return payment


def _lose_all_jobs(session: Any) -> None:
    session.execute(text("DELETE FROM procrastinate_jobs"))
    session.commit()


def _breaches() -> dict[str, int]:
    return {breach.name: breach.count for breach in (check() for check in CHECKS) if breach.count}


def test_a_webhook_that_never_came_is_made_up_for(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.events("never")
    provider.pay(payment)
    assert ask_about_silent() == 0  # it was asked about just now
    with clock.frozen(clock.now_utc() + LATER):
        sweep()
        assert (payment.state, purpose.told) == (PaymentState.SUCCEEDED, ["paid"])
        assert ask_about_silent() == 0


def test_nobody_is_asked_more_often_than_agreed(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    with clock.frozen(clock.now_utc() + LATER):
        assert (ask_about_silent(), ask_about_silent()) == (1, 0)


def test_a_page_that_never_came_about_is_not_asked_for_all_the_time(
    session: Any, user: User, purpose: Purpose, provider: Provider
) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None)
    session.commit()
    provider.misbehave("error", "/v1/checkout/sessions", status=429)
    with pytest.raises(PaymentUnavailable):
        open_page(payment)
    with clock.frozen(clock.now_utc() + LATER):
        assert (ask_about_silent(), ask_about_silent()) == (1, 0)
    assert payment.state is PaymentState.CREATED


def test_a_page_is_asked_about_as_soon_as_it_is_over(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    over = payment.checkout_expires_at + timedelta(seconds=1)
    with clock.frozen(over - timedelta(minutes=1)):
        ask_about_silent()
    provider.process.advance(32 * 60)
    with clock.frozen(over):
        ask_about_silent()
    assert (payment.state, purpose.told) == (PaymentState.CANCELLED, ["closed"])


def test_a_page_opened_and_paid_unheard_is_found(
    session: Any, user: User, purpose: Purpose, provider: Provider
) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None)
    session.commit()
    provider.misbehave("drop", "/v1/checkout/sessions")
    with pytest.raises(PaymentUncertain):
        open_page(payment)
    (seen,) = gateway().recent_checkouts(clock.now_utc() - LATER)
    provider.process.pay(str(seen.checkout_id), card="visa")
    with clock.frozen(clock.now_utc() + LATER):
        sweep()
    assert (payment.state, purpose.told) == (PaymentState.SUCCEEDED, ["paid"])


def test_a_provider_that_is_away_stops_the_asking(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    provider.misbehave("drop", "/v1/checkout/sessions", method="GET", times=None)
    with clock.frozen(clock.now_utc() + LATER):
        assert ask_about_silent() == 0
        provider.behave()
        assert ask_about_silent() == 1


@pytest.mark.parametrize("reason", [Busy, ValueError])
def test_one_payment_that_cannot_be_settled_does_not_stop_the_others(
    session: Any, payment: Payment, user: User, provider: Provider, purpose: Purpose, reason: type[Exception]
) -> None:
    other = add_payment(PaymentPurpose.BOOKING, Purpose().id, user.id, PRICE, None)
    session.commit()
    open_page(other)
    provider.pay(payment)
    provider.pay(other)

    def fails_once(paid: Payment) -> None:
        if paid.id == payment.id:
            raise reason

    purpose.when_paid = fails_once
    told: Any = nullcontext() if reason is Busy else pytest.raises(reason)  # a person hears of what is not mere haste
    with clock.frozen(clock.now_utc() + LATER), told:
        ask_about_silent()
    assert (payment.state, other.state) == (PaymentState.OPEN, PaymentState.SUCCEEDED)


def test_a_lost_refund_job_is_queued_again(payment: Payment, provider: Provider, session: Any, run_jobs: Any) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    run_jobs({"payments.push_default"})
    with command_transaction():
        refund = add_refund(payment, 5000, "cancellation")
    assert queue_owed() == 0
    _lose_all_jobs(session)
    with clock.frozen(clock.now_utc() + LATER):
        assert _breaches() == {"payments: no refunds that nobody asks the provider for": 1}
        assert (queue_owed(), queue_owed()) == (1, 0)
        assert _breaches() == {}
        run_jobs()
    assert refund is not None and refund.state is RefundState.SUCCEEDED


def test_a_refund_job_that_ended_in_failure_counts_as_lost(payment: Payment, provider: Provider, session: Any) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    with command_transaction():
        add_refund(payment, 5000, "cancellation")
    session.execute(text("UPDATE procrastinate_jobs SET status = 'failed' WHERE task_name = 'payments.refund'"))
    with clock.frozen(clock.now_utc() + LATER):
        assert _breaches() == {"payments: no refunds that nobody asks the provider for": 1}
        assert queue_owed() == 1


def test_a_lost_closing_job_is_queued_again(payment: Payment, session: Any, run_jobs: Any) -> None:
    with command_transaction():
        cancel_payment(payment)
    _lose_all_jobs(session)
    with clock.frozen(clock.now_utc() + LATER):
        assert _breaches() == {"payments: no given up payments that the provider still waits for": 1}
        sweep()
        assert _breaches() == {}
        run_jobs({"payments.close_checkout"})
    assert gateway().look(checkout_id=payment.stripe_checkout_session_id).outcome is Outcome.CLOSED


def test_a_lost_event_job_is_queued_again(
    payment: Payment, provider: Provider, purpose: Purpose, client: Any, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    provider.deliver(client)
    _lose_all_jobs(session)
    with clock.frozen(clock.now_utc() + LATER):
        assert set(_breaches()) == {"payments: no events received and not handled"}
        queue_owed()
        assert _breaches() == {}
        run_jobs()
    assert purpose.told == ["paid"]


def test_a_lost_detaching_job_is_queued_again(
    payment: Payment, user: User, provider: Provider, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    (method,) = methods_of(user)
    remove_method(user, method.id)
    _lose_all_jobs(session)
    with clock.frozen(clock.now_utc() + LATER):
        assert _breaches() == {"payments: no removed cards that the provider still keeps": 1}
        queue_owed()
        run_jobs({"payments.detach_method"})
    assert gateway().list_methods(str(user.stripe_customer_id)) == []
    assert _breaches() == {}


def test_a_usual_card_that_the_provider_was_not_told_of_is_told_again(
    payment: Payment, user: User, provider: Provider, session: Any, run_jobs: Any
) -> None:
    provider.pay(payment)
    settle_payment(payment.id)
    _lose_all_jobs(session)
    with clock.frozen(clock.now_utc() + LATER):
        assert _breaches() == {"payments: no usual cards that the provider was not told of": 1}
        assert (queue_owed(), queue_owed()) == (1, 0)
        assert _breaches() == {}
        run_jobs({"payments.push_default"})
        assert (queue_owed(), _breaches()) == (0, {})
    (method,) = methods_of(user)
    assert method.default_told_at is not None


def test_the_periodic_reconciliation_keeps_its_pace(app: Any, session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    monkeypatch.setattr("b2c_web.payments.reconciliation.reconcile", lambda fix: compared.append("compared") or [])
    monkeypatch.setitem(app.config, "RECONCILE_MINUTES", 15)
    start = clock.now_utc().replace(hour=12, minute=0)
    for minute in range(0, 60, 5):
        with clock.frozen(start + timedelta(minutes=minute)):
            payment_jobs.reconcile()
    assert len(compared) == 4
