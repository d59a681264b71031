"""What demand to expect on a weekday, by service: the mean of the past weeks, with its spread. Nothing cleverer.

Counted are bookings that were paid and not cancelled, by the local day of their pickup or arrival. Only days on
which the workshop was open count: a holiday says nothing about demand.
"""

import statistics
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text

from b2c_web.catalog.models import ServiceType
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db

WEEKS = 12

_OPEN_DAYS = text(
    """
    SELECT date FROM workshop_capacity d
    WHERE workshop_id = :workshop AND date BETWEEN :first AND :last AND NOT is_holiday AND NOT is_closed
      AND EXISTS (SELECT 1 FROM time_slots s WHERE s.workshop_id = d.workshop_id AND s.service_date = d.date)
    """
)
_DEMAND = text(
    """
    SELECT s.service_date AS day, b.service::text AS service, count(*) AS n
    FROM time_slots s JOIN bookings b ON b.slot_id = s.id
    WHERE s.workshop_id = :workshop AND s.service_date BETWEEN :first AND :last
      AND b.status NOT IN ('PENDING', 'CANCELLED')
    GROUP BY 1, 2
    """
)


@dataclass(frozen=True, slots=True)
class Expected:
    """Bookings to expect on one such day: mean and standard deviation over `days` open days.

    `spread` is None with fewer than two of them, `mean` None without any.
    """

    mean: float | None
    spread: float | None
    days: int

    @classmethod
    def of(cls, counts: Sequence[int]) -> "Expected":
        """From the number of bookings on each open day, zeros included."""
        mean = statistics.fmean(counts) if counts else None
        return cls(mean, statistics.stdev(counts) if len(counts) > 1 else None, len(counts))


@dataclass(frozen=True, slots=True)
class Weekday:
    """0 is Monday. `example` is a date of that weekday, for its name."""

    number: int
    example: date
    services: dict[ServiceType, Expected]
    total: Expected


@dataclass(frozen=True, slots=True)
class Forecast:
    first: date
    last: date
    weekdays: list[Weekday]

    @property
    def has_data(self) -> bool:
        return any(day.total.mean for day in self.weekdays)


def forecast(workshop_id: uuid.UUID) -> Forecast:
    """The forecast out of the 12 weeks before today. Two statements."""
    last = today_in(ZONE) - timedelta(days=1)
    first = last - timedelta(days=7 * WEEKS - 1)
    facts = {"workshop": workshop_id, "first": first, "last": last}
    days = db.session.scalars(_OPEN_DAYS, facts).all()
    counts = {(row.day, ServiceType(row.service)): row.n for row in db.session.execute(_DEMAND, facts)}
    numbers = sorted({day.weekday() for day in days})
    return Forecast(first, last, [_weekday(number, days, counts) for number in numbers])


def _weekday(number: int, days: Sequence[date], counts: Mapping[tuple[date, ServiceType], int]) -> Weekday:
    same = sorted(day for day in days if day.weekday() == number)
    services = {kind: Expected.of([counts.get((day, kind), 0) for day in same]) for kind in ServiceType}
    total = Expected.of([sum(counts.get((day, kind), 0) for kind in ServiceType) for day in same])
    return Weekday(number, same[-1], services, total)
