"""A card or an account is saved without paying: kept exactly once, whoever tells of it, and only by its customer."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.audit import AuditEntry
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments import setups
from b2c_web.payments.checks import CHECKS
from b2c_web.payments.commands import (
    Wish,
    authorize_payment,
    capture_held,
    capture_payment,
    hold_payment,
    make_default,
    open_setup,
    reconcile,
    remove_method,
    settle_setup,
)
from b2c_web.payments.comparing import Kind
from b2c_web.payments.gateway import PaymentUnavailable, PaymentUncertain, gateway
from b2c_web.payments.methods import default_of
from b2c_web.payments.models import Payment, PaymentMethod, PaymentPurpose, PaymentState, ProviderEvent
from b2c_web.payments.queries import methods_of
from b2c_web.payments.setup_gateway import SetupOutcome
from b2c_web.payments.setup_models import MethodKind, MethodSetup, SetupState
from b2c_web.payments.setup_settling import record_setup
from b2c_web.payments.sweeping import ask_about_silent_setups, sweep
from tests.factories import make_customer
from tests.paying import Provider, Purpose

WISH = Wish("http://localhost/saved", "http://localhost/back", "de")
SESSIONS = "/v1/checkout/sessions"
LATER = timedelta(minutes=6)


@pytest.fixture
def user(session: Any, provider: Provider) -> User:
    user = make_customer()
    session.commit()
    return user


@pytest.fixture
def setup(user: User) -> MethodSetup:
    """A page on which an account can be saved."""
    open_setup(user, MethodKind.ACCOUNT, WISH)
    return latest(user)


def latest(user: User) -> MethodSetup:
    db.session.expire_all()
    found = db.session.scalars(select(MethodSetup).filter_by(user_id=user.id).order_by(MethodSetup.id.desc())).first()
    assert found is not None
    return found


def save(provider: Provider, setup: MethodSetup, **how: Any) -> None:
    """The customer fills in the page."""
    provider.process.pay(str(setup.stripe_checkout_session_id), **(how or {"account": "sepa"}))


def breaches() -> dict[str, list[str]]:
    return {breach.name: breach.examples for breach in (check() for check in CHECKS) if breach.count}


def told(session: Any) -> int:
    return len(session.scalars(select(AuditEntry).filter_by(action="payment_method.saved")).all())


# the page


def test_the_same_page_again_while_it_is_open(user: User, provider: Provider) -> None:
    first = open_setup(user, MethodKind.ACCOUNT, WISH)
    assert open_setup(user, MethodKind.ACCOUNT, WISH) == first
    assert provider.count("checkout.session") == 1
    card = open_setup(user, MethodKind.CARD, WISH)
    assert card != first and provider.count("checkout.session") == 2


def test_of_two_pages_the_first_counts_and_the_other_is_closed(user: User, provider: Provider) -> None:
    """Two tabs, and an end that the provider refused to both."""
    begun = setups._begin(user.id, MethodKind.ACCOUNT, WISH)
    pages = [setups._ask_for_page(user.id, one, WISH) for one in (begun, setups._with_new_end(begun))]
    told = [setups._record_page(begun.setup_id, page) for page in pages]
    assert told == [pages[0].page_url] * 2
    outcomes = [gateway().look_setup(page.checkout_id or "").outcome for page in pages]
    assert outcomes == [SetupOutcome.WAITING, SetupOutcome.CLOSED]


OTHERS = [
    Wish("http://localhost/work", WISH.cancel_url, WISH.language),
    Wish(WISH.success_url, "http://localhost/work", WISH.language),
    Wish(WISH.success_url, WISH.cancel_url, "en"),
]


@pytest.mark.parametrize("wish", OTHERS)
def test_another_wish_gets_its_own_page_and_the_old_one_is_closed(
    user: User, setup: MethodSetup, run_jobs: Any, wish: Wish
) -> None:
    open_setup(user, MethodKind.ACCOUNT, wish)
    assert latest(user).id != setup.id
    assert (setup.state, setup.checkout_url, setup.closed_at) == (SetupState.ENDED, None, None)
    run_jobs({"payments.close_setup"})
    assert setup.closed_at is not None
    assert gateway().look_setup(setup.stripe_checkout_session_id).outcome is SetupOutcome.CLOSED
    assert latest(user).state is SetupState.OPEN


def test_a_page_that_is_nearly_over_is_not_given_out_again(user: User, setup: MethodSetup) -> None:
    with clock.frozen(setup.expires_at - timedelta(minutes=4)):
        open_setup(user, MethodKind.ACCOUNT, WISH)
    assert (setup.state, latest(user).id != setup.id) == (SetupState.ENDED, True)


def test_the_customer_comes_back_to_what_is_saved_already(user: User, setup: MethodSetup, provider: Provider) -> None:
    save(provider, setup)
    assert open_setup(user, MethodKind.ACCOUNT, WISH) == f"http://localhost/saved?setup={setup.id}"
    assert [method.card_last4 for method in methods_of(user)] == ["3000"]


def test_an_unheard_answer_is_found_by_the_next_try(user: User, provider: Provider) -> None:
    provider.misbehave("drop", SESSIONS)
    with pytest.raises(PaymentUncertain):
        open_setup(user, MethodKind.ACCOUNT, WISH)
    assert latest(user).state is SetupState.CREATED
    assert open_setup(user, MethodKind.ACCOUNT, WISH) == latest(user).checkout_url
    assert provider.count("checkout.session") == 1


def test_a_failure_of_the_providers_own_is_not_repeated_for_a_day(user: User, provider: Provider) -> None:
    provider.misbehave("error", SESSIONS, status=500)
    with pytest.raises(PaymentUncertain):
        open_setup(user, MethodKind.ACCOUNT, WISH)
    assert open_setup(user, MethodKind.ACCOUNT, WISH)


def test_a_customer_whom_the_provider_forgot_is_made_anew(user: User, provider: Provider, session: Any) -> None:
    with command_transaction():
        user.stripe_customer_id = "cus_gone"
    assert open_setup(user, MethodKind.CARD, WISH)
    session.refresh(user)
    assert user.stripe_customer_id not in (None, "cus_gone")


def test_a_provider_that_is_away_loses_nothing(user: User, provider: Provider) -> None:
    provider.misbehave("error", "/v1/customers", status=429)
    with pytest.raises(PaymentUnavailable):
        open_setup(user, MethodKind.ACCOUNT, WISH)
    assert open_setup(user, MethodKind.ACCOUNT, WISH)
    assert breaches() == {}


# what was saved


def test_saving_keeps_the_account_and_charges_nothing(
    user: User, setup: MethodSetup, provider: Provider, session: Any, run_jobs: Any
) -> None:
    save(provider, setup)
    settle_setup(setup.id)
    (method,) = methods_of(user)
    assert (method.type, method.card_last4, method.is_default) == ("sepa_debit", "3000", False)
    assert method.mandate_reference
    assert (setup.state, setup.method_id, setup.checkout_url) == (SetupState.SAVED, method.id, None)
    assert (provider.count("payment_intent"), provider.count("charge")) == (0, 0)
    run_jobs({"payments.push_default"})
    assert (breaches(), reconcile()) == ({}, [])


def test_an_account_is_never_the_usual_way_by_itself(user: User, setup: MethodSetup, provider: Provider) -> None:
    save(provider, setup)
    settle_setup(setup.id)
    open_setup(user, MethodKind.CARD, WISH)
    save(provider, latest(user), card="visa")
    settle_setup(latest(user).id)
    card = next(one for one in methods_of(user) if one.type == "card")
    assert default_of(user.id) is card
    remove_method(user, card.id)
    assert default_of(user.id) is None
    make_default(user, methods_of(user)[0].id)
    assert default_of(user.id) is methods_of(user)[0]


def test_a_card_comes_before_an_account(user: User, setup: MethodSetup, provider: Provider) -> None:
    save(provider, setup)
    settle_setup(setup.id)
    open_setup(user, MethodKind.CARD, WISH)
    save(provider, latest(user), card="visa")
    settle_setup(latest(user).id)
    assert [(method.type, method.is_default, method.mandate_reference is None) for method in methods_of(user)] == [
        ("card", True, True),
        ("sepa_debit", False, False),
    ]


@pytest.mark.parametrize("rule", ["twice", "late", "out_of_order"])
def test_webhooks_in_any_order_save_once(
    user: User,
    setup: MethodSetup,
    provider: Provider,
    client: FlaskClient,
    session: Any,
    run_jobs: Any,
    rule: str,
) -> None:
    provider.events(rule, **({"seconds": 60} if rule == "late" else {"times": 4}))
    save(provider, setup)
    if rule == "late":
        settle_setup(setup.id)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    settle_setup(setup.id)
    assert (len(methods_of(user)), told(session), latest(user).state) == (1, 1, SetupState.SAVED)
    assert session.scalars(select(ProviderEvent).filter_by(processed_at=None)).all() == []


def test_a_webhook_that_never_came_is_made_up_for(
    user: User, setup: MethodSetup, provider: Provider, session: Any
) -> None:
    provider.events("never")
    save(provider, setup)
    assert ask_about_silent_setups() == 0  # it was asked about just now
    with clock.frozen(clock.now_utc() + LATER):
        sweep()
        assert ask_about_silent_setups() == 0
    assert (len(methods_of(user)), told(session)) == (1, 1)


def test_the_reconciliation_finds_what_nobody_told(user: User, setup: MethodSetup, provider: Provider) -> None:
    provider.events("never")
    save(provider, setup)
    assert [(one.kind, one.mended) for one in reconcile()] == [(Kind.METHOD_MISSING_HERE, False)]
    assert [(one.kind, one.mended) for one in reconcile(fix=True)] == [(Kind.METHOD_MISSING_HERE, True)]
    assert (len(methods_of(user)), reconcile()) == (1, [])


def test_what_no_page_of_ours_asked_for_is_for_a_person(
    user: User, setup: MethodSetup, provider: Provider, session: Any
) -> None:
    save(provider, setup)
    session.execute(text("DELETE FROM method_setups"))
    session.commit()
    assert [one.kind for one in reconcile(fix=True)] == [Kind.METHOD_UNKNOWN]
    assert methods_of(user) == []


def test_an_event_quicker_than_our_record_finds_its_page(
    user: User, provider: Provider, client: FlaskClient, run_jobs: Any
) -> None:
    provider.misbehave("drop", SESSIONS)
    with pytest.raises(PaymentUncertain):
        open_setup(user, MethodKind.ACCOUNT, WISH)
    listed = list(gateway()._all_sessions({"customer": str(user.stripe_customer_id)}))  # type: ignore[attr-defined]
    provider.process.pay(listed[0]["id"], account="sepa")
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    assert (len(methods_of(user)), latest(user).state) == (1, SetupState.SAVED)


def test_what_was_removed_stays_removed_whatever_comes_late(
    user: User, setup: MethodSetup, provider: Provider, client: FlaskClient, run_jobs: Any
) -> None:
    save(provider, setup)
    settle_setup(setup.id)
    remove_method(user, methods_of(user)[0].id)
    run_jobs({"payments.detach_method"})
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    settle_setup(setup.id)
    assert (methods_of(user), gateway().list_methods(str(user.stripe_customer_id))) == ([], [])
    assert (reconcile(), breaches()) == ([], {})


def test_what_the_provider_let_go_before_we_heard_is_not_kept(
    user: User, setup: MethodSetup, provider: Provider
) -> None:
    save(provider, setup)
    saved = gateway().look_setup(setup.stripe_checkout_session_id).method
    assert saved is not None
    gateway().detach_method(saved.id, "by-hand")
    settle_setup(setup.id)
    assert (setup.state, methods_of(user), reconcile()) == (SetupState.ENDED, [], [])


def test_another_customers_page_is_never_accepted(
    user: User, setup: MethodSetup, provider: Provider, session: Any
) -> None:
    stranger = make_customer()
    session.commit()
    open_setup(stranger, MethodKind.ACCOUNT, WISH)
    theirs = latest(stranger)
    save(provider, theirs)
    seen = gateway().look_setup(theirs.stripe_checkout_session_id)
    with pytest.raises(ValueError, match="does not belong"):
        record_setup(setup.id, seen)
    assert (methods_of(user), latest(user).state) == ([], SetupState.OPEN)


def test_a_page_of_somebody_elses_customer_saves_nothing(
    user: User, setup: MethodSetup, provider: Provider, session: Any
) -> None:
    """Our own id on a page of a customer who is not this one: attached elsewhere, so it is not this person's."""
    save(provider, setup)
    with command_transaction():
        user.stripe_customer_id = "cus_another"
    settle_setup(setup.id)
    assert (methods_of(user), latest(user).state) == ([], SetupState.ENDED)


