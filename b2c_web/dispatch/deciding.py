"""What a dispatcher decides about one trip: jockey, time and Ronja in one go, with everything that speaks against it.

Rights, locks and second presses as in `dispatch/commands.py`.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from flask_babel import lazy_gettext as _l

from b2c_web.accounts.models import User
from b2c_web.bookings.models import AssignmentType, Booking, Trip
from b2c_web.bookings.queries import lock_booking
from b2c_web.db import command_transaction
from b2c_web.dispatch import planning, ronjas, rules
from b2c_web.dispatch.models import CancelReason, JockeyAssignment
from b2c_web.dispatch.placing import JockeyDay, TripPlan, place
from b2c_web.dispatch.problems import Problem, problems_of
from b2c_web.dispatch.queries import jockey_days, live_trip, lock_open, open_trips_of, reserved_ronja
from b2c_web.dispatch.replanning import NOTHING_TO_DRIVE, is_due
from b2c_web.dispatch.steps import CHANGED, check_jockey, check_seen, may_plan, seen_of
from b2c_web.errors import Conflict, Invalid, NotFound


class NeedsYes(Invalid):
    """Something speaks against it; `details["problems"]` is what nobody has accepted yet, and all the rest of it."""

    code = "needs_yes"
    message = _l("So passt es nicht ganz. Bitte sehen Sie es sich an und bestätigen Sie, oder wählen Sie anders.")


@dataclass(frozen=True, slots=True)
class Decision:
    """Who drives, when they are at the door, and which Ronja. None leaves it: the best jockey, the best time."""

    jockey_id: uuid.UUID | None = None
    arrival: datetime | None = None
    ronja_id: uuid.UUID | None = None


def decide(
    booking_id: uuid.UUID,
    kind: AssignmentType,
    decision: Decision,
    *,
    seen: str,
    accepted: Collection[str] = (),
    actor: User | None = None,
) -> uuid.UUID:
    """Give the trip as decided; returns the open assignment's id. Locks the bookings in order of their ids.

    `seen`: `seen_of` what the dispatcher looked at; raises Conflict when it is another by now: somebody was quicker.
    `accepted`: codes of the problems that the dispatcher has seen and wants to live with; raises NeedsYes with all
    of them when there is another one. Raises NotFound, Invalid naming the field, Conflict for a Ronja that is
    promised elsewhere or a trip that is too far.
    """
    with command_transaction():
        booking = _lock(booking_id, decision.ronja_id)
        if not may_plan(actor, booking.workshop_id):
            raise NotFound
        current, ronja_id = lock_open(booking.id, kind), reserved_ronja(booking.id)
        check_seen(seen, seen_of(current, ronja_id))
        if current is None and not is_due(booking, kind):
            raise Conflict(NOTHING_TO_DRIVE, code="wrong_state", status=booking.status.value)
        if decision.ronja_id not in (None, ronja_id):
            ronjas.change_ronja(booking, decision.ronja_id)
        return _give(booking, kind, current, decision, accepted=accepted, actor=actor)


def _lock(booking_id: uuid.UUID, ronja_id: uuid.UUID | None) -> Booking:
    """The booking, and before or after it, by id, the one that a swap would touch."""
    partner = ronjas.partner_of(booking_id, ronja_id) if ronja_id else None
    locked = {one: lock_booking(one) for one in sorted({booking_id, partner or booking_id})}
    if ronja_id and ronjas.partner_of(booking_id, ronja_id) not in (None, partner):
        raise Conflict(CHANGED, code="changed")
    return locked[booking_id]


def _give(
    booking: Booking,
    kind: AssignmentType,
    current: JockeyAssignment | None,
    decision: Decision,
    *,
    accepted: Collection[str],
    actor: User | None,
) -> uuid.UUID:
    if current is not None and _is_the_same(current, decision):
        return current.id
    if current is not None and not rules.may_cancel(kind, current.status, CancelReason.REDISPATCHED):
        raise Conflict(CHANGED, code="wrong_state", status=current.status.value)
    chosen = _choose(booking, kind, decision, current)
    if chosen.problems and not {one.code for one in chosen.problems} <= set(accepted):
        raise NeedsYes(problems=chosen.problems, arrival=chosen.arrival, jockey_id=chosen.jockey_id)
    if current is not None:
        planning.end(current, CancelReason.REDISPATCHED, moved_by=actor.id if actor else None)
    made = planning.assign(booking, kind, jockey_id=chosen.jockey_id, arrival=chosen.arrival)
    if made is None:
        raise Conflict(NOTHING_TO_DRIVE, code="nothing_to_drive", status=booking.status.value)
    made.moved_by = actor.id if actor else None
    return made.id


def _is_the_same(current: JockeyAssignment, decision: Decision) -> bool:
    same_jockey = decision.jockey_id in (None, current.jockey_id)
    same_time = decision.arrival in (None, current.scheduled_time)
    return same_jockey and same_time and current.conflict is None


@dataclass(frozen=True, slots=True)
class Option:
    """One jockey for a trip: when they would be at the door, and what speaks against it."""

    jockey_id: uuid.UUID
    arrival: datetime
    problems: list[Problem]


def options(trip: Trip, workshop_id: uuid.UUID, current: JockeyAssignment | None) -> dict[uuid.UUID, Option]:
    """Every jockey of the workshop for this trip, each at the best time."""
    plan, own = planning.plan_of(trip), current.id if current else None
    days = jockey_days(workshop_id, trip.window_start, without=own)
    return {day.jockey_id: _option(plan, day, None, own) for day in days}


def _choose(booking: Booking, kind: AssignmentType, decision: Decision, current: JockeyAssignment | None) -> Option:
    trip, own = live_trip(booking.id, kind), current.id if current else None
    if trip is None:
        raise Conflict(NOTHING_TO_DRIVE, code="nothing_to_drive", status=booking.status.value)
    if decision.jockey_id is not None:
        check_jockey(decision.jockey_id, booking.workshop_id)
        around = decision.arrival or trip.window_start
        (day,) = jockey_days(booking.workshop_id, around, only=decision.jockey_id, without=own)
        return _option(planning.plan_of(trip), day, decision.arrival, own)
    if decision.arrival is not None:
        raise Invalid(_l("Für eine bestimmte Zeit wählen Sie bitte auch den Jockey."), field="jockey_id")
    return _best(booking, planning.plan_of(trip), own)


def _best(booking: Booking, plan: TripPlan, own: uuid.UUID | None) -> Option:
    days = jockey_days(booking.workshop_id, plan.window_start, without=own)
    best = place(plan, days)
    if best is None:
        raise Conflict(_l("In dieser Werkstatt gibt es gerade keinen Jockey."), code="nobody")
    return _option(plan, next(day for day in days if day.jockey_id == best.jockey_id), best.arrival, own)


def _option(plan: TripPlan, day: JockeyDay, arrival: datetime | None, own: uuid.UUID | None) -> Option:
    if arrival is None:
        placement = place(plan, [day])
        arrival = placement.arrival if placement else plan.earliest_arrival
    taken = open_trips_of(day.jockey_id, arrival, own)
    return Option(day.jockey_id, arrival, problems_of(plan, day, arrival, taken))
