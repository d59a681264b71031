"""How late something is, and where a car stands. Pure decisions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from b2c_web.bookings.models import AssignmentType, BookingStatus
from b2c_web.config import ZONE
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment

SOON = timedelta(minutes=30)
ARRIVED = (AssignmentStatus.AT_WORKSHOP, AssignmentStatus.COMPLETED)


class Risk(StrEnum):
    ON_TIME = "on-time"
    AT_RISK = "at-risk"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Punctuality:
    """`minutes` past the promise when late, until it otherwise."""

    risk: Risk
    minutes: int


def punctuality(due: datetime, now: datetime) -> Punctuality:
    """Late past `due`, at risk in its last 30 minutes. A minute that has begun is not late yet."""
    if now >= due + timedelta(minutes=1):
        return Punctuality(Risk.LATE, (now - due) // timedelta(minutes=1))
    left = max(due - now, timedelta(0))
    return Punctuality(Risk.AT_RISK if left <= SOON else Risk.ON_TIME, left // timedelta(minutes=1))


def days_late(due: datetime, now: datetime) -> int:
    """Calendar days from `due` to `now` where the workshop stands, for what is late by a day or more; at least 1."""
    return max((now.astimezone(ZONE).date() - due.astimezone(ZONE).date()).days, 1)


def is_parked(status: BookingStatus, tours: Iterable[JockeyAssignment]) -> bool:
    """Did a jockey bring the car, and has nobody checked it in yet?"""
    brought = any(one.type is AssignmentType.PICKUP and one.status in ARRIVED for one in tours)
    return brought and status is BookingStatus.IN_TRANSIT_TO_WORKSHOP
