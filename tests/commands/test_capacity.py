"""Editing capacity: maxima, closed days, shifts and what they leave of each window, Ronjas."""

import math
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from b2c_web.audit import AuditEntry
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.errors import Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops import commands, generation
from b2c_web.workshops.models import JockeyStatus, TimeSlot, VehicleStatus, WorkshopCapacity
from tests.factories import (
    WINDOWS,
    make_booking,
    make_day,
    make_days,
    make_jockey,
    make_ronja,
    make_slot,
    make_workshop,
)

pytestmark = pytest.mark.usefixtures("frozen_clock")
TUESDAY = date(2026, 12, 1)


def at(minutes, day=TUESDAY):
    return local_to_utc(day, minutes, ZONE)


@pytest.fixture
def workshop(session):
    return make_workshop()


@pytest.fixture
def slots(session, workshop):
    slots = make_days(workshop, TUESDAY, 1, jockey_minutes_room=0, longest_trip_minutes=0)
    session.commit()  # what a refused command rolls back is its own
    return slots


def room(slots):
    for slot in slots:
        db.session.refresh(slot)
    return [slot.jockey_minutes_room for slot in slots]


def last_audit(session):
    return session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()


def day_row(session, workshop):
    return session.scalars(select(WorkshopCapacity).where(WorkshopCapacity.workshop_id == workshop.id)).one()


# -- days and windows


def test_day_maximum_is_set_and_audited(session, workshop, slots):
    commands.set_day_maximum(workshop.id, TUESDAY, 12)
    assert day_row(session, workshop).max_bookings == 12
    entry = last_audit(session)
    assert (entry.action, entry.before, entry.after["max_bookings"]) == ("day.maximum_set", {"max_bookings": 20}, 12)


def test_maxima_below_what_is_booked_are_refused_and_change_nothing(session, workshop, slots):
    make_booking(slots[0])
    make_booking(slots[0])
    session.commit()
    with pytest.raises(commands.BelowBooked) as refusal:
        commands.set_day_maximum(workshop.id, TUESDAY, 1)
    assert refusal.value.details["booked"] == 2
    assert "2 Buchungen" in str(refusal.value.message)
    with pytest.raises(commands.BelowBooked):
        commands.set_slot_maximum(slots[0].id, 1)
    assert (day_row(session, workshop).max_bookings, db.session.get(TimeSlot, slots[0].id).max_bookings) == (20, 4)
    commands.set_day_maximum(workshop.id, TUESDAY, 2)
    commands.set_slot_maximum(slots[0].id, 2)


@pytest.mark.parametrize("maximum", [-1, 1001])
def test_implausible_maxima_are_refused(workshop, slots, maximum):
    with pytest.raises(Invalid):
        commands.set_day_maximum(workshop.id, TUESDAY, maximum)
    with pytest.raises(Invalid):
        commands.set_slot_maximum(slots[0].id, maximum)


def test_a_day_is_closed_with_a_note_and_opened_again(session, workshop, slots):
    commands.close_day(workshop.id, TUESDAY, "Inventur")
    assert (day_row(session, workshop).is_closed, day_row(session, workshop).note) == (True, "Inventur")
    commands.open_day(workshop.id, TUESDAY)
    assert not day_row(session, workshop).is_closed
    assert last_audit(session).action == "day.opened"
    assert session.scalars(select(TimeSlot)).all() == slots


def test_opening_a_holiday_gives_it_windows_with_the_jockeys_on_shift(session, workshop):
    make_day(workshop, TUESDAY, is_holiday=True, note="Feiertag")
    commands.add_shift(make_jockey(workshop).id, at(480), at(960))
    commands.open_day(workshop.id, TUESDAY)
    slots = session.scalars(select(TimeSlot).order_by(TimeSlot.start_time)).all()
    assert [slot.jockey_minutes_room for slot in slots] == [120, 120, 120, 120, 0]
    assert not day_row(session, workshop).is_holiday


def test_a_window_can_be_taken_out_of_the_offer(session, slots):
    commands.set_slot_available(slots[1].id, False)
    assert not db.session.get(TimeSlot, slots[1].id).is_available
    assert last_audit(session).after["is_available"] is False


def test_what_does_not_exist_is_not_found(session, workshop, slots):
    nothing = make_workshop().id
    for command in (
        lambda: commands.set_day_maximum(workshop.id, TUESDAY + timedelta(days=1), 3),
        lambda: commands.close_day(nothing, TUESDAY),
        lambda: commands.set_slot_maximum(nothing, 3),
        lambda: commands.remove_shift(nothing),
        lambda: commands.add_shift(nothing, at(480), at(960)),
        lambda: commands.set_ronja_status(nothing, VehicleStatus.MAINTENANCE),
    ):
        with pytest.raises(NotFound):
            command()


# -- shifts


def test_a_shift_gives_its_minutes_less_the_break(session, workshop, slots):
    shift = commands.add_shift(make_jockey(workshop).id, at(9 * 60), at(17 * 60), at(11 * 60 + 45), at(12 * 60 + 15))
    assert room(slots) == [60, 105, 105, 120, 60]
    assert [slot.longest_trip_minutes for slot in slots] == [0, 420, 300, 180, 60]
    assert last_audit(session).action == "shift.added"
    commands.remove_shift(shift.id)
    assert room(slots) == [0] * 5
    assert [slot.longest_trip_minutes for slot in slots] == [0] * 5
    assert last_audit(session).action == "shift.removed"


