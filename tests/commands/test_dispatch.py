"""Trips through their whole life: each step moves the booking, the jockey and the Ronja along."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import BookingMove, BookingStatus, MoveState, RonjaReservation
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.dispatch import commands
from b2c_web.dispatch.jobs import shifts
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.rules import NoShowLack as Lack
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.models import PaymentPurpose
from b2c_web.workshops.models import JockeyStatus, RonjaVehicle, VehicleStatus
from tests.commands.scene import TOTAL_CENTS, refunds, succeed
from tests.commands.trips import HANDOVER, PICKUP, RETURN, Trips
from tests.factories import make_user

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock)


def kinds(session: Any) -> list[NotificationKind]:
    return [row.kind for row in session.query(Notification).order_by(Notification.id)]


def history(session: Any, entity_id: Any) -> list[tuple[str, Any, Any]]:
    rows = session.query(AuditEntry).filter_by(entity_id=entity_id, entity_type="assignment").order_by(AuditEntry.id)
    return [(row.action, (row.before or {}).get("status"), row.after["status"]) for row in rows]


# the plan


def test_confirming_gives_the_pickup_to_a_jockey_with_the_reserved_ronja(trips: Trips) -> None:
    booking = trips.booked()
    (pickup,) = trips.assignments(booking)
    assert (pickup.status, pickup.type, pickup.conflict) == (S.ASSIGNED, PICKUP, None)
    assert pickup.jockey_id == trips.jockey.id
    assert pickup.vehicle_id == trips.session.query(RonjaReservation).one().ronja_id
    assert pickup.scheduled_time == booking.pickup_time
    leaves = booking.pickup_time - timedelta(minutes=23)
    assert trips.busy(pickup.id) == (leaves, leaves + timedelta(minutes=86))
    assert trips.assignments(booking, RETURN) == []
    assert history(trips.session, pickup.id) == [("assignment.assign", None, "ASSIGNED")]
    assert breaches() == []


def test_a_drop_off_has_no_trips(trips: Trips) -> None:
    booking = trips.booked(back=None)
    assert trips.assignments(booking) == []


def test_two_pickups_of_one_jockey_do_not_overlap(session: Any, frozen_clock: Any) -> None:
    trips = Trips(session, frozen_clock, ronjas=2)
    first, second = trips.booked(), trips.booked()
    assert trips.assignment(second).scheduled_time > trips.assignment(first).scheduled_time
    assert trips.assignment(second).conflict is None
    assert breaches() == []


def test_confirmation_never_fails_on_a_missing_jockey(trips: Trips) -> None:
    trips.session.execute(text("DELETE FROM jockey_shifts"))
    booking = trips.booked()
    pickup = trips.assignment(booking)
    assert (pickup.conflict, pickup.jockey_id) == ("NO_SHIFT", trips.jockey.id)
    assert trips.busy(pickup.id) is None
    assert booking.status is BookingStatus.CONFIRMED


def test_a_fully_taken_jockey_is_flagged(session: Any, frozen_clock: Any) -> None:
    trips = Trips(session, frozen_clock, ronjas=3)
    bookings = [trips.booked() for _n in range(3)]
    flagged = [trips.assignment(booking).conflict for booking in bookings]
    assert flagged == [None, None, "NO_JOCKEY_FREE"]
    assert breaches() == []


def test_an_inactive_jockey_is_not_planned(trips: Trips) -> None:
    other = trips.second_jockey()
    trips.jockey.status = JockeyStatus.INACTIVE
    trips.session.commit()
    assert trips.assignment(trips.booked()).jockey_id == other.id


# the pickup


def test_a_pickup_from_door_to_workshop(trips: Trips) -> None:
    booking = trips.booked()
    pickup, ronja = trips.assignment(booking), trips.ronjas[0]
    with trips.at(booking.pickup_time - timedelta(minutes=30)):
        assert commands.start_pickup(pickup.id, trips.driver) is S.EN_ROUTE_TO_PICKUP
        assert trips.jockey.status is JockeyStatus.BUSY
        told = trips.session.query(Notification).filter_by(kind=NotificationKind.JOCKEY_UNDER_WAY).one()
        assert told.context["jockey_name"] == trips.jockey.name
        assert told.context["arrival_estimate"] == (now_utc() + timedelta(minutes=23)).isoformat()
    with trips.at(booking.pickup_time):
        assert commands.arrive_pickup(pickup.id, trips.driver) is S.AT_PICKUP_LOCATION
        assert booking.status is BookingStatus.CONFIRMED
    with trips.at(booking.pickup_time + timedelta(minutes=20)):
        assert commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver) is S.IN_TRANSIT_TO_WORKSHOP
        assert booking.status is BookingStatus.IN_TRANSIT_TO_WORKSHOP
        assert (ronja.status, ronja.current_location) == (VehicleStatus.IN_USE, "Am Beispielweg 12, 44137 Dortmund")
        assert NotificationKind.PICKED_UP in kinds(trips.session)
    with trips.at(booking.pickup_time + timedelta(minutes=45)):
        assert commands.arrive_workshop(pickup.id, trips.driver) is S.AT_WORKSHOP
        assert trips.jockey.status is JockeyStatus.BUSY
        assert breaches() == []
        assert commands.complete_pickup(pickup.id, trips.driver) is S.COMPLETED
        assert trips.jockey.status is JockeyStatus.ACTIVE
    assert pickup.handover == HANDOVER
    assert pickup.arrived_at == booking.pickup_time
    assert pickup.departed_at == booking.pickup_time + timedelta(minutes=20)
    assert trips.busy(pickup.id) == (
        booking.pickup_time - timedelta(minutes=23),
        booking.pickup_time + timedelta(minutes=45),
    )
    states = ["ASSIGNED", "EN_ROUTE_TO_PICKUP", "AT_PICKUP_LOCATION", "IN_TRANSIT_TO_WORKSHOP", "AT_WORKSHOP"]
    steps = ["start", "arrive", "hand_over", "arrive_workshop", "complete"]
    assert history(trips.session, pickup.id)[1:] == [
        (f"assignment.{step}", before, after)
        for step, before, after in zip(steps, states, [*states[1:], "COMPLETED"], strict=True)
    ]


@pytest.mark.parametrize(
    ("handover", "field"),
    [
        ({"photos": HANDOVER["photos"][:4], "signature": "s"}, "photos"),
        ({"photos": HANDOVER["photos"]}, "signature"),
        ({}, "photos"),
    ],
)
def test_a_handover_needs_its_photos_and_signature(trips: Trips, handover: dict[str, Any], field: str) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    commands.start_pickup(pickup.id, early=True)
    commands.arrive_pickup(pickup.id)
    with pytest.raises(Invalid) as refused:
        commands.finish_pickup_handover(pickup.id, handover)
    assert refused.value.details["field"] == field
    assert trips.assignment(booking).status is S.AT_PICKUP_LOCATION
    assert booking.status is BookingStatus.CONFIRMED
    assert trips.ronjas[0].status is VehicleStatus.AVAILABLE


def test_pressing_twice_changes_nothing(trips: Trips) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    for _press in range(2):
        assert commands.start_pickup(pickup.id, trips.driver, early=True) is S.EN_ROUTE_TO_PICKUP
    arrived = now_utc()
    commands.arrive_pickup(pickup.id, trips.driver)
    with trips.at(arrived + timedelta(minutes=9)):
        assert commands.arrive_pickup(pickup.id, trips.driver) is S.AT_PICKUP_LOCATION
        assert commands.start_pickup(pickup.id, trips.driver) is S.AT_PICKUP_LOCATION
        commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver)
        assert commands.finish_pickup_handover(pickup.id, {}, trips.driver) is S.IN_TRANSIT_TO_WORKSHOP
    assert trips.assignment(booking).arrived_at == arrived
    assert len(history(trips.session, pickup.id)) == 4
    assert kinds(trips.session).count(NotificationKind.JOCKEY_UNDER_WAY) == 1


def test_somebody_else_pressing_the_same_step_sees_the_new_state(trips: Trips) -> None:
    pickup = trips.assignment(trips.booked())
    commands.start_pickup(pickup.id, trips.driver, early=True)
    with pytest.raises(Conflict) as refused:
        commands.start_pickup(pickup.id, trips.dispatcher)
    assert refused.value.details["status"] == "EN_ROUTE_TO_PICKUP"
    assert trips.session.get(type(pickup), pickup.id).moved_by == trips.driver.id


@pytest.mark.parametrize(
    "press",
    [
        commands.arrive_pickup,
        lambda one, by: commands.finish_pickup_handover(one, HANDOVER, by),
        commands.arrive_workshop,
        commands.complete_pickup,
        commands.start_return,
        commands.arrive_return,
        lambda one, by: commands.complete_return(one, HANDOVER, by),
        lambda one, by: commands.return_failed(one, CancelReason.NO_SHOW, "", by),
        lambda one, by: commands.record_no_show(one, photo="p", actor=by),
    ],
)
def test_a_step_out_of_turn_is_refused_and_changes_nothing(trips: Trips, press: Callable[..., Any]) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    with pytest.raises(Conflict) as refused:
        press(pickup.id, trips.driver)
    assert refused.value.details["status"] == "ASSIGNED"
    assert trips.assignment(booking).status is S.ASSIGNED
    assert len(history(trips.session, pickup.id)) == 1


def test_only_the_own_jockey_and_the_workshops_dispatcher_may(trips: Trips) -> None:
    pickup = trips.assignment(trips.booked())
    strangers = [
        trips.user_of(trips.second_jockey()),
        trips.staff,
        make_user(Role.DISPATCHER),
        make_user(Role.CUSTOMER),
        trips.session.get(type(pickup), pickup.id).booking.user,
    ]
    for stranger in strangers:
        with pytest.raises(NotFound):
            commands.start_pickup(pickup.id, stranger)
    assert commands.start_pickup(pickup.id, trips.dispatcher, early=True) is S.EN_ROUTE_TO_PICKUP
    assert commands.arrive_pickup(pickup.id, make_user(Role.ADMIN)) is S.AT_PICKUP_LOCATION


def test_a_trip_that_does_not_exist_is_not_found(trips: Trips) -> None:
    with pytest.raises(NotFound):
        commands.start_pickup(trips.workshop.id)


# the return


def test_a_return_from_workshop_to_door(trips: Trips, run_jobs: Callable[..., list[str]]) -> None:
    booking = trips.booked()
    back = trips.make_ready(booking)
    ronja = trips.ronjas[0]
    assert booking.status is BookingStatus.READY_FOR_RETURN
    assert (back.status, back.scheduled_time, back.vehicle_id) == (
        S.ASSIGNED,
        booking.return_slot.start_time,
        ronja.id,
    )
    assert breaches() == []
    with trips.at(back.scheduled_time - timedelta(minutes=23)):
        assert commands.start_return(back.id, trips.driver) is S.EN_ROUTE_TO_CUSTOMER
        assert booking.status is BookingStatus.IN_TRANSIT_TO_CUSTOMER
        assert trips.jockey.status is JockeyStatus.BUSY
        told = trips.session.query(Notification).filter_by(kind=NotificationKind.UNDER_WAY_BACK).one()
        assert told.context["arrival_estimate"] == back.scheduled_time.isoformat()
    with trips.at(back.scheduled_time):
        assert commands.arrive_return(back.id, trips.driver) is S.AT_RETURN_LOCATION
        with pytest.raises(Invalid):
            commands.complete_return(back.id, {}, trips.driver)
    done = back.scheduled_time + timedelta(minutes=15)
    with trips.at(done):
        assert commands.complete_return(back.id, HANDOVER, trips.driver) is S.COMPLETED
        assert commands.complete_return(back.id, {}, trips.driver) is S.COMPLETED
        assert (booking.status, booking.completed_at, booking.actual_return_time) == (
            BookingStatus.COMPLETED,
            done,
            done,
        )
        assert trips.jockey.status is JockeyStatus.ACTIVE
        assert breaches() == []
    home = done + timedelta(minutes=23)
    assert trips.busy(back.id)[1] == home
    reservation = trips.session.query(RonjaReservation).one()
    assert reservation.during.upper == home + timedelta(minutes=15)
    _ronja_comes_home(trips, ronja, home, run_jobs)


def _ronja_comes_home(trips: Trips, ronja: RonjaVehicle, home: datetime, run_jobs: Callable[..., list[str]]) -> None:
    with trips.at(home + timedelta(minutes=14)):
        run_jobs(only={"dispatch.ronja_ready"})
        assert ronja.status is VehicleStatus.IN_USE
    with trips.at(home + timedelta(minutes=15)):
        assert run_jobs(only={"dispatch.ronja_ready"}) == ["dispatch.ronja_ready"]
        trips.session.expire_all()
        assert (ronja.status, ronja.current_location) == (VehicleStatus.AVAILABLE, None)


def test_a_ronja_that_is_out_again_stays_in_use(trips: Trips) -> None:
    from b2c_web.dispatch.jobs import ronja_ready

    trips.drive_in(trips.booked())
    ronja_ready(str(trips.ronjas[0].id))
    assert trips.ronjas[0].status is VehicleStatus.IN_USE


def test_a_ronja_taken_out_of_service_stays_out(trips: Trips) -> None:
    from b2c_web.dispatch.jobs import ronja_ready

    trips.ronjas[0].status = VehicleStatus.MAINTENANCE
    trips.session.commit()
    ronja_ready(str(trips.ronjas[0].id))
    assert trips.ronjas[0].status is VehicleStatus.MAINTENANCE


# no-show


def test_a_no_show_keeps_the_booking_and_offers_a_new_date(trips: Trips) -> None:
    booking = trips.booked()
    pickup, photo = trips.at_the_door(booking), trips.upload(booking)
    trips.call_three_times(pickup)
    with trips.at(booking.pickup_time + timedelta(minutes=15)):
        for _press in range(2):
            ended = commands.record_no_show(pickup.id, photo=photo, actor=trips.driver)
            assert ended is S.CANCELLED
        assert booking.new_date_until == now_utc() + timedelta(hours=24)
        assert booking.no_show_at == now_utc()
        assert trips.jockey.status is JockeyStatus.ACTIVE
    assert booking.status is BookingStatus.CONFIRMED
    assert pickup.cancel_reason is CancelReason.NO_SHOW
    assert pickup.handover["no_show"] == {"calls": 3, "waited_minutes": 15, "photo": photo}
    assert len(pickup.handover["calls"]) == 3
    assert kinds(trips.session).count(NotificationKind.NO_SHOW) == 1
    assert trips.ronjas[0].status is VehicleStatus.AVAILABLE
    assert breaches() == []


def test_a_no_show_ends_a_move_that_waits_for_its_fee_and_nobody_pays_twice(trips: Trips) -> None:
    booking = trips.booked()
    pickup, photo, new = trips.at_the_door(booking), trips.upload(booking), (trips.slots[6].id, trips.slots[8].id)
    trips.call_three_times(pickup)
    with trips.at(booking.pickup_time + timedelta(minutes=12)):
        waiting = bookings.move(booking.user, booking.id, *new, accepted_fee_cents=2500)
    with trips.at(booking.pickup_time + timedelta(minutes=15)):
        commands.record_no_show(pickup.id, photo=photo, actor=trips.driver)
        assert trips.session.get_one(BookingMove, waiting.move_id).state is MoveState.FAILED
    before = booking.pickup_time
    with trips.at(before + timedelta(minutes=20)):
        succeed(trips.payment_of(waiting.move_id, PaymentPurpose.MOVE_FEE))
        trips.session.expire_all()
        assert (booking.pickup_time, booking.new_date_until is None) == (before, False)
        assert refunds(trips.session) == [(2500, "move_not_possible")]
        bookings.move(booking.user, booking.id, *new, accepted_fee_cents=0)
        bookings.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    assert refunds(trips.session) == [(2500, "move_not_possible"), (TOTAL_CENTS - 2500, "customer")]
    assert breaches() == []


def refused_no_show(trips: Trips, booking: Any, pickup: Any, minutes: int, photo: str) -> Invalid:
    with trips.at(booking.pickup_time + timedelta(minutes=minutes)), pytest.raises(Invalid) as refused:
        commands.record_no_show(pickup.id, photo=photo, actor=trips.driver)
    assert trips.assignment(booking).status is S.AT_PICKUP_LOCATION
    assert booking.no_show_at is None
    return refused.value


@pytest.mark.parametrize(
    ("minutes", "calls", "shown", "field", "lacks"),
    [
        (20, False, True, "calls", [Lack.CALLS]),
        (14, True, True, "waited_minutes", [Lack.WAITING]),
        (20, True, False, "photo", [Lack.PHOTO]),
        (14, False, False, "calls", [Lack.CALLS, Lack.WAITING, Lack.PHOTO]),
    ],
)
def test_a_no_show_without_its_evidence_is_refused_and_all_that_lacks_is_named(
    trips: Trips, minutes: int, calls: bool, shown: bool, field: str, lacks: list[Lack]
) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    if calls:
        trips.call_three_times(pickup)
    refused = refused_no_show(trips, booking, pickup, minutes, trips.upload(booking) if shown else "")
    assert refused.details["field"] == field
    assert list(refused.details["lacks"]) == lacks


def test_two_calls_are_not_enough(trips: Trips) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    for minutes in (2, 6):
        with trips.at(booking.pickup_time + timedelta(minutes=minutes)):
            commands.record_call(pickup.id, trips.driver)
    refused = refused_no_show(trips, booking, pickup, 20, trips.upload(booking))
    assert list(refused.details["lacks"]) == [Lack.CALLS]


@pytest.mark.parametrize("which", ["of another booking", "made up", "gone", "refused"])
def test_only_a_photo_of_this_booking_proves_a_no_show(trips: Trips, which: str) -> None:
    booking, other = trips.booked(), trips.booked(slot=4, back=7)
    pickup = trips.at_the_door(booking)
    trips.call_three_times(pickup)
    trips.at_the_door(other)
    photo = "door.jpg" if which == "made up" else trips.upload(other if "another" in which else booking)
    if which == "gone":
        trips.session.execute(text("DELETE FROM media_files"))
    if which == "refused":
        refused = "UPDATE media_files SET state = 'REFUSED', reason = 'no_picture', staging_name = NULL"
        trips.session.execute(text(refused))
    trips.session.commit()
    assert list(refused_no_show(trips, booking, pickup, 20, photo).details["lacks"]) == [Lack.PHOTO]


# shifts


def test_jockeys_go_on_and_off_duty_with_their_shift(trips: Trips) -> None:
    seen = []
    for hour in (5, 7, 19):
        with trips.at(datetime.fromisoformat(f"2026-11-26T{hour:02}:00:00+01:00") + timedelta(minutes=1)):
            shifts()
            trips.session.expire_all()
            seen.append(trips.jockey.status)
    assert seen == [JockeyStatus.OFF_DUTY, JockeyStatus.ACTIVE, JockeyStatus.OFF_DUTY]


def test_inactive_jockeys_stay_inactive(trips: Trips) -> None:
    trips.jockey.status = JockeyStatus.INACTIVE
    trips.session.commit()
    shifts()
    trips.session.expire_all()
    assert trips.jockey.status is JockeyStatus.INACTIVE
