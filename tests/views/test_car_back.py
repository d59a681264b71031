"""A return failed on its way: until somebody says that the car is back, its jockey has it and drives nobody else's."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking
from b2c_web.dispatch import car_back, commands
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.replanning import assign_again
from b2c_web.errors import Conflict, NotFound
from tests.commands.trips import PICKUP, RETURN, Trips
from tests.factories import make_user
from tests.views.browsing import send, token_on
from tests.views.test_dispatch_door import path
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus
Login = Callable[..., FlaskClient]
PRESS = "Auto steht wieder in der Werkstatt"


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def failed(trips: Trips, booking: Booking, reason: CancelReason = CancelReason.NO_SHOW) -> tuple[Any, datetime]:
    """The return that its jockey gave up half an hour after the start, and when that was."""
    back, began = trips.on_the_way_back(booking)
    now = began + timedelta(minutes=30)
    with trips.at(now):
        commands.return_failed(back.id, reason, actor=trips.driver)
    return back, now


def press(client: FlaskClient, tour: JockeyAssignment) -> Any:
    return client.post(f"/trips/{tour.id}/car-back", data={"csrf_token": token_on(client, "/account")})


def noted(trips: Trips) -> list[Any]:
    trips.session.expire_all()
    return [row.actor_user_id for row in trips.session.query(AuditEntry).filter_by(action="assignment.car_back")]


@pytest.mark.parametrize("reason", [CancelReason.NO_SHOW, CancelReason.BREAKDOWN])
def test_the_jockey_says_once_that_the_car_is_back(trips: Trips, login: Login, reason: CancelReason) -> None:
    booking = trips.booked()
    back, now = failed(trips, booking, reason)
    with trips.at(now + timedelta(minutes=30)):
        client, page = login(trips.driver), path(back, "")[:-1]
        for place in (page, "/jockey"):
            assert f'action="/trips/{back.id}/car-back"' in client.get(place).text
        for _tap in range(2):
            assert press(client, back).location == "/jockey"
        for place in (page, "/jockey"):
            shown = client.get(place).text
            assert f'action="/trips/{back.id}/car-back"' not in shown
            assert "diese Rückgabe ist abgebrochen" not in words_of(shown)
        assert "Das Auto steht wieder in der Werkstatt." in words_of(text_of(client.get(page)))
    assert trips.assignment(booking, RETURN).car_back_at == now + timedelta(minutes=30)
    assert noted(trips) == [trips.driver.id]


@pytest.mark.parametrize("kind", [PICKUP, RETURN])
def test_until_then_the_next_trip_does_not_start(trips: Trips, login: Login, kind: Any) -> None:
    booking, other = trips.booked(), trips.booked(slot=1, back=3)
    if kind is RETURN:
        trips.make_ready(other)
    back, now = failed(trips, booking)
    tour = trips.assignment(other, kind)
    with trips.at(now + timedelta(minutes=5)):
        client = login(trips.driver)
        assert PRESS in words_of(text_of(client.get(path(tour, "step"))))
        refused = send(client, path(tour, "step"), status="ASSIGNED", early="y", has_ronja="y")
        assert refused.status_code == 409
        assert "Bitte melden Sie zuerst, dass es wieder in der Werkstatt steht" in words_of(text_of(refused))
        assert f'action="/trips/{back.id}/car-back"' in refused.text
        assert trips.assignment(other, kind).status is S.ASSIGNED
        press(client, back)
        assert f'action="/trips/{back.id}/car-back"' not in client.get(path(tour, "step")).text
        assert send(client, path(tour, "step"), status="ASSIGNED", early="y", has_ronja="y").status_code == 303


def test_who_plans_may_send_her_all_the_same_and_she_may_try_the_same_car_again(trips: Trips) -> None:
    booking, other = trips.booked(), trips.booked(slot=1, back=3)
    _back, now = failed(trips, booking)
    with trips.at(now + timedelta(minutes=5)):
        tour = trips.assignment(other)
        with pytest.raises(Conflict, match="car_out"):
            commands.start_pickup(tour.id, trips.driver, early=True, has_ronja=True)
        commands.start_pickup(tour.id, trips.dispatcher, early=True, has_ronja=True)
    assert trips.assignment(other).status is S.EN_ROUTE_TO_PICKUP


def test_after_a_breakdown_the_car_may_stand_anywhere_and_stops_no_other_trip(trips: Trips) -> None:
    booking, other = trips.booked(), trips.booked(slot=1, back=3)
    back, now = failed(trips, booking, CancelReason.BREAKDOWN)
    with trips.at(now + timedelta(minutes=5)):
        commands.start_pickup(trips.assignment(other).id, trips.driver, early=True, has_ronja=True)
        assert car_back.has_car_still(back)
    assert trips.assignment(other).status is S.EN_ROUTE_TO_PICKUP


def test_another_jockey_reads_who_has_the_car_and_may_take_it_over(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, now = failed(trips, booking)
    other, said = trips.second_jockey(), f"Auto noch bei {trips.jockey.name}"
    driver = trips.user_of(other)
    with trips.at(now + timedelta(minutes=5)):
        assign_again(booking.id, RETURN, jockey_id=other.id, actor=trips.dispatcher)
        page, client = path(trips.assignment(booking, RETURN), "step"), login(driver)
        assert said in words_of(text_of(client.get(page)))
        assert send(client, page, status="ASSIGNED", early="y").status_code == 303
        assert not car_back.has_car_still(back)


def test_dispatch_and_workshop_read_who_has_it_and_say_that_it_is_back(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, now = failed(trips, booking)
    said, trip = f"Auto noch bei {trips.jockey.name}", f"/dispatch/trips/{back.trip_id}"
    car = f"/workshop/bookings/{booking.id}"
    with trips.at(now + timedelta(minutes=5)):
        client = login(trips.dispatcher)
        for page in ("/dispatch", trip, car):
            assert said in words_of(text_of(client.get(page)))
        client = login(trips.staff)
        assert said in words_of(text_of(client.get(car)))
        assert press(client, back).location == car
        shown = words_of(text_of(client.get(car)))
        assert said not in shown
        assert PRESS in shown.partition("Was geschah")[2]
        client = login(trips.dispatcher)
        assert press(client, back).location == trip
        for page in ("/dispatch", trip):
            assert said not in words_of(text_of(client.get(page)))
    assert noted(trips) == [trips.staff.id]


def test_it_is_nobody_elses_to_say_and_only_of_a_return_that_failed(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    back, now = failed(trips, booking)
    strangers = [trips.user_of(trips.second_jockey()), make_user(trips.staff.role), booking.user]
    with trips.at(now + timedelta(minutes=5)):
        for person in strangers:
            assert press(login(person), back).status_code == 404
        with pytest.raises(NotFound):
            car_back.bring_back(back.id, strangers[0])
        assert press(login(trips.driver), pickup).status_code == 409
    assert noted(trips) == []


def test_work_on_the_car_shows_that_it_is_back(trips: Trips) -> None:
    booking = trips.booked()
    _back, now = failed(trips, booking)
    with trips.at(now + timedelta(hours=1)):
        bookings.rework(trips.staff, booking.id, "Bremse quietscht")
        assert not car_back.of_bookings([booking.id])
        bookings.complete_work(trips.staff, booking.id)
        assert not car_back.of_bookings([booking.id])
