"""A day and its windows by hand: what opens, closes, stays, and what is refused."""

import uuid
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from b2c_web.audit import AuditEntry
from b2c_web.errors import Invalid, NotFound
from b2c_web.workshops import commands
from b2c_web.workshops.editing import (
    ChangedMeanwhile,
    Edit,
    add_window,
    day_state,
    edit_day,
    edit_window,
    window_state,
)
from b2c_web.workshops.locking import BelowBooked
from b2c_web.workshops.models import TimeSlot, WorkshopCapacity
from b2c_web.workshops.weekly import PlannedWindow
from tests.factories import make_booking, make_day, make_days, make_jockey, make_shift, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
TUESDAY = date(2026, 12, 1)
SATURDAY = date(2026, 12, 5)


@pytest.fixture
def workshop(session):
    return make_workshop()


@pytest.fixture
def slots(session, workshop):
    slots = make_days(workshop, TUESDAY, 1)
    session.commit()
    return slots


def row_of(session, workshop, day=TUESDAY):
    query = select(WorkshopCapacity).where(WorkshopCapacity.workshop_id == workshop.id, WorkshopCapacity.date == day)
    return session.scalars(query).one_or_none()


def edit(session, workshop, day=TUESDAY, *, maximum=20, closed=False, note=None):
    edit_day(workshop.id, day, Edit(maximum, closed, note, day_state(row_of(session, workshop, day))))


def spans(session, day):
    return len(session.scalars(select(TimeSlot).where(TimeSlot.service_date == day, TimeSlot.is_available)).all())


def test_closing_keeps_what_is_booked_and_opening_keeps_the_windows(session, workshop, slots):
    booking = make_booking(slots[0])
    session.commit()
    edit(session, workshop, closed=True, note="Inventur")
    assert (row_of(session, workshop).is_closed, row_of(session, workshop).current_bookings) == (True, 1)
    assert booking.places_released_at is None
    edit(session, workshop)
    assert (row_of(session, workshop).is_closed, row_of(session, workshop).note) == (False, None)
    assert spans(session, TUESDAY) == 5


def test_a_holiday_stays_one_until_it_is_opened(session, workshop):
    make_day(workshop, TUESDAY, is_holiday=True, note="Feiertag")
    make_shift(make_jockey(workshop), TUESDAY)
    session.commit()
    edit(session, workshop, closed=True, note="Feiertag, Notdienst")
    assert (row_of(session, workshop).is_holiday, row_of(session, workshop).is_closed) == (True, False)
    edit(session, workshop, maximum=4, note="Notdienst")
    assert not row_of(session, workshop).is_holiday
    rooms = session.scalars(select(TimeSlot.jockey_minutes_room).where(TimeSlot.service_date == TUESDAY)).all()
    assert rooms == [120] * 5


def test_a_day_off_is_opened_by_the_last_open_weekdays_plan(session, workshop):
    commands.roll_on(workshop.id, TUESDAY)
    edit(session, workshop, SATURDAY, closed=True)
    assert row_of(session, workshop, SATURDAY) is None
    edit(session, workshop, SATURDAY, maximum=3)
    assert (row_of(session, workshop, SATURDAY).max_bookings, spans(session, SATURDAY)) == (3, 5)


def test_numbers_and_notes_are_checked_and_the_log_has_before_and_after(session, workshop, slots):
    make_booking(slots[0])
    session.commit()
    with pytest.raises(BelowBooked) as refusal:
        edit(session, workshop, maximum=0)
    assert refusal.value.details["booked"] == 1
    with pytest.raises(Invalid):
        edit(session, workshop, note="x" * 201)
    with pytest.raises(Invalid):
        edit_day(workshop.id, TUESDAY - timedelta(days=30), Edit(1, False, None, "new"))
    assert row_of(session, workshop).max_bookings == 20
    edit(session, workshop, maximum=1)
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "day.edited")).one()
    assert (entry.before["max_bookings"], entry.after["max_bookings"], entry.after["day"]) == (20, 1, "2026-12-01")


def test_what_the_page_did_not_show_is_not_written_over(session, workshop, slots):
    seen = day_state(row_of(session, workshop))
    commands.close_day(workshop.id, TUESDAY, "Inventur")
    with pytest.raises(ChangedMeanwhile):
        edit_day(workshop.id, TUESDAY, Edit(5, False, None, seen))
    seen = window_state(slots[0])
    commands.set_slot_maximum(slots[0].id, 3)
    with pytest.raises(ChangedMeanwhile):
        edit_window(workshop.id, slots[0].id, Edit(5, False, None, seen))
    with pytest.raises(ChangedMeanwhile):
        edit_day(workshop.id, TUESDAY, Edit(5, False, None, "new"))


def test_a_window_belongs_to_its_workshop(session, workshop, slots):
    other = make_workshop()
    session.commit()
    with pytest.raises(NotFound):
        edit_window(other.id, slots[0].id, Edit(4, False, None, window_state(slots[0])))
    with pytest.raises(NotFound):
        edit_day(uuid.uuid4(), TUESDAY, Edit(4, False, None, "new"))
    with pytest.raises(NotFound):
        add_window(other.id, TUESDAY, PlannedWindow(1080, 1200, 2))


def test_one_window_more_has_the_minutes_of_the_shifts(session, workshop, slots):
    make_shift(make_jockey(workshop), TUESDAY, 420, 1140)
    slot = session.get(TimeSlot, add_window(workshop.id, TUESDAY, PlannedWindow(1080, 1200, 2)))
    assert (slot.max_bookings, slot.jockey_minutes_room, slot.longest_trip_minutes) == (2, 60, 60)
    assert session.scalars(select(AuditEntry).where(AuditEntry.action == "window.added")).one().entity_id == slot.id


@pytest.mark.parametrize("window", [(1020, 1140, 2), (480, 600, 2), (1080, 1090, 2), (1380, 1500, 2), (1080, 1200, -1)])
def test_a_window_that_cannot_stand_there_is_refused(session, workshop, slots, window):
    with pytest.raises(Invalid):
        add_window(workshop.id, TUESDAY, PlannedWindow(*window))
    assert spans(session, TUESDAY) == 5


def test_a_window_in_the_hour_that_the_clock_skips_is_refused(session, workshop):
    change = date(2027, 3, 28)
    make_day(workshop, change)
    session.commit()
    with pytest.raises(Invalid):
        add_window(workshop.id, change, PlannedWindow(120, 180, 1))
