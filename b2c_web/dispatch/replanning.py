"""What a dispatcher changes in the plan. Rights, locks and second presses as in `dispatch/commands.py`."""

import uuid
from datetime import datetime

from flask_babel import lazy_gettext as _l

from b2c_web.accounts.models import User
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus
from b2c_web.bookings.queries import lock_booking
from b2c_web.db import command_transaction
from b2c_web.dispatch import planning, rules
from b2c_web.dispatch.commands import fail_return, locked_step
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.queries import lock_open, reserved_ronja
from b2c_web.dispatch.steps import Step, check_jockey, check_seen, may_plan, seen_of
from b2c_web.errors import Conflict, NotFound

NOTHING_TO_DRIVE = _l("Für diese Buchung ist gerade keine solche Fahrt zu vergeben.")


def cancel_assignment(
    assignment_id: uuid.UUID,
    reason: CancelReason,
    note: str = "",
    actor: User | None = None,
    *,
    seen: str | None = None,
) -> AssignmentStatus:
    """Take a trip off the plan; it waits for `assign_again`. A return that is under way fails by it.

    `seen`: `seen_of` what the person looked at, if they did. Raises Conflict when it is another by now, or when the
    trip is too far for this reason (see `rules.may_cancel`).
    """
    with locked_step(assignment_id, actor) as step:
        step.check_plans()
        if not step.is_ended_by_actor(reason):
            if seen is not None:
                check_seen(seen, seen_of(step.assignment, reserved_ronja(step.booking.id)))
            _cancel(step, reason, note)
        return step.assignment.status


def _cancel(step: Step, reason: CancelReason, note: str) -> None:
    assignment = step.assignment
    if not rules.may_cancel(assignment.type, assignment.status, reason):
        raise step.conflict()
    if assignment.type is AssignmentType.RETURN and assignment.status in rules.WITH_THE_CAR:
        fail_return(step, reason, note)
    else:
        planning.end(assignment, reason, moved_by=step.actor_id)


def reassign(
    assignment_id: uuid.UUID,
    jockey_id: uuid.UUID,
    *,
    scheduled_time: datetime | None = None,
    actor: User | None = None,
) -> uuid.UUID:
    """Give a trip to another jockey or another time: the old assignment ends as REDISPATCHED. Returns the new id.

    What does not fit is flagged, not refused: the dispatcher decides. Without a time the jockey's best one is
    taken. Raises Conflict once the jockey has the car, Invalid for a jockey who cannot be planned there.
    """
    with locked_step(assignment_id, actor) as step:
        step.check_plans()
        if step.is_ended_by_actor(CancelReason.REDISPATCHED):
            return step.open_again().id
        assignment = step.assignment
        if not rules.may_cancel(assignment.type, assignment.status, CancelReason.REDISPATCHED):
            raise step.conflict()
        check_jockey(jockey_id, step.booking.workshop_id)
        same_time = scheduled_time in (None, assignment.scheduled_time)
        if jockey_id == assignment.jockey_id and same_time and assignment.conflict is None:
            return assignment.id
        planning.end(assignment, CancelReason.REDISPATCHED, moved_by=step.actor_id)
        planning.assign(step.booking, assignment.type, jockey_id=jockey_id, arrival=scheduled_time)
        return step.open_again().id


def assign_again(
    booking_id: uuid.UUID,
    kind: AssignmentType,
    *,
    jockey_id: uuid.UUID | None = None,
    scheduled_time: datetime | None = None,
    actor: User | None = None,
) -> uuid.UUID:
    """Give a trip that nobody has to a jockey (the best one, unless named). Returns the open assignment's id.

    Raises Conflict when the booking has no such trip to drive now, or when it waits for a new date.
    """
    with command_transaction():
        booking = lock_booking(booking_id)
        if not may_plan(actor, booking.workshop_id):
            raise NotFound
        if jockey_id is not None:
            check_jockey(jockey_id, booking.workshop_id)
        if lock_open(booking.id, kind) is None and not is_due(booking, kind):
            raise Conflict(NOTHING_TO_DRIVE, code="wrong_state", status=booking.status.value)
        made = planning.assign(booking, kind, jockey_id=jockey_id, arrival=scheduled_time)
        if made is None:
            raise Conflict(NOTHING_TO_DRIVE, code="nothing_to_drive", status=booking.status.value)
        return made.id


def is_due(booking: Booking, kind: AssignmentType) -> bool:
    """Does the booking wait for a jockey to drive this trip?"""
    if kind is AssignmentType.PICKUP:
        return booking.status is BookingStatus.CONFIRMED and booking.new_date_until is None
    return booking.status is BookingStatus.READY_FOR_RETURN or booking.cancelled_here
