"""Public holidays of Germany's federal states."""

from datetime import date
from functools import lru_cache

import holidays

FRIDAY = 4


@lru_cache(maxsize=64)
def _holidays_of(federal_state: str, year: int) -> dict[date, str]:
    return dict(holidays.country_holidays("DE", subdiv=federal_state, years=year, language="de"))


def holiday_name(federal_state: str, day: date) -> str | None:
    """The public holiday of that federal state ("NW") on `day`, in German, or None."""
    return _holidays_of(federal_state, day.year).get(day)
