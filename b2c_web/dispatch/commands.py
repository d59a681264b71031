"""The steps of a trip, as jockeys press them: each is one transaction and locks the booking's row, then the trip's.

`actor` is the person who presses; None is the system itself. A jockey acts on the own trips only, dispatchers on
those of their workshop; for everybody else they do not exist (NotFound). A step that the same person did already
changes nothing; for anybody else it raises Conflict with the state as it is now (`details["status"]`).
All return the assignment's state, but for `record_call`.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l

from b2c_web.accounts.models import User
from b2c_web.bookings import lifecycle, messages
from b2c_web.bookings.arrival import ask_back
from b2c_web.bookings.models import AssignmentType, BookingStatus
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.dispatch import photos, planning, rules, words
from b2c_web.dispatch.car_back import check_none_out
from b2c_web.dispatch.doubts import ask_at_once, ask_back_holder, ask_back_keys
from b2c_web.dispatch.drivers import is_on_the_road
from b2c_web.dispatch.handovers import keys_of
from b2c_web.dispatch.keeping import take_early
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.queries import lock_assignment
from b2c_web.dispatch.rules import AssignmentAction as Action
from b2c_web.dispatch.steps import Step
from b2c_web.dispatch.whereabouts import ask_back_ronja, refresh_jockey, ronja_goes_out, ronja_shows
from b2c_web.errors import Conflict, Invalid
from b2c_web.notifications.models import NotificationKind

PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
NOT_HERE = _l("Das Auto ist noch nicht in der Werkstatt angekommen.")
Lack = rules.HandoverLack | rules.NoShowLack
LACKING: Mapping[Lack, tuple[str, Any]] = {
    rules.HandoverLack.VIEWS: ("photos", _l("Es fehlen noch Fotos: %(views)s.")),
    rules.HandoverLack.SIGNATURE: ("signature", _l("Es fehlt noch die Unterschrift.")),
    rules.NoShowLack.CALLS: ("calls", _l("Bitte rufen Sie zuerst noch einmal an.")),
    rules.NoShowLack.WAITING: ("waited_minutes", _l("Die Wartezeit ist noch nicht um.")),
    rules.NoShowLack.PHOTO: ("photo", _l("Es fehlt noch ein Foto vom Ort.")),
}


@contextmanager
def locked_step(assignment_id: uuid.UUID, actor: User | None) -> Iterator[Step]:
    """A command's transaction around one trip that `actor` may act on. Raises NotFound."""
    with command_transaction():
        assignment, booking = lock_assignment(assignment_id)
        step = Step(assignment, booking, actor)
        step.check_right()
        yield step


def _need_all(lacks: Sequence[Lack], views: Sequence[str] = ()) -> None:
    """Raises Invalid for the first; `details["lacks"]` names all of them. `views`: those without a photo."""
    if lacks:
        field, message = LACKING[lacks[0]]
        raise Invalid(
            str(message) % {"views": words.listed(views)}, code=lacks[0].value.lower(), field=field, lacks=tuple(lacks)
        )


def _calls(step: Step) -> list[str]:
    """The call attempts that were recorded at the door."""
    return list((step.assignment.handover or {}).get("calls", []))


def _kept(step: Step, handover: Mapping[str, Any]) -> dict[str, Any]:
    """The handover with the call attempts that were recorded before it."""
    calls = _calls(step)
    return {**handover, **({"calls": calls} if calls else {})}


def _whole(step: Step, handover: Mapping[str, Any], confirmed: Mapping[str, bool]) -> dict[str, Any]:
    """The handover without what does not count for this trip. Raises Invalid naming what is missing, or all that is
    strange and was not confirmed; without "keys" in `confirmed` nobody counts them.
    """
    config, good = current_app.config, photos.of_trip(handover, step.assignment)
    views = config["HANDOVER_VIEWS"]
    lacks = rules.handover_lacks(good, views, config["HANDOVER_SIGNATURE"])
    _need_all(lacks, rules.missing_views(good, views))
    asks: list[Callable[[], object]] = []
    if not confirmed["mileage"] and "mileage_km" in good:
        asks.append(lambda: ask_back(step.booking, good["mileage_km"]))
    if not confirmed["ronja"] and "ronja_mileage_km" in good:
        asks.append(lambda: ask_back_ronja(step.assignment.ronja, good["ronja_mileage_km"]))
    if "keys" in confirmed:
        asks.append(lambda: ask_back_keys(step, keys_of(good), confirmed=confirmed["keys"]))
    ask_at_once(asks)
    return _kept(step, good)


