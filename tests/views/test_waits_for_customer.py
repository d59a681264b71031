"""The customer's list says which booking waits for an answer of theirs."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import update

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.capacity.move_asking import ask_to_move
from b2c_web.capacity.move_models import MoveOffer
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.factories import make_user
from tests.views.extending import Pages
from tests.views.walking import text_of, words_of

WAITS = "Wartet auf Sie"


def listed(client: FlaskClient) -> str:
    return words_of(text_of(client.get("/bookings")))


def test_an_extension_waits_until_it_is_decided(pages: Pages) -> None:
    assert WAITS not in listed(pages.customer)
    extension = pages.raised()
    assert WAITS in listed(pages.customer)
    db.session.execute(update(Booking).values(service_completed_at=clock.now_utc()))
    assert WAITS not in listed(pages.customer)  # there is nothing to answer any more
    db.session.execute(update(Booking).values(service_completed_at=None))
    assert WAITS in listed(pages.customer)
    pages.scene.approve(extension, [0])
    assert WAITS not in listed(pages.customer)


def test_a_date_that_is_asked_for_waits_while_it_can_be_answered(
    session: Any, frozen_clock: Callable[[datetime], Any], login: Callable[..., FlaskClient]
) -> None:
    scene = Scene(session, first=date(2026, 11, 25), days=3)
    booking = scene.booked(5, None)
    client = login(booking.user)
    assert WAITS not in listed(client)
    ask_to_move(make_user(Role.WORKSHOP, workshop_id=scene.workshop.id), booking.id)
    assert WAITS in listed(client)
    with clock.frozen(db.session.query(MoveOffer).one().expires_at):
        assert WAITS not in listed(client)
    db.session.execute(update(Booking).values(status=BookingStatus.IN_TRANSIT_TO_WORKSHOP))
    assert WAITS not in listed(client)


def test_a_booking_that_was_never_paid_owes_nothing(
    session: Any, frozen_clock: Callable[[datetime], Any], login: Callable[..., FlaskClient]
) -> None:
    scene = Scene(session)
    first = scene.book(0, None)
    scene.book(1, None, user_id=first.user_id)  # another one instead
    page = words_of(text_of(login(first.user).get(f"/bookings/{first.id}")))
    assert "bezahlt wurde nichts" in page
    assert "Zahlung offen" not in page
