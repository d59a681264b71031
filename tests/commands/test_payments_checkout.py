"""The payment page: opened once, found again after a lost answer, closed when the payment is given up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import NestedCommandError, command_transaction
from b2c_web.errors import Conflict
from b2c_web.payments.commands import (
    add_payment,
    cancel_payment,
    close_payment,
    ensure_customer,
    settle_payment,
)
from b2c_web.payments.gateway import Outcome, PaymentUnavailable, PaymentUncertain, gateway
from b2c_web.payments.models import CaptureMethod, Payment, PaymentPurpose, PaymentState
from tests.factories import make_customer
from tests.paying import Provider, Purpose, open_page, save_method

pytestmark = pytest.mark.usefixtures("provider")
PRICE = 28800


@pytest.fixture
def user(session: Any) -> User:
    return make_customer()


@pytest.fixture
def payment(session: Any, user: User, purpose: Purpose) -> Payment:
    """A booking's payment with a hold of half an hour, as a claim writes it."""
    until = clock.now_utc() + timedelta(minutes=30)
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, until)
    session.commit()
    return payment


def _give_up(payment: Payment) -> None:
    with command_transaction():
        cancel_payment(payment)


def _jobs(session: Any, name: str) -> int:
    found = session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = :name"), {"name": name})
    return int(found.scalar_one())


def test_the_page_shows_our_payment_and_ends_with_the_hold(payment: Payment, user: User, session: Any) -> None:
    url = open_page(payment)
    assert (payment.state, payment.checkout_url) == (PaymentState.OPEN, url)
    seen = gateway().look(checkout_id=payment.stripe_checkout_session_id)
    assert seen.owner is not None
    assert (seen.owner.payment_id, seen.amount_cents) == (payment.id, PRICE)
    assert timedelta(0) <= payment.checkout_expires_at - payment.expires_at <= timedelta(seconds=60)
    assert user.stripe_customer_id


def test_the_same_page_again_while_it_is_open(payment: Payment, provider: Provider) -> None:
    assert open_page(payment) == open_page(payment, language="en")
    assert provider.count("checkout.session") == 1


def test_one_customer_at_the_provider_for_all_payments(session: Any, user: User, provider: Provider) -> None:
    for _ in range(2):
        purpose_id = Purpose().id
        payment = add_payment(PaymentPurpose.BOOKING, purpose_id, user.id, PRICE, None)
        session.commit()
        open_page(payment)
    assert provider.count("customer") == 1


def test_attempts_for_one_purpose_are_counted(session: Any, user: User, purpose: Purpose) -> None:
    made = [add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None) for _ in range(3)]
    assert [each.attempt for each in made] == [1, 2, 3]


def test_paid_already_leads_on_instead_of_to_the_page(payment: Payment, provider: Provider, purpose: Purpose) -> None:
    open_page(payment)
    provider.pay(payment)
    assert open_page(payment) == "http://localhost/paid"
    assert (payment.state, purpose.told) == (PaymentState.SUCCEEDED, ["paid"])


def test_the_open_page_is_shown_although_the_provider_does_not_answer_us(payment: Payment, provider: Provider) -> None:
    url = open_page(payment)
    provider.misbehave("drop", "/v1/checkout/sessions", method="GET")
    assert open_page(payment) == url


def test_no_page_after_the_hold(payment: Payment, provider: Provider) -> None:
    with clock.frozen(payment.expires_at), pytest.raises(Conflict) as refused:
        open_page(payment)
    assert refused.value.code == "payment_gone"
    assert provider.count("checkout.session") == 0


def test_no_page_for_a_payment_that_was_given_up(payment: Payment, provider: Provider, session: Any) -> None:
    _give_up(payment)
    with pytest.raises(Conflict):
        open_page(payment)
    assert (provider.count("checkout.session"), _jobs(session, "payments.close_checkout")) == (0, 0)


