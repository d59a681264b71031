"""An assignment's lifecycle as tables, and what a handover, a no-show and a person's right need. Pure decisions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from b2c_web.bookings.models import AssignmentType
from b2c_web.dispatch.models import AssignmentStatus, CancelReason

S = AssignmentStatus


class AssignmentAction(StrEnum):
    START = "START"
    ARRIVE = "ARRIVE"
    HAND_OVER = "HAND_OVER"
    ARRIVE_WORKSHOP = "ARRIVE_WORKSHOP"
    COMPLETE = "COMPLETE"
    CANCEL = "CANCEL"


A = AssignmentAction
Steps = Mapping[tuple[AssignmentStatus, AssignmentAction], AssignmentStatus]

# (from, action) -> to, in the order of the trip. Any other move is refused and changes nothing.
PICKUP_STEPS: Steps = {
    (S.ASSIGNED, A.START): S.EN_ROUTE_TO_PICKUP,
    (S.EN_ROUTE_TO_PICKUP, A.ARRIVE): S.AT_PICKUP_LOCATION,
    (S.AT_PICKUP_LOCATION, A.HAND_OVER): S.IN_TRANSIT_TO_WORKSHOP,
    (S.IN_TRANSIT_TO_WORKSHOP, A.ARRIVE_WORKSHOP): S.AT_WORKSHOP,
    (S.AT_WORKSHOP, A.COMPLETE): S.COMPLETED,
}
RETURN_STEPS: Steps = {
    (S.ASSIGNED, A.START): S.EN_ROUTE_TO_CUSTOMER,
    (S.EN_ROUTE_TO_CUSTOMER, A.ARRIVE): S.AT_RETURN_LOCATION,
    (S.AT_RETURN_LOCATION, A.COMPLETE): S.COMPLETED,
}
STEPS: Mapping[AssignmentType, Steps] = {AssignmentType.PICKUP: PICKUP_STEPS, AssignmentType.RETURN: RETURN_STEPS}

ENDED = frozenset({S.COMPLETED, S.CANCELLED})
OPEN = tuple(status for status in S if status not in ENDED)
# the jockey is on the road or at a door
RUNNING = frozenset(OPEN) - {S.ASSIGNED}
# the customer's car is in the jockey's hands
WITH_THE_CAR = frozenset({S.IN_TRANSIT_TO_WORKSHOP, S.AT_WORKSHOP, S.EN_ROUTE_TO_CUSTOMER, S.AT_RETURN_LOCATION})


def next_status(kind: AssignmentType, status: AssignmentStatus, action: AssignmentAction) -> AssignmentStatus | None:
    """Where `action` leads from `status` on a trip of `kind`, or None when it is not allowed there."""
    if action is A.CANCEL:
        return None if status in ENDED else S.CANCELLED
    return STEPS[kind].get((status, action))


def is_behind(kind: AssignmentType, status: AssignmentStatus, action: AssignmentAction) -> bool:
    """Was `action` done already on a trip of `kind` that stands at `status`?"""
    order = [S.ASSIGNED, *STEPS[kind].values()]
    reached = next((to for (_from, step), to in STEPS[kind].items() if step is action), None)
    return reached is not None and status in order and order.index(status) >= order.index(reached)


class HandoverLack(StrEnum):
    """What a handover still needs."""

    VIEWS = "VIEWS"
    SIGNATURE = "SIGNATURE"


def missing_views(handover: Mapping[str, Any], views: Sequence[str]) -> list[str]:
    """The views without a photo of their own: one photo shows one view, the first that names it."""
    shown: dict[Any, Any] = {}
    for photo in handover.get("photos") or []:
        if isinstance(photo, Mapping) and photo.get("file"):
            shown.setdefault(photo["file"], photo.get("view"))
    return [view for view in views if view not in shown.values()]


def handover_lacks(handover: Mapping[str, Any], views: Sequence[str], signature: bool) -> list[HandoverLack]:
    """All that is missing of a handover.

    `handover["photos"]` is a list of {"view": one of `views` or another word, "file": where it is kept};
    `handover["signature"]` is where the customer's signature is kept. Where no signature can be drawn,
    `handover["signed_typed"]` holds the name that the customer typed and confirmed.
    """
    is_signed = handover.get("signature") or handover.get("signed_typed")
    missing = {
        HandoverLack.VIEWS: bool(missing_views(handover, views)),
        HandoverLack.SIGNATURE: signature and not is_signed,
    }
    return [lack for lack, is_missing in missing.items() if is_missing]


class NoShowLack(StrEnum):
    """What a no-show still needs before it can be recorded."""

    CALLS = "CALLS"
    WAITING = "WAITING"
    PHOTO = "PHOTO"


def no_show_lacks(*, calls: int, waited_minutes: int, has_photo: bool, rules: Mapping[str, Any]) -> list[NoShowLack]:
    """All that is missing of 3 call attempts, 15 min waiting and a photo (settings), each as our own records say."""
    missing = {
        NoShowLack.CALLS: calls < rules["NO_SHOW_CALLS"],
        NoShowLack.WAITING: waited_minutes < rules["NO_SHOW_WAIT_MINUTES"],
        NoShowLack.PHOTO: not has_photo,
    }
    return [lack for lack, is_missing in missing.items() if is_missing]


def is_early(planned: datetime, now: datetime, rules: Mapping[str, Any]) -> bool:
    """Is this so long (a setting) before the planned departure that it may be another day's trip, taken by mistake?"""
    return planned - now > timedelta(minutes=rules["EARLY_DEPARTURE_MINUTES"])


CALL_GAP = timedelta(seconds=20)  # two presses closer together are one call


def add_call(calls: Sequence[str], now: datetime) -> list[str]:
    """The recorded call attempts (instants in ISO form) with one more, unless it is the last one pressed twice."""
    if calls and now - datetime.fromisoformat(calls[-1]) < CALL_GAP:
        return list(calls)
    return [*calls, now.isoformat()]


def waited_minutes(arrived_at: datetime | None, window_start: datetime, now: datetime) -> int:
    """Whole minutes at the door within the promised window: nobody has to be there before it."""
    if arrived_at is None:
        return 0
    return max(0, (now - max(arrived_at, window_start)) // timedelta(minutes=1))


def may_cancel(kind: AssignmentType, status: AssignmentStatus, reason: CancelReason) -> bool:
    """May a dispatcher end this trip for this reason?

    A no-show at pickup is recorded with its evidence instead; a jockey who has the customer's car is stopped only
    by a breakdown or by nobody being home; BOOKING_CANCELLED belongs to the booking.
    """
    if status in ENDED or reason is CancelReason.BOOKING_CANCELLED:
        return False
    if kind is AssignmentType.PICKUP:
        return reason is CancelReason.BREAKDOWN or (reason is CancelReason.REDISPATCHED and status not in WITH_THE_CAR)
    other = CancelReason.NO_SHOW if status in WITH_THE_CAR else CancelReason.REDISPATCHED
    return reason in (CancelReason.BREAKDOWN, other)
