"""A jockey who sets out long before the planned departure has to mean it; the customer's mail names the day."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.bookings.models import AssignmentType
from b2c_web.dispatch.commands import start_pickup, start_return
from b2c_web.dispatch.models import AssignmentStatus
from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from tests.commands.trips import Trips
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
Login = Callable[..., FlaskClient]
TICK = "Ich fahre schon jetzt los, der Kunde weiß Bescheid"


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def test_a_trip_of_another_day_starts_only_when_it_is_meant(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    page = f"/jockey/trips/{tour.id}/step"
    with trips.at(booking.pickup_time - timedelta(days=1)):
        client = login(trips.driver)
        words = words_of(text_of(client.get(page)))
        assert "Geplant ist die Abfahrt am Do, 26. Nov., um 07:37 Uhr." in words
        assert TICK in words
        refused = send(client, page, status="ASSIGNED")
        assert refused.status_code == 422
        assert "Bitte bestätigen Sie, dass Sie schon jetzt losfahren." in words_of(text_of(refused))
        assert 'href="#early"' in refused.text
        assert trips.assignment(booking).status is AssignmentStatus.ASSIGNED
        assert send(client, page, status="ASSIGNED", early="y").status_code == 303
        assert trips.assignment(booking).status is AssignmentStatus.EN_ROUTE_TO_PICKUP
        row = db.session.query(Notification).filter_by(kind=NotificationKind.JOCKEY_UNDER_WAY).one()
        assert "Ihr Jockey kommt am Mi, 25. Nov., gegen 08:23 Uhr" in render(row).subject
        assert "an der Tür um 08:23" in words_of(text_of(client.get("/jockey")))


@pytest.mark.parametrize("kind", [PICKUP, RETURN])
def test_who_does_not_say_so_does_not_mean_it(trips: Trips, kind: AssignmentType) -> None:
    booking = trips.booked()
    if kind is RETURN:
        trips.make_ready(booking)
    tour, start = trips.assignment(booking, kind), {PICKUP: start_pickup, RETURN: start_return}[kind]
    with trips.at(tour.scheduled_time - timedelta(hours=3)):
        with pytest.raises(Invalid) as refused:
            start(tour.id, trips.driver)
        assert (refused.value.code, refused.value.details["field"]) == ("too_early", "early")
        assert trips.assignment(booking, kind).status is AssignmentStatus.ASSIGNED
        start(tour.id, trips.driver, early=True)
        assert trips.assignment(booking, kind).started_at is not None


@pytest.mark.parametrize(
    ("minutes", "is_asked", "setting"), [(120, False, 120), (121, True, 120), (121, False, 180), (1, True, 0)]
)
def test_two_hours_before_are_not_early(
    app: Flask, monkeypatch: pytest.MonkeyPatch, trips: Trips, login: Login, minutes: int, is_asked: bool, setting: int
) -> None:
    booking = trips.booked()
    monkeypatch.setitem(app.config, "EARLY_DEPARTURE_MINUTES", setting)
    page = f"/jockey/trips/{trips.assignment(booking).id}/step"
    with trips.at(booking.pickup_time - timedelta(minutes=23 + minutes)):
        client = login(trips.driver)
        assert (TICK in text_of(client.get(page))) is is_asked
        assert send(client, page, status="ASSIGNED").status_code == (422 if is_asked else 303)
