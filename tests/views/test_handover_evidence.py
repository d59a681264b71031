"""What counts as photos and signature at the customer's door, and who is told when one turns out to be no picture."""

from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.bookings.models import Booking
from b2c_web.dispatch import commands
from b2c_web.dispatch.models import AssignmentStatus
from b2c_web.media import cleaning
from b2c_web.media import commands as media
from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState
from tests.commands.trips import PNG, RETURN, VIEWS, Trips
from tests.views.boards import HTMX, region_of
from tests.views.browsing import send
from tests.views.test_dispatch_door import DRAWN, NOTED, five_photos, path
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus
Login = Callable[..., FlaskClient]
BROKEN = b"\xff\xd8\xff" + b"0" * 200  # a photo from outside


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def at_the_door(trips: Trips, booking: Booking) -> Any:
    return trips.at(booking.pickup_time + timedelta(minutes=10))


@pytest.mark.parametrize("forged", ["x", "photo", "the pickup's"])
def test_a_signature_is_one_that_was_drawn_on_this_trip(trips: Trips, login: Login, forged: str) -> None:
    booking = trips.booked()
    tour, now = trips.at_the_door(booking), booking.pickup_time + timedelta(minutes=10)
    sent = "x"
    if forged == "the pickup's":
        sent = trips.upload(booking, is_signature=True)
        tour, began = trips.on_the_way_back(booking)
        now = began + timedelta(minutes=23)
        with trips.at(now):
            commands.arrive_return(tour.id, trips.driver)
    shown = five_photos(trips, booking)
    with trips.at(now):
        client = login(trips.driver)
        facts = {**NOTED, "mileage_km": "52010", **shown}
        sent = shown["photo_front"] if forged == "photo" else sent
        answer = send(client, path(tour, "handover"), **facts, signature_id=sent)
        assert answer.status_code == 422
        assert "Unterschrift: Es fehlt noch die Unterschrift." in words_of(text_of(answer))
        assert "Die Unterschrift ist gespeichert." not in answer.text
        drawn = trips.upload(booking, is_signature=True)
        assert send(client, path(tour, "handover"), **facts, signature_id=drawn).status_code == 303


