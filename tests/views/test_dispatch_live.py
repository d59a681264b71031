"""A jockey's and a dispatcher's open pages follow what others do: 204 while nothing changed, an end when it is over."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, Trip
from b2c_web.bookings.returning import replan_return, return_options
from b2c_web.dispatch import commands, replanning
from b2c_web.dispatch.models import CancelReason
from tests.commands.trips import CAR, PICKUP, RETURN, Trips
from tests.factories import make_user
from tests.views.browsing import token_on
from tests.views.test_workshop_board import counted
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
HTMX = {"HX-Request": "true"}
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


@pytest.fixture
def booking(trips: Trips) -> Booking:
    return trips.booked()


class Region:
    """A live region of a page, as the browser has it."""

    def __init__(self, client: FlaskClient, page: str, region_id: str) -> None:
        self.client, self.id = client, region_id
        self._read(text_of(client.get(page)))

    def _read(self, html: str) -> None:
        tag = re.search(rf'<\w+[^>]*\bid="{self.id}"[^>]*>', html)
        assert tag, html
        href = re.search(r'hx-get="([^"]+)"', tag[0])
        self.href = href[1].replace("&amp;", "&") if href else ""

    @property
    def asks(self) -> bool:
        return bool(self.href)

    def ask(self) -> str | None:
        """What is new; None when the answer is 204."""
        answer = self.client.get(self.href, headers=HTMX)
        if answer.status_code == 204:
            assert answer.data == b""
            return None
        assert answer.status_code == 200
        self._read(text_of(answer))
        return answer.text


def page_of(trip: Any, page: str = "") -> str:
    return f"/jockey/trips/{trip.id}{page}"


def to_another(trips: Trips, booking: Booking) -> None:
    other = trips.second_jockey()
    replanning.reassign(trips.assignment(booking).id, other.id, actor=trips.dispatcher)


def test_a_jockeys_day_shows_what_is_taken_away_and_what_comes(trips: Trips, booking: Booking, login: Login) -> None:
    with trips.at(booking.pickup_time - timedelta(hours=1)):
        day = Region(login(trips.driver), "/jockey", "my-day")
        assert day.ask() is None
        to_another(trips, booking)
        fragment = day.ask()
        assert fragment is not None
        assert "Heute keine Fahrt" in words_of(fragment)
        assert 'id="next-step"' in fragment
        assert 'hx-swap-oob="true"' in fragment
        assert "Ich fahre los" not in fragment
        assert day.ask() is None
        replanning.reassign(trips.assignment(booking).id, trips.jockey.id, actor=trips.dispatcher)
        fragment = day.ask()
        assert fragment is not None
        assert "Ich fahre los" in fragment


def test_asking_costs_little_while_nothing_changed(trips: Trips, booking: Booking, login: Login) -> None:
    with trips.at(booking.pickup_time - timedelta(hours=1)):
        day = Region(login(trips.driver), "/jockey", "my-day")
        with counted() as statements:
            assert day.ask() is None
    assert len(statements) <= 6, statements


def test_a_day_that_is_over_asks_no_more(trips: Trips, booking: Booking, login: Login) -> None:
    with trips.at(booking.pickup_time):
        client = login(trips.driver)
        assert not Region(client, "/jockey?day=2026-11-25", "my-day").asks
        assert Region(client, "/jockey?day=2026-11-27", "my-day").asks
        day = Region(client, "/jockey", "my-day")
    with trips.at(booking.pickup_time + timedelta(days=1)):
        client = login(trips.driver)
        day.client = client
        assert day.ask() is not None
        assert not day.asks


def test_an_open_tour_follows_and_ends(trips: Trips, booking: Booking, login: Login) -> None:
    tour = trips.assignment(booking)
    with trips.at(booking.pickup_time - timedelta(hours=1)):
        page = Region(login(trips.driver), page_of(tour), "tour")
        assert page.ask() is None
        commands.start_pickup(tour.id, trips.dispatcher)
        fragment = page.ask()
        assert fragment is not None
        assert "Ich bin da" in fragment
        to_another(trips, booking)
        fragment = page.ask()
        assert fragment is not None
        assert "Diese Fahrt ist nicht mehr Ihre: umgeplant." in fragment
        assert "Am Beispielweg" not in fragment
        assert not page.asks


@pytest.mark.parametrize("page", ["/handover", "/no-show"])
def test_who_stands_at_the_door_is_told_that_the_trip_is_gone(
    trips: Trips, booking: Booking, login: Login, page: str
) -> None:
    tour = trips.at_the_door(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=3)):
        standing = Region(login(trips.driver), page_of(tour, page), "standing")
        commands.record_call(tour.id, trips.driver)
        assert standing.ask() is None
        bookings.cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Hagel")
        fragment = standing.ask()
        assert fragment is not None
        assert "Diese Fahrt ist nicht mehr Ihre: Buchung beendet." in words_of(fragment)
        assert 'href="/jockey"' in fragment
        assert not standing.asks


def test_who_is_about_to_set_out_is_told_of_another_ronja(trips: Trips, booking: Booking, login: Login) -> None:
    tour = trips.assignment(booking)
    with trips.at(booking.pickup_time - timedelta(hours=1)):
        standing = Region(login(trips.driver), page_of(tour, "/step"), "standing")
        tour.vehicle_id = next(one.id for one in trips.ronjas if one.id != tour.vehicle_id)
        trips.session.commit()
        fragment = standing.ask()
        assert fragment is not None
        assert "Geplant: 08:00 Uhr an der Tür" in words_of(fragment)
        assert tour.ronja.license_plate in fragment
        assert standing.ask() is None


def trip_of(booking: Booking, trips: Trips, kind: Any = PICKUP) -> str:
    trip = trips.session.query(Trip).filter_by(booking_id=booking.id, type=kind, released_at=None).one()
    return f"/dispatch/trips/{trip.id}"


@pytest.mark.parametrize("page", ["", "/cancellation", "/window", "/new-date"])
def test_a_dispatchers_forms_tell_what_became_of_the_trip(
    trips: Trips, booking: Booking, login: Login, page: str
) -> None:
    standing = Region(login(trips.dispatcher), trip_of(booking, trips) + page, "standing")
    assert standing.ask() is None
    replanning.cancel_assignment(trips.assignment(booking).id, CancelReason.REDISPATCHED, actor=trips.dispatcher)
    fragment = standing.ask()
    assert fragment is not None
    assert "Inzwischen hat sich diese Fahrt geändert: ohne Jockey." in words_of(fragment)
    assert standing.ask() is None
    bookings.cancel(booking.user, booking.id, accepted_fee_cents=0)
    fragment = standing.ask()
    assert fragment is not None
    assert "Diese Fahrt gibt es nicht mehr." in words_of(fragment)
    assert not standing.asks


@pytest.mark.parametrize("page", ["", "/cancellation", "/window", "/new-date"])
def test_a_page_of_a_trip_that_is_gone_leads_back_to_the_day(
    trips: Trips, booking: Booking, login: Login, page: str
) -> None:
    path = trip_of(booking, trips) + page
    bookings.cancel(booking.user, booking.id, accepted_fee_cents=0)
    client = login(trips.dispatcher)
    assert client.get(path).location == "/dispatch"
    assert "Diese Fahrt gibt es nicht mehr." in words_of(text_of(client.get("/dispatch")))
    assert login(make_user(Role.DISPATCHER)).get(path).status_code == 404


def test_a_window_for_a_return_that_has_another_one_by_now_leads_back_to_the_day(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    trips.make_ready(booking)
    client, path = login(trips.dispatcher), f"{trip_of(booking, trips, RETURN)}/window"
    token = token_on(client, path)
    chosen = next(one for one in return_options(booking) if one.slot_id != booking.return_slot_id)
    replan_return(booking.user, booking.id, chosen.slot_id)
    answer = client.post(path, data={"csrf_token": token, "slot_id": str(chosen.slot_id)})
    assert (answer.status_code, answer.location) == (303, "/dispatch")
    assert "Diese Fahrt gibt es nicht mehr." in words_of(text_of(client.get("/dispatch")))


def test_nobody_else_learns_what_became_of_a_trip(trips: Trips, booking: Booking, login: Login) -> None:
    path, tour = trip_of(booking, trips), trips.assignment(booking)
    other = trips.user_of(trips.second_jockey())
    assert login(other).get(page_of(tour, "/standing")).status_code == 404
    assert login(trips.staff).get(f"{path}/standing").status_code == 404


# a day without trips


def test_a_day_without_trips_leads_to_the_next_one_that_has_some(trips: Trips, login: Login) -> None:
    client = login(trips.dispatcher)
    region = Region(client, "/dispatch", "trips")
    assert region.ask() is None
    assert "Sobald jemand mit Abholung bucht" in text_of(client.get("/dispatch"))
    booking = trips.booked()
    said = region.ask() or ""
    assert "Die nächste ist am Donnerstag, 26. November 2026." in words_of(said)
    assert 'href="/dispatch?day=2026-11-26"' in said
    stranger = make_user(Role.DISPATCHER)
    trips.session.commit()
    assert "Die nächste ist" not in text_of(login(stranger).get("/dispatch"))
    assert booking.number in text_of(login(trips.dispatcher).get("/dispatch?day=2026-11-26"))


def test_a_return_that_failed_before_its_day_is_on_todays_list(trips: Trips, login: Login) -> None:
    booking = trips.booked(0, 7)
    back = trips.make_ready(booking)
    evening = booking.pickup_time + timedelta(hours=8)
    with trips.at(evening):
        commands.start_return(back.id, trips.driver, early=True)
        assert "Zuerst" not in words_of(text_of(login(trips.dispatcher).get("/dispatch")))
    with trips.at(evening + timedelta(minutes=30)):
        commands.return_failed(back.id, CancelReason.NO_SHOW, "", trips.driver)
        page = words_of(text_of(login(trips.dispatcher).get("/dispatch")))
        assert booking.number in page.split("Zuerst 1")[1]


def test_so_is_the_return_of_a_car_whose_booking_has_ended(trips: Trips, login: Login) -> None:
    booking = trips.booked(0, 7)
    trips.drive_in(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=60)):
        bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
    with trips.at(booking.pickup_time + timedelta(minutes=90)):
        bookings.cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Das Teil fehlt.")
    back = trips.assignment(booking, RETURN)
    with trips.at(booking.pickup_time + timedelta(hours=8)):
        commands.start_return(back.id, trips.driver, early=True)
        commands.return_failed(back.id, CancelReason.NO_SHOW, "", trips.driver)
        page = words_of(text_of(login(trips.dispatcher).get("/dispatch")))
        assert booking.number in page.split("Zuerst 1")[1]


def test_the_pages_of_one_trip_are_in_the_area_of_trips(trips: Trips, login: Login) -> None:
    trip_id, client = trips.assignment(trips.booked()).trip_id, login(trips.dispatcher)
    for path in ("", f"/trips/{trip_id}", f"/trips/{trip_id}/cancellation"):
        page = client.get(f"/dispatch{path}").text.partition("<main")[0]
        assert re.findall(r'<a href="([^"]*)"[^>]*aria-current="page"', page) == ["/dispatch"], path
