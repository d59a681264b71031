"""Days, windows and shifts: what is generated, when the wall clock shows it, and that twice is once."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select

from b2c_web.clock import frozen, local_to_utc
from b2c_web.config import ZONE
from b2c_web.errors import Busy, NotFound
from b2c_web.workshops import commands, generation
from b2c_web.workshops.jobs import roll_horizon
from b2c_web.workshops.models import JockeyShift, JockeyStatus, TimeSlot, Workshop, WorkshopCapacity
from tests.conftest import NOON
from tests.factories import make_day, make_jockey, make_shift, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
MONDAY = date(2026, 11, 23)
TEMPLATE = generation.Template(generation.parse_windows("08-10,10-12,12-14,14-16,16-18"), 4, 20)


def windows_of(session, workshop, day):
    query = select(TimeSlot).where(TimeSlot.workshop_id == workshop.id, TimeSlot.service_date == day)
    return session.scalars(query.order_by(TimeSlot.start_time)).all()


def hours(slots):
    return [(slot.start_time.astimezone(ZONE).hour, slot.end_time.astimezone(ZONE).hour) for slot in slots]


def days_of(session, workshop):
    query = select(WorkshopCapacity).where(WorkshopCapacity.workshop_id == workshop.id)
    return {row.date: row for row in session.scalars(query)}


def test_a_week_has_five_days_of_five_windows(session):
    workshop = make_workshop()
    made = commands.generate_days(workshop.id, MONDAY, MONDAY + timedelta(days=6), TEMPLATE)
    assert (len(made.open_days), made.windows, made.holidays) == (5, 25, {})
    assert sorted(days_of(session, workshop)) == [MONDAY + timedelta(days=n) for n in range(5)]
    slots = windows_of(session, workshop, MONDAY)
    assert hours(slots) == [(8, 10), (10, 12), (12, 14), (14, 16), (16, 18)]
    assert {slot.max_bookings for slot in slots} == {4}
    assert days_of(session, workshop)[MONDAY].max_bookings == 20


@pytest.mark.parametrize(
    ("state", "day", "name"),
    [
        ("NW", date(2026, 12, 25), "Erster Weihnachtstag"),
        ("NW", date(2027, 5, 27), "Fronleichnam"),
        ("NW", date(2027, 11, 1), "Allerheiligen"),
        ("BE", date(2027, 5, 27), None),
        ("BE", date(2027, 3, 8), "Frauentag"),
        ("NW", date(2027, 3, 8), None),
    ],
)
def test_holidays_are_those_of_the_federal_state(session, state, day, name):
    workshop = make_workshop(federal_state=state)
    commands.generate_days(workshop.id, day, day, TEMPLATE)
    row = days_of(session, workshop)[day]
    assert (row.is_holiday, row.note) == (name is not None, name)
    assert len(windows_of(session, workshop, day)) == (0 if name else 5)


def test_generating_again_adds_nothing_and_keeps_what_staff_changed(session):
    workshop = make_workshop()
    commands.generate_days(workshop.id, MONDAY, MONDAY + timedelta(days=20), TEMPLATE)
    slot = windows_of(session, workshop, MONDAY)[0]
    commands.set_day_maximum(workshop.id, MONDAY, 7)
    commands.set_slot_maximum(slot.id, 1)
    commands.close_day(workshop.id, MONDAY + timedelta(days=1), "Betriebsausflug")
    other = generation.Template(((420, 540),), 9, 99)
    made = commands.generate_days(workshop.id, MONDAY, MONDAY + timedelta(days=27), other)
    assert made.open_days == [MONDAY + timedelta(days=n) for n in range(21, 26)]
    assert made.windows == 5
    row = days_of(session, workshop)[MONDAY]
    assert (row.max_bookings, len(windows_of(session, workshop, MONDAY))) == (7, 5)
    assert windows_of(session, workshop, MONDAY)[0].max_bookings == 1
    assert days_of(session, workshop)[MONDAY + timedelta(days=1)].is_closed


@pytest.mark.parametrize("change", [date(2028, 3, 26), date(2026, 10, 25)])
def test_windows_keep_their_wall_clock_time_across_both_clock_changes(session, change):
    workshop = make_workshop()
    friday, monday = change - timedelta(days=2), change + timedelta(days=1)
    commands.generate_days(workshop.id, friday, monday, TEMPLATE)
    make_day(workshop, change)  # the Sunday itself, opened by hand
    generation.add_windows(workshop.id, change, TEMPLATE.plan)
    first = [windows_of(session, workshop, day)[0].start_time for day in (friday, change, monday)]
    assert [at.astimezone(ZONE).hour for at in first] == [8, 8, 8]
    hour = -1 if change.month == 3 else 1
    assert first[1] - first[0] == timedelta(days=2, hours=hour)
    assert first[2] - first[1] == timedelta(days=1)
    all_windows = windows_of(session, workshop, change)
    assert {slot.end_time - slot.start_time for slot in all_windows} == {timedelta(hours=2)}


def test_a_window_over_the_clock_change_is_as_long_as_it_truly_is(session):
    workshop, sunday = make_workshop(), date(2027, 3, 28)
    make_day(workshop, sunday)
    generation.add_windows(workshop.id, sunday, generation.Template(((60, 240),)).plan)  # 01:00 to 04:00
    (slot,) = windows_of(session, workshop, sunday)
    assert slot.end_time - slot.start_time == timedelta(hours=2)


def test_unknown_workshop_is_refused(session):
    with pytest.raises(NotFound):
        commands.generate_days(make_jockey(make_workshop()).id, MONDAY, MONDAY, TEMPLATE)


def test_windows_generated_after_the_shifts_have_their_minutes(session):
    workshop = make_workshop()
    make_shift(make_jockey(workshop), MONDAY, 7 * 60, 16 * 60)
    commands.generate_days(workshop.id, MONDAY, MONDAY, TEMPLATE)
    slots = windows_of(session, workshop, MONDAY)
    assert [slot.jockey_minutes_room for slot in slots] == [120, 120, 120, 120, 0]
    assert [slot.longest_trip_minutes for slot in slots] == [480, 360, 240, 120, 0]


def test_the_horizon_rolls_on_with_the_usual_places_and_shifts(app, session):
    workshop, asleep = make_workshop(), make_workshop(is_active=False)
    commands.generate_days(
        workshop.id, MONDAY, MONDAY + timedelta(days=4), generation.Template(TEMPLATE.windows, 3, 11)
    )
    early, away = make_jockey(workshop), make_jockey(workshop, status=JockeyStatus.INACTIVE)
    for offset in range(5):
        make_shift(early, MONDAY + timedelta(days=offset), 7 * 60, 15 * 60)
        make_shift(away, MONDAY + timedelta(days=offset))
    session.commit()
    roll_horizon()
    last = (NOON + timedelta(days=app.config["HORIZON_DAYS"] + commands.RETURN_MARGIN_DAYS)).date()
    days = days_of(session, workshop)
    assert max(days) == max(generation.working_days(MONDAY, last))
    assert {row.max_bookings for row in days.values()} == {11}
    new_day = date(2027, 1, 20)
    slots = windows_of(session, workshop, new_day)
    assert [slot.max_bookings for slot in slots] == [3] * 5
    assert [slot.jockey_minutes_room for slot in slots] == [120, 120, 120, 60, 0]
    assert not days_of(session, asleep)
    shifts = session.scalar(select(func.count(JockeyShift.id)).where(JockeyShift.jockey_id == away.id))
    assert shifts == 5


def test_rolling_on_twice_is_rolling_on_once(session):
    workshop = make_workshop()
    make_shift(make_jockey(workshop), MONDAY)
    commands.generate_days(workshop.id, MONDAY, MONDAY, TEMPLATE)
    session.commit()
    roll_horizon()
    before = session.scalar(select(func.count(JockeyShift.id))), len(days_of(session, workshop))
    roll_horizon()
    assert (session.scalar(select(func.count(JockeyShift.id))), len(days_of(session, workshop))) == before


def test_a_workshop_that_is_busy_does_not_keep_the_others_from_rolling_on(session, monkeypatch):
    for _number in range(2):
        workshop = make_workshop()
        commands.generate_days(workshop.id, MONDAY, MONDAY, TEMPLATE)
    rolled = []

    def roll_on(workshop_id):
        rolled.append(workshop_id)
        if len(rolled) == 1:
            raise Busy
        return commands.roll_on(workshop_id)

    monkeypatch.setattr("b2c_web.workshops.jobs.roll_on", roll_on)
    roll_horizon()
    session.expire_all()
    assert len(rolled) == 2
    assert len(days_of(session, session.get(Workshop, rolled[0]))) == 1
    assert len(days_of(session, session.get(Workshop, rolled[1]))) > 1


def test_a_shift_removed_by_hand_does_not_come_back(session):
    workshop = make_workshop()
    jockey = make_jockey(workshop)
    shift = make_shift(jockey, MONDAY + timedelta(days=7))
    make_shift(jockey, MONDAY)
    commands.generate_days(workshop.id, MONDAY, MONDAY + timedelta(days=11), TEMPLATE)
    commands.remove_shift(shift.id)
    roll_horizon()
    days = {generation.local_day(at) for at in session.scalars(select(JockeyShift.starts_at))}
    assert MONDAY + timedelta(days=7) not in days
    assert MONDAY + timedelta(days=14) in days


def test_carried_on_shifts_keep_wall_clock_and_break_across_the_clock_change(session):
    workshop = make_workshop()
    friday, next_friday = date(2027, 3, 26), date(2027, 4, 2)
    jockey = make_jockey(workshop)
    times = [local_to_utc(friday, minutes, ZONE) for minutes in (420, 960, 720, 750)]
    session.add(JockeyShift(jockey_id=jockey.id, **dict(zip(SHIFT_TIMES, times, strict=True))))
    session.flush()
    assert generation.carry_shifts_on(workshop.id, [next_friday]) == 1
    new = session.scalars(select(JockeyShift).order_by(JockeyShift.starts_at.desc())).first()
    assert [getattr(new, name) for name in SHIFT_TIMES] == [
        local_to_utc(next_friday, minutes, ZONE) for minutes in (420, 960, 720, 750)
    ]
    assert new.starts_at == datetime(2027, 4, 2, 5, 0, tzinfo=UTC)


SHIFT_TIMES = ("starts_at", "ends_at", "break_starts_at", "break_ends_at")


def test_usual_template_falls_back_to_the_settings(session):
    workshop = make_workshop()
    assert commands.usual_template(workshop.id) == TEMPLATE


def test_generate_command_speaks_of_days_and_holidays(app, session):
    workshop = make_workshop(name="Werkstatt am Fluss")
    with frozen(datetime(2026, 12, 21, 9, tzinfo=UTC)):
        result = app.test_cli_runner().invoke(args=["capacity", "generate", "--workshop", "fluss", "--days", "7"])
    assert result.exit_code == 0, result.output
    assert "Werkstatt am Fluss: 5 new days with 25 windows" in result.output
    assert "2026-12-25: closed, Erster Weihnachtstag" in result.output
    assert len(days_of(session, workshop)) == 6


def test_generate_command_says_when_no_workshop_fits(app, session):
    result = app.test_cli_runner().invoke(args=["capacity", "generate", "--workshop", "nirgends"])
    assert (result.exit_code, result.output) == (1, "Error: No active workshop fits.\n")
