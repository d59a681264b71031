"""The month fragment over HTTP: reused between customers while nothing changed, new the moment something did."""

import hashlib
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from b2c_web.accounts.models import Role
from b2c_web.bookings.claim import book
from b2c_web.bookings.models import BookingDraft
from b2c_web.capacity.views import month as planning
from b2c_web.catalog.models import ServiceType
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from tests.commands.scene import Scene
from tests.factories import make_user

pytestmark = pytest.mark.usefixtures("frozen_clock")


def draft_for(client: FlaskClient) -> uuid.UUID:
    token = uuid.uuid4().hex
    with client.session_transaction() as cookie:
        cookie["browser"] = token
    draft = BookingDraft(
        browser_hash=hashlib.sha256(token.encode()).hexdigest(),
        postal_code="44137",
        vehicle_class=VehicleClass.MIDSIZE,
        service=ServiceType.BRAKE_SERVICE,
        car_details={},
    )
    db.session.add(draft)
    db.session.commit()
    return draft.id


def fragment(client: FlaskClient, draft_id: uuid.UUID, query: str = "") -> str:
    answer = client.get(f"/book/{draft_id}/date{query}", headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def statements_of(client: FlaskClient, draft_id: uuid.UUID) -> int:
    count = 0

    def note(*_arguments: Any) -> None:
        nonlocal count
        count += 1

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        fragment(client, draft_id)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return count


def test_the_fragment_is_shared_and_follows_every_booking(client: FlaskClient, session: Any) -> None:
    scene = Scene(session, places=2, ronjas=3)
    mine = draft_for(client)
    first = fragment(client, mine)
    fresh = statements_of(client, mine)
    other = client.application.test_client()
    assert fragment(other, draft_for(other)) == first
    book(scene.request(0, None))
    assert fragment(client, mine) != first
    client.application.config["CALENDAR_REUSE"] = False
    try:
        assert statements_of(client, mine) > fresh
        alone = fragment(client, mine)
    finally:
        client.application.config["CALENDAR_REUSE"] = True
    assert fragment(client, mine) == alone


def test_each_choice_and_each_language_has_its_own(client: FlaskClient, session: Any) -> None:
    scene = Scene(session)
    mine = draft_for(client)
    german = fragment(client, mine)
    assert fragment(client, mine, f"?slot={scene.slots[1].id}") != german
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    english = fragment(client, mine)
    assert english != german
    assert "November" in english


def test_a_workshops_month_is_drawn_once_until_something_changes(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    draw = planning.month_of
    monkeypatch.setattr(planning, "month_of", lambda facts: drawn.append(facts) or draw(facts))
    scene = Scene(session, places=2, ronjas=3)
    staff = login(make_user(Role.WORKSHOP, workshop_id=scene.workshop.id))

    def month(query: str = "") -> str:
        answer = staff.get(f"/workshop/capacity{query}", headers={"HX-Request": "true", "HX-Target": "month"})
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    empty = month()
    assert month() == empty
    assert len(drawn) == 1
    book(scene.request(0, None))
    booked = month()
    assert booked != empty
    assert month("?how=drop-off") != booked
    assert month("?month=2026-12-01") != booked
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "November" in month() != booked
    assert len(drawn) == 5
    client.application.config["CALENDAR_REUSE"] = False
    try:
        month()
    finally:
        client.application.config["CALENDAR_REUSE"] = True
    assert len(drawn) == 6


def test_an_admins_month_leads_on_to_the_workshop_that_it_shows(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    workshop_id = Scene(session).workshop.id

    def month(role: Role, **more: Any) -> str:
        login(make_user(role, **more))
        answer = client.get(
            f"/workshop/capacity?workshop={workshop_id}", headers={"HX-Request": "true", "HX-Target": "month"}
        )
        return answer.get_data(as_text=True)

    assert f"workshop={workshop_id}" not in month(Role.WORKSHOP, workshop_id=workshop_id)
    assert f"workshop={workshop_id}" in month(Role.ADMIN)
    assert f"workshop={workshop_id}" not in month(Role.DISPATCHER, workshop_id=workshop_id)


def test_weeks_that_are_over_are_left_out(client: FlaskClient, session: Any) -> None:
    Scene(session)
    page = fragment(client, draft_for(client))
    numbers = [int(number) for number in re.findall(r'class="day-number">(\d+)<', page)]
    assert numbers == list(range(23, 31))  # today is Tuesday, the 24th
    coming = fragment(client, draft_for(client), "?month=2026-12-01")
    assert re.findall(r'class="day-number">(\d+)<', coming) == [str(number) for number in range(1, 32)]
