"""The only clock: everything that asks for the time asks here, so that tests can set it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_frozen_at: datetime | None = None


def now_utc() -> datetime:
    """The present instant, aware, in UTC."""
    return _frozen_at or datetime.now(UTC)


def today_in(zone: ZoneInfo) -> date:
    """The local calendar day in `zone`."""
    return now_utc().astimezone(zone).date()


def local_to_utc(day: date, minutes_after_midnight: int, zone: ZoneInfo) -> datetime:
    """The instant at which a wall clock in `zone` shows this time on `day`.

    Wall-clock arithmetic, so a window at 08:00 stays at 08:00 across both clock changes.
    """
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minutes_after_midnight)
    return wall.astimezone(UTC)


@contextmanager
def frozen(at: datetime) -> Iterator[None]:
    """Hold the clock at `at` (aware) for this process, for tests and for making demo data."""
    global _frozen_at  # noqa: PLW0603 - the clock is one thing per process, that is its point
    if at.tzinfo is None:
        raise ValueError("the clock takes aware datetimes only")
    before, _frozen_at = _frozen_at, at.astimezone(UTC)
    try:
        yield
    finally:
        _frozen_at = before
