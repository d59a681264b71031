"""The workshop's day as a plain list."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.factories import make_booking, make_customer, make_user, make_vehicle, make_workshop
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
THURSDAY = "/workshop/list?day=2026-11-26"
HTMX = {"HX-Request": "true"}
Login = Callable[..., FlaskClient]


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=3)


def named(scene: Scene, slot: int, plate: str, name: str, **facts: Any) -> Booking:
    user = make_customer()
    car = make_vehicle(user, license_plate=plate)
    return make_booking(scene.slots[slot], user=user, vehicle_id=car.id, customer_name=name, **facts)


@pytest.fixture
def day(scene: Scene) -> Booking:
    """A concierge booking at eight, a drop-off at ten, and what must not be listed."""
    fetched = make_booking(scene.slots[0], scene.slots[2], ronja=scene.ronjas[0], customer_name="Ada Ahorn")
    named(scene, 1, "DO MV 250", "Bo Birke")
    named(scene, 1, "DO XX 1", "Nicht Bezahlt", status=BookingStatus.PENDING)
    named(scene, 5, "DO YY 2", "Erst Freitag")
    make_booking(scene.slots[2], customer_name="Storniert", status=BookingStatus.CANCELLED)
    db.session.commit()
    return fetched


def staff(scene: Scene, login: Login, role: Role = Role.WORKSHOP) -> FlaskClient:
    return login(make_user(role, **({} if role is Role.ADMIN else {"workshop_id": scene.workshop.id})))


def test_the_day_stands_by_window(scene: Scene, day: Booking, login: Login) -> None:
    page = text_of(staff(scene, login).get(THURSDAY))
    words = words_of(page)
    assert "2 Autos 1 mit Abholung 1 selbst gebracht 2 noch nicht da" in words
    assert words.index("8–10 Uhr 1") < words.index("Ada Ahorn") < words.index("10–12 Uhr 1") < words.index("Bo Birke")
    assert "Kennzeichen fehlt" in words.split("Ada Ahorn")[0]
    assert "zurück Do, 26. Nov., 12–14 Uhr" in words
    assert "bringt es selbst" in words
    assert scene.ronjas[0].license_plate in words
    assert 'href="tel:+4923021234567"' in page
    assert "openstreetmap.org/search?query=Am%20Beispielweg%2012" in page
    for hidden in ("Nicht Bezahlt", "Erst Freitag", "Storniert"):
        assert hidden not in words


@pytest.mark.parametrize("wanted", ["do mv", "DOMV250", "birke", "BK-2026-"])
def test_search_finds_plate_name_and_number(scene: Scene, day: Booking, login: Login, wanted: str) -> None:
    answer = staff(scene, login).get(f"{THURSDAY}&q={wanted}", headers=HTMX)
    words = words_of(text_of(answer))
    assert "Bo Birke" in words
    assert ("Ada Ahorn" in words) is wanted.startswith("BK")
    assert ("2 gefunden" if wanted.startswith("BK") else "1 gefunden") in words


def test_nothing_found_and_nothing_there_have_a_way_on(scene: Scene, day: Booking, login: Login) -> None:
    client = staff(scene, login)
    assert "An diesem Tag gibt es kein Auto zu „zzz“." in words_of(text_of(client.get(f"{THURSDAY}&q=zzz")))
    assert "Kein Auto an diesem Tag" in words_of(text_of(client.get("/workshop/list?day=2026-11-28")))


@pytest.mark.parametrize("asked", ["", "heute", "9999-12-31", "0001-01-01"])
def test_without_a_sensible_day_it_is_today(scene: Scene, login: Login, asked: str) -> None:
    page = text_of(staff(scene, login).get(f"/workshop/list?day={asked}"))
    assert "Di, 24. Nov." in page
    assert "day=2026-11-25" in page
    assert "day=2026-11-23" in page


def test_cars_that_stayed_over_night_are_on_todays_list(scene: Scene, day: Booking, login: Login) -> None:
    day.status, day.workshop_checkin_at = BookingStatus.IN_WORKSHOP, clock.now_utc()
    db.session.commit()
    with clock.frozen(clock.now_utc() + timedelta(days=3)):
        client = staff(scene, login)
        words = words_of(text_of(client.get("/workshop/list")))
        assert "Außerdem bei uns oder unterwegs 1" in words
        assert "Ada Ahorn" in words.split("Außerdem bei uns oder unterwegs")[1]
        assert "Ada Ahorn" not in words_of(text_of(client.get("/workshop/list?day=2026-11-28")))


def test_a_car_that_came_before_its_day_is_on_todays_list_too(scene: Scene, day: Booking, login: Login) -> None:
    client = staff(scene, login)
    assert "Außerdem bei uns oder unterwegs" not in words_of(text_of(client.get("/workshop/list")))
    day.status, day.workshop_checkin_at = BookingStatus.IN_WORKSHOP, clock.now_utc()
    db.session.commit()
    assert "Außerdem bei uns oder unterwegs 1" in words_of(text_of(client.get("/workshop/list")))
    assert "Außerdem bei uns oder unterwegs" not in words_of(text_of(client.get(THURSDAY)))


def test_a_car_on_the_road_is_not_said_to_be_here(scene: Scene, day: Booking, login: Login) -> None:
    day.status, day.workshop_checkin_at = BookingStatus.IN_TRANSIT_TO_CUSTOMER, clock.now_utc()
    day.work_started_at = day.service_completed_at = clock.now_utc()
    db.session.commit()
    words = words_of(text_of(staff(scene, login).get("/workshop/list")))
    assert "Unterwegs zum Kunden" in words.split("Außerdem bei uns oder unterwegs 1")[1]


def test_a_workshop_sees_its_own_cars_only(scene: Scene, day: Booking, login: Login) -> None:
    other = make_workshop(name="Werkstatt Hagen")
    db.session.commit()
    page = words_of(text_of(login(make_user(Role.WORKSHOP, workshop_id=other.id)).get(THURSDAY)))
    assert "Ada Ahorn" not in page
    assert "Werkstatt Hagen" in page


def test_an_admin_sees_all_with_the_workshops_name(scene: Scene, day: Booking, login: Login) -> None:
    assert "Ada Ahorn" in (page := words_of(text_of(staff(scene, login, Role.ADMIN).get(THURSDAY))))
    assert "Werkstatt Witten" in page


def test_in_english(scene: Scene, day: Booking, login: Login) -> None:
    client = staff(scene, login)
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    words = words_of(text_of(client.get(THURSDAY)))
    assert "Thu 26 Nov" in words
    assert "2 cars 1 with pickup 1 brought by customers 2 not here yet" in words
