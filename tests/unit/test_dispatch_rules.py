"""An assignment's tables, what a handover and a no-show need, and who gets a trip."""

import uuid
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from b2c_web.bookings.models import AssignmentType
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.dispatch.placing import Clash, JockeyDay, Shift, TripPlan, clash_of, earliest, free_times, place
from b2c_web.dispatch.rules import (
    ENDED,
    OPEN,
    RUNNING,
    STEPS,
    AssignmentAction,
    HandoverLack,
    NoShowLack,
    handover_lacks,
    is_behind,
    may_cancel,
    next_status,
    no_show_lacks,
    waited_minutes,
)

PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
S, A = AssignmentStatus, AssignmentAction
NINE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


# lifecycle


def walked(kind: AssignmentType) -> list[AssignmentStatus]:
    """Every state of a trip from its assignment to its end."""
    states = [S.ASSIGNED]
    while states[-1] is not S.COMPLETED:
        states.append(next(to for (before, _action), to in STEPS[kind].items() if before is states[-1]))
    return states


def test_a_pickup_goes_the_domains_way() -> None:
    assert [state.value for state in walked(PICKUP)] == [
        "ASSIGNED",
        "EN_ROUTE_TO_PICKUP",
        "AT_PICKUP_LOCATION",
        "IN_TRANSIT_TO_WORKSHOP",
        "AT_WORKSHOP",
        "COMPLETED",
    ]


def test_a_return_goes_the_domains_way() -> None:
    assert [state.value for state in walked(RETURN)] == [
        "ASSIGNED",
        "EN_ROUTE_TO_CUSTOMER",
        "AT_RETURN_LOCATION",
        "COMPLETED",
    ]


@pytest.mark.parametrize(("kind", "status", "action"), list(product(AssignmentType, S, A)))
def test_every_other_step_is_refused(kind: AssignmentType, status: S, action: A) -> None:
    to = next_status(kind, status, action)
    if action is A.CANCEL:
        assert to is (None if status in ENDED else S.CANCELLED)
    else:
        assert to is STEPS[kind].get((status, action))
        assert (to is not None) == (status in walked(kind) and (status, action) in STEPS[kind])


def test_open_states_are_all_but_the_ends() -> None:
    assert set(OPEN) == set(S) - {S.COMPLETED, S.CANCELLED}
    assert set(OPEN) - {S.ASSIGNED} == RUNNING


def test_a_step_lies_behind_once_its_state_is_reached() -> None:
    assert is_behind(PICKUP, S.AT_PICKUP_LOCATION, A.START)
    assert is_behind(PICKUP, S.AT_PICKUP_LOCATION, A.ARRIVE)
    assert not is_behind(PICKUP, S.AT_PICKUP_LOCATION, A.HAND_OVER)
    assert not is_behind(RETURN, S.ASSIGNED, A.START)
    assert not is_behind(RETURN, S.AT_RETURN_LOCATION, A.HAND_OVER)
    assert not is_behind(PICKUP, S.CANCELLED, A.START)


def test_what_a_dispatcher_may_take_off_the_plan() -> None:
    for kind, reason in product(AssignmentType, CancelReason):
        assert not may_cancel(kind, S.COMPLETED, reason)
        assert not may_cancel(kind, S.CANCELLED, reason)
    assert not may_cancel(PICKUP, S.ASSIGNED, CancelReason.BOOKING_CANCELLED)
    assert not may_cancel(PICKUP, S.AT_PICKUP_LOCATION, CancelReason.NO_SHOW)
    assert may_cancel(PICKUP, S.AT_PICKUP_LOCATION, CancelReason.REDISPATCHED)
    assert not may_cancel(PICKUP, S.IN_TRANSIT_TO_WORKSHOP, CancelReason.REDISPATCHED)
    assert may_cancel(PICKUP, S.IN_TRANSIT_TO_WORKSHOP, CancelReason.BREAKDOWN)
    assert may_cancel(RETURN, S.EN_ROUTE_TO_CUSTOMER, CancelReason.BREAKDOWN)
    assert may_cancel(RETURN, S.AT_RETURN_LOCATION, CancelReason.NO_SHOW)
    assert not may_cancel(RETURN, S.ASSIGNED, CancelReason.NO_SHOW)
    assert not may_cancel(RETURN, S.EN_ROUTE_TO_CUSTOMER, CancelReason.REDISPATCHED)
    assert may_cancel(RETURN, S.ASSIGNED, CancelReason.REDISPATCHED)


