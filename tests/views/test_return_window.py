"""A customer whose car is ready chooses another return window: only what can be promised is offered."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands, lifecycle
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.returning import return_options
from b2c_web.bookings.views import returns
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.workshops.rules import Block
from tests.commands.scene import Scene
from tests.factories import make_user
from tests.views.browsing import send

pytestmark = pytest.mark.usefixtures("frozen_clock")
LEGEND = re.compile(r"<legend[^>]*>([^<]*)</legend>")
CAR = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2020}


def ready(scene: Scene) -> Booking:
    """A booking whose car waits in the workshop for its return."""
    booking = scene.booked()
    staff = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    with command_transaction():
        lifecycle.pick_up(lock_booking(booking.id))
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True)
    commands.start_work(staff, booking.id, unasked=True)
    commands.complete_work(staff, booking.id)
    return booking


def test_what_is_offered_can_be_chosen(client: FlaskClient, session: Any, login: Callable[..., FlaskClient]) -> None:
    scene = Scene(session)
    booking = ready(scene)
    login(booking.user)
    address = f"/bookings/{booking.id}/return"
    page = client.get(address).get_data(as_text=True)
    assert str(scene.slots[6].id) in page
    assert str(scene.slots[2].id) not in page  # the one it has
    answer = send(client, address, back=str(scene.slots[6].id))
    assert answer.status_code == 303
    db.session.expire_all()
    assert booking.return_slot_id == scene.slots[6].id


def test_the_windows_stand_by_day_and_days_further_off_are_folded_away(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(session, days=7)
    booking = ready(scene)
    login(booking.user)
    address, last = f"/bookings/{booking.id}/return", str(scene.slots[-2].id)
    page = client.get(address).get_data(as_text=True)
    near, far = page.split('<details class="plain-details">')
    assert LEGEND.findall(near) == ["Do, 26. Nov.", "Fr, 27. Nov.", "Mo, 30. Nov."]
    assert LEGEND.findall(far) == ["Di, 1. Dez.", "Mi, 2. Dez."]
    assert page.count('id="back-0"') == 1  # where the summary of what is wrong leads to
    monkeypatch.setattr(returns, "replan_return", taken)
    refused = send(client, address, back=last)
    assert refused.status_code == 409
    near, far = refused.get_data(as_text=True).split('<details class="plain-details" open>')
    assert re.search(rf'value="{last}" checked', far)
    assert "checked" not in near


def taken(*_: Any) -> None:
    raise PlaceTaken(block=Block.NO_JOCKEY)


def test_a_window_is_not_offered_when_the_ronja_is_promised(session: Any) -> None:
    scene = Scene(session)
    booking = ready(scene)
    scene.booked(5, 7)
    offered = [window.slot_id for window in return_options(booking)]
    assert offered
    assert set(offered) <= {slot.id for slot in scene.slots[:5]}


def test_nothing_chosen_is_said_and_a_booking_on_its_way_has_no_such_page(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    scene = Scene(session)
    booking = ready(scene)
    login(booking.user)
    address = f"/bookings/{booking.id}/return"
    unsaid = send(client, address)
    assert unsaid.status_code == 422
    assert 'href="#back-0"' in unsaid.get_data(as_text=True)
    with command_transaction():
        lifecycle.leave_for_customer(lock_booking(booking.id))
    assert client.get(address).status_code == 404


def test_a_stale_move_page_is_loaded_anew_as_a_whole(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    """Cancelled in another window: htmx is sent to the page that says so, never given a page to put into one."""
    scene = Scene(session)
    booking = scene.booked()
    login(booking.user)
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    answer = client.get(f"/bookings/{booking.id}/move?slot={scene.slots[1].id}", headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert answer.headers["HX-Redirect"].endswith(f"/bookings/{booking.id}/move")
