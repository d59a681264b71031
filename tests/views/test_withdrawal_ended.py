"""A booking that was cancelled within the withdrawal period: what was kept can be had back, and the way is said."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking
from tests.commands.scene import Scene
from tests.factories import make_customer
from tests.views.test_booking_paying import a_monday
from tests.views.walking import text_of, words_of

WAY = "So widerrufen Sie"


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


def test_the_way_to_what_was_kept_is_said_as_long_as_the_period_runs(
    session: Any, app: Any, rosa: User, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "FREE_CANCEL_HOURS", 720)
    booking = cancelled(Scene(session, first=a_monday()), rosa, 2500)
    assert WAY in page(client, booking)
    said = page(client, booking, "/withdrawal")
    assert "25,00 EUR davon sind noch bei uns" in said
    assert "am Telefon oder per E-Mail" in said
    with clock.frozen(clock.now_utc() + timedelta(days=20)):
        assert WAY not in page(client, booking)
        assert WAY not in page(client, booking, "/withdrawal")


def test_who_got_everything_back_is_told_of_no_way(session: Any, rosa: User, client: FlaskClient) -> None:
    booking = cancelled(Scene(session, first=a_monday()), rosa, 0)
    assert WAY not in page(client, booking)
    assert WAY not in page(client, booking, "/withdrawal")
    assert "Die Buchung ist schon zu Ende." in page(client, booking, "/withdrawal")