# handover and no-show

VIEWS = ("front", "rear", "left", "right", "dashboard")


def photos(*views: str) -> list[dict[str, str]]:
    return [{"view": view, "file": f"{view}.jpg"} for view in views]


def test_a_whole_handover_lacks_nothing() -> None:
    assert handover_lacks({"photos": photos(*VIEWS, "scratch"), "signature": "s.png"}, VIEWS, True) == []


@pytest.mark.parametrize("missing", VIEWS)
def test_each_view_is_needed(missing: str) -> None:
    shown = [view for view in VIEWS if view != missing]
    assert handover_lacks({"photos": photos(*shown, "scratch"), "signature": "s"}, VIEWS, True) == [HandoverLack.VIEWS]


@pytest.mark.parametrize("odd", [None, [], [{"view": "front"}], ["front"], [{"view": "front", "file": ""}]])
def test_a_photo_without_its_file_is_none(odd: object) -> None:
    assert handover_lacks({"photos": odd, "signature": "s"}, ("front",), True) == [HandoverLack.VIEWS]


def test_the_signature_is_needed_unless_the_setting_says_no() -> None:
    unsigned = {"photos": photos(*VIEWS), "signature": ""}
    assert handover_lacks(unsigned, VIEWS, True) == [HandoverLack.SIGNATURE]
    assert handover_lacks(unsigned, VIEWS, False) == []


RULES = {"NO_SHOW_CALLS": 3, "NO_SHOW_WAIT_MINUTES": 15}


def test_all_that_a_handover_lacks_is_named() -> None:
    assert handover_lacks({}, VIEWS, True) == [HandoverLack.VIEWS, HandoverLack.SIGNATURE]


@pytest.mark.parametrize(
    ("calls", "waited", "photo", "lacks"),
    [
        (3, 15, True, []),
        (2, 15, True, [NoShowLack.CALLS]),
        (3, 14, True, [NoShowLack.WAITING]),
        (3, 15, False, [NoShowLack.PHOTO]),
        (0, 0, False, list(NoShowLack)),
    ],
)
def test_a_no_show_needs_calls_waiting_and_photo(calls: int, waited: int, photo: bool, lacks: list[NoShowLack]) -> None:
    assert no_show_lacks(calls=calls, waited_minutes=waited, has_photo=photo, rules=RULES) == lacks


def test_waiting_counts_within_the_promised_window_only() -> None:
    assert waited_minutes(None, NINE, NINE + minutes(30)) == 0
    assert waited_minutes(NINE - minutes(40), NINE, NINE + minutes(10)) == 10
    assert waited_minutes(NINE + minutes(5), NINE, NINE + minutes(30)) == 25
    assert waited_minutes(NINE + minutes(5), NINE, NINE) == 0


# who gets a trip


def trip(start: datetime = NINE, *, travel: int = 20, whole: int = 80, not_before: datetime | None = None) -> TripPlan:
    return TripPlan(
        start, start + minutes(120), minutes(travel), minutes(whole), not_before or NINE - timedelta(days=1)
    )


def jockey(
    number: int, *busy: tuple[int, int], shift: tuple[int, int] = (-120, 480), rest: tuple[int, int] | None = None
):
    """Minutes from nine o'clock."""
    at = [NINE + minutes(n) for n in (*shift, *(rest or ()))]
    spans = [(NINE + minutes(start), NINE + minutes(end)) for start, end in busy]
    return JockeyDay(uuid.UUID(int=number), [Shift(*at)], spans)


def test_the_earliest_wins_then_the_least_loaded() -> None:
    late, loaded, idle = jockey(1, (-60, 30)), jockey(2, (300, 400)), jockey(3)
    found = place(trip(), [late, loaded, idle])
    assert found is not None
    assert (found.jockey_id, found.arrival, found.clash) == (idle.jockey_id, NINE, None)


