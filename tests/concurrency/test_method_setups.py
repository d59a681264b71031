"""Races around saved accounts, in pairs: first the race with the guard off, then that the guard stops it."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from b2c_web.accounts.models import User
from b2c_web.audit import AuditEntry
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments import authorizing, methods, setup_settling
from b2c_web.payments.checks import CHECKS
from b2c_web.payments.commands import (
    Wish,
    authorize_payment,
    ensure_customer,
    hold_payment,
    open_setup,
    reconcile,
    remove_method,
    settle_setup,
)
from b2c_web.payments.gateway import PaymentUncertain
from b2c_web.payments.models import Payment, PaymentMethod, PaymentPurpose, PaymentState
from b2c_web.payments.setup_models import MethodKind, MethodSetup, SetupState
from tests.concurrency.races import Meeting, at_once
from tests.factories import make_customer
from tests.paying import Provider, Purpose, save_method

WISH = Wish("http://localhost/saved", "http://localhost/back", "de")
PROMISED = "methods: an account that work is promised on is kept"
Race = Callable[[], list[Any]]


@pytest.fixture
def shop(committed_app: Flask, provider: Provider) -> Iterator[Flask]:
    """An application with real commits behind the simulator."""
    provider.connect(committed_app)
    yield committed_app


@pytest.fixture
def user_id(shop: Flask) -> UUID:
    with shop.app_context():
        with command_transaction():
            made = make_customer().id
        ensure_customer(made)
        return made


def count(shop: Flask, what: Any) -> int:
    with shop.app_context():
        return int(db.session.scalar(select(func.count()).select_from(what)))


def breaches(shop: Flask) -> list[str]:
    with shop.app_context():
        return [found.name for found in (check() for check in CHECKS) if found.count]


def nobody_stands_in_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard off: no row is locked before something is done about a customer's methods."""
    for module in (methods, setup_settling, authorizing):
        monkeypatch.setattr(module, "lock_user", lambda user_id: None)
    monkeypatch.setattr(setup_settling, "lock_setup", lambda setup_id: db.session.get_one(MethodSetup, setup_id))


# the webhook and the return page


@pytest.fixture
def told_twice(
    shop: Flask, user_id: UUID, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], list[Any]]:
    """An account was saved, and two hear of it at the same moment."""
    with shop.app_context():
        open_setup(db.session.get_one(User, user_id), MethodKind.ACCOUNT, WISH)
        setup = db.session.scalars(select(MethodSetup)).one()
        setup_id, page_id = setup.id, setup.stripe_checkout_session_id
        db.session.commit()
    provider.process.pay(str(page_id), account="sepa")
    meeting, real = Meeting(2), setup_settling._note

    def note(*facts: Any) -> None:
        meeting.wait()
        real(*facts)

    monkeypatch.setattr(setup_settling, "_note", note)
    return lambda: at_once(shop, [lambda: settle_setup(setup_id)] * 2)


def times_saved(shop: Flask) -> int:
    with shop.app_context():
        told = select(func.count()).select_from(AuditEntry).filter_by(action="payment_method.saved")
        return int(db.session.scalar(told) or 0)


def test_without_the_line_both_save_the_account(shop: Flask, told_twice: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_stands_in_line(monkeypatch)
    told_twice()
    assert times_saved(shop) == 2


def test_who_hears_second_finds_it_saved(shop: Flask, told_twice: Race) -> None:
    assert [each for each in told_twice() if isinstance(each, Exception)] == []
    assert (times_saved(shop), count(shop, PaymentMethod), breaches(shop)) == (1, 1, [])
    with shop.app_context():
        assert db.session.scalars(select(MethodSetup.state)).all() == [SetupState.SAVED]
        assert reconcile() == []


# the double click


@pytest.fixture
def double_click(shop: Flask, user_id: UUID, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Any]]:
    meeting, real = Meeting(2), MethodSetup.__init__

    def make(self: MethodSetup, **facts: Any) -> None:
        meeting.wait()
        real(self, **facts)

    monkeypatch.setattr(MethodSetup, "__init__", make)
    page = lambda: open_setup(db.session.get_one(User, user_id), MethodKind.ACCOUNT, WISH)  # noqa: E731
    return lambda: at_once(shop, [page] * 2)


def test_without_the_line_a_double_click_breaks(double_click: Race, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_stands_in_line(monkeypatch)
    assert [type(each) for each in double_click() if isinstance(each, Exception)] == [IntegrityError]


def test_a_double_click_opens_one_page(shop: Flask, double_click: Race, provider: Provider) -> None:
    """The second gets the same page, or is told to try again while the first is still asking for it."""
    results = double_click()
    assert len({each for each in results if isinstance(each, str)}) == 1
    assert [each for each in results if isinstance(each, Exception) and not isinstance(each, PaymentUncertain)] == []
    assert (count(shop, MethodSetup), provider.count("checkout.session")) == (1, 1)


# removed while it is being promised


@pytest.fixture
def removed_and_promised(
    shop: Flask, user_id: UUID, provider: Provider, work: Purpose, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], tuple[list[Any], PaymentState]]:
    """Work is approved on an account in the moment in which the customer removes it in another tab."""
    with shop.app_context(), command_transaction():
        user = db.session.get_one(User, user_id)
        method_id = save_method(provider, user, account="sepa").id
        payment_id = hold_payment(PaymentPurpose.EXTENSION, work.id, user_id, 10_000, method_id=method_id).id
    meeting, asked, promise = Meeting(2), methods.is_promised, authorizing._promise

    def ask(method: UUID) -> bool:
        answer = asked(method)
        meeting.wait()
        return answer

    def give_word(payment: Payment) -> None:
        meeting.wait()
        promise(payment)

    monkeypatch.setattr(methods, "is_promised", ask)
    monkeypatch.setattr(authorizing, "_promise", give_word)

    def race() -> tuple[list[Any], PaymentState]:
        removal = lambda: remove_method(db.session.get_one(User, user_id), method_id)  # noqa: E731
        results = at_once(shop, [removal, lambda: authorize_payment(payment_id)])
        with shop.app_context():
            return results, db.session.get_one(Payment, payment_id).state

    return race


def test_without_the_line_work_is_promised_on_an_account_that_is_gone(
    shop: Flask, removed_and_promised: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody_stands_in_line(monkeypatch)
    assert removed_and_promised()[1] is PaymentState.AUTHORIZED
    assert PROMISED in breaches(shop)


def test_either_it_is_removed_or_it_is_promised(shop: Flask, removed_and_promised: Callable[[], Any]) -> None:
    (removal, _), state = removed_and_promised()
    kept = isinstance(removal, Conflict)
    assert (kept, state) in ((True, PaymentState.AUTHORIZED), (False, PaymentState.OPEN))
    assert breaches(shop) == []
