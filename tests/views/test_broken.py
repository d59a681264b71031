"""When something of ours breaks, a page still comes: with the request id, in the language, without the database."""

import uuid
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import OperationalError
from werkzeug.routing import IntegerConverter, UUIDConverter

from b2c_web.flask_extensions import login_manager
from b2c_web.landing import queries
from b2c_web.page_frame import page_above
from tests.views.browsing import token_on

HTMX = {"HX-Request": "true"}


def gone(*_arguments: Any) -> Any:
    raise OperationalError("SELECT 1", {}, Exception("the connection is closed"))


@pytest.mark.parametrize(("language", "words"), [("de", "Kennung"), ("en", "reference")])
def test_a_lost_database_is_a_503_with_a_page(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, language: str, words: str
) -> None:
    monkeypatch.setattr(queries, "front_page", gone)
    monkeypatch.setattr(login_manager, "_request_callback", gone)
    answer = client.get("/", headers={"Accept-Language": language})
    assert answer.status_code == 503
    body = answer.get_data(as_text=True)
    assert f'lang="{language}"' in body
    assert answer.headers["X-Request-Id"] in body
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_fault_of_ours_is_a_500_and_a_fragment_stays_one(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_arguments: Any) -> Any:
        raise RuntimeError("a fault")

    monkeypatch.setattr(queries, "front_page", fault)
    assert client.get("/").status_code == 500
    fragment = client.get("/", headers={"HX-Request": "true"})
    assert fragment.status_code == 500
    assert "<html" not in fragment.get_data(as_text=True)


@pytest.mark.parametrize("address", ["/?plz=%00", "/reach?plz=4%00", "/bookings?page=99999999999999999999"])
def test_what_no_person_types_is_refused_and_breaks_nothing(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code in (303, 302, 400)


def test_a_stale_form_leads_back_to_its_page(client: FlaskClient) -> None:
    answer = client.post("/language", data={"language": "en"}, headers={"Referer": "http://localhost/help?x=1"})
    assert answer.status_code == 400
    assert 'href="/help?x=1"' in answer.get_data(as_text=True)


def test_a_stale_form_of_another_site_leads_to_none(client: FlaskClient) -> None:
    answer = client.post("/language", headers={"Referer": "http://elsewhere.example.org//phish.example/login"})
    assert (answer.status_code, "phish.example" in answer.text) == (400, False)


def test_what_another_site_asked_for_is_not_brought_along(client: FlaskClient) -> None:
    answer = client.post("/login", headers={"Referer": "http://elsewhere.example.org/login?next=/x"})
    assert 'name="next" value="/login"' in answer.text


@pytest.mark.parametrize("path", ["/login", "/nowhere", "/language"])
def test_a_sender_that_is_no_address_breaks_nothing(client: FlaskClient, path: str) -> None:
    answer = client.post(path, headers={"Referer": "http://[x/"})
    assert answer.status_code in (400, 404, 422)


BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
DAY = "/workshop/capacity/days/2026-11-26"
WINDOWS = f"{DAY}/windows"
FILLED = {UUIDConverter: uuid.UUID(int=1), IntegerConverter: 1}


@pytest.mark.parametrize(
    ("address", "above"),
    [
        ("/e/abc/approval", "/e/abc"),
        ("/e/%3Fx%2523%22/approval", "/e/%3Fx%2523%22"),
        (WINDOWS, DAY),
        ("/media/booking/0192d2b4-0000-7000-8000-000000000000", "/"),
        ("/language", "/"),
    ],
)
def test_an_address_that_takes_forms_only_leads_on(client: FlaskClient, address: str, above: str) -> None:
    answer = client.get(address, headers=BROWSER)
    assert (answer.status_code, answer.location) == (303, above)
    assert client.get(above, headers=BROWSER).status_code in (200, 302, 303, 404)


@pytest.mark.parametrize("asked", [{}, {"Accept": "*/*"}, {"Accept": "application/json"}, BROWSER | HTMX])
def test_whoever_is_no_person_at_a_browser_is_told_that_it_is_none(client: FlaskClient, asked: dict[str, str]) -> None:
    answer = client.get(WINDOWS, headers=asked)
    assert answer.status_code == 405
    assert "lässt sich so nicht öffnen" in answer.text
    assert f'href="{DAY}"' in answer.text
    assert client.head(WINDOWS, headers=BROWSER).status_code == 405
    assert client.delete(WINDOWS, headers=BROWSER).status_code == 405


# what they show is made by asking the provider, or by writing something down
NOT_BY_CHANCE = {"bookings.payment", "bookings.move_payment", "bookings.payment_return", "bookings.move_return"}


def test_no_address_leads_by_chance_to_a_page_that_does_something(app: Flask) -> None:
    routes, led_to = app.url_map.bind(""), {}
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            continue
        given = {name: FILLED.get(type(converter), "x") for name, converter in rule._converters.items()}
        with app.test_request_context(routes.build(rule.endpoint, given), method="GET"):
            led_to[rule.endpoint] = routes.match(page_above(), "GET")[0]
    assert len(led_to) > 30
    assert {name: page for name, page in led_to.items() if page in NOT_BY_CHANCE} == {}


def test_a_page_that_takes_no_form_is_led_back_to(client: FlaskClient) -> None:
    answer = client.post("/help", data={"csrf_token": token_on(client)}, headers=BROWSER)
    assert (answer.status_code, 'href="/help"' in answer.text) == (405, True)
