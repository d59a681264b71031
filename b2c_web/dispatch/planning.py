"""Steps that give trips to jockeys and take them away again, in the booking's own transaction.

Each is called with the booking's row locked; they flush and never commit.
"""

import logging
import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import psycopg.errors as pg_errors
from flask import current_app
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from b2c_web import audit, jobs
from b2c_web.bookings.models import AssignmentType, Booking, Trip
from b2c_web.clock import now_utc
from b2c_web.dispatch.jobs import ronja_ready
from b2c_web.dispatch.keeping import plan_again
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment, JockeyBusyRange
from b2c_web.dispatch.placing import Clash, JockeyDay, Placement, TripPlan, clash_of, place
from b2c_web.dispatch.queries import jockey_days, live_trip, lock_open, reserved_ronja
from b2c_web.dispatch.rules import WITH_THE_CAR
from b2c_web.dispatch.whereabouts import refresh_jockey
from b2c_web.flask_extensions import db

TRIES = 5
# somebody is about to take this jockey's time and does not come to an end
UNDECIDED = (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected)

log = logging.getLogger(__name__)


def assign(
    booking: Booking, kind: AssignmentType, *, jockey_id: uuid.UUID | None = None, arrival: datetime | None = None
) -> JockeyAssignment | None:
    """Step: give the booking's trip of `kind` to a jockey, with the reserved Ronja; the open one when there is one.

    The best jockey is chosen unless `jockey_id` (and `arrival`) say otherwise. When no particular jockey fits, the
    best is taken and flagged in `conflict`; nothing is raised. None when the booking has no such trip, or when its
    workshop has nobody at all. Inserts the jockey's busy time behind a savepoint: a lost race looks for another.
    """
    existing = lock_open(booking.id, kind)
    if existing is not None:
        return existing
    trip, ronja_id = live_trip(booking.id, kind), reserved_ronja(booking.id)
    if trip is None or ronja_id is None:
        return None
    for tries_left in reversed(range(TRIES)):
        placement = _choose(booking, trip, jockey_id, arrival)
        if placement is None:
            log.error("booking %s: no jockey at all for its %s", booking.number, kind)
            return None
        if not tries_left:
            placement = replace(placement, clash=placement.clash or Clash.NO_JOCKEY_FREE)
        made = _insert(booking, trip, ronja_id, placement)
        if made is not None:
            if kind is AssignmentType.RETURN and trip.window_end > now_utc():
                booking.return_failed_at = None  # a second try in the window that was promised
            return made
    return None


def plan_of(trip: Trip) -> TripPlan:
    """The trip as the placing rules see it, from now on."""
    return TripPlan(
        window_start=trip.window_start,
        window_end=trip.window_end,
        travel=timedelta(minutes=trip.travel_minutes),
        whole=timedelta(minutes=trip.jockey_minutes),
        not_before=now_utc(),
    )


def _choose(booking: Booking, trip: Trip, jockey_id: uuid.UUID | None, arrival: datetime | None) -> Placement | None:
    plan = plan_of(trip)
    jockeys = jockey_days(booking.workshop_id, trip.window_start, only=jockey_id)
    if jockey_id is None or arrival is None:
        return place(plan, jockeys)
    jockey = next(iter(jockeys), JockeyDay(jockey_id))
    return Placement(jockey_id, arrival, clash_of(plan, jockey, arrival))


def _insert(booking: Booking, trip: Trip, ronja_id: uuid.UUID, placement: Placement) -> JockeyAssignment | None:
    """The assignment with its busy time; None when the time was taken meanwhile. A flagged one has no busy time.

    When it stays undecided whether the time is taken, the assignment is flagged: a payment waits for nobody.
    """
    made = JockeyAssignment(
        id=uuid7(),
        booking_id=booking.id,
        trip_id=trip.id,
        jockey_id=placement.jockey_id,
        vehicle_id=ronja_id,
        type=trip.type,
        scheduled_time=placement.arrival,
        conflict=placement.clash.value if placement.clash else None,
    )
    try:
        with db.session.begin_nested():
            db.session.add(made)
            db.session.flush()
            if placement.clash is None:
                _take_time(made, trip)
    except DBAPIError as error:
        if isinstance(error.orig, pg_errors.ExclusionViolation):
            return None
        if isinstance(error.orig, UNDECIDED) and placement.clash is None:
            return _insert(booking, trip, ronja_id, replace(placement, clash=Clash.NO_JOCKEY_FREE))
        raise
    _note(made)
    return made


