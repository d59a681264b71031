"""Races around money, in pairs: first the race with the guard off, then that the guard stops it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from b2c_web import clock
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments import recording, refunding
from b2c_web.payments.checks import CHECKS
from b2c_web.payments.commands import (
    add_payment,
    add_refund,
    cancel_payment,
    close_payment,
    handle_event,
    open_checkout,
    receive_event,
    reconcile,
    run_refund,
    settle_payment,
)
from b2c_web.payments.gateway import Outcome, Owner, PaymentUncertain, gateway
from b2c_web.payments.models import LedgerEntry, Payment, PaymentPurpose, PaymentState, ProviderEvent, Refund
from tests.factories import make_customer
from tests.paying import PAGE, Provider, Purpose

PRICE = 28800
Work = Callable[[], Any]


@pytest.fixture
def shop(committed_app: Flask, provider: Provider) -> Iterator[Flask]:
    """An application with real commits behind the simulator."""
    provider.connect(committed_app)
    yield committed_app


@pytest.fixture
def payment_id(shop: Flask, purpose: Purpose) -> UUID:
    """An open payment."""
    with shop.app_context():
        with command_transaction():
            until = clock.now_utc() + timedelta(minutes=30)
            made = add_payment(PaymentPurpose.BOOKING, purpose.id, make_customer().id, PRICE, until).id
        open_checkout(made, **PAGE)
        return made


def _pay(shop: Flask, provider: Provider, payment_id: UUID) -> None:
    with shop.app_context():
        provider.pay(db.session.get_one(Payment, payment_id))


def _together(shop: Flask, *works: Work) -> list[Any]:
    """Run all at once, each in its own app context; returns results and exceptions in order."""
    start = threading.Barrier(len(works))

    def run(work: Work) -> Any:
        with shop.app_context():
            start.wait(timeout=60)
            try:
                return work()
            except Exception as error:
                return error

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def _both_in_the_gap(monkeypatch: pytest.MonkeyPatch, module: Any, name: str) -> None:
    """Let both have passed the step `name` of `module` before either goes on."""
    real, gap = getattr(module, name), threading.Barrier(2)

    def waiting(*arguments: Any) -> Any:
        result = real(*arguments)
        gap.wait(timeout=60)
        return result

    monkeypatch.setattr(module, name, waiting)


def _without_lock(payment_id: UUID, _whose: Owner | None = None) -> Payment:
    return db.session.get_one(Payment, payment_id)


def _charges(shop: Flask) -> int:
    with shop.app_context():
        return int(db.session.scalar(select(func.count()).select_from(LedgerEntry)) or 0)


def _state(shop: Flask, payment_id: UUID) -> PaymentState:
    with shop.app_context():
        return db.session.get_one(Payment, payment_id).state


def _all_is_well(shop: Flask) -> bool:
    with shop.app_context():
        return not any(check().count for check in CHECKS)


def test_without_the_lock_webhook_and_return_page_both_confirm(
    shop: Flask, provider: Provider, purpose: Purpose, payment_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race: both see an unpaid payment and act. Only the ledger's unique charge stops the second at the end."""
    _pay(shop, provider, payment_id)
    monkeypatch.setattr(recording, "lock_payment", _without_lock)
    _both_in_the_gap(monkeypatch, recording, "lock_payment")
    results = _together(shop, lambda: settle_payment(payment_id), lambda: settle_payment(payment_id))
    assert [type(each) for each in results if isinstance(each, Exception)] == [IntegrityError]
    assert _charges(shop) == 1


