"""A hold that is about to lapse is held anew before the old one is released, or a person is told."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.payments.checks import CHECKS
from b2c_web.payments.commands import (
    authorize_payment,
    capture_held,
    capture_payment,
    ensure_customer,
    hold_payment,
    remove_method,
)
from b2c_web.payments.gateway import Outcome, PaymentUncertain, gateway
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState
from b2c_web.payments.queries import held_payment, payments_of
from b2c_web.payments.renewing import renew_lapsing
from tests.factories import make_customer
from tests.paying import Provider, Purpose, save_method

SUM = 18900
INTENTS = "/v1/payment_intents"
JOBS = {"payments.authorize", "payments.close_checkout"}


@pytest.fixture
def user(session: Any, provider: Provider) -> User:
    user = make_customer()
    session.commit()
    ensure_customer(user.id)
    return user


@pytest.fixture
def held(work: Purpose, user: User, provider: Provider) -> Payment:
    with command_transaction():
        method = save_method(provider, user, card="visa")
        payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM, method_id=method.id)
    return authorize_payment(payment.id)


@pytest.fixture
def lapsing(held: Payment, provider: Provider, run_jobs: Any) -> Iterator[Callable[[], list[str]]]:
    """The last day of the hold: here and at the provider. Gives what runs the jobs that are due."""
    _a_little_later(run_jobs)
    moment: datetime = held.capture_before - timedelta(hours=23)
    provider.process.advance(int((moment - clock.now_utc()).total_seconds()))
    with clock.frozen(moment):
        renew_lapsing()
        yield lambda: _a_little_later(run_jobs)


def _a_little_later(run_jobs: Any) -> list[str]:
    with clock.frozen(clock.now_utc() + timedelta(seconds=10)):
        return list(run_jobs(JOBS))


def _attempts(work: Purpose) -> list[Payment]:
    return list(payments_of(PaymentPurpose.EXTENSION, work.id))


def _held_there(work: Purpose) -> list[str]:
    since = clock.now_utc() - timedelta(days=30)
    return [str(each.intent_id) for each in gateway().recent_intents(since) if each.outcome is Outcome.AUTHORIZED]


def _breaches() -> dict[str, int]:
    return {breach.name: breach.count for breach in (check() for check in CHECKS) if breach.count}


def test_nothing_is_renewed_before_its_time(held: Payment, work: Purpose) -> None:
    with clock.frozen(held.capture_before - timedelta(hours=25)):
        assert renew_lapsing() == 0
    assert _attempts(work) == [held]


def test_the_new_hold_stands_before_the_old_one_goes(
    held: Payment, work: Purpose, lapsing: Callable[[], list[str]]
) -> None:
    assert renew_lapsing() == 0
    old, new = _attempts(work)
    assert (old.state, new.state, new.replaces_id, new.method_id) == (
        PaymentState.AUTHORIZED,
        PaymentState.CREATED,
        old.id,
        old.method_id,
    )
    assert held_payment(PaymentPurpose.EXTENSION, work.id) is old
    assert lapsing() == ["payments.authorize", "payments.close_checkout"]
    assert (old.state, old.authorized_cents, new.state) == (PaymentState.CANCELLED, 0, PaymentState.AUTHORIZED)
    assert new.capture_before > old.capture_before
    assert (_held_there(work), held_payment(PaymentPurpose.EXTENSION, work.id)) == (
        [new.stripe_payment_intent_id],
        new,
    )
    assert (work.told, work.given_up, _breaches()) == (["authorized", "authorized"], [], {})


def test_a_lost_answer_renews_once(
    held: Payment, work: Purpose, provider: Provider, lapsing: Callable[[], list[str]]
) -> None:
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        lapsing()
    lapsing()
    old, new = _attempts(work)
    assert (old.state, new.state, len(_held_there(work))) == (PaymentState.CANCELLED, PaymentState.AUTHORIZED, 1)


def test_a_declined_renewal_keeps_the_old_hold_and_tells_a_person_once(
    held: Payment, work: Purpose, provider: Provider, lapsing: Callable[[], list[str]]
) -> None:
    provider.misbehave("decline", INTENTS, decline_code="insufficient_funds")
    lapsing()
    renew_lapsing()
    old, new = _attempts(work)
    assert (old.state, new.state) == (PaymentState.AUTHORIZED, PaymentState.FAILED)
    assert [operation for operation, _facts, _error in work.given_up] == ["payments.hold_lapses"]
    assert (work.told, _breaches()) == (["authorized"], {})
    with command_transaction():
        capture_payment(old, SUM)
    assert capture_held(old.id).state is PaymentState.SUCCEEDED


def test_a_renewal_for_which_the_bank_wants_the_customer_tells_a_person(
    held: Payment, work: Purpose, provider: Provider, lapsing: Callable[[], list[str]]
) -> None:
    provider.misbehave("decline", INTENTS, decline_code="authentication_required")
    lapsing()
    old, new = _attempts(work)
    assert (old.state, new.state) == (PaymentState.AUTHORIZED, PaymentState.CANCELLED)
    assert ([operation for operation, _f, _e in work.given_up], work.told) == (["payments.hold_lapses"], ["authorized"])


def test_a_card_that_is_gone_cannot_renew(held: Payment, work: Purpose, user: User) -> None:
    remove_method(user, held.method_id)
    with clock.frozen(held.capture_before - timedelta(hours=1)):
        assert (renew_lapsing(), renew_lapsing()) == (1, 0)
    assert [operation for operation, _facts, _error in work.given_up] == ["payments.hold_lapses"]
    assert _attempts(work) == [held]


def test_the_same_card_typed_again_renews(held: Payment, work: Purpose, user: User, provider: Provider) -> None:
    with command_transaction():
        again = save_method(provider, user, card="visa")
    with clock.frozen(held.capture_before - timedelta(hours=1)):
        renew_lapsing()
    assert [each.method_id for each in _attempts(work)] == [held.method_id, again.id]


def test_work_done_during_a_renewal_takes_the_old_hold_and_ends_the_new_one(
    held: Payment, work: Purpose, provider: Provider, lapsing: Callable[[], list[str]]
) -> None:
    old, new = _attempts(work)
    with command_transaction():
        capture_payment(old, SUM)
    lapsing()
    capture_held(old.id)
    assert (old.state, new.state) == (PaymentState.SUCCEEDED, PaymentState.CANCELLED)
    assert (_held_there(work), provider.count("payment_intent")) == ([], 1)


def test_a_renewal_that_was_held_unheard_is_released_when_the_old_one_was_taken(
    held: Payment, work: Purpose, provider: Provider, lapsing: Callable[[], list[str]]
) -> None:
    old, new = _attempts(work)
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        lapsing()
    with command_transaction():
        capture_payment(old, SUM)
    capture_held(old.id)
    lapsing()
    assert (old.state, new.state, _held_there(work)) == (PaymentState.SUCCEEDED, PaymentState.CANCELLED, [])


def test_a_hold_that_waits_for_its_capture_is_not_renewed(held: Payment, work: Purpose) -> None:
    with command_transaction():
        capture_payment(held, SUM)
    with clock.frozen(held.capture_before - timedelta(hours=1)):
        assert renew_lapsing() == 0
