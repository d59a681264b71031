"""A Ronja that a customer has is promised to nobody: taken early from then on, and kept while it is not back."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.dialects.postgresql import Range

from b2c_web.audit import AuditEntry
from b2c_web.bookings.models import Booking, RonjaReservation
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.returning import replan_return, return_options
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.dispatch import commands, replanning, told
from b2c_web.dispatch.jobs import keep_ronjas
from b2c_web.dispatch.keeping import KEPT, keep_ronja
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.ronjas import choices
from b2c_web.errors import Invalid
from tests.commands.trips import HANDOVER, Trips
from tests.factories import make_ronja


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    """One Ronja and eight days."""
    return Trips(session, frozen_clock, days=8)


def kept(trips: Trips, booking: Booking) -> tuple[datetime, datetime]:
    trips.session.expire_all()
    during = trips.session.query(RonjaReservation).filter_by(booking_id=booking.id).one().during
    return during.lower, during.upper


def test_who_sets_out_early_takes_the_ronja_from_then_on(trips: Trips) -> None:
    booking = trips.booked(15, 17)
    pickup = trips.assignment(booking)
    commands.start_pickup(pickup.id, trips.driver, early=True)
    commands.arrive_pickup(pickup.id, trips.driver)
    commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver)
    assert kept(trips, booking)[0] == now_utc()
    with pytest.raises(PlaceTaken):
        trips.booked(5, 7)
    assert breaches() == []


@pytest.mark.parametrize("again", [True, False])
def test_who_set_out_early_and_turned_back_gives_it_back(trips: Trips, again: bool) -> None:
    booking = trips.booked(15, 17)
    planned, pickup = kept(trips, booking), trips.assignment(booking)
    commands.start_pickup(pickup.id, trips.driver, early=True)
    assert kept(trips, booking)[0] < planned[0]
    if again:
        replanning.reassign(pickup.id, trips.second_jockey().id, actor=trips.dispatcher)
    else:
        replanning.cancel_assignment(pickup.id, CancelReason.REDISPATCHED, actor=trips.dispatcher)
    assert kept(trips, booking) == planned
    assert trips.booked(5, 7).reservation is not None
    assert breaches() == []


def test_a_ronja_that_was_handed_over_stays_taken_from_then_on(trips: Trips) -> None:
    booking = trips.booked(15, 17)
    pickup = trips.assignment(booking)
    commands.start_pickup(pickup.id, trips.driver, early=True)
    commands.arrive_pickup(pickup.id, trips.driver)
    commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver)
    replanning.cancel_assignment(pickup.id, CancelReason.BREAKDOWN, actor=trips.dispatcher)
    assert kept(trips, booking)[0] == now_utc()


def test_a_reservation_counts_in_whole_seconds(trips: Trips) -> None:
    """What the plan leaves out of itself when its own booking moves has to be found again in it."""
    booking = trips.booked(15, 17)
    with trips.at(now_utc().replace(microsecond=700_000)):
        commands.start_pickup(trips.assignment(booking).id, trips.driver, early=True)
    assert kept(trips, booking)[0] == now_utc()


def test_a_ronja_that_is_promised_until_then_does_not_set_out_early(trips: Trips) -> None:
    booking = trips.booked(15, 17)
    other = trips.booked(5, 7)
    before, pickup = kept(trips, booking), trips.assignment(booking)
    with pytest.raises(Invalid) as refused:
        commands.start_pickup(pickup.id, trips.driver, early=True)
    assert (refused.value.code, refused.value.details["field"]) == ("ronja_promised", "early")
    assert trips.ronjas[0].license_plate in str(refused.value.message)
    assert (kept(trips, booking), trips.assignment(booking).status) == (before, AssignmentStatus.ASSIGNED)
    with trips.at(other.pickup_time - timedelta(minutes=23)):
        commands.start_pickup(trips.assignment(other).id, trips.driver)


def test_leaving_a_little_early_asks_nothing_of_the_plan(trips: Trips) -> None:
    """The one before may end just when this one begins."""
    booking = trips.booked(15, 17)
    trips.booked(5, 7)
    before = trips.session.query(RonjaReservation).filter(RonjaReservation.booking_id != booking.id).one()
    lower = kept(trips, booking)[0]
    before.during = Range(before.during.lower, lower)
    trips.session.commit()
    with trips.at(lower - timedelta(minutes=10)):
        commands.start_pickup(trips.assignment(booking).id, trips.driver, early=True)
    assert kept(trips, booking)[0] == lower


def failed_return(trips: Trips) -> Booking:
    """Nobody was there; the Ronja is still with the customer."""
    booking = trips.booked(0, 2)
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=60)):
        commands.return_failed(back.id, CancelReason.NO_SHOW, "", trips.driver)
    return trips.session.get_one(Booking, booking.id)


def test_what_stays_taken_counts_in_whole_seconds(trips: Trips) -> None:
    booking = failed_return(trips)
    late = kept(trips, booking)[1] + timedelta(hours=3)
    with trips.at(late.replace(microsecond=700_000)):
        assert keep_ronja(booking.id)
    assert kept(trips, booking)[1] == late + KEPT


def test_what_is_not_back_stays_taken_until_a_new_window_says_how_long(trips: Trips) -> None:
    booking = failed_return(trips)
    end = kept(trips, booking)[1]
    with trips.at(end - timedelta(minutes=30)):
        keep_ronjas()
        assert kept(trips, booking)[1] == end
    with trips.at(end + timedelta(hours=3)):
        keep_ronjas()
        assert kept(trips, booking)[1] == now_utc() + KEPT
        assert not keep_ronja(booking.id)
        entry = trips.session.query(AuditEntry).filter_by(action="booking.ronja_kept").one()
        assert entry.before == {"until": end.isoformat()}
        with pytest.raises(PlaceTaken):
            trips.booked(10, 12)
        slot = return_options(trips.session.get_one(Booking, booking.id))[0]
        replan_return(trips.dispatcher, booking.id, slot.slot_id)
        assert kept(trips, booking)[1] < now_utc() + KEPT
        trips.booked(25, 27)
    assert breaches() == []


def test_a_dispatcher_reads_that_nobody_knows_when_it_is_back(trips: Trips) -> None:
    booking = failed_return(trips)
    make_ronja(trips.workshop)
    trips.session.commit()
    with trips.at(kept(trips, booking)[1] + timedelta(minutes=1)):
        assert keep_ronja(booking.id)
        found = [told.ronja(one) for one in choices(trips.booked(10, 12)) if not one.is_reserved]
    assert found == [f"noch nicht zurück, offen bis wann ({booking.number})"]


def test_it_is_kept_up_to_the_next_one_it_is_promised_to(trips: Trips) -> None:
    following = trips.booked(10, 12)
    booking = failed_return(trips)
    make_ronja(trips.workshop)
    trips.session.commit()
    with trips.at(kept(trips, booking)[1] + timedelta(minutes=1)):
        assert keep_ronja(booking.id)
        assert kept(trips, booking)[1] == kept(trips, following)[0]
        assert not keep_ronja(booking.id)
    assert breaches() == []


def test_one_that_is_home_is_not_kept(trips: Trips) -> None:
    booking = trips.booked(0, 2)
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=30)):
        commands.arrive_return(back.id, trips.driver)
        commands.complete_return(back.id, HANDOVER, trips.driver)
    with trips.at(kept(trips, booking)[1] + timedelta(hours=1)):
        assert not keep_ronja(booking.id)
        keep_ronjas()
