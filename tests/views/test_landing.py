"""The front page, its postal-code check, and the legal pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.landing import queries
from b2c_web.landing.queries import Answer
from tests.factories import make_services, make_user, make_workshop
from tests.views.walking import text_of

FRAGMENT = {"HX-Request": "true"}
GERMAN = {"Accept-Language": "de"}
LEGAL = ("/imprint", "/privacy", "/terms", "/withdrawal", "/help")


@pytest.mark.parametrize(
    ("plz", "answer"),
    [("44137", Answer.YES), ("80331", Answer.FAR), ("00000", Answer.UNKNOWN), ("4413", Answer.MALFORMED)],
)
def test_a_postal_code_gets_an_exact_answer(session: Any, plz: str, answer: Answer) -> None:
    make_workshop()
    found = queries.reach(plz)
    assert found
    assert found.answer is answer


def test_nothing_asked_is_no_question(session: Any) -> None:
    assert queries.reach(None) is None


def test_without_a_workshop_we_come_nowhere(session: Any) -> None:
    make_workshop(is_active=False)
    found = queries.reach("44137")
    assert found
    assert found.answer is Answer.NOWHERE


def test_a_place_just_outside_is_never_told_the_radius_itself(session: Any) -> None:
    make_workshop(service_radius=9)
    found = queries.reach("44137")
    assert found
    assert found.answer is Answer.FAR
    assert found.distance_km > found.radius_km


def test_the_front_page_says_price_and_reach(client: FlaskClient, frozen_clock: Callable[..., Any]) -> None:
    make_workshop()
    make_services()
    text = client.get("/", headers=GERMAN).text
    assert "Ihr Auto muss in die Werkstatt." in text
    assert "im Umkreis von 60 km um Witten" in text
    assert text.count('class="price-card"') == 4
    assert "ab 99,00\xa0EUR" in text


def test_what_was_checked_goes_along_to_the_booking(client: FlaskClient, frozen_clock: Callable[..., Any]) -> None:
    make_workshop()
    make_services()
    assert 'href="/book?service=OIL_SERVICE"' in client.get("/", headers=GERMAN).text
    assert 'href="/book?service=OIL_SERVICE&amp;plz=44137"' in client.get("/?plz=44137", headers=GERMAN).text
    assert 'value="44137"' in client.get("/book?service=OIL_SERVICE&plz=44137", headers=GERMAN).text


def test_the_front_page_stands_without_any_data(client: FlaskClient) -> None:
    answer = client.get("/", headers=GERMAN)
    assert answer.status_code == 200
    assert "price-card" not in answer.text


def test_the_answer_is_the_same_as_page_and_as_fragment(client: FlaskClient) -> None:
    make_workshop()
    page = client.get("/?plz=44137", headers=GERMAN).text
    fragment = client.get("/reach?plz=44137", headers=GERMAN | FRAGMENT).text
    assert "Ja, wir kommen zu Ihnen nach 44137." in fragment
    assert "<html" not in fragment
    assert "".join(fragment.split()) in "".join(page.split())


def test_the_fragment_address_opened_by_hand_is_a_whole_page(client: FlaskClient) -> None:
    make_workshop()
    assert "<html" in client.get("/reach?plz=44137").text


@pytest.mark.parametrize("address", ["/reach?plz=44", "/reach?plz=", "/?plz=+"])
@pytest.mark.parametrize("headers", [{}, FRAGMENT])
def test_a_malformed_or_empty_code_is_422(client: FlaskClient, headers: dict[str, str], address: str) -> None:
    answer = client.get(address, headers=GERMAN | headers)
    assert answer.status_code == 422
    assert "Eine Postleitzahl hat fünf Ziffern." in answer.text


def test_what_was_typed_is_escaped(client: FlaskClient) -> None:
    assert "<script>x" not in client.get("/?plz=<script>x").text


@pytest.mark.parametrize("path", LEGAL)
@pytest.mark.parametrize(("language", "word"), [("de", "Hilfe"), ("en", "Help")])
def test_legal_pages_speak_both_languages(client: FlaskClient, path: str, language: str, word: str) -> None:
    answer = client.get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.text
    assert f'<a href="/help">{word}</a>' in answer.text


def test_terms_show_the_configured_rules(client: FlaskClient) -> None:
    config = client.application.config
    config["FREE_CANCEL_HOURS"], before = 36, config["FREE_CANCEL_HOURS"]
    try:
        text = client.get("/terms", headers=GERMAN).text
    finally:
        config["FREE_CANCEL_HOURS"] = before
    assert "Bis 36 Stunden vor Beginn des Abholfensters" in text
    assert "25,00\xa0EUR" in text


def test_every_page_leads_to_the_imprint(client: FlaskClient) -> None:
    for path in ("/", *LEGAL):
        assert 'href="/imprint"' in client.get(path).text


@pytest.mark.parametrize(("role", "home"), [(Role.ADMIN, "/workshop"), (Role.JOCKEY, "/jockey")])
def test_who_works_here_finds_the_way_back_to_work(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient], role: Role, home: str
) -> None:
    user = make_user(role)
    session.commit()
    for path in ("/", "/gibt-es-nicht"):
        page = text_of(login(user).get(path))
        assert "Zur Arbeit" in page and f'href="{home}"' in page
        assert "Mein Konto" not in page
