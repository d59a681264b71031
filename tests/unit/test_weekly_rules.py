"""Weekly templates and bottlenecks as pure decisions."""

import uuid
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2c_web.workshops.rules import Block, Judge, Limit, Order, RonjaPlan, Window, bottleneck
from b2c_web.workshops.template_changes import ChangeKind, DayNow, ObstacleKind, WindowNow, change_of
from b2c_web.workshops.weekly import DayPlan, PlannedWindow, Week, Weeks, span_refusals
from b2c_web.workshops.weekly_doubts import Carried, doubts_of

MONDAY = date(2026, 11, 30)
PLAN = DayPlan(20, (PlannedWindow(480, 600, 4), PlannedWindow(600, 720, 4)))
LESS = DayPlan(5, (PlannedWindow(480, 600, 2),))


def now(plan: DayPlan = PLAN, booked: int = 0, in_windows: tuple[int, ...] = (0, 0), **facts: bool) -> DayNow:
    windows = tuple(
        WindowNow(uuid.uuid4(), w.starts, w.ends, w.places, count, 0, True)
        for w, count in zip(plan.windows, in_windows, strict=True)
    )
    return DayNow(MONDAY, True, facts.get("shut", False), plan.maximum, booked, windows)


def test_weeks_hold_from_their_first_day() -> None:
    weeks = Weeks(((date(2026, 12, 1), Week({0: PLAN})), (date(2026, 12, 14), Week({0: LESS}))))
    assert weeks.on(date(2026, 12, 7)) == PLAN
    assert weeks.on(date(2026, 12, 14)) == LESS
    assert weeks.on(date(2026, 12, 8)) is None
    assert weeks.on(date(2026, 11, 23)) == PLAN
    assert weeks.until(date(2026, 12, 1)) == date(2026, 12, 14)
    assert weeks.until(date(2026, 12, 14)) is None
    replaced = weeks.with_week(date(2026, 12, 14), Week({}))
    assert replaced.on(date(2026, 12, 14)) is None
    assert weeks.usual_plan(date(2026, 12, 12)) == PLAN
    assert replaced.usual_plan(date(2026, 12, 19)) is None


@pytest.mark.parametrize(
    ("spans", "fine"),
    [([(480, 600), (600, 720)], True), ([(480, 600), (590, 720)], False), ([(0, 1440)], True), ([(480, 494)], False)],
)
def test_windows_stand_beside_each_other(spans: list[tuple[int, int]], fine: bool, app: object) -> None:
    with app.test_request_context():  # type: ignore[attr-defined] - the words need a language
        assert (span_refusals([PlannedWindow(*span, 1) for span in spans]) == []) is fine


def test_a_day_like_the_new_plan_does_not_change() -> None:
    assert change_of(now(), PLAN, PLAN, by_hand_too=False) is None
    assert change_of(now(shut=True), PLAN, LESS, by_hand_too=True) is None


def test_a_day_changes_or_was_changed_by_hand() -> None:
    changes = change_of(now(), PLAN, LESS, by_hand_too=False)
    assert changes is not None
    assert changes.kind is ChangeKind.CHANGES
    by_hand = change_of(now(), LESS, DayPlan(9, ()), by_hand_too=False)
    assert by_hand is not None
    assert by_hand.kind is ChangeKind.BY_HAND
    after_all = change_of(now(), LESS, DayPlan(9, ()), by_hand_too=True)
    assert after_all is not None
    assert after_all.kind is ChangeKind.CHANGES


@given(st.integers(0, 20), st.integers(0, 4), st.integers(0, 4))
def test_whatever_is_booked_no_promise_breaks(booked: int, first: int, second: int) -> None:
    """A day changes exactly when the new plan still has room for all that is booked, window by window."""
    change = change_of(now(PLAN, booked, (first, second)), PLAN, LESS, by_hand_too=False)
    assert change is not None
    kept = booked <= LESS.maximum and first <= 2 and not second
    assert (change.kind is ChangeKind.CHANGES) is kept
    kinds = {one.kind for one in change.obstacles}
    assert (ObstacleKind.DAY in kinds) is (booked > LESS.maximum)
    assert (ObstacleKind.WINDOW_FULL in kinds) is (first > 2)
    assert (ObstacleKind.WINDOW_GONE in kinds) is bool(second)


def test_the_bottleneck_is_the_reason_or_what_carries_least() -> None:
    carries = {Limit.BAYS: 3, Limit.JOCKEYS: 2, Limit.RONJAS: 2}
    assert bottleneck(carries, None) is Limit.JOCKEYS
    assert bottleneck(carries, Block.NO_RONJA) is Limit.RONJAS
    assert bottleneck(carries, Block.DAY_FULL) is Limit.DAY
    assert bottleneck(carries, Block.SLOT_FULL) is Limit.BAYS
    assert bottleneck(carries | {Limit.BAYS: 0}, Block.DAY_FULL) is Limit.BAYS  # a higher maximum would gain nothing
    assert bottleneck({Limit.DAY: 1} | carries, None) is Limit.DAY
    assert bottleneck({Limit.DAY: 2, Limit.BAYS: 2}, None) is Limit.BAYS
    assert bottleneck({Limit.BAYS: 7}, None) is Limit.BAYS


def window(number: int, *, left: int = 240, booked: int = 0) -> Window:
    hour = 3600 * (8 + 2 * number)
    return Window(uuid.uuid4(), hour, hour + 7200, MONDAY, 4, booked, True, left, 480, 20, booked, False, False)


def test_each_resource_is_counted_by_itself() -> None:
    windows = [window(n) for n in range(5)]
    free, away = RonjaPlan(uuid.uuid4(), (), (), 2**40), RonjaPlan(uuid.uuid4(), (0,), (2**30,), 2**40)
    judge = Judge(windows, [free, away], Order(True, 120, 20))
    # a pickup takes 80, a return 60 of the 5 x 240 minutes; one Ronja is away all day
    assert judge.carries(range(5)) == {Limit.DAY: 20, Limit.BAYS: 20, Limit.JOCKEYS: 8, Limit.RONJAS: 1}
    assert Judge(windows, [], Order(False, 120)).carries(range(5)) == {Limit.DAY: 20, Limit.BAYS: 20}


def test_without_a_return_jockeys_and_ronjas_carry_nothing() -> None:
    judge = Judge([window(0)], [RonjaPlan(uuid.uuid4(), (), (), 2**40)], Order(True, 120, 20))
    assert judge.carries([0]) == {Limit.DAY: 20, Limit.BAYS: 4, Limit.JOCKEYS: 0, Limit.RONJAS: 0}


def test_a_pickup_that_takes_no_time_at_all_limits_no_window() -> None:
    week = Week(dict.fromkeys(range(7), PLAN))
    assert doubts_of(week, Carried(2, 1, pickup_minutes=0)) == []
    assert Carried(2, 1, pickup_minutes=0).pickups_in(PLAN.windows[0]) == 120
