"""A failed refund is made again while it is written down as made outside: first without the locks, then with them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.orm import Session

from b2c_web.accounts.models import Role, User
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.payments import outside, refunding
from b2c_web.payments.commands import (
    add_payment,
    add_refund,
    record_refund_outside,
    retry_refund,
    run_refund,
    settle_payment,
    sync_refunds,
)
from b2c_web.payments.models import Payment, PaymentPurpose, Refund, RefundState
from tests.concurrency.races import Meeting, at_once
from tests.factories import make_customer, make_user
from tests.paying import Provider, Purpose, open_page

CENTS = 5000


@pytest.fixture
def shop(committed_app: Flask, provider: Provider) -> Iterator[Flask]:
    provider.connect(committed_app)
    yield committed_app


@pytest.fixture
def failed_id(shop: Flask, provider: Provider, purpose: Purpose) -> UUID:
    """Part of a payment went back and came back; what is left of the money would cover it twice."""
    with shop.app_context():
        with command_transaction():
            payment = add_payment(PaymentPurpose.BOOKING, purpose.id, make_customer().id, 28800, None)
        open_page(payment)
        provider.pay(payment, card="refund_fails")
        settle_payment(payment.id)
        with command_transaction():
            refund = add_refund(payment, CENTS, "goodwill")
            assert refund is not None
        run_refund(refund.id)
        provider.process.advance(10)
        sync_refunds(payment.id)
        assert db.session.get_one(Refund, refund.id).state is RefundState.FAILED
        return refund.id


def meet(monkeypatch: pytest.MonkeyPatch, meeting: Meeting, module: Any, name: str) -> None:
    """Each comes together with the other to the step that follows its checks."""
    real = getattr(module, name)

    def waiting(*arguments: Any) -> Any:
        meeting.wait()
        return real(*arguments)

    monkeypatch.setattr(module, name, waiting)


def both(shop: Flask, monkeypatch: pytest.MonkeyPatch, failed_id: UUID) -> tuple[list[Any], int]:
    """What both answered, and how much is given back in place of the failed one."""
    meeting = Meeting(2)
    meet(monkeypatch, meeting, refunding, "add_refund")
    meet(monkeypatch, meeting, outside, "_made_in_place_of")
    with shop.app_context(), command_transaction():
        staff_id = make_user(Role.DISPATCHER).id
    works = (
        lambda: retry_refund(failed_id) and "again",
        lambda: record_refund_outside(db.session.get_one(User, staff_id), failed_id, "Überweisung") and "outside",
    )
    answers = at_once(shop, works)
    with shop.app_context():
        made = db.session.query(Refund).filter(Refund.state != RefundState.FAILED)
        return answers, sum(one.amount_cents for one in made)


def test_without_the_locks_it_goes_back_twice(shop: Flask, failed_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Session.get_one
    monkeypatch.setattr(Session, "get_one", lambda self, model, key, **_locks: real(self, model, key))
    for module in (refunding, outside):
        monkeypatch.setattr(module, "lock_payment", lambda payment_id: db.session.get_one(Payment, payment_id))
    answers, cents = both(shop, monkeypatch, failed_id)
    assert (answers, cents) == (["again", "outside"], 2 * CENTS)


def test_with_the_locks_one_of_them_is_told(shop: Flask, failed_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    answers, cents = both(shop, monkeypatch, failed_id)
    assert ([isinstance(one, Conflict) for one in answers].count(True), cents) == (1, CENTS)
    assert {"again", "outside"} & set(answers)