def start_pickup(
    assignment_id: uuid.UUID, actor: User | None = None, *, early: bool = False, has_ronja: bool = False
) -> AssignmentStatus:
    """The jockey sets out with the Ronja: BUSY; the customer is told, with an arrival estimate.

    Raises Invalid (`early`) long before the planned departure, unless `early` says that this is meant, and
    (`has_ronja`) when another customer still has that Ronja, unless `has_ronja` says that the jockey has it; also
    (`early`) when the Ronja is promised to somebody else until then. Raises Conflict as `check_none_out`.
    """
    with locked_step(assignment_id, actor) as step:
        now = now_utc()
        if step.to_do(PICKUP, Action.START):
            check_none_out(step)
            if not early:
                step.check_time(now)
            if not ask_back_holder(step, confirmed=has_ronja):  # else the plan is wrong, and the jockey has the car
                take_early(step, now)
        if step.take(PICKUP, Action.START, needs=BookingStatus.CONFIRMED, started_at=now):
            refresh_jockey(step.assignment.jockey_id)
            messages.send(
                NotificationKind.JOCKEY_UNDER_WAY,
                step.booking,
                once=str(assignment_id),
                jockey_name=step.assignment.jockey.name,
                arrival_estimate=(now + step.travel()).isoformat(),
            )
        return step.assignment.status


def arrive_pickup(assignment_id: uuid.UUID, actor: User | None = None) -> AssignmentStatus:
    """The jockey stands at the customer's door."""
    with locked_step(assignment_id, actor) as step:
        step.take(PICKUP, Action.ARRIVE, needs=BookingStatus.CONFIRMED, arrived_at=now_utc())
        return step.assignment.status


def finish_pickup_handover(
    assignment_id: uuid.UUID,
    handover: Mapping[str, Any],
    actor: User | None = None,
    *,
    mileage_confirmed: bool = True,
    ronja_confirmed: bool = True,
    has_ronja: bool = True,
) -> AssignmentStatus:
    """The jockey has the car and the customer the Ronja: booking IN_TRANSIT_TO_WORKSHOP, Ronja IN_USE.

    `handover` as in `rules.handover_lacks`; it is kept as it is, without files that do not count for this trip
    (`photos.counting`), and what "ronja_mileage_km" says is the Ronja's mileage from now on. Raises Invalid naming what
    is missing, or with the code "mileage_doubt" or "ronja_mileage_doubt" for a strange mileage that nobody confirmed,
    or "ronja_out" for a Ronja that another customer still has. That is asked when its row is ours: of two at once one
    is asked.
    """
    with locked_step(assignment_id, actor) as step:
        if step.to_do(PICKUP, Action.HAND_OVER):
            whole = _whole(step, handover, {"mileage": mileage_confirmed, "ronja": ronja_confirmed})
            step.take(PICKUP, Action.HAND_OVER, departed_at=now_utc(), handover=whole)
            lifecycle.pick_up(step.booking)
            trip = step.assignment.trip
            ronja_goes_out(step.assignment.vehicle_id, f"{trip.address}, {trip.postal_code} {trip.city}")
            ask_back_holder(step, confirmed=has_ronja)
            ronja_shows(step.assignment.vehicle_id, whole.get("ronja_mileage_km"))
        return step.assignment.status


def arrive_workshop(assignment_id: uuid.UUID, actor: User | None = None) -> AssignmentStatus:
    """The customer's car stands at the workshop; staff check it in."""
    with locked_step(assignment_id, actor) as step:
        step.take(PICKUP, Action.ARRIVE_WORKSHOP)
        return step.assignment.status


def complete_pickup(assignment_id: uuid.UUID, actor: User | None = None) -> AssignmentStatus:
    """Keys and papers are handed in: the pickup is over, the jockey free."""
    with locked_step(assignment_id, actor) as step:
        if step.take(PICKUP, Action.COMPLETE, completed_at=now_utc()):
            planning.give_time_back(step.assignment, now_utc())
            refresh_jockey(step.assignment.jockey_id)
        return step.assignment.status


def start_return(assignment_id: uuid.UUID, actor: User | None = None, *, early: bool = False) -> AssignmentStatus:
    """The jockey leaves with the customer's car: booking IN_TRANSIT_TO_CUSTOMER, the customer is told.

    Raises Conflict while the car is still on its way to the workshop, and what `start_pickup` raises.
    """
    with locked_step(assignment_id, actor) as step:
        if step.to_do(RETURN, Action.START):
            if is_on_the_road(step.booking):
                raise Conflict(NOT_HERE, code="not_here")
            check_none_out(step)
            now = now_utc()
            if not early:
                step.check_time(now)
            planning.finish_pickup(step.booking)
            step.take(RETURN, Action.START, started_at=now)
            lifecycle.leave_for_customer(step.booking, now + step.travel())
            refresh_jockey(step.assignment.jockey_id)
        return step.assignment.status


