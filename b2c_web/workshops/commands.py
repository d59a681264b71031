"""Writes of a workshop's capacity: days, windows, shifts, Ronjas. Each says in the audit log what it changed.

Locks are taken in the one order of all commands: days by date, then windows by start time, then the rest.
"""

import uuid
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from b2c_web import audit
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.db import Base, command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops import generation
from b2c_web.workshops.generation import Generated, Template, local_day
from b2c_web.workshops.models import (
    Jockey,
    JockeyShift,
    JockeyStatus,
    RonjaVehicle,
    TimeSlot,
    VehicleStatus,
    Workshop,
    WorkshopCapacity,
)

Row = TypeVar("Row", bound=Base)

RETURN_MARGIN_DAYS = 14  # a car picked up on the horizon's last day comes back on a later one


class BelowBooked(Conflict):
    """A maximum below what is already promised; `details['booked']` says how much that is."""

    code = "below_booked"


class ShiftOverlaps(Conflict):
    """The jockey has another shift at that time."""

    code = "shift_overlaps"
    message = _l("Diese Schicht überschneidet sich mit einer anderen.")


def _lock_timeout() -> int:
    return int(current_app.config["LOCK_TIMEOUT_MS"])


def _locked(kind: type[Row], *conditions: Any) -> Row:
    """The one row that fits, locked and read anew. Raises NotFound."""
    # not the key: rows that only refer to this one need not wait
    query = select(kind).where(*conditions).with_for_update(key_share=True)
    row = db.session.scalar(query.execution_options(populate_existing=True))
    if row is None:
        raise NotFound
    return row


# -- days and windows


def default_template() -> Template:
    """The windows of the settings, with the usual number of places."""
    return Template(generation.parse_windows(current_app.config["WINDOW_HOURS"]))


def usual_template(workshop_id: uuid.UUID) -> Template:
    """The windows of the settings, with the numbers of places that most coming days of this workshop have."""
    usual = default_template()
    today = today_in(ZONE)
    places = db.session.scalar(
        select(func.mode().within_group(TimeSlot.max_bookings)).where(
            TimeSlot.workshop_id == workshop_id, TimeSlot.service_date >= today
        )
    )
    maximum = db.session.scalar(
        select(func.mode().within_group(WorkshopCapacity.max_bookings)).where(
            WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date >= today
        )
    )
    if places is None or maximum is None:
        return usual
    return Template(usual.windows, places, maximum)


def generate_days(workshop_id: uuid.UUID, first: date, last: date, template: Template | None = None) -> Generated:
    """Days and windows of a workshop between two local dates, Monday to Friday, none on its state's holidays.

    Adds only what is missing, and may run at any time and twice at once. Windows keep their wall-clock time across
    both clock changes. Their room for jockeys is counted from the shifts. Raises NotFound.
    """
    with command_transaction(_lock_timeout()):
        return _generate(workshop_id, first, last, template or usual_template(workshop_id))


def roll_on(workshop_id: uuid.UUID, last: date | None = None) -> Generated:
    """Days up to `last` (default: the end of the calendar, and room for returns after it), and on the new ones the
    shifts that each jockey usually has on that weekday.
    """
    first = today_in(ZONE)
    end = last or first + timedelta(days=current_app.config["HORIZON_DAYS"] + RETURN_MARGIN_DAYS)
    with command_transaction(_lock_timeout()):
        made = _generate(workshop_id, first, end, usual_template(workshop_id))
        if made.open_days and generation.carry_shifts_on(workshop_id, made.open_days):
            generation.refresh_jockey_room(workshop_id, made.open_days[0], made.open_days[-1])
    return made


def _generate(workshop_id: uuid.UUID, first: date, last: date, template: Template) -> Generated:
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
    _check_places(maximum)
    with command_transaction(_lock_timeout()):
        row = _lock_day(workshop_id, day)
        _refuse_below(row.current_bookings, maximum)
        before, row.max_bookings = row.max_bookings, maximum
        _audit(row, "day.maximum_set", workshop_id, {"max_bookings": (before, maximum)}, day=day.isoformat())


def close_day(workshop_id: uuid.UUID, day: date, note: str | None = None) -> None:
    """No more bookings on that day; what is booked stays. Locks the day. Raises NotFound."""
    with command_transaction(_lock_timeout()):
        row = _lock_day(workshop_id, day)
        before, row.is_closed, row.note = row.is_closed, True, note or row.note
        _audit(row, "day.closed", workshop_id, {"is_closed": (before, True)}, day=day.isoformat(), note=row.note)