def test_a_signature_is_no_photo(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    shown["photo_left"] = trips.upload(booking, is_signature=True)
    with at_the_door(trips, booking):
        answer = send(login(trips.driver), path(pickup, "handover"), **NOTED, **shown, signature=DRAWN)
    assert "Es fehlen noch Fotos: links." in words_of(text_of(answer))


def test_one_photo_shows_one_view(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, one = trips.at_the_door(booking), trips.upload(booking)
    with at_the_door(trips, booking):
        client = login(trips.driver)
        every = {f"photo_{view}": one for view in VIEWS}
        answer = send(client, path(pickup, "handover"), **NOTED, **every, signature=DRAWN)
        words = words_of(text_of(answer))
        assert answer.status_code == 422
        assert "Es fehlen noch Fotos: hinten, links, rechts und Tacho." in words
        assert "Fotos 1 von 5" in words
        assert answer.text.count(f'value="{one}"') == 1
        assert "Kratzer, Tür vorn rechts" in answer.text
    assert trips.assignment(booking).status is S.AT_PICKUP_LOCATION


def test_the_pickups_photos_show_nothing_of_the_return(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    trips.at_the_door(booking)
    old = five_photos(trips, booking)
    back, began = trips.on_the_way_back(booking)
    facts = {**NOTED, "mileage_km": "52010"}
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        client = login(trips.driver)
        new = five_photos(trips, booking)
        mixed = {**new, "photo_rear": old["photo_rear"]}
        answer = send(client, path(back, "handover"), **facts, **mixed, signature=DRAWN)
        assert answer.status_code == 422
        assert "Es fehlen noch Fotos: hinten." in words_of(text_of(answer))
        assert all(f'value="{one}"' in answer.text for view, one in new.items() if view != "photo_rear")
        assert send(client, path(back, "handover"), **facts, **new, signature=DRAWN).status_code == 303
    assert trips.assignment(booking, RETURN).status is S.COMPLETED


def test_photos_of_somebody_else_do_not_count(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with at_the_door(trips, booking):
        theirs = add_upload(trips.staff, MediaPurpose.BOOKING, booking.id, BytesIO(PNG), "foto.png")
        shown["photo_front"] = str(theirs.id)
        answer = send(login(trips.driver), path(pickup, "handover"), **NOTED, **shown, signature=DRAWN)
    assert "Es fehlen noch Fotos: vorn." in words_of(text_of(answer))


def test_a_photo_that_never_came_does_not_count(trips: Trips, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with monkeypatch.context() as silent:
        silent.setattr(media, "_receive", lambda *_what: None)
        shown["photo_front"] = trips.upload(booking)
    with at_the_door(trips, booking):
        answer = send(login(trips.driver), path(pickup, "handover"), **NOTED, **shown, signature=DRAWN)
    assert answer.status_code == 422
    assert "Es fehlen noch Fotos: vorn." in words_of(text_of(answer))


def test_the_photo_of_a_no_show_is_of_this_trip(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    trips.call_three_times(pickup)
    with trips.at(booking.pickup_time + timedelta(minutes=15)):
        theirs = add_upload(trips.staff, MediaPurpose.BOOKING, booking.id, BytesIO(PNG), "foto.png").id
        answer = send(login(trips.driver), path(pickup, "no-show"), waited="y", photo=str(theirs))
    assert answer.status_code == 422
    assert "Es fehlt noch ein Foto vom Ort." in words_of(text_of(answer))


def test_nobody_waits_for_the_worker_and_the_dispatcher_is_told_of_what_it_cannot_read(
    trips: Trips, login: Login, run_jobs: Callable[..., list[str]]
) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    shown["photo_front"], signature = trips.upload(booking, BROKEN), trips.upload(booking, BROKEN, is_signature=True)
    with at_the_door(trips, booking):
        sent = {**NOTED, **shown, "signature_id": signature}
        assert send(login(trips.driver), path(pickup, "handover"), **sent).status_code == 303
        trip_page, day = f"/dispatch/trips/{pickup.trip_id}", f"/dispatch?day={booking.pickup_time.date()}"
        client = login(trips.dispatcher)
        before = text_of(client.get(day))
        assert "nicht lesbar" not in before
        assert "ließ sich nicht lesen" not in text_of(client.get(trip_page))
        run_jobs(only={"media.process"})
        trips.session.expire_all()
        assert trips.session.get(MediaFile, shown["photo_front"]).state is MediaState.REFUSED
        news = words_of(text_of(client.get(region_of(before[before.index('id="trips"') :]), headers=HTMX)))
        assert "Zuerst 1" in news
        assert "Foto nicht lesbar vorn und Unterschrift" in news
        assert "ließ sich nicht lesen: vorn und Unterschrift." in words_of(text_of(client.get(trip_page)))
    car = f"/workshop/bookings/{booking.id}"
    assert "Nicht lesbar: vorn und Unterschrift" in words_of(text_of(login(trips.staff).get(car)))
    with trips.at(booking.pickup_time + timedelta(days=30)):
        cleaning.clean_up()
        assert "Nicht lesbar: vorn und Unterschrift" in words_of(text_of(login(trips.staff).get(car)))


def test_what_is_sent_again_after_a_lost_answer_is_saved_already(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with at_the_door(trips, booking):
        client = login(trips.driver)
        for _press in range(2):
            answer = send(client, path(pickup, "handover"), "/jockey", **NOTED, **shown, signature=DRAWN)
            assert (answer.status_code, answer.location) == (303, "/jockey")
    assert trips.assignment(booking).status is S.IN_TRANSIT_TO_WORKSHOP
