"""How much of each jockey's day is promised. Reads only."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import joinedload

from b2c_web.bookings.models import Trip
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.placing import Shift
from b2c_web.dispatch.rules import ENDED, RUNNING
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Jockey, JockeyShift, JockeyStatus

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Load:
    """A jockey's day in minutes: `taken` of the `room` (shifts less breaks) are promised to `trips`, `left` open.

    `elsewhere`: what the jockey drives right now although it belongs to another day.
    """

    jockey: Jockey
    shifts: list[Shift]
    room: int
    taken: int
    trips: int
    left: int
    elsewhere: list[JockeyAssignment]


def loads_of(workshop_id: uuid.UUID | None, day: date) -> list[Load]:
    """The jockeys of a workshop (None: of all) who can be planned, by name, with what they drive on a local day."""
    statement = _of(select(Jockey), workshop_id).order_by(Jockey.name, Jockey.id)
    jockeys = db.session.scalars(statement.execution_options(populate_existing=True)).all()
    start, end = local_to_utc(day, 0, ZONE), local_to_utc(day + timedelta(days=1), 0, ZONE)
    ids = [jockey.id for jockey in jockeys]
    shifts, driven, elsewhere = _shifts(ids, start, end), _driven(ids, start, end), _elsewhere(ids, start, end)
    return [
        Load(one, shifts[one.id], _room(shifts[one.id]), *driven.get(one.id, (0, 0, 0)), elsewhere[one.id])
        for one in jockeys
    ]


def jockey_states(workshop_id: uuid.UUID | None) -> Sequence[Any]:
    """(id, state) of the jockeys who can be planned."""
    return db.session.execute(_of(select(Jockey.id, Jockey.status), workshop_id)).all()


def _of(statement: Any, workshop_id: uuid.UUID | None) -> Any:
    able = statement.where(Jockey.status != JockeyStatus.INACTIVE)
    return able.where(Jockey.workshop_id == workshop_id) if workshop_id else able


def _room(shifts: Iterable[Shift]) -> int:
    return sum(int((end - start) / MINUTE) for shift in shifts for start, end in shift.pieces())


def _shifts(ids: Iterable[uuid.UUID], start: datetime, end: datetime) -> dict[uuid.UUID, list[Shift]]:
    found: dict[uuid.UUID, list[Shift]] = defaultdict(list)
    statement = select(JockeyShift).where(JockeyShift.jockey_id.in_(ids), JockeyShift.starts_at < end)
    for row in db.session.scalars(statement.where(JockeyShift.ends_at > start).order_by(JockeyShift.starts_at)):
        found[row.jockey_id].append(Shift(row.starts_at, row.ends_at, row.break_starts_at, row.break_ends_at))
    return found


def _elsewhere(ids: Iterable[uuid.UUID], start: datetime, end: datetime) -> dict[uuid.UUID, list[JockeyAssignment]]:
    """Trips of other days that run now, with their booking."""
    found: dict[uuid.UUID, list[JockeyAssignment]] = defaultdict(list)
    assignment = JockeyAssignment
    statement = (
        select(assignment)
        .where(assignment.jockey_id.in_(ids), assignment.status.in_(RUNNING))
        .where(or_(assignment.scheduled_time < start, assignment.scheduled_time >= end))
        .options(joinedload(assignment.booking))
        .order_by(assignment.scheduled_time)
    )
    for row in db.session.scalars(statement):
        found[row.jockey_id].append(row)
    return found


def _driven(ids: Iterable[uuid.UUID], start: datetime, end: datetime) -> dict[uuid.UUID, tuple[int, int, int]]:
    """Minutes, trips, and trips still open of each jockey."""
    assignment = JockeyAssignment
    still_open = func.count().filter(assignment.status.notin_(ENDED))
    statement = (
        select(assignment.jockey_id, func.sum(Trip.jockey_minutes), func.count(), still_open)
        .join(Trip, Trip.id == assignment.trip_id)
        .where(assignment.jockey_id.in_(ids), assignment.status != AssignmentStatus.CANCELLED)
        .where(assignment.scheduled_time >= start, assignment.scheduled_time < end)
        .group_by(assignment.jockey_id)
    )
    return {jockey_id: (minutes, trips, left) for jockey_id, minutes, trips, left in db.session.execute(statement)}
