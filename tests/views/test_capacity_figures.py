"""What-if, figures and the coming 60 days, as pages."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.bookings.models import BookingStatus
from b2c_web.flask_extensions import db
from b2c_web.workshops.template_store import put
from b2c_web.workshops.weekly import DayPlan, PlannedWindow, Week
from tests.commands.scene import Scene
from tests.factories import make_user
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
CAPACITY = "/workshop/capacity"
Login = Callable[..., FlaskClient]


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


@pytest.fixture
def staff(scene: Scene, login: Login) -> FlaskClient:
    user = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    db.session.commit()
    return login(user)


def test_what_if_asks_first(staff: FlaskClient) -> None:
    page = text_of(staff.get(f"{CAPACITY}/what-if"))
    assert 'value="2026-11-25"' in page
    assert 'id="effect"' not in page


def test_what_if_offers_the_windows_that_the_workshop_has(scene: Scene, staff: FlaskClient) -> None:
    put(scene.workshop.id, scene.first, Week({0: DayPlan(9, (PlannedWindow(450, 570, 3), PlannedWindow(570, 720, 3)))}))
    db.session.commit()
    page = text_of(staff.get(f"{CAPACITY}/what-if?first=2026-11-26&last=2026-11-26"))
    assert re.findall(r'name="closed"\s+id="closed-(\d+)"', page) == ["450", "570"]
    assert "07:30–09:30" in page


def test_planning_is_where_one_is_on_all_of_its_pages(staff: FlaskClient) -> None:
    for path in ("", "/what-if", "/template", "/figures", "/days", "/moves", "/waiting"):
        page = text_of(staff.get(f"{CAPACITY}{path}"))
        assert 'href="/workshop/capacity" aria-current="page"' in page, path
        tab = "/figures" if path == "/days" else path
        assert re.findall(r'class="btn[^>]*href="([^"]*)" aria-current="page"', page) == [f"{CAPACITY}{tab}"]


def test_what_if_says_what_is_assumed(scene: Scene, staff: FlaskClient) -> None:
    query = "?first=2026-11-28&last=2026-11-29&jockeys=1"
    assert "ohne Plätze: Sa, 28. Nov.; So, 29. Nov." in words_of(text_of(staff.get(f"{CAPACITY}/what-if{query}")))
    words = words_of(text_of(staff.get(f"{CAPACITY}/what-if{query}&opened=y")))
    assert "Sa, 28. Nov.: Niemand hat eine Schicht. Wer dazukommt, arbeitet wie am Fr, 27. Nov.: 7–19 Uhr." in words
    assert re.search(r"Sa, 28\. Nov\. 0, dann [1-9]\d* \(\+", words)
    assert "Selbst gebracht: +40." in words


def test_what_if_names_a_return_and_leads_to_the_car(scene: Scene, staff: FlaskClient) -> None:
    booking = scene.booked(0, 7)
    booking.status = BookingStatus.IN_WORKSHOP
    scene.session.commit()
    page = text_of(staff.get(f"{CAPACITY}/what-if?first=2026-11-27&last=2026-11-27&jockeys=-1"))
    words = words_of(page)
    assert "1 Zusage wäre nicht zu halten" in words
    assert f"{booking.number}, Rückgabe: kein Jockey frei" in words
    assert f'href="/workshop/bookings/{booking.id}"' in page


def test_what_if_names_the_booking_and_offers_to_ask(scene: Scene, staff: FlaskClient) -> None:
    kept, broken = scene.booked(0, None), scene.booked(1, None)
    answer = staff.get(f"{CAPACITY}/what-if?first=2026-11-26&last=2026-11-26&maximum=1")
    words = words_of(text_of(answer))
    assert "1 Zusage wäre nicht zu halten" in words
    assert "Noch ist nichts geändert." in words
    assert broken.number in words
    assert kept.number not in words
    assert f'href="/workshop/capacity/moves/{broken.id}"' in answer.text
    assert "18, dann 0 (−18)" in words


def test_what_if_with_windows_closed(scene: Scene, staff: FlaskClient) -> None:
    booking = scene.booked(0, None)
    page = staff.get(f"{CAPACITY}/what-if?first=2026-11-26&last=2026-11-27&closed=480&closed=600")
    words = words_of(text_of(page))
    assert "Alle Zusagen gelten weiter, 1 davon in einem geschlossenen Fenster" in words
    assert "1 Zusage liegt dann in einem geschlossenen Fenster Diese Buchungen gelten weiter." in words
    assert f"{booking.number}, Bremsenservice: geschlossen" in words
    assert f'href="/workshop/capacity/moves/{booking.id}"' in page.text
    assert "Fr, 27. Nov." in words


def test_what_if_says_why_a_change_changes_nothing(scene: Scene, staff: FlaskClient) -> None:
    words = words_of(text_of(staff.get(f"{CAPACITY}/what-if?first=2026-11-26&last=2026-11-26&places=3")))
    number = len(scene.ronjas)
    assert "Mit Abholung ändert sich nichts, denn der Engpass ist ein anderer: Ronjas." in words
    assert f"{number}, dann {number} Engpass: Ronjas" in words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("first=2026-11-27&last=2026-11-26", "Das Ende liegt vor dem Anfang."),
        ("first=2026-11-26&last=2026-12-31", "Bitte höchstens 31 Tage auf einmal."),
        ("first=&last=", "Bitte einen Tag wählen."),
        ("first=2026-11-26&last=2026-11-26&jockeys=99", "Bitte eine Zahl von -20 bis 20."),
        ("first=2020-11-26&last=2020-11-26", "Bitte prüfen Sie Ihre Angaben."),
        ("first=2026-11-26&last=2026-11-26&maximum=viele", "Bitte als Zahl"),
    ],
)
def test_what_cannot_be_tried_is_refused_with_the_reason(staff: FlaskClient, query: str, words: str) -> None:
    answer = staff.get(f"{CAPACITY}/what-if?{query}")
    assert answer.status_code == 422
    assert words in text_of(answer)
    assert 'id="effect"' not in answer.text


def test_figures_explain_themselves(scene: Scene, staff: FlaskClient) -> None:
    words = words_of(text_of(staff.get(f"{CAPACITY}/figures")))
    for text in ("Auslastung: Bühnen", "Auslastung: Jockeys", "Auslastung: Ronjas", "So gerechnet:", "geplant"):
        assert text in words


def test_charts_are_drawn_by_the_server_with_a_table_beside(staff: FlaskClient) -> None:
    page = staff.get(f"{CAPACITY}/figures").text
    assert page.count('class="use-chart"') == 3
    assert page.count('class="use-bar') == 3 * 16
    assert page.count("<table") == 3
    assert "style=" not in page


def test_the_coming_days_as_page_and_file(scene: Scene, staff: FlaskClient) -> None:
    scene.booked(0, None)
    words = words_of(text_of(staff.get(f"{CAPACITY}/days")))
    assert "Gebucht Höchstens Plätze frei davon mit Abholung, höchstens Grund" in words
    assert f"Do, 26. Nov. 1 20 19 {len(scene.ronjas)}" in words
    assert "davon mit Abholung" not in words_of(text_of(staff.get(f"{CAPACITY}/days?how=drop-off")))
    answer = staff.get(f"{CAPACITY}/days.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "kapazitaet-2026-11-24.csv" in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbfDatum;")
    assert f"2026-11-26;Do;1;20;19;{len(scene.ronjas)};" in answer.get_data(as_text=True)
    assert "2026-11-26;Do;1;20;19;;" in staff.get(f"{CAPACITY}/days.csv?how=drop-off").get_data(as_text=True)


def test_forecast_and_utilisation_as_files(scene: Scene, login: Login) -> None:
    scene.booked(0, None)
    with clock.frozen(scene.slots[0].start_time + timedelta(days=3)):
        staff = login(make_user(Role.WORKSHOP, workshop_id=scene.workshop.id))
        page = staff.get(f"{CAPACITY}/figures").text
        for name, filename in (("forecast", "vorhersage"), ("utilisation", "auslastung")):
            assert f'href="{CAPACITY}/{name}.csv"' in page
            answer = staff.get(f"{CAPACITY}/{name}.csv")
            assert answer.content_type == "text/csv; charset=utf-8"
            assert f"{filename}-2026-11-29.csv" in answer.headers["Content-Disposition"]
            assert answer.data.startswith(b"\xef\xbb\xbfWoche")
        expected = staff.get(f"{CAPACITY}/forecast.csv").get_data(as_text=True).splitlines()
        uses = staff.get(f"{CAPACITY}/utilisation.csv").get_data(as_text=True).splitlines()
    assert expected[0].endswith("Wochentag;Leistung;Mittelwert;Standardabweichung;Tage gezählt")
    assert {"Do;Bremsenservice;1,00;;1", "Do;Alle;1,00;;1", "Fr;Alle;0,00;;1"} <= set(expected)
    assert uses[0].endswith("Woche ab;Auslastung von;genutzt;möglich;Einheit;%;Stand")
    assert "2026-11-23;Bühnen;1;40;Plätze;2;geplant" in uses
    assert "2026-11-16;Ronjas;0;0;Minuten;;vergangen" in uses
    assert len(uses) == 1 + 3 * 16


def test_in_english(staff: FlaskClient) -> None:
    with staff.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "Date;Weekday;" in staff.get(f"{CAPACITY}/days.csv").get_data(as_text=True)
    page = text_of(staff.get(f"{CAPACITY}/figures"))
    assert "How it is worked out" in page
    assert axis_days(page)[:2] == ["31 Aug", "28 Sept"]


def axis_days(page: str) -> list[str]:
    return re.findall(r'y="122" text-anchor="middle">([^<]+)<', page)


def test_a_chart_names_its_weeks_and_the_forecast_is_one_landmark(scene: Scene, login: Login) -> None:
    scene.booked(0, None)
    with clock.frozen(scene.slots[0].start_time + timedelta(days=3)):
        staff = login(make_user(Role.WORKSHOP, workshop_id=scene.workshop.id))
        page = text_of(staff.get(f"{CAPACITY}/figures"))
    assert axis_days(page)[:2] == ["31.8.", "28.9."]
    assert page.count('aria-labelledby="forecast"') == 1


@pytest.mark.parametrize(
    "path",
    ["what-if", "figures", "days", "days.csv", "forecast.csv", "utilisation.csv", "moves", "waiting"],
)
def test_another_workshop_is_not_shown(scene: Scene, staff: FlaskClient, login: Login, app: Any, path: str) -> None:
    stranger = login(make_user(Role.WORKSHOP), app.test_client())
    assert stranger.get(f"{CAPACITY}/{path}?workshop={scene.workshop.id}").status_code == 404
    admin = login(make_user(Role.ADMIN), app.test_client())
    assert admin.get(f"{CAPACITY}/{path}?workshop={scene.workshop.id}").status_code == 200
