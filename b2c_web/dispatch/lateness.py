"""When a trip will be at the door, and what a dispatcher has to look at. Pure decisions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from b2c_web.bookings.models import AssignmentType, BookingStatus
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.rules import ENDED

S = AssignmentStatus
AT_RISK = timedelta(minutes=15)  # less than this left of the window is tight


class Risk(StrEnum):
    ON_TIME = "ON_TIME"
    AT_RISK = "AT_RISK"
    LATE = "LATE"


@dataclass(frozen=True, slots=True)
class Arrival:
    """When somebody was or will be at the door, and by how many minutes after the window's end."""

    at: datetime
    late_minutes: int
    risk: Risk


@dataclass(frozen=True, slots=True)
class Times:
    """The promise, the way there, the plan, and what really was. `expected`: of somebody who has set out."""

    window_end: datetime
    travel: timedelta
    scheduled: datetime
    arrived: datetime | None
    departed: datetime | None = None
    expected: datetime | None = None


def arrival_of(times: Times, status: AssignmentStatus, now: datetime) -> Arrival:
    """What really was, else when who has set out should be there, else the plan.

    But only what is still possible: nobody who has not left is there before `now` plus the way, and nobody who is on
    the way is there before `now`.
    """
    soonest = now + times.travel if status is S.ASSIGNED else now
    at = times.arrived or max(times.expected or times.scheduled, soonest)
    late = max(0, -((times.window_end - at) // timedelta(minutes=1)))
    tight = times.arrived is None and at > times.scheduled and times.window_end - at < AT_RISK
    risk = Risk.LATE if late else Risk.AT_RISK if tight else Risk.ON_TIME
    return Arrival(at, late, risk)


def is_overdue(
    times: Times, status: AssignmentStatus | None, window: timedelta, now: datetime, *, is_on_the_road: bool
) -> bool:
    """Is a promise broken that no longer settles itself? For trips that are not over, `status` as in `need_of`.

    Before the handover at the door: nobody drives and the window is over, or it does not happen within another
    whole window. `is_on_the_road`: the customer's car left and is on its way to the workshop; it is late a whole
    window after it should have arrived.
    """
    if is_on_the_road:
        is_there = status in (S.AT_WORKSHOP, S.COMPLETED)
        return not is_there and times.departed is not None and now > times.departed + times.travel + window
    if status is None or status in ENDED:
        return now > times.window_end
    soonest = now if times.arrived else arrival_of(times, status, now).at
    return soonest > times.window_end + window


class Need(StrEnum):
    """What a dispatcher has to do about a trip."""

    NO_JOCKEY = "NO_JOCKEY"
    FLAGGED = "FLAGGED"
    NO_SHOW = "NO_SHOW"
    RETURN_FAILED = "RETURN_FAILED"
    OVERDUE = "OVERDUE"
    UNREADABLE = "UNREADABLE"  # a photo of the handover, or its signature, turned out to be no picture


def need_of(
    kind: AssignmentType,
    booking: BookingStatus,
    *,
    is_due: bool,
    waits_for_new_date: bool,
    status: AssignmentStatus | None,
    reason: CancelReason | None,
    conflict: str | None,
) -> Need | None:
    """`status`, `reason` and `conflict` are those of the trip's newest assignment; None: it never had one."""
    if kind is AssignmentType.PICKUP and booking is BookingStatus.CONFIRMED and waits_for_new_date:
        return Need.NO_SHOW
    if status is not None and status not in ENDED:
        return Need.FLAGGED if conflict and status is S.ASSIGNED else None
    if not is_due:
        return None
    failed = kind is AssignmentType.RETURN and reason in (CancelReason.NO_SHOW, CancelReason.BREAKDOWN)
    return Need.RETURN_FAILED if failed else Need.NO_JOCKEY
