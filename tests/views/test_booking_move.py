"""Moving: what the booking holds itself is free for it, and its own date is no new one."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.bookings.moving import shown_of
from b2c_web.checks import breaches
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import WorkshopCapacity
from tests.commands.scene import Scene
from tests.factories import make_customer
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

HTMX = {"HX-Request": "true"}


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[[datetime], Any]) -> Scene:
    """One Ronja."""
    return Scene(session)


@pytest.fixture
def rosa(scene: Scene, login: Callable[[User], FlaskClient]) -> User:
    user = make_customer()
    db.session.commit()
    login(user)
    return user


def fill_the_day(scene: Scene, slot: int) -> None:
    day = scene.session.scalars(select(WorkshopCapacity).filter_by(date=scene.slots[slot].service_date)).one()
    day.max_bookings = day.current_bookings
    scene.session.commit()


@pytest.mark.parametrize("back", [7, None])
def test_a_later_window_of_a_day_that_only_this_booking_fills(
    scene: Scene, rosa: User, client: FlaskClient, back: int | None
) -> None:
    """With concierge it holds the only Ronja too."""
    booking = scene.booked(5, back, user_id=rosa.id)
    fill_the_day(scene, 5)
    address, wanted = f"/bookings/{booking.id}/move", scene.slots[6].id
    fragment = text_of(client.get(f"{address}?slot={wanted}", headers=HTMX))
    assert f'value="{wanted}"' in fragment
    assert "nicht mehr frei" not in fragment
    other = scene.slots[8].id if back else None
    moved = send(client, address, fee_cents="0", slot=wanted, **({"back": other} if other else {}))
    assert moved.location == f"/bookings/{booking.id}"
    booking = db.session.get_one(Booking, booking.id)
    assert (booking.slot_id, booking.return_slot_id) == (wanted, other)
    assert breaches() == []


def test_for_anybody_else_the_day_stays_full(scene: Scene, rosa: User, client: FlaskClient) -> None:
    mine = scene.booked(0, None, user_id=rosa.id)
    scene.booked(5, None)
    fill_the_day(scene, 5)
    answer = send(client, f"/bookings/{mine.id}/move", fee_cents="0", slot=scene.slots[6].id)
    assert answer.status_code == 422
    assert db.session.get_one(Booking, mine.id).slot_id == scene.slots[0].id


def test_its_own_date_is_marked_and_not_offered_as_the_next(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(0, None, user_id=rosa.id)
    page = text_of(client.get(f"/bookings/{booking.id}/move?day={scene.slots[0].service_date}"))
    assert "Ihr Termin</span>" in page
    own, following = scene.slots[0].id, scene.slots[1].id
    free = page[page.index('id="next-free"') :]
    assert f"slot={following}" in free
    assert f"slot={own}" not in free[: free.index("</section>")]


def test_with_nothing_else_free_the_own_date_can_still_be_chosen(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(0, None, user_id=rosa.id)
    for slot in scene.slots[1:]:
        slot.is_available = False
    db.session.commit()
    address = f"/bookings/{booking.id}/move"
    page = text_of(client.get(f"{address}?slot={scene.slots[0].id}"))
    assert "ist alles vergeben" not in page
    assert "Ihr Termin</span>" in page
    assert 'id="next-free"' not in page
    scene.slots[0].is_available = False
    db.session.commit()
    assert "ist alles vergeben" in text_of(client.get(address))


def test_who_moves_from_an_old_page_is_told(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(0, None, user_id=rosa.id)
    address, old = f"/bookings/{booking.id}/move", shown_of(booking)
    first = send(client, address, fee_cents="0", slot=scene.slots[5].id, seen=old)
    assert first.location == f"/bookings/{booking.id}"
    second = send(client, address, fee_cents="0", slot=scene.slots[6].id, seen=old)
    assert (second.status_code, "Ihr Termin ist inzwischen ein anderer." in text_of(second)) == (409, True)
    assert db.session.get_one(Booking, booking.id).slot_id == scene.slots[5].id


def test_its_own_date_is_no_new_one(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(5, 7, user_id=rosa.id)
    same = send(client, f"/bookings/{booking.id}/move", fee_cents="0", slot=scene.slots[5].id, back=scene.slots[7].id)
    assert same.status_code == 409
    assert "Das ist schon Ihr Termin." in text_of(same)
    later = send(client, f"/bookings/{booking.id}/move", fee_cents="0", slot=scene.slots[5].id, back=scene.slots[8].id)
    assert later.location == f"/bookings/{booking.id}"


def test_the_present_date_is_said_and_marked_and_its_return_stays_ticked(
    scene: Scene, rosa: User, client: FlaskClient
) -> None:
    booking = scene.booked(0, 3, user_id=rosa.id)
    page = text_of(client.get(f"/bookings/{booking.id}/move"))
    words = words_of(page)
    assert "Bisher: Do, 26. Nov., 8–10 Uhr. Zurück: Do, 26. Nov., 14–16 Uhr." in words
    assert page.count('class="day-number day-own">26<') == 1
    assert "12 = Ihr Termin" in words
    again = text_of(client.get(f"/bookings/{booking.id}/move?slot={scene.slots[0].id}", headers=HTMX))
    returns = again.split('id="returns"')[1]
    line = returns.split(f'value="{scene.slots[3].id}"')[1].split("</div>")[0]
    assert line.lstrip().startswith("checked")
    assert "Do, 26. Nov., Ihr Termin" in words_of(line)
