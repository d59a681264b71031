"""How days, windows and the jockeys' room in them come about. Steps: they run inside a command's transaction."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.holiday_calendar import FRIDAY, holiday_name
from b2c_web.workshops.models import Jockey, JockeyShift, JockeyStatus, TimeSlot, Workshop, WorkshopCapacity
from b2c_web.workshops.weekly import DayPlan, Days, PlannedWindow, Week

PATTERN_DAYS = 28  # how far back a jockey's usual shift of a weekday is looked for

Window = tuple[int, int]  # wall-clock minutes after midnight, from and to


@dataclass(frozen=True)
class Template:
    """What a working day looks like: its windows, the cars that each takes, and the cars of the day."""

    windows: tuple[Window, ...]
    places_per_window: int = 4
    day_maximum: int = 20

    def on(self, day: date) -> DayPlan | None:
        """The same on every weekday from Monday to Friday."""
        return self.plan if day.weekday() <= FRIDAY else None

    @property
    def plan(self) -> DayPlan:
        windows = (PlannedWindow(*window, self.places_per_window) for window in self.windows)
        return DayPlan(self.day_maximum, tuple(windows))

    @property
    def week(self) -> Week:
        return Week(dict.fromkeys(range(FRIDAY + 1), self.plan))


@dataclass(frozen=True)
class Generated:
    """What was new: the days that got windows, the holidays, and the number of windows."""

    open_days: list[date]
    holidays: dict[date, str]
    windows: int


def parse_windows(hours: str) -> tuple[Window, ...]:
    """ "08-10,10-12" (the form of the setting WINDOW_HOURS) as wall-clock minutes after midnight."""
    pairs = (part.split("-") for part in hours.split(","))
    return tuple((int(low) * 60, int(high) * 60) for low, high in pairs)


def each_day(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    yield from (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def working_days(first: date, last: date) -> Iterator[date]:
    """Monday to Friday from `first` to `last`, both included; holidays too."""
    yield from (day for day in each_day(first, last) if day.weekday() <= FRIDAY)


def add_days(workshop: Workshop, first: date, last: date, template: Days) -> Generated:
    """Step: adds what is missing between two local dates. Days that have windows keep theirs, so an edited day
    stays edited and a new template only shapes new days. A holiday gets its day, named, and no windows.
    """
    plans = {day: plan for day in each_day(first, last) if (plan := possible(day, template.on(day)))}
    named = {day: name for day in plans if (name := holiday_name(workshop.federal_state, day))}
    known = _existing_days(workshop.id, first, last)
    new_days = [_day_row(workshop.id, d, named.get(d), plan.maximum) for d, plan in plans.items() if d not in known]
    _insert(WorkshopCapacity, new_days)
    with_windows = _days_with_windows(workshop.id, first, last)
    fresh = [day for day in plans if day not in named and day not in with_windows]
    rows = [window_row(workshop.id, day, window) for day in fresh for window in plans[day].windows]
    _insert(TimeSlot, rows)
    return Generated(fresh, {d: n for d, n in named.items() if d not in known}, len(rows))


def add_day(workshop_id: uuid.UUID, day: date, maximum: int) -> None:
    """Step: one day by hand, unless it is there. Its windows come by `add_windows`."""
    _insert(WorkshopCapacity, [_day_row(workshop_id, day, None, maximum)])


def add_windows(workshop_id: uuid.UUID, day: date, plan: DayPlan) -> None:
    """Step: gives one day its windows unless it has some."""
    wanted = possible(day, plan)
    if wanted and not _days_with_windows(workshop_id, day, day):
        _insert(TimeSlot, [window_row(workshop_id, day, window) for window in wanted.windows])


def possible(day: date, plan: DayPlan | None) -> DayPlan | None:
    """The plan without a window in the hour that a clock change leaves out on that day; None when nothing is left."""
    windows = plan.windows if plan else ()
    there = tuple(w for w in windows if local_to_utc(day, w.starts, ZONE) < local_to_utc(day, w.ends, ZONE))
    return replace(plan, windows=there) if plan and there else None


def _existing_days(workshop_id: uuid.UUID, first: date, last: date) -> set[date]:
    query = select(WorkshopCapacity.date).where(WorkshopCapacity.workshop_id == workshop_id)
    return set(db.session.scalars(query.where(WorkshopCapacity.date.between(first, last))))


def _days_with_windows(workshop_id: uuid.UUID, first: date, last: date) -> set[date]:
    query = select(TimeSlot.service_date).where(TimeSlot.workshop_id == workshop_id)
    return set(db.session.scalars(query.where(TimeSlot.service_date.between(first, last)).distinct()))


def _insert(table: type[WorkshopCapacity] | type[TimeSlot], rows: Sequence[dict[str, Any]]) -> None:
    if rows:  # somebody else may be adding the same days
        db.session.execute(insert(table).on_conflict_do_nothing(), rows)


def _day_row(workshop_id: uuid.UUID, day: date, holiday: str | None, maximum: int) -> dict[str, Any]:
    return {
        "workshop_id": workshop_id,
        "date": day,
        "max_bookings": maximum,
        "is_holiday": holiday is not None,
        "note": holiday,
    }


def window_row(workshop_id: uuid.UUID, day: date, window: PlannedWindow) -> dict[str, Any]:
    """A window as it is inserted, its wall-clock times turned into instants."""
    return {
        "workshop_id": workshop_id,
        "service_date": day,
        "start_time": local_to_utc(day, window.starts, ZONE),
        "end_time": local_to_utc(day, window.ends, ZONE),
        "max_bookings": window.places,
    }


# -- jockeys


def lock_windows(workshop_id: uuid.UUID, first: date, last: date | None = None) -> None:
    """Step: locks the windows of these local days in the order that every command keeps (by start time), then the
    workshop itself. Without `last`: all windows from `first` on.

    Whoever changes shifts, windows or the overbooking factor locks first and counts in a statement of its own after
    it: otherwise two of them would each count without the other's shift. The workshop's lock holds off whoever is
    adding the windows at the same moment; bookings do not wait for it.
    """
    query = select(TimeSlot.id).where(TimeSlot.workshop_id == workshop_id, TimeSlot.service_date >= first)
    if last is not None:
        query = query.where(TimeSlot.service_date <= last)
    # not their keys: who moves has a row that refers to a window before locking any
    db.session.execute(query.order_by(TimeSlot.start_time).with_for_update(key_share=True)).all()
    db.session.execute(select(Workshop.id).where(Workshop.id == workshop_id).with_for_update(key_share=True))


# what the shifts give some windows
ROOM = """
        SELECT slot.id,
            floor(coalesce(sum(
                extract(epoch FROM least(shift.ends_at, slot.end_time) - greatest(shift.starts_at, slot.start_time))
                - CASE WHEN shift.break_starts_at IS NULL THEN 0 ELSE greatest(0, extract(epoch FROM
                    least(shift.break_ends_at, slot.end_time) - greatest(shift.break_starts_at, slot.start_time))) END
            ) FILTER (WHERE shift.id IS NOT NULL), 0) / 60
                * workshop.jockey_overbooking_percent / 100)::integer AS room,
            coalesce(max(floor(extract(epoch FROM shift.ends_at - slot.start_time) / 60))
                FILTER (WHERE shift.starts_at <= slot.start_time), 0)::integer AS longest
        FROM time_slots slot
        JOIN workshops workshop ON workshop.id = slot.workshop_id
        LEFT JOIN (jockey_shifts shift
            JOIN jockeys jockey ON jockey.id = shift.jockey_id AND jockey.status <> 'INACTIVE')
            ON jockey.workshop_id = slot.workshop_id
            AND shift.starts_at < slot.end_time AND shift.ends_at > slot.start_time
        WHERE {which}
        GROUP BY slot.id, workshop.jockey_overbooking_percent"""
OF_DAYS = """slot.workshop_id = :workshop_id AND slot.service_date >= :first
            AND (CAST(:last AS date) IS NULL OR slot.service_date <= :last)"""
REFRESH = """
    WITH counted AS ({counted})
    UPDATE time_slots slot
    SET jockey_minutes_room = counted.room,
        longest_trip_minutes = counted.longest,
        jockey_minutes_short = greatest(0, slot.jockey_minutes_taken - counted.room),
        updated_at = now()
    FROM counted
    WHERE slot.id = counted.id
        AND (slot.jockey_minutes_room, slot.longest_trip_minutes, slot.jockey_minutes_short) IS DISTINCT FROM
            (counted.room, counted.longest, greatest(0, slot.jockey_minutes_taken - counted.room))
