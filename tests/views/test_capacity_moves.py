"""The pages around a request to move: staff ask from a form, the customer answers without signing in."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock, formatting
from b2c_web.accounts.models import Role
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking
from b2c_web.capacity.move_models import MoveOffer, MoveOfferState
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from tests.commands.scene import Scene
from tests.factories import make_user
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
MOVES = "/workshop/capacity/moves"
Login = Callable[..., FlaskClient]


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


@pytest.fixture
def staff(scene: Scene, login: Login, app: Any) -> FlaskClient:
    user = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    db.session.commit()
    return login(user, app.test_client())


def ask(staff: FlaskClient, booking: Booking, **fields: Any) -> Any:
    return send(staff, f"{MOVES}/{booking.id}", "/account", **fields)


def link_of(booking: Booking) -> str:
    wanted = {"booking_id": booking.id, "kind": NotificationKind.MOVE_ASKED}
    return str(db.session.query(Notification).filter_by(**wanted).one().context["link_path"])


def choices(page: str) -> list[str]:
    return re.findall(r'name="choice"[^>]*?value="([^"]+)"', page)


def test_staff_ask_and_see_the_state(scene: Scene, staff: FlaskClient) -> None:
    booking = scene.booked()
    answer = ask(staff, booking, reason="Hebebühne wird geprüft")
    assert (answer.status_code, answer.location) == (303, MOVES)
    page = words_of(text_of(staff.get(MOVES)))
    for words in ("Der Kunde ist gefragt.", booking.number, "wartet auf Antwort", "Hebebühne wird geprüft"):
        assert words in page


def test_before_they_ask_staff_see_what_the_customer_will_be_offered(scene: Scene, staff: FlaskClient) -> None:
    booking = scene.booked()
    page = text_of(staff.get(f"{MOVES}/{booking.id}?reason=Inventur"))
    words = words_of(page)
    for said in (booking.customer_name, booking.number, "Do, 26. Nov., 8–10 Uhr", "Antwort bis"):
        assert said in words
    assert 'value="Inventur"' in page
    assert db.session.query(MoveOffer).count() == 0
    ask(staff, booking)
    mailed = db.session.query(MoveOffer).one().options
    for option in mailed:
        start, end = (datetime.fromisoformat(option[name]) for name in ("start", "end"))
        assert words_of(formatting.day_window(start, end)) in words


@pytest.mark.parametrize("query", ["", "?same_day=y"])
def test_whether_the_same_day_will_do_is_carried_along(scene: Scene, staff: FlaskClient, query: str) -> None:
    booking = scene.booked()
    page = staff.get(f"{MOVES}/{booking.id}{query}").text
    assert ('name="same_day"' in page) == bool(query)
    ask(staff, booking, **({"same_day": "y"} if query else {}))
    assert db.session.query(MoveOffer).one().same_day == bool(query)


def test_who_cannot_be_asked_is_told_before_the_click(scene: Scene, staff: FlaskClient) -> None:
    booking = scene.booked()
    ask(staff, booking)
    page = text_of(staff.get(f"{MOVES}/{booking.id}"))
    assert "Der Kunde ist schon gefragt" in words_of(page)
    assert "Frage senden" not in page


def test_too_long_a_reason_is_said_at_its_field_and_kept(scene: Scene, staff: FlaskClient) -> None:
    booking = scene.booked()
    answer = ask(staff, booking, reason="x" * 301)
    assert answer.status_code == 422
    assert "höchstens 300 Zeichen" in text_of(answer)
    assert "x" * 301 in answer.text


def test_asking_twice_is_refused_on_the_page(scene: Scene, staff: FlaskClient) -> None:
    booking = scene.booked()
    ask(staff, booking)
    answer = ask(staff, booking)
    assert answer.status_code == 409
    assert "schon gefragt" in words_of(text_of(answer))


def test_another_workshop_sees_and_asks_nothing(scene: Scene, staff: FlaskClient, login: Login, app: Any) -> None:
    booking = scene.booked()
    ask(staff, booking)
    stranger = login(make_user(Role.WORKSHOP), app.test_client())
    assert booking.number not in text_of(stranger.get(MOVES))
    assert stranger.get(f"{MOVES}/{booking.id}").status_code == 404
    assert ask(stranger, booking).status_code == 404


def test_looking_decides_nothing(scene: Scene, staff: FlaskClient, client: FlaskClient) -> None:
    booking = scene.booked()
    slot_id = booking.slot_id
    ask(staff, booking)
    link = link_of(booking)
    for method in (client.get, client.head):
        assert method(link).status_code == 200
    assert db.session.query(MoveOffer).one().state is MoveOfferState.ASKED
    assert db.session.get(Booking, booking.id).slot_id == slot_id
    page = client.get(link)
    assert len(choices(page.text)) == 3
    assert page.headers["Cache-Control"] == "no-store"
    assert "Zurück" in words_of(text_of(page))


def test_the_customer_takes_one_without_signing_in(scene: Scene, staff: FlaskClient, client: FlaskClient) -> None:
    booking = scene.booked()
    ask(staff, booking)
    link = link_of(booking)
    answer = send(client, link, choice=choices(client.get(link).text)[1])
    assert (answer.status_code, answer.location) == (303, link)
    assert db.session.get(Booking, booking.id).slot_id == scene.slots[6].id
    assert "Danke, Ihr Termin ist verlegt" in text_of(client.get(link))
    assert not choices(client.get(link).text)
    assert "verlegt" in words_of(text_of(staff.get(MOVES)))


def test_the_customer_would_rather_not(scene: Scene, staff: FlaskClient, client: FlaskClient) -> None:
    booking = scene.booked()
    ask(staff, booking)
    link = link_of(booking)
    assert send(client, link, keep="1").status_code == 303
    assert "Alles bleibt, wie es ist" in text_of(client.get(link))
    page = words_of(text_of(staff.get(MOVES)))
    assert "lieber nicht" in page
    assert "Noch einmal fragen" in page


def test_the_link_names_no_date_when_the_answer_is_old_or_the_booking_over(
    scene: Scene, staff: FlaskClient, client: FlaskClient, frozen_clock: Callable[[datetime], Any]
) -> None:
    booking = scene.booked()
    ask(staff, booking)
    link = link_of(booking)
    send(client, link, keep="1")
    with frozen_clock(clock.now_utc() + timedelta(minutes=61)):
        page = text_of(client.get(link))
    assert "Diese Anfrage ist beendet" in page
    assert "26. Nov." not in page
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert "Alles bleibt, wie es ist" not in text_of(client.get(link))


def test_the_link_of_a_closed_account_opens_nothing(scene: Scene, staff: FlaskClient, client: FlaskClient) -> None:
    booking = scene.booked()
    ask(staff, booking)
    booking.user.is_active = False
    db.session.commit()
    assert client.get(link_of(booking)).status_code == 404


def test_without_a_choice_or_with_a_made_up_one_nothing_happens(
    scene: Scene, staff: FlaskClient, client: FlaskClient
) -> None:
    booking = scene.booked()
    ask(staff, booking)
    link = link_of(booking)
    for choice in ("", "made-up", f'["{scene.slots[7].id}", null]'):
        answer = send(client, link, choice=choice)
        assert answer.status_code == 422
        assert "Bitte wählen Sie ein Fenster." in text_of(answer)
    assert db.session.query(MoveOffer).one().state is MoveOfferState.ASKED


def test_a_window_gone_meanwhile_is_told_kindly_with_others(
    scene: Scene, staff: FlaskClient, client: FlaskClient
) -> None:
    booking = scene.booked()
    ask(staff, booking)
    link = link_of(booking)
    first, slot_id = choices(client.get(link).text)[0], booking.slot_id
    scene.slots[5].is_available = False
    db.session.commit()
    answer = send(client, link, choice=first)
    assert answer.status_code == 409
    words = words_of(text_of(answer))
    assert "Dieses Fenster ist gerade vergeben worden." in words
    assert "Ihr Termin steht unverändert." in words
    assert first not in choices(answer.text)
    assert choices(answer.text)
    assert db.session.get(Booking, booking.id).slot_id == slot_id


def test_an_ended_link_says_so(scene: Scene, staff: FlaskClient, client: FlaskClient) -> None:
    booking = scene.booked()
    ask(staff, booking)
    link = link_of(booking)
    chosen = choices(client.get(link).text)[0]
    send(client, link, keep="1")
    answer = send(client, link, "/login", choice=chosen)
    assert answer.status_code == 409
    assert client.get("/move/unknown").status_code == 404


def test_the_bookings_page_leads_to_the_open_request(
    scene: Scene, staff: FlaskClient, client: FlaskClient, login: Login
) -> None:
    booking = scene.booked()
    ask(staff, booking)
    offer = db.session.query(MoveOffer).one()
    login(booking.user)
    page = text_of(client.get(f"/bookings/{booking.id}"))
    assert f"/bookings/moves/{offer.id}" in page
    assert send(client, f"/bookings/moves/{offer.id}", keep="1").status_code == 303
    assert f"/bookings/moves/{offer.id}" not in text_of(client.get(f"/bookings/{booking.id}"))


def test_english(scene: Scene, staff: FlaskClient, client: FlaskClient) -> None:
    booking = scene.booked()
    ask(staff, booking)
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "Would another date suit you?" in text_of(client.get(link_of(booking)))
