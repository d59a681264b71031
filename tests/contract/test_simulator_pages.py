"""The hosted page: says that it is a demo, speaks two languages, and works as plain forms."""

import re
import time
import urllib.parse
from datetime import datetime, timedelta
from typing import Any

import pytest
import stripe

from b2c_web.payments.simulator.texts import ZONE, Words
from tests.contract.conftest import MakeSession
from tests.contract.simulator_process import SimulatorProcess

SETUP = {"mode": "setup", "payment_method_types": ["sepa_debit"], "line_items": None, "payment_intent_data": None}
CARD = {"email": "kundin@example.com", "number": "4242 4242 4242 4242", "expiry": "12/40", "cvc": "123", "name": ""}


class Browser:
    """GETs and POSTs forms without following redirects."""

    def __init__(self, simulator: SimulatorProcess) -> None:
        self._simulator = simulator

    def get(self, path: str, language: str = "de") -> tuple[int, str, Any]:
        return self._simulator.request_with_headers("GET", path, headers={"Accept-Language": language})

    def post(self, path: str, **form: str) -> tuple[int, str, Any]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._simulator.request_with_headers("POST", path, urllib.parse.urlencode(form), headers)


@pytest.fixture
def browser(simulator: SimulatorProcess) -> Browser:
    return Browser(simulator)


def path_of(session: Any) -> str:
    return f"/c/pay/{session.id}"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ")


def test_the_page_says_plainly_that_it_is_a_demo_and_what_is_paid(browser: Browser, make_session: MakeSession) -> None:
    status, html, headers = browser.get(path_of(make_session()))

    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert '<html lang="de">' in html
    for words in (
        "Demo-Kasse",
        "Hier fließt kein Geld",
        "249,00 EUR",
        "Bremsen",
        "Mit Abholung",
        "keine echten Karten",
    ):
        assert words in text_of(html)
    assert 'value="kundin@example.com"' in html
    assert 'href="http://127.0.0.1:8000/zurueck"' in html


@pytest.mark.parametrize(
    ("language", "shown"), [("de", "gilt bis {0.day}.{0.month}., {0:%H:%M} Uhr."), ("en", "{0:%b}")]
)
def test_a_page_that_is_open_until_tomorrow_names_the_day(
    browser: Browser, make_session: MakeSession, language: str, shown: str
) -> None:
    ends = int(time.time()) + 86_340
    _status, html, _headers = browser.get(path_of(make_session(expires_at=ends, locale=language)))
    assert shown.format(datetime.fromtimestamp(ends, ZONE)) in text_of(html)


def test_a_page_that_ends_today_names_the_clock_alone() -> None:
    noon = datetime(2026, 11, 30, 12, tzinfo=ZONE)
    later = noon + timedelta(minutes=48)
    assert Words("de").time(int(later.timestamp()), int(noon.timestamp())) == "12:48"
    assert Words("en").time(int((noon + timedelta(hours=13)).timestamp()), int(noon.timestamp())) == "1 Dec, 01:00"


def test_the_page_speaks_english_when_the_session_does(browser: Browser, make_session: MakeSession) -> None:
    english = browser.get(path_of(make_session(locale="en")))[1]
    by_browser = browser.get(path_of(make_session(locale="auto")), "en-GB,en;q=0.9")[1]

    for html in (english, by_browser):
        assert '<html lang="en">' in html
        assert "No real money moves" in html
        assert "EUR 249.00" in text_of(html)


def test_the_policy_allows_no_script_and_only_the_way_back(browser: Browser, make_session: MakeSession) -> None:
    _, html, headers = browser.get(path_of(make_session()))

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'; style-src 'self'; form-action 'self' http://127.0.0.1:8000;" in policy
    assert "<script" not in html
    assert "style=" not in html
    css = browser.get("/c/simulator.css")
    assert (css[0], css[2]["Content-Type"]) == (200, "text/css; charset=utf-8")


def test_paying_leads_back_and_pressing_twice_pays_once(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    answers = [browser.post(path_of(session), method="card", **CARD) for _ in range(2)]

    for status, _, headers in answers:
        assert (status, headers["Location"]) == (303, f"http://127.0.0.1:8000/zahlung?session={session.id}")
    assert len(client.v1.charges.list().data) == 1
    status, html, _ = browser.get(path_of(session))
    assert status == 200
    assert "Das ist erledigt" in text_of(html)


def test_a_declined_card_shows_the_banks_reason_and_keeps_the_input(
    browser: Browser, make_session: MakeSession
) -> None:
    session = make_session()

    status, html, _ = browser.post(path_of(session), method="card", **{**CARD, "number": "4000000000009995"})
    again = browser.post(path_of(session), method="card", **CARD)[0]

    assert status == 422
    assert 'role="alert"' in html
    assert "nicht genug Guthaben" in html
    assert 'value="4000000000009995"' in html
    assert again == 303


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"number": "4242 4242 4242 4241"}, "Die Kartennummer stimmt nicht."),
        ({"number": "4111111111111111"}, "Das ist keine Testkarte."),
        ({"expiry": "12/20"}, "Das Ablaufdatum stimmt nicht"),
        ({"expiry": "gestern"}, "Das Ablaufdatum stimmt nicht"),
        ({"cvc": "12"}, "Die Prüfziffer hat drei Stellen."),
        ({"email": "niemand"}, "Die E-Mail-Adresse ist nicht vollständig."),
    ],
)
def test_a_mistake_is_shown_at_its_field_and_nothing_is_tried(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession, typed: dict[str, str], words: str
) -> None:
    status, html, _ = browser.post(path_of(make_session()), method="card", **{**CARD, **typed})

    assert status == 422
    assert f'aria-describedby="{next(iter(typed))}-problem"' in html
    assert words in html
    assert client.v1.payment_intents.list().data == []


