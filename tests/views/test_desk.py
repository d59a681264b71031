"""The workshop's desk: check in, start, rework, hand over, and what the second of two people is told."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from b2c_web import clock, formatting
from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Refund
from b2c_web.vehicles.models import Vehicle
from tests.commands.scene import Scene
from tests.factories import make_user, make_vehicle
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
HTMX = {"HX-Request": "true"}
Login = Callable[..., FlaskClient]
OTHER = {"license_plate": "BO XY 77", "make": "Linde", "model": "Kombi", "year": "2019"}


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=3)


class Desk:
    """One member of staff at the desk, in front of one booking."""

    def __init__(self, scene: Scene, login: Login, booking: Booking) -> None:
        self.user = make_user(Role.WORKSHOP, workshop_id=scene.workshop.id, name="Wilma Werkstatt")
        self.client, self.booking = login(self.user), booking

    def path(self, page: str = "") -> str:
        return f"/workshop/bookings/{self.booking.id}{page}"

    def send(self, page: str, **fields: Any) -> TestResponse:
        return send(self.client, self.path(page), page=self.path(), **fields)

    def words(self, page: str = "") -> str:
        return words_of(text_of(self.client.get(self.path(page))))

    def entry(self, action: str) -> AuditEntry:
        return db.session.query(AuditEntry).filter_by(entity_id=self.booking.id, action=f"booking.{action}").one()


@pytest.fixture
def at_desk(scene: Scene, login: Login) -> Iterator[Callable[..., Desk]]:
    """`at_desk(back=2)`: a paid booking of a named car; from then on the clock stands on its day."""
    with ExitStack() as later:

        def make(*, back: int | None = None, plate: str = "DO AA 1", named: bool = True) -> Desk:
            booking = scene.booked(0, back)
            if named:
                booking.vehicle_id = make_vehicle(booking.user, license_plate=plate, make="Ahorn", model="Kombi").id
            db.session.commit()
            later.enter_context(clock.frozen(booking.slot.start_time + timedelta(minutes=20)))
            return Desk(scene, login, booking)

        yield make


def test_the_booked_car_is_checked_in_with_one_number(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    page = desk.words("/check-in")
    assert "Das gebuchte Auto DO AA 1" in page
    assert "selbst gebracht" not in page
    answer = desk.send("/check-in", which="same", mileage_km="84210", keys_at=" Haken 12 ", parked_at="Platz 4")
    assert answer.status_code == 303
    assert answer.location.endswith(desk.path())
    db.session.expire_all()
    booking = desk.booking
    assert (booking.status, booking.mileage_km) == (BookingStatus.IN_WORKSHOP, 84210)
    assert (booking.keys_at, booking.parked_at) == ("Haken 12", "Platz 4")
    entry = desk.entry("check_in")
    assert entry.actor_user_id == desk.user.id
    assert entry.before == {"status": "CONFIRMED"}
    assert entry.after and (entry.after["status"], entry.after["mileage_km"]) == ("IN_WORKSHOP", 84210)
    assert "Eingecheckt Wilma Werkstatt Kilometerstand 84.210 km" in desk.words()


def test_the_mileage_is_needed_and_the_input_kept(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    answer = desk.send("/check-in", which="same", mileage_km="", keys_at="Haken 12")
    assert answer.status_code == 422
    assert "Kilometerstand: Bitte eintragen." in text_of(answer)
    assert 'value="Haken 12"' in text_of(answer)
    assert desk.send("/check-in", which="same", mileage_km="-3").status_code == 422
    assert desk.send("/check-in", which="same", mileage_km="viel").status_code == 422
    db.session.expire_all()
    assert desk.booking.status is BookingStatus.CONFIRMED


def test_another_car_is_recorded_with_both(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    booked = desk.booking.vehicle_id
    lacking = desk.send("/check-in", which="other", mileage_km="10", license_plate="", make="", model="", year="")
    assert lacking.status_code == 422
    assert "Kennzeichen: Bitte eintragen." in text_of(lacking)
    same = desk.send("/check-in", which="other", mileage_km="10", **{**OTHER, "license_plate": "do aa 1"})
    assert "Das ist das Kennzeichen des gebuchten Autos." in text_of(same)
    assert desk.send("/check-in", which="other", mileage_km="10", **OTHER).status_code == 303
    db.session.expire_all()
    came = db.session.get_one(Vehicle, desk.booking.vehicle_id)
    assert came.id != booked
    assert (came.license_plate, came.user_id) == ("BO XY 77", desk.booking.user_id)
    entry = desk.entry("other_car")
    assert entry.before and entry.after
    assert (entry.before["license_plate"], entry.after["license_plate"]) == ("DO AA 1", "BO XY 77")
    assert db.session.get_one(Vehicle, booked).license_plate == "DO AA 1"
    page = desk.words()
    assert "Anderes Auto als gebucht" in page
    assert "DO AA 1 BO XY 77" in page


def test_a_car_written_down_wrongly_is_corrected(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    vehicle = desk.booking.vehicle
    assert vehicle
    vehicle.vin = "1M8GDM9AXKP042788"
    db.session.commit()
    facts = {**OTHER, "license_plate": "DO AA 11"}
    assert desk.send("/check-in", which="corrected", mileage_km="10", **facts).status_code == 303
    db.session.expire_all()
    assert desk.booking.vehicle_id == vehicle.id
    assert (vehicle.license_plate, vehicle.make, vehicle.vin) == ("DO AA 11", "Linde", "1M8GDM9AXKP042788")
    entry = desk.entry("car_corrected")
    assert entry.before and entry.before["make"] == "Ahorn"


def test_a_car_that_nobody_named_is_named(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk(named=False)
    assert desk.send("/check-in", mileage_km="10").status_code == 422
    assert desk.send("/check-in", mileage_km="10", **OTHER).status_code == 303
    db.session.expire_all()
    assert desk.booking.vehicle and desk.booking.vehicle.license_plate == "BO XY 77"


@pytest.mark.parametrize(("km", "words"), [("83000", "waren es schon 84.210 km"), ("99000", "waren es erst 84.210 km")])
def test_a_strange_mileage_is_asked_about_not_refused(
    scene: Scene, at_desk: Callable[..., Desk], km: str, words: str
) -> None:
    desk = at_desk()
    with clock.frozen(clock.now_utc() - timedelta(days=1)):
        before = scene.booked(1, None, user_id=desk.booking.user_id)
    before.vehicle_id = desk.booking.vehicle_id
    db.session.commit()
    commands.check_in(desk.user, before.id, mileage_km=84210)
    assert "Zuletzt 84.210 km" in desk.words("/check-in")
    with clock.frozen(clock.now_utc() + timedelta(hours=1)):
        client_words = text_of(doubted := desk.send("/check-in", which="same", mileage_km=km))
        assert doubted.status_code == 422
        assert words in client_words
        assert desk.send("/check-in", which="same", mileage_km=km, mileage_confirmed="y").status_code == 303


def test_a_booking_for_a_later_day_is_asked_about_first(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    assert "Gebucht ist" not in desk.words("/check-in")
    with clock.frozen(clock.now_utc() - timedelta(days=1)):
        assert "Gebucht ist Donnerstag, 26. November 2026. Steht das Auto" in desk.words("/check-in")
        unsaid = desk.send("/check-in", which="same", mileage_km="10")
        assert unsaid.status_code == 422
        assert "Bitte bestätigen: Das Auto ist vor seinem Termin da." in text_of(unsaid)
        assert desk.send("/check-in", which="same", mileage_km="10", early="y").status_code == 303


def test_a_mileage_as_people_write_it(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    refused = desk.send("/check-in", which="same", mileage_km="viel")
    assert "Bitte als Zahl, zum Beispiel 84512." in text_of(refused)
    assert desk.send("/check-in", which="same", mileage_km="84 512 km").status_code == 303
    db.session.expire_all()
    assert desk.booking.mileage_km == 84512


def test_who_begins_within_the_withdrawal_period_is_told(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    desk.booking.early_start_requested_at = None
    db.session.commit()
    commands.check_in(desk.user, desk.booking.id, mileage_km=10)
    assert "hat nicht verlangt, dass vorher begonnen wird" in desk.words()
    board = desk.client.get("/workshop")
    assert "24\u00a0Uhr, kein früherer Beginn verlangt" in board.text
    page = text_of(board)
    assert f'action="/workshop/bookings/{desk.booking.id}/work"' not in page  # nothing begins by one press unasked
    sent = desk.send("/work")
    assert sent.status_code == 422
    assert "Schon beginnen?" in text_of(sent)
    assert "error-summary" not in text_of(sent)  # a question, and nobody's mistake
    assert "Trotzdem beginnen" in text_of(sent)
    db.session.expire_all()
    assert desk.booking.work_started_at is None
    assert 'name="unasked"' not in text_of(desk.client.get(desk.path()))  # nor on the car's own page
    asked = page.split(f'id="car-{desk.booking.id}-act"')[1].split("</a>")[0]
    assert f'href="/workshop/bookings/{desk.booking.id}"' in asked
    assert "Vor Beginn fragen" in asked
    desk.booking.early_start_requested_at = clock.now_utc()
    db.session.commit()
    assert "hat nicht verlangt" not in desk.words()
    page = text_of(desk.client.get("/workshop"))
    assert "kein früherer Beginn verlangt" not in page
    assert f'action="/workshop/bookings/{desk.booking.id}/work"' in page


def test_a_concierge_car_that_was_brought_is_explained_with_its_refund(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk(back=2)
    page = desk.words("/check-in")
    assert "Der Kunde bekommt 39,00 EUR fürs Holen und Bringen zurück." in page
    assert "Einchecken, 39,00 EUR zurück" in page
    unsaid = desk.send("/check-in", which="same", mileage_km="10")
    assert unsaid.status_code == 422
    assert "Bitte bestätigen: Der Kunde hat das Auto selbst gebracht." in text_of(unsaid)
    assert desk.send("/check-in", which="same", mileage_km="10", brought="y").status_code == 303
    db.session.expire_all()
    assert desk.booking.concierge_dropped_at is not None
    assert [refund.amount_cents for refund in db.session.query(Refund)] == [3900]
    assert "Abholung war gebucht, der Kunde brachte es selbst." in desk.words()


def test_the_second_of_two_is_told_the_new_state(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    assert "Einchecken" in desk.words("/check-in")
    commands.check_in(make_user(Role.WORKSHOP, workshop_id=desk.booking.workshop_id), desk.booking.id, mileage_km=5)
    answer = desk.send("/check-in", which="same", mileage_km="84210")
    assert answer.status_code == 409
    words = words_of(text_of(answer))
    assert "Das geht gerade nicht" in words
    assert "In der Werkstatt" in words
    assert "Eingecheckt am" in words
    db.session.expire_all()
    assert desk.booking.mileage_km == 5


def test_who_fills_in_the_form_sees_that_somebody_was_faster(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    page = text_of(desk.client.get(desk.path("/check-in")))
    href = page.split('hx-get="', 1)[1].split('"')[0].replace("&amp;", "&")
    assert desk.client.get(href, headers=HTMX).status_code == 204
    commands.check_in(desk.user, desk.booking.id, mileage_km=5)
    fragment = desk.client.get(href, headers=HTMX)
    assert "Inzwischen hat sich der Stand geändert." in text_of(fragment)
    assert "hx-get" not in text_of(fragment)


def test_what_was_done_on_another_day_names_it(at_desk: Callable[..., Desk], login: Login) -> None:
    """A form stayed open overnight, and the car is worked on since yesterday."""
    desk = at_desk()
    page = text_of(desk.client.get(desk.path("/check-in")))
    href = page.split('hx-get="', 1)[1].split('"')[0].replace("&amp;", "&")
    commands.check_in(desk.user, desk.booking.id, mileage_km=5)
    commands.start_work(desk.user, desk.booking.id, unasked=True)
    begun = clock.now_utc()
    assert f"in Arbeit seit {formatting.clock(begun)} Uhr" in desk.words()
    fragment = words_of(text_of(desk.client.get(href, headers=HTMX)))
    assert f"Arbeit begonnen, {formatting.clock(begun)} Uhr:" in fragment
    with clock.frozen(begun + timedelta(days=1)):
        login(desk.user, on=desk.client)
        assert f"in Arbeit seit {formatting.moment(begun)} Uhr".replace("\u00a0", " ") in desk.words()
        fragment = words_of(text_of(desk.client.get(href, headers=HTMX)))
        assert f"Arbeit begonnen, {formatting.moment(begun)} Uhr".replace("\u00a0", " ") in fragment


def test_work_starts_once(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    refused = desk.send("/work")
    assert refused.status_code == 409
    assert "es wurde nichts gespeichert" in text_of(refused)
    commands.check_in(desk.user, desk.booking.id, mileage_km=5)
    assert desk.send("/work", **{"from": "board", "unasked": "y"}).location.endswith("/workshop")
    assert "Arbeit begonnen: DO AA 1." in words_of(text_of(desk.client.get("/workshop")))
    again = desk.send("/work")
    assert again.location.endswith(desk.path())
    assert "Die Arbeit an DO AA 1 läuft schon." in desk.words()
    entry = desk.entry("start_work")
    assert entry.before == {"work_started_at": None}


def test_rework_needs_a_reason_and_goes_back(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    assert desk.client.get(desk.path("/rework")).status_code == 409
    commands.check_in(desk.user, desk.booking.id, mileage_km=5)
    commands.start_work(desk.user, desk.booking.id, unasked=True)
    assert commands.complete_work(desk.user, desk.booking.id)
    assert "Zurück in die Werkstatt" in desk.words()
    assert desk.send("/rework", reason="  ").status_code == 422
    assert desk.send("/rework", reason="Bremse quietscht").status_code == 303
    db.session.expire_all()
    assert desk.booking.status is BookingStatus.IN_WORKSHOP
    assert "Bremse quietscht" in desk.words()


def test_the_customer_collects_and_brings_the_ronja(at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    commands.check_in(desk.user, desk.booking.id, mileage_km=5, keys_at="Haken 12")
    commands.start_work(desk.user, desk.booking.id, unasked=True)
    commands.complete_work(desk.user, desk.booking.id)
    assert "Haken 12" in desk.words("/collection")
    assert desk.send("/collection").status_code == 422
    assert desk.send("/collection", keys_given="y").status_code == 303
    db.session.expire_all()
    assert desk.booking.status is BookingStatus.COMPLETED
    assert desk.send("/collection", keys_given="y").status_code == 409


def test_other_peoples_cars_do_not_exist(scene: Scene, login: Login, at_desk: Callable[..., Desk]) -> None:
    desk = at_desk()
    for stranger in (make_user(Role.JOCKEY, workshop_id=scene.workshop.id), make_user(Role.DISPATCHER)):
        client = login(stranger)
        for page in ("/check-in", "/rework", "/collection", "/standing"):
            assert client.get(desk.path(page)).status_code == 404
