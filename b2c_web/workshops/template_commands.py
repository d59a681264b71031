"""Saving a weekly template: seen before it is saved, and applied to the coming days that it may change."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from b2c_web import audit
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops import generation, hooks
from b2c_web.workshops.holiday_calendar import holiday_name
from b2c_web.workshops.locking import lock_days
from b2c_web.workshops.models import TimeSlot, Workshop, WorkshopCapacity
from b2c_web.workshops.template_changes import ChangeKind, DayChange, DayNow, WindowNow, changes_of
from b2c_web.workshops.template_store import put, state_of, weeks_of
from b2c_web.workshops.weekly import DayPlan, PlannedWindow, Week, Weeks, week_refusals


class TemplateChanged(Conflict):
    """Somebody else saved a template since this page was opened."""

    code = "template_changed"
    message = _l("Jemand hat die Wochenvorlage inzwischen geändert. Bitte sehen Sie sich die neue an.")


@dataclass(frozen=True, slots=True)
class Draft:
    """A template as it was typed: its weeks hold from `valid_from` on. `seen`: `state_of` when the page was made."""

    valid_from: date
    week: Week
    seen: str
    by_hand_too: bool = False


def preview(workshop_id: uuid.UUID, draft: Draft) -> list[DayChange]:
    """The coming days that the draft would shape otherwise, and which of them stay and why. Changes nothing.

    Raises Invalid for weeks that cannot be, NotFound.
    """
    _check(draft)
    if db.session.get(Workshop, workshop_id) is None:
        raise NotFound
    return _changes(workshop_id, draft)


def save_template(workshop_id: uuid.UUID, draft: Draft) -> list[DayChange]:
    """Stores the draft and applies it to the coming days, as `preview` shows them at this moment.

    No day of today or before is touched, and no promise is broken: a booked day that would break one stays as it
    is. Locks the days by date, their windows by start, the workshop. Raises Invalid, TemplateChanged, NotFound.
    """
    _check(draft)
    first, last = _range(workshop_id, draft.valid_from)
    with command_transaction():
        lock_days(workshop_id, first, last)
        generation.lock_windows(workshop_id, first, last)
        if db.session.get(Workshop, workshop_id) is None:
            raise NotFound
        if state_of(workshop_id) != draft.seen:
            raise TemplateChanged
        changes = _changes(workshop_id, draft)
        put(workshop_id, draft.valid_from, draft.week)
        applied = [change for change in changes if change.kind is ChangeKind.CHANGES]
        _apply(workshop_id, applied)
        generation.refresh_jockey_room(workshop_id, first, last)
        _record(workshop_id, draft, changes)
    return changes


def template_refusals(week: Week, valid_from: date | None) -> list[tuple[str, Any]]:
    """(field, why) of all that cannot be: `max-<weekday>` for what is wrong with a weekday, `valid_from`."""
    found = [(f"max-{weekday}", why) for weekday, why in week_refusals(week)]
    if valid_from is not None and valid_from <= today_in(ZONE):
        found.append(("valid_from", _("Eine Vorlage gilt frühestens ab morgen.")))
    return found


def _check(draft: Draft) -> None:
    refusals = template_refusals(draft.week, draft.valid_from)
    if refusals:
        field, why = refusals[0]
        raise Invalid(why, field=field, refusals=refusals)


def _range(workshop_id: uuid.UUID, valid_from: date) -> tuple[date, date]:
    """From the template's first day to the last day that there is, or that a later template takes over."""
    last = db.session.scalar(select(func.max(WorkshopCapacity.date)).where(WorkshopCapacity.workshop_id == workshop_id))
    until = weeks_of(workshop_id).until(valid_from)
    if last is None or (until and until <= last):
        last = until - timedelta(days=1) if until else valid_from
    return valid_from, max(last, valid_from)


def _changes(workshop_id: uuid.UUID, draft: Draft) -> list[DayChange]:
    first, last = _range(workshop_id, draft.valid_from)
    weeks, days = weeks_of(workshop_id), days_now(workshop_id, first, last)
    new = weeks.with_week(draft.valid_from, draft.week)

    def on(weeks: Weeks, day: date) -> DayPlan | None:
        return generation.possible(day, weeks.on(day))

    looked_at = [(now, on(weeks, now.day), on(new, now.day)) for now in days]
    return changes_of(looked_at, by_hand_too=draft.by_hand_too)


