"""The workshop's board of a day, looking for a car, and the car's page."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import update

from b2c_web import audit, clock
from b2c_web.accounts.models import Role
from b2c_web.bookings import commands, desk
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.dashboard import cars, words
from b2c_web.dispatch.models import AssignmentStatus
from b2c_web.extensions.models import (
    AuthorizationStatus,
    DecisionRight,
    ExtensionMessage,
    ExtensionStatus,
    MessageKind,
)
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from tests.commands.scene import Scene
from tests.factories import make_booking, make_customer, make_user, make_workshop
from tests.views.boards import COLUMNS, HTMX, Login, at, car, columns, counted, extension, region_of, staff
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
POLO = {"license_plate": "DO PO 10", "make": "VW", "model": "Polo", "year": 2019}


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=3, places=40)


def test_each_car_stands_where_its_state_belongs(scene: Scene, login: Login) -> None:
    with at(scene, 1):
        car(scene, "DO AA 1")
        car(scene, "DO BB 2", BookingStatus.IN_WORKSHOP, early_start_requested_at=clock.now_utc())
        extension(car(scene, "DO CC 3", BookingStatus.IN_WORKSHOP))
        car(scene, "DO DD 4", BookingStatus.READY_FOR_RETURN)
        car(scene, "DO EE 5", BookingStatus.COMPLETED)
        client = staff(scene, login)
        found = columns(client)
    plates = dict(zip(COLUMNS, ("DO AA 1", "DO BB 2", "DO CC 3", "DO DD 4"), strict=True))
    for column, plate in plates.items():
        assert plate in found[column]
        assert not any(other in found[column] for other in plates.values() if other != plate)
    assert "1 Auto ist abgeschlossen" in found["Fertig"]
    assert "Einchecken" in found["Erwartet"]
    assert "Arbeit beginnen" in found["In Arbeit"]
    assert "Anrufen" in found["Wartet auf Kunde"]
    assert "Kunde holt ab" in found["Fertig"]


def test_lateness_is_a_word(scene: Scene, login: Login) -> None:
    car(scene, "DO AA 1")
    with at(scene, 1.9):
        assert "zu spät" not in columns(staff(scene, login))["Erwartet"]
    with at(scene, 2.2):
        page = text_of(staff(scene, login).get("/workshop"))
        assert 'data-risk="late"' in page
        assert "12 min zu spät" in words_of(page)
    for hours, said in ((25.9, "23 h zu spät"), (26, "1 Tag zu spät"), (62, "2 Tage zu spät"), (64, "3 Tage zu spät")):
        with at(scene, hours):  # expected on Thursday until ten; Saturday at ten in the evening, Sunday at midnight
            assert said in columns(staff(scene, login))["Erwartet"]


@pytest.mark.parametrize(
    ("facts", "said", "column"),
    [
        ({}, "479,88 EUR seit 52 min", "Wartet auf Kunde"),
        ({"authorization_status": AuthorizationStatus.REQUIRES_ACTION}, "Zahlung fehlt", "Wartet auf Kunde"),
        ({"authorization_status": AuthorizationStatus.PENDING}, "wird reserviert", "In Arbeit"),
        ({"authorization_status": AuthorizationStatus.AUTHORIZED}, "1 Zusatz freigegeben", "In Arbeit"),
        ({"status": ExtensionStatus.DECLINED}, "Zusatz abgelehnt", "In Arbeit"),
    ],
)
def test_the_extension_is_told(scene: Scene, login: Login, facts: Any, said: str, column: str) -> None:
    with at(scene, 1):
        now = clock.now_utc()
        if "authorization_status" in facts:
            decided = {"status": ExtensionStatus.APPROVED, "approved_at": now, "accepted_items": [0]}
            facts |= {**decided, "approved_amount_cents": 47988, "decision_right": DecisionRight.CUSTOMER}
        elif facts:
            facts |= {"declined_at": now}
        extension(car(scene, "DO CC 3", BookingStatus.IN_WORKSHOP), **facts)
        with clock.frozen(now + timedelta(minutes=52)):
            assert said in columns(staff(scene, login))[column]


def test_what_is_from_earlier_days_stays_on_todays_board(scene: Scene, login: Login) -> None:
    car(scene, "DO BB 2", BookingStatus.IN_WORKSHOP)
    car(scene, "DO AA 1")
    with at(scene, 24):
        client = staff(scene, login)
        found = columns(client)
        assert "DO BB 2" in found["In Arbeit"]
        assert "DO AA 1" in found["Erwartet"]
        assert "Kein Auto an diesem Tag" in text_of(client.get("/workshop?day=2026-11-28"))


def test_what_came_before_its_day_is_on_todays_board(scene: Scene, login: Login) -> None:
    coming, early = car(scene, "DO AA 1", slot=5), car(scene, "DO BB 2", BookingStatus.IN_WORKSHOP, slot=5)
    waits = car(scene, "DO CC 3", BookingStatus.IN_WORKSHOP, slot=5)
    extension(waits)
    done = {"work_started_at": clock.now_utc(), "service_completed_at": clock.now_utc()}
    car(scene, "DO DD 4", BookingStatus.READY_FOR_RETURN, slot=5, **done)
    assert coming.pickup_time.date() > scene.slots[0].start_time.date()
    with at(scene, 1):
        client = staff(scene, login)
        page = text_of(client.get("/workshop"))
        found = columns(client)
    for column, plate in (("In Arbeit", "DO BB 2"), ("Wartet auf Kunde", "DO CC 3"), ("Fertig", "DO DD 4")):
        assert plate in found[column]
        assert found[column].split()[0] == "1"
    assert "DO AA 1" not in words_of(page)
    with clock.frozen(early.pickup_time):
        assert "DO BB 2" in columns(staff(scene, login))["In Arbeit"]


def test_a_day_that_is_none_is_said(scene: Scene, login: Login) -> None:
    client = staff(scene, login)
    for asked in ("abc", "2026-02-30", "9999-12-31"):
        assert f"„{asked}“ ist kein Tag. Gezeigt wird heute." in text_of(client.get(f"/workshop?day={asked}"))
    assert "ist kein Tag" not in text_of(client.get("/workshop?day="))


def test_the_board_follows_and_answers_nothing_when_nothing_changed(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO AA 1")
    with at(scene, 1):
        client = staff(scene, login)
        href = region_of(text_of(client.get("/workshop")))
        assert client.get(href, headers=HTMX).status_code == 204
        other = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
        commands.check_in(other, booking.id, mileage_km=10)
        answer = client.get(href, headers=HTMX)
        assert answer.status_code == 200
        assert text_of(answer).lstrip().startswith('<section id="board"')
        href = region_of(text_of(answer))
        assert client.get(href, headers=HTMX).status_code == 204
        extension(booking)
        assert "479,88 EUR" in text_of(client.get(href, headers=HTMX))


def test_a_poll_costs_two_statements_and_a_board_few(scene: Scene, login: Login) -> None:
    for number in range(6):
        car(scene, f"DO AA {number + 1}")
    with at(scene, 1):
        client = staff(scene, login)
        href = region_of(text_of(client.get("/workshop")))
        db.session.expire_all()
        with counted() as polled:
            client.get(href, headers=HTMX)
        with counted() as drawn:
            client.get("/workshop")
    assert 0 < len(polled) <= 2, polled
    assert 2 < len(drawn) <= 8, drawn


def test_another_workshop_sees_nothing_of_it(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO AA 1")
    other = make_workshop(name="Werkstatt Hagen")
    db.session.commit()
    with at(scene, 1):
        client = login(make_user(Role.WORKSHOP, workshop_id=other.id))
        assert "DO AA 1" not in text_of(client.get("/workshop"))
        assert "DO AA 1" not in text_of(client.get("/workshop/cars"))
        assert client.get(f"/workshop/bookings/{booking.id}").status_code == 404


def test_a_dispatcher_sees_the_board_without_its_buttons(scene: Scene, login: Login) -> None:
    car(scene, "DO AA 1")
    with at(scene, 1):
        found = columns(staff(scene, login, Role.DISPATCHER))
    assert "DO AA 1" in found["Erwartet"]
    assert "Einchecken" not in found["Erwartet"]


@pytest.mark.parametrize("wanted", ["do mv", "DOMV250", "birke", "BK-2026-"])
def test_a_car_is_found_on_any_day(scene: Scene, login: Login, wanted: str) -> None:
    booking = car(scene, "DO MV 250", slot=5, customer_name="Bo Birke")
    car(scene, "WIT XY 1", customer_name="Ada Ahorn")
    answer = staff(scene, login).get(f"/workshop/cars?q={wanted}", headers=HTMX)
    words = words_of(text_of(answer))
    assert "Bo Birke" in words
    assert f"/workshop/bookings/{booking.id}" in text_of(answer)
    assert ("Ada Ahorn" in words) is wanted.startswith("BK")


def test_paging_and_filter_stay_in_the_address(scene: Scene, login: Login) -> None:
    for number in range(27):
        car(scene, f"DO AA {number + 1}", BookingStatus.COMPLETED, slot=5 * (number % 2))
    client = staff(scene, login)
    page = text_of(client.get("/workshop/cars?show=ended&sort=oldest&page=2"))
    assert "26–27 von 27" in page
    assert "/workshop/cars?page=1&amp;show=ended&amp;sort=oldest" in page
    assert "26–27 von 27" in text_of(client.get("/workshop/cars?page=99"))
    assert "Zu dieser Auswahl gibt es kein Auto." in text_of(client.get("/workshop/cars?show=open"))


def test_more_than_a_thousand_are_not_counted(scene: Scene, login: Login, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cars, "MOST", 2)
    for number in range(3):
        car(scene, f"DO AA {number + 1}", BookingStatus.COMPLETED, slot=5 * (number % 2))
    words = words_of(text_of(staff(scene, login).get("/workshop/cars")))
    assert "Über 2 Buchungen." in words
    assert "1–2 von über 2" in words


def test_two_letters_are_looked_for_among_the_open_ones(scene: Scene, login: Login) -> None:
    car(scene, "DO AA 1", customer_name="Bo Li")
    car(scene, "DO AA 2", BookingStatus.COMPLETED, slot=5, customer_name="Ada Li")
    words = words_of(text_of(staff(scene, login).get("/workshop/cars?q=li")))
    assert "Mit weniger als drei Zeichen suchen wir nur unter den laufenden." in words
    assert "Bo Li" in words
    assert "Ada Li" not in words
    ended = words_of(text_of(staff(scene, login).get("/workshop/cars?q=li&show=ended")))
    assert "Unter den beendeten suchen wir erst ab drei Zeichen." in ended
    assert "Ada Li" not in ended


def test_the_cars_page_tells_everything(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO AA 1", customer_name="Bo Birke")
    with at(scene, 1):
        client = staff(scene, login)
        user = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
        commands.check_in(user, booking.id, mileage_km=84210, keys_at="Haken 12", parked_at="Platz 4")
        page = text_of(client.get(f"/workshop/bookings/{booking.id}"))
    words = words_of(page)
    for said in ("Bo Birke", "84.210 km", "Haken 12", "Platz 4", booking.number, "In der Werkstatt", "Arbeit beginnen"):
        assert said in words
    assert "Eingecheckt" in words.split("Was geschah")[1]
    assert "In der Werkstatt" in words.split("Nachrichten an den Kunden")[1]
    assert client.get(region_of(page), headers=HTMX).status_code == 204


@pytest.mark.parametrize(
    ("said", "board", "told"),
    [
        (POLO, "VW Polo", "VW Polo, 2019"),
        ({**POLO, "year": None}, "VW Polo", "VW Polo"),
        ({"license_plate": "DO PO 10"}, "Mittelklasse", "Mittelklasse Marke und Modell fehlen"),
        ({}, "Kennzeichen fehlt", "Mittelklasse Auto noch nicht benannt"),
    ],
)
def test_a_car_that_was_named_when_booking_is_shown_before_it_comes(
    scene: Scene, login: Login, said: dict[str, Any], board: str, told: str
) -> None:
    booking = make_booking(scene.slots[0], user=make_customer(), car_details=said)
    db.session.commit()
    with at(scene, 0):
        client = staff(scene, login)
        pages = [words_of(text_of(client.get(f"/workshop/bookings/{booking.id}{path}"))) for path in ("", "/check-in")]
        seen = [columns(client)["Erwartet"], words_of(text_of(client.get("/workshop/list"))), *pages]
    assert board in seen[0]
    assert all(told in read for read in seen[2:])
    assert ("Auto noch nicht benannt" in "".join(seen)) is (not said)
    for read in seen:
        assert said.get("license_plate", "") in read
        assert ("VW Polo" in read) is ("make" in said)


def test_the_cars_page_follows_questions_messages_and_the_history(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO AA 1", BookingStatus.IN_WORKSHOP)
    more = extension(booking)
    message = Notification(
        kind=NotificationKind.IN_WORKSHOP, booking_id=booking.id, recipient="x@y.example", language="de", dedupe_key="1"
    )

    def ask() -> None:
        asked = {"extension_id": more.id, "kind": MessageKind.QUESTION, "at": clock.now_utc()}
        db.session.add(ExtensionMessage(**asked, words="Geht es billiger?"))

    with at(scene, 1):
        client = staff(scene, login)
        page = text_of(client.get(f"/workshop/bookings/{booking.id}"))
        for change in (
            ask,
            lambda: db.session.add(message),
            lambda: audit.record("booking.move_given_up", "booking", booking.id),
        ):
            assert client.get(region_of(page), headers=HTMX).status_code == 204
            change()
            db.session.commit()
            page = text_of(client.get(region_of(page), headers=HTMX))
    words = words_of(page)
    assert "Der Kunde fragt: Geht es billiger?" in words
    assert "Verschieben aufgegeben" in words


def test_what_changes_while_the_cars_page_is_made_is_drawn_at_the_next_poll(
    scene: Scene, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = car(scene, "DO AA 1", BookingStatus.IN_WORKSHOP)
    read, late = desk.desk_booking, {"parked_at": "Platz 9", "updated_at": clock.now_utc()}
    change = update(Booking).where(Booking.id == booking.id).values(late).execution_options(synchronize_session=False)

    def read_and_lose_a_race(*asked: Any) -> Booking:
        found = read(*asked)
        g.only_reads = False  # it is somebody else who writes
        db.session.execute(change)
        return found

    with at(scene, 1):
        client = staff(scene, login)
        with monkeypatch.context() as racing:
            racing.setattr(desk, "desk_booking", read_and_lose_a_race)
            page = text_of(client.get(f"/workshop/bookings/{booking.id}"))
        assert "Platz 9" not in page
        db.session.execute(change)
        db.session.commit()
        assert "Platz 9" in text_of(client.get(region_of(page), headers=HTMX))


def test_in_english(scene: Scene, login: Login) -> None:
    booking = car(scene, "DO AA 1")
    with at(scene, 1):
        car(scene, "DO DD 4", BookingStatus.READY_FOR_RETURN)
        client = staff(scene, login)
        with client.session_transaction() as cookie:
            cookie["language"] = "en"
        board = words_of(text_of(client.get("/workshop")))
        for said in ("Waiting for the customer", "customer brings it", "customer collects it", "Customer collects DO"):
            assert said in board
        assert "Picked up" not in board  # that is what jockeys do
        assert "What happened" in words_of(text_of(client.get(f"/workshop/bookings/{booking.id}")))


@pytest.mark.parametrize(
    ("today", "said"),
    [(9, "14:30"), (8, "Mi 14:30"), (3, "Mi 14:30"), (2, "9.12. 14:30"), (10, "9.12. 14:30"), (14, "9.12. 14:30")],
)
def test_a_day_that_is_over_or_far_off_is_named_by_its_date(app: Flask, today: int, said: str) -> None:
    card = SimpleNamespace(due=datetime(2026, 12, 9, 13, 30, tzinfo=UTC), until=None)
    with app.test_request_context():
        assert words.due_words(card, date(2026, 12, today)) == said  # type: ignore[arg-type]
        tour = SimpleNamespace(
            jockey=SimpleNamespace(name="Jana Sperber"), scheduled_time=card.due, status=AssignmentStatus.ASSIGNED
        )
        assert words.jockey_words(tour, date(2026, 12, today)) == f"J. Sperber, {said}"  # type: ignore[arg-type]
