"""Writes of a workshop's capacity: days, windows, shifts, Ronjas. Each says in the audit log what it changed.

Locks are taken in the one order of all commands: days by date, then windows by start time, then the rest.
"""

import uuid
from datetime import date, datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import IntegrityError

from b2c_web import audit
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Busy, Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops import generation, hooks
from b2c_web.workshops.generation import Generated, local_day
from b2c_web.workshops.locking import (
    BelowBooked,
    check_places,
    lock_day,
    locked,
    record_change,
    refuse_below,
)
from b2c_web.workshops.models import (
    Jockey,
    JockeyShift,
    JockeyStatus,
    RonjaVehicle,
    TimeSlot,
    VehicleStatus,
    Workshop,
)
from b2c_web.workshops.template_store import default_template, put_first, state_of, usual_template, weeks_of
from b2c_web.workshops.weekly import Days

__all__ = ["BelowBooked", "default_template", "usual_template"]

RETURN_MARGIN_DAYS = 14  # a car picked up on the horizon's last day comes back on a later one


class ShiftOverlaps(Conflict):
    """The jockey has another shift at that time."""

    code = "shift_overlaps"
    message = _l("Diese Schicht überschneidet sich mit einer anderen.")


# -- days and windows


def generate_days(workshop_id: uuid.UUID, first: date, last: date, template: Days | None = None) -> Generated:
    """Days and windows of a workshop between two local dates by its weekly template, none on its state's holidays.

    Adds only what is missing, and may run at any time and twice at once. Windows keep their wall-clock time across
    both clock changes. Their room for jockeys is counted from the shifts. Raises NotFound.
    """
    with command_transaction():
        return _generate(workshop_id, first, last, template or weeks_of(workshop_id))


def roll_on(workshop_id: uuid.UUID, last: date | None = None) -> Generated:
    """Days up to `last` (default: the end of the calendar, and room for returns after it), and on the new ones the
    shifts that each jockey usually has on that weekday. A workshop without a weekly template gets its first one:
    the present settings. Raises NotFound, and Busy when a template is saved at the same moment.
    """
    first = today_in(ZONE)
    end = last or first + timedelta(days=current_app.config["HORIZON_DAYS"] + RETURN_MARGIN_DAYS)
    with command_transaction():
        put_first(workshop_id, first)
        seen = state_of(workshop_id)
        made = _generate(workshop_id, first, end, weeks_of(workshop_id))
        if state_of(workshop_id) != seen:  # the workshop is locked by now: who saved has not seen the new days
            raise Busy
        if made.open_days and generation.carry_shifts_on(workshop_id, made.open_days):
            generation.refresh_jockey_room(workshop_id, made.open_days[0], made.open_days[-1])
    return made


def _generate(workshop_id: uuid.UUID, first: date, last: date, template: Days) -> Generated:
    workshop = db.session.get(Workshop, workshop_id)
    if workshop is None:
        raise NotFound
    made = generation.add_days(workshop, first, last, template)
    if made.open_days:
        generation.lock_windows(workshop_id, made.open_days[0], made.open_days[-1])
        generation.refresh_jockey_room(workshop_id, made.open_days[0], made.open_days[-1])
        after = {"days": len(made.open_days), "windows": made.windows, "last": last.isoformat()}
        audit.record("capacity.generated", "workshop", workshop_id, after=after)
    return made


def set_day_maximum(workshop_id: uuid.UUID, day: date, maximum: int) -> None:
    """How many bookings a day takes. Locks the day. Raises BelowBooked, Invalid, NotFound."""
    check_places(maximum)
    with command_transaction():
        row = lock_day(workshop_id, day)
        refuse_below(row.current_bookings, maximum)
        before, row.max_bookings = row.max_bookings, maximum
        record_change(row, "day.maximum_set", workshop_id, {"max_bookings": (before, maximum)}, day=day.isoformat())


def close_day(workshop_id: uuid.UUID, day: date, note: str | None = None) -> None:
    """No more bookings on that day; what is booked stays. Locks the day. Raises NotFound."""
    with command_transaction():
        row = lock_day(workshop_id, day)
        before, row.is_closed, row.note = row.is_closed, True, note or row.note
        record_change(row, "day.closed", workshop_id, {"is_closed": (before, True)}, day=day.isoformat(), note=row.note)


def open_day(workshop_id: uuid.UUID, day: date) -> None:
    """Takes bookings again; a holiday opened on purpose gets the usual windows. Locks the day. Raises NotFound."""
    with command_transaction():
        row = lock_day(workshop_id, day)
        before = {"is_closed": row.is_closed, "is_holiday": row.is_holiday}
        row.is_closed = row.is_holiday = False
        db.session.flush()
        plan = weeks_of(workshop_id).usual_plan(day)
        if plan:
            generation.add_windows(workshop_id, day, plan)
        generation.lock_windows(workshop_id, day, day)
        generation.refresh_jockey_room(workshop_id, day, day)
        after = {"is_closed": False, "is_holiday": False, "day": day.isoformat()}
        audit.record("day.opened", "workshop_capacity", row.id, before=before, after=after)
        hooks.room_changed(workshop_id)


def set_slot_maximum(slot_id: uuid.UUID, maximum: int) -> None:
    """How many cars a window takes. Locks the window. Raises BelowBooked, Invalid, NotFound."""
    check_places(maximum)
    with command_transaction():
        row = locked(TimeSlot, TimeSlot.id == slot_id)
        refuse_below(row.current_bookings, maximum)
        before, row.max_bookings = row.max_bookings, maximum
        record_change(row, "window.maximum_set", row.workshop_id, {"max_bookings": (before, maximum)})


