"""Staff ask for another date: one that could not be cancelled free is the last resort, and the page says so."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.bookings.models import Booking
from b2c_web.capacity.move_asking import ask_to_move
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import WorkshopCapacity
from tests.commands.scene import Scene
from tests.factories import make_user
from tests.views.walking import text_of, words_of

WEDNESDAY, THURSDAY = date(2026, 11, 25), date(2026, 11, 26)  # the clock stands at Tuesday noon


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[[datetime], Any]) -> Scene:
    return Scene(session, first=WEDNESDAY, days=3)


@pytest.fixture
def booking(scene: Scene) -> Booking:
    """Thursday, first window."""
    return scene.booked(5, None)


def asked(scene: Scene, booking: Booking, client: FlaskClient) -> str:
    ask_to_move(make_user(Role.WORKSHOP, workshop_id=scene.workshop.id), booking.id)
    mail = db.session.query(Notification).filter_by(kind=NotificationKind.MOVE_ASKED).one()
    return words_of(text_of(client.get(mail.context["link_path"])))


def test_later_days_are_offered_first(scene: Scene, booking: Booking, client: FlaskClient) -> None:
    page = asked(scene, booking, client)
    assert "Fr, 27. Nov." in page
    assert "Mi, 25. Nov." not in page
    assert "nicht mehr kostenlos stornieren" not in page


def test_where_nothing_else_is_free_the_page_says_what_it_costs(
    scene: Scene, booking: Booking, client: FlaskClient
) -> None:
    friday = db.session.query(WorkshopCapacity).filter_by(date=THURSDAY + timedelta(days=1)).one()
    friday.max_bookings = 0
    db.session.commit()
    page = asked(scene, booking, client)
    assert "Mi, 25. Nov." in page
    assert "Mi, 25. Nov., 14–16 Uhr" in page
    assert page.count("Diesen Termin können Sie nicht mehr kostenlos stornieren.") == 1  # 12 to 14, in 24 hours
