"""A person's own pages: overview, profile, address change, password, devices, places."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from b2c_web.accounts import commands, hooks, queries
from b2c_web.accounts.commands.passwords import HASHER
from b2c_web.accounts.hooks import CodeMail
from b2c_web.accounts.models import Role, User, UserSession
from b2c_web.clock import frozen
from b2c_web.flask_extensions import db
from b2c_web.hooks import HookList
from tests.factories import make_customer, make_user
from tests.views.browsing import send

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
SENTENCE = "drei Äpfel am Baum"
OTHER = "vier Birnen im Korb"
DOOR = {"street": "Am Beispielweg 12", "postal_code": "44137", "city": "Dortmund"}
Login = Callable[[User], FlaskClient]

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[CodeMail]:
    sent: list[CodeMail] = []
    recording = HookList("accounts.code_made")
    recording.add(sent.append)
    monkeypatch.setattr(hooks, "code_made", recording)
    return sent


def test_the_overview_leads_to_everything_of_a_customer(client: FlaskClient, login: Login) -> None:
    login(make_customer(name="Mara Beispiel"))
    page = client.get("/account").text
    assert "Guten Tag, Mara Beispiel" in page
    for way in ("cars", "addresses", "profile", "email", "password", "sessions"):
        assert f'href="/account/{way}"' in page


def test_staff_see_what_concerns_them_only(client: FlaskClient, login: Login) -> None:
    login(make_user(Role.WORKSHOP))
    page = client.get("/account").text
    assert 'href="/account/password"' in page
    for way in ("cars", "addresses", "profile", "email"):
        assert f'href="/account/{way}"' not in page
        assert client.get(f"/account/{way}").status_code == 404


def test_the_overview_asks_who_it_is_and_what_waits(client: FlaskClient, login: Login) -> None:
    login(make_customer())
    statements: list[str] = []

    def note(*facts: Any) -> None:
        statements.append(facts[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        client.get("/account")
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    own = [text for text in statements if not text.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))]
    assert len(own) == 2


def test_the_profile_takes_a_number_as_people_write_it(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    login(user)
    answer = send(client, "/account/profile", name="  Mara   Beispiel ", phone="02302 / 12 34 56", language="en")
    assert answer.status_code == 303
    assert (user.name, user.phone, user.language) == ("Mara Beispiel", "+492302123456", "en")
    page = client.get("/account/profile").text
    assert 'value="02302 123456"' in page
    assert '<html lang="en">' in page


def test_a_wrong_number_is_told_at_its_field_and_nothing_is_saved(client: FlaskClient, login: Login) -> None:
    user = make_customer(name="Mara")
    login(user)
    answer = send(client, "/account/profile", name="Otto", phone="12", language="de")
    assert answer.status_code == 422
    assert 'id="phone-error"' in answer.text
    assert 'value="Otto"' in answer.text
    assert user.name == "Mara"


def test_the_mail_address_changes_with_a_code_sent_to_the_new_one(
    client: FlaskClient, login: Login, mails: list[CodeMail]
) -> None:
    user = make_customer(email="old@example.org")
    login(user)
    assert send(client, "/account/email", email="New@example.org").location == "/account/email/code"
    assert mails[0].recipient == "new@example.org"
    assert send(client, "/account/email/code", code="12").status_code == 422
    answer = send(client, "/account/email/code", code=mails[0].code)
    assert answer.location == "/account"
    assert user.email == "new@example.org"
    assert client.get("/account/email/code").location == "/account/email"


def test_an_address_that_has_an_account_is_asked_for_its_code_like_any_other(
    client: FlaskClient, login: Login, mails: list[CodeMail]
) -> None:
    user, other = make_customer(email="old@example.org"), make_customer()
    login(user)
    assert send(client, "/account/email", email=other.email).location == "/account/email/code"
    answer = send(client, "/account/email/code", code=mails[0].code)
    assert answer.status_code == 409
    assert "gibt es schon ein Konto" in answer.text
    assert user.email == "old@example.org"


def test_a_first_password_can_be_set_and_used(client: FlaskClient, app: Flask, login: Login) -> None:
    user = make_customer()
    login(user)
    assert 'name="current"' not in client.get("/account/password").text
    assert send(client, "/account/password", password=SENTENCE).location == "/account"
    other = app.test_client()
    assert send(other, "/login/password", email=user.email, password=SENTENCE).location == "/account"


def test_changing_it_asks_for_the_old_one_renews_this_session_and_ends_the_others(
    client: FlaskClient, app: Flask, login: Login, session: Any
) -> None:
    user = make_customer(password_hash=HASHER.hash(SENTENCE))
    other = app.test_client()
    login(user, other)
    login(user)
    with client.session_transaction() as cookie:
        before = cookie["token"]
    assert send(client, "/account/password", password=OTHER, current="falsch").status_code == 422
    assert send(client, "/account/password", password=OTHER, current=SENTENCE).location == "/account"
    with client.session_transaction() as cookie:
        assert cookie["token"] != before
    assert client.get("/account").status_code == 200
    assert other.get("/account").status_code == 303


def test_after_a_code_the_old_password_is_not_asked_for_ten_minutes(
    client: FlaskClient, mails: list[CodeMail], session: Any
) -> None:
    user = make_customer(password_hash=HASHER.hash(SENTENCE))
    session.commit()
    send(client, "/login", email=user.email)
    send(client, "/login/code", code=mails[0].code)
    assert 'name="current"' not in client.get("/account/password").text
    with frozen(NOON + timedelta(minutes=10)):
        assert 'name="current"' in client.get("/account/password").text
        assert send(client, "/account/password", password=OTHER).status_code == 422
    assert send(client, "/account/password", password=OTHER).location == "/account"


def test_the_password_can_go_again(client: FlaskClient, login: Login) -> None:
    user = make_customer(password_hash=HASHER.hash(SENTENCE))
    login(user)
    assert "Danach melden Sie sich mit einem Code an" in client.get("/account/password/removal").text
    assert send(client, "/account/password/removal", current=SENTENCE).location == "/account"
    assert user.password_hash is None


def test_devices_are_listed_and_can_be_signed_out(client: FlaskClient, app: Flask, login: Login, session: Any) -> None:
    user = make_customer()
    other = app.test_client()
    login(user, other)
    login(user)
    for row in session.scalars(select(UserSession)):
        row.user_agent = "Mozilla/5.0 (Windows NT 10.0) Firefox/130.0"
    session.commit()
    page = client.get("/account/sessions").text
    assert "2 Geräte sind angemeldet" in page
    assert page.count("Firefox, Windows") == 2
    assert page.count("Dieses Gerät") == 1
    with client.session_transaction() as cookie:
        mine = cookie["token"]
    assert mine not in page
    strange = session.scalars(select(UserSession.id).order_by(UserSession.id)).first()
    answer = send(client, f"/account/sessions/{strange}/revocation", "/account/sessions")
    assert answer.location == "/account/sessions"
    assert other.get("/account").status_code == 303


def test_another_persons_device_does_not_exist(client: FlaskClient, app: Flask, login: Login, session: Any) -> None:
    other = app.test_client()
    login(make_customer(), other)
    theirs = session.scalars(select(UserSession.id)).one()
    login(make_customer())
    for session_id in (theirs, uuid.uuid4()):
        answer = send(client, f"/account/sessions/{session_id}/revocation", "/account/sessions")
        assert answer.status_code == 404
    assert other.get("/account").status_code == 200


@pytest.mark.parametrize(("scope", "stays"), [("others", 200), ("all", 303)])
def test_everywhere(client: FlaskClient, app: Flask, login: Login, scope: str, stays: int) -> None:
    user = make_customer()
    other = app.test_client()
    login(user, other)
    login(user)
    send(client, "/account/sessions/revocation", "/account/sessions", scope=scope)
    assert client.get("/account").status_code == stays
    assert other.get("/account").status_code == 303


def test_places_can_be_added_changed_and_removed(client: FlaskClient, login: Login) -> None:
    user = make_customer()
    login(user)
    assert "Noch keine Adresse" in client.get("/account/addresses").text
    assert send(client, "/account/addresses/new", **DOOR).location == "/account/addresses"
    (place,) = queries.addresses_of(user)
    page = f"/account/addresses/{place.id}"
    assert 'value="Am Beispielweg 12"' in client.get(page).text
    send(client, page, **{**DOOR, "street": "Am Beispielweg 14"})
    assert place.street == "Am Beispielweg 14"
    assert "verschwindet aus Ihrer Liste" in client.get(f"{page}/removal").text
    send(client, f"{page}/removal")
    assert queries.addresses_of(user) == []


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"postal_code": "4413"}, "postal_code"),
        ({"postal_code": "44137\n"}, None),
        ({"postal_code": "4413A"}, "postal_code"),
        ({"street": "  "}, "street"),
        ({"street": "Am Beispielweg"}, "street"),
        ({"street": "Am Beispielweg, ohne Nummer"}, None),
        ({"city": "x" * 121}, "city"),
    ],
)
def test_a_place_needs_what_a_letter_needs(
    client: FlaskClient, login: Login, change: dict[str, str], field: str | None
) -> None:
    login(make_customer())
    answer = send(client, "/account/addresses/new", **{**DOOR, **change})
    assert answer.status_code == (422 if field else 303)
    assert field is None or f'id="{field}-error"' in answer.text


def test_another_persons_place_does_not_exist(client: FlaskClient, login: Login, session: Any) -> None:
    owner = make_customer()
    place = commands.add_address(owner, **DOOR)
    login(make_customer())
    for address_id in (place, uuid.uuid4()):
        page = f"/account/addresses/{address_id}"
        for path in (page, f"{page}/removal"):
            assert client.get(path).status_code == 404
            assert send(client, path, "/account/addresses/new", **DOOR).status_code == 404
    assert len(queries.addresses_of(owner)) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/account/profile",
        "/account/email",
        "/account/email/code",
        "/account/password",
        "/account/password/removal",
        "/account/sessions/revocation",
        "/account/addresses/new",
    ],
)
def test_nothing_changes_without_the_token(client: FlaskClient, login: Login, path: str) -> None:
    login(make_customer())
    assert client.post(path, data={"scope": "all", "password": SENTENCE, **DOOR}).status_code == 400
    assert client.get("/account").status_code == 200