def test_picking_a_test_card_fills_it_in(browser: Browser, make_session: MakeSession) -> None:
    status, html, _ = browser.post(path_of(make_session()), **{**CARD, "pick": "declined", "email": "x@example.com"})
    assert status == 200
    assert 'value="4000 0000 0000 0002"' in html
    assert 'value="x@example.com"' in html


def test_a_debit_is_offered_only_when_the_session_allows_it(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    cards_only, both = make_session(), make_session(payment_method_types=["card", "sepa_debit"])
    debit = {**CARD, "method": "sepa_debit", "holder": "Karla Kundin", "iban": "DE89 3704 0044 0532 0130 00"}

    assert 'name="iban"' not in browser.get(path_of(cards_only))[1]
    assert browser.post(path_of(cards_only), **debit)[0] == 422
    assert browser.post(path_of(both), **{**debit, "iban": "DE89370400440532013001"})[0] == 422
    assert browser.post(path_of(both), **debit)[0] == 303
    assert client.v1.checkout.sessions.retrieve(both.id).payment_status == "unpaid"


def test_the_bank_asks_and_the_customer_may_refuse_first(
    browser: Browser, simulator: SimulatorProcess, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    form = {**CARD, "number": "4000002760003184", "method": "card"}

    to_bank = browser.post(path_of(session), **form)[2]["Location"].removeprefix(simulator.url)
    assert "Ihre Bank fragt nach" in text_of(browser.get(to_bank)[1])
    refused = browser.post(to_bank, answer="refuse")
    assert (refused[0], refused[2]["Location"]) == (303, path_of(session))
    assert "Sie haben bei Ihrer Bank abgelehnt." in browser.get(path_of(session))[1]
    assert client.v1.checkout.sessions.retrieve(session.id).status == "open"

    to_bank = browser.post(path_of(session), **form)[2]["Location"].removeprefix(simulator.url)
    confirmed = browser.post(to_bank, answer="confirm")
    assert confirmed[2]["Location"].startswith("http://127.0.0.1:8000/zahlung")
    assert browser.post(to_bank, answer="confirm")[0] == 303
    intent = client.v1.payment_intents.list({"expand": ["data.latest_charge"]}).data[0]
    assert intent.latest_charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert len(client.v1.charges.list().data) == 1


def test_an_expired_and_an_unknown_page_say_so(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession
) -> None:
    session = make_session()
    client.v1.checkout.sessions.expire(session.id)

    for method in (browser.get, lambda path: browser.post(path, method="card", **CARD)):
        status, html, _ = method(path_of(session))
        assert status == 410
        assert "Diese Seite ist abgelaufen" in html
        assert 'href="http://127.0.0.1:8000/zurueck"' in html
    for path in ("/c/pay/cs_test_unknown", f"/c/pay/{session.customer}", f"/c/bank/{session.customer}", "/c/other"):
        status, html, _ = browser.get(path)
        assert status == 404
        assert "Diese Seite gibt es nicht" in html


def test_a_flood_is_refused(browser: Browser, make_session: MakeSession) -> None:
    assert browser.post(path_of(make_session()), name="x" * 1_100_000)[0] == 413


def test_what_the_shop_sends_is_escaped(browser: Browser, make_session: MakeSession) -> None:
    price = {"currency": "eur", "unit_amount": 100, "product_data": {"name": "<b>Öl & mehr</b>"}}
    html = browser.get(path_of(make_session(line_items=[{"price_data": price, "quantity": 1}])))[1]
    assert "&lt;b&gt;Öl &amp; mehr&lt;/b&gt;" in html


def test_setup_mode_says_that_nothing_is_charged(browser: Browser, make_session: MakeSession) -> None:
    session = make_session(mode="setup", currency="eur", line_items=None, payment_intent_data=None)
    assert "Heute wird nichts abgebucht" in text_of(browser.get(path_of(session))[1])
    assert browser.post(path_of(session), method="card", **CARD)[0] == 303


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("de", ("Konto speichern (Demo)", "SEPA-Lastschriftmandat", "binnen acht wochen", "Hier fließt kein Geld")),
        ("en", ("Save account (demo)", "SEPA direct debit mandate", "within eight weeks", "No real money moves")),
    ],
)
def test_an_account_is_saved_with_its_mandate_in_words(
    browser: Browser, client: stripe.StripeClient, make_session: MakeSession, locale: str, words: tuple[str, ...]
) -> None:
    session = make_session(**SETUP, locale=locale)
    page = text_of(browser.get(path_of(session))[1]).lower()
    assert [each for each in words if each.lower() not in page] == []
    account = {"email": "kundin@example.com", "method": "sepa_debit", "iban": "DE62 3704 0044 0532 0130 01"}

    status, html, _ = browser.post(path_of(session), **account, holder="")
    assert (status, 'id="holder-problem"' in html) == (422, True)
    assert browser.post(path_of(session), **account, holder="Karla Kundin")[0] == 303

    saved = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent.payment_method"]}).setup_intent
    assert (saved.payment_method.sepa_debit.last4, saved.payment_method.billing_details.name) == (
        "3001",
        "Karla Kundin",
    )


def test_card_numbers_are_kept_nowhere(
    browser: Browser, simulator: SimulatorProcess, make_session: MakeSession
) -> None:
    session = make_session()
    for number in ("4111111111111111", "5555555555554444"):
        browser.post(path_of(session), method="card", **{**CARD, "number": number})
    files = simulator.state_path.parent.glob(simulator.state_path.name + "*")
    kept = b"".join(file.read_bytes() for file in files)
    assert b"5555555555554444" not in kept
    assert b"4111111111111111" not in kept
    assert session.id.encode() in kept
