"""The doors: signing in by code and by password, where one lands, and what a stranger learns."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from b2c_web.accounts import commands, hooks
from b2c_web.accounts.commands.passwords import HASHER
from b2c_web.accounts.hooks import CodeMail
from b2c_web.accounts.models import Role, User, UserSession
from b2c_web.clock import frozen
from b2c_web.hooks import HookList
from tests.factories import make_customer, make_user
from tests.views.browsing import send, token_on

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)
MARA = "mara@example.org"
SENTENCE = "drei Äpfel am Baum"

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture(autouse=True)
def mails(monkeypatch: pytest.MonkeyPatch) -> list[CodeMail]:
    sent: list[CodeMail] = []
    recording = HookList("accounts.code_made")
    recording.add(sent.append)
    monkeypatch.setattr(hooks, "code_made", recording)
    return sent


def without_name(page: str, name: str) -> str:
    """The page without what differs from request to request, and without what the person typed."""
    page = re.sub(r'(nonce|content|value)="[^"]{20,}"|[0-9A-Z]{4}-[0-9A-Z]{4}', "", page)
    return page.replace(f"{name}@", "@").replace(f"{name[0]}…", "…")


def sign_in(client: FlaskClient, mails: list[CodeMail], email: str = MARA, **fields: Any) -> Any:
    send(client, "/login", email=email, **fields)
    return send(client, "/login/code", code=mails[-1].code)


def test_a_code_from_the_mail_signs_in(client: FlaskClient, mails: list[CodeMail]) -> None:
    asked = send(client, "/login", email=f" {MARA.title()} ")
    assert (asked.status_code, asked.location) == (303, "/login/code")
    page = client.get("/login/code").text
    assert "m…@example.org" in page
    assert "12:10" in page
    entered = send(client, "/login/code", code=f"{mails[0].code[:3]} {mails[0].code[3:]}")
    assert (entered.status_code, entered.location) == (303, "/account")
    assert MARA in client.get("/account").text


def test_nobody_learns_whether_an_address_has_an_account(client: FlaskClient, app: Flask, session: Any) -> None:
    for email, role in (("known@example.org", Role.CUSTOMER), ("staff@example.org", Role.WORKSHOP)):
        make_user(role, email=email)
    make_customer(email="barred@example.org", is_active=False)
    session.commit()
    seen = set()
    for name in ("known", "staff", "barred", "nobody"):
        browser = app.test_client()
        answers = [send(browser, "/login", email=f"{name}@example.org"), browser.get("/login/code")]
        answers += [send(browser, "/login/code", code="000000"), send(browser, "/login/code", code="12")]
        answers += [send(browser, "/login/password", email=f"{name}@example.org", password="falsch geraten")]
        seen.add(tuple((answer.status_code, without_name(answer.text, name)) for answer in answers))
    assert len(seen) == 1


def test_a_wrong_code_keeps_the_input_and_says_how_many_tries_are_left(
    client: FlaskClient, mails: list[CodeMail]
) -> None:
    send(client, "/login", email=MARA)
    wrong = f"{(int(mails[0].code) + 1) % 1_000_000:06}"
    answer = send(client, "/login/code", code=wrong)
    assert answer.status_code == 422
    assert f'value="{wrong}"' in answer.text
    assert 'href="#code"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "noch 4 Versuche" in answer.text


def test_a_replayed_code_opens_nothing(client: FlaskClient, app: Flask, mails: list[CodeMail]) -> None:
    sign_in(client, mails)
    thief = app.test_client()
    with thief.session_transaction() as cookie:
        cookie["pending_email"] = MARA
    answer = send(thief, "/login/code", code=mails[0].code)
    assert answer.status_code == 422
    assert thief.get("/account").status_code == 303


def test_the_code_page_leads_back_when_no_code_was_asked_for(client: FlaskClient) -> None:
    assert client.get("/login/code").location == "/login"
    assert send(client, "/login/code/renewal", "/login").location == "/login"


def test_a_new_code_is_sent_on_request_and_the_limit_is_told_in_minutes(
    client: FlaskClient, mails: list[CodeMail]
) -> None:
    send(client, "/login", email=MARA)
    for _n in range(5):
        assert send(client, "/login/code/renewal", "/login/code").status_code == 303
    refused = send(client, "/login/code/renewal", "/login/code")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "3600"
    assert "In 60 Minuten geht es weiter" in refused.text
    assert 'id="code"' in refused.text
    assert len(mails) == 6


@pytest.mark.parametrize("email", ["", "mara", "mara@example", "mara@example.org\nBcc: x@example.org", "a" * 300])
def test_no_code_goes_to_what_is_no_address(client: FlaskClient, mails: list[CodeMail], email: str) -> None:
    answer = send(client, "/login", email=email)
    assert answer.status_code == 422
    assert 'href="#email"' in answer.text
    assert mails == []


def test_signing_in_renews_the_cookie_and_keeps_language_and_browser(
    client: FlaskClient, mails: list[CodeMail]
) -> None:
    send(client, "/login", email=MARA)
    with client.session_transaction() as planted:
        planted.update(language="en", browser="drafts of this browser", token="planted", evil="planted")
    with client.session_transaction() as before:
        csrf = before["csrf_token"]
    send(client, "/login/code", code=mails[0].code)
    with client.session_transaction() as after:
        assert (after["language"], after["browser"]) == ("en", "drafts of this browser")
        assert after["token"] != "planted"
        assert after.get("csrf_token") != csrf
        assert {"evil", "pending_email", "next"}.isdisjoint(after)


def test_a_copied_cookie_is_worth_nothing_after_signing_out(
    client: FlaskClient, app: Flask, login: Callable[[User], FlaskClient]
) -> None:
    login(make_customer())
    thief = app.test_client()
    with client.session_transaction() as cookie, thief.session_transaction() as stolen:
        stolen.update(cookie)
    assert thief.get("/account").status_code == 200
    send(client, "/logout", "/account")
    assert thief.get("/account").status_code == 303


def test_the_session_that_the_browser_had_ends_at_a_new_sign_in(
    client: FlaskClient, session: Any, login: Callable[[User], FlaskClient], mails: list[CodeMail]
) -> None:
    first = make_customer()
    commands.request_code(MARA, "de", "203.0.113.0/24")
    login(first)
    with client.session_transaction() as cookie:
        cookie["pending_email"] = MARA
    send(client, "/login/code", code=mails[0].code)
    revoked = {row.user_id: row.revoked_at for row in session.scalars(select(UserSession))}
    assert revoked.pop(first.id) == NOON
    assert list(revoked.values()) == [None]


@pytest.mark.parametrize(
    ("target", "lands"),
    [
        ("/account/addresses", "/account/addresses"),
        ("/account/cars?a=b", "/account/cars?a=b"),
        ("https://evil.example.org/", "/account"),
        ("//evil.example.org", "/account"),
        ("/\\evil.example.org", "/account"),
        ("javascript:alert(1)", "/account"),
    ],
)
def test_after_signing_in_one_lands_on_a_page_of_ours(
    client: FlaskClient, mails: list[CodeMail], target: str, lands: str
) -> None:
    assert sign_in(client, mails, next=target).location == lands


def test_a_password_keeps_to_the_same_rule(client: FlaskClient, session: Any) -> None:
    make_customer(email=MARA, password_hash=HASHER.hash(SENTENCE))
    session.commit()
    answer = send(client, "/login/password", email=MARA, password=SENTENCE, next="//evil.example.org")
    assert answer.location == "/account"


def test_a_stranger_comes_back_to_where_they_wanted_to_go(client: FlaskClient, mails: list[CodeMail]) -> None:
    door = client.get("/account/addresses?from=mail")
    assert (door.status_code, door.location) == (303, "/login?next=/account/addresses?from%3Dmail")
    page = client.get(door.location).text
    assert 'value="/account/addresses?from=mail"' in page


def test_who_sends_a_form_after_the_session_ended_comes_back_to_its_page(
    client: FlaskClient, session: Any, login: Callable[[Any], FlaskClient]
) -> None:
    person = make_user(Role.WORKSHOP, email=MARA)
    session.commit()
    login(person)
    token = token_on(client, "/workshop/capacity/template")
    session.query(UserSession).update({"revoked_at": NOON})
    session.commit()
    page = "http://localhost/workshop/capacity/template?a=b"
    sent = client.post("/workshop/capacity/template", data={"csrf_token": token}, headers={"Referer": page})
    assert sent.location == "/staff/login?next=/workshop/capacity/template?a%3Db"


def test_a_part_of_a_page_leads_back_to_the_page(client: FlaskClient) -> None:
    asked = {"HX-Request": "true", "Referer": "http://localhost/workshop?day=2026-11-24"}
    assert (
        client.get("/workshop", headers=asked).headers["HX-Redirect"] == "/staff/login?next=/workshop?day%3D2026-11-24"
    )
    elsewhere = {"HX-Request": "true", "Referer": "http://evil.example.org/x"}
    assert client.get("/workshop", headers=elsewhere).headers["HX-Redirect"] == "/staff/login"


@pytest.mark.parametrize("role", [Role.WORKSHOP, Role.DISPATCHER, Role.JOCKEY, Role.ADMIN])
def test_staff_sign_in_with_a_password_and_land_on_their_own_page(
    client: FlaskClient, app: Flask, session: Any, role: Role
) -> None:
    make_user(role, email=MARA, password_hash=HASHER.hash(SENTENCE))
    session.commit()
    answer = send(client, "/staff/login", email=MARA, password=SENTENCE)
    home = {"JOCKEY": "dispatch.my_day", "DISPATCHER": "dispatch.day"}.get(role.value, "dashboard.day")
    endpoint = home if home in app.view_functions else "landing.index"
    with app.test_request_context():
        assert answer.location == app.url_for(endpoint)


def test_a_stranger_at_a_page_for_staff_gets_their_door(client: FlaskClient) -> None:
    assert client.get("/admin/messages").location == "/staff/login?next=/admin/messages"


def test_a_wrong_password_keeps_the_address_and_not_the_password(client: FlaskClient, session: Any) -> None:
    make_customer(email=MARA, password_hash=HASHER.hash(SENTENCE))
    session.commit()
    answer = send(client, "/login/password", email=MARA, password="falsch geraten")
    assert answer.status_code == 422
    assert f'value="{MARA}"' in answer.text
    assert "falsch geraten" not in answer.text
    assert "E-Mail-Adresse oder Passwort stimmt nicht." in answer.text


def test_too_many_passwords_are_answered_with_a_time(client: FlaskClient) -> None:
    for _n in range(10):
        assert send(client, "/login/password", email=MARA, password="falsch geraten").status_code == 422
    answer = send(client, "/login/password", email=MARA, password="falsch geraten")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"]


def test_who_is_signed_in_needs_no_door(client: FlaskClient, login: Callable[[User], FlaskClient]) -> None:
    login(make_customer())
    for door in ("/login", "/login/password", "/staff/login"):
        assert client.get(door).location == "/account"
    assert client.get("/login?next=/account/cars").location == "/account/cars"


def test_signing_out_ends_the_session_and_forgets_the_browsers_drafts(
    client: FlaskClient, login: Callable[[User], FlaskClient], session: Any
) -> None:
    login(make_customer())
    with client.session_transaction() as cookie:
        cookie.update(language="en", browser="drafts")
    answer = send(client, "/logout", "/account")
    assert answer.location == "/"
    with client.session_transaction() as cookie:
        assert "token" not in cookie
        assert "browser" not in cookie
        assert cookie["language"] == "en"
    assert session.scalars(select(UserSession)).one().revoked_at == NOON


def test_an_ended_session_is_told_at_the_door(client: FlaskClient, login: Callable[[User], FlaskClient]) -> None:
    login(make_customer())
    with frozen(NOON + timedelta(days=15)):
        door = client.get("/account", follow_redirects=True)
    assert "Ihre Anmeldung ist abgelaufen" in door.text
    assert 'name="email"' in door.text


def test_htmx_is_sent_to_the_door_as_a_whole_page(client: FlaskClient) -> None:
    answer = client.get("/account", headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == "/login"


def test_the_session_is_noted_as_used_every_five_minutes_at_most(
    client: FlaskClient, login: Callable[[User], FlaskClient], session: Any
) -> None:
    login(make_customer())
    seen = []
    for minutes in (4, 5, 9, 10):
        with frozen(NOON + timedelta(minutes=minutes)):
            client.get("/account")
        seen.append((session.scalars(select(UserSession)).one().last_seen_at - NOON).total_seconds() / 60)
    assert seen == [0, 5, 5, 10]


def test_the_language_stays_on_the_session_and_on_the_user(
    client: FlaskClient, login: Callable[[User], FlaskClient]
) -> None:
    user = make_customer()
    login(user)
    answer = send(client, "/language", "/account", language="en", next="/account/addresses")
    assert answer.location == "/account/addresses"
    assert '<html lang="en">' in client.get("/account").text
    assert user.language == "en"


def test_a_stranger_may_choose_a_language_and_only_a_known_one(client: FlaskClient) -> None:
    assert send(client, "/language", "/login", language="en", next="//evil.example.org").location == "/"
    assert '<html lang="en">' in client.get("/login").text
    send(client, "/language", "/login", language="xx")
    assert '<html lang="en">' in client.get("/login").text


@pytest.mark.parametrize(
    "path",
    ["/login", "/login/code", "/login/code/renewal", "/login/password", "/staff/login", "/logout", "/language"],
)
def test_every_door_wants_its_token(client: FlaskClient, mails: list[CodeMail], path: str) -> None:
    with client.session_transaction() as cookie:
        cookie["pending_email"] = MARA
    assert client.post(path, data={"email": MARA, "language": "en", "code": "123456"}).status_code == 400
    assert mails == []


def test_pages_behind_the_door_are_not_stored(client: FlaskClient, login: Callable[[User], FlaskClient]) -> None:
    login(make_customer())
    assert client.get("/account").headers["Cache-Control"] == "no-store"
    refused = send(client, "/account/addresses/new")
    assert (refused.status_code, refused.headers["Cache-Control"]) == (422, "private, no-cache")
    assert "Cookie" in refused.vary  # not for whoever comes after


@pytest.mark.parametrize(
    ("way_out", "scope", "forgets"),
    [
        ("/logout", "", '"cache", "storage"'),
        ("/account/sessions/revocation", "all", '"cache", "storage"'),
        ("/account/sessions/revocation", "others", None),
    ],
)
def test_a_browser_that_is_left_forgets_its_pages(
    client: FlaskClient, login: Callable[[User], FlaskClient], way_out: str, scope: str, forgets: str | None
) -> None:
    login(make_customer())
    answer = send(client, way_out, "/account/sessions", scope=scope)
    assert (answer.status_code, answer.headers.get("Clear-Site-Data")) == (303, forgets)
