"""A handover that is sent again: its answer was lost, or the signature could not be kept the first time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.dispatch import photos
from b2c_web.media.models import MediaFile, MediaState
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
