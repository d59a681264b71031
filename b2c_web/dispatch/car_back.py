"""After a return that failed on its way: who still has the customer's car, and that it is at the workshop again."""

import uuid
from collections.abc import Collection

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import aliased, joinedload

from b2c_web import audit
from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.dispatch.models import CancelReason, JockeyAssignment
from b2c_web.dispatch.queries import lock_assignment
from b2c_web.dispatch.steps import Step
from b2c_web.dispatch.tours import plate_of
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db

ON_THE_WAY = (CancelReason.NO_SHOW, CancelReason.BREAKDOWN)
STILL_OUT = _l(
    "Sie haben noch das Auto %(car)s von einer Rückgabe, die nicht geklappt hat. "
    "Bitte melden Sie zuerst, dass es wieder in der Werkstatt steht, oder rufen Sie die Disposition an."
)


def bring_back(assignment_id: uuid.UUID, actor: User) -> JockeyAssignment:
    """The car of a return that failed is at the workshop again, says its jockey or somebody of the workshop.

    Said again it changes nothing. Raises NotFound, and Conflict for a trip whose jockey has no car.
    """
    with command_transaction():
        assignment, booking = lock_assignment(assignment_id)
        step = Step(assignment, booking, actor)
        if not (actor.role is Role.WORKSHOP and actor.workshop_id == booking.workshop_id):
            step.check_right()
        if assignment.car_back_at is None:
            if not has_car_still(assignment):
                raise step.conflict()
            _note(assignment)
        return assignment


def is_here(booking: Booking) -> None:
    """Step: somebody works on the booking's car again, so it is back, whoever forgot to say so."""
    for assignment in db.session.scalars(_given_up().where(JockeyAssignment.booking_id == booking.id)):
        _note(assignment)


def _note(assignment: JockeyAssignment) -> None:
    assignment.car_back_at = now_utc()
    db.session.flush()
    facts = {"car_back_at": assignment.car_back_at.isoformat()}
    audit.record("assignment.car_back", "assignment", assignment.id, after=facts)


def check_none_out(step: Step) -> None:
    """Step: a jockey sets out. Raises Conflict ("car_out") while another customer's car is with them.

    Whoever plans the trips may send them all the same.
    """
    if step.actor is None or step.actor.role is not Role.JOCKEY:
        return
    kept = with_jockey(step.assignment)
    if kept is not None:
        raise Conflict(STILL_OUT % {"car": plate_of(kept.booking) or kept.booking.number}, code="car_out")


def has_car_still(failed: JockeyAssignment) -> bool:
    """Of a return that failed: nobody has set out with the car since, brought it back or handed it out."""
    if failed.cancel_reason not in ON_THE_WAY:
        return False
    return db.session.scalar(_out().where(JockeyAssignment.id == failed.id)) is not None


def with_jockey(setting_out: JockeyAssignment) -> JockeyAssignment | None:
    """The return of another booking where nobody was there, and whose car this trip's jockey still has.

    After a breakdown the car may stand anywhere: that is for the phone, and stops nobody.
    """
    theirs = JockeyAssignment.jockey_id == setting_out.jockey_id, JockeyAssignment.booking_id != setting_out.booking_id
    nobody_home = JockeyAssignment.cancel_reason == CancelReason.NO_SHOW
    return db.session.scalar(_out().where(*theirs, nobody_home).options(joinedload(JockeyAssignment.booking)).limit(1))


def with_another(setting_out: JockeyAssignment) -> JockeyAssignment | None:
    """The failed return after which another jockey still has the car that this return is to bring."""
    out = of_bookings([setting_out.booking_id]).get(setting_out.booking_id)
    return out if out is not None and out.jockey_id != setting_out.jockey_id else None


def of_bookings(booking_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, JockeyAssignment]:
    """By booking, the failed return whose jockey still has its car."""
    wanted = _out().where(JockeyAssignment.booking_id.in_(booking_ids)).options(joinedload(JockeyAssignment.jockey))
    return {one.booking_id: one for one in db.session.scalars(wanted)}


def _out() -> Select[JockeyAssignment]:
    """Those whose booking waits for the car to be driven home; joins Booking."""
    left_here = and_(Booking.status == BookingStatus.CANCELLED, Booking.places_released_at.is_(None))
    waits = or_(Booking.status == BookingStatus.READY_FOR_RETURN, left_here)
    return _given_up().join(Booking, Booking.id == JockeyAssignment.booking_id).where(waits)


def _given_up() -> Select[JockeyAssignment]:
    """Returns that failed on their way; nobody said that the car is back, nor set out with it since."""
    later = aliased(JockeyAssignment)
    set_out = select(later.id).where(
        later.booking_id == JockeyAssignment.booking_id,
        later.type == AssignmentType.RETURN,
        later.id > JockeyAssignment.id,
        later.started_at.is_not(None),
    )
    return select(JockeyAssignment).where(
        JockeyAssignment.type == AssignmentType.RETURN,
        JockeyAssignment.cancel_reason.in_(ON_THE_WAY),
        JockeyAssignment.started_at.is_not(None),
        JockeyAssignment.car_back_at.is_(None),
        ~set_out.exists(),
    )
