"""What a dispatcher is told: lateness, what needs somebody, what speaks against a jockey and a time."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from b2c_web.bookings.models import AssignmentType, BookingStatus
from b2c_web.dispatch.lateness import Need, Risk, Times, arrival_of, is_overdue, need_of
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.placing import JockeyDay, Shift, TripPlan
from b2c_web.dispatch.problems import Taken, problems_of
from b2c_web.dispatch.rules import add_call

EIGHT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
TEN = EIGHT + timedelta(hours=2)
TRAVEL = timedelta(minutes=20)
S, B = AssignmentStatus, BookingStatus
PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN


def after(minutes: int) -> datetime:
    return EIGHT + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("status", "arrived", "now", "expected"),
    [
        (S.ASSIGNED, None, -60, (0, 0, Risk.ON_TIME)),
        (S.ASSIGNED, None, 50, (70, 0, Risk.ON_TIME)),
        (S.ASSIGNED, None, 90, (110, 0, Risk.AT_RISK)),
        (S.ASSIGNED, None, 110, (130, 10, Risk.LATE)),
        (S.EN_ROUTE_TO_PICKUP, None, 110, (110, 0, Risk.AT_RISK)),
        (S.EN_ROUTE_TO_PICKUP, None, 121, (121, 1, Risk.LATE)),
        (S.AT_PICKUP_LOCATION, 119, 400, (119, 0, Risk.ON_TIME)),
        (S.COMPLETED, 132, 400, (132, 12, Risk.LATE)),
    ],
)
def test_lateness(status: S, arrived: int | None, now: int, expected: tuple[int, int, Risk]) -> None:
    times = Times(TEN, TRAVEL, EIGHT, None if arrived is None else after(arrived))
    found = arrival_of(times, status, after(now))
    assert (found.at, found.late_minutes, found.risk) == (after(expected[0]), expected[1], expected[2])


@pytest.mark.parametrize(
    ("left", "expected"), [(-120, (0, Risk.ON_TIME)), (90, (0, Risk.AT_RISK)), (110, (10, Risk.LATE))]
)
def test_who_has_set_out_is_there_after_the_way(left: int, expected: tuple[int, Risk]) -> None:
    there = after(left) + TRAVEL
    found = arrival_of(Times(TEN, TRAVEL, EIGHT, None, None, there), S.EN_ROUTE_TO_PICKUP, after(left))
    assert (found.at, found.late_minutes, found.risk) == (there, *expected)


def test_a_plan_for_the_windows_end_is_no_risk_by_itself() -> None:
    found = arrival_of(Times(TEN, TRAVEL, TEN - timedelta(minutes=5), None), S.ASSIGNED, EIGHT)
    assert found.risk is Risk.ON_TIME


@pytest.mark.parametrize(
    ("status", "arrived", "departed", "from_minute"),
    [
        (None, None, None, 120),
        (S.CANCELLED, None, None, 120),
        (S.ASSIGNED, None, None, 220),  # the way counts: nobody is there within another window
        (S.EN_ROUTE_TO_CUSTOMER, None, None, 240),
        (S.AT_RETURN_LOCATION, 60, None, 240),
        (S.IN_TRANSIT_TO_WORKSHOP, 60, 80, 220),
        (S.CANCELLED, 60, 80, 220),  # broke down on its way in
    ],
)
def test_a_broken_promise(status: S | None, arrived: int | None, departed: int | None, from_minute: int) -> None:
    def at(minute: int | None) -> datetime | None:
        return None if minute is None else after(minute)

    times = Times(TEN, TRAVEL, EIGHT, at(arrived), at(departed))

    def is_broken(minute: int) -> bool:
        return is_overdue(times, status, TEN - EIGHT, after(minute), is_on_the_road=departed is not None)

    assert not is_broken(from_minute)
    assert is_broken(from_minute + 1)


@pytest.mark.parametrize("status", [S.AT_WORKSHOP, S.COMPLETED])
def test_a_car_at_the_workshop_is_not_on_the_road_any_more(status: S) -> None:
    times = Times(TEN, TRAVEL, EIGHT, after(60), after(80))
    assert not is_overdue(times, status, TEN - EIGHT, after(2000), is_on_the_road=True)


@pytest.mark.parametrize(
    ("kind", "booking", "facts", "need"),
    [
        (PICKUP, B.CONFIRMED, {}, Need.NO_JOCKEY),
        (PICKUP, B.CONFIRMED, {"waits": True, "reason": CancelReason.NO_SHOW}, Need.NO_SHOW),
        (PICKUP, B.CONFIRMED, {"status": S.ASSIGNED}, None),
        (PICKUP, B.CONFIRMED, {"status": S.ASSIGNED, "conflict": "NO_SHIFT"}, Need.FLAGGED),
        (PICKUP, B.CONFIRMED, {"status": S.EN_ROUTE_TO_PICKUP, "conflict": "NO_SHIFT"}, None),
        (RETURN, B.IN_WORKSHOP, {"due": False}, None),
        (RETURN, B.READY_FOR_RETURN, {"status": S.CANCELLED, "reason": CancelReason.REDISPATCHED}, Need.NO_JOCKEY),
        (RETURN, B.READY_FOR_RETURN, {"status": S.CANCELLED, "reason": CancelReason.NO_SHOW}, Need.RETURN_FAILED),
        (RETURN, B.READY_FOR_RETURN, {"status": S.CANCELLED, "reason": CancelReason.BREAKDOWN}, Need.RETURN_FAILED),
        (PICKUP, B.COMPLETED, {"due": False, "status": S.COMPLETED}, None),
    ],
)
def test_what_needs_somebody(kind: AssignmentType, booking: B, facts: dict[str, Any], need: Need | None) -> None:
    found = need_of(
        kind,
        booking,
        is_due=facts.get("due", True),
        waits_for_new_date=facts.get("waits", False),
        status=facts.get("status"),
        reason=facts.get("reason"),
        conflict=facts.get("conflict"),
    )
    assert found is need


PLAN = TripPlan(EIGHT, TEN, TRAVEL, timedelta(minutes=80), EIGHT - timedelta(hours=3))
AT_WORK = Shift(EIGHT - timedelta(hours=1), EIGHT + timedelta(hours=6), after(200), after(230))


def codes(arrival: datetime, shifts: list[Shift] | None = None, taken: tuple[Taken, ...] = ()) -> list[str]:
    day = JockeyDay(uuid.uuid4(), [AT_WORK] if shifts is None else shifts)
    return [one.code for one in problems_of(PLAN, day, arrival, taken)]


def test_what_speaks_against_it() -> None:
    meets = Taken("BK-1", (after(30), after(100)))
    beside = Taken("BK-2", (after(60), after(100)))
    assert codes(EIGHT) == []
    assert codes(EIGHT, taken=(meets, beside)) == ["OVERLAP:BK-1"]
    assert codes(EIGHT, shifts=[]) == ["NO_SHIFT"]
    assert codes(after(150)) == ["LATE", "BREAK"]
    assert codes(after(-5)) == ["TOO_EARLY"]
    assert codes(EIGHT - timedelta(hours=3)) == ["TOO_EARLY", "TOO_SOON", "OUTSIDE_SHIFT"]


def test_part_of_a_minute_counts_as_one() -> None:
    day = JockeyDay(uuid.uuid4(), [AT_WORK])
    late, *_more = problems_of(PLAN, day, TEN + timedelta(seconds=61), ())
    assert late.minutes == 2


def test_a_call_that_is_pressed_twice_counts_once() -> None:
    once = add_call([], EIGHT)
    assert add_call(once, EIGHT + timedelta(seconds=19)) == once
    assert len(add_call(once, EIGHT + timedelta(seconds=20))) == 2
