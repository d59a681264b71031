"""What if: returns of cars that are with us, days without shifts, and the same numbers once the change is made."""

import random
import uuid
from datetime import date, timedelta
from typing import Any

import pytest

from b2c_web.bookings.availability import Question, availability
from b2c_web.bookings.claim import book
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.places import PlaceTaken
from b2c_web.capacity.what_if import Change, Effect, effect_of
from b2c_web.capacity.what_if_reads import shifts_of
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import local_to_utc, now_utc
from b2c_web.config import ZONE
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops import generation
from b2c_web.workshops.commands import (
    add_shift,
    remove_shift,
    set_day_maximum,
    set_ronja_status,
    set_slot_available,
    set_slot_maximum,
)
from b2c_web.workshops.editing import Edit, day_state, edit_day
from b2c_web.workshops.models import JockeyShift, RonjaVehicle, TimeSlot, VehicleStatus, WorkshopCapacity
from b2c_web.workshops.rules import Block
from tests.commands.scene import FIRST, Scene
from tests.factories import make_day, make_days, make_jockey, make_ronja, make_shift, make_slot

pytestmark = pytest.mark.usefixtures("frozen_clock")
FRIDAY, SATURDAY, MONDAY = (FIRST + timedelta(days=n) for n in (1, 2, 4))
SHIFTS = ((480, 960), (420, 1140), (600, 900))
BRAKES = 120


@pytest.fixture
def scene(session: Any) -> Scene:
    """Three days, three Ronjas, and three jockeys of whom nobody works at the weekend."""
    scene = Scene(session, ronjas=3, days=5, percent=100)
    session.query(JockeyShift).delete()
    jockeys = [scene.jockey, make_jockey(scene.workshop), make_jockey(scene.workshop)]
    for jockey, times in zip(jockeys, SHIFTS, strict=True):
        for day in (FIRST, FRIDAY, MONDAY):
            make_shift(jockey, day, *times)
    refresh(scene)
    return scene


def refresh(scene: Scene) -> None:
    scene.session.flush()
    generation.refresh_jockey_room(scene.workshop.id, FIRST)
    scene.session.commit()


def effect(scene: Scene, **change: Any) -> Effect:
    question = Question(scene.workshop.id, ServiceType.BRAKE_SERVICE, VehicleClass.MIDSIZE, True, 23)
    return effect_of(Change(**{"first": FRIDAY, "last": FRIDAY, **change}), question, BRAKES)


def named(found: Effect) -> list[tuple[uuid.UUID, Block, bool]]:
    return [(one.booking.id, one.block, one.is_return) for one in found.broken]


def arrives(scene: Scene, booking: Booking, status: BookingStatus = BookingStatus.IN_WORKSHOP) -> Booking:
    """The car is with us."""
    booking.status = status
    scene.session.commit()
    return booking


@pytest.mark.parametrize(
    "status",
    [
        BookingStatus.CONFIRMED,
        BookingStatus.IN_TRANSIT_TO_WORKSHOP,
        BookingStatus.IN_WORKSHOP,
        BookingStatus.READY_FOR_RETURN,
    ],
)
def test_a_return_promised_for_a_day_without_jockeys_breaks(scene: Scene, status: BookingStatus) -> None:
    """Fetched on Thursday, brought back on Friday: nobody drives on Friday."""
    booking = arrives(scene, scene.booked(0, 7), status)
    found = effect(scene, jockeys=-3)
    assert named(found) == [(booking.id, Block.NO_JOCKEY, True)]
    assert found.broken[0].window == (scene.slots[7].start_time, scene.slots[7].end_time)
    assert [len(day.broken) for day in found.days] == [1]
    assert effect(scene, first=MONDAY, last=MONDAY, jockeys=-3).broken == []


def test_the_return_of_a_car_that_was_cancelled_while_it_is_here_counts_too(scene: Scene) -> None:
    booking = scene.booked(0, 7)
    booking.status, booking.cancelled_at = BookingStatus.CANCELLED, now_utc()
    scene.session.commit()
    assert named(effect(scene, jockeys=-3)) == [(booking.id, Block.NO_JOCKEY, True)]


