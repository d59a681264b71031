"""Money is held once on a saved card, whatever the provider does meanwhile, and released when nobody wants it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.errors import Busy, Conflict, NotFound
from b2c_web.payments.authorizing import ask_for
from b2c_web.payments.commands import (
    HoldWish,
    authorize_payment,
    cancel_payment,
    close_payment,
    ensure_customer,
    hold_payment,
    remove_method,
    settle_payment,
    wish_of,
)
from b2c_web.payments.gateway import Outcome, PaymentSnapshot, PaymentUnavailable, PaymentUncertain, gateway
from b2c_web.payments.models import Payment, PaymentMethod, PaymentPurpose, PaymentState
from b2c_web.payments.queries import held_payment
from b2c_web.payments.sweeping import sweep
from tests.factories import make_customer
from tests.paying import Provider, Purpose, open_page, save_method

SUM = 18900
INTENTS = "/v1/payment_intents"
Hold = Callable[..., Payment]


@pytest.fixture
def user(session: Any, provider: Provider) -> User:
    user = make_customer()
    session.commit()
    ensure_customer(user.id)
    return user


@pytest.fixture
def save(provider: Provider, user: User) -> Callable[..., PaymentMethod]:
    def save_one(**which: str) -> PaymentMethod:
        with command_transaction():
            return save_method(provider, user, **which)

    return save_one


@pytest.fixture
def hold(work: Purpose, user: User, save: Callable[..., PaymentMethod]) -> Hold:
    """Approve 189.00 EUR on a card or account that is saved for it."""

    def hold_it(method: PaymentMethod | None = None, **which: Any) -> Payment:
        method = method or save(**(which or {"card": "visa"}))
        with command_transaction():
            return hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM, method_id=method.id)

    return hold_it


@pytest.fixture
def wish(work: Purpose, user: User, save: Callable[..., PaymentMethod]) -> Callable[..., tuple[Payment, HoldWish]]:
    """The same as a command writes it that asks right after its commit."""

    def wish_for_it(**which: Any) -> tuple[Payment, HoldWish]:
        method = save(**(which or {"card": "visa"}))
        with command_transaction():
            payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM, method_id=method.id)
            return payment, wish_of(payment)

    return wish_for_it


def _held_there() -> list[PaymentSnapshot]:
    since = clock.now_utc() - timedelta(days=30)
    return [each for each in gateway().recent_intents(since) if each.outcome is Outcome.AUTHORIZED]


def test_a_saved_card_holds_the_money(hold: Hold, work: Purpose) -> None:
    payment = hold()
    assert (payment.state, payment.authorized_cents) == (PaymentState.CREATED, 0)
    assert authorize_payment(payment.id) is payment
    assert (payment.state, payment.authorized_cents, payment.method_label) == (
        PaymentState.AUTHORIZED,
        SUM,
        "visa 4242",
    )
    assert payment.capture_before and payment.capture_before > clock.now_utc() + timedelta(days=4)
    assert (work.told, held_payment(PaymentPurpose.EXTENSION, work.id)) == (["authorized"], payment)
    assert [each.owner.purpose_id for each in _held_there() if each.owner] == [work.id]


def test_the_usual_card_is_taken_when_none_is_named(
    work: Purpose, user: User, save: Callable[..., PaymentMethod]
) -> None:
    usual = save(card="mastercard")
    save(card="visa")
    with command_transaction():
        payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM)
    authorize_payment(payment.id)
    assert (payment.method_id, payment.method_label) == (usual.id, "mastercard 4444")


def test_another_customers_card_is_not_found(work: Purpose, session: Any, save: Callable[..., PaymentMethod]) -> None:
    card, stranger = save(card="visa"), make_customer()
    session.commit()
    with pytest.raises(NotFound), command_transaction():
        hold_payment(PaymentPurpose.EXTENSION, work.id, stranger.id, SUM, method_id=card.id)


def test_the_job_comes_when_the_web_request_did_not(hold: Hold, work: Purpose, run_jobs: Any) -> None:
    payment = hold()
    assert run_jobs({"payments.authorize"}) == []
    with clock.frozen(clock.now_utc() + timedelta(seconds=10)):
        assert run_jobs({"payments.authorize"}) == ["payments.authorize"]
    assert (payment.state, work.told) == (PaymentState.AUTHORIZED, ["authorized"])


def test_web_request_job_and_webhook_hold_once(hold: Hold, provider: Provider, work: Purpose, client: Any) -> None:
    payment = hold()
    provider.events("twice")
    for _ in range(3):
        authorize_payment(payment.id)
    assert set(provider.deliver(client)) == {200}
    settle_payment(payment.id)
    assert (work.told, len(_held_there())) == (["authorized"], 1)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop"},
        {"kind": "delay", "milliseconds": 1400, "when": "after"},
        {"kind": "error", "status": 500},
        {"kind": "error", "status": 429},
    ],
    ids=["dropped after acting", "too slow", "broken", "too many requests"],
)
def test_a_lost_answer_is_found_again(
    hold: Hold, provider: Provider, work: Purpose, app: Any, fault: dict[str, Any]
) -> None:
    provider.connect(app, PAYMENT_TIMEOUT_SECONDS=1)
    payment = hold()
    provider.misbehave(path=INTENTS, **fault)
    with pytest.raises((PaymentUncertain, PaymentUnavailable)):
        authorize_payment(payment.id)
    assert (payment.state, work.told) == (PaymentState.CREATED, [])
    authorize_payment(payment.id)
    assert (payment.state, work.told, len(_held_there())) == (PaymentState.AUTHORIZED, ["authorized"], 1)


def test_a_webhook_alone_brings_the_hold(hold: Hold, provider: Provider, work: Purpose, client: Any, run_jobs: Any):
    payment = hold()
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        authorize_payment(payment.id)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    assert (payment.state, work.told) == (PaymentState.AUTHORIZED, ["authorized"])


def test_killed_after_the_provider_acted_the_sweep_finds_it(
    hold: Hold, provider: Provider, work: Purpose, session: Any, run_jobs: Any
) -> None:
    payment = hold()
    provider.events("never")
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        authorize_payment(payment.id)
    session.execute(text("DELETE FROM procrastinate_jobs"))
    session.commit()
    with clock.frozen(clock.now_utc() + timedelta(minutes=3)):
        sweep()
        run_jobs({"payments.authorize"})
    assert (payment.state, work.told, len(_held_there())) == (PaymentState.AUTHORIZED, ["authorized"], 1)


def test_a_declined_card_is_told_once_and_another_one_holds(
    hold: Hold, provider: Provider, work: Purpose, save: Callable[..., PaymentMethod], client: Any, run_jobs: Any
) -> None:
    declined = hold(card="fails_later")
    authorize_payment(declined.id)
    authorize_payment(declined.id)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    assert (declined.state, declined.failure_code) == (PaymentState.FAILED, "generic_decline")
    assert work.told == ["failed"]
    second = hold(save(card="mastercard"))
    authorize_payment(second.id)
    assert (second.attempt, second.state, work.told) == (2, PaymentState.AUTHORIZED, ["failed", "authorized"])
    assert len(_held_there()) == 1


def test_a_lost_decline_is_not_asked_for_twice(hold: Hold, provider: Provider, work: Purpose) -> None:
    payment = hold(card="fails_later")
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        authorize_payment(payment.id)
    authorize_payment(payment.id)
    assert (payment.state, work.told) == (PaymentState.FAILED, ["failed"])
    assert provider.count("payment_intent") == 1


def test_the_bank_wants_the_customer_and_the_page_holds_the_money(
    hold: Hold, provider: Provider, work: Purpose, client: Any, run_jobs: Any
) -> None:
    payment = hold(card="authenticate_always")
    authorize_payment(payment.id)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    assert (payment.state, payment.failure_code, work.told) == (
        PaymentState.OPEN,
        "authentication_required",
        ["failed"],
    )
    open_page(payment)
    provider.pay(payment, card="authenticate_always", confirm=True)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    assert (payment.state, payment.authorized_cents, payment.captured_cents) == (PaymentState.AUTHORIZED, SUM, 0)
    assert (work.told, len(_held_there())) == (["failed", "authorized"], 1)


def test_the_word_that_the_bank_wants_the_customer_may_come_by_webhook_first(
    hold: Hold, provider: Provider, work: Purpose, client: Any, run_jobs: Any
) -> None:
    payment = hold(card="authenticate_always")
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        authorize_payment(payment.id)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    authorize_payment(payment.id)
    assert (payment.state, work.told) == (PaymentState.OPEN, ["failed"])


def test_no_page_while_the_saved_card_is_being_asked(hold: Hold, provider: Provider) -> None:
    payment = hold()
    with pytest.raises(Busy):
        open_page(payment)
    assert provider.count("checkout.session") == 0


def test_nothing_saved_leads_to_a_page(work: Purpose, user: User, provider: Provider) -> None:
    with command_transaction():
        payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM)
    authorize_payment(payment.id)
    assert (payment.state, payment.failure_code, work.told) == (PaymentState.OPEN, "no_method", ["failed"])
    open_page(payment)
    provider.pay(payment)
    settle_payment(payment.id)
    assert (payment.state, work.told) == (PaymentState.AUTHORIZED, ["failed", "authorized"])


def test_a_card_removed_meanwhile_is_not_charged(hold: Hold, work: Purpose, user: User, provider: Provider) -> None:
    payment = hold()
    remove_method(user, payment.method_id)
    authorize_payment(payment.id)
    assert (payment.state, payment.failure_code) == (PaymentState.OPEN, "no_method")
    assert provider.count("payment_intent") == 0


def test_a_card_that_the_provider_forgot_fails(hold: Hold, work: Purpose, session: Any) -> None:
    payment = hold()
    with command_transaction():
        session.get(PaymentMethod, payment.method_id).stripe_payment_method_id = "pm_forgotten"
    authorize_payment(payment.id)
    assert (payment.state, payment.failure_code, work.told) == (PaymentState.FAILED, "no_method", ["failed"])
    assert work.given_up == []


def test_what_the_provider_refuses_for_good_goes_before_a_person(
    work: Purpose, user: User, save: Callable[..., PaymentMethod]
) -> None:
    card = save(card="visa")
    with command_transaction():
        payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, 20, method_id=card.id)
    authorize_payment(payment.id)
    assert (payment.state, payment.failure_code) == (PaymentState.FAILED, "amount_too_small")
    assert [operation for operation, _facts, _error in work.given_up] == ["payments.authorize"]


def test_held_money_is_not_held_again(hold: Hold, provider: Provider) -> None:
    authorize_payment(hold().id)
    with pytest.raises(Conflict) as refused:
        hold(card="mastercard")
    assert refused.value.code == "payment_held"
    assert len(_held_there()) == 1


def test_a_new_attempt_ends_the_one_that_waits(hold: Hold, provider: Provider, work: Purpose, run_jobs: Any) -> None:
    first = hold(card="authenticate_always")
    authorize_payment(first.id)
    open_page(first)
    second = hold(card="mastercard")
    authorize_payment(second.id)
    run_jobs({"payments.close_checkout"})
    assert (first.state, second.state) == (PaymentState.CANCELLED, PaymentState.AUTHORIZED)
    assert gateway().look(checkout_id=first.stripe_checkout_session_id).outcome is Outcome.CLOSED
    assert len(_held_there()) == 1


def test_a_page_paid_although_another_card_holds_is_released(
    hold: Hold, provider: Provider, work: Purpose, run_jobs: Any
) -> None:
    first = hold(card="authenticate_always")
    authorize_payment(first.id)
    open_page(first)
    second = hold(card="mastercard")
    provider.pay(first)
    authorize_payment(second.id)
    settle_payment(first.id)
    run_jobs({"payments.close_checkout"})
    assert (first.state, first.authorized_cents) == (PaymentState.CANCELLED, 0)
    assert [each.intent_id for each in _held_there()] == [second.stripe_payment_intent_id]
    assert work.told == ["failed", "authorized"]


def test_a_hold_given_up_is_released(hold: Hold, work: Purpose, run_jobs: Any) -> None:
    payment = hold()
    authorize_payment(payment.id)
    with command_transaction():
        cancel_payment(payment)
    run_jobs({"payments.close_checkout"})
    assert (payment.state, payment.authorized_cents, _held_there()) == (PaymentState.CANCELLED, 0, [])
    assert work.told == ["authorized"]


def test_given_up_while_the_answer_was_lost_is_found_and_released(
    hold: Hold, provider: Provider, work: Purpose, run_jobs: Any
) -> None:
    payment = hold()
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        authorize_payment(payment.id)
    with command_transaction():
        cancel_payment(payment)
    run_jobs({"payments.close_checkout"})
    assert (payment.state, payment.provider_asked_at, _held_there()) == (PaymentState.CANCELLED, None, [])


def test_given_up_while_a_request_may_be_on_its_way_is_looked_after_until_it_cannot(
    hold: Hold, provider: Provider, work: Purpose, session: Any
) -> None:
    payment = hold()
    provider.misbehave("error", INTENTS, status=429)
    with pytest.raises(PaymentUnavailable):
        authorize_payment(payment.id)
    with command_transaction():
        cancel_payment(payment)
    with pytest.raises(PaymentUncertain):
        close_payment(payment.id)
    with clock.frozen(clock.now_utc() + timedelta(minutes=4)):
        close_payment(payment.id)
    assert (payment.state, payment.provider_asked_at) == (PaymentState.CANCELLED, None)


def test_given_up_between_the_steps_the_hold_is_released(
    hold: Hold, work: Purpose, session: Any, monkeypatch: pytest.MonkeyPatch, run_jobs: Any
) -> None:
    payment, real = hold(), gateway().authorize_off_session

    def meanwhile(order: Any) -> Any:
        seen = real(order)
        with command_transaction():
            cancel_payment(session.get(Payment, payment.id))
        session.execute(text("DELETE FROM procrastinate_jobs"))  # as if it came too early to find anything
        return seen

    monkeypatch.setattr(gateway(), "authorize_off_session", meanwhile)
    authorize_payment(payment.id)
    assert (payment.state, work.told) == (PaymentState.CANCELLED, [])
    run_jobs({"payments.close_checkout"})
    assert (payment.authorized_cents, _held_there()) == (0, [])


def test_a_mandate_promises_without_holding(hold: Hold, work: Purpose, provider: Provider) -> None:
    payment = hold(account="sepa")
    authorize_payment(payment.id)
    assert (payment.state, payment.by_mandate, payment.authorized_cents) == (PaymentState.AUTHORIZED, True, 0)
    assert (work.told, provider.count("payment_intent")) == (["authorized"], 0)


def test_a_hold_that_lapses_unheard_is_asked_about(hold: Hold, provider: Provider, work: Purpose) -> None:
    payment = hold()
    authorize_payment(payment.id)
    provider.events("never")
    provider.process.advance(5 * 24 * 3600)
    with command_transaction():
        payment.escalated_at = clock.now_utc()  # nobody could renew it
    with clock.frozen(payment.capture_before + timedelta(minutes=1)):
        sweep()
    assert (payment.state, payment.authorized_cents, work.told) == (
        PaymentState.CANCELLED,
        0,
        ["authorized", "closed"],
    )


def test_what_is_asked_at_once_was_written_down_with_the_wish(wish: Any, work: Purpose, run_jobs: Any) -> None:
    payment, wanted = wish()
    assert (payment.state, payment.tries, payment.provider_asked_at is not None) == (PaymentState.CREATED, 1, True)
    assert authorize_payment(wanted.payment_id, wanted.first) is payment
    with clock.frozen(clock.now_utc() + timedelta(seconds=10)):
        run_jobs({"payments.authorize"})
    assert (payment.state, payment.tries, work.told) == (PaymentState.AUTHORIZED, 1, ["authorized"])
    assert len(_held_there()) == 1


@pytest.mark.parametrize("has_acted", [False, True], ids=["before it asked", "after it asked"])
def test_killed_while_it_asks_at_once_the_job_goes_on(wish: Any, work: Purpose, run_jobs: Any, has_acted: bool) -> None:
    payment, wanted = wish()
    if has_acted:
        ask_for(wanted.first)
    with clock.frozen(clock.now_utc() + timedelta(seconds=10)):
        assert run_jobs({"payments.authorize"}) == ["payments.authorize"]
    assert (payment.state, work.told, len(_held_there())) == (PaymentState.AUTHORIZED, ["authorized"], 1)


def test_given_up_before_it_is_asked_at_once_it_goes_back(wish: Any, work: Purpose, run_jobs: Any) -> None:
    payment, wanted = wish()
    with command_transaction():
        cancel_payment(payment)
    authorize_payment(wanted.payment_id, wanted.first)
    assert (payment.state, len(_held_there())) == (PaymentState.CANCELLED, 1)
    run_jobs({"payments.close_checkout"})
    assert (payment.state, work.told, _held_there()) == (PaymentState.CANCELLED, [], [])


def test_a_mandate_is_promised_without_asking_at_once(wish: Any, work: Purpose, provider: Provider) -> None:
    payment, wanted = wish(account="sepa")
    assert wanted == HoldWish(payment.id, None)
    authorize_payment(wanted.payment_id, wanted.first)
    assert (payment.state, work.told, provider.count("payment_intent")) == (PaymentState.AUTHORIZED, ["authorized"], 0)