def open_day(workshop_id: uuid.UUID, day: date) -> None:
    """Takes bookings again; a holiday opened on purpose gets the usual windows. Locks the day. Raises NotFound."""
    with command_transaction(_lock_timeout()):
        row = _lock_day(workshop_id, day)
        before = {"is_closed": row.is_closed, "is_holiday": row.is_holiday}
        row.is_closed = row.is_holiday = False
        db.session.flush()
        generation.add_windows(workshop_id, day, usual_template(workshop_id))
        generation.lock_windows(workshop_id, day, day)
        generation.refresh_jockey_room(workshop_id, day, day)
        after = {"is_closed": False, "is_holiday": False, "day": day.isoformat()}
        audit.record("day.opened", "workshop_capacity", row.id, before=before, after=after)


def set_slot_maximum(slot_id: uuid.UUID, maximum: int) -> None:
    """How many cars a window takes. Locks the window. Raises BelowBooked, Invalid, NotFound."""
    _check_places(maximum)
    with command_transaction(_lock_timeout()):
        row = _locked(TimeSlot, TimeSlot.id == slot_id)
        _refuse_below(row.current_bookings, maximum)
        before, row.max_bookings = row.max_bookings, maximum
        _audit(row, "window.maximum_set", row.workshop_id, {"max_bookings": (before, maximum)})


def set_slot_available(slot_id: uuid.UUID, available: bool) -> None:
    """Whether a window is offered at all; what is booked stays. Locks the window. Raises NotFound."""
    with command_transaction(_lock_timeout()):
        row = _locked(TimeSlot, TimeSlot.id == slot_id)
        before, row.is_available = row.is_available, available
        _audit(row, "window.availability_set", row.workshop_id, {"is_available": (before, available)})


def _lock_day(workshop_id: uuid.UUID, day: date) -> WorkshopCapacity:
    return _locked(WorkshopCapacity, WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date == day)


def _check_places(maximum: int) -> None:
    if not 0 <= maximum <= 1000:
        raise Invalid(_("Bitte eine Zahl von 0 bis 1000 angeben."), field="max_bookings")


def _refuse_below(booked: int, maximum: int) -> None:
    if maximum < booked:
        message = ngettext(
            "%(num)s Buchung ist hier schon zugesagt. Verlegen Sie sie zuerst.",
            "%(num)s Buchungen sind hier schon zugesagt. Verlegen Sie sie zuerst.",
            booked,
        )
        raise BelowBooked(message, booked=booked)


def _audit(row: Any, action: str, workshop_id: uuid.UUID, changed: dict[str, tuple[Any, Any]], **facts: Any) -> None:
    audit.record(
        action,
        type(row).__tablename__,
        row.id,
        before={name: old for name, (old, _new) in changed.items()},
        after={name: new for name, (_old, new) in changed.items()} | {"workshop_id": str(workshop_id)} | facts,
    )


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
    with command_transaction(_lock_timeout()):
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
    return shift


def remove_shift(shift_id: uuid.UUID) -> None:
    """Takes a shift away, and its minutes from the windows. What is promised beyond the rest stays promised and
    shows as `jockey_minutes_short`. Locks the windows. Raises NotFound.
    """
    with command_transaction(_lock_timeout()):
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
    with command_transaction(_lock_timeout()):
        workshop_id = _jockey(jockey_id).workshop_id
        generation.lock_windows(workshop_id, today_in(ZONE))
        row = _locked(Jockey, Jockey.id == jockey_id)
        before, row.status = row.status, status
        db.session.flush()
        generation.refresh_jockey_room(workshop_id, today_in(ZONE))
        _audit(row, "jockey.status_set", workshop_id, {"status": (before.value, status.value)})


def set_overbooking(workshop_id: uuid.UUID, percent: int) -> None:
    """The factor on the jockeys' minutes, since chains save some: 50 to 300 %. Locks the workshop's coming windows.
    Raises Invalid, NotFound.
    """
    if not 50 <= percent <= 300:
        raise Invalid(_("Bitte 50 bis 300 Prozent angeben."), field="jockey_overbooking_percent")
    with command_transaction(_lock_timeout()):
        generation.lock_windows(workshop_id, today_in(ZONE))
        row = _locked(Workshop, Workshop.id == workshop_id)
        before, row.jockey_overbooking_percent = row.jockey_overbooking_percent, percent
        db.session.flush()
        generation.refresh_jockey_room(workshop_id, today_in(ZONE))
        changed = {"jockey_overbooking_percent": (before, percent)}
        _audit(row, "workshop.overbooking_set", workshop_id, changed)


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
    with command_transaction(_lock_timeout()):
        row = _locked(RonjaVehicle, RonjaVehicle.id == ronja_id)
        before, row.status = row.status, status
        _audit(row, "ronja.status_set", row.workshop_id, {"status": (before.value, status.value)})
