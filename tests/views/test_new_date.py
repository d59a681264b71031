"""After a no-show: the customer's way to a new date, the same for a dispatcher on the phone, and what comes later."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands
from b2c_web.bookings.jobs import sweep_no_shows
from b2c_web.bookings.models import Booking, BookingStatus, Trip
from b2c_web.checks import breaches
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.views import board as views
from b2c_web.flask_extensions import db
from b2c_web.notifications.facts import readable
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.models import Payment, Refund
from tests.commands.scene import TOTAL_CENTS
from tests.commands.trips import PICKUP, Trips
from tests.factories import make_user
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


@pytest.fixture
def missed(trips: Trips) -> Booking:
    """Nobody was there at a quarter past eight on Thursday."""
    booking = trips.booked()
    trips.miss(booking)
    trips.session.expire_all()
    return booking


def hours_later(booking: Booking, hours: float) -> datetime:
    return booking.pickup_time + timedelta(minutes=15, hours=hours)


def pickups(trips: Trips, booking: Booking) -> list[tuple[S, CancelReason | None]]:
    return [(one.status, one.cancel_reason) for one in trips.assignments(booking)]


def test_the_message_and_the_booking_lead_to_a_new_date(trips: Trips, missed: Booking, login: Login) -> None:
    mail = db.session.query(Notification).filter_by(kind=NotificationKind.NO_SHOW).one()
    assert readable(mail.context)["booking_url"].endswith(f"/bookings/{missed.id}")
    with trips.at(hours_later(missed, 1)):
        client = login(missed.user)
        page = text_of(client.get(f"/bookings/{missed.id}"))
        assert f'href="/bookings/{missed.id}/move"' in page
        assert "Bis Fr, 27. Nov., 08:15 Uhr können Sie ohne Aufpreis einen neuen Termin wählen." in words_of(page)
        assert "Ihre Ronja" not in page  # the date that passed promises nothing any more
        assert "Schlüsseltausch" not in page
        assert "calendar.ics" not in page
        words = words_of(text_of(client.get(f"/bookings/{missed.id}/move")))
    assert "Wann sollen wir wiederkommen?" in words
    assert "Wir haben Sie am Do, 26. Nov., 8–10 Uhr nicht angetroffen." in words
    assert "Bis Fr, 27. Nov., 08:15 Uhr können Sie einen neuen Termin wählen." in words
    assert "Der neue Termin kostet nichts extra." in words
    assert "Diesen Termin nehmen" in words


def test_a_new_date_has_a_new_pickup_and_charges_nothing(trips: Trips, missed: Booking, login: Login) -> None:
    wish = {"slot": str(trips.slots[6].id), "back": str(trips.slots[8].id)}
    with trips.at(hours_later(missed, 1)):
        client = login(missed.user)
        answer = send(client, f"/bookings/{missed.id}/move", fee_cents="0", **wish)
        assert (answer.status_code, answer.location) == (303, f"/bookings/{missed.id}")
        words = words_of(text_of(client.get(answer.location)))
        assert "Wir kommen am Fr, 27. Nov., 10–12 Uhr." in words
        assert "verschieben. Beim Stornieren behalten wir 25,00 EUR, weil wir schon einmal vergeblich" in words
        assert breaches() == []
    assert pickups(trips, missed) == [(S.CANCELLED, CancelReason.NO_SHOW), (S.ASSIGNED, None)]
    assert (missed.slot_id, missed.return_slot_id) == (trips.slots[6].id, trips.slots[8].id)
    assert db.session.query(Payment).count() == 1
    assert db.session.query(Refund).count() == 0
    with trips.at(hours_later(missed, 48)):
        sweep_no_shows()
    assert missed.status is BookingStatus.CONFIRMED


def test_cancelling_after_the_new_date_says_why_the_fee_is_kept(trips: Trips, missed: Booking, login: Login) -> None:
    wish = {"slot": str(trips.slots[6].id), "back": str(trips.slots[8].id)}
    with trips.at(hours_later(missed, 1)):
        client = login(missed.user)
        send(client, f"/bookings/{missed.id}/move", fee_cents="0", **wish)
        words = words_of(text_of(client.get(f"/bookings/{missed.id}/cancellation")))
        kept = (
            "Wir waren am Do, 26. Nov. vergeblich bei Ihnen. Dafür behalten wir 25,00 EUR und zahlen 303,00 EUR zurück."
        )
        assert kept in words
        assert send(client, f"/bookings/{missed.id}/cancellation", fee_cents="2500").status_code == 303
    assert [one.amount_cents for one in db.session.query(Refund)] == [TOTAL_CENTS - 2500]


def test_a_window_that_was_taken_meanwhile_is_told_and_the_offer_stands(
    trips: Trips, missed: Booking, login: Login
) -> None:
    with trips.at(hours_later(missed, 1)):
        client = login(missed.user)
        trips.slots[6].max_bookings = 0
        trips.session.commit()
        wish = {"slot": str(trips.slots[6].id), "back": str(trips.slots[8].id)}
        answer = send(client, f"/bookings/{missed.id}/move", fee_cents="0", **wish)
        assert answer.status_code in (409, 422)
        assert "Wann sollen wir wiederkommen?" in text_of(answer)
    trips.session.expire_all()
    assert missed.new_date_until == hours_later(missed, 24)


def test_after_the_offer_no_date_is_to_be_had_and_the_booking_ends(trips: Trips, missed: Booking, login: Login) -> None:
    with trips.at(hours_later(missed, 24) + timedelta(seconds=1)):
        client = login(missed.user)
        words = words_of(text_of(client.get(f"/bookings/{missed.id}/move")))
        assert "Die Zeit für einen neuen Termin ist um." in words
        sweep_no_shows()
        trips.session.expire_all()
        assert missed.status is BookingStatus.CANCELLED
        assert "Die Buchung ist schon zu Ende." in text_of(client.get(f"/bookings/{missed.id}/move"))
    assert [one.amount_cents for one in db.session.query(Refund)] == [TOTAL_CENTS - 2500]


def trip_page(missed: Booking, page: str = "") -> str:
    trip = db.session.query(Trip).filter_by(booking_id=missed.id, type=PICKUP, released_at=None).one()
    return f"/dispatch/trips/{trip.id}{page}"


def test_a_dispatcher_agrees_on_a_new_date_on_the_phone(trips: Trips, missed: Booking, login: Login) -> None:
    with trips.at(hours_later(missed, 1)):
        client, path = login(trips.dispatcher), trip_page(missed, "/new-date")
        assert "Neuen Termin vereinbaren" in text_of(client.get(trip_page(missed)))
        words = words_of(text_of(client.get(path)))
        assert "Fr, 27. Nov., 10–12 Uhr, zurück Fr, 27. Nov., 14–16 Uhr" in words
        assert "Der neue Termin kostet nichts extra." in words
        answer = send(client, path, slot_id=str(trips.slots[6].id))
        assert (answer.status_code, answer.location) == (303, "/dispatch?day=2026-11-27")
        assert breaches() == []
    assert pickups(trips, missed)[-1] == (S.ASSIGNED, None)
    assert missed.new_date_until is None
    assert db.session.query(Notification).filter_by(kind=NotificationKind.BOOKING_MOVED).count() == 1


def test_a_dispatcher_does_not_replace_the_date_that_the_customer_just_took(
    trips: Trips, missed: Booking, monkeypatch: pytest.MonkeyPatch, login: Login
) -> None:
    """Taken after the dispatcher's page was read, before the booking's row was locked."""

    def just_before(*given: Any, **more: Any) -> None:
        commands.move(missed.user, missed.id, trips.slots[7].id, trips.slots[9].id, accepted_fee_cents=0)
        commands.move_by_staff(*given, **more)

    monkeypatch.setattr(views, "move_by_staff", just_before)
    with trips.at(hours_later(missed, 1)):
        answer = send(login(trips.dispatcher), trip_page(missed, "/new-date"), slot_id=str(trips.slots[6].id))
        assert answer.status_code == 409
        assert "Der Stand dieser Buchung hat sich geändert." in text_of(answer)
        assert breaches() == []
    trips.session.expire_all()
    assert missed.slot_id == trips.slots[7].id


def test_without_a_no_show_a_dispatcher_finds_no_new_date(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client = login(trips.dispatcher)
    page = text_of(client.get(trip_page(booking, "/new-date")))
    assert "Gerade ist kein anderes Fenster frei." in page
    assert "Neuen Termin vereinbaren" not in text_of(client.get(trip_page(booking)))
    assert send(client, trip_page(booking, "/new-date"), "/dispatch", slot_id=str(trips.slots[6].id)).status_code == 422


def test_another_workshops_dispatcher_finds_nothing(trips: Trips, missed: Booking, login: Login) -> None:
    client = login(make_user(Role.DISPATCHER))
    for page in ("/new-date", "/standing"):
        assert client.get(trip_page(missed, page)).status_code == 404