@pytest.mark.parametrize("status", [BookingStatus.IN_TRANSIT_TO_CUSTOMER, BookingStatus.COMPLETED])
def test_a_car_that_is_on_its_way_home_or_there_breaks_nothing(scene: Scene, status: BookingStatus) -> None:
    booking = scene.booked(0, 7)
    booking.completed_at = now_utc() if status is BookingStatus.COMPLETED else None
    arrives(scene, booking, status)
    assert effect(scene, jockeys=-3).broken == []


def test_a_car_that_could_not_be_fetched_is_not_with_us(scene: Scene) -> None:
    booking = scene.booked(0, 7)
    assert named(effect(scene, jockeys=-3)) == [(booking.id, Block.NO_JOCKEY, True)]
    booking.new_date_until = now_utc()
    scene.session.commit()
    assert effect(scene, jockeys=-3).broken == []


def test_cars_that_are_with_us_are_kept_before_those_that_are_still_to_come(scene: Scene) -> None:
    """One jockey drives one of the two tours on Friday from 10 to 12: the return, although it was booked later."""
    coming = scene.booked(6, 12)
    arrives(scene, scene.booked(0, 6))
    assert named(effect(scene, jockeys=-2)) == [(coming.id, Block.NO_JOCKEY, False)]


def test_a_closed_window_keeps_the_return_in_it(scene: Scene) -> None:
    booking = arrives(scene, scene.booked(0, 7))
    found = effect(scene, closed=frozenset({720}))
    assert named(found) == []
    assert [(one.booking.id, one.block, one.is_return) for one in found.in_closed] == [(booking.id, Block.CLOSED, True)]


def test_without_ronjas_a_customer_whose_car_is_here_has_none(scene: Scene) -> None:
    """Here from Friday to Monday, and all Ronjas are away on the Saturday between."""
    booking = arrives(scene, scene.booked(5, 12))
    assert named(effect(scene, first=SATURDAY, last=SATURDAY, ronjas=-2)) == []
    found = effect(scene, first=SATURDAY, last=SATURDAY, ronjas=-3)
    assert named(found) == [(booking.id, Block.NO_RONJA, True)]


def test_what_does_not_hold_now_is_not_the_changes_fault(scene: Scene) -> None:
    booking = arrives(scene, scene.booked(0, 7))
    for shift in shifts_on(scene, FRIDAY):
        remove_shift(shift.id)
    found = effect(scene, jockeys=-1)
    assert found.broken == []
    assert [(one.booking.id, one.block) for one in found.broken_now] == [(booking.id, Block.NO_JOCKEY)]


# -- days without shifts


def open_saturday(scene: Scene) -> None:
    make_day(scene.workshop, SATURDAY)
    facts = {"jockey_minutes_room": 0, "longest_trip_minutes": 0}
    for window in ((480, 600), (600, 720), (720, 840), (840, 960)):
        make_slot(scene.workshop, SATURDAY, window, **facts)
    scene.session.commit()


def test_a_jockey_more_works_the_usual_shift_on_a_day_without_shifts(scene: Scene) -> None:
    open_saturday(scene)
    found = effect(scene, first=SATURDAY, last=SATURDAY, jockeys=1)
    assert found.days[0].fetched_before == 0
    assert found.days[0].fetched_after > 0
    assumed = found.assumed[SATURDAY]
    assert assumed.like == FRIDAY
    assert (assumed.shift.start, assumed.shift.end) == (epoch(SATURDAY, 420), epoch(SATURDAY, 1140))


def test_the_same_weekday_is_copied_before_a_nearer_day(scene: Scene) -> None:
    open_saturday(scene)
    make_shift(scene.jockey, SATURDAY - timedelta(days=14), 480, 720)
    scene.session.commit()
    found = effect(scene, first=SATURDAY, last=SATURDAY, jockeys=1)
    assert found.assumed[SATURDAY].like == SATURDAY - timedelta(days=14)
    assert found.assumed[SATURDAY].shift.end == epoch(SATURDAY, 720)


