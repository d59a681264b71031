"""The customer's page says what goes back: how much of it, in which way, and what of it nobody waited for."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking
from b2c_web.db import command_transaction
from b2c_web.payments.commands import add_payment, record_refund_outside, sync_refunds
from b2c_web.payments.models import Payment, PaymentPurpose, Refund, RefundState
from tests.commands.extending import Extending
from tests.commands.scene import succeed
from tests.commands.test_refunds_outside import CENTS, NOTE, come_back, paid_price
from tests.commands.test_withdrawal_money import EXTRA_CENTS, ended, paid_for, with_extra
from tests.paying import Provider, refund_by_hand
from tests.views.walking import text_of, words_of

Login = Callable[..., FlaskClient]
SAME_WAY = "gehen auf demselben Weg an Sie zurück"
ANOTHER_WAY = "gehen an Sie zurück. Auf welchem Weg, steht in den Belegen unten."


@pytest.fixture
def scene(session: Any, provider: Provider) -> Extending:
    return Extending.of_now(session)


@pytest.fixture
def payment(scene: Extending, provider: Provider) -> Payment:
    return paid_price(scene, provider)


@pytest.fixture
def booking(scene: Extending, payment: Payment) -> Booking:
    return scene.session.get_one(Booking, payment.purpose_id)


@pytest.fixture
def failed(booking: Booking, payment: Payment, provider: Provider, run_jobs: Any) -> Refund:
    """The customer withdrew, and the bank sent the money back to us."""
    commands.withdraw(booking.user, booking.id)
    run_jobs({"payments.refund"})
    return come_back(payment, provider)


def page_of(login: Login, booking: Booking) -> str:
    return words_of(text_of(login(booking.user).get(f"/bookings/{booking.id}")))


def test_what_was_given_back_another_way_is_not_said_to_come_the_usual_way(
    scene: Extending, booking: Booking, failed: Refund, login: Login
) -> None:
    assert "an Sie zurück" not in page_of(login, booking)
    record_refund_outside(scene.staff, failed.id, NOTE)
    page = page_of(login, booking)
    assert f"289,00 EUR {ANOTHER_WAY}" in page
    assert SAME_WAY not in page


def test_what_was_refunded_by_hand_after_the_end_is_in_the_sum(
    booking: Booking, payment: Payment, failed: Refund, login: Login
) -> None:
    refund_by_hand(payment, CENTS)
    sync_refunds(payment.id)
    assert f"289,00 EUR {SAME_WAY}" in page_of(login, booking)


def test_what_was_refunded_by_hand_before_the_end_is_not_in_the_sum(
    booking: Booking, payment: Payment, login: Login
) -> None:
    refund_by_hand(payment, 1000)
    sync_refunds(payment.id)
    commands.withdraw(booking.user, booking.id)
    page = page_of(login, booking)
    assert f"279,00 EUR {SAME_WAY}" in page
    assert "10,00 EUR zurück an Sie" in page


@pytest.fixture
def ended_with_extra(
    session: Any, frozen_clock: Callable[..., Any], provider: Provider, run_jobs: Any
) -> tuple[Extending, Booking, Refund]:
    """A withdrawal of extra work that was paid with a card whose refunds come back; the price's failed too."""
    scene = Extending(session, frozen_clock)
    booking, extension = with_extra(scene, provider, run_jobs, card="refund_fails")
    ended(scene, booking)
    commands.collect(scene.staff, booking.id)
    run_jobs({"payments.refund"})
    provider.process.advance(10)
    sync_refunds(paid_for(extension).id)
    (refund,) = paid_for(extension).refunds
    assert (refund.state, refund.amount_cents) == (RefundState.FAILED, EXTRA_CENTS)
    return scene, booking, refund


def test_extra_work_given_back_another_way_is_said_so(
    ended_with_extra: tuple[Extending, Booking, Refund], login: Login
) -> None:
    scene, booking, refund = ended_with_extra
    record_refund_outside(scene.staff, refund.id, NOTE)
    assert f"238,90 EUR {ANOTHER_WAY}" in page_of(login, booking)


def test_extra_work_refunded_by_hand_after_the_end_is_in_the_sum(
    ended_with_extra: tuple[Extending, Booking, Refund], login: Login
) -> None:
    scene, booking, refund = ended_with_extra
    with scene.at(booking.cancelled_at + timedelta(minutes=1)):
        refund_by_hand(refund.payment, EXTRA_CENTS)
        sync_refunds(refund.payment_id)
    assert f"238,90 EUR {SAME_WAY}" in page_of(login, booking)


def test_late_money_of_extra_work_is_on_the_page_and_in_no_sum(
    session: Any, frozen_clock: Callable[..., Any], provider: Provider, run_jobs: Any, login: Login
) -> None:
    scene = Extending(session, frozen_clock)
    booking, extension = with_extra(scene, provider, run_jobs)
    with command_transaction():
        second = add_payment(PaymentPurpose.EXTENSION, extension.id, booking.user_id, 1234, None)
    before = page_of(login, booking)
    succeed(second)
    page = page_of(login, booking)
    assert "Nicht gebraucht: 12,34 EUR zurück an Sie Erstattung läuft" in page
    assert "Vertrag widerrufen, 527,90 EUR zurück" in page
    assert "Nicht gebraucht" not in before


def test_what_a_late_cancellation_kept_is_said_beside_what_goes_back(
    scene: Extending, booking: Booking, payment: Payment, login: Login
) -> None:
    late = booking.pickup_time - timedelta(hours=1)
    with scene.at(late):
        commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
        page = page_of(login, booking)
        assert f"264,00 EUR {SAME_WAY}, auf dem Sie bezahlt haben. 25,00 EUR haben wir als Gebühr behalten." in page
        commands.withdraw(booking.user, booking.id)
        page = page_of(login, booking)
    assert f"289,00 EUR {SAME_WAY}" in page
    assert "behalten" not in page


def test_what_was_given_back_by_hand_after_all_was_not_kept(
    scene: Extending, booking: Booking, payment: Payment, login: Login, run_jobs: Any
) -> None:
    with scene.at(booking.pickup_time - timedelta(hours=1)):
        commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    run_jobs({"payments.refund"})
    refund_by_hand(payment, 2500)
    sync_refunds(payment.id)
    page = page_of(login, booking)
    assert "25,00 EUR zurück an Sie" in page
    assert "behalten" not in page