"""
REFRESH_ROOM = text(REFRESH.format(counted=ROOM.format(which=OF_DAYS)))


def refresh_jockey_room(workshop_id: uuid.UUID, first: date, last: date | None = None) -> None:
    """Step: counts again what the shifts give each window of these local days (without `last`: all from `first`).

    Room: the minutes inside the window of all shifts of jockeys that are not INACTIVE, less their breaks, times
    the overbooking factor, whole minutes. Longest trip: from the window's start to the latest end of a shift
    that covers that start. Short: what is already promised beyond the room. Lock the windows first.
    """
    db.session.execute(REFRESH_ROOM, {"workshop_id": workshop_id, "first": first, "last": last})
    db.session.expire_all()


def carry_shifts_on(workshop_id: uuid.UUID, days: Iterable[date]) -> int:
    """Step: gives every active jockey on each of these new days the shift that he last had on that weekday, as the
    wall clock shows it. A jockey without one in the four weeks before gets none. Returns the number of shifts.
    """
    added = 0
    for day in days:
        for shift in _usual_shifts(workshop_id, day):
            db.session.add(_same_shift_on(day, shift))
            added += 1
    db.session.flush()
    return added


def _usual_shifts(workshop_id: uuid.UUID, day: date) -> list[JockeyShift]:
    """Of every active jockey without a shift on `day`, the shifts of the last such weekday that had any."""
    shifts = db.session.scalars(
        select(JockeyShift)
        .join(Jockey, Jockey.id == JockeyShift.jockey_id)
        .where(Jockey.workshop_id == workshop_id, Jockey.status != JockeyStatus.INACTIVE)
        .where(JockeyShift.starts_at >= local_to_utc(day - timedelta(days=PATTERN_DAYS), 0, ZONE))
        .where(JockeyShift.starts_at < local_to_utc(day + timedelta(days=1), 0, ZONE))
    ).all()
    latest: dict[uuid.UUID, date] = {}
    for shift in shifts:
        if local_day(shift.starts_at).weekday() == day.weekday():
            latest[shift.jockey_id] = max(local_day(shift.starts_at), latest.get(shift.jockey_id, date.min))
    return [s for s in shifts if local_day(s.starts_at) == latest.get(s.jockey_id) != day]


def _same_shift_on(day: date, shift: JockeyShift) -> JockeyShift:
    old_day = local_day(shift.starts_at)

    def moved(at: datetime | None) -> datetime | None:
        if at is None:
            return None
        wall = at.astimezone(ZONE)
        minutes = (wall.date() - old_day).days * 1440 + wall.hour * 60 + wall.minute
        return local_to_utc(day, minutes, ZONE)

    times = {name: moved(getattr(shift, name)) for name in ("starts_at", "ends_at", "break_starts_at", "break_ends_at")}
    return JockeyShift(jockey_id=shift.jockey_id, **times)


def local_day(at: datetime) -> date:
    """The workshop's calendar day at this instant."""
    return at.astimezone(ZONE).date()