# pages that nobody finishes


def test_an_abandoned_page_ends(
    user: User, setup: MethodSetup, provider: Provider, client: FlaskClient, run_jobs: Any
) -> None:
    provider.process.advance(3700)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    assert (setup.state, setup.closed_at is not None, methods_of(user)) == (SetupState.ENDED, True, [])


def test_an_abandoned_page_ends_without_an_event_too(user: User, setup: MethodSetup, provider: Provider) -> None:
    with clock.frozen(setup.expires_at + timedelta(minutes=11)):
        assert breaches() == {"methods: no page to save one is open although it is over": [str(setup.id)]}
        provider.process.advance(3700)
        sweep()
        assert (latest(user).state, breaches()) == (SetupState.ENDED, {})


def test_a_page_that_never_came_about_ends(user: User, provider: Provider) -> None:
    provider.misbehave("error", SESSIONS, status=429)
    with pytest.raises(PaymentUnavailable):
        open_setup(user, MethodKind.ACCOUNT, WISH)
    setup = latest(user)
    with clock.frozen(setup.expires_at + timedelta(minutes=1)):
        sweep()
        assert latest(user).state is SetupState.CREATED  # it may still be on its way
    with clock.frozen(setup.expires_at + timedelta(minutes=4)):
        sweep()
        assert (latest(user).state, breaches()) == (SetupState.ENDED, {})