@pytest.mark.parametrize("lost", ["/v1/customers", "/v1/checkout/sessions"])
def test_a_dropped_answer_is_found_again_with_the_same_key(payment: Payment, provider: Provider, lost: str) -> None:
    provider.misbehave("drop", lost)
    with pytest.raises(PaymentUncertain):
        open_page(payment)
    assert payment.state is PaymentState.CREATED
    url = open_page(payment)
    assert (provider.count("customer"), provider.count("checkout.session")) == (1, 1)
    assert payment.checkout_url == url


def test_a_page_that_was_opened_and_paid_unheard_is_settled(
    payment: Payment, provider: Provider, purpose: Purpose
) -> None:
    provider.misbehave("drop", "/v1/checkout/sessions")
    with pytest.raises(PaymentUncertain):
        open_page(payment)
    assert settle_payment(payment.id).state is PaymentState.OPEN
    provider.pay(payment)
    assert settle_payment(payment.id).state is PaymentState.SUCCEEDED
    assert purpose.told == ["paid"]


def test_a_page_found_by_settling_is_the_one_that_is_shown(payment: Payment, provider: Provider) -> None:
    provider.misbehave("drop", "/v1/checkout/sessions")
    with pytest.raises(PaymentUncertain):
        open_page(payment)
    settle_payment(payment.id)
    assert open_page(payment) == payment.checkout_url
    assert provider.count("checkout.session") == 1


def test_a_failure_of_the_providers_own_does_not_block_the_next_try(payment: Payment, provider: Provider) -> None:
    provider.misbehave("error", "/v1/checkout/sessions", status=500)
    with pytest.raises(PaymentUncertain):
        open_page(payment)
    assert open_page(payment)
    assert provider.count("checkout.session") == 1


def test_a_failure_of_the_providers_own_does_not_keep_a_new_customer_out_for_a_day(
    payment: Payment, provider: Provider
) -> None:
    provider.misbehave("error", "/v1/customers", status=500, times=2)
    with clock.frozen(clock.now_utc()), pytest.raises(PaymentUncertain):
        open_page(payment)
    with clock.frozen(clock.now_utc() + timedelta(minutes=1)):
        assert open_page(payment)
    assert provider.count("customer") == 1


def test_a_failure_of_the_providers_own_does_not_keep_a_choice_of_card_from_it_for_a_day(
    session: Any, user: User, provider: Provider, run_jobs: Any
) -> None:
    ensure_customer(user.id)
    with command_transaction():
        save_method(provider, user, card="visa")
    provider.misbehave("error", "/v1/customers/", status=500)
    with pytest.raises(PaymentUncertain):
        run_jobs({"payments.push_default"})
    with clock.frozen(clock.now_utc() + timedelta(minutes=1)):
        assert run_jobs({"payments.push_default"}) == ["payments.push_default"]


def test_a_request_that_never_arrived_gets_a_later_end(payment: Payment, provider: Provider, session: Any) -> None:
    with command_transaction():
        payment.checkout_expires_at = clock.now_utc() + timedelta(minutes=29)
    assert open_page(payment)
    assert payment.checkout_expires_at > clock.now_utc() + timedelta(minutes=30)


def test_too_many_requests_ask_to_try_again(payment: Payment, provider: Provider) -> None:
    provider.misbehave("error", "/v1/checkout/sessions", status=429)
    with pytest.raises(PaymentUnavailable) as busy:
        open_page(payment)
    assert busy.value.status == 503
    assert open_page(payment)


def test_a_customer_that_the_provider_forgot_is_made_anew(
    payment: Payment, user: User, provider: Provider, session: Any
) -> None:
    with command_transaction():
        user.stripe_customer_id = "cus_forgotten"
    assert open_page(payment)
    assert user.stripe_customer_id not in (None, "cus_forgotten")


def test_a_given_up_page_is_closed(payment: Payment, provider: Provider, purpose: Purpose, run_jobs: Any) -> None:
    open_page(payment)
    _give_up(payment)
    assert payment.state is PaymentState.CANCELLED
    assert run_jobs({"payments.close_checkout"}) == ["payments.close_checkout"]
    assert gateway().look(checkout_id=payment.stripe_checkout_session_id).outcome is Outcome.CLOSED
    assert (payment.state, payment.checkout_url, purpose.told) == (PaymentState.CANCELLED, None, [])


