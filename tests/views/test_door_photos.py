"""Without script the photos come with the form at the door, and whatever button sends them, nothing is lost."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.bookings.models import Booking
from b2c_web.dispatch import commands
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.media import rules, sent
from b2c_web.media.models import MediaPurpose
from b2c_web.media.queries import files_for
from b2c_web.media.store import LocalMediaStore
from tests.commands.trips import PNG, VIEWS, Trips
from tests.factories.media import video
from tests.views.browsing import send, token_on
from tests.views.test_dispatch_door import DRAWN, NOTED, path
from tests.views.test_extension_photos import chosen, ticks
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus
Login = Callable[..., FlaskClient]
BY_NAME = {"signed": "y", "signed_by": "Nora Nachbar"}
TYPED = {**NOTED, **BY_NAME, "papers": "y", "wishes": "Bitte nicht waschen"}


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


@pytest.fixture(autouse=True)
def store(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))


def picked(*names: str) -> dict[str, Any]:
    """A file that was chosen in each of these fields and not sent yet."""
    return {f"file-{name}": chosen(BytesIO(PNG)) for name in names}


def all_views() -> list[str]:
    return [f"photo_{view}" for view in VIEWS]


def ticked(page: str) -> set[str]:
    """The names of what is ticked or picked on a page."""
    boxes = [box for box in re.findall(r"<input[^>]*>", page) if re.search(r"\schecked", box)]
    return {re.findall(r'name="([^"]+)"', box)[0] for box in boxes}


def uploaded(booking: Booking) -> list[str]:
    return [str(file.id) for file in files_for(MediaPurpose.BOOKING, booking.id) if not file.is_signature]


@pytest.fixture
def booking(trips: Trips) -> Booking:
    return trips.booked()


@pytest.fixture
def pickup(trips: Trips, booking: Booking) -> JockeyAssignment:
    return trips.at_the_door(booking)


@pytest.fixture
def door(trips: Trips, booking: Booking) -> Any:
    return trips.at(booking.pickup_time + timedelta(minutes=10))


def test_sending_a_photo_keeps_what_was_typed_and_the_photos_and_the_signature(
    trips: Trips, login: Login, booking: Booking, pickup: JockeyAssignment, door: Any
) -> None:
    with door:
        client, earlier = login(trips.driver), trips.upload(booking)
        signed = send(client, path(pickup, "handover"), photo_front=earlier, signature=DRAWN).text
        signature = signed.split('name="signature_id"')[1].split('value="')[1].split('"')[0]
        fields = {**TYPED, "photo_front": earlier, "signature_id": signature, "files": "photo_rear"}
        answer = send(client, path(pickup, "handover"), **fields, **picked("photo_rear", "photo_left"))
        page = answer.text
    assert answer.status_code == 200
    for kept in ("48210", "12480", "Nora Nachbar", signature):
        assert f'value="{kept}"' in page
    for kept in ("Kratzer, Tür vorn rechts", "Bitte nicht waschen", "Die Unterschrift ist gespeichert."):
        assert kept in page
    assert {"fuel", "keys", "ronja_fuel", "papers", "swapped", "signed"} <= ticked(page)
    assert "Fotos 3 von 5" in words_of(text_of(answer))
    assert "Bitte prüfen Sie" not in words_of(text_of(answer))
    rear, left = [one for one in uploaded(booking) if one != earlier]
    for name, one in (("photo_front", earlier), ("photo_rear", rear), ("photo_left", left)):
        assert ticks(page, name, one)


def test_photos_that_were_chosen_and_not_sent_alone_go_with_the_handover(
    trips: Trips, login: Login, booking: Booking, pickup: JockeyAssignment, door: Any
) -> None:
    with door:
        answer = send(login(trips.driver), path(pickup, "handover"), **TYPED, **picked(*all_views()))
        assert (answer.status_code, answer.location) == (303, "/jockey")
    kept = trips.assignment(booking).handover["photos"]
    assert [photo["view"] for photo in kept] == list(VIEWS)
    assert [photo["file"] for photo in kept] == uploaded(booking)


def test_a_refused_save_keeps_old_and_new_photos(
    trips: Trips, login: Login, booking: Booking, pickup: JockeyAssignment, door: Any
) -> None:
    with door:
        client, earlier = login(trips.driver), trips.upload(booking)
        first = send(client, path(pickup, "handover"), **TYPED, photo_front=earlier, **picked("photo_rear"))
        assert first.status_code == 422
        assert "Es fehlen noch Fotos: links, rechts und Tacho." in words_of(text_of(first))
        rear = uploaded(booking)[-1]
        fields = {**TYPED, "photo_front": earlier, "photo_rear": rear, "files": "photo_left"}
        second = send(client, path(pickup, "handover"), **fields, **picked("photo_left")).text
        assert ticks(second, "photo_front", earlier)
        assert ticks(second, "photo_rear", rear)
        assert ticks(second, "photo_left", uploaded(booking)[-1])


def test_a_new_photo_takes_the_place_of_the_old(
    trips: Trips, login: Login, booking: Booking, pickup: JockeyAssignment, door: Any
) -> None:
    with door:
        old = trips.upload(booking)
        fields = {"photo_front": old, "files": "photo_front"}
        page = send(login(trips.driver), path(pickup, "handover"), **fields, **picked("photo_front")).text
    assert f'value="{old}"' not in page
    assert ticks(page, "photo_front", uploaded(booking)[-1])


def test_choosing_none_and_a_file_that_is_no_photo_are_said_at_their_field(
    trips: Trips, login: Login, pickup: JockeyAssignment, door: Any
) -> None:
    with door:
        client = login(trips.driver)
        none = send(client, path(pickup, "handover"), **TYPED, files="photo_rear")
        files = picked(*all_views()) | {"file-photo_left": chosen(BytesIO(b"GIF89a"))}
        wrong = send(client, path(pickup, "handover"), **TYPED, **files)
    field = f"media-photo_rear-{pickup.booking_id}-error"
    assert "Bitte wählen Sie ein Foto oder Video." in none.text.split(f'id="{field}"')[1].split("</p>")[0]
    assert 'value="48210"' in none.text
    assert wrong.status_code == 422
    words = words_of(text_of(wrong))
    assert "Fotos: „foto0.jpg“ ist kein Foto oder Video" in words
    assert "Fotos 4 von 5" in words


@pytest.mark.parametrize("kind", ["pickup", "return"])
def test_sent_twice_with_its_photos_it_is_saved_once_and_well(trips: Trips, login: Login, kind: str) -> None:
    booking, facts = trips.booked(), {**TYPED}
    tour, now = trips.at_the_door(booking), booking.pickup_time
    if kind == "return":
        tour, now = trips.on_the_way_back(booking)
        now, facts["mileage_km"] = now + timedelta(minutes=23), "52010"
        with trips.at(now):
            commands.arrive_return(tour.id, trips.driver)
    with trips.at(now + timedelta(minutes=10)):
        client = login(trips.driver)
        token = token_on(client, path(tour, "handover"))
        for _tap in range(2):
            data = {"csrf_token": token, **facts, **picked(*all_views())}
            answer = client.post(path(tour, "handover"), data=data)
            assert (answer.status_code, answer.location) == (303, "/jockey")


def test_the_photo_of_the_place_comes_with_a_call_and_with_the_form(
    trips: Trips, login: Login, booking: Booking, pickup: JockeyAssignment
) -> None:
    page, arrived = path(pickup, "no-show"), booking.pickup_time
    with trips.at(arrived + timedelta(minutes=2)):
        client = login(trips.driver)
        answer = send(client, path(pickup, "calls"), page, **picked("photo"))
        assert answer.location == f"{page}?photo={uploaded(booking)[0]}"
    for minutes in (6, 10):
        with trips.at(arrived + timedelta(minutes=minutes)):
            commands.record_call(pickup.id, trips.driver)
    with trips.at(arrived + timedelta(minutes=15)):
        shown = send(client, page, waited="y", files="photo", **picked("photo"))
        assert shown.status_code == 200
        assert ticks(shown.text, "photo", uploaded(booking)[-1])
        assert "waited" in ticked(shown.text)
        token = token_on(client, page)
        for _tap in range(2):
            answer = client.post(page, data={"csrf_token": token, "waited": "y", **picked("photo")})
            assert (answer.status_code, answer.location) == (303, "/jockey")
    ended = trips.assignment(booking)
    assert ended.cancel_reason is CancelReason.NO_SHOW
    assert ended.handover["no_show"]["photo"] in uploaded(booking)


@pytest.mark.parametrize("page", ["handover", "no-show"])
def test_only_the_own_jockey_may_send_more_than_any_form(
    app: Flask, trips: Trips, login: Login, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = trips.booked()
    tour, other = trips.at_the_door(booking), trips.user_of(trips.second_jockey())
    monkeypatch.setitem(app.config, "MAX_CONTENT_LENGTH", 30_000)
    name = "photo_front" if page == "handover" else "photo"
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        for person, codes in ((other, (404, 413)), (trips.staff, (403, 404, 413)), (trips.driver, (200,))):
            client, film = login(person), BytesIO(video().getvalue() + b"\0" * 60_000)
            data = {"csrf_token": token_on(client, "/account"), "files": name, f"file-{name}": chosen(film)}
            assert client.post(path(tour, page), data=data).status_code in codes
    assert len(uploaded(booking)) == 1


def test_a_form_with_more_than_all_files_together_may_be_is_not_read(
    app: Flask, trips: Trips, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MEGABYTE", 60_000)
    monkeypatch.setattr(sent, "FORM_BYTES", 10_000)
    for name, most in (("MEDIA_PHOTO_MAX_MB", 1), ("MEDIA_VIDEO_MAX_MB", 1), ("MEDIA_FORM_MAX_MB", 2)):
        monkeypatch.setitem(app.config, name, most)
    booking, large = trips.booked(), PNG.ljust(58_000, b"\0")
    tour = trips.at_the_door(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        assert "Alle Dateien zusammen höchstens 2 MB." in words_of(text_of(client.get(path(tour, "handover"))))
        files = {f"file-{name}": chosen(BytesIO(large)) for name in all_views()}
        assert send(client, path(tour, "handover"), **files).status_code == 413
    assert uploaded(booking) == []
    assert trips.assignment(booking).status is S.AT_PICKUP_LOCATION