def arrive_return(assignment_id: uuid.UUID, actor: User | None = None) -> AssignmentStatus:
    """The jockey stands at the customer's door with the car."""
    with locked_step(assignment_id, actor) as step:
        step.take(RETURN, Action.ARRIVE, arrived_at=now_utc())
        return step.assignment.status


def complete_return(
    assignment_id: uuid.UUID,
    handover: Mapping[str, Any],
    actor: User | None = None,
    *,
    mileage_confirmed: bool = True,
    ronja_confirmed: bool = True,
    keys_confirmed: bool = True,
) -> AssignmentStatus:
    """The customer has the car back: booking COMPLETED. The Ronja is AVAILABLE when it is home and clean.

    `handover` as at the pickup; "keys_doubt" is the code for fewer keys than were taken. All that is strange is
    asked at once, the others in `details["also"]`. The jockey is free for the next trip; the drive home stays in
    the plan.
    """
    with locked_step(assignment_id, actor) as step:
        if step.to_do(RETURN, Action.COMPLETE):
            now = now_utc()
            confirmed = {"mileage": mileage_confirmed, "ronja": ronja_confirmed, "keys": keys_confirmed}
            whole = _whole(step, handover, confirmed)
            step.take(RETURN, Action.COMPLETE, departed_at=now, completed_at=now, handover=whole)
            home = now + step.travel()
            lifecycle.complete(step.booking, ronja_back_at=home)
            planning.give_time_back(step.assignment, home)
            refresh_jockey(step.assignment.jockey_id)
            planning.ronja_home(step.assignment.vehicle_id, home)
            ronja_shows(step.assignment.vehicle_id, whole.get("ronja_mileage_km"))
        return step.assignment.status


def record_call(assignment_id: uuid.UUID, actor: User | None = None) -> bool:
    """The jockey rang and nobody answered. False: it is the call that was noted just before, pressed again."""
    with locked_step(assignment_id, actor) as step:
        if step.assignment.status not in (AssignmentStatus.AT_PICKUP_LOCATION, AssignmentStatus.AT_RETURN_LOCATION):
            raise step.conflict()
        before = _calls(step)
        calls = rules.add_call(before, now_utc())
        step.assignment.handover = {**(step.assignment.handover or {}), "calls": calls}
        return calls != before


def record_no_show(assignment_id: uuid.UUID, *, photo: str, actor: User | None = None) -> AssignmentStatus:
    """Nobody is there at pickup: the PICKUP ends with NO_SHOW, the booking stays and a new date is offered.

    Needs the call attempts (`record_call`), the waiting within the promised window by our clock, and `photo`, the
    id of a photo that counts for this trip. Raises Invalid; `details["lacks"]` names all that is missing.
    """
    with locked_step(assignment_id, actor) as step:
        if step.is_ended_by_actor(CancelReason.NO_SHOW):
            return step.assignment.status
        step.must_be(PICKUP, AssignmentStatus.AT_PICKUP_LOCATION)
        waited = rules.waited_minutes(step.assignment.arrived_at, step.assignment.trip.window_start, now_utc())
        calls, shown = len(_calls(step)), photos.one_of_trip(photo, step.assignment)
        lacks = rules.no_show_lacks(calls=calls, waited_minutes=waited, has_photo=bool(shown), rules=current_app.config)
        _need_all(lacks)
        step.assignment.handover = _kept(step, {"no_show": {"calls": calls, "waited_minutes": waited, "photo": shown}})
        lifecycle.no_show(step.booking)  # it locks payments: a jockey's time is given back last everywhere
        planning.end(step.assignment, CancelReason.NO_SHOW, moved_by=step.actor_id)
        return step.assignment.status


def return_failed(
    assignment_id: uuid.UUID, reason: CancelReason, note: str = "", actor: User | None = None
) -> AssignmentStatus:
    """Nobody home (NO_SHOW) or a BREAKDOWN on the way back: the RETURN ends, booking READY_FOR_RETURN again."""
    with locked_step(assignment_id, actor) as step:
        if not step.is_ended_by_actor(reason):
            fail_return(step, reason, note)
        return step.assignment.status


def fail_return(step: Step, reason: CancelReason, note: str) -> None:
    """Step: end a return that is under way; the booking waits for a new one. Raises Conflict, Invalid."""
    step.must_be(RETURN, AssignmentStatus.EN_ROUTE_TO_CUSTOMER, AssignmentStatus.AT_RETURN_LOCATION)
    if reason not in (CancelReason.NO_SHOW, CancelReason.BREAKDOWN):
        raise Invalid(_l("Bitte nennen Sie den Grund."), field="reason")
    planning.end(step.assignment, reason, moved_by=step.actor_id)
    lifecycle.return_failed(step.booking, note or reason.value)
