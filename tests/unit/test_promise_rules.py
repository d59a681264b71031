"""What can be promised, judged on plain rows: travel, trips over windows, one particular Ronja, reasons in order."""

import uuid
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from b2c_web.bookings.places import drop_off_ready_at
from b2c_web.capacity.what_if_replay import near
from b2c_web.workshops.ceiling import Limit, ceiling
from b2c_web.workshops.rules import Block, Judge, Order, RonjaPlan, Window, free_until, gaps_of, ronja_span, trip_parts
from b2c_web.workshops.travel import GreatCircleTravelTimes, Point, great_circle_km, locate

HOUR = 3600
DAY_ONE, DAY_TWO = date(2026, 11, 26), date(2026, 11, 27)
ORDER = Order(concierge=True, service_minutes=120, travel_minutes=23)
FAR = 2**40


def window(hour: int, day: int = 0, **facts: Any) -> Window:
    start = day * 24 * HOUR + hour * HOUR
    plain = Window(
        uuid.uuid4(), start, start + 2 * HOUR, (DAY_ONE, DAY_TWO)[day], 4, 0, True, 480, 600, 20, 0, False, False
    )
    return replace(plain, **facts)


def two_days(**facts: Any) -> list[Window]:
    return [window(hour, day, **facts) for day in (0, 1) for hour in (8, 10, 12, 14, 16)]


def ronja(*spans: tuple[int, int], until: int = FAR) -> RonjaPlan:
    return RonjaPlan(
        uuid.uuid4(), [start * HOUR for start, _end in spans], [end * HOUR for _start, end in spans], until
    )


