"""How many trips are promised beside what the shifts hold: set where the weeks are planned, for one's own workshop."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from b2c_web.accounts.models import Role, User
from b2c_web.audit import AuditEntry
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Workshop
from tests.commands.scene import Scene
from tests.factories import make_user, make_workshop
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
TEMPLATE, HERE = "/workshop/capacity/template", "/workshop/capacity/overbooking"
NAME = "jockey_overbooking_percent"
Login = Callable[..., FlaskClient]


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, percent=100)


@pytest.fixture
def planner(scene: Scene) -> User:
    return make_user(Role.DISPATCHER, workshop_id=scene.workshop.id)


def percent_of(workshop: Workshop) -> int:
    return db.session.scalars(select(Workshop.jockey_overbooking_percent).filter_by(id=workshop.id)).one()


def room_of(scene: Scene) -> set[int]:
    scene.session.expire_all()
    return {slot.jockey_minutes_room for slot in scene.slots}


def test_the_page_says_what_it_is_and_what_it_means(planner: User, login: Login) -> None:
    page = text_of(login(planner).get(TEMPLATE))
    assert re.search(rf'name="{NAME}"[^>]* value="100"', page)
    words = words_of(page)
    assert "Überbuchung der Jockeys, in Prozent" in words
    assert "Bei 110 Prozent sagen wir 10 Prozent mehr Fahrten zu, als die Schichten fassen" in words


def test_more_is_promised_at_once_and_it_is_known_by_whom(scene: Scene, planner: User, login: Login) -> None:
    client = login(planner)
    assert room_of(scene) == {120}
    answer = send(client, HERE, TEMPLATE, **{NAME: "110"})
    assert (answer.status_code, answer.location) == (303, TEMPLATE)
    assert "Gespeichert. Kunden sehen es ab sofort." in words_of(text_of(client.get(TEMPLATE)))
    assert (percent_of(scene.workshop), room_of(scene)) == (110, {132})
    entry = db.session.scalars(select(AuditEntry).filter_by(action="workshop.overbooking_set")).one()
    assert (entry.actor_user_id, entry.before[NAME], entry.after[NAME]) == (planner.id, 100, 110)


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("49", "Bitte 50 bis 300 Prozent angeben."),
        ("301", "Bitte 50 bis 300 Prozent angeben."),
        ("9" * 30, "Bitte 50 bis 300 Prozent angeben."),
        ("viel", "Bitte als Zahl, zum Beispiel 110."),
        ("", "Bitte nennen Sie eine Zahl, zum Beispiel 110."),
    ],
)
def test_what_cannot_be_is_said_and_kept(scene: Scene, planner: User, login: Login, typed: str, why: str) -> None:
    answer = send(login(planner), HERE, TEMPLATE, **{NAME: typed})
    assert answer.status_code == 422
    page = text_of(answer)
    assert f"Überbuchung der Jockeys, in Prozent: {why}" in words_of(page)
    assert f'value="{typed}"' in page
    assert 'name="from-0"' in page
    assert percent_of(scene.workshop) == 100


def test_each_only_for_the_own_workshop_and_an_admin_for_the_one_that_is_picked(
    scene: Scene, planner: User, login: Login, client: FlaskClient
) -> None:
    other = make_workshop()
    db.session.commit()
    assert send(login(planner), f"{HERE}?workshop={other.id}", TEMPLATE, **{NAME: "110"}).status_code == 404
    assert percent_of(other) == 100
    admin = login(make_user(Role.ADMIN))
    answer = send(admin, f"{HERE}?workshop={other.id}", f"{TEMPLATE}?workshop={other.id}", **{NAME: "110"})
    assert (answer.status_code, answer.location) == (303, f"{TEMPLATE}?workshop={other.id}")
    assert (percent_of(other), percent_of(scene.workshop)) == (110, 100)


def test_it_is_said_in_english_too(planner: User, login: Login) -> None:
    client = login(planner)
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    words = words_of(text_of(client.get(TEMPLATE)))
    assert "Overbooking of the jockeys, in percent" in words
    assert "At 110 percent we promise 10 percent more trips than the shifts hold" in words


def test_the_command_sets_it(scene: Scene, app: Flask) -> None:
    result = app.test_cli_runner().invoke(args=["capacity", "overbooking", "110", "--workshop", "witten"])
    assert (result.exit_code, result.output) == (0, "Werkstatt Witten: 100 % -> 110 %\n")
    assert (percent_of(scene.workshop), room_of(scene)) == (110, {132})


@pytest.mark.parametrize("arguments", [["301"], ["110", "--workshop", "nirgends"]])
def test_the_command_refuses_what_cannot_be(scene: Scene, app: Flask, arguments: list[str]) -> None:
    result = app.test_cli_runner().invoke(args=["capacity", "overbooking", *arguments])
    assert result.exit_code != 0
    assert percent_of(scene.workshop) == 100
