"""What dispatch decided, in words: the message after it, what the car's page says happened, and what nobody chose."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.bookings.models import Booking
from b2c_web.dispatch import commands, replanning
from b2c_web.dispatch.models import CancelReason
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import RonjaVehicle
from tests.commands.trips import RETURN, Trips
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def failed_return(trips: Trips) -> tuple[Booking, str, datetime]:
    """The return's window page, and when the return failed."""
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    now = began + timedelta(minutes=40)
    with trips.at(now):
        commands.return_failed(back.id, CancelReason.NO_SHOW, "", trips.driver)
    return booking, f"/dispatch/trips/{back.trip_id}/window", now


def test_another_ronja_is_named_in_the_message(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    path, client = f"/dispatch/trips/{tour.trip_id}", login(trips.dispatcher)
    free = trips.session.query(RonjaVehicle).filter(RonjaVehicle.id != tour.vehicle_id).one()
    seen = client.get(path).text.split('name="seen"')[1].split('value="')[1].split('"')[0]
    said = {"seen": seen, "jockey_id": str(tour.jockey_id), "ronja_id": str(free.id)}
    answer = send(client, path, **said)
    assert answer.status_code == 303
    words = words_of(text_of(client.get(answer.location)))
    assert f"{trips.jockey.name} ist um 08:00 Uhr an der Tür, Ronja {free.license_plate}." in words


def test_the_cars_page_says_who_was_given_the_trip_and_who_no_longer_has_it(trips: Trips, login: Login) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    other.name, trips.jockey.name = "Ronny Habicht", "Jana Sperber"
    trips.session.commit()
    replanning.reassign(trips.assignment(booking).id, other.id, actor=trips.dispatcher)
    page = login(trips.staff).get(f"/workshop/bookings/{booking.id}").text.partition("Was geschah")[2]
    given, taken, first = words_of(page).partition("Fahrt eingeteilt")[2].split("Fahrt ")[:3]
    assert "Jockey Ronny Habicht" in given
    assert taken.startswith("abgesagt")
    assert "Jockey Jana Sperber Stand" in taken
    assert "Jockey Jana Sperber" in first


@pytest.mark.parametrize("chosen", [{}, {"slot_id": ""}])
def test_no_window_is_promised_that_nobody_chose(trips: Trips, login: Login, chosen: dict[str, str]) -> None:
    booking, path, now = failed_return(trips)
    before = booking.return_slot_id
    with trips.at(now):
        client = login(trips.dispatcher)
        first = client.get(path).text.partition("<select")[2].partition("<option")[2]
        assert first.split(">")[0].split('value="')[1].startswith('"')
        refused = send(client, path, **chosen)
    assert refused.status_code == 422
    assert "Neues Fenster: Bitte wählen Sie ein Fenster." in words_of(text_of(refused))
    trips.session.expire_all()
    assert booking.return_slot_id == before
    assert trips.session.query(Notification).filter_by(kind=NotificationKind.RETURN_MOVED).count() == 0
    assert len(trips.assignments(booking, RETURN)) == 1
