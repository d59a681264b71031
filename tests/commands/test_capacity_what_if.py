"""What if: judged in memory by the same rules, and nothing is written."""

import uuid
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from b2c_web.bookings.availability import Question, availability
from b2c_web.bookings.claim import book
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.plan_rows import Rows, merged
from b2c_web.capacity.what_if import Change, Effect, changed, effect_of
from b2c_web.capacity.what_if_reads import shifts_of
from b2c_web.capacity.what_if_shifts import Shift, fewer_or_more, rooms
from b2c_web.catalog.models import ServiceType
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops import generation
from b2c_web.workshops.editing import Edit, day_state, edit_day
from b2c_web.workshops.models import VehicleStatus, WorkshopCapacity
from b2c_web.workshops.rules import Block, Limit
from tests.commands.scene import FIRST, Scene
from tests.factories import make_days, make_jockey, make_shift, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
BRAKES = 120


@pytest.fixture
def scene(session: Any) -> Scene:
    """Two jockeys and three Ronjas on two days; the windows' room is counted from the shifts."""
    scene = Scene(session, ronjas=3, percent=100)
    other = make_jockey(scene.workshop)
    for day in range(2):
        make_shift(other, FIRST + timedelta(days=day), 480, 960)
    session.flush()
    generation.refresh_jockey_room(scene.workshop.id, FIRST)
    session.commit()
    return scene


def effect(scene: Scene, **change: Any) -> Effect:
    tried = Change(**{"first": FIRST, "last": FIRST, **change})
    question = Question(scene.workshop.id, ServiceType.BRAKE_SERVICE, VehicleClass.MIDSIZE, True, 23)
    return effect_of(tried, question, BRAKES)


def places(found: Effect) -> list[tuple[int, int, int, int]]:
    return [(d.fetched_before, d.fetched_after, d.brought_before, d.brought_after) for d in found.days]


def test_without_a_change_nothing_is_gained_lost_or_broken(scene: Scene) -> None:
    scene.booked(0, 2), scene.booked(1, 3), scene.booked(0, None)
    found = effect(scene, last=FIRST + timedelta(days=1))
    assert found.broken == []
    assert (found.fetched, found.brought) == (0, 0)
    assert all(before == after for before, after, *_rest in places(found))


def test_the_places_are_as_many_as_can_really_be_booked(scene: Scene) -> None:
    """Book until the claim refuses: what the page counts is what customers get."""
    counted = effect(scene).days[0].fetched_before
    assert counted > 0
    booked = 0
    while booked <= counted:
        answer = availability(scene.request().question, FIRST, FIRST)
        offer = answer.next_free()
        if offer is None:
            break
        request = scene.request(slot_id=offer.window.slot_id, return_slot_id=offer.returns[0].window.slot_id)
        scene.session.commit()
        book(request)
        booked += 1
    assert booked == counted


