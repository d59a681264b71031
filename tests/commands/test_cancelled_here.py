"""Staff cancel a booking whose car is in our hands: it waits for its jockey, is fetched here, or goes home."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation, Trip
from b2c_web.checks import breaches
from b2c_web.dispatch import commands
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.errors import Conflict
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from b2c_web.workshops.models import JockeyStatus
from tests.commands.trips import CAR, HANDOVER, RETURN, Trips
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock)


def minutes_after(booking: Booking, minutes: int) -> datetime:
    return booking.pickup_time + timedelta(minutes=minutes)


def handed_over(trips: Trips, booking: Booking) -> JockeyAssignment:
    """The jockey drives the car to the workshop."""
    pickup = trips.at_the_door(booking)
    with trips.at(minutes_after(booking, 20)):
        commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver)
    return trips.assignment(booking)


def cancelled(trips: Trips, booking: Booking) -> None:
    bookings.cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Motorschaden")


def left_here(trips: Trips) -> Booking:
    """Cancelled an hour after the pickup, when the car was in the workshop."""
    booking = trips.booked()
    trips.drive_in(booking)
    with trips.at(minutes_after(booking, 60)):
        bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
        cancelled(trips, booking)
    return booking


def test_a_car_on_its_way_here_is_neither_collected_nor_brought_home(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = handed_over(trips, booking)
    with trips.at(minutes_after(booking, 30)):
        cancelled(trips, booking)
        back = trips.assignment(booking, RETURN)
        assert 'id="act-collect"' not in text_of(login(trips.staff).get(f"/workshop/bookings/{booking.id}"))
        answer = send(login(trips.staff), f"/workshop/bookings/{booking.id}/collection", "/workshop")
        assert answer.status_code == 409
        assert "Das Auto hat gerade ein Jockey." in text_of(answer)
        step = send(login(trips.driver), f"/jockey/trips/{back.id}/step", "/jockey", status="ASSIGNED")
        assert step.status_code == 409
        assert "Das Auto ist noch nicht in der Werkstatt angekommen." in text_of(step)
        with pytest.raises(Conflict, match="wrong_state"):
            bookings.collect(trips.staff, booking.id)
        with pytest.raises(Conflict, match="not_here"):
            commands.start_return(back.id)
        assert trips.assignment(booking).status is S.IN_TRANSIT_TO_WORKSHOP
        assert breaches() == []
        commands.arrive_workshop(pickup.id, trips.driver)
        assert 'id="act-collect"' in text_of(login(trips.staff).get(f"/workshop/bookings/{booking.id}"))
        bookings.collect(trips.staff, booking.id)
        assert [trips.assignment(booking).status, trips.assignment(booking, RETURN).status] == [
            S.COMPLETED,
            S.CANCELLED,
        ]
        assert commands.complete_pickup(pickup.id, trips.driver) is S.COMPLETED  # the press that comes late
        assert breaches() == []
    assert trips.session.query(RonjaReservation).count() == 0


@pytest.mark.parametrize("arrival_pressed", [True, False])
@pytest.mark.parametrize("way_out", ["collected", "brought home"])
def test_a_press_that_the_pickups_jockey_forgot_holds_up_nobody(
    trips: Trips, arrival_pressed: bool, way_out: str
) -> None:
    """The car was checked in, so it is here."""
    booking = trips.booked()
    pickup = handed_over(trips, booking)
    with trips.at(minutes_after(booking, 60)):
        if arrival_pressed:
            commands.arrive_workshop(pickup.id, trips.driver)
        bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
        cancelled(trips, booking)
        if way_out == "collected":
            bookings.collect(trips.staff, booking.id)
        else:
            back = trips.assignment(booking, RETURN)
            commands.start_return(back.id, early=True)
            commands.arrive_return(back.id)
            commands.complete_return(back.id, HANDOVER)
        assert trips.assignment(booking).status is S.COMPLETED
        assert breaches() == []
    assert trips.session.query(RonjaReservation).count() == 0


@pytest.mark.parametrize("arrival_pressed", [True, False])
def test_a_car_that_is_checked_in_has_ended_its_pickup(trips: Trips, arrival_pressed: bool) -> None:
    booking = trips.booked()
    pickup = handed_over(trips, booking)
    with trips.at(minutes_after(booking, 60)):
        if arrival_pressed:
            commands.arrive_workshop(pickup.id, trips.driver)
        assert trips.jockey.status is JockeyStatus.BUSY
        bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
        pickup = trips.assignment(booking)
        assert (pickup.status, pickup.completed_at) == (S.COMPLETED, minutes_after(booking, 60))
        assert trips.jockey.status is JockeyStatus.ACTIVE
        assert trips.busy(pickup.id) == (minutes_after(booking, -23), minutes_after(booking, 60))
        ended = trips.session.query(AuditEntry).filter_by(entity_id=pickup.id, action="assignment.complete").one()
        assert ended.after == {"status": "COMPLETED"}
        for late in (commands.arrive_workshop, commands.complete_pickup):
            assert late(pickup.id, trips.driver) is S.COMPLETED
        assert breaches() == []


def test_a_checked_in_car_ends_no_trip_that_has_not_its_car(trips: Trips) -> None:
    """The customer brought the car while the jockey stood at the door: no pickup was driven."""
    booking = trips.booked()
    trips.at_the_door(booking)
    with trips.at(minutes_after(booking, 60)):
        bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR, brought=True)
        pickup = trips.assignment(booking)
    assert (pickup.status, pickup.cancel_reason) == (S.CANCELLED, CancelReason.BOOKING_CANCELLED)


def test_a_car_on_its_way_home_is_not_collected(trips: Trips) -> None:
    booking = left_here(trips)
    with trips.at(minutes_after(booking, 200)):
        commands.start_return(trips.assignment(booking, RETURN).id, trips.driver)
        with pytest.raises(Conflict, match="wrong_state"):
            bookings.collect(trips.staff, booking.id)
        assert breaches() == []
    assert booking.status is BookingStatus.CANCELLED


def test_a_car_left_here_gets_another_return_window_when_the_first_failed(trips: Trips, login: Login) -> None:
    booking = left_here(trips)
    back = trips.assignment(booking, RETURN)
    page = f"/bookings/{booking.id}/return"
    with trips.at(back.scheduled_time - timedelta(minutes=23)):
        commands.start_return(back.id, trips.driver)
        assert login(booking.user).get(page).status_code == 404  # a jockey has it
    with trips.at(back.scheduled_time):
        commands.arrive_return(back.id, trips.driver)
        commands.return_failed(back.id, CancelReason.NO_SHOW, actor=trips.driver)
        answer = login(booking.user).get(page)
        assert answer.status_code == 200
        assert str(trips.slots[6].id) in text_of(answer)
        assert f'href="{page}"' in text_of(login(booking.user).get(f"/bookings/{booking.id}"))
        assert send(login(booking.user), page, back=str(trips.slots[6].id)).status_code == 303
        again = trips.assignment(booking, RETURN)
        assert (again.status, booking.return_slot_id) == (S.ASSIGNED, trips.slots[6].id)
        assert breaches() == []
    with trips.at(again.scheduled_time):
        commands.start_return(again.id, trips.driver)
        commands.arrive_return(again.id, trips.driver)
        commands.complete_return(again.id, HANDOVER, trips.driver)
        assert breaches() == []
    assert (booking.status, trips.session.query(RonjaReservation).count()) == (BookingStatus.CANCELLED, 0)


def test_a_return_window_that_is_past_is_promised_to_nobody(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    trips.drive_in(booking)
    with trips.at(minutes_after(booking, 60)):
        bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
    with trips.at(booking.estimated_return_time + timedelta(minutes=5)):
        ending = words_of(text_of(login(trips.staff).get(f"/workshop/bookings/{booking.id}/cancellation")))
        assert "Das Rückgabefenster ist vorbei. Rufen Sie den Kunden an und vereinbaren Sie ein neues." in ending
        cancelled(trips, booking)
        told = trips.session.query(Notification).filter_by(kind=NotificationKind.BOOKING_CANCELLED).one()
        mail = render(told).text
        assert "Wir rufen Sie an und vereinbaren, wann." in mail
        assert "wie zugesagt" not in mail
        panel = words_of(text_of(login(booking.user).get(f"/bookings/{booking.id}")))
        assert "Ihr Auto bringen wir Ihnen noch zurück. Wir rufen Sie an und vereinbaren, wann." in panel
        trip = trips.session.query(Trip).filter_by(booking_id=booking.id, type=RETURN, released_at=None).one()
        window = f"/dispatch/trips/{trip.id}/window"
        assert str(trips.slots[6].id) in text_of(login(trips.dispatcher).get(window))
        assert send(login(trips.dispatcher), window, slot_id=str(trips.slots[6].id)).status_code == 303
        panel = words_of(text_of(login(booking.user).get(f"/bookings/{booking.id}")))
        assert "Ihr Auto bringen wir Ihnen noch zurück: Fr, 27. Nov., 10–12 Uhr." in panel
        assert breaches() == []
