"""A booking that was cancelled within the withdrawal period: what was kept can be had back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking
from tests.commands.extending import Extending
from tests.commands.scene import Scene
from tests.factories import make_customer
from tests.views.browsing import send
from tests.views.test_booking_paying import a_monday
from tests.views.walking import text_of, words_of

WAY = "Vertrag widerrufen,"


@pytest.fixture
def rosa(session: Any, login: Any) -> User:
    user = make_customer()
    session.commit()
    login(user)
    return user


def cancelled(scene: Scene, rosa: User, fee_cents: int) -> Booking:
    booking = scene.booked(user_id=rosa.id)
    commands.cancel(rosa, booking.id, accepted_fee_cents=fee_cents)
    scene.session.expire_all()
    return booking


def page(client: FlaskClient, booking: Booking, of: str = "") -> str:
    return words_of(text_of(client.get(f"/bookings/{booking.id}{of}")))


@pytest.fixture
def kept(session: Any, app: Any, rosa: User, monkeypatch: pytest.MonkeyPatch) -> Booking:
    """Cancelled late: 25 EUR are still with us."""
    monkeypatch.setitem(app.config, "FREE_CANCEL_HOURS", 720)
    return cancelled(Scene(session, first=a_monday()), rosa, 2500)


def test_what_was_kept_can_be_had_back(kept: Booking, client: FlaskClient) -> None:
    assert f"{WAY} 25,00 EUR zurück" in page(client, kept)
    assert "Sie bekommen alles zurück, was noch bei uns ist: 25,00 EUR." in page(client, kept, "/withdrawal")
    path = f"/bookings/{kept.id}/withdrawal"
    assert send(client, path, path, fee_cents=0).status_code == 303
    after = page(client, kept)
    assert "Ihr Vertrag ist widerrufen" in after
    assert WAY not in after


def test_after_the_period_it_stays_with_us(kept: Booking, rosa: User, client: FlaskClient, login: Any) -> None:
    with clock.frozen(clock.now_utc() + timedelta(days=20)):
        login(rosa)
        shown = page(client, kept)
        assert "Diese Buchung ist storniert" in shown
        assert WAY not in shown
        assert "Die Buchung ist schon zu Ende." in page(client, kept, "/withdrawal")


def test_who_got_everything_back_is_told_of_no_way(session: Any, rosa: User, client: FlaskClient) -> None:
    booking = cancelled(Scene(session, first=a_monday()), rosa, 0)
    assert WAY not in page(client, booking)
    assert "Die Buchung ist schon zu Ende." in page(client, booking, "/withdrawal")


def test_what_ended_before_the_withdrawal_is_still_said_to_have_ended_so(
    session: Any, frozen_clock: Callable[..., Any], client: FlaskClient, login: Any
) -> None:
    scene = Extending(session, frozen_clock)
    booking = scene.in_workshop()
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=1000, reason="Streit um den Termin")
    commands.collect(scene.staff, booking.id)
    with frozen_clock(clock.now_utc() + timedelta(days=2)):
        commands.withdraw(booking.user, booking.id)
        session.expire_all()
        login(booking.user)
        shown = page(client, booking)
        course = shown.split("Verlauf")[1]
        assert course.index("Storniert") < course.index("Wieder da") < course.index("Vertrag widerrufen")
        assert "Storniert Di, 24. Nov., 12:00" in shown
        login(scene.staff)
        car = words_of(text_of(client.get(f"/workshop/bookings/{booking.id}")))
        assert "storniert Di, 24. Nov., 12:00" in car
        assert "eendet nach Widerruf" not in car
