"""Holds and captures against the provider's books: differences are listed and mended, damage is found, and the database
refuses it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.payments.commands import authorize_payment, cancel_payment, capture_held, hold_payment, reconcile
from b2c_web.payments.gateway import PaymentUncertain, gateway
from b2c_web.payments.models import Payment, PaymentMethod, PaymentPurpose, PaymentState
from tests.commands.holding import DONE, INTENTS, SUM, Hold, breaches, done, taken
from tests.paying import Provider, Purpose, save_method


def test_differences_about_holds_are_listed_and_mended(held: Payment, provider: Provider, work: Purpose) -> None:
    done(held)
    with clock.frozen(clock.now_utc() + timedelta(minutes=11)):
        assert [each.kind.value for each in reconcile()] == ["capture that the provider has not done"]
        assert [each.mended for each in reconcile(fix=True)] == [True]
    assert (held.state, taken(provider)) == (PaymentState.SUCCEEDED, [DONE])


def test_a_hold_missing_here_is_recorded(hold: Hold, work: Purpose, user: User, provider: Provider) -> None:
    with command_transaction():
        method: PaymentMethod = save_method(provider, user, card="visa")
        payment = hold_payment(PaymentPurpose.EXTENSION, work.id, user.id, SUM, method_id=method.id)
    provider.misbehave("drop", INTENTS)
    with pytest.raises(PaymentUncertain):
        authorize_payment(payment.id)
    assert [(each.kind.value, each.mended) for each in reconcile(fix=True)] == [("hold missing here", True)]
    assert (payment.state, work.told) == (PaymentState.AUTHORIZED, ["authorized"])


def test_a_hold_gone_there_is_recorded(held: Payment, work: Purpose) -> None:
    gateway().release(str(held.stripe_payment_intent_id), "release-by-hand")
    assert [(each.kind.value, each.mended) for each in reconcile(fix=True)] == [("hold gone at the provider", True)]
    assert (held.state, work.told) == (PaymentState.CANCELLED, ["authorized", "closed"])


def test_a_hold_of_a_payment_that_was_given_up_is_released(held: Payment, session: Any, work: Purpose) -> None:
    with command_transaction():
        cancel_payment(held)
    session.execute(text("DELETE FROM procrastinate_jobs"))
    session.commit()
    found = reconcile(fix=True)
    assert [(each.kind.value, each.mended) for each in found] == [("hold that nobody wants any more", True)]
    assert (held.authorized_cents, reconcile()) == (0, [])


def test_an_old_hold_that_no_list_shows_is_asked_for_alone(held: Payment, provider: Provider, session: Any) -> None:
    gateway().release(str(held.stripe_payment_intent_id), "release-by-hand")
    later = clock.now_utc() + timedelta(days=3)
    with clock.frozen(later):
        assert [each.kind.value for each in reconcile()] == ["hold gone at the provider"]
    assert session.scalar(select(func.count()).select_from(Payment).filter_by(state="AUTHORIZED")) == 1


def test_a_hold_that_nobody_asked_for_stays_listed(held: Payment, session: Any, work: Purpose) -> None:
    session.execute(text("DELETE FROM procrastinate_jobs"))
    session.execute(text("DELETE FROM payments"))
    session.commit()
    found = reconcile(fix=True)
    assert [(each.kind.value, each.mended) for each in found] == [
        ("hold at the provider that no payment of ours asked for", False)
    ]


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        ("captured_cents = captured_cents - 1", "captured is exactly what was asked for"),
        (
            "state = 'AUTHORIZED', succeeded_at = NULL, authorized_cents = amount_cents, "
            "capture_asked_at = now() - interval '4 hours'",
            "each capture is decided or before a person",
        ),
        (
            "state = 'AUTHORIZED', succeeded_at = NULL, authorized_cents = 1",
            "what is held is what was agreed",
        ),
        (
            "state = 'AUTHORIZED', succeeded_at = NULL, capture_before = now() - interval '1 hour'",
            "none is kept beyond its end",
        ),
        (
            "state = 'AUTHORIZED', succeeded_at = NULL, capture_cents = NULL, capture_asked_at = NULL, "
            "capture_before = now() + interval '20 hours'",
            "each that lapses is renewed or before a person",
        ),
    ],
)
def test_verify_finds_damage(held: Payment, session: Any, damage: str, found: str) -> None:
    capture_held(done(held).id)
    assert breaches() == {}
    session.execute(text(f"UPDATE payments SET {damage}"))
    assert [name for name in breaches() if found in name], breaches()


def test_verify_finds_money_taken_or_held_twice(held: Payment, session: Any, user: User, work: Purpose) -> None:
    second = Payment(
        purpose=held.purpose, purpose_id=held.purpose_id, attempt=2, user_id=user.id, amount_cents=SUM,
        capture_method=held.capture_method, state=PaymentState.AUTHORIZED, authorized_cents=SUM,
    )  # fmt: skip
    session.add(second)
    session.flush()
    assert "holds: never two for long" in breaches()
    session.execute(text("UPDATE payments SET state = 'PROCESSING'"))
    assert "holds: money of one purpose is taken once" in breaches()


def test_the_database_refuses_two_captures_of_one_purpose(held: Payment, session: Any, user: User) -> None:
    done(held)
    facts = {"id": held.id}
    with pytest.raises(Exception, match="uq_payments_captured_once"):
        session.execute(
            text(
                "INSERT INTO payments (id, purpose, purpose_id, attempt, user_id, amount_cents, state, capture_cents,"
                " capture_asked_at) SELECT gen_random_uuid(), purpose, purpose_id, 2, user_id, amount_cents, state,"
                " capture_cents, now() FROM payments WHERE id = :id"
            ),
            facts,
        )
