"""Lateness, doubtful mileages, and how numbers are shown."""

from datetime import UTC, datetime, timedelta

import pytest

from b2c_web.bookings.rules import MileageDoubt, mileage_doubt
from b2c_web.dashboard.rules import Risk, days_late, punctuality
from b2c_web.formatting import whole_numbers
from tests.conftest import NOON


@pytest.mark.parametrize(
    ("seconds_left", "risk", "minutes"),
    [
        (31 * 60, Risk.ON_TIME, 31),
        (30 * 60, Risk.AT_RISK, 30),
        (1, Risk.AT_RISK, 0),
        (0, Risk.AT_RISK, 0),
        (-59, Risk.AT_RISK, 0),
        (-60, Risk.LATE, 1),
        (-12 * 60 - 30, Risk.LATE, 12),
    ],
)
def test_late_is_what_is_past_its_minute(seconds_left: int, risk: Risk, minutes: int) -> None:
    found = punctuality(NOON + timedelta(seconds=seconds_left), NOON)
    assert (found.risk, found.minutes) == (risk, minutes)


@pytest.mark.parametrize(
    ("due", "now", "days"),
    [
        (datetime(2026, 11, 27, 15, tzinfo=UTC), datetime(2026, 11, 29, 9, tzinfo=UTC), 2),  # Friday at four to Sunday
        (datetime(2026, 11, 27, 15, tzinfo=UTC), datetime(2026, 11, 28, 15, tzinfo=UTC), 1),
        (datetime(2026, 11, 26, 22, 30, tzinfo=UTC), datetime(2026, 11, 27, 23, tzinfo=UTC), 2),  # local midnights
        (datetime(2026, 10, 24, 22, tzinfo=UTC), datetime(2026, 10, 25, 22, tzinfo=UTC), 1),  # that day has 25 hours
    ],
)
def test_days_late_are_those_of_the_calendar(due: datetime, now: datetime, days: int) -> None:
    assert days_late(due, now) == days


@pytest.mark.parametrize(
    ("km", "days", "doubt"),
    [
        (84_210, 0, None),
        (84_209, 0, MileageDoubt.LOWER),
        (85_210, 0, None),
        (85_211, 0, MileageDoubt.HIGHER),
        (90_210, 10, None),
        (90_211, 10, MileageDoubt.HIGHER),
        (85_210, -3, None),
    ],
)
def test_a_mileage_is_doubted_when_it_fell_or_leapt(km: int, days: int, doubt: MileageDoubt | None) -> None:
    assert mileage_doubt(km, 84_210, days) is doubt


def test_a_booking_number_stays_in_one_piece_and_can_be_copied() -> None:
    shown = whole_numbers("<Ihre> Buchung BK-2026-000123 und RE-2026-7")
    assert shown == (
        '&lt;Ihre&gt; Buchung <span class="nowrap">BK-2026-000123</span> und <span class="nowrap">RE-2026-7</span>'
    )
    assert whole_numbers("Ihr Code") == "Ihr Code"
