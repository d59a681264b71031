"""What the workshop reads of a car whose jockey is on the road, or has parked it in the yard."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.bookings.commands import cancel_by_staff, check_in
from b2c_web.dispatch import commands
from b2c_web.dispatch.deciding import Decision, decide
from b2c_web.dispatch.steps import seen_of
from b2c_web.formatting import clock
from tests.commands.trips import CAR, HANDOVER, PICKUP, Trips
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def test_the_board_follows_the_jockey_into_the_yard(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    steps: list[tuple[int, Callable[[], Any], str]] = [
        (-23, lambda: commands.start_pickup(pickup.id, trips.driver), ", auf dem Weg zum Kunden"),
        (0, lambda: commands.arrive_pickup(pickup.id, trips.driver), ", an der Tür"),
        (20, lambda: commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver), ", auf dem Weg zu uns"),
        (45, lambda: commands.arrive_workshop(pickup.id, trips.driver), ", hat noch die Schlüssel"),
        (50, lambda: commands.complete_pickup(pickup.id, trips.driver), "steht auf dem Hof"),
    ]
    for minutes, press, said in steps:
        with trips.at(booking.pickup_time + timedelta(minutes=minutes)):
            press()
            client = login(trips.staff)
            page = text_of(client.get("/workshop"))
            assert said in words_of(page)
            assert ("steht auf dem Hof." in page) == (minutes >= 45)  # read aloud
            standing = words_of(text_of(client.get(f"/workshop/bookings/{booking.id}")))
            assert ("Steht auf dem Hof" in standing) == (minutes >= 45)
    came = clock(booking.pickup_time + timedelta(minutes=50))
    assert came in page.split("car-card-due")[1].split("</span>")[0]
    with trips.at(booking.pickup_time + timedelta(minutes=55)):
        check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
        assert "auf dem Hof" not in text_of(login(trips.staff).get("/workshop"))


def test_a_car_whose_booking_ended_here_is_on_todays_list_until_it_is_gone(trips: Trips, login: Login) -> None:
    booking = trips.booked(back=None)
    check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Widerruf")
    for at in (booking.pickup_time, booking.pickup_time + timedelta(days=1)):
        with trips.at(at):
            words = words_of(text_of(login(trips.staff).get("/workshop/list")))
            assert booking.customer_name in words.split("Außerdem bei uns oder unterwegs 1")[1]


def test_another_ronja_is_told_with_both_plates(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    before = booking.reservation.ronja
    after = next(one for one in trips.ronjas if one.id != before.id)
    seen = seen_of(trips.assignment(booking), before.id)
    decide(booking.id, PICKUP, Decision(ronja_id=after.id), seen=seen, actor=trips.dispatcher)
    words = words_of(text_of(login(trips.staff).get(f"/workshop/bookings/{booking.id}")))
    told = words.split("Andere Ronja")[1]
    assert told.strip().startswith(f"von selbst Ronja {before.license_plate} {after.license_plate}")
