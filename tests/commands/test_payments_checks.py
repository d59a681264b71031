"""Every check of `flask verify` about money finds the breach that it is there for, and nothing on sound data."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web import clock
from b2c_web.db import command_transaction
from b2c_web.payments.checks import CHECKS, STATEMENTS
from b2c_web.payments.commands import add_payment, add_refund, settle_payment
from b2c_web.payments.models import Payment, PaymentPurpose
from tests.factories import make_customer
from tests.paying import Provider, Purpose, open_page

PRICE = 28800


@pytest.fixture
def payment(session: Any, purpose: Purpose, provider: Provider, run_jobs: Any) -> Payment:
    """Paid, and a part of it refunded."""
    until = clock.now_utc() + timedelta(minutes=30)
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, make_customer().id, PRICE, until)
    session.commit()
    open_page(payment)
    provider.pay(payment)
    settle_payment(payment.id)
    with command_transaction():
        add_refund(payment, 5000, "cancellation")
    run_jobs()
    return payment


def _breaches() -> dict[str, list[str]]:
    return {breach.name: breach.examples for breach in (check() for check in CHECKS) if breach.count}


def _change(session: Any, sql: str) -> None:
    session.execute(text(sql))


def test_sound_data_breaks_nothing(payment: Payment) -> None:
    assert payment.refunded_cents == 5000
    assert _breaches() == {}


def test_each_check_has_its_own_name(session: Any) -> None:
    names = {check().name for check in CHECKS}
    assert len(names) == len(CHECKS)
    assert set(STATEMENTS) < names


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("UPDATE payments SET captured_cents = captured_cents - 1", "captured equals the charges"),
        ("UPDATE payments SET refunded_cents = refunded_cents + 1", "refunded equals the refunds"),
        ("UPDATE refunds SET amount_cents = 30000", "stay within what was captured"),
        ("DELETE FROM ledger_entries WHERE kind = 'REFUND'", "each refund that arrived is in the ledger once"),
        ("UPDATE payments SET state = 'FAILED', succeeded_at = NULL", "has money exactly when it succeeded"),
    ],
)
def test_damage_is_found_and_named(payment: Payment, session: Any, damage: str, found: str) -> None:
    _change(session, damage)
    assert [name for name in _breaches() if found in name], _breaches()


def test_a_page_that_is_over_is_noticed(session: Any, purpose: Purpose, provider: Provider) -> None:
    payment = add_payment(PaymentPurpose.BOOKING, purpose.id, make_customer().id, PRICE, None)
    session.commit()
    open_page(payment)
    assert _breaches() == {}
    with clock.frozen(payment.checkout_expires_at + timedelta(minutes=11)):
        assert _breaches() == {"payments: none is open although its page is over": [str(payment.id)]}


def test_at_most_five_examples_are_shown(session: Any) -> None:
    user = make_customer()
    for _ in range(7):
        payment = add_payment(PaymentPurpose.BOOKING, Purpose().id, user.id, PRICE, None)
        payment.captured_cents = 1
    session.flush()
    name = "money: captured equals the charges in the ledger"
    (breach,) = [each for each in (check() for check in CHECKS) if each.name == name]
    assert (breach.count, len(breach.examples)) == (7, 5)
