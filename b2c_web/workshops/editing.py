"""One day and its windows, changed by hand. What is promised stays: a maximum never goes below what is booked.

Every form says what its page has seen; who was slower is told, and nothing changes. Locks: the day, then windows
by start, then the workshop.
"""

import re
import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import insert, select

from b2c_web import audit
from b2c_web.clock import local_to_utc, today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops import generation, hooks
from b2c_web.workshops.locking import (
    check_places,
    lock_day,
    locked,
    locked_or_none,
    record_change,
    refuse_below,
)
from b2c_web.workshops.models import TimeSlot, Workshop, WorkshopCapacity
from b2c_web.workshops.template_commands import wall_minutes
from b2c_web.workshops.template_store import weeks_of
from b2c_web.workshops.weekly import PlannedWindow, places_refusal, span_refusals

NEW_DAY = "new"
NOTE_LENGTH = 200
STATE = re.compile(r"(\d{1,4})\|([01]{1,2})\|(.*)", re.DOTALL)
CLOSED = ("0", "01", "10", "11")  # a window that is not available; a day that is closed or a holiday


class ChangedMeanwhile(Conflict):
    """Somebody else changed the same day or window since the page was made."""

    code = "changed_meanwhile"
    message = _l("Jemand hat das inzwischen geändert. Bitte sehen Sie nach und speichern Sie noch einmal.")


@dataclass(frozen=True, slots=True)
class Edit:
    """What a day or a window should be. `seen`: `day_state` or `window_state` when the page was made."""

    maximum: int
    closed: bool
    note: str | None
    seen: str


def day_state(row: WorkshopCapacity | None) -> str:
    """What staff can change of a day, as text; bookings do not change it."""
    if row is None:
        return NEW_DAY
    return f"{row.max_bookings}|{row.is_closed:d}{row.is_holiday:d}|{row.note or ''}"


def window_state(row: TimeSlot) -> str:
    """The same of a window."""
    return f"{row.max_bookings}|{row.is_available:d}|{row.note or ''}"


def read_state(seen: str) -> dict[str, Any]:
    """max_bookings, closed and note out of a day's or a window's state; nothing of a day that was not planned."""
    found = STATE.fullmatch(seen)
    return {"max_bookings": int(found[1]), "closed": found[2] in CLOSED, "note": found[3] or None} if found else {}


def edit_day(workshop_id: uuid.UUID, day: date, edit: Edit) -> None:
    """Sets a day's maximum, whether it is closed, and its note. A closed day keeps what is booked.

    Opening a holiday, or a day that the template leaves out, gives it the usual windows. Raises BelowBooked,
    ChangedMeanwhile, Invalid (numbers, a long note, a day that is over), NotFound.
    """
    _check(edit, day)
    with command_transaction():
        if db.session.get(Workshop, workshop_id) is None:
            raise NotFound
        row = _lock_or_add_day(workshop_id, day, edit)
        if row is None:
            return
        refuse_below(row.current_bookings, edit.maximum)
        before = _day_facts(row)
        opens = not edit.closed and (row.is_closed or row.is_holiday)
        row.max_bookings, row.note = edit.maximum, edit.note
        if edit.closed != (row.is_closed or row.is_holiday):
            row.is_closed, row.is_holiday = edit.closed, False
        db.session.flush()
        if opens or edit.seen == NEW_DAY:
            _give_windows(workshop_id, day)
        changed = {name: (old, new) for (name, old), new in zip(before.items(), _day_facts(row).values(), strict=True)}
        record_change(row, "day.edited", workshop_id, changed, day=day.isoformat())


def _check(edit: Edit, day: date) -> None:
    check_places(edit.maximum)
    if len(edit.note or "") > NOTE_LENGTH:
        raise Invalid(_("Bitte kürzer, höchstens 200 Zeichen."), field="note")
    _check_day(day)


def _check_day(day: date) -> None:
    if day < today_in(ZONE):
        raise Invalid(_("Dieser Tag ist vorbei."))


