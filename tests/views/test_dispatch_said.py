"""What dispatch decided, in words: the message after it, and what the car's page says happened."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.dispatch import replanning
from b2c_web.workshops.models import RonjaVehicle
from tests.commands.trips import Trips
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


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
