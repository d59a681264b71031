"""Who did not ask for it when booking can still let the workshop begin within the withdrawal period."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands
from b2c_web.bookings.early_start import ask_for_early_start
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db
from tests.commands.trips import CAR, Trips
from tests.factories import make_customer
from tests.views.browsing import send, token_on
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def page_of(booking: Booking) -> str:
    return f"/bookings/{booking.id}/early-start"


def test_the_customer_asks_and_the_workshop_need_not(trips: Trips, login: Login) -> None:
    booking = trips.booked(back=None)
    commands.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    assert "Vor Beginn fragen" in text_of(login(trips.staff).get("/workshop"))
    client = login(booking.user)
    assert page_of(booking) in text_of(client.get(f"/bookings/{booking.id}"))
    unsaid = send(client, page_of(booking))
    assert unsaid.status_code == 422
    assert "Beginn vor Ablauf der Widerrufsfrist: Bitte bestätigen Sie das." in words_of(text_of(unsaid))
    assert send(client, page_of(booking), agreed="y").location == f"/bookings/{booking.id}"
    page = words_of(text_of(client.get(f"/bookings/{booking.id}")))
    assert "Danke, die Werkstatt kann beginnen" in page
    assert "Früher beginnen lassen" not in page
    assert "Vor Beginn fragen" not in text_of(login(trips.staff).get("/workshop"))
    assert commands.start_work(trips.staff, booking.id)
    entry = trips.session.query(AuditEntry).filter_by(action="booking.early_start_asked").one()
    assert entry.actor_user_id == booking.user_id
    assert breaches() == []


def test_the_bookings_page_keeps_when_it_was_asked(trips: Trips, login: Login) -> None:
    later, ticked = trips.booked(), trips.booked(slot=1, back=None, early_start=True)
    asked = "Beginn in der Widerrufsfrist verlangt"
    assert asked not in words_of(text_of(login(later.user).get(f"/bookings/{later.id}")))
    with trips.at(now_utc() + timedelta(minutes=5)):
        ask_for_early_start(later.user, later.id)
    for booking, clock in ((later, "12:05"), (ticked, "12:00")):
        page = words_of(text_of(login(booking.user).get(f"/bookings/{booking.id}")))
        assert f"{asked} am Di, 24. Nov., {clock} Uhr" in page


def test_asking_twice_is_asking_once(trips: Trips) -> None:
    booking = trips.booked()
    assert ask_for_early_start(booking.user, booking.id)
    first = booking.early_start_requested_at
    with trips.at(now_utc() + timedelta(minutes=5)):
        assert not ask_for_early_start(booking.user, booking.id)
    assert booking.early_start_requested_at == first


def begun(trips: Trips, booking: Booking) -> None:
    commands.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    commands.start_work(trips.staff, booking.id, unasked=True)


def ended(trips: Trips, booking: Booking) -> None:
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)


def over(trips: Trips, booking: Booking) -> None:
    booking.created_at = booking.paid_at = now_utc() - timedelta(days=15)
    db.session.commit()


@pytest.mark.parametrize("what", [begun, ended, over])
def test_when_there_is_nothing_to_ask_for_nothing_is_offered(
    trips: Trips, login: Login, what: Callable[[Trips, Booking], None]
) -> None:
    booking = trips.booked(back=None)
    what(trips, booking)
    client = login(booking.user)
    assert page_of(booking) not in text_of(client.get(f"/bookings/{booking.id}"))
    assert client.get(page_of(booking)).location == f"/bookings/{booking.id}"
    db.session.commit()
    with pytest.raises(Conflict):
        ask_for_early_start(booking.user, booking.id)
    assert db.session.get_one(Booking, booking.id).early_start_requested_at is None


@pytest.mark.parametrize("tick", [{"agreed": "y"}, {}])
def test_who_asks_for_it_too_late_is_told(trips: Trips, login: Login, tick: dict[str, str]) -> None:
    booking = trips.booked(back=None)
    client = login(booking.user)
    token = token_on(client, page_of(booking))
    begun(trips, booking)
    answer = client.post(page_of(booking), data={"csrf_token": token, **tick})
    assert answer.location == f"/bookings/{booking.id}"
    assert "Der Stand dieser Buchung hat sich geändert." in words_of(text_of(client.get(answer.location)))


def test_a_date_after_the_period_needs_no_asking(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    booking.created_at = booking.paid_at = booking.pickup_time - timedelta(days=16)
    db.session.commit()
    assert booking.status is BookingStatus.CONFIRMED
    assert page_of(booking) not in text_of(login(booking.user).get(f"/bookings/{booking.id}"))


def test_nobody_elses(trips: Trips, login: Login) -> None:
    booking, stranger = trips.booked(), make_customer()
    db.session.commit()
    assert login(stranger).get(page_of(booking)).status_code == 404
    with pytest.raises(NotFound):
        ask_for_early_start(stranger, booking.id)