def test_without_any_shift_a_jockey_works_as_long_as_windows_are_open(scene: Scene) -> None:
    scene.session.query(JockeyShift).delete()
    refresh(scene)
    found = effect(scene, jockeys=2)
    assumed = found.assumed[FRIDAY]
    assert (assumed.like, assumed.shift.start, assumed.shift.end) == (None, epoch(FRIDAY, 480), epoch(FRIDAY, 1080))
    assert found.fetched > 0


def test_fewer_jockeys_change_nothing_where_nobody_works(scene: Scene) -> None:
    open_saturday(scene)
    found = effect(scene, first=SATURDAY, last=SATURDAY, jockeys=-2)
    assert (found.fetched, found.assumed) == (0, {})


def test_days_without_windows_are_named_and_can_be_opened(scene: Scene) -> None:
    closed = effect(scene, first=FRIDAY, last=SATURDAY, jockeys=1)
    assert closed.without_windows == [SATURDAY]
    opened = effect(scene, first=FRIDAY, last=SATURDAY, jockeys=1, opened=True)
    assert opened.without_windows == []
    assert [day.day for day in opened.days] == [FRIDAY, SATURDAY]
    assert opened.days[1].fetched_after > 0
    assert opened.days[1].brought_after > opened.days[1].brought_before == 0


# -- the same numbers once the change is made


def epoch(day: date, minutes: int) -> int:
    return int(local_to_utc(day, minutes, ZONE).timestamp())


def shifts_on(scene: Scene, day: date) -> list[JockeyShift]:
    """Longest first."""
    shifts = [one for one in scene.session.query(JockeyShift) if generation.local_day(one.starts_at) == day]
    return sorted(shifts, key=lambda one: (one.starts_at - one.ends_at, one.jockey_id))


def some_bookings(scene: Scene, chance: random.Random) -> None:
    """Up to a dozen, some of them with the car here, each where the claim allowed it."""
    for _n in range(12):
        slot = chance.randrange(14)
        back = chance.choice([None, slot + 2, slot + 3, slot + 5])
        try:
            booking = scene.booked(slot, back if back is None or back < 15 else None)
        except PlaceTaken:
            scene.session.rollback()
            continue
        if slot < 5 and chance.random() < 0.6:
            arrives(scene, booking)


def make_it_so(scene: Scene, change: Change) -> None:
    """The change, made by the commands that staff use."""
    days = list(generation.each_day(change.first, change.last))
    for day in days:
        if change.opened:
            row = scene.session.query(WorkshopCapacity).filter_by(date=day).one_or_none()
            edit_day(scene.workshop.id, day, Edit(row.max_bookings if row else 20, False, None, day_state(row)))
        if scene.session.query(TimeSlot).filter_by(service_date=day).count():
            put_shifts(scene, day, change.jockeys)
        if change.day_maximum is not None and scene.session.query(WorkshopCapacity).filter_by(date=day).count():
            set_day_maximum(scene.workshop.id, day, change.day_maximum)
    for slot_id in [one.id for one in scene.session.query(TimeSlot) if one.service_date in days]:
        put_window(scene, slot_id, change)
    put_ronjas(scene, change.ronjas)


def put_shifts(scene: Scene, day: date, by: int) -> None:
    for shift in shifts_on(scene, day)[: max(0, -by)]:
        remove_shift(shift.id)
    for _n in range(by):
        like = (shifts_on(scene, day) or shifts_on(scene, FRIDAY))[0]
        delta = day - generation.local_day(like.starts_at)
        jockey = make_jockey(scene.workshop)
        scene.session.commit()
        add_shift(jockey.id, like.starts_at + delta, like.ends_at + delta)


def put_window(scene: Scene, slot_id: uuid.UUID, change: Change) -> None:
    slot = scene.session.get(TimeSlot, slot_id)
    starts = slot.start_time.astimezone(ZONE).hour * 60
    if change.places_per_window is not None:
        set_slot_maximum(slot_id, change.places_per_window)
    if starts in change.closed:
        set_slot_available(slot_id, available=False)