def days_now(workshop_id: uuid.UUID, first: date, last: date) -> list[DayNow]:
    """Every day between two dates as it stands, also days that have no row yet. Two statements."""
    state = db.session.scalar(select(Workshop.federal_state).where(Workshop.id == workshop_id)) or ""
    query = select(
        WorkshopCapacity.date,
        WorkshopCapacity.max_bookings,
        WorkshopCapacity.current_bookings,
        (WorkshopCapacity.is_closed | WorkshopCapacity.is_holiday).label("shut"),
    ).where(WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date.between(first, last))
    rows = {row.date: row for row in db.session.execute(query)}
    windows = _windows_now(workshop_id, first, last)
    return [_day_now(day, rows.get(day), windows.get(day, []), state) for day in generation.each_day(first, last)]


def _day_now(day: date, row: Any, windows: list[WindowNow], state: str) -> DayNow:
    if row is None:
        return DayNow(day, shut=holiday_name(state, day) is not None)
    return DayNow(day, True, row.shut, row.max_bookings, row.current_bookings, tuple(windows))


def _windows_now(workshop_id: uuid.UUID, first: date, last: date) -> dict[date, list[WindowNow]]:
    query = select(
        TimeSlot.service_date, TimeSlot.id, TimeSlot.start_time, TimeSlot.end_time, TimeSlot.max_bookings,
        TimeSlot.current_bookings, TimeSlot.jockey_minutes_taken, TimeSlot.is_available,
    )  # fmt: skip
    query = query.where(TimeSlot.workshop_id == workshop_id, TimeSlot.service_date.between(first, last))
    found: dict[date, list[WindowNow]] = {}
    for row in db.session.execute(query.order_by(TimeSlot.start_time)):
        day, slot_id, start, end = row[:4]
        window = WindowNow(slot_id, wall_minutes(start, day), wall_minutes(end, day), *row[4:])
        found.setdefault(day, []).append(window)
    return found


def wall_minutes(at: datetime, day: date) -> int:
    """Minutes after midnight of `day` that the workshop's wall clock shows at an instant."""
    wall = at.astimezone(ZONE)
    return (wall.date() - day).days * 1440 + wall.hour * 60 + wall.minute


def _apply(workshop_id: uuid.UUID, changes: Sequence[DayChange]) -> None:
    """Days first, then the windows that stay, go and come."""
    new_days = [_day_row(workshop_id, c.now.day, c.then) for c in changes if c.then and not c.now.exists]
    if new_days:
        db.session.execute(insert(WorkshopCapacity), new_days)
    for change in changes:
        if change.then and change.now.exists and change.then.maximum != change.now.maximum:
            this = (WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date == change.now.day)
            db.session.execute(update(WorkshopCapacity).where(*this).values(max_bookings=change.then.maximum))
        _apply_windows(workshop_id, change)


def _day_row(workshop_id: uuid.UUID, day: date, plan: DayPlan) -> dict[str, Any]:
    return {"workshop_id": workshop_id, "date": day, "max_bookings": plan.maximum}


def _apply_windows(workshop_id: uuid.UUID, change: DayChange) -> None:
    """A window is known by its start: so a longer or shorter one keeps its row, and what refers to it."""
    wanted = {window.starts: window for window in (change.then.windows if change.then else ())}
    for window in change.now.windows:
        then = wanted.pop(window.starts, None)
        if then is None:
            _take_out(window.slot_id)
        elif (then.ends, then.places, True) != (window.ends, window.places, window.available):
            _reshape(window.slot_id, change.now.day, then)
    rows = [generation.window_row(workshop_id, change.now.day, window) for window in wanted.values()]
    if rows:
        db.session.execute(insert(TimeSlot), rows)


def _reshape(slot_id: uuid.UUID, day: date, then: PlannedWindow) -> None:
    end = generation.window_row(slot_id, day, then)["end_time"]
    values = {"end_time": end, "max_bookings": then.places, "is_available": True}
    db.session.execute(update(TimeSlot).where(TimeSlot.id == slot_id).values(**values))


def _take_out(slot_id: uuid.UUID) -> None:
    """Deletes a window that nobody is promised; one that cancelled bookings still name is only offered no more."""
    try:
        with db.session.begin_nested():
            db.session.execute(delete(TimeSlot).where(TimeSlot.id == slot_id))
    except IntegrityError:
        db.session.execute(update(TimeSlot).where(TimeSlot.id == slot_id).values(is_available=False))


def _record(workshop_id: uuid.UUID, draft: Draft, changes: Sequence[DayChange]) -> None:
    counts = {kind.value.lower(): sum(change.kind is kind for change in changes) for kind in ChangeKind}
    days = {str(day): {"max": plan.maximum, "windows": len(plan.windows)} for day, plan in draft.week.days.items()}
    after = {"valid_from": draft.valid_from.isoformat(), "weekdays": days, **counts}
    audit.record("template.saved", "workshop", workshop_id, after=after)
    hooks.room_changed(workshop_id)