def test_saved_on_a_page_that_was_given_up_still_counts(
    user: User, setup: MethodSetup, provider: Provider, run_jobs: Any
) -> None:
    open_setup(user, MethodKind.ACCOUNT, Wish("http://localhost/work", "http://localhost/back", "de"))
    save(provider, setup)
    run_jobs({"payments.close_setup"})
    assert (setup.state, len(methods_of(user))) == (SetupState.SAVED, 1)
    assert latest(user).state is SetupState.OPEN


def test_a_lost_job_that_closes_a_page_is_queued_again(
    user: User, setup: MethodSetup, provider: Provider, session: Any, run_jobs: Any
) -> None:
    open_setup(user, MethodKind.ACCOUNT, Wish("http://localhost/work", "http://localhost/back", "de"))
    session.execute(text("DELETE FROM procrastinate_jobs"))
    session.commit()
    with clock.frozen(clock.now_utc() + LATER):
        assert list(breaches()) == ["payments: no given up pages to save a method that the provider still shows"]
        sweep()
        run_jobs({"payments.close_setup"})
        assert breaches() == {}
    assert gateway().look_setup(setup.stripe_checkout_session_id).outcome is SetupOutcome.CLOSED


# what an account is promised for


@pytest.fixture
def promised(user: User, setup: MethodSetup, provider: Provider, work: Purpose) -> Callable[[], Payment]:
    """Work that the saved account's mandate is to pay."""
    save(provider, setup)
    settle_setup(setup.id)

    def promise() -> Payment:
        with command_transaction():
            account = methods_of(user)[0]
            payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, 10_000, method_id=account.id)
        return authorize_payment(payment.id)

    return promise


