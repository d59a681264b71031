"""A handover that is sent again: its answer was lost, or the signature could not be kept the first time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.dispatch import commands, photos, replanning
from b2c_web.errors import Busy
from b2c_web.media import hooks
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState
from tests.commands.trips import Trips
from tests.views.browsing import send
from tests.views.test_dispatch_door import DRAWN, NOTED, five_photos, path
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def test_it_is_said_to_be_saved_though_a_photo_was_refused_meanwhile(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    page, facts = path(pickup, "handover"), {**NOTED, **shown, "signature": DRAWN}
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        assert send(client, page, **facts).location == "/jockey"
        client.get("/jockey")
        file = trips.session.get(MediaFile, photos.as_id(shown["photo_left"]))
        file.state, file.reason, file.staging_name = MediaState.REFUSED, "unreadable", None
        trips.session.commit()
        again = send(client, page, "/jockey", **facts)
        assert again.location == "/jockey"
        assert "Die Übergabe ist gespeichert." in words_of(text_of(client.get(again.location)))


@pytest.mark.parametrize("name", ["Rosa Ahorn", None])
def test_the_part_for_a_typed_name_stays_open_while_the_tick_is_missing(
    trips: Trips, login: Login, name: str | None
) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        typed = {"signed_by": name or booking.customer_name}  # the page offers the customer's name
        refused = send(login(trips.driver), path(pickup, "handover"), **NOTED, **shown, **typed)
    assert refused.status_code == 422
    words, unsigned = words_of(text_of(refused)), "Es fehlt noch die Unterschrift."
    assert ("Bitte setzen Sie noch den Haken" in words, unsigned in words) == (bool(name), not name)
    assert '<details class="plain-details" open>' in refused.text
    assert f'value="{typed["signed_by"]}"' in refused.text


def busy(*_arguments: Any, **_facts: Any) -> None:
    raise Busy


def test_a_signature_is_carried_on_while_the_booking_is_busy(
    trips: Trips, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    page, facts = path(pickup, "handover"), {**NOTED, **shown, "signature": DRAWN}
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        with monkeypatch.context() as moment:
            moment.setitem(hooks.lock, MediaPurpose.BOOKING, busy)
            told = send(client, page, **facts)
        assert told.status_code == 422
        assert "Unterschrift: Gerade ist viel los." in words_of(text_of(told))
        for kept in (DRAWN, NOTED["mileage_km"], *shown.values()):
            assert f'value="{kept}"' in told.text
        assert send(client, page, **facts).status_code == 303
    assert trips.assignment(booking).handover["signature"]


def test_what_was_typed_stays_while_the_booking_is_busy(
    trips: Trips, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    page, facts = path(pickup, "handover"), {**NOTED, **shown}
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        with monkeypatch.context() as moment:
            moment.setattr(commands, "lock_assignment", busy)
            told = send(client, page, **facts, signature=DRAWN)
        assert told.status_code == 503
        words = words_of(text_of(told))
        assert "Gerade ist viel los." in words
        assert "Die Unterschrift ist gespeichert." in words
        assert f'value="{NOTED["mileage_km"]}"' in told.text


def test_a_call_that_could_not_be_noted_says_why(trips: Trips, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    page = path(pickup, "no-show")
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        with monkeypatch.context() as moment:
            moment.setattr(commands, "record_call", busy)
            assert send(client, path(pickup, "calls"), page).location == page
        words = words_of(text_of(client.get(page)))
    assert "Gerade ist viel los." in words
    assert "Der Stand dieser Fahrt hat sich geändert." not in words
    assert "0 von 3" in words


def test_that_a_booking_takes_no_more_files_is_said_and_a_typed_name_goes(
    app: Flask, trips: Trips, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    monkeypatch.setitem(app.config, "MEDIA_MAX_FILES", len(shown))
    page, facts = path(pickup, "handover"), {**NOTED, **shown}
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        told = send(client, page, **facts, signature=DRAWN)
        assert told.status_code == 422
        words = words_of(text_of(told))
        assert "Unterschrift: Zu diesem Auftrag gibt es schon sehr viele Fotos." in words
        assert "Es fehlt noch die Unterschrift." not in words
        assert send(client, page, **facts, signed="y", signed_by="Rosa Ahorn").status_code == 303


def test_what_was_signed_before_the_trip_was_given_anew_does_not_count(trips: Trips, login: Login) -> None:
    """Perhaps for another Ronja: whoever signs confirms that one."""
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=5)):
        facts = {**NOTED, **five_photos(trips, booking)}
        facts["signature_id"] = trips.upload(booking, is_signature=True)
    with trips.at(booking.pickup_time + timedelta(minutes=8)):
        later = booking.pickup_time + timedelta(minutes=30)
        replanning.reassign(pickup.id, trips.jockey.id, scheduled_time=later, actor=trips.dispatcher)
        again = trips.assignment(booking)
        commands.start_pickup(again.id, trips.driver, early=True)
        commands.arrive_pickup(again.id, trips.driver)
        answer = send(login(trips.driver), path(again, "handover"), **facts)
    assert answer.status_code == 422
    assert trips.assignment(booking).handover is None
