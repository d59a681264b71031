"""Weekly templates: stored, seen before they are saved, applied without breaking what is promised."""

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from b2c_web.audit import AuditEntry
from b2c_web.bookings.models import BookingStatus
from b2c_web.checks import breaches
from b2c_web.config import ZONE
from b2c_web.errors import Busy, Invalid
from b2c_web.workshops import commands, generation
from b2c_web.workshops.models import TimeSlot, WeeklyTemplate, WorkshopCapacity
from b2c_web.workshops.template_changes import ChangeKind, ObstacleKind
from b2c_web.workshops.template_commands import Draft, TemplateChanged, preview, save_template
from b2c_web.workshops.template_store import put, put_first, state_of, templates_of, weeks_of
from b2c_web.workshops.weekly import DayPlan, PlannedWindow, Week
from tests.factories import make_booking, make_jockey, make_ronja, make_shift, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
MONDAY = date(2026, 11, 30)
FIVE = tuple(PlannedWindow(start * 60, start * 60 + 120, 4) for start in (8, 10, 12, 14, 16))


@pytest.fixture
def workshop(session):
    """Two weeks by the settings: five windows of four places, twenty bookings a day."""
    workshop = make_workshop()
    commands.roll_on(workshop.id, MONDAY + timedelta(days=13))
    return workshop


def week(windows=FIVE, maximum=20, days=range(5)):
    return Week(dict.fromkeys(days, DayPlan(maximum, tuple(windows))))


def draft(workshop, new, since=MONDAY, **facts):
    return Draft(since, new, state_of(workshop.id), **facts)


def slots_of(session, workshop, day):
    session.expire_all()
    query = select(TimeSlot).where(TimeSlot.workshop_id == workshop.id, TimeSlot.service_date == day)
    return session.scalars(query.order_by(TimeSlot.start_time)).all()


def spans(slots):
    return [(s.start_time.astimezone(ZONE).hour, s.end_time.astimezone(ZONE).hour, s.max_bookings) for s in slots]


def day_of(session, workshop, day):
    query = select(WorkshopCapacity).where(WorkshopCapacity.workshop_id == workshop.id, WorkshopCapacity.date == day)
    return session.scalars(query).one()


def test_the_first_template_is_the_present_settings(session, workshop):
    (row,) = templates_of(workshop.id)
    assert weeks_of(workshop.id).on(MONDAY) == DayPlan(20, FIVE)
    assert weeks_of(workshop.id).on(MONDAY + timedelta(days=5)) is None
    put_first(workshop.id, row.valid_from)
    assert len(templates_of(workshop.id)) == 1


def test_preview_says_which_days_change_and_writes_nothing(session, workshop):
    new = draft(workshop, week(FIVE[:4], 12))
    changes = preview(workshop.id, new)
    assert [change.now.day.weekday() for change in changes] == [0, 1, 2, 3, 4] * 2
    assert {change.kind for change in changes} == {ChangeKind.CHANGES}
    assert len(slots_of(session, workshop, MONDAY)) == 5
    assert len(templates_of(workshop.id)) == 1


def test_saving_shapes_the_coming_days_only(session, workshop):
    before = MONDAY - timedelta(days=3)
    save_template(workshop.id, draft(workshop, week([*FIVE[:3], PlannedWindow(840, 1020, 6)], 12)))
    assert spans(slots_of(session, workshop, MONDAY)) == [(8, 10, 4), (10, 12, 4), (12, 14, 4), (14, 17, 6)]
    assert day_of(session, workshop, MONDAY).max_bookings == 12
    assert len(slots_of(session, workshop, before)) == 5
    assert len(session.scalars(select(WeeklyTemplate)).all()) == 2
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "template.saved")).one()
    assert (entry.after["changes"], entry.after["valid_from"]) == (10, "2026-11-30")


def test_days_made_later_follow_the_template(session, workshop):
    save_template(workshop.id, draft(workshop, week(FIVE[:2], 7)))
    commands.roll_on(workshop.id, MONDAY + timedelta(days=14))
    assert spans(slots_of(session, workshop, MONDAY + timedelta(days=14))) == [(8, 10, 4), (10, 12, 4)]


def test_a_weekday_can_open_and_close(session, workshop):
    make_shift(make_jockey(workshop), MONDAY + timedelta(days=5))
    saturday, monday = week(FIVE[:1], 3, [5]).days, week(days=range(1, 5)).days
    save_template(workshop.id, draft(workshop, Week({**saturday, **monday})))
    assert spans(slots_of(session, workshop, MONDAY)) == []
    (opened,) = slots_of(session, workshop, MONDAY + timedelta(days=5))
    assert opened.jockey_minutes_room == 120
    save_template(workshop.id, draft(workshop, week()))
    assert len(slots_of(session, workshop, MONDAY)) == 5
    assert slots_of(session, workshop, MONDAY + timedelta(days=5)) == []


