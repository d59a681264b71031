"""A withdrawal that came by phone, mail or letter is written down by staff, and counts as one from the page."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.models import PaymentPurpose
from tests.commands.scene import TOTAL_CENTS, kinds, refunds, succeed
from tests.commands.trips import CAR, Trips
from tests.factories import make_user, make_workshop
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

Login = Callable[..., FlaskClient]
TOLD = "Am Telefon, 24. November, 12 Uhr"


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], AbstractContextManager[None]]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def write_down(client: FlaskClient, booking: Booking, told: str = TOLD) -> Any:
    return send(client, f"/workshop/bookings/{booking.id}/withdrawal", "/workshop", told=told)


def test_all_goes_back_the_fee_of_a_late_move_too(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    with trips.at(booking.pickup_time - timedelta(hours=23)):
        made = commands.move(booking.user, booking.id, trips.slots[7].id, trips.slots[9].id, accepted_fee_cents=2500)
        succeed(trips.payment_of(made.move_id, PaymentPurpose.MOVE_FEE))
        trips.session.expire_all()
        client = login(trips.dispatcher)
        cancelling = text_of(client.get(f"/workshop/bookings/{booking.id}/cancellation"))
        assert f"/workshop/bookings/{booking.id}/withdrawal" in cancelling
        page = words_of(text_of(client.get(f"/workshop/bookings/{booking.id}/withdrawal")))
        assert "Widerruf eintragen, 353,00 EUR zurück" in page
        assert "Die Buchung ist damit beendet, der Platz ist wieder frei." in page
        assert write_down(client, booking).location == f"/workshop/bookings/{booking.id}"
    booking = db.session.get_one(Booking, booking.id)
    assert (booking.status, booking.withdrawn_at is None) == (BookingStatus.CANCELLED, False)
    assert sorted(refunds(trips.session)) == [(2500, "withdrawal"), (TOTAL_CENTS, "withdrawal")]
    assert kinds(trips.session).count(NotificationKind.BOOKING_WITHDRAWN) == 1
    entry = trips.session.query(AuditEntry).filter_by(action="booking.withdrawal_told").one()
    assert (entry.after, entry.actor_user_id) == ({"told": TOLD}, trips.dispatcher.id)
    assert breaches() == []


def test_with_the_car_here_it_is_declared_and_staff_end_the_booking(trips: Trips, login: Login) -> None:
    booking = trips.booked(back=None)
    commands.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    client = login(trips.staff)
    page = words_of(text_of(client.get(f"/workshop/bookings/{booking.id}/withdrawal")))
    assert "An dem Auto wird nichts mehr gemacht." in page
    write_down(client, booking)
    booking = db.session.get_one(Booking, booking.id)
    assert booking.withdrawal_open
    assert kinds(trips.session)[-2:] == [NotificationKind.WITHDRAWAL_RECEIVED, NotificationKind.WITHDRAWAL_STAFF_ALERT]
    db.session.commit()  # what is refused next is undone down to here
    with pytest.raises(Conflict):
        commands.start_work(trips.staff, booking.id, unasked=True)
    ending = words_of(text_of(client.get(f"/workshop/bookings/{booking.id}/cancellation")))
    assert "Buchung beenden?" in ending
    assert breaches() == []


def test_how_it_came_is_asked_for_and_twice_is_once(trips: Trips, login: Login) -> None:
    booking, client = trips.booked(), login(trips.staff)
    nothing = write_down(client, booking, told="  ")
    assert (nothing.status_code, db.session.get_one(Booking, booking.id).withdrawn_at) == (422, None)
    assert "Bitte schreiben Sie auf, wie und wann der Widerruf kam." in text_of(nothing)
    write_down(client, booking)
    write_down(client, booking)
    assert refunds(trips.session) == [(TOTAL_CENTS, "withdrawal")]
    assert trips.session.query(AuditEntry).filter_by(action="booking.withdrawal_told").count() == 1


def test_past_the_period_there_is_nothing_to_write_down(trips: Trips, login: Login) -> None:
    booking, client = trips.booked(), login(trips.staff)
    booking.paid_at = clock.now_utc() - timedelta(days=16)
    db.session.commit()
    assert "hat widerrufen" not in text_of(client.get(f"/workshop/bookings/{booking.id}/cancellation"))
    assert client.get(f"/workshop/bookings/{booking.id}/withdrawal").status_code == 409
    assert write_down(client, booking).status_code == 409
    assert refunds(trips.session) == []


def test_another_workshops_staff_find_nothing(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client = login(make_user(Role.WORKSHOP, workshop_id=make_workshop().id))
    assert client.get(f"/workshop/bookings/{booking.id}/withdrawal").status_code == 404
    assert write_down(client, booking).status_code == 404
