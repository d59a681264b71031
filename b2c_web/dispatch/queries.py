"""Reads of dispatch: who is at work, who is taken, and the assignments of a booking."""

import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from b2c_web.bookings.models import AssignmentType, Booking, RonjaReservation, Trip
from b2c_web.bookings.queries import lock_booking
from b2c_web.dispatch.models import JockeyAssignment, JockeyBusyRange
from b2c_web.dispatch.placing import JockeyDay, Shift, Span
from b2c_web.dispatch.problems import Taken
from b2c_web.dispatch.rules import OPEN
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Jockey, JockeyShift, JockeyStatus

AROUND = timedelta(hours=12)


def lock_assignment(assignment_id: uuid.UUID) -> tuple[JockeyAssignment, Booking]:
    """The assignment and its booking; the booking's row is locked first, as everywhere. Raises NotFound."""
    booking_id = db.session.scalar(select(JockeyAssignment.booking_id).where(JockeyAssignment.id == assignment_id))
    if booking_id is None:
        raise NotFound
    booking = lock_booking(booking_id)
    statement = select(JockeyAssignment).where(JockeyAssignment.id == assignment_id).with_for_update()
    return db.session.scalars(statement.execution_options(populate_existing=True)).one(), booking


def lock_open(booking_id: uuid.UUID, kind: AssignmentType) -> JockeyAssignment | None:
    """The booking's open assignment of a type, locked; the booking's row must be locked before."""
    statement = select(JockeyAssignment).where(
        JockeyAssignment.booking_id == booking_id, JockeyAssignment.type == kind, JockeyAssignment.status.in_(OPEN)
    )
    return db.session.scalars(statement.with_for_update().execution_options(populate_existing=True)).one_or_none()


def live_trip(booking_id: uuid.UUID, kind: AssignmentType) -> Trip | None:
    """The planned trip of a type, when the booking still has it."""
    return db.session.scalars(
        select(Trip).where(Trip.booking_id == booking_id, Trip.type == kind, Trip.released_at.is_(None))
    ).one_or_none()


def reserved_ronja(booking_id: uuid.UUID) -> uuid.UUID | None:
    """The Ronja that the booking reserved."""
    return db.session.scalar(select(RonjaReservation.ronja_id).where(RonjaReservation.booking_id == booking_id))


def jockey_days(
    workshop_id: uuid.UUID, around: datetime, only: uuid.UUID | None = None, *, without: uuid.UUID | None = None
) -> list[JockeyDay]:
    """The workshop's jockeys who may be planned, with their shifts and busy times 12 h either side of `around`.

    `only` limits it to one jockey; `without` leaves out the time of one assignment, as if it were not given yet.
    """
    statement = select(Jockey.id).where(Jockey.workshop_id == workshop_id, Jockey.status != JockeyStatus.INACTIVE)
    ids = db.session.scalars(statement.where(Jockey.id == only) if only else statement).all()
    shifts, busy = _shifts(ids, around), _busy(ids, around, without)
    return [JockeyDay(jockey_id, shifts[jockey_id], busy[jockey_id]) for jockey_id in ids]


def _shifts(ids: Iterable[uuid.UUID], around: datetime) -> dict[uuid.UUID, list[Shift]]:
    rows = db.session.scalars(
        select(JockeyShift).where(
            JockeyShift.jockey_id.in_(ids),
            JockeyShift.starts_at < around + AROUND,
            JockeyShift.ends_at > around - AROUND,
        )
    )
    found: dict[uuid.UUID, list[Shift]] = defaultdict(list)
    for row in rows:
        found[row.jockey_id].append(Shift(row.starts_at, row.ends_at, row.break_starts_at, row.break_ends_at))
    return found


def _busy(ids: Iterable[uuid.UUID], around: datetime, without: uuid.UUID | None) -> dict[uuid.UUID, list[Span]]:
    window = Range(around - AROUND, around + AROUND)
    rows = db.session.execute(
        select(JockeyBusyRange.jockey_id, func.lower(JockeyBusyRange.during), func.upper(JockeyBusyRange.during)).where(
            JockeyBusyRange.jockey_id.in_(ids),
            JockeyBusyRange.during.overlaps(window),
            JockeyBusyRange.assignment_id.is_distinct_from(without),
        )
    )
    found: dict[uuid.UUID, list[Span]] = defaultdict(list)
    for jockey_id, start, end in rows:
        found[jockey_id].append((start, end))
    return found


def open_trips_of(jockey_id: uuid.UUID, around: datetime, without: uuid.UUID | None = None) -> list[Taken]:
    """The jockey's other open trips 12 h either side of `around`, flagged ones too, by time."""
    statement = (
        select(JockeyAssignment.scheduled_time, Trip.travel_minutes, Trip.jockey_minutes, Booking.number)
        .join(Trip, Trip.id == JockeyAssignment.trip_id)
        .join(Booking, Booking.id == JockeyAssignment.booking_id)
        .where(JockeyAssignment.jockey_id == jockey_id, JockeyAssignment.status.in_(OPEN))
        .where(JockeyAssignment.scheduled_time.between(around - AROUND, around + AROUND))
        .where(JockeyAssignment.id.is_distinct_from(without))
        .order_by(JockeyAssignment.scheduled_time)
    )
    found = []
    for scheduled, travel, whole, number in db.session.execute(statement):
        leaves = scheduled - timedelta(minutes=travel)
        found.append(Taken(number, (leaves, leaves + timedelta(minutes=whole))))
    return found