def test_the_customer_who_was_quicker_wins(
    payment: Payment, provider: Provider, purpose: Purpose, run_jobs: Any
) -> None:
    open_page(payment)
    _give_up(payment)
    provider.pay(payment)
    run_jobs({"payments.close_checkout"})
    assert (payment.state, payment.captured_cents, purpose.told) == (PaymentState.SUCCEEDED, PRICE, ["paid"])


def test_giving_up_paid_money_changes_nothing(payment: Payment, provider: Provider, session: Any) -> None:
    open_page(payment)
    provider.pay(payment)
    settle_payment(payment.id)
    _give_up(payment)
    assert payment.state is PaymentState.SUCCEEDED
    assert _jobs(session, "payments.close_checkout") == 0


def test_given_up_while_the_page_was_being_opened(
    payment: Payment, provider: Provider, session: Any, monkeypatch: pytest.MonkeyPatch, run_jobs: Any
) -> None:
    real = gateway().open_checkout

    def meanwhile(order: Any) -> Any:
        page = real(order)
        _give_up(session.get(Payment, payment.id))
        session.execute(text("DELETE FROM procrastinate_jobs"))  # it came too early to find the page
        return page

    monkeypatch.setattr(gateway(), "open_checkout", meanwhile)
    with pytest.raises(Conflict):
        open_page(payment)
    run_jobs({"payments.close_checkout"})
    assert gateway().look(checkout_id=payment.stripe_checkout_session_id).outcome is Outcome.CLOSED
    assert payment.state is PaymentState.CANCELLED


def test_given_up_after_an_unheard_answer_finds_the_page_and_closes_it(
    payment: Payment, provider: Provider, session: Any, run_jobs: Any
) -> None:
    provider.misbehave("drop", "/v1/checkout/sessions")
    with pytest.raises(PaymentUncertain):
        open_page(payment)
    _give_up(payment)
    run_jobs({"payments.close_checkout"})
    assert payment.stripe_checkout_session_id
    assert gateway().look(checkout_id=payment.stripe_checkout_session_id).outcome is Outcome.CLOSED


def test_closing_waits_for_a_page_that_may_still_be_on_its_way(payment: Payment, user: User, session: Any) -> None:
    with command_transaction():
        user.stripe_customer_id = gateway_customer(user)
        payment.checkout_expires_at = clock.now_utc() + timedelta(minutes=31)
        payment.checked_at = clock.now_utc()
        payment.state = PaymentState.CANCELLED
    with pytest.raises(PaymentUncertain):
        close_payment(payment.id)
    with clock.frozen(clock.now_utc() + timedelta(minutes=5)):
        close_payment(payment.id)
    assert payment.state is PaymentState.CANCELLED


def gateway_customer(user: User) -> str:
    from flask import current_app

    provider: Any = current_app.extensions["payment_gateway"]
    return str(provider.create_customer(user_id=user.id, email=user.email, name=user.name, key=f"customer-{user.id}"))


def test_a_hold_is_released_when_its_payment_is_given_up(
    session: Any, user: User, purpose: Purpose, provider: Provider, run_jobs: Any
) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, user.id, PRICE, None, capture_method=CaptureMethod.MANUAL)
    session.commit()
    open_page(payment)
    provider.pay(payment, card="mastercard")
    settle_payment(payment.id)
    assert (payment.state, payment.authorized_cents) == (PaymentState.AUTHORIZED, PRICE)
    assert payment.capture_before > datetime.now(UTC) + timedelta(days=6)
    _give_up(payment)
    run_jobs({"payments.close_checkout"})
    assert (payment.state, payment.authorized_cents) == (PaymentState.CANCELLED, 0)
    assert gateway().look(intent_id=payment.stripe_payment_intent_id).outcome is Outcome.CLOSED
    assert purpose.told == ["authorized"]


def test_the_provider_is_never_called_inside_a_command(session: Any) -> None:
    with pytest.raises(NestedCommandError), command_transaction():
        gateway()
