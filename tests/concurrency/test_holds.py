"""Races around held money, in pairs: first the race with the guard off, then that the guard stops it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.errors import Busy, Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments import authorizing, holds
from b2c_web.payments.checks import CHECKS
from b2c_web.payments.commands import (
    authorize_payment,
    capture_held,
    capture_payment,
    close_payment,
    ensure_customer,
    handle_event,
    hold_payment,
    receive_event,
    reconcile,
)
from b2c_web.payments.gateway import Outcome, PaymentUncertain, gateway
from b2c_web.payments.models import LedgerEntry, Payment, PaymentPurpose, PaymentState, ProviderEvent
from b2c_web.payments.renewing import renew_lapsing
from tests.concurrency.races import Meeting, at_once
from tests.factories import make_customer
from tests.paying import Provider, Purpose, save_method

SUM, DONE = 18900, 12900


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


def _hold(provider: Provider, work: Purpose, user_id: UUID, **which: str) -> UUID:
    with command_transaction():
        method = save_method(provider, db.session.get_one(User, user_id), **which)
        return hold_payment(PaymentPurpose.EXTENSION, work.id, user_id, SUM, method_id=method.id).id


@pytest.fixture
def approve(shop: Flask, provider: Provider, work: Purpose, user_id: UUID) -> Callable[..., UUID]:
    def one(**which: str) -> UUID:
        with shop.app_context():
            return _hold(provider, work, user_id, **(which or {"card": "visa"}))

    return one


def _capture(payment_id: UUID, cents: int = DONE) -> None:
    with command_transaction():
        capture_payment(db.session.get_one(Payment, payment_id), cents)


def _done(shop: Flask, payment_id: UUID) -> None:
    with shop.app_context():
        authorize_payment(payment_id)
        _capture(payment_id)


def _fresh_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the key were made anew for each request."""
    fresh = iter(range(100))
    monkeypatch.setattr(authorizing, "once", lambda *parts: f"{parts}-{next(fresh)}")


def _together_at_the_provider(monkeypatch: pytest.MonkeyPatch, parties: int) -> None:
    meeting, real = Meeting(parties), gateway().authorize_off_session

    def ask(order: Any) -> Any:
        meeting.wait()
        return real(order)

    monkeypatch.setattr(gateway(), "authorize_off_session", ask)
    monkeypatch.setattr(authorizing, "_already_there", lambda attempt: None)


def _with_money(shop: Flask) -> list[Outcome]:
    money = (Outcome.AUTHORIZED, Outcome.PAID, Outcome.PROCESSING)
    with shop.app_context():
        seen = gateway().recent_intents(clock.now_utc() - timedelta(days=30))
        return [each.outcome for each in seen if each.outcome in money]


def _state(shop: Flask, payment_id: UUID) -> PaymentState:
    with shop.app_context():
        return db.session.get_one(Payment, payment_id).state


def _all_is_well(shop: Flask) -> bool:
    with shop.app_context():
        return not any(check().count for check in CHECKS) and not reconcile()


def _unexpected(results: list[Any]) -> list[Any]:
    return [each for each in results if isinstance(each, Exception) and not isinstance(each, PaymentUncertain)]