def _lock_or_add_day(workshop_id: uuid.UUID, day: date, edit: Edit) -> WorkshopCapacity | None:
    """The day's row, locked. A day without one is added when it is to be open; closed it needs none."""
    this = (WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date == day)
    row = locked_or_none(WorkshopCapacity, *this)
    if day_state(row) != edit.seen:
        raise ChangedMeanwhile
    if row is None and not edit.closed:
        generation.add_day(workshop_id, day, edit.maximum)
        row = lock_day(workshop_id, day)
        if row.max_bookings != edit.maximum or row.current_bookings:
            raise ChangedMeanwhile  # somebody added the same day at this moment
    return row


def _give_windows(workshop_id: uuid.UUID, day: date) -> None:
    plan = weeks_of(workshop_id).usual_plan(day)
    if plan:
        generation.add_windows(workshop_id, day, plan)
        generation.lock_windows(workshop_id, day, day)
        generation.refresh_jockey_room(workshop_id, day, day)


def _day_facts(row: WorkshopCapacity) -> dict[str, Any]:
    return {
        "max_bookings": row.max_bookings,
        "is_closed": row.is_closed,
        "is_holiday": row.is_holiday,
        "note": row.note,
    }


def edit_window(workshop_id: uuid.UUID, slot_id: uuid.UUID, edit: Edit) -> None:
    """Sets a window's places, whether it is offered, and its note. A closed one keeps what is booked.

    Raises BelowBooked, ChangedMeanwhile, Invalid, NotFound (also for another workshop's window).
    """
    with command_transaction():
        row = locked(TimeSlot, TimeSlot.id == slot_id, TimeSlot.workshop_id == workshop_id)
        _check(edit, row.service_date)
        if window_state(row) != edit.seen:
            raise ChangedMeanwhile
        refuse_below(row.current_bookings, edit.maximum)
        wanted = {"max_bookings": edit.maximum, "is_available": not edit.closed, "note": edit.note}
        changed = {name: (getattr(row, name), new) for name, new in wanted.items()}
        for name, new in wanted.items():
            setattr(row, name, new)
        record_change(row, "window.edited", workshop_id, changed)


def add_window(workshop_id: uuid.UUID, day: date, window: PlannedWindow) -> uuid.UUID:
    """Opens one window more on a day, for jockeys with the minutes of their shifts inside it; returns its id.

    Locks the day, its windows, the workshop. Raises Invalid (no places, over another window, no length, a day that is
    over), NotFound for a day that is not open at all.
    """
    if why := places_refusal(window):
        raise Invalid(why, field="places")
    _check_day(day)
    with command_transaction():
        lock_day(workshop_id, day)
        generation.lock_windows(workshop_id, day, day)
        _refuse_overlap(workshop_id, day, window)
        row = generation.window_row(workshop_id, day, window)
        slot_id: uuid.UUID = db.session.execute(insert(TimeSlot).values(row).returning(TimeSlot.id)).scalar_one()
        generation.refresh_jockey_room(workshop_id, day, day)
        after = {"day": day.isoformat(), "starts": window.starts, "ends": window.ends, "places": window.places}
        audit.record("window.added", "time_slots", slot_id, after=after | {"workshop_id": str(workshop_id)})
        hooks.room_changed(workshop_id)
    return slot_id


def _refuse_overlap(workshop_id: uuid.UUID, day: date, window: PlannedWindow) -> None:
    spans = db.session.execute(
        select(TimeSlot.start_time, TimeSlot.end_time).where(
            TimeSlot.workshop_id == workshop_id, TimeSlot.service_date == day
        )
    ).all()
    others = [PlannedWindow(wall_minutes(start, day), wall_minutes(end, day), 1) for start, end in spans]
    if why := span_refusals([*others, window]):
        raise Invalid(" ".join(why), field="starts")
    if local_to_utc(day, window.starts, ZONE) >= local_to_utc(day, window.ends, ZONE):
        raise Invalid(_("Zu dieser Zeit wird die Uhr umgestellt."), field="starts")