def set_slot_available(slot_id: uuid.UUID, available: bool) -> None:
    """Whether a window is offered at all; what is booked stays. Locks the window. Raises NotFound."""
    with command_transaction():
        row = locked(TimeSlot, TimeSlot.id == slot_id)
        before, row.is_available = row.is_available, available
        record_change(row, "window.availability_set", row.workshop_id, {"is_available": (before, available)})


# -- jockeys


def add_shift(
    jockey_id: uuid.UUID,
    starts_at: datetime,
    ends_at: datetime,
    break_starts_at: datetime | None = None,
    break_ends_at: datetime | None = None,
) -> JockeyShift:
    """A shift with at most one break inside it; the windows that it touches get its minutes.

    Locks those windows. Raises ShiftOverlaps, Invalid for times out of order, NotFound.
    """
    _check_order(starts_at, break_starts_at, break_ends_at, ends_at)
    jockey = _jockey(jockey_id)
    workshop_id = jockey.workshop_id
    with command_transaction():
        generation.lock_windows(workshop_id, local_day(starts_at), local_day(ends_at))
        shift = JockeyShift(
            jockey_id=jockey_id,
            starts_at=starts_at,
            ends_at=ends_at,
            break_starts_at=break_starts_at,
            break_ends_at=break_ends_at,
        )
        _insert_shift(shift)
        generation.refresh_jockey_room(workshop_id, local_day(starts_at), local_day(ends_at))
        audit.record("shift.added", "jockey_shift", shift.id, after=_shift_facts(shift))
        hooks.room_changed(workshop_id)
    return shift


def remove_shift(shift_id: uuid.UUID) -> None:
    """Takes a shift away, and its minutes from the windows. What is promised beyond the rest stays promised and
    shows as `jockey_minutes_short`. Locks the windows. Raises NotFound.
    """
    with command_transaction():
        shift = db.session.get(JockeyShift, shift_id)
        if shift is None:
            raise NotFound
        first, last = local_day(shift.starts_at), local_day(shift.ends_at)
        workshop_id = _jockey(shift.jockey_id).workshop_id
        generation.lock_windows(workshop_id, first, last)
        audit.record("shift.removed", "jockey_shift", shift.id, before=_shift_facts(shift))
        db.session.delete(shift)
        db.session.flush()
        generation.refresh_jockey_room(workshop_id, first, last)


def set_jockey_status(jockey_id: uuid.UUID, status: JockeyStatus) -> None:
    """A jockey's state. INACTIVE takes his shifts out of planning, any other puts them back. Locks the workshop's
    coming windows when that changes. Raises NotFound.
    """
    with command_transaction():
        workshop_id = _jockey(jockey_id).workshop_id
        generation.lock_windows(workshop_id, today_in(ZONE))
        row = locked(Jockey, Jockey.id == jockey_id)
        before, row.status = row.status, status
        db.session.flush()
        generation.refresh_jockey_room(workshop_id, today_in(ZONE))
        record_change(row, "jockey.status_set", workshop_id, {"status": (before.value, status.value)})


def set_overbooking(workshop_id: uuid.UUID, percent: int) -> None:
    """The factor on the jockeys' minutes, since chains save some: 50 to 300 %. Locks the workshop's coming windows.
    Raises Invalid, NotFound.
    """
    if not 50 <= percent <= 300:
        raise Invalid(_("Bitte 50 bis 300 Prozent angeben."), field="jockey_overbooking_percent")
    with command_transaction():
        generation.lock_windows(workshop_id, today_in(ZONE))
        row = locked(Workshop, Workshop.id == workshop_id)
        before, row.jockey_overbooking_percent = row.jockey_overbooking_percent, percent
        db.session.flush()
        generation.refresh_jockey_room(workshop_id, today_in(ZONE))
        changed = {"jockey_overbooking_percent": (before, percent)}
        record_change(row, "workshop.overbooking_set", workshop_id, changed)


def _jockey(jockey_id: uuid.UUID) -> Jockey:
    jockey = db.session.get(Jockey, jockey_id)
    if jockey is None:
        raise NotFound
    return jockey


def _check_order(
    starts_at: datetime, break_starts_at: datetime | None, break_ends_at: datetime | None, ends_at: datetime
) -> None:
    if (break_starts_at is None) != (break_ends_at is None):
        raise Invalid(_("Eine Pause braucht Beginn und Ende."), field="break_starts_at")
    times = [at for at in (starts_at, break_starts_at, break_ends_at, ends_at) if at is not None]
    if times != sorted(times) or starts_at == ends_at or (break_starts_at and break_starts_at == break_ends_at):
        raise Invalid(_("Die Zeiten der Schicht passen nicht zusammen."), field="starts_at")


def _insert_shift(shift: JockeyShift) -> None:
    try:
        with db.session.begin_nested():
            db.session.add(shift)
            db.session.flush()
    except IntegrityError as error:
        raise ShiftOverlaps from error


def _shift_facts(shift: JockeyShift) -> dict[str, Any]:
    return {
        "jockey_id": str(shift.jockey_id),
        "starts_at": shift.starts_at.isoformat(),
        "ends_at": shift.ends_at.isoformat(),
    }


# -- Ronjas


def set_ronja_status(ronja_id: uuid.UUID, status: VehicleStatus) -> None:
    """A Ronja's state. MAINTENANCE and OUT_OF_SERVICE take it out of planning; what it is promised for stays and is
    for a person to solve. Locks the Ronja. Raises NotFound.
    """
    with command_transaction():
        row = locked(RonjaVehicle, RonjaVehicle.id == ronja_id)
        before, row.status = row.status, status
        record_change(row, "ronja.status_set", row.workshop_id, {"status": (before.value, status.value)})
