"""One booking's page in every state, its papers, and what can still be changed, with the consequence said first."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings.messages import send as send_message
from b2c_web.bookings.models import Booking, BookingDraft, BookingStatus
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from b2c_web.payments.models import Document
from b2c_web.vehicles.models import Vehicle
from tests.commands.scene import Scene
from tests.factories import make_booking, make_customer, make_vehicle
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = BookingStatus
HTMX = {"HX-Request": "true"}
NAMED = {"license_plate": "WIT XY 207", "make": "VW", "model": "Polo", "year": 2019}


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=3)


@pytest.fixture
def rosa(scene: Scene, login: Callable[..., FlaskClient]) -> User:
    user = make_customer(email="rosa@example.org")
    db.session.commit()
    login(user)
    return user


def booking_of(scene: Scene, user: User, status: BookingStatus = S.CONFIRMED, **facts: Any) -> Booking:
    """A concierge booking, picked up in the first window and brought back in the third."""
    made = make_booking(scene.slots[0], scene.slots[2], ronja=scene.ronjas[0], user=user, status=status, **facts)
    db.session.commit()
    return made


def page_of(client: FlaskClient, booking: Booking, query: str = "") -> str:
    answer = client.get(f"/bookings/{booking.id}{query}")
    assert answer.status_code == 200
    return text_of(answer)


AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
CHECKED_IN = {"workshop_checkin_at": AT}
STATES = [
    (S.PENDING, {}, "Wir halten Ihren Termin", True),
    (S.CONFIRMED, {}, "Wir kommen am Do, 26. Nov., 8–10 Uhr.", True),
    (S.IN_TRANSIT_TO_WORKSHOP, {}, "Ihr Auto ist auf dem Weg zur Werkstatt", True),
    (S.IN_WORKSHOP, CHECKED_IN, "Ihr Auto ist in der Werkstatt", True),
    (S.IN_WORKSHOP, CHECKED_IN | {"work_started_at": AT, "service_completed_at": AT}, "Die Arbeit ist getan", True),
    (S.IN_TRANSIT_TO_WORKSHOP, {"withdrawn_at": AT}, "Ihr Widerruf ist bei uns", True),
    (S.IN_WORKSHOP, CHECKED_IN | {"withdrawn_at": AT}, "Widerruf eingegangen am Do, 26. Nov., 10:00 Uhr", True),
    (S.READY_FOR_RETURN, CHECKED_IN, "Ihr Auto ist fertig", True),
    (S.IN_TRANSIT_TO_CUSTOMER, CHECKED_IN, "Ihr Auto kommt zurück", True),
    (S.COMPLETED, CHECKED_IN, "Gute Fahrt", False),
    (S.CANCELLED, {"cancellation_reason": "customer"}, "Diese Buchung ist storniert", False),
    (S.CANCELLED, {"cancellation_reason": "no_show"}, "Die Buchung ist beendet", False),
    (S.CANCELLED, {"withdrawn_at": AT}, "Ihr Vertrag ist widerrufen", False),
]


@pytest.mark.parametrize(("status", "facts", "head", "live"), STATES)
def test_every_state_says_what_matters_now(
    scene: Scene, rosa: User, client: FlaskClient, status: BookingStatus, facts: dict[str, Any], head: str, live: bool
) -> None:
    page = page_of(client, booking_of(scene, rosa, status, **facts))
    assert head in words_of(page)
    assert ('hx-trigger="every 20s, expired"' in page) is live
    assert page.count('aria-current="step"') <= 1
    assert ("Noch einmal buchen" in page) is (status is not S.PENDING)


@pytest.mark.parametrize("status", [S.CONFIRMED, S.IN_WORKSHOP, S.READY_FOR_RETURN, S.COMPLETED])
def test_a_car_that_is_brought_has_no_trips(
    scene: Scene, rosa: User, client: FlaskClient, status: BookingStatus
) -> None:
    booking = make_booking(scene.slots[1], user=rosa, status=status)
    db.session.commit()
    page = words_of(page_of(client, booking))
    assert "Ronja" not in page.split("Verlauf")[1].split("Impressum")[0]
    assert "Unterwegs" not in page
    assert "Sie holen Ihr Auto ab" in page


def test_a_concierge_car_that_was_brought_after_all_counts_as_brought(
    scene: Scene, rosa: User, client: FlaskClient
) -> None:
    booking = booking_of(scene, rosa, S.IN_WORKSHOP, concierge_dropped_at=clock.now_utc(), **CHECKED_IN)
    page = words_of(page_of(client, booking))
    assert "Zu uns gebracht" in page
    assert "Holen Sie es dann bitte bei uns ab: Am Prüfstand 1, Witten." in page
    assert "Ihre Ronja" not in page


def test_after_a_no_show_a_new_date_is_offered(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = booking_of(scene, rosa, no_show_at=clock.now_utc(), new_date_until=clock.now_utc() + timedelta(hours=24))
    page = words_of(page_of(client, booking))
    assert "Wir haben Sie nicht angetroffen" in page
    assert "Bis Mi, 25. Nov., 12:00 Uhr können Sie ohne Aufpreis einen neuen Termin wählen." in page
    assert "wir behalten 25,00 EUR" in page
    assert "Neuen Termin wählen" in words_of(text_of(client.get("/bookings")))


def test_after_a_failed_return_a_new_window_is_asked_for(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = booking_of(scene, rosa, S.READY_FOR_RETURN, return_failed_at=clock.now_utc(), **CHECKED_IN)
    page = words_of(page_of(client, booking))
    assert "Wir konnten Ihr Auto nicht übergeben" in page
    assert "Zurück bringen wir es" not in page
    assert page.count("Neues Fenster wählen") == 2  # the button, and the next step of the course
    assert "Neues Fenster wählen" in words_of(text_of(client.get("/bookings")))


def test_work_that_takes_longer_than_promised_is_not_promised_for_the_past(
    scene: Scene, rosa: User, client: FlaskClient, frozen_clock: Callable[..., Any]
) -> None:
    booking = booking_of(scene, rosa, S.IN_WORKSHOP, **CHECKED_IN)
    with frozen_clock(booking.estimated_return_time + timedelta(days=1)):
        page = words_of(page_of(client, booking))
    assert "Es dauert länger, rufen Sie uns gern an." in page
    assert "Zurück bringen wir es" not in page and "spätestens" not in page
    assert "In der Werkstatt seit 12:00" not in page  # of another day


def test_a_return_whose_window_is_over_is_not_promised_any_more(
    scene: Scene, rosa: User, client: FlaskClient, frozen_clock: Callable[..., Any]
) -> None:
    booking = booking_of(scene, rosa, S.READY_FOR_RETURN, **CHECKED_IN)
    with frozen_clock(booking.return_slot.end_time + timedelta(hours=1)):
        page = words_of(page_of(client, booking))
    assert "Zurück bringen wir es" not in page
    assert "Wann passt es Ihnen?" in page and "Neues Fenster wählen" in page


def test_polling_answers_with_nothing_until_something_changes(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = booking_of(scene, rosa)
    seen = page_of(client, booking).split("seen=")[1].split('"')[0]
    address = f"/bookings/{booking.id}?seen={seen}"
    same = client.get(address, headers=HTMX)
    assert (same.status_code, same.data) == (204, b"")
    booking = db.session.get_one(Booking, booking.id)
    booking.status, booking.workshop_checkin_at = S.IN_WORKSHOP, clock.now_utc()
    db.session.commit()
    new = client.get(address, headers=HTMX)
    assert new.status_code == 200
    assert text_of(new).lstrip().startswith('<div id="booking-now"')
    assert new.headers["HX-Trigger"] == '{"announce": "Ihr Auto ist in der Werkstatt"}'


def test_the_ronja_and_the_workshops_number_are_there(scene: Scene, rosa: User, client: FlaskClient) -> None:
    page = page_of(client, booking_of(scene, rosa))
    assert scene.ronjas[0].license_plate in page
    assert 'href="tel:+492302000000"' in page


def test_nobody_elses_booking_can_be_seen_or_changed(scene: Scene, rosa: User, client: FlaskClient) -> None:
    other = booking_of(scene, make_customer())
    mine = "/bookings"
    for path in ("", "/car", "/cancellation", "/withdrawal", "/move", "/calendar.ics", "/payment"):
        assert client.get(f"/bookings/{other.id}{path}").status_code == 404
    for path in ("/car", "/cancellation", "/withdrawal", "/again", "/release"):
        assert send(client, f"/bookings/{other.id}{path}", "/book", fee_cents="0").status_code == 404
    assert other.number not in text_of(client.get(mine))


@pytest.mark.parametrize(
    ("hours_before", "fee", "back"), [(25, "0", "288,00 EUR"), (24, "0", "288,00 EUR"), (23, "2500", "263,00 EUR")]
)
def test_cancelling_says_first_what_comes_back(
    scene: Scene, rosa: User, client: FlaskClient, hours_before: int, fee: str, back: str
) -> None:
    booking = scene.booked(user_id=rosa.id)
    booking_id, total = booking.id, booking.total_price
    back = f"{(total - int(fee)) // 100},00 EUR"
    with clock.frozen(booking.pickup_time - timedelta(hours=hours_before)):
        assert f"Stornieren, {back} zurück" in words_of(page_of(client, booking))
        address = f"/bookings/{booking_id}/cancellation"
        page = text_of(client.get(address))
        assert f"Stornieren, {back} zurück" in page
        assert ("Wir behalten 25,00 EUR" in page) is (fee != "0")
        answer = send(client, address, fee_cents=fee)
        assert answer.location == f"/bookings/{booking_id}"
        assert "Ihre Buchung ist storniert." in text_of(client.get(answer.location))
    assert db.session.get_one(Booking, booking_id).status is S.CANCELLED


def test_a_fee_that_begins_while_the_page_is_open_is_asked_again(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(user_id=rosa.id)
    address = f"/bookings/{booking.id}/cancellation"
    with clock.frozen(booking.pickup_time - timedelta(hours=23)):
        refused = send(client, address, fee_cents="0")
        assert refused.status_code == 409
        page = words_of(text_of(refused))
    assert "Die kostenlose Frist ist inzwischen vorbei." in page
    assert "Stornieren, 303,00 EUR zurück" in page
    assert db.session.get_one(Booking, booking.id).status is S.CONFIRMED


def test_withdrawing_returns_everything(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(user_id=rosa.id)
    address = f"/bookings/{booking.id}/withdrawal"
    with clock.frozen(booking.pickup_time - timedelta(hours=1)):
        late = words_of(text_of(client.get(f"/bookings/{booking.id}/cancellation")))
        assert "können Sie den Vertrag auch widerrufen" in late
        asked = words_of(text_of(client.get(address)))
        assert "Die Buchung endet, und Sie bekommen alles zurück: 328,00 EUR." in asked
        assert "Widerruf bestätigen" in asked
        assert send(client, address, fee_cents="0").status_code == 303
        page = words_of(page_of(client, booking))
    assert "Ihr Vertrag ist widerrufen" in page
    assert "328,00 EUR gehen auf demselben Weg an Sie zurück" in page


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("cancellation", S.IN_WORKSHOP, "Die Werkstatt hilft Ihnen am Telefon."),
        ("cancellation", S.CANCELLED, "Die Buchung ist schon zu Ende."),
        ("withdrawal", S.PENDING, "Die Buchung ist noch nicht bezahlt."),
        ("move", S.IN_WORKSHOP, "Die Werkstatt hilft Ihnen am Telefon."),
        ("move", S.PENDING, "Die Buchung ist noch nicht bezahlt."),
    ],
)
def test_what_cannot_be_done_is_explained(
    scene: Scene, rosa: User, client: FlaskClient, path: str, status: BookingStatus, words: str
) -> None:
    booking = booking_of(scene, rosa, status)
    page = text_of(client.get(f"/bookings/{booking.id}/{path}"))
    assert words in page
    assert "Zur Buchung" in page


def test_after_two_weeks_nothing_can_be_withdrawn(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = booking_of(scene, rosa, paid_at=clock.now_utc() - timedelta(days=15))
    page = text_of(client.get(f"/bookings/{booking.id}/withdrawal"))
    assert "Die Widerrufsfrist endete am Mo, 23. Nov. um 24 Uhr." in page


def test_moving_in_time_is_free(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(user_id=rosa.id)
    address = f"/bookings/{booking.id}/move"
    page = text_of(client.get(address))
    assert "Verschieben ist kostenlos." in page
    assert "Bisher: Do, 26. Nov., 8–10 Uhr." in page
    assert 'id="date"' in page
    fragment = text_of(client.get(f"{address}?slot={scene.slots[5].id}", headers=HTMX))
    assert fragment.lstrip().startswith('<div id="date"')
    moved = send(client, address, fee_cents="0", slot=scene.slots[5].id, back=scene.slots[7].id)
    assert moved.location == f"/bookings/{booking.id}"
    page = words_of(text_of(client.get(moved.location)))
    assert "Ihr Termin ist verschoben." in page
    assert "Wir kommen am Fr, 27. Nov., 8–10 Uhr." in page


def test_moving_late_leads_to_the_fee_first(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(user_id=rosa.id)
    address = f"/bookings/{booking.id}/move"
    with clock.frozen(booking.pickup_time - timedelta(hours=2)):
        assert "Verschieben und 25,00 EUR zahlen" in text_of(client.get(address))
        fee = send(client, address, fee_cents="2500", slot=scene.slots[7].id, back=scene.slots[9].id)
        assert fee.location.startswith(f"/bookings/{booking.id}/move/")
        assert fee.location.endswith("/payment")
    assert db.session.get_one(Booking, booking.id).slot_id == scene.slots[0].id


def test_moving_needs_a_window_and_a_free_one(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(user_id=rosa.id)
    address = f"/bookings/{booking.id}/move"
    nothing = send(client, address, fee_cents="0")
    assert nothing.status_code == 422
    assert "Bitte wählen Sie ein Zeitfenster." in text_of(nothing)
    first = send(client, address, fee_cents="0", slot=scene.slots[5].id)
    assert first.status_code == 422
    assert "Wann soll Ihr Auto zurück sein?" in text_of(first)
    scene.slots[5].current_bookings = scene.slots[5].max_bookings
    db.session.commit()
    taken = send(client, address, fee_cents="0", slot=scene.slots[5].id, back=scene.slots[7].id)
    assert taken.status_code == 422
    assert "Am nächsten dran:" in text_of(taken)
    assert db.session.get_one(Booking, booking.id).slot_id == scene.slots[0].id


def test_giving_up_frees_the_date(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.book(user_id=rosa.id)
    page = page_of(client, booking)
    assert 'data-seconds-left="1800"' in page
    assert "328,00 EUR bezahlen" in page
    answer = send(client, f"/bookings/{booking.id}/release", f"/bookings/{booking.id}")
    assert answer.location == "/bookings"
    assert "Ihr Termin ist wieder frei." in text_of(client.get("/bookings"))
    assert scene.counts()[0] == [0, 0]


def test_a_decline_is_told_in_the_customers_words(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = booking_of(scene, rosa, S.PENDING, payment_error="insufficient_funds")
    assert "Auf dem Konto der Karte ist gerade nicht genug Geld." in page_of(client, booking)


ALL_LACKS = "Uns fehlen noch das Kennzeichen, die Marke, das Modell und das Baujahr."


@pytest.mark.parametrize(
    ("said", "language", "told"),
    [
        ({}, "de", ALL_LACKS),
        ({"license_plate": "WIT XY 207", "make": "VW"}, "de", "Uns fehlen noch das Modell und das Baujahr."),
        (NAMED | {"year": None}, "de", "Uns fehlt noch das Baujahr."),
        (NAMED | {"year": None}, "en", "We still need the year."),
        (NAMED, "de", ""),
    ],
)
def test_only_what_lacks_of_the_car_is_asked_for(
    scene: Scene, rosa: User, client: FlaskClient, said: dict[str, Any], language: str, told: str
) -> None:
    rosa.language = language
    booking = scene.booked(1, 3, user_id=rosa.id, car_details=said)
    send_message(NotificationKind.PICKUP_REMINDER, booking)
    db.session.commit()
    pages = [page_of(client, booking), page_of(client, booking, "?paid=1")]
    mails = [render(mail).text for mail in db.session.query(Notification).filter_by(booking_id=booking.id)]
    assert len(mails) == 2
    for read in (*map(words_of, pages), *(" ".join(mail.split()) for mail in mails)):
        assert told in read
        assert ("Uns fehl" in read or "We still need" in read) is bool(told)


def test_the_car_can_be_named_later(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = booking_of(scene, rosa)
    assert "Angaben zum Auto nachtragen" in page_of(client, booking)
    address = f"/bookings/{booking.id}/car"
    assert send(client, address, license_plate="wit-xy 207", make="Ahorn", model="").status_code == 422
    car = {"license_plate": "wit-xy 207", "make": "Ahorn", "model": "Kombi", "year": "2020"}
    assert send(client, address, **car).status_code == 303
    page = page_of(client, booking)
    assert "WIT XY 207" in page
    assert "nachtragen" not in page
    assert db.session.query(Vehicle).one().user_id == rosa.id
    assert send(client, address, "/book", **car).status_code == 409


@pytest.mark.parametrize(("back", "told"), [(3, "Damit der Jockey"), (None, "welches Auto Sie bringen.")])
def test_who_asks_which_car_it_is_has_to_do_with_it(
    scene: Scene, rosa: User, client: FlaskClient, back: int | None, told: str
) -> None:
    booking = scene.booked(1, back, user_id=rosa.id)
    page = words_of(text_of(client.get(f"/bookings/{booking.id}/car")))
    assert told in page
    assert ("Jockey" in page) is (back is not None)


def test_booking_again_starts_with_what_is_known(scene: Scene, rosa: User, client: FlaskClient) -> None:
    car = make_vehicle(rosa)
    booking = booking_of(scene, rosa, S.COMPLETED, vehicle_id=car.id)
    answer = send(client, f"/bookings/{booking.id}/again", f"/bookings/{booking.id}")
    draft = db.session.query(BookingDraft).one()
    assert answer.location == f"/book/{draft.id}/service"
    assert (draft.vehicle_id, draft.street, draft.service) == (car.id, "Am Beispielweg 12", booking.service)
    car.is_active = False
    db.session.commit()
    send(client, f"/bookings/{booking.id}/again", f"/bookings/{booking.id}")
    newest = db.session.query(BookingDraft).order_by(BookingDraft.id.desc()).first()
    assert newest
    assert (newest.vehicle_id, newest.vehicle_class) == (None, booking.vehicle_class)


def test_papers_come_as_files(scene: Scene, rosa: User, client: FlaskClient) -> None:
    booking = scene.booked(user_id=rosa.id)
    calendar = client.get(f"/bookings/{booking.id}/calendar.ics")
    assert calendar.headers["Content-Type"].startswith("text/calendar")
    assert f'filename="{booking.number}.ics"' in calendar.headers["Content-Disposition"]
    assert b"BEGIN:VEVENT" in calendar.data
    paper = db.session.query(Document).one()
    assert "Beleg über 328,00 EUR" in words_of(page_of(client, booking))
    receipt = client.get(f"/bookings/{booking.id}/documents/{paper.id}.pdf")
    assert receipt.data.startswith(b"%PDF")
    other = scene.book(1, 3, user_id=rosa.id)
    assert client.get(f"/bookings/{other.id}/documents/{paper.id}.pdf").status_code == 404


def test_the_confirmation_stands_after_paying_and_only_then(scene: Scene, rosa: User, client: FlaskClient) -> None:
    held = booking_of(scene, rosa, S.PENDING)
    assert "Wir halten Ihren Termin" in page_of(client, held, "?paid=1")
    held.status = S.CANCELLED
    held.cancelled_at, held.hold_expires_at = clock.now_utc(), None
    booking = scene.booked(1, 3, user_id=rosa.id)
    page = words_of(page_of(client, booking, "?paid=1"))
    for words in (
        "Wir kommen am Do, 26. Nov., 10–12 Uhr.",
        f"Buchung {booking.number}.",
        "r…@example.org",
        "Schlüsseltausch Do, 10–12 Uhr",
        "Ihr Auto kommt zurück Do, 14–16 Uhr",
        "In den Kalender",
        "Beleg als PDF",
        "Bis Mi, 25. Nov., 10:00 Uhr kostenlos verschieben oder stornieren. Danach behalten wir 25,00 EUR.",
    ):
        assert words in page


def test_my_bookings_come_in_pages(scene: Scene, rosa: User, client: FlaskClient) -> None:
    empty = text_of(client.get("/bookings"))
    assert "Noch keine Buchung" in empty
    for n in range(12):
        make_booking(scene.slots[n % 5], user=rosa, status=S.CANCELLED, places_released_at=clock.now_utc())
    running = booking_of(scene, rosa)
    first, second = text_of(client.get("/bookings")), text_of(client.get("/bookings?page=2"))
    assert "13 Buchungen" in words_of(first)
    assert "1–10 von 13" in words_of(first)
    assert "11–13 von 13" in words_of(second)
    assert running.number in first
    only = words_of(text_of(client.get("/bookings?show=open")))
    assert "1 Buchung" in only
    found = words_of(text_of(client.get(f"/bookings?q={running.number[-3:]}", headers=HTMX)))
    assert running.number in found
    assert "Nichts gefunden" in text_of(client.get("/bookings?q=gibt-es-nicht"))


def test_what_goes_on_or_comes_next_stands_first_and_what_is_over_last(
    scene: Scene, rosa: User, client: FlaskClient
) -> None:
    order = [(S.COMPLETED, 0), (S.CONFIRMED, 4), (S.CANCELLED, 3), (S.IN_WORKSHOP, 1), (S.CONFIRMED, 2)]
    made = {slot: make_booking(scene.slots[slot], user=rosa, status=status) for status, slot in order}
    db.session.commit()

    def listed(asked: str = "") -> list[int]:
        page = text_of(client.get(f"/bookings{asked}"))
        return sorted(made, key=lambda slot: page.index(made[slot].number))

    assert listed() == [1, 2, 4, 3, 0]
    assert listed("?sort=oldest") == [0, 1, 2, 3, 4]
    made[3].places_released_at = None  # staff cancelled it, and the car is still here
    db.session.commit()
    assert listed() == [1, 2, 3, 4, 0]
