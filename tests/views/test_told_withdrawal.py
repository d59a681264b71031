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
from b2c_web.config import ZONE
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
TOLD = "Am Telefon"


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], AbstractContextManager[None]]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def write_down(client: FlaskClient, booking: Booking, told: str = TOLD, at: datetime | None = None) -> Any:
    """`at`: when it was said; a moment ago unless told."""
    said = (at or clock.now_utc()).astimezone(ZONE).strftime("%Y-%m-%dT%H:%M")
    return send(client, f"/workshop/bookings/{booking.id}/withdrawal", "/workshop", told=told, at=said)


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
    assert (entry.after["told"], entry.after["was_new"], entry.actor_user_id) == (TOLD, True, trips.dispatcher.id)
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
    assert "Bitte schreiben Sie auf, wie der Widerruf kam." in text_of(nothing)
    write_down(client, booking)
    write_down(client, booking)
    assert "Der Widerruf war schon eingetragen." in text_of(client.get("/workshop"))
    entries = trips.session.query(AuditEntry).filter_by(action="booking.withdrawal_told").order_by(AuditEntry.id)
    assert [entry.after["was_new"] for entry in entries] == [True, False]
    assert refunds(trips.session) == [(TOTAL_CENTS, "withdrawal")]


@pytest.mark.parametrize("minutes", [-10, 10])
def test_it_came_after_the_booking_and_not_in_the_future(trips: Trips, login: Login, minutes: int) -> None:
    booking, client = trips.booked(), login(trips.staff)
    answer = write_down(client, booking, at=clock.now_utc() + timedelta(minutes=minutes))
    assert answer.status_code == 422
    assert "Bitte einen Zeitpunkt nach der Buchung und nicht in der Zukunft." in text_of(answer)
    assert refunds(trips.session) == []


def test_what_was_sent_in_time_counts_when_it_comes_later(trips: Trips, login: Login) -> None:
    booking, client, now = trips.booked(), login(trips.staff), clock.now_utc()
    booking.paid_at = now - timedelta(days=16)
    db.session.commit()
    assert "Hat er bis " in text_of(client.get(f"/workshop/bookings/{booking.id}/cancellation"))
    page = text_of(client.get(f"/workshop/bookings/{booking.id}/withdrawal"))
    assert "Die Frist war bis " in page
    assert 'type="datetime-local" value=""' in " ".join(page.split())
    late = write_down(client, booking, told="Ein Brief")
    assert late.status_code == 422
    assert "Da war die Widerrufsfrist vorbei." in text_of(late)
    assert "Ein Brief" in text_of(late)
    assert refunds(trips.session) == []
    db.session.commit()  # what was refused is undone down to here
    said = now - timedelta(days=5)
    write_down(client, booking, at=said)
    booking = db.session.get_one(Booking, booking.id, populate_existing=True)
    assert (booking.status, booking.withdrawn_at) == (BookingStatus.CANCELLED, now)
    assert refunds(trips.session) == [(TOTAL_CENTS, "withdrawal")]
    entry = trips.session.query(AuditEntry).filter_by(action="booking.withdrawal_told").one()
    assert datetime.fromisoformat(entry.after["at"]) == said
    assert breaches() == []


def test_a_letter_of_last_week_does_not_wait_since_then(trips: Trips, login: Login) -> None:
    """With the car here it is declared when it is written down: that is what its receipt says and what is watched."""
    booking = trips.booked(back=None)
    commands.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    now = clock.now_utc()
    booking.created_at = booking.paid_at = now - timedelta(days=12)
    db.session.commit()
    assert write_down(login(trips.staff), booking, at=now - timedelta(days=9)).status_code == 303
    assert db.session.get_one(Booking, booking.id, populate_existing=True).withdrawn_at == now
    assert breaches() == []


@pytest.mark.parametrize("year", ["0001", "1970", "9999"])
def test_a_year_in_which_nothing_was_is_a_mistake_at_the_field(trips: Trips, login: Login, year: str) -> None:
    booking, client = trips.booked(), login(trips.staff)
    path = f"/workshop/bookings/{booking.id}/withdrawal"
    answer = send(client, path, "/workshop", told=TOLD, at=f"{year}-01-01T00:00")
    assert answer.status_code == 422
    assert "Bitte prüfen Sie das Jahr." in text_of(answer)


def test_another_workshops_staff_find_nothing(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client = login(make_user(Role.WORKSHOP, workshop_id=make_workshop().id))
    assert client.get(f"/workshop/bookings/{booking.id}/withdrawal").status_code == 404
    assert write_down(client, booking).status_code == 404
