"""Staff cancel a booking: what the page says before the click, who may, and what the second of two is told."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation
from b2c_web.checks import breaches
from b2c_web.dispatch.models import AssignmentStatus
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.models import Document, DocumentKind, Refund
from tests.commands.scene import TOTAL_CENTS
from tests.commands.trips import CAR, RETURN, Trips
from tests.factories import make_user
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
HIDDEN = re.compile(r'name="(seen|shown_cents)"[^>]*?value="([^"]*)"')
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], AbstractContextManager[None]]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


class Counter:
    """Somebody who cancels one booking: the page as it was opened, and what is sent from it."""

    def __init__(self, client: FlaskClient, booking: Booking) -> None:
        self.client, self.path = client, f"/workshop/bookings/{booking.id}/cancellation"
        self.look(client.get(self.path))

    def look(self, page: TestResponse) -> None:
        self.status, self.words = page.status_code, words_of(text_of(page))
        self.hidden = dict(HIDDEN.findall(page.text))

    def send(self, **fields: Any) -> TestResponse:
        answer = send(self.client, self.path, "/workshop", **{**self.hidden, **fields})
        self.look(answer)
        return answer


@pytest.fixture
def at_counter(trips: Trips, login: Login) -> Iterator[Callable[..., Counter]]:
    yield lambda booking, who=None: Counter(login(who or trips.staff), booking)


def told(booking: Booking) -> Any:
    return db.session.query(Notification).filter_by(kind=NotificationKind.BOOKING_CANCELLED).one().context


def test_a_booking_is_cancelled_with_what_the_rules_give_back(trips: Trips, at_counter: Callable[..., Counter]) -> None:
    booking = trips.booked()
    page = at_counter(booking)
    assert "Der Termin fällt weg, der Platz ist wieder frei. Do, 26. Nov., 8–10 Uhr" in page.words
    assert "Abholung und Rückgabe werden abgesagt, die Ronja ist wieder frei." in page.words
    assert "Jockey schon unterwegs" not in page.words  # it is two days ahead
    assert "Zurück gehen 328,00 EUR, wir behalten 0,00 EUR." in page.words
    assert "Stornieren, 328,00 EUR zurück" in page.words
    assert page.send(refund="328,00 EUR", reason=" ").status_code == 422
    assert "Bitte nennen Sie den Grund." in page.words
    answer = page.send(refund="328,00 EUR", reason="Hebebühne kaputt")
    assert (answer.status_code, answer.location) == (303, f"/workshop/bookings/{booking.id}")
    car = words_of(text_of(page.client.get(answer.location)))
    assert f"{booking.number} ist storniert. Der Kunde bekommt eine Nachricht." in car
    assert "Von uns storniert" in car
    assert "Hebebühne kaputt" in car
    assert "328,00 EUR zurück an den Kunden" in car
    assert "Die Termine oben gelten nicht mehr." in car
    trips.session.expire_all()
    assert booking.status is BookingStatus.CANCELLED
    assert [one.amount_cents for one in db.session.query(Refund)] == [TOTAL_CENTS]
    assert trips.assignment(booking).status is AssignmentStatus.CANCELLED
    assert db.session.query(RonjaReservation).count() == 0
    facts = told(booking)
    assert (facts["reason"], facts["refund_cents"], facts["car_with_us"]) == ("Hebebühne kaputt", TOTAL_CENTS, False)
    assert breaches() == []


def test_late_the_fee_is_kept_by_the_rules_and_may_be_given_back(
    trips: Trips, at_counter: Callable[..., Counter]
) -> None:
    booking = trips.booked()
    with trips.at(booking.pickup_time - timedelta(hours=3)):
        page = at_counter(booking)
        assert "Nach den Regeln behalten wir 25,00 EUR." in page.words
        assert "Ist der Jockey schon unterwegs, sieht er es auf seinem Telefon." in page.words
        assert "kann der Kunde auch widerrufen und bekommt dann alles zurück" in page.words
        assert "Stornieren, 303,00 EUR zurück" in page.words
        changed = page.send(refund="328", reason="Wir können nicht")
        assert changed.status_code == 422
        assert "Zurück gehen damit 328,00 EUR, wir behalten 0,00 EUR. Noch ist nichts storniert." in page.words
        assert "error-summary" not in changed.text
        assert "aria-invalid" not in changed.text
        assert booking.status is BookingStatus.CONFIRMED
        assert page.send(refund="328", reason="Wir können nicht").status_code == 303
    assert [one.amount_cents for one in db.session.query(Refund)] == [TOTAL_CENTS]


@pytest.mark.parametrize(
    ("refund", "words"),
    [
        ("328,01", "Höchstens 328,00 EUR, mehr ist nicht bezahlt."),
        ("-5", "Bitte als Betrag, zum Beispiel 189,99."),
        ("viel", "Bitte als Betrag, zum Beispiel 189,99."),
        ("", "Bitte als Betrag, zum Beispiel 189,99."),
    ],
)
def test_a_sum_that_cannot_be_is_refused_and_the_reason_kept(
    trips: Trips, at_counter: Callable[..., Counter], refund: str, words: str
) -> None:
    booking = trips.booked()
    page = at_counter(booking)
    answer = page.send(refund=refund, reason="Hagel")
    assert answer.status_code == 422
    assert words in page.words
    assert "Hagel</textarea>" in answer.text
    assert page.send(refund=refund, reason="Hagel").status_code == 422
    assert booking.status is BookingStatus.CONFIRMED


def test_with_the_car_here_staff_state_the_sum_and_the_way_home_stays(
    trips: Trips, at_counter: Callable[..., Counter]
) -> None:
    booking = trips.booked()
    trips.drive_in(booking)
    with trips.at(booking.pickup_time + timedelta(hours=1)):
        commands.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
        page = at_counter(booking)
        assert "Die Rückgabe bleibt: Do, 26. Nov., 12–14 Uhr." in page.words
        assert "Die Ronja bleibt beim Kunden, bis sein Auto zu Hause ist." in page.words
        assert "Was zurückgeht, legen Sie fest." in page.words
        assert "Stornieren," not in page.words
        assert page.send(refund="200", reason="Motorschaden").status_code == 422
        assert "Stornieren, 200,00 EUR zurück" in page.words
        assert page.send(refund="200", reason="Motorschaden").status_code == 303
        trips.session.expire_all()
        assert booking.status is BookingStatus.CANCELLED
        assert trips.assignment(booking, RETURN).status is AssignmentStatus.ASSIGNED
        assert db.session.query(RonjaReservation).count() == 1
        assert told(booking)["car_with_us"]
        assert breaches() == []
    kept = db.session.query(Document).filter_by(kind=DocumentKind.FEE).one()
    assert kept.gross_cents == TOTAL_CENTS - 20000


def test_the_customer_reads_that_the_car_comes_home(
    trips: Trips, at_counter: Callable[..., Counter], login: Login
) -> None:
    booking = trips.booked()
    trips.drive_in(booking)
    with trips.at(booking.pickup_time + timedelta(hours=1)):
        page = at_counter(booking)
        assert page.send(refund="0", reason="Motorschaden").status_code == 422
        assert page.send(refund="0", reason="Motorschaden").status_code == 303
        words = words_of(text_of(login(booking.user).get(f"/bookings/{booking.id}")))
    assert "Ihr Auto bringen wir Ihnen noch zurück: Do, 26. Nov., 12–14 Uhr." in words


def test_who_comes_second_is_told_what_happened(trips: Trips, at_counter: Callable[..., Counter]) -> None:
    booking = trips.booked()
    page = at_counter(booking)
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert page.send(refund="328", reason="Hagel").status_code == 409
    assert "Das geht gerade nicht" in page.words
    assert "es wurde nichts gespeichert" in page.words
    assert "Storniert am" in page.words
    assert page.client.get(page.path).status_code == 409


def test_who_saw_another_state_is_asked_again_and_loses_nothing(
    trips: Trips, at_counter: Callable[..., Counter]
) -> None:
    booking = trips.booked()
    page = at_counter(booking)
    trips.drive_in(booking)
    answer = page.send(refund="328", reason="Hagel")
    assert answer.status_code == 409
    assert "Der Stand dieser Buchung hat sich geändert." in page.words
    assert "Die Rückgabe bleibt" in page.words
    assert "Hagel</textarea>" in answer.text
    assert booking.status is BookingStatus.IN_TRANSIT_TO_WORKSHOP
    assert page.send(refund="328", reason="Hagel").status_code == 303


def test_who_saw_another_date_is_asked_again(trips: Trips, at_counter: Callable[..., Counter]) -> None:
    """The customer gets a date far away meanwhile: the fee of the late one must not be kept any more."""
    booking = trips.booked()
    with trips.at(booking.pickup_time - timedelta(hours=3)):
        page = at_counter(booking)
        assert "Stornieren, 303,00 EUR zurück" in page.words
        commands.move_by_staff(trips.dispatcher, booking.id, trips.slots[6].id, trips.slots[8].id)
        assert page.send(refund="303", reason="Hagel").status_code == 409
        assert "Der Stand dieser Buchung hat sich geändert." in page.words
        assert "Der Termin fällt weg, der Platz ist wieder frei. Fr, 27. Nov., 10–12 Uhr" in page.words
    assert (booking.status, db.session.query(Refund).count()) == (BookingStatus.CONFIRMED, 0)


def test_who_did_not_see_that_nobody_was_there_is_asked_again(trips: Trips, at_counter: Callable[..., Counter]) -> None:
    booking = trips.booked()
    with trips.at(booking.pickup_time):
        page = at_counter(booking)
    trips.miss(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=20)):
        assert page.send(refund="303", reason="Hagel").status_code == 409
    assert booking.status is BookingStatus.CONFIRMED


def test_the_workshops_dispatcher_and_an_admin_may_too(trips: Trips, at_counter: Callable[..., Counter]) -> None:
    for who in (trips.dispatcher, make_user(Role.ADMIN)):
        booking = trips.booked(back=None)
        page = at_counter(booking, who)
        assert 'id="act-cancel"' in page.client.get(f"/workshop/bookings/{booking.id}").text
        assert page.send(refund="289,00 EUR", reason="Hagel").status_code == 303


def test_for_others_there_is_nothing_to_cancel(trips: Trips, at_counter: Callable[..., Counter]) -> None:
    booking = trips.booked()
    strangers = [make_user(Role.WORKSHOP), make_user(Role.DISPATCHER), trips.driver, booking.user]
    db.session.commit()
    assert [at_counter(booking, who).status for who in strangers] == [404] * 4
    assert booking.status is BookingStatus.CONFIRMED