def test_the_trip_begins_after_the_one_before() -> None:
    found = place(trip(), [jockey(1, (-60, 30))])
    assert found is not None
    assert (found.arrival, found.clash) == (NINE + minutes(50), None)


def test_a_gap_that_is_too_short_is_passed_over() -> None:
    assert earliest(trip(), jockey(1, (-60, -30), (40, 60))) == NINE + minutes(80)


def test_the_break_is_kept() -> None:
    assert earliest(trip(), jockey(1, shift=(-120, 240), rest=(50, 80))) == NINE + minutes(100)


def test_nobody_leaves_before_now() -> None:
    assert earliest(trip(not_before=NINE + minutes(30)), jockey(1)) == NINE + minutes(50)


def test_nobody_at_all_is_the_only_none() -> None:
    assert place(trip(), []) is None


def test_off_shift_is_flagged() -> None:
    found = place(trip(), [jockey(1, shift=(300, 480)), jockey(2, shift=(110, 480))])
    assert found is not None
    assert (found.jockey_id, found.clash) == (uuid.UUID(int=2), Clash.NO_SHIFT)


def test_all_taken_is_flagged_with_the_least_overlap() -> None:
    found = place(trip(), [jockey(1, (-30, 480)), jockey(2, (-30, 130))])
    assert found is not None
    assert (found.jockey_id, found.clash) == (uuid.UUID(int=2), Clash.NO_JOCKEY_FREE)


def test_past_the_window_is_flagged() -> None:
    found = place(trip(not_before=NINE + minutes(150)), [jockey(1)])
    assert found is not None
    assert (found.arrival, found.clash) == (NINE + minutes(170), Clash.OUTSIDE_WINDOW)


MINUTE = st.integers(-200, 500)


@st.composite
def jockeys(draw: st.DrawFn) -> list[JockeyDay]:
    made = []
    for number in range(draw(st.integers(0, 4))):
        start, end = sorted(draw(st.lists(MINUTE, min_size=2, max_size=2, unique=True)))
        rest = sorted(draw(st.lists(st.integers(start, end), min_size=2, max_size=2)))
        edges = sorted(draw(st.lists(MINUTE, max_size=8, unique=True)))
        busy = list(zip(edges[::2], edges[1::2], strict=False))
        made.append(jockey(number, *busy, shift=(start, end), rest=(rest[0], rest[1]) if rest[0] < rest[1] else None))
    return made


@given(jockeys(), st.integers(0, 60), st.integers(1, 200), st.integers(-300, 300))
def test_a_placement_without_a_clash_keeps_every_limit(
    people: list[JockeyDay], travel: int, more: int, now: int
) -> None:
    plan = trip(travel=travel, whole=2 * travel + more, not_before=NINE + minutes(now))
    found = place(plan, people)
    assert (found is None) == (not people)
    if found is None:
        return
    chosen = next(one for one in people if one.jockey_id == found.jockey_id)
    assert clash_of(plan, chosen, found.arrival) is found.clash
    leaves, back = plan.span(found.arrival)
    assert leaves >= plan.not_before
    assert found.arrival >= plan.window_start
    if found.clash is None:
        assert found.arrival <= plan.window_end
        assert any(start <= leaves and back <= end for start, end in chosen.at_work())
        assert all(back <= start or end <= leaves for start, end in chosen.busy)


@given(jockeys(), st.integers(0, 60), st.integers(1, 200))
def test_whoever_fits_is_found_and_nobody_could_be_earlier(people: list[JockeyDay], travel: int, more: int) -> None:
    plan = trip(travel=travel, whole=2 * travel + more)
    minute_by_minute = [NINE + minutes(n) for n in range(121)]
    possible = [
        a for one in people for a in minute_by_minute if clash_of(plan, one, a) is None and _in_one(plan, one, a)
    ]
    found = place(plan, people)
    if possible:
        assert found is not None
        assert (found.clash, found.arrival) == (None, min(possible))
    elif found is not None:
        assert found.clash is not None or found.arrival not in minute_by_minute


def _in_one(plan: TripPlan, one: JockeyDay, arrival: datetime) -> bool:
    leaves, back = plan.span(arrival)
    return any(start <= leaves and back <= end for start, end in free_times(one))
