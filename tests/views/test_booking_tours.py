"""The jockey on a booking's page: on the way, at the door, and what was noted there."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts.models import User
from b2c_web.bookings import hooks
from b2c_web.bookings.coming import fetched_at, tours_of
from b2c_web.bookings.models import Booking
from b2c_web.dispatch import commands
from b2c_web.flask_extensions import db
from b2c_web.formatting import clock, moment
from b2c_web.media.store import LocalMediaStore
from b2c_web.notifications.models import Notification, NotificationKind
from tests.commands.trips import HANDOVER, VIEWS, Trips
from tests.factories import make_customer
from tests.views.boards import counted
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]
HTMX = {"HX-Request": "true"}
NOTED = {"mileage_km": 48210, "fuel": "1", "keys": 2, "damage": "Kratzer, Tür vorn rechts", "signed_by": "Rosa Ritter"}


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


@pytest.fixture
def rosa(trips: Trips) -> User:
    user = make_customer(email="rosa@example.org")
    db.session.commit()
    return user


def page_of(client: FlaskClient, booking: Booking) -> str:
    answer = client.get(f"/bookings/{booking.id}")
    assert answer.status_code == 200
    return text_of(answer)


def told(booking: Booking, kind: NotificationKind) -> datetime:
    """The arrival that the message told."""
    row = db.session.query(Notification).filter_by(booking_id=booking.id, kind=kind).one()
    return datetime.fromisoformat(row.context["arrival_estimate"])


def noted_with_photos(trips: Trips, booking: Booking) -> dict[str, Any]:
    photos = [{"view": view, "file": trips.upload(booking)} for view in VIEWS]
    return {**NOTED, "photos": photos, "signature": trips.upload(booking, is_signature=True)}


@pytest.mark.parametrize("days", [0, 1])
def test_a_jockey_who_comes_is_named_with_the_arrival_that_was_told(
    trips: Trips, rosa: User, login: Login, days: int
) -> None:
    booking = trips.booked(user_id=rosa.id)
    pickup, name = trips.assignment(booking), trips.jockey.name
    begins = booking.pickup_time - timedelta(minutes=20, days=days)
    with trips.at(begins):
        client = login(rosa)
        seen = page_of(client, booking).split("seen=")[1].split('"')[0]
        commands.start_pickup(pickup.id, trips.driver, early=True)
        at = told(booking, NotificationKind.JOCKEY_UNDER_WAY)
        news = client.get(f"/bookings/{booking.id}?seen={seen}", headers=HTMX)
        assert news.status_code == 200
        head, course = words_of(text_of(news)).split("Verlauf")
    assert f"{name} ist unterwegs zu Ihnen und gegen {clock(at)} Uhr da." in head
    assert "Bitte halten Sie Schlüssel und Fahrzeugschein bereit." in head
    assert f"{name} ist unterwegs zu Ihnen" in course and f"gegen {clock(at)} Uhr" in course
    assert "Wir kommen am" not in head
    with trips.at(begins + timedelta(minutes=23)):
        commands.arrive_pickup(pickup.id, trips.driver)
        head, course = words_of(page_of(client, booking)).split("Verlauf")
        assert f"{name} steht vor Ihrer Tür." in head
        assert f"{name} steht vor Ihrer Tür" in course
        assert "unterwegs zu Ihnen" not in course


def test_times_of_other_days_stand_with_their_day(trips: Trips, rosa: User, login: Login) -> None:
    booking = trips.booked(user_id=rosa.id)
    trips.on_the_way_back(booking)
    at = fetched_at(tours_of(booking))
    assert at is not None
    with trips.at(at + timedelta(hours=1)):
        assert f"Abgeholt {clock(at)}" in words_of(page_of(login(rosa), booking))
    with trips.at(at + timedelta(days=2)):
        assert f"Abgeholt Do, 26. Nov., {clock(at)}" in words_of(page_of(login(rosa), booking))


def test_a_late_jockey_promises_no_arrival_in_the_past(trips: Trips, rosa: User, login: Login) -> None:
    booking = trips.booked(user_id=rosa.id)
    with trips.at(booking.pickup_time):
        client = login(rosa)
        commands.start_pickup(trips.assignment(booking).id, trips.driver)
        seen = page_of(client, booking).split("seen=")[1].split('"')[0]
    with trips.at(booking.pickup_time + timedelta(minutes=24)):
        news = client.get(f"/bookings/{booking.id}?seen={seen}", headers=HTMX)
        head = words_of(text_of(news)).split("Verlauf")[0]
    assert f"{trips.jockey.name} ist unterwegs zu Ihnen. Es dauert etwas länger als gedacht." in head
    assert "gegen" not in head


def test_on_the_way_back_too(trips: Trips, rosa: User, login: Login) -> None:
    booking = trips.booked(user_id=rosa.id)
    back, began = trips.on_the_way_back(booking)
    client, name = login(rosa), trips.jockey.name
    with trips.at(began + timedelta(minutes=1)):
        at = told(booking, NotificationKind.UNDER_WAY_BACK)
        head, course = words_of(page_of(client, booking)).split("Verlauf")
    assert f"{name} ist unterwegs zu Ihnen und gegen {clock(at)} Uhr da." in head
    assert "Bitte halten Sie die Schlüssel der Ronja bereit." in head
    assert f"Ihr Auto kommt zurück gegen {clock(at)} Uhr" in course
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        assert f"{name} steht vor Ihrer Tür." in words_of(page_of(client, booking))
    with trips.at(began + timedelta(minutes=30)):
        commands.complete_return(back.id, HANDOVER, trips.driver)
        page = page_of(client, booking)
    assert "Gute Fahrt" in page and "steht vor Ihrer Tür" not in page
    assert f"Unterwegs zu Ihnen {clock(began)}" in words_of(page)


def test_the_course_says_when_the_car_was_fetched(trips: Trips, rosa: User, login: Login) -> None:
    booking = trips.booked(user_id=rosa.id)
    trips.make_ready(booking)
    with trips.at(booking.pickup_time + timedelta(hours=4)):
        course = words_of(page_of(login(rosa), booking)).split("Verlauf")[1]
    assert f"Abgeholt {clock(booking.pickup_time + timedelta(minutes=20))}" in course


def test_the_customer_reads_what_was_noted_at_the_door(
    app: Flask, trips: Trips, rosa: User, login: Login, run_jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))
    booking = trips.booked(user_id=rosa.id)
    pickup, client = trips.at_the_door(booking), login(rosa)
    at = booking.pickup_time + timedelta(minutes=20)
    with trips.at(at):
        assert 'id="handovers"' not in page_of(client, booking)
        noted = noted_with_photos(trips, booking)
        run_jobs(only={"media.process"})
        commands.finish_pickup_handover(pickup.id, noted, trips.driver)
        page = page_of(client, booking)
        section = page.split('id="handovers"')[1].split("</section>")[0]
        words = words_of(section)
        links = re.findall(r"/media/file/[\w.\-]+", section)
        assert {client.get(link).status_code for link in links} == {200}
    assert f"Abholung, {moment(at)}, {trips.jockey.name}" in words
    for kept in ("48.210 km", "Tank: voll", "Schlüssel: 2", "Schäden: Kratzer, Tür vorn rechts", "Rosa Ritter"):
        assert kept in words
    assert section.count("photo-thumb") == section.count('id="zoom-') == 6


def test_the_return_stands_below_the_pickup(trips: Trips, rosa: User, login: Login) -> None:
    booking = trips.booked(user_id=rosa.id)
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        commands.complete_return(back.id, {**HANDOVER, "mileage_km": 52_020}, trips.driver)
        section = page_of(login(rosa), booking).split('id="handovers"')[1].split("</section>")[0]
    words = words_of(section)
    assert words.index("Abholung,") < words.index("Rückgabe,") < words.index("52.020 km")


def test_what_came_to_nothing_is_no_handover(trips: Trips, rosa: User, login: Login) -> None:
    booking = trips.booked(user_id=rosa.id)
    trips.miss(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=16)):
        page = page_of(login(rosa), booking)
    assert "Wir haben Sie nicht angetroffen" in page
    assert 'id="handovers"' not in page


def test_nobody_else_reads_it(trips: Trips, rosa: User, login: Login) -> None:
    booking = trips.booked(user_id=rosa.id)
    trips.drive_in(booking)
    stranger = make_customer(email="stranger@example.org")
    db.session.commit()
    for person in (stranger, trips.staff, trips.driver):
        assert login(person).get(f"/bookings/{booking.id}").status_code in (403, 404)


def test_tours_and_handovers_take_two_statements(
    trips: Trips, rosa: User, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = trips.booked(user_id=rosa.id)
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        commands.complete_return(back.id, noted_with_photos(trips, booking), trips.driver)
        client = login(rosa)
        counts = []
        for asked in (hooks.tours_of.functions, []):
            monkeypatch.setattr(hooks.tours_of, "functions", asked)
            trips.session.expire_all()
            with counted() as sent:
                page = page_of(client, booking)
            assert ('id="handovers"' in page) is bool(asked)
            counts.append(len(sent))
    assert counts[0] - counts[1] == 2


def test_the_page_follows_until_the_photos_are_there(
    app: Flask, trips: Trips, rosa: User, login: Login, run_jobs: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))
    booking = trips.booked(user_id=rosa.id)
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        commands.complete_return(back.id, noted_with_photos(trips, booking), trips.driver)
        client = login(rosa)
        assert "every 20s" in page_of(client, booking)
        run_jobs(only={"media.process"})
        assert "every 20s" not in page_of(client, booking)