def test_without_lock_and_ledger_money_is_counted_twice(
    shop: Flask, provider: Provider, purpose: Purpose, payment_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the two guards are there for. The foreign key goes too: its locks would end the race in a deadlock."""
    _pay(shop, provider, payment_id)
    with shop.app_context(), command_transaction():
        for name in ("uq_ledger_entries_kind_provider_reference", "fk_ledger_entries_payment_id_payments"):
            db.session.connection().exec_driver_sql(f"ALTER TABLE ledger_entries DROP CONSTRAINT {name}")
    monkeypatch.setattr(recording, "lock_payment", _without_lock)
    _both_in_the_gap(monkeypatch, recording, "lock_payment")
    results = _together(shop, lambda: settle_payment(payment_id), lambda: settle_payment(payment_id))
    assert [each for each in results if isinstance(each, Exception)] == []
    assert (purpose.told, _charges(shop)) == (["paid", "paid"], 2)
    assert not _all_is_well(shop)


def test_webhook_return_page_and_reconciliation_confirm_once(
    shop: Flask, provider: Provider, purpose: Purpose, payment_id: UUID
) -> None:
    _pay(shop, provider, payment_id)
    events = provider.sent()
    with shop.app_context():
        for each in events:
            receive_event(each.payload, each.signature)
        event_ids = db.session.scalars(select(ProviderEvent.id)).all()
    works: list[Work] = [lambda event_id=each: handle_event(event_id) for each in event_ids]
    works += [lambda: settle_payment(payment_id)] * 3 + [lambda: reconcile(fix=True)]
    results = _together(shop, *works)
    assert [each for each in results if isinstance(each, Exception)] == []
    assert (purpose.told, _charges(shop), _state(shop, payment_id)) == (["paid"], 1, PaymentState.SUCCEEDED)
    assert _all_is_well(shop)


def test_the_same_event_at_once_is_stored_and_queued_once(
    shop: Flask, provider: Provider, purpose: Purpose, payment_id: UUID
) -> None:
    _pay(shop, provider, payment_id)
    event = provider.sent()[-1]
    results = _together(shop, *[lambda: receive_event(event.payload, event.signature)] * 6)
    assert sorted(results) == [False] * 5 + [True]
    with shop.app_context():
        queued = db.session.connection().exec_driver_sql(
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'payments.handle_event'"
        )
        assert queued.scalar_one() == 1


def _refund(shop: Flask, payment_id: UUID, cents: int) -> UUID:
    with shop.app_context(), command_transaction():
        refund = add_refund(db.session.get_one(Payment, payment_id), cents, "cancellation")
        assert refund is not None
        return refund.id


@pytest.fixture
def paid_id(shop: Flask, provider: Provider, payment_id: UUID) -> UUID:
    _pay(shop, provider, payment_id)
    with shop.app_context():
        settle_payment(payment_id)
    return payment_id


def test_without_our_key_two_workers_refund_twice(
    shop: Flask, provider: Provider, paid_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_id = _refund(shop, paid_id, 5000)
    fresh = iter(range(10))
    monkeypatch.setattr(refunding, "once", lambda *parts: f"{parts}-{next(fresh)}")
    _both_in_the_gap(monkeypatch, refunding, "_already_there")
    _together(shop, lambda: run_refund(refund_id), lambda: run_refund(refund_id))
    assert provider.count("refund") == 2
    with shop.app_context():
        found = [(each.kind.value, each.theirs) for each in reconcile()]
        assert found == [("refund missing here", "5000 cents SUCCEEDED")]


def test_two_workers_refund_once(
    shop: Flask, provider: Provider, paid_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    refund_id = _refund(shop, paid_id, 5000)
    _both_in_the_gap(monkeypatch, refunding, "_already_there")
    results = _together(shop, lambda: run_refund(refund_id), lambda: run_refund(refund_id))
    assert all(each is None or isinstance(each, PaymentUncertain) for each in results)
    assert provider.count("refund") == 1
    with shop.app_context():
        run_refund(refund_id)
        assert db.session.get_one(Payment, paid_id).refunded_cents == 5000
        assert reconcile() == []
    assert _all_is_well(shop)


def _wish(payment_id: UUID, reason: str) -> int:
    with command_transaction():
        refund = add_refund(db.session.get_one(Payment, payment_id), 20000, reason)
        return refund.amount_cents if refund else 0


def test_without_the_lock_two_wishes_exceed_what_is_left(
    shop: Flask, paid_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refunding, "refund_left_cents", _left_after_both_looked())
    monkeypatch.setattr(Session, "refresh", lambda *arguments, **keywords: None)
    wished = _together(shop, lambda: _wish(paid_id, "a"), lambda: _wish(paid_id, "b"))
    assert sum(wished) == 40000 > PRICE
    assert not _all_is_well(shop)


def _left_after_both_looked() -> Callable[[int, list[Refund]], int]:
    gap = threading.Barrier(2)

    def left(captured_cents: int, refunds: list[Refund]) -> int:
        gap.wait(timeout=60)
        return captured_cents - sum(refund.amount_cents for refund in refunds)

    return left


def test_two_wishes_at_once_stay_within_what_is_left(shop: Flask, paid_id: UUID) -> None:
    wished = _together(shop, lambda: _wish(paid_id, "a"), lambda: _wish(paid_id, "b"))
    assert sorted(wished) == [PRICE - 20000, 20000]
    assert _all_is_well(shop)


def test_the_same_wish_at_once_is_one_refund(shop: Flask, paid_id: UUID) -> None:
    wished = _together(shop, *[lambda: _wish(paid_id, "same")] * 4)
    assert wished == [20000] * 4
    with shop.app_context():
        assert db.session.scalar(select(func.count()).select_from(Refund)) == 1


def test_a_double_click_opens_one_page(shop: Flask, provider: Provider, purpose: Purpose) -> None:
    with shop.app_context(), command_transaction():
        made = add_payment(PaymentPurpose.BOOKING, purpose.id, make_customer().id, PRICE, None).id
    results = _together(shop, *[lambda: open_checkout(made, **PAGE)] * 4)
    urls = {each for each in results if isinstance(each, str)}
    assert len(urls) == 1
    assert all(isinstance(each, str | PaymentUncertain) for each in results)
    assert provider.count("checkout.session") == 1


def test_two_pages_in_two_languages_leave_one_open(shop: Flask, provider: Provider, purpose: Purpose) -> None:
    with shop.app_context(), command_transaction():
        made = add_payment(PaymentPurpose.BOOKING, purpose.id, make_customer().id, PRICE, None).id
    languages = ("de", "en")
    results = _together(
        shop, *[lambda language=each: open_checkout(made, **{**PAGE, "language": language}) for each in languages]
    )
    assert len({each for each in results if isinstance(each, str)}) == 1
    with shop.app_context():
        seen = list(gateway().recent_checkouts(clock.now_utc() - timedelta(minutes=5)))
    assert [each.outcome for each in seen].count(Outcome.WAITING) == 1


def test_giving_up_while_the_customer_pays_ends_in_one_truth(
    shop: Flask, provider: Provider, purpose: Purpose, payment_id: UUID
) -> None:
    with shop.app_context(), command_transaction():
        cancel_payment(db.session.get_one(Payment, payment_id))
    _together(shop, lambda: close_payment(payment_id), lambda: _pay_if_open(provider, payment_id))
    with shop.app_context():
        close_payment(payment_id)
        payment = db.session.get_one(Payment, payment_id)
        seen = gateway().look(checkout_id=payment.stripe_checkout_session_id)
        expected = PaymentState.SUCCEEDED if seen.outcome is Outcome.PAID else PaymentState.CANCELLED
        assert (payment.state, payment.checkout_url) == (expected, None)
        assert purpose.told == (["paid"] if expected is PaymentState.SUCCEEDED else [])


def _pay_if_open(provider: Provider, payment_id: UUID) -> None:
    payment = db.session.get_one(Payment, payment_id)
    provider.pay(payment)


def test_first_cards_of_two_payments_at_once_give_one_default(
    shop: Flask, provider: Provider, purpose: Purpose
) -> None:
    from b2c_web.payments.models import PaymentMethod

    with shop.app_context():
        with command_transaction():
            user_id = make_customer().id
            ids = [add_payment(PaymentPurpose.BOOKING, Purpose().id, user_id, PRICE, None).id for _ in range(2)]
        for payment_id, card in zip(ids, ("visa", "mastercard"), strict=True):
            open_checkout(payment_id, **PAGE)
            provider.pay(db.session.get_one(Payment, payment_id), card=card)
    results = _together(shop, *[lambda payment_id=each: settle_payment(payment_id) for each in ids])
    assert [each for each in results if isinstance(each, Exception)] == []
    with shop.app_context():
        kept = db.session.scalars(select(PaymentMethod)).all()
        assert (len(kept), sum(each.is_default for each in kept)) == (2, 1)