def test_shifts_of_several_jockeys_add_up_and_the_longest_counts(workshop, slots):
    commands.add_shift(make_jockey(workshop).id, at(7 * 60), at(16 * 60))
    commands.add_shift(make_jockey(workshop).id, at(9 * 60 + 30), at(18 * 60 + 30))
    commands.add_shift(make_jockey(make_workshop()).id, at(7 * 60), at(19 * 60))  # another workshop's
    assert room(slots) == [150, 240, 240, 240, 120]
    assert [slot.longest_trip_minutes for slot in slots] == [480, 510, 390, 270, 150]


def test_overbooking_multiplies_the_room_in_whole_minutes(session, workshop, slots):
    commands.add_shift(make_jockey(workshop).id, at(480), at(960), at(480), at(483))
    commands.set_overbooking(workshop.id, 125)
    assert room(slots) == [146, 150, 150, 150, 0]  # 117 * 1.25 = 146.25
    assert last_audit(session).after["jockey_overbooking_percent"] == 125
    with pytest.raises(Invalid):
        commands.set_overbooking(workshop.id, 301)


def test_an_inactive_jockey_gives_no_minutes_until_he_is_back(workshop, slots):
    jockey = make_jockey(workshop)
    commands.add_shift(jockey.id, at(480), at(960))
    commands.set_jockey_status(jockey.id, JockeyStatus.INACTIVE)
    assert room(slots) == [0] * 5
    commands.set_jockey_status(jockey.id, JockeyStatus.OFF_DUTY)
    assert room(slots) == [120, 120, 120, 120, 0]


def test_what_was_promised_beyond_the_rest_of_the_shifts_is_shown_as_short(workshop, slots):
    shift = commands.add_shift(make_jockey(workshop).id, at(480), at(1080))
    make_booking(slots[0], slots[3], ronja=make_ronja(workshop))
    commands.remove_shift(shift.id)
    assert room(slots) == [0] * 5
    assert [slot.jockey_minutes_short for slot in slots] == [86, 0, 0, 66, 0]
    commands.add_shift(make_jockey(workshop).id, at(480), at(540))
    room(slots)
    assert [slot.jockey_minutes_short for slot in slots] == [26, 0, 0, 66, 0]


def test_overlapping_shifts_of_one_jockey_are_refused(session, workshop, slots):
    jockey = make_jockey(workshop)
    commands.add_shift(jockey.id, at(480), at(720))
    with pytest.raises(commands.ShiftOverlaps):
        commands.add_shift(jockey.id, at(719), at(960))
    commands.add_shift(jockey.id, at(720), at(960))
    assert room(slots) == [120, 120, 120, 120, 0]


@pytest.mark.parametrize(
    "minutes",
    [(480, 480, None, None), (600, 480, None, None), (480, 960, 470, 500), (480, 960, 900, 970), (480, 960, 600, 600)],
)
def test_times_out_of_order_are_refused(workshop, minutes):
    times = [at(value) if value is not None else None for value in minutes]
    with pytest.raises(Invalid):
        commands.add_shift(make_jockey(workshop).id, *times)


def test_half_a_break_is_refused(workshop):
    with pytest.raises(Invalid):
        commands.add_shift(make_jockey(workshop).id, at(480), at(960), at(600), None)


@st.composite
def shift_times(draw):
    """Minutes after midnight: start, break's start and end (maybe none), end."""
    cuts = sorted(draw(st.lists(st.integers(360, 1200), min_size=4, max_size=4, unique=True)))
    return (cuts[0], cuts[1], cuts[2], cuts[3]) if draw(st.booleans()) else (cuts[0], None, None, cuts[3])


def expected(shifts, window, percent):
    """Minute by minute, as one would count it on paper."""
    low, high = window
    working = 0
    for start, pause, resume, end in shifts:
        working += sum(
            start <= minute < end and not (pause is not None and pause <= minute < resume)
            for minute in range(low, high)
        )
    longest = max((end - low for start, _p, _r, end in shifts if start <= low < end), default=0)
    return math.floor(working * percent / 100), longest


@given(shifts=st.lists(shift_times(), max_size=4), percent=st.integers(50, 300), day=st.sampled_from([0, 115, 117]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_room_is_what_counting_minute_by_minute_gives(session, shifts, percent, day):
    """Days just before and after the clock change among them."""
    date_of = TUESDAY + timedelta(days=day)
    with session.begin_nested() as undo:
        workshop = make_workshop(jockey_overbooking_percent=percent)
        make_day(workshop, date_of)
        slots = [make_slot(workshop, date_of, window, jockey_minutes_room=0) for window in WINDOWS]
        for shift in shifts:
            start, pause, resume, end = (at(m, date_of) if m is not None else None for m in shift)
            db.session.add(commands.JockeyShift(
                jockey_id=make_jockey(workshop).id, starts_at=start, ends_at=end,
                break_starts_at=pause, break_ends_at=resume,
            ))  # fmt: skip
        db.session.flush()
        generation.refresh_jockey_room(workshop.id, date_of, date_of)
        counted = [(slot.jockey_minutes_room, slot.longest_trip_minutes) for slot in slots]
        undo.rollback()
    assert counted == [expected(shifts, window, percent) for window in WINDOWS]


# -- Ronjas


def test_a_ronja_changes_state_with_an_audit_entry(session, workshop):
    ronja = make_ronja(workshop)
    commands.set_ronja_status(ronja.id, VehicleStatus.MAINTENANCE)
    assert ronja.status is VehicleStatus.MAINTENANCE
    entry = last_audit(session)
    assert (entry.before, entry.after["status"]) == ({"status": "AVAILABLE"}, "MAINTENANCE")