def test_without_our_key_web_request_and_job_hold_twice(
    shop: Flask, approve: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = approve()
    with shop.app_context():
        _fresh_keys(monkeypatch)
        _together_at_the_provider(monkeypatch, 2)
    at_once(shop, [lambda: authorize_payment(payment_id)] * 2)
    assert _with_money(shop) == [Outcome.AUTHORIZED] * 2
    with shop.app_context():
        assert [each.kind.value for each in reconcile()] == ["hold that nobody wants any more"]
        assert [each.mended for each in reconcile(fix=True)] == [True]
    assert _with_money(shop) == [Outcome.AUTHORIZED]


def test_web_request_and_job_hold_once(
    shop: Flask, work: Purpose, approve: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = approve()
    with shop.app_context():
        _together_at_the_provider(monkeypatch, 4)
    results = at_once(shop, [lambda: authorize_payment(payment_id)] * 4)
    assert _unexpected(results) == []
    with shop.app_context():
        authorize_payment(payment_id)
    assert (_with_money(shop), work.told) == ([Outcome.AUTHORIZED], ["authorized"])
    assert _all_is_well(shop)


def test_without_our_key_two_workers_charge_a_mandate_twice(
    shop: Flask, approve: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = approve(account="sepa")
    _done(shop, payment_id)
    with shop.app_context():
        _fresh_keys(monkeypatch)
        _together_at_the_provider(monkeypatch, 2)
    at_once(shop, [lambda: capture_held(payment_id)] * 2)
    assert _with_money(shop) == [Outcome.PROCESSING] * 2


def test_two_workers_charge_a_mandate_once(
    shop: Flask, work: Purpose, approve: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    payment_id = approve(account="sepa")
    _done(shop, payment_id)
    with shop.app_context():
        _together_at_the_provider(monkeypatch, 2)
    results = at_once(shop, [lambda: capture_held(payment_id)] * 2)
    assert _unexpected(results) == []
    assert (_with_money(shop), work.told) == ([Outcome.PROCESSING], ["authorized", "processing"])


def test_workers_webhook_and_reconciliation_take_a_hold_once(
    shop: Flask, provider: Provider, work: Purpose, approve: Callable[..., UUID]
) -> None:
    payment_id = approve()
    _done(shop, payment_id)
    with shop.app_context():
        for each in provider.sent():
            receive_event(each.payload, each.signature)
        event_ids = db.session.scalars(select(ProviderEvent.id)).all()
    works: list[Callable[[], Any]] = [lambda event_id=each: handle_event(event_id) for each in event_ids]
    works += [lambda: capture_held(payment_id)] * 4 + [lambda: reconcile(fix=True)]
    assert _unexpected(at_once(shop, works)) == []
    with shop.app_context():
        capture_held(payment_id)
        assert db.session.scalars(select(LedgerEntry.amount_cents)).all() == [DONE]
    assert (_state(shop, payment_id), work.told) == (PaymentState.SUCCEEDED, ["authorized", "paid"])
    assert _all_is_well(shop)


def test_without_the_lock_two_sums_are_asked_for(
    shop: Flask, approve: Callable[..., UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: both see a hold that nobody takes, and the second wish overwrites the first."""
    payment_id = approve()
    with shop.app_context():
        authorize_payment(payment_id)
    monkeypatch.setattr("sqlalchemy.orm.Session.refresh", lambda *arguments, **keywords: None)
    meeting = Meeting(2)
    monkeypatch.setattr(holds, "_give_up_others", lambda payment: meeting.wait())
    results = at_once(shop, [lambda: _capture(payment_id, DONE), lambda: _capture(payment_id, SUM)])
    assert results == [None, None]


def test_two_sums_at_once_are_one_wish(shop: Flask, approve: Callable[..., UUID]) -> None:
    payment_id = approve()
    with shop.app_context():
        authorize_payment(payment_id)
    results = at_once(shop, [lambda: _capture(payment_id, DONE), lambda: _capture(payment_id, SUM)])
    assert sorted(type(each).__name__ for each in results) == ["Conflict", "NoneType"]


def test_completion_against_renewal_takes_once_and_leaves_nothing_held(
    shop: Flask, provider: Provider, work: Purpose, approve: Callable[..., UUID]
) -> None:
    old_id = approve()
    with shop.app_context():
        old = authorize_payment(old_id)
        with clock.frozen(old.capture_before - timedelta(hours=1)):
            renew_lapsing()
        ids = db.session.scalars(select(Payment.id).order_by(Payment.attempt)).all()
    new_id = ids[1]
    done, renewed = at_once(shop, [lambda: _capture(old_id), lambda: authorize_payment(new_id)])
    assert not isinstance(renewed, Exception) or isinstance(renewed, Busy)
    assert done is None or isinstance(done, Conflict | Busy)
    with shop.app_context():
        for payment_id in ids:
            if _state(shop, payment_id) is PaymentState.AUTHORIZED:
                _capture(payment_id)
                capture_held(payment_id)
            with clock.frozen(clock.now_utc() + timedelta(minutes=5)):
                close_payment(payment_id)
    assert _with_money(shop) == [Outcome.PAID]
    assert _all_is_well(shop)