def test_nothing_is_written(scene: Scene) -> None:
    booking = scene.booked(0, 2)
    before, statements = scene.counts(), []
    event.listen(db.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    effect(scene, jockeys=-2, ronjas=-3, places_per_window=0, day_maximum=0)
    scene.session.commit()
    assert scene.counts() == before
    assert not [one for one in statements if one.split()[0] in ("INSERT", "UPDATE", "DELETE")]
    assert scene.session.get(type(booking), booking.id).slot_id == scene.slots[0].id


@pytest.mark.parametrize(
    ("change", "block"),
    [
        ({"day_maximum": 1}, Block.DAY_FULL),
        ({"places_per_window": 1}, Block.SLOT_FULL),
    ],
)
def test_the_last_booked_is_the_promise_that_breaks(scene: Scene, change: dict[str, Any], block: Block) -> None:
    _first, last = scene.booked(0, None), scene.booked(0, None)
    found = effect(scene, **change)
    assert found.brought < 0
    assert [(one.booking.id, one.block) for one in found.broken] == [(last.id, block)]


def test_closing_breaks_no_promise_and_names_those_that_stay(scene: Scene) -> None:
    """What the what-if says before is what the day says after."""
    fetched, brought = scene.booked(0, 2), scene.booked(0, None)
    found = effect(scene, closed=frozenset({480, 720}))
    assert (found.broken, found.broken_now) == ([], [])
    named = [(one.booking.id, one.block, one.is_return) for one in found.in_closed]
    assert sorted(named, key=str) == sorted(
        [(fetched.id, Block.CLOSED, False), (brought.id, Block.CLOSED, False), (fetched.id, Block.CLOSED, True)],
        key=str,
    )
    assert found.brought < 0
    row = scene.session.query(WorkshopCapacity).filter_by(date=FIRST).one()
    edit_day(scene.workshop.id, FIRST, Edit(row.max_bookings, True, None, day_state(row)))
    again = effect(scene)
    assert (again.broken, again.broken_now) == ([], [])
    assert {one.booking.id for one in again.in_closed} == {fetched.id, brought.id}
    assert effect(scene, jockeys=-2).broken[0].booking.id == fetched.id  # without a jockey it breaks, closed or not


def test_broken_promises_are_listed_in_order_of_time(scene: Scene) -> None:
    booked = [scene.booked(slot, None) for slot in (5, 0, 1)]
    found = effect(scene, last=FIRST + timedelta(days=1), day_maximum=0)
    assert [one.booking.id for one in found.broken] == [booked[n].id for n in (1, 2, 0)]


def test_a_ronja_fewer_breaks_what_only_it_could_do(scene: Scene) -> None:
    bookings = [scene.booked(0, 2), scene.booked(1, 3)]
    assert effect(scene, ronjas=-1).broken == []
    found = effect(scene, ronjas=-2)
    assert [(one.booking.id, one.block) for one in found.broken] == [(bookings[1].id, Block.NO_RONJA)]
    assert found.fetched < 0
    assert found.brought == 0


def test_without_jockeys_nothing_is_fetched_and_what_was_promised_breaks(scene: Scene) -> None:
    fetched, brought = scene.booked(0, 2), scene.booked(0, None)
    found = effect(scene, jockeys=-2)
    assert [(one.booking.id, one.block) for one in found.broken] == [(fetched.id, Block.NO_JOCKEY)]
    assert brought.id not in [one.booking.id for one in found.broken]
    assert found.days[0].fetched_after == 0
    assert found.days[0].fetched_before > 0


def test_more_of_the_bottleneck_gains_places(scene: Scene) -> None:
    assert effect(scene, ronjas=3).fetched > 0
    assert effect(scene, ronjas=3, jockeys=2).fetched >= effect(scene, ronjas=3).fetched
    assert effect(scene, day_maximum=30, places_per_window=8).brought > 0


def test_what_changes_nothing_names_the_bottleneck(scene: Scene) -> None:
    """The only Ronja limits the day: jockeys do not matter; and nothing is said when nothing is tried."""
    for ronja in scene.ronjas[1:]:
        ronja.status = VehicleStatus.MAINTENANCE
    make_shift(make_jockey(scene.workshop), FIRST)
    scene.session.flush()
    generation.refresh_jockey_room(scene.workshop.id, FIRST)
    scene.session.commit()
    for change in ({"jockeys": -1}, {"jockeys": 1}, {"jockeys": 2, "places_per_window": 3}):
        found = effect(scene, **change)
        assert (found.fetched, found.stays) == (0, [Limit.RONJAS]), change
    assert effect(scene).stays == []
    assert effect(scene, ronjas=-1, jockeys=-1).stays == []
    assert effect(scene, jockeys=-2).stays == []
    closed = date(2026, 11, 28)
    assert effect(scene, first=closed, last=closed, jockeys=1).stays == []


def test_only_the_days_named_change(scene: Scene) -> None:
    friday = FIRST + timedelta(days=1)
    scene.booked(5, None)
    found = effect(scene, last=friday, day_maximum=0)
    assert [day.brought_after for day in found.days] == [0, 0]
    assert [len(day.broken) for day in found.days] == [0, 1]
    assert effect(scene, day_maximum=0).broken == []


@pytest.mark.parametrize("sunday", [date(2027, 3, 28), date(2027, 10, 31)])
def test_a_window_is_closed_by_the_wall_clock_on_days_that_change_it(session: Any, sunday: date) -> None:
    workshop = make_workshop()
    slots = make_days(workshop, sunday, 1, weekends=True)
    session.commit()
    rows = changed(Rows.read(workshop.id, sunday, sunday), Change(sunday, sunday, closed=frozenset({600})), [], 100)
    assert [window.slot_id for window in rows.windows if not window.is_available] == [slots[1].id]


def test_the_promise_that_breaks_would_be_refused_by_the_claim(scene: Scene) -> None:
    """The same change made for real: the claim says what the what-if said."""
    scene.slots[0].max_bookings = 1
    scene.session.commit()
    scene.booked(0, None)
    request = scene.request(0, None)
    scene.session.commit()
    with pytest.raises(PlaceTaken) as refused:
        book(request)
    assert refused.value.details["block"] is Block.SLOT_FULL


def test_the_longest_shifts_are_away_first_and_more_work_as_long_as_the_longest() -> None:
    day = FIRST
    short, long = (Shift(uuid.uuid4(), day, 0, seconds) for seconds in (100, 200))
    elsewhere = Shift(long.jockey_id, day + timedelta(days=7), 0, 200)
    shifts = [short, long, elsewhere]
    assert fewer_or_more(shifts, -1, day, day) == [elsewhere, short]
    assert fewer_or_more(shifts, -5, day, day) == [elsewhere]
    assert fewer_or_more(shifts, 1, day, day) == [elsewhere, short, long, long]


def test_spans_that_touch_become_one() -> None:
    assert merged([(5, 7), (1, 2), (2, 4), (6, 9)]) == [(1, 4), (5, 9)]


def test_a_break_counts_as_no_room(scene: Scene) -> None:
    """The rooms in memory are the rooms that the database counts."""
    shift = make_shift(make_jockey(scene.workshop), FIRST, 600, 900)
    shift.break_starts_at = shift.starts_at
    shift.break_ends_at = shift.starts_at + timedelta(minutes=30)
    scene.workshop.jockey_overbooking_percent = 115
    scene.session.flush()
    generation.refresh_jockey_room(scene.workshop.id, FIRST)
    scene.session.commit()
    shifts, percent = shifts_of(scene.workshop.id, FIRST, FIRST + timedelta(days=1))
    counted = rooms(Rows.read(scene.workshop.id, FIRST, FIRST).windows, shifts, percent)
    assert [counted[s.id] for s in scene.slots] == [
        (s.jockey_minutes_room, s.longest_trip_minutes) for s in scene.slots
    ]
