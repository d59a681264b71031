"""A form whose rows are busy comes back with all that was typed, and says that trying again is right."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts import commands as accounts
from b2c_web.accounts.models import User
from b2c_web.errors import Busy
from b2c_web.vehicles import commands as vehicles
from tests.factories import make_customer, make_vehicle
from tests.views.browsing import send
from tests.views.extending import plain

PLACE = {"street": "Ruhrstraße 8", "postal_code": "44137", "city": "Dortmund"}
BUSY = "Gerade ist viel los. Bitte versuchen Sie es gleich noch einmal."
Login = Callable[..., FlaskClient]


def busy(*_arguments: Any, **_facts: Any) -> None:
    raise Busy


@pytest.fixture
def user(session: Any) -> User:
    user = make_customer()
    session.commit()
    return user


def test_what_was_typed_stays_in_the_form(user: User, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "add_address", busy)
    told = send(login(user), "/account/addresses/new", **PLACE)
    assert (told.status_code, told.headers["Cache-Control"]) == (503, "private, no-cache")  # "back" finds it again
    assert BUSY in plain(told)
    for typed in PLACE.values():
        assert f'value="{typed}"' in told.text


def test_a_page_that_only_asks_says_it_too(
    user: User, session: Any, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    address_id, car = accounts.add_address(user, **PLACE, is_default=False), make_vehicle(user)
    session.commit()
    monkeypatch.setattr(accounts, "remove_address", busy)
    monkeypatch.setattr(vehicles, "archive_vehicle", busy)
    client = login(user)
    for page in (f"/account/addresses/{address_id}/removal", f"/account/cars/{car.id}/archival"):
        told = send(client, page)
        assert (told.status_code, BUSY in plain(told)) == (503, True), page
