"""A dispatcher decides: jockey, time and Ronja; what speaks against it is told before and flagged after."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.bookings.models import Booking, RonjaReservation
from b2c_web.checks import breaches
from b2c_web.dispatch import commands, ronjas
from b2c_web.dispatch.deciding import Decision, NeedsYes, decide, seen_of
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.replanning import cancel_assignment
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.workshops.commands import set_ronja_status
from b2c_web.workshops.models import JockeyStatus, RonjaVehicle, VehicleStatus
from tests.commands.trips import PICKUP, RETURN, Trips
from tests.factories import make_jockey, make_user, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=3)


def ronja_of(trips: Trips, booking: Booking) -> Any:
    trips.session.expire_all()
    return trips.session.query(RonjaReservation).filter_by(booking_id=booking.id).one().ronja_id


def seen(trips: Trips, booking: Booking, kind: Any = PICKUP) -> str:
    given = trips.assignments(booking, kind)
    return seen_of(given[-1] if given else None, ronja_of(trips, booking))


def choose(trips: Trips, booking: Booking, kind: Any = PICKUP, accepted: Any = (), **facts: Any) -> Any:
    decision = Decision(**facts)
    now = facts.pop("seen", None) or seen(trips, booking, kind)
    return decide(booking.id, kind, decision, seen=now, accepted=accepted, actor=trips.dispatcher)


def refused(trips: Trips, booking: Booking, **facts: Any) -> list[str]:
    with pytest.raises(NeedsYes) as told:
        choose(trips, booking, **facts)
    return [problem.code for problem in told.value.details["problems"]]


def test_another_jockey_and_another_time(trips: Trips) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    at = booking.pickup_time + timedelta(minutes=30)
    made = choose(trips, booking, jockey_id=other.id, arrival=at)
    new = trips.assignment(booking)
    assert (new.id, new.jockey_id, new.scheduled_time, new.conflict) == (made, other.id, at, None)
    assert trips.assignments(booking)[0].cancel_reason is CancelReason.REDISPATCHED
    assert breaches() == []


def test_the_same_again_changes_nothing(trips: Trips) -> None:
    booking = trips.booked()
    old = trips.assignment(booking)
    assert choose(trips, booking, jockey_id=trips.jockey.id, arrival=old.scheduled_time) == old.id
    assert len(trips.assignments(booking)) == 1


def test_a_trip_that_nobody_has_gets_the_best_jockey(trips: Trips) -> None:
    booking = trips.booked()
    cancel_assignment(trips.assignment(booking).id, CancelReason.REDISPATCHED, actor=trips.dispatcher)
    choose(trips, booking)
    assert (trips.assignment(booking).jockey_id, trips.assignment(booking).conflict) == (trips.jockey.id, None)
    assert breaches() == []


def test_what_speaks_against_it_is_told_and_can_be_accepted(trips: Trips) -> None:
    first, second = trips.booked(), trips.booked()
    taken = trips.assignment(first)
    overlap = f"OVERLAP:{first.number}"
    wish = {"jockey_id": trips.jockey.id, "arrival": taken.scheduled_time}
    assert refused(trips, second, **wish) == [overlap]
    assert refused(trips, second, accepted=("LATE",), **wish) == [overlap]
    choose(trips, second, accepted=(overlap,), **wish)
    assert trips.assignment(second).conflict == "NO_JOCKEY_FREE"
    assert breaches() == []


def test_a_refused_decision_changes_nothing(trips: Trips) -> None:
    booking = trips.booked()
    before, ronja = trips.assignment(booking), ronja_of(trips, booking)
    late = booking.slot.end_time + timedelta(minutes=12)
    free = next(one for one in trips.ronjas if one.id != ronja)
    assert refused(trips, booking, jockey_id=trips.jockey.id, arrival=late, ronja_id=free.id) == ["LATE"]
    assert ronja_of(trips, booking) == ronja
    assert trips.assignment(booking).id == before.id


@pytest.mark.parametrize(
    ("minutes", "codes"), [(-10, ["TOO_EARLY"]), (131, ["LATE"]), (700, ["LATE", "OUTSIDE_SHIFT"])]
)
def test_outside_of_window_and_shift(trips: Trips, minutes: int, codes: list[str]) -> None:
    booking = trips.booked()
    at = booking.pickup_time + timedelta(minutes=minutes)
    assert refused(trips, booking, jockey_id=trips.jockey.id, arrival=at) == codes
    with pytest.raises(NeedsYes) as told:
        choose(trips, booking, jockey_id=trips.jockey.id, arrival=at)
    assert told.value.details["problems"][0].minutes == (abs(minutes) if minutes < 0 else minutes - 120)


def test_a_jockey_without_a_shift_and_no_time_left(trips: Trips) -> None:
    booking, lazy = trips.booked(), make_jockey(trips.workshop)
    trips.session.commit()
    assert refused(trips, booking, jockey_id=lazy.id) == ["NO_SHIFT"]
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        codes = refused(trips, booking, jockey_id=trips.jockey.id, arrival=booking.pickup_time + timedelta(minutes=5))
    assert codes == ["TOO_SOON"]


def test_somebody_was_quicker(trips: Trips) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    shown = seen(trips, booking)
    choose(trips, booking, jockey_id=other.id)
    with pytest.raises(Conflict) as told:
        decide(booking.id, PICKUP, Decision(trips.jockey.id), seen=shown, actor=trips.dispatcher)
    assert told.value.code == "changed"
    assert trips.assignment(booking).jockey_id == other.id


def test_a_jockey_who_set_out_meanwhile_counts_as_a_change(trips: Trips) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    shown = seen(trips, booking)
    commands.start_pickup(trips.assignment(booking).id, trips.driver, early=True)
    with pytest.raises(Conflict):
        decide(booking.id, PICKUP, Decision(other.id), seen=shown, actor=trips.dispatcher)


def test_who_may_decide(trips: Trips) -> None:
    booking, shown = trips.booked(), None
    shown = seen(trips, booking)
    for stranger in (trips.driver, trips.staff, make_user(Role.DISPATCHER)):
        with pytest.raises(NotFound):
            decide(booking.id, PICKUP, Decision(), seen=shown, actor=stranger)
    resting = make_jockey(trips.workshop, status=JockeyStatus.INACTIVE)
    with pytest.raises(Invalid):
        choose(trips, booking, jockey_id=resting.id)
    with pytest.raises(Invalid):
        choose(trips, booking, arrival=booking.pickup_time + timedelta(minutes=40))


def test_a_car_on_its_way_stays_with_its_jockey(trips: Trips) -> None:
    booking = trips.booked()
    back, _began = trips.on_the_way_back(booking)
    other = trips.second_jockey()
    with trips.at(back.scheduled_time), pytest.raises(Conflict):
        choose(trips, booking, RETURN, jockey_id=other.id)


# Ronjas


def test_a_free_ronja(trips: Trips) -> None:
    booking = trips.booked()
    free = next(one for one in trips.ronjas if one.id != ronja_of(trips, booking))
    before = trips.assignment(booking)
    assert choose(trips, booking, ronja_id=free.id) == before.id
    assert ronja_of(trips, booking) == free.id
    assert trips.assignment(booking).vehicle_id == free.id
    entry = trips.session.query(AuditEntry).filter_by(action="booking.change_ronja").one()
    assert entry.after == {"ronja_id": str(free.id), "swapped_with": []}
    assert breaches() == []


def test_two_bookings_swap_their_ronjas(trips: Trips) -> None:
    first, second = trips.booked(), trips.booked()
    mine, theirs = ronja_of(trips, first), ronja_of(trips, second)
    assert mine != theirs
    choose(trips, first, ronja_id=theirs)
    assert (ronja_of(trips, first), ronja_of(trips, second)) == (theirs, mine)
    assert (trips.assignment(first).vehicle_id, trips.assignment(second).vehicle_id) == (theirs, mine)
    assert breaches() == []


@pytest.mark.parametrize("status", [VehicleStatus.MAINTENANCE, VehicleStatus.OUT_OF_SERVICE])
def test_nobody_is_given_a_ronja_that_cannot_drive_by_a_swap(trips: Trips, status: VehicleStatus) -> None:
    first, second = trips.booked(), trips.booked()
    mine, theirs = ronja_of(trips, first), ronja_of(trips, second)
    set_ronja_status(mine, status)
    assert not next(one for one in ronjas.choices(first) if one.ronja.id == theirs).is_possible
    with pytest.raises(Conflict) as told:
        choose(trips, first, ronja_id=theirs)
    assert told.value.code == "ronja_taken"
    assert (ronja_of(trips, first), ronja_of(trips, second)) == (mine, theirs)


def test_what_other_workshops_have_promised_is_not_read(trips: Trips) -> None:
    booking, elsewhere = trips.booked(), trips.booked()
    ronja = trips.session.get(RonjaVehicle, ronja_of(trips, elsewhere))
    assert [one.takes for one in ronjas.choices(booking) if one.ronja.id == ronja.id] != [[]]
    ronja.workshop_id = make_workshop().id
    trips.session.commit()
    assert ronja.id not in [one.ronja.id for one in ronjas.choices(booking)]
    assert ronjas.partner_of(booking.id, ronja.id) is None


def test_a_ronja_in_two_ways_is_not_swapped(trips: Trips) -> None:
    long = trips.booked(slot=0, back=7)
    first, second = trips.booked(slot=0, back=2), trips.booked(slot=5, back=7)
    same = ronja_of(trips, first)
    choose(trips, second, ronja_id=same) if ronja_of(trips, second) != same else None
    choice = next(one for one in ronjas.choices(long) if one.ronja.id == same)
    assert (choice.is_possible, choice.is_swap, len(choice.takes)) == (False, False, 2)
    assert choice.free_at == choice.takes[-1].during.upper
    with pytest.raises(Conflict) as told:
        choose(trips, long, ronja_id=same)
    assert told.value.code == "ronja_taken"
    assert breaches() == []


@pytest.mark.parametrize("status", [VehicleStatus.MAINTENANCE, VehicleStatus.OUT_OF_SERVICE])
def test_a_ronja_that_cannot_drive_is_refused(trips: Trips, status: VehicleStatus) -> None:
    booking = trips.booked()
    broken = next(one for one in trips.ronjas if one.id != ronja_of(trips, booking))
    broken.status = status
    trips.session.commit()
    with pytest.raises(Invalid) as told:
        choose(trips, booking, ronja_id=broken.id)
    assert told.value.details["field"] == "ronja_id"


def test_a_ronja_on_its_way_stays(trips: Trips) -> None:
    first, second = trips.booked(), trips.booked(slot=1, back=3)
    theirs = ronja_of(trips, second)
    commands.start_pickup(trips.assignment(first).id, trips.driver, early=True)
    with pytest.raises(Conflict) as told:
        choose(trips, first, ronja_id=theirs)
    assert told.value.code == "ronja_gone"
    choice = next(one for one in ronjas.choices(second) if one.ronja.id == ronja_of(trips, first))
    assert not choice.is_possible
    assert breaches() == []
