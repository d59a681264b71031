"""What a booking's changes mean for its trips, and what a dispatcher changes in the plan."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import BookingStatus, RonjaReservation
from b2c_web.bookings.returning import replan_return
from b2c_web.checks import breaches
from b2c_web.dispatch import commands, replanning
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.workshops.models import JockeyStatus, VehicleStatus
from tests.commands.trips import HANDOVER, PICKUP, RETURN, Trips
from tests.factories import make_jockey, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock)


def states(trips: Trips, booking: Any, kind: Any = PICKUP) -> list[tuple[S, CancelReason | None]]:
    return [(one.status, one.cancel_reason) for one in trips.assignments(booking, kind)]


# what a booking's changes mean


def test_cancelling_ends_the_pickup_and_frees_the_jockey(trips: Trips) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    bookings.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert states(trips, booking) == [(S.CANCELLED, CancelReason.BOOKING_CANCELLED)]
    assert trips.busy(pickup.id) is None
    assert breaches() == []


def test_cancelling_a_running_pickup_frees_the_jockey_at_once(trips: Trips) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    began = booking.pickup_time - timedelta(minutes=23)
    with trips.at(began):
        commands.start_pickup(pickup.id, trips.driver)
    with trips.at(began + timedelta(minutes=10)):
        bookings.cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Hagel")
        trips.session.expire_all()
        assert trips.jockey.status is JockeyStatus.ACTIVE
        assert trips.busy(pickup.id) == (began, began + timedelta(minutes=10))
    assert states(trips, booking) == [(S.CANCELLED, CancelReason.BOOKING_CANCELLED)]


def test_moving_plans_the_pickup_anew(trips: Trips) -> None:
    booking = trips.booked()
    bookings.move(booking.user, booking.id, trips.slots[5].id, trips.slots[7].id, accepted_fee_cents=0)
    assert states(trips, booking) == [(S.CANCELLED, CancelReason.REDISPATCHED), (S.ASSIGNED, None)]
    old, new = trips.assignments(booking)
    assert new.scheduled_time == trips.slots[5].start_time
    assert new.vehicle_id == trips.session.query(RonjaReservation).one().ronja_id
    assert trips.busy(old.id) is None
    assert breaches() == []


def test_a_new_date_after_a_no_show_gets_a_new_pickup(trips: Trips) -> None:
    booking = trips.booked()
    trips.miss(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=16)):
        with pytest.raises(Conflict):
            replanning.assign_again(booking.id, PICKUP, actor=trips.dispatcher)
        bookings.move_by_staff(trips.staff, booking.id, trips.slots[5].id, trips.slots[7].id)
    assert states(trips, booking) == [(S.CANCELLED, CancelReason.NO_SHOW), (S.ASSIGNED, None)]
    assert breaches() == []


def test_a_car_that_the_customer_brings_needs_no_pickup(trips: Trips) -> None:
    booking = trips.booked()
    car = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2020}
    with trips.at(booking.pickup_time):
        bookings.check_in(trips.staff, booking.id, mileage_km=1, car=car, brought=True)
        bookings.start_work(trips.staff, booking.id, unasked=True)
        bookings.complete_work(trips.staff, booking.id)
        trips.session.expire_all()
        assert booking.status is BookingStatus.READY_FOR_RETURN
        assert states(trips, booking) == [(S.CANCELLED, CancelReason.BOOKING_CANCELLED)]
        assert states(trips, booking, RETURN) == []
        assert breaches() == []


def test_staff_ending_it_with_the_car_here_still_bring_it_home(trips: Trips) -> None:
    booking = trips.booked()
    trips.drive_in(booking)
    with trips.at(booking.pickup_time + timedelta(hours=1)):
        bookings.cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Teil fehlt")
        assert states(trips, booking, RETURN) == [(S.ASSIGNED, None)]
        assert breaches() == []
    back = trips.assignment(booking, RETURN)
    with trips.at(back.scheduled_time):
        commands.start_return(back.id, trips.driver)
        commands.arrive_return(back.id, trips.driver)
        commands.complete_return(back.id, HANDOVER, trips.driver)
        trips.session.expire_all()
        assert (booking.status, booking.places_released_at is None) == (BookingStatus.CANCELLED, False)
        assert trips.session.query(RonjaReservation).count() == 0
        assert breaches() == []


def test_rework_takes_the_return_back_until_it_is_done(trips: Trips) -> None:
    booking = trips.booked()
    trips.make_ready(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=190)):
        bookings.rework(trips.staff, booking.id, "Geräusch vorn")
        assert states(trips, booking, RETURN) == [(S.CANCELLED, CancelReason.REDISPATCHED)]
        bookings.complete_work(trips.staff, booking.id)
        assert states(trips, booking, RETURN)[1:] == [(S.ASSIGNED, None)]
        assert breaches() == []


def test_a_new_return_window_plans_the_return_anew(trips: Trips) -> None:
    booking = trips.booked()
    trips.make_ready(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=190)):
        replan_return(booking.user, booking.id, trips.slots[3].id)
    old, new = trips.assignments(booking, RETURN)
    assert (old.cancel_reason, new.scheduled_time) == (CancelReason.REDISPATCHED, trips.slots[3].start_time)
    assert breaches() == []


def test_a_customer_who_collects_brings_the_ronja(trips: Trips, run_jobs: Callable[..., list[str]]) -> None:
    booking = trips.booked()
    trips.make_ready(booking)
    collected = booking.pickup_time + timedelta(minutes=200)
    with trips.at(collected):
        bookings.collect(trips.staff, booking.id)
        assert states(trips, booking, RETURN) == [(S.CANCELLED, CancelReason.BOOKING_CANCELLED)]
        assert breaches() == []
    with trips.at(collected + timedelta(minutes=15)):
        run_jobs(only={"dispatch.ronja_ready"})
        trips.session.expire_all()
        assert trips.ronjas[0].status is VehicleStatus.AVAILABLE


def test_a_return_that_is_late_is_planned_from_now_on_and_flagged(trips: Trips) -> None:
    booking = trips.booked()
    trips.drive_in(booking)
    car = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2020}
    late = booking.estimated_return_time + timedelta(minutes=30)
    with trips.at(late):
        bookings.check_in(trips.staff, booking.id, mileage_km=1, car=car)
        bookings.start_work(trips.staff, booking.id, unasked=True)
        bookings.complete_work(trips.staff, booking.id)
    back = trips.assignment(booking, RETURN)
    assert (back.conflict, back.scheduled_time) == ("OUTSIDE_WINDOW", late + timedelta(minutes=23))


# what a dispatcher changes


def test_a_trip_changes_hands(trips: Trips) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    old = trips.assignment(booking)
    new_id = replanning.reassign(old.id, other.id, actor=trips.dispatcher)
    assert replanning.reassign(old.id, other.id, actor=trips.dispatcher) == new_id
    assert states(trips, booking) == [(S.CANCELLED, CancelReason.REDISPATCHED), (S.ASSIGNED, None)]
    new = trips.assignment(booking)
    assert (new.id, new.jockey_id, new.conflict) == (new_id, other.id, None)
    assert trips.busy(old.id) is None
    assert trips.busy(new_id) is not None
    with pytest.raises(NotFound):
        commands.start_pickup(new_id, trips.driver)
    assert breaches() == []


def test_a_trip_changes_its_time(trips: Trips) -> None:
    booking = trips.booked()
    old = trips.assignment(booking)
    at = booking.pickup_time + timedelta(minutes=60)
    new_id = replanning.reassign(old.id, trips.jockey.id, scheduled_time=at, actor=trips.dispatcher)
    new = trips.assignment(booking)
    assert (new.id, new.scheduled_time, new.conflict) == (new_id, at, None)


def test_what_does_not_fit_is_flagged_not_refused(session: Any, frozen_clock: Any) -> None:
    trips = Trips(session, frozen_clock, ronjas=2)
    first, other = trips.booked(), trips.second_jockey()
    second = trips.booked()
    taken = trips.assignment(first)
    assert trips.assignment(second).jockey_id == other.id
    at = taken.scheduled_time
    replanning.reassign(trips.assignment(second).id, trips.jockey.id, scheduled_time=at, actor=trips.dispatcher)
    assert trips.assignment(second).conflict == "NO_JOCKEY_FREE"
    early = first.pickup_time - timedelta(minutes=30)
    replanning.reassign(trips.assignment(second).id, other.id, scheduled_time=early, actor=trips.dispatcher)
    assert trips.assignment(second).conflict == "OUTSIDE_WINDOW"
    assert breaches() == []


def test_the_same_jockey_at_the_same_time_is_no_change(trips: Trips) -> None:
    booking = trips.booked()
    old = trips.assignment(booking)
    assert replanning.reassign(old.id, trips.jockey.id, actor=trips.dispatcher) == old.id
    assert len(trips.assignments(booking)) == 1


def test_a_trip_with_the_car_does_not_change_hands(trips: Trips) -> None:
    booking = trips.booked()
    back, _began = trips.on_the_way_back(booking)
    other = trips.second_jockey()
    for assignment in (trips.assignment(booking), back):
        with pytest.raises(Conflict):
            replanning.reassign(assignment.id, other.id, actor=trips.dispatcher)
    assert states(trips, booking, RETURN) == [(S.EN_ROUTE_TO_CUSTOMER, None)]


def test_only_jockeys_of_the_workshop_can_be_planned(trips: Trips) -> None:
    old = trips.assignment(trips.booked())
    resting = make_jockey(trips.workshop, status=JockeyStatus.INACTIVE)
    for jockey in (make_jockey(make_workshop()), resting):
        with pytest.raises(Invalid):
            replanning.reassign(old.id, jockey.id, actor=trips.dispatcher)


def test_a_jockey_does_not_plan(trips: Trips) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    old = trips.assignment(booking)
    for change in (
        lambda by: replanning.reassign(old.id, other.id, actor=by),
        lambda by: replanning.cancel_assignment(old.id, CancelReason.BREAKDOWN, actor=by),
        lambda by: replanning.assign_again(booking.id, PICKUP, actor=by),
    ):
        for nobody in (trips.driver, trips.staff):
            with pytest.raises(NotFound):
                change(nobody)


def test_a_trip_is_taken_off_the_plan_and_given_out_again(trips: Trips) -> None:
    booking = trips.booked()
    old = trips.assignment(booking)
    for _press in range(2):
        assert replanning.cancel_assignment(old.id, CancelReason.BREAKDOWN, actor=trips.dispatcher) is S.CANCELLED
    assert breaches() == []
    new_id = replanning.assign_again(booking.id, PICKUP, actor=trips.dispatcher)
    assert replanning.assign_again(booking.id, PICKUP, actor=trips.dispatcher) == new_id
    assert states(trips, booking) == [(S.CANCELLED, CancelReason.BREAKDOWN), (S.ASSIGNED, None)]
    assert breaches() == []


@pytest.mark.parametrize("reason", [CancelReason.NO_SHOW, CancelReason.BOOKING_CANCELLED])
def test_some_reasons_are_not_a_dispatchers(trips: Trips, reason: CancelReason) -> None:
    booking = trips.booked()
    with pytest.raises(Conflict):
        replanning.cancel_assignment(trips.assignment(booking).id, reason, actor=trips.dispatcher)
    assert states(trips, booking) == [(S.ASSIGNED, None)]


def test_a_breakdown_on_the_way_back_fails_the_return(trips: Trips) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=5)):
        replanning.cancel_assignment(back.id, CancelReason.BREAKDOWN, "Panne", actor=trips.dispatcher)
        trips.session.expire_all()
        assert booking.status is BookingStatus.READY_FOR_RETURN
        replanning.assign_again(booking.id, RETURN, actor=trips.dispatcher)
        assert breaches() == []
    assert states(trips, booking, RETURN) == [(S.CANCELLED, CancelReason.BREAKDOWN), (S.ASSIGNED, None)]


def test_there_is_no_trip_to_give_out_before_its_time(trips: Trips) -> None:
    concierge = trips.booked()
    drop_off = trips.booked(back=None)
    with pytest.raises(Conflict):
        replanning.assign_again(concierge.id, RETURN, actor=trips.dispatcher)
    with pytest.raises(Conflict):
        replanning.assign_again(drop_off.id, PICKUP, actor=trips.dispatcher)