def test_an_account_that_work_is_promised_on_is_not_removed(
    user: User, promised: Callable[[], Payment], provider: Provider, run_jobs: Any
) -> None:
    payment = promised()
    account = methods_of(user)[0]
    with pytest.raises(Conflict) as refused:
        remove_method(user, account.id)
    assert refused.value.code == "method_promised"
    with command_transaction():
        capture_payment(payment, 10_000)
    assert capture_held(payment.id).state is PaymentState.PROCESSING
    remove_method(user, account.id)
    run_jobs({"payments.detach_method"})
    assert (methods_of(user), breaches()) == ([], {})


def test_the_same_account_again_replaces_the_old_one_unless_it_is_promised(
    user: User, setup: MethodSetup, promised: Callable[[], Payment], provider: Provider
) -> None:
    first = methods_of(user)[0]

    def again() -> list[PaymentMethod]:
        open_setup(user, MethodKind.ACCOUNT, WISH)
        save(provider, latest(user))
        settle_setup(latest(user).id)
        return list(methods_of(user))

    (second,) = again()
    assert (second.id != first.id, first.is_active, second.is_default) == (True, False, False)
    promised()
    assert second.id in {one.id for one in again()}
    assert (second.is_active, len(methods_of(user)), breaches()) == (True, 2, {})


def test_a_promise_on_an_account_that_is_gone_is_noticed(
    user: User, promised: Callable[[], Payment], session: Any
) -> None:
    payment = promised()
    session.execute(text("UPDATE payment_methods SET is_active = false, is_default = false, detached_at = now()"))
    assert breaches() == {"methods: an account that work is promised on is kept": [str(payment.id)]}


def test_a_setup_with_somebody_elses_method_is_noticed(
    user: User, setup: MethodSetup, provider: Provider, session: Any
) -> None:
    save(provider, setup)
    settle_setup(setup.id)
    session.execute(text("UPDATE method_setups SET user_id = :other"), {"other": make_customer().id})
    assert breaches() == {"methods: one that was saved is the customer's own": [str(setup.id)]}
