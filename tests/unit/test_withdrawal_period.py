"""How long a contract can be withdrawn from: whole days, and never ending on a day on which nobody works."""

from datetime import UTC, date, datetime

import pytest

from b2c_web.bookings.rules import withdrawal_ends
from b2c_web.config import ZONE

FOURTEEN = {"WITHDRAWAL_DAYS": 14}


@pytest.mark.parametrize(
    ("since", "last"),
    [
        (datetime(2026, 11, 24, 0, 4, tzinfo=UTC), date(2026, 12, 8)),  # 01:04 in Witten: the day itself does not count
        (datetime(2026, 11, 23, 23, 30, tzinfo=UTC), date(2026, 12, 8)),  # the 24th in Witten
        (datetime(2026, 11, 24, 22, 59, tzinfo=UTC), date(2026, 12, 8)),
        (datetime(2026, 11, 29, 8, 0, tzinfo=UTC), date(2026, 12, 14)),  # a Sunday moves to Monday
        (datetime(2026, 11, 28, 8, 0, tzinfo=UTC), date(2026, 12, 14)),  # a Saturday too
        (datetime(2026, 12, 11, 8, 0, tzinfo=UTC), date(2026, 12, 28)),  # Christmas, and the weekend after it
        (datetime(2027, 5, 13, 8, 0, tzinfo=UTC), date(2027, 5, 28)),  # Corpus Christi, a holiday in NW
        (datetime(2027, 3, 14, 8, 0, tzinfo=UTC), date(2027, 3, 30)),  # Easter, and the change of the clock
    ],
)
def test_it_lasts_until_the_end_of_its_last_working_day(since: datetime, last: date) -> None:
    local = withdrawal_ends(since, "NW", FOURTEEN).astimezone(ZONE)
    assert (local.date(), local.hour, local.minute, local.second) == (last, 23, 59, 59)