def test_travel_is_the_great_circle_with_detour_speed_and_a_fixed_part() -> None:
    witten, dortmund = Point(51.4436, 7.3353), locate("44137")
    assert dortmund is not None
    km = great_circle_km(witten, dortmund)
    assert 9 < km < 14
    travel = GreatCircleTravelTimes(1.3, 45, 3)
    assert travel.minutes(witten, dortmund) == -int(-(km * 1.3 / 45 * 60 + 3) // 1)
    assert travel.minutes(witten, witten) == 3


def test_unknown_postal_codes_are_not_invented() -> None:
    assert locate("00000") is None


def test_trip_minutes() -> None:
    assert (ORDER.pickup_minutes, ORDER.return_minutes) == (2 * 23 + 40, 2 * 23 + 20)


@pytest.mark.parametrize(
    ("minutes", "shares"), [(86, [86]), (120, [120]), (121, [120, 1]), (254, [120, 120, 14]), (601, None)]
)
def test_a_trip_takes_what_exceeds_its_window_from_the_next(minutes: int, shares: list[int] | None) -> None:
    parts = trip_parts(two_days(), 0, minutes)
    assert (list(parts.values()) if parts else parts) == shares


def test_a_trip_does_not_run_on_over_night() -> None:
    assert trip_parts(two_days(), 4, 121) is None


def test_free_until_sees_gaps_and_service() -> None:
    gaps = gaps_of(ronja((9, 15), (24, 30), until=40 * HOUR))
    found = [free_until([gaps], hour * HOUR)[0] // HOUR for hour in (8, 9, 14, 15, 20, 30, 41)]
    assert found == [9, 0, 0, 24, 24, 40, 0]
    due_before_the_second = gaps_of(ronja((9, 15), (24, 30), until=20 * HOUR))
    assert free_until([due_before_the_second, gaps], 16 * HOUR) == [20 * HOUR, 24 * HOUR]


@pytest.mark.parametrize(
    ("facts", "block"),
    [
        ({"day_is_holiday": True, "day_is_closed": True}, Block.HOLIDAY),
        ({"day_is_closed": True}, Block.CLOSED),
        ({"is_available": False}, Block.CLOSED),
        ({"day_current_bookings": 20, "current_bookings": 4}, Block.DAY_FULL),
        ({"current_bookings": 4, "jockey_minutes_left": 0}, Block.SLOT_FULL),
        ({"jockey_minutes_left": 85}, Block.NO_JOCKEY),
        ({"longest_trip_minutes": 85}, Block.NO_JOCKEY),
        ({}, None),
    ],
)
def test_reasons_in_their_order(facts: dict[str, Any], block: Block | None) -> None:
    offer = Judge([window(8, **facts), *two_days()[1:]], [ronja()], ORDER).offer(0)
    assert offer.block is block
    assert (offer.places > 0) is (block is None)


def test_lead_time_and_horizon() -> None:
    windows = two_days()
    late = replace(ORDER, bookable_from=windows[1].start, bookable_until=windows[6].start)
    judge = Judge(windows, [ronja()], late)
    blocks = [judge.offer(n).block for n in (0, 1, 5, 6)]
    assert blocks == [Block.LEAD_TIME, None, None, Block.HORIZON]


def test_the_return_leaves_time_for_the_work_and_may_be_tomorrow() -> None:
    windows = two_days()
    offer = Judge(windows, [ronja()], ORDER).offer(0, all_returns=True)
    assert [option.window for option in offer.returns] == [*windows[2:5], *windows[5:]]
    evening = Judge(windows, [ronja()], ORDER).offer(4, all_returns=True)
    assert [option.window for option in evening.returns] == windows[5:]


def test_returns_are_offered_for_so_many_open_days_only() -> None:
    windows = two_days()
    offer = Judge(windows, [ronja()], replace(ORDER, return_offer_days=1)).offer(0, all_returns=True)
    assert [option.window for option in offer.returns] == windows[2:5]
    assert Judge(windows, [ronja()], replace(ORDER, return_offer_days=1)).offer(4).block is Block.NO_JOCKEY


def test_a_day_without_jockeys_takes_no_day_of_returns_from_those_before() -> None:
    """Saturday is open for cars that are brought; what is fetched on Friday evening comes back on Monday."""
    friday, monday = two_days()[:5], [replace(one, day=date(2026, 11, 30)) for one in two_days()[5:]]
    monday = [replace(one, start=one.start + 48 * HOUR, end=one.end + 48 * HOUR) for one in monday]
    idle = two_days(longest_trip_minutes=0, jockey_minutes_left=0)[5:]
    windows = [*friday, *idle, *monday]
    assert [one.window for one in Judge(windows, [ronja()], ORDER).offer(4, all_returns=True).returns] == monday
    assert Judge(windows, [ronja()], replace(ORDER, return_offer_days=1)).offer(4).block is Block.NO_JOCKEY
    assert near(windows, 4, replace(ORDER, return_offer_days=1)) == [friday[4], *idle, *monday]


def test_a_return_lies_twelve_days_behind_its_pickup_at_most() -> None:
    """Also when no jockey works for longer: what is read behind the days that are asked for ends there."""
    evening, morning = two_days()[4], two_days()[5]
    for days, is_offered in ((11, True), (12, True), (13, False)):
        start = evening.start + days * 24 * HOUR
        back = replace(morning, start=start, end=start + 2 * HOUR, day=DAY_TWO)
        assert (Judge([evening, back], [ronja()], ORDER).offer(0).block is None) is is_offered


def test_a_pool_that_looks_free_is_not_one_free_ronja() -> None:
    """From 7:37 to 14:38 each of the two is taken for a while, never both at once."""
    morning, noon = ronja((6, 10)), ronja((11, 15))
    assert Judge(two_days()[:5], [morning, noon], ORDER).offer(0).block is Block.NO_RONJA
    assert Judge(two_days()[:5], [morning, noon, ronja()], ORDER).offer(0).places == 1


def test_a_ronja_with_due_service_leaves_planning_before() -> None:
    windows = two_days()
    end = ronja_span(windows[0], windows[2], ORDER)[1]
    assert Judge(windows[:5], [ronja(until=end)], ORDER).offer(0).block is None
    assert Judge(windows[:5], [ronja(until=end - 1)], ORDER).offer(0).block is Block.NO_RONJA


def test_pickup_and_return_that_share_a_window_need_room_for_both() -> None:
    """A long pickup runs on into the window of its own return."""
    far = replace(ORDER, travel_minutes=110, service_minutes=1, return_buffer_minutes=119)
    windows = [window(8), window(10), window(12, jockey_minutes_left=130), window(14), window(16)]
    offer = Judge(windows, [ronja()], far).offer(0, all_returns=True)
    assert windows[2] not in [option.window for option in offer.returns]


def test_a_drop_off_needs_neither_jockey_nor_ronja() -> None:
    drop_off = replace(ORDER, concierge=False)
    assert Judge(two_days(jockey_minutes_left=0), [], drop_off).offer(0).places == 4


def test_the_ceiling_names_its_limit() -> None:
    few_ronjas = ceiling(two_days(), 1, ORDER)
    assert few_ronjas.limit is Limit.RONJAS
    assert few_ronjas.together <= few_ronjas.alone[Limit.BAYS]
    assert ceiling(two_days(max_bookings=1), 50, ORDER).limit is Limit.BAYS
    assert ceiling(two_days(jockey_minutes_left=90), 50, ORDER).limit is Limit.JOCKEYS


# when a car that is brought is ready


@pytest.mark.parametrize(
    ("hour", "service_minutes", "ready"),
    [
        (8, 60, 14),  # 08:00 and three hours: the window that begins at 12
        (12, 120, 18),  # 16:00: the last window
        (14, 120, 18),  # 18:00: closing time
        (14, 180, 24 + 10),  # 19:00 is after closing: in the first window of the next day
        (16, 180, 24 + 10),
    ],
)
def test_a_car_that_is_brought_is_ready_while_somebody_is_there(hour: int, service_minutes: int, ready: int) -> None:
    windows = two_days()
    pickup = next(one for one in windows if one.start == hour * HOUR)
    assert drop_off_ready_at(windows, pickup, Order(False, service_minutes)) == ready * HOUR


def test_a_day_that_is_closed_makes_no_car_ready() -> None:
    later = window(12, 1)
    windows = [window(16), window(8, 1, is_available=False), window(10, 1, day_is_closed=True), later]
    assert drop_off_ready_at(windows, windows[0], Order(False, 180)) == later.end
    assert drop_off_ready_at(windows[:2], windows[0], Order(False, 180)) == 21 * HOUR  # nothing is planned yet
