"""A Ronja is promised to nobody while a customer has it: its reservation follows what happens on the road."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import Range
from sqlalchemy.exc import IntegrityError

from b2c_web import audit
from b2c_web.bookings.models import AssignmentType, RonjaReservation
from b2c_web.bookings.queries import lock_booking
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.dispatch.queries import live_trip
from b2c_web.dispatch.steps import Step
from b2c_web.dispatch.whereabouts import WITH_CUSTOMER
from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS

PROMISED_BEFORE = _l(
    "%(plate)s ist bis zur geplanten Abholung noch einer anderen Buchung zugesagt. "
    "Bitte rufen Sie die Disposition an, sie kann Ihnen eine andere Ronja geben."
)
AHEAD = timedelta(minutes=15)  # the job comes every five
KEPT = timedelta(days=RETURN_LOOKAHEAD_DAYS)  # so far ahead a return can be chosen, which then says it exactly
_OVERDUE = text(
    "SELECT b.id FROM ronja_reservations r JOIN bookings b ON b.id = r.booking_id"  # noqa: S608 - our own words
    f" WHERE {WITH_CUSTOMER} AND upper(r.during) <= :soon AND (CAST(:id AS uuid) IS NULL OR b.id = :id) ORDER BY b.id"
)


def take_early(step: Step, now: datetime) -> None:
    """Step: a jockey sets out long before the plan, so the Ronja is taken from now on.

    Raises Invalid (`early`) when it is promised to somebody else until then.
    """
    reservation = _locked(step.booking.id) if step.is_early(now) else None
    if reservation is None or reservation.during.lower is None or reservation.during.lower <= now:
        return
    before, since = reservation.during.lower, _whole_second(now)
    if not _change(reservation, Range(since, reservation.during.upper)):
        plate = step.assignment.ronja.license_plate
        raise Invalid(PROMISED_BEFORE % {"plate": plate}, field="early", code="ronja_promised")
    facts = {"from": before.isoformat()}, {"from": since.isoformat()}
    audit.record("booking.ronja_taken_early", "booking", step.booking.id, before=facts[0], after=facts[1])


def plan_again(booking_id: uuid.UUID) -> None:
    """Step: who had set out early did not hand the Ronja over: it is taken from when it was promised, not from then."""
    trip, reservation = live_trip(booking_id, AssignmentType.PICKUP), _locked(booking_id)
    if trip is None or reservation is None or reservation.during.lower is None:
        return
    before, since = reservation.during.lower, trip.window_start - timedelta(minutes=trip.travel_minutes)
    if before < since and now_utc() < since:
        _change(reservation, Range(since, reservation.during.upper))
        facts = {"from": before.isoformat()}, {"from": since.isoformat()}
        audit.record("booking.ronja_planned_again", "booking", booking_id, before=facts[0], after=facts[1])


def overdue() -> Sequence[uuid.UUID]:
    """The bookings whose customers have a Ronja that they were to give back by now, or in minutes."""
    return db.session.scalars(_OVERDUE, {"soon": now_utc() + AHEAD, "id": None}).all()


def keep_ronja(booking_id: uuid.UUID) -> bool:
    """Whoever is not back keeps the Ronja in the plan, until the next one it is promised to. False: nothing to do.

    A new return window, or the car at home, says how long it really is. Locks the booking, then the reservation.
    """
    with command_transaction():
        booking, now = lock_booking(booking_id), _whole_second(now_utc())
        reservation = _locked(booking.id)
        is_overdue = db.session.scalar(_OVERDUE, {"soon": now + AHEAD, "id": booking.id}) is not None
        if not is_overdue or reservation is None or reservation.during.upper is None:
            return False
        before, until = reservation.during.upper, min(now + KEPT, _next_promise(reservation) or now + KEPT)
        if until <= before or not _change(reservation, Range(reservation.during.lower, until)):
            return False
        facts = {"until": before.isoformat()}, {"until": until.isoformat()}
        audit.record("booking.ronja_kept", "booking", booking.id, before=facts[0], after=facts[1])
        return True


def _whole_second(at: datetime) -> datetime:
    """Plans count in whole seconds: a reservation between two of them would not be found again as the same."""
    return at.replace(microsecond=0)


def _next_promise(reservation: RonjaReservation) -> datetime | None:
    following = select(func.min(func.lower(RonjaReservation.during))).where(
        RonjaReservation.ronja_id == reservation.ronja_id,
        func.lower(RonjaReservation.during) >= reservation.during.upper,
    )
    return db.session.scalar(following)


def _locked(booking_id: uuid.UUID) -> RonjaReservation | None:
    mine = select(RonjaReservation).where(RonjaReservation.booking_id == booking_id).with_for_update()
    return db.session.scalar(mine.execution_options(populate_existing=True))


def _change(reservation: RonjaReservation, during: Range[datetime]) -> bool:
    """False when somebody else has been promised the Ronja then: the constraint has the last word."""
    try:
        with db.session.begin_nested():
            reservation.during = during
            db.session.flush()
    except IntegrityError:
        return False
    return True