def put_ronjas(scene: Scene, by: int) -> None:
    for _n in range(by):
        make_ronja(scene.workshop)
    scene.session.commit()
    use = {row.id: 0 for row in scene.session.query(RonjaVehicle)}
    for booking in scene.session.query(Booking):
        if booking.reservation:
            use[booking.reservation.ronja_id] += 1
    for ronja_id in sorted(use, key=lambda one: (use[one], one))[: max(0, -by)]:
        set_ronja_status(ronja_id, VehicleStatus.MAINTENANCE)


CHANGES: list[dict[str, Any]] = [
    {"jockeys": -1},
    {"jockeys": -2, "first": FIRST, "last": MONDAY},
    {"jockeys": -3},
    {"jockeys": 1},
    {"jockeys": 1, "last": SATURDAY, "opened": True},
    {"jockeys": 2, "places_per_window": 6, "day_maximum": 30},
    {"closed": frozenset({480, 720})},
    {"closed": frozenset({600}), "jockeys": -1, "first": FIRST, "last": MONDAY},
    # a Ronja that is out of service is away on all days, so all days are asked about
    {"ronjas": -1, "first": FIRST, "last": MONDAY + timedelta(days=30)},
    {"ronjas": -2, "first": FIRST, "last": MONDAY + timedelta(days=30)},
    {"ronjas": 2, "jockeys": -1, "first": FIRST, "last": MONDAY},
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
@pytest.mark.parametrize("seed", [1, 2])
def test_once_the_change_is_made_the_numbers_are_the_same(scene: Scene, number: int, seed: int) -> None:
    some_bookings(scene, random.Random(seed * 100 + number))
    change = Change(**{"first": FRIDAY, "last": FRIDAY, **CHANGES[number]})
    tried = effect(scene, **CHANGES[number])
    scene.session.commit()
    make_it_so(scene, change)
    again = effect(scene, first=change.first, last=change.last)
    after = {day.day: (day.fetched_after, day.brought_after) for day in tried.days}
    assert {day.day: (day.fetched_before, day.brought_before) for day in again.days} == after
    expected = {one.booking.id for one in [*tried.broken, *tried.broken_now]}
    assert {one.booking.id for one in again.broken_now} == expected


@pytest.mark.parametrize("change", [{"jockeys": -1}, {"jockeys": 1}, {"jockeys": -2, "closed": frozenset({480})}])
def test_once_the_change_is_made_customers_get_as_many_places(scene: Scene, change: dict[str, Any]) -> None:
    """Asked of the calendar, and claimed until it refuses."""
    arrives(scene, scene.booked(0, 7)), scene.booked(5, 8), scene.booked(6, None)
    counted = effect(scene, **change).days[0].fetched_after
    scene.session.commit()
    make_it_so(scene, Change(**{"first": FRIDAY, "last": FRIDAY, **change}))
    booked = 0
    while booked <= counted:
        offer = availability(scene.request().question, FRIDAY, FRIDAY).next_free()
        if offer is None:
            break
        request = scene.request(slot_id=offer.window.slot_id, return_slot_id=offer.returns[0].window.slot_id)
        scene.session.commit()
        book(request)
        booked += 1
    assert booked == counted


def test_a_shift_past_midnight_counts_where_the_database_counts_it(scene: Scene) -> None:
    make_shift(make_jockey(scene.workshop), FIRST, 1320, 1440 + 540)
    refresh(scene)
    found = effect(scene)
    shifts, percent = shifts_of(scene.workshop.id, FIRST, FRIDAY)
    assert percent == 100
    assert {shift.day for shift in shifts} >= {FIRST, FRIDAY}
    assert found.fetched == 0
    assert effect(scene, jockeys=-1).fetched <= 0


def test_a_window_of_a_day_that_opens_has_no_room_before(scene: Scene) -> None:
    make_days(scene.workshop, FIRST + timedelta(days=7), 1)
    scene.session.commit()
    assert effect(scene, first=SATURDAY, last=SATURDAY, opened=True).fetched == 0