def _take_time(assignment: JockeyAssignment, trip: Trip) -> None:
    leaves, back = plan_of(trip).span(assignment.scheduled_time)
    during = Range(leaves, back)
    db.session.add(
        JockeyBusyRange(id=uuid7(), assignment_id=assignment.id, jockey_id=assignment.jockey_id, during=during)
    )
    db.session.flush()


def _note(made: JockeyAssignment) -> None:
    facts = {
        "status": AssignmentStatus.ASSIGNED.value,
        "type": made.type.value,
        "booking_id": str(made.booking_id),
        "jockey_id": str(made.jockey_id),
        "ronja_id": str(made.vehicle_id),
        "scheduled_time": made.scheduled_time.isoformat(),
        "conflict": made.conflict,
    }
    audit.record("assignment.assign", "assignment", made.id, after=facts)


def end(assignment: JockeyAssignment, reason: CancelReason, *, moved_by: uuid.UUID | None = None) -> None:
    """Step: cancel an open assignment (locked) with its reason; the jockey is free from now on."""
    before = assignment.status
    assignment.status, assignment.cancel_reason = AssignmentStatus.CANCELLED, reason
    assignment.moved_by = moved_by
    db.session.flush()
    audit.record(
        "assignment.cancel",
        "assignment",
        assignment.id,
        before={"status": before.value},
        after={"status": AssignmentStatus.CANCELLED.value, "cancel_reason": reason.value},
    )
    give_time_back(assignment, None if before is AssignmentStatus.ASSIGNED else now_utc())
    refresh_jockey(assignment.jockey_id)
    if assignment.type is AssignmentType.PICKUP and before not in WITH_THE_CAR:
        plan_again(assignment.booking_id)


def end_open(booking: Booking, kind: AssignmentType, reason: CancelReason) -> bool:
    """Step: cancel the booking's open assignment of `kind`, if there is one."""
    assignment = lock_open(booking.id, kind)
    if assignment is None:
        return False
    end(assignment, reason)
    return True


def finish_pickup(booking: Booking) -> None:
    """Step: the car is here: what the pickup's jockey did not press is done."""
    pickup = lock_open(booking.id, AssignmentType.PICKUP)
    if pickup is None or pickup.status not in WITH_THE_CAR:
        return
    before, now = pickup.status, now_utc()
    pickup.status, pickup.completed_at = AssignmentStatus.COMPLETED, now
    db.session.flush()
    facts: dict[str, Any] = {"before": {"status": before.value}, "after": {"status": pickup.status.value}}
    audit.record("assignment.complete", "assignment", pickup.id, **facts)
    give_time_back(pickup, now)
    refresh_jockey(pickup.jockey_id)


def give_time_back(assignment: JockeyAssignment, until: datetime | None) -> None:
    """Step: the jockey's busy time ends at `until`, or never was (None). It only ever gets shorter."""
    taken = db.session.scalars(
        select(JockeyBusyRange).where(JockeyBusyRange.assignment_id == assignment.id).with_for_update()
    ).one_or_none()
    if taken is None:
        return
    start, stop = taken.during.lower, taken.during.upper
    if until is None or start is None or until <= start:
        db.session.delete(taken)
    elif stop is None or until < stop:
        taken.during = Range(start, until)
    db.session.flush()


def ronja_home(ronja_id: uuid.UUID, at: datetime) -> None:
    """Step: the Ronja is back at the workshop at `at`, and ready after its cleaning."""
    clean_at = at + timedelta(minutes=current_app.config["RONJA_CLEANING_MINUTES"])
    jobs.defer(ronja_ready, at=clean_at, ronja_id=str(ronja_id))