def test_booked_days_stay_whole_and_say_why(session, workshop):
    slots = slots_of(session, workshop, MONDAY)
    make_booking(slots[4])
    make_booking(slots[0])
    make_booking(slots[0])
    session.commit()
    changes = save_template(workshop.id, draft(workshop, week([PlannedWindow(480, 600, 1), *FIVE[1:4]], 2)))
    stays = [change for change in changes if change.kind is ChangeKind.BOOKED]
    assert [change.now.day for change in stays] == [MONDAY]
    found = [(one.kind, one.booked) for one in stays[0].obstacles]
    assert found == [(ObstacleKind.DAY, 3), (ObstacleKind.WINDOW_FULL, 2), (ObstacleKind.WINDOW_GONE, 1)]
    assert spans(slots_of(session, workshop, MONDAY)) == [(h, h + 2, 4) for h in (8, 10, 12, 14, 16)]
    assert day_of(session, workshop, MONDAY).max_bookings == 20
    assert len(slots_of(session, workshop, MONDAY + timedelta(days=1))) == 4
    assert [one for one in breaches() if not one.name.startswith(("money", "accounting", "queue"))] == []


def test_a_window_with_a_promised_return_does_not_go(session, workshop):
    slots = slots_of(session, workshop, MONDAY)
    make_shift(make_jockey(workshop), MONDAY)
    commands.generation.refresh_jockey_room(workshop.id, MONDAY)
    make_booking(slots[0], slots[4], ronja=make_ronja(workshop))
    session.commit()
    changes = preview(workshop.id, draft(workshop, week(FIVE[:4])))
    (stays,) = [change for change in changes if change.kind is ChangeKind.BOOKED]
    assert [(one.kind, one.booked) for one in stays.obstacles] == [(ObstacleKind.WINDOW_GONE, 0)]


def test_a_window_that_only_a_cancelled_booking_names_is_offered_no_more(session, workshop):
    make_booking(slots_of(session, workshop, MONDAY)[4], status=BookingStatus.CANCELLED)
    session.commit()
    save_template(workshop.id, draft(workshop, week(FIVE[:4])))
    kept = slots_of(session, workshop, MONDAY)
    assert [slot.is_available for slot in kept] == [True] * 4 + [False]
    save_template(workshop.id, draft(workshop, week()))
    assert [slot.is_available for slot in slots_of(session, workshop, MONDAY)] == [True] * 5


def test_what_staff_changed_by_hand_stays_unless_they_say_so(session, workshop):
    commands.set_day_maximum(workshop.id, MONDAY, 9)
    commands.close_day(workshop.id, MONDAY + timedelta(days=1), "Inventur")
    by_hand = [c for c in preview(workshop.id, draft(workshop, week(maximum=12))) if c.kind is ChangeKind.BY_HAND]
    assert [change.now.day for change in by_hand] == [MONDAY]
    save_template(workshop.id, draft(workshop, week(maximum=12), by_hand_too=True))
    assert day_of(session, workshop, MONDAY).max_bookings == 12
    closed = day_of(session, workshop, MONDAY + timedelta(days=1))
    assert (closed.is_closed, closed.max_bookings) == (True, 20)


def test_days_are_not_made_by_a_template_that_is_replaced_meanwhile(session, workshop, monkeypatch):
    add = generation.add_days

    def add_while_somebody_saves(*asked):
        made = add(*asked)
        put(workshop.id, MONDAY, week(FIVE[:2]))
        return made

    later = MONDAY + timedelta(days=14)
    monkeypatch.setattr(generation, "add_days", add_while_somebody_saves)
    with pytest.raises(Busy):
        commands.roll_on(workshop.id, later)
    assert slots_of(session, workshop, later) == []


def test_a_window_in_the_hour_that_the_clock_leaves_out_is_not_made_that_day(session, workshop):
    night = (PlannedWindow(120, 180, 1), PlannedWindow(240, 360, 1))
    save_template(workshop.id, draft(workshop, week(night, days=[6])))
    for sunday, hours in ((date(2027, 3, 21), [2, 4]), (date(2027, 3, 28), [4])):
        commands.roll_on(workshop.id, sunday)
        assert [start for start, _end, _places in spans(slots_of(session, workshop, sunday))] == hours
    save_template(workshop.id, draft(workshop, week((*night, PlannedWindow(600, 720, 1)), days=[6])))
    assert [start for start, _end, _places in spans(slots_of(session, workshop, sunday))] == [4, 10]


def test_a_later_template_holds_from_its_own_day(session, workshop):
    later = MONDAY + timedelta(days=7)
    save_template(workshop.id, draft(workshop, week(maximum=30), since=later))
    save_template(workshop.id, draft(workshop, week(maximum=10)))
    assert day_of(session, workshop, MONDAY).max_bookings == 10
    assert day_of(session, workshop, later).max_bookings == 30


def test_two_who_save_at_once_one_wins_the_other_is_told(session, workshop):
    mine, other = draft(workshop, week(maximum=10)), draft(workshop, week(maximum=11))
    save_template(workshop.id, mine)
    with pytest.raises(TemplateChanged):
        save_template(workshop.id, other)
    assert day_of(session, workshop, MONDAY).max_bookings == 10


@pytest.mark.parametrize(
    "windows",
    [
        [PlannedWindow(480, 600, 4), PlannedWindow(540, 660, 4)],
        [PlannedWindow(600, 480, 4)],
        [PlannedWindow(480, 490, 4)],
        [PlannedWindow(480, 600, 0)],
        [PlannedWindow(1380, 1500, 1)],
    ],
)
def test_impossible_weeks_are_refused(session, workshop, windows):
    with pytest.raises(Invalid):
        preview(workshop.id, draft(workshop, week(windows)))


def test_a_template_never_reaches_back(session, workshop):
    with pytest.raises(Invalid) as refusal:
        save_template(workshop.id, draft(workshop, week(), since=date(2026, 11, 24)))
    assert refusal.value.details["field"] == "valid_from"
