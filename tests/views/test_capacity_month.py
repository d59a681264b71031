"""The heat map: what staff see blocked is what customers cannot book, with the reason."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import event

from b2c_web.accounts.models import Role
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.factories import make_booking, make_user
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
PAGE = "/workshop/capacity"
MONTH = {"HX-Request": "true", "HX-Target": "month"}
Login = Callable[..., FlaskClient]


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is sent to the database meanwhile, savepoints of the test's own transaction left out."""
    sent: list[str] = []

    def note(*call: Any) -> None:
        if "SAVEPOINT" not in call[2]:
            sent.append(call[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def staff(scene: Scene, login: Login, role: Role = Role.WORKSHOP) -> FlaskClient:
    return login(make_user(role, **({} if role is Role.ADMIN else {"workshop_id": scene.workshop.id})))


def test_the_month_stands_with_what_is_booked(scene: Scene, login: Login) -> None:
    make_booking(scene.slots[0], scene.slots[2], ronja=scene.ronjas[0])
    db.session.commit()
    answer = staff(scene, login).get(PAGE)
    words = words_of(text_of(answer))
    assert answer.status_code == 200
    assert "November 2026" in words
    assert "Do, 26. Nov.: 1 / 20" in words
    assert "Fr, 27. Nov.: 0 / 20" in words


def test_stepping_is_a_fragment_with_four_statements(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    client.get(PAGE)
    with statements() as sent:
        answer = client.get(f"{PAGE}?month=2026-11-01", headers=MONTH)
    assert answer.status_code == 200
    assert "<h1" not in text_of(answer)
    assert len(sent) <= 4, sent
