"""How much of bays, jockeys and Ronjas was used, week by week, and is planned for the coming ones."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import text

from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.rules import Limit

WEEKS_BACK = 12
WEEKS_AHEAD = 4

_BAYS = text(
    """
    SELECT date_trunc('week', date)::date AS week, sum(current_bookings) AS used, sum(max_bookings) AS room
    FROM workshop_capacity
    WHERE workshop_id = :workshop AND date BETWEEN :first AND :last AND NOT is_holiday AND NOT is_closed
    GROUP BY 1
    """
)
_JOCKEYS = text(
    """
    SELECT date_trunc('week', service_date)::date AS week, sum(jockey_minutes_taken) AS used,
      sum(jockey_minutes_room) AS room
    FROM time_slots WHERE workshop_id = :workshop AND service_date BETWEEN :first AND :last GROUP BY 1
    """
)
# a Ronja is used while it is reserved inside an open window
_RONJAS = text(
    """
    WITH fleet AS (
      SELECT id FROM ronja_vehicles WHERE workshop_id = :workshop AND status IN ('AVAILABLE', 'IN_USE')),
    slots AS (
      SELECT s.id, date_trunc('week', s.service_date)::date AS week, tstzrange(s.start_time, s.end_time) AS span
      FROM time_slots s JOIN workshop_capacity d ON d.workshop_id = s.workshop_id AND d.date = s.service_date
      WHERE s.workshop_id = :workshop AND s.service_date BETWEEN :first AND :last
        AND NOT d.is_holiday AND NOT d.is_closed),
    used AS (
      SELECT slots.week, sum(extract(epoch FROM upper(r.during * slots.span) - lower(r.during * slots.span))) AS seconds
      FROM slots JOIN ronja_reservations r ON r.during && slots.span AND r.ronja_id IN (SELECT id FROM fleet)
      GROUP BY 1)
    SELECT slots.week, coalesce(max(used.seconds), 0) / 60 AS used,
      sum(extract(epoch FROM upper(span) - lower(span))) * (SELECT count(*) FROM fleet) / 60 AS room
    FROM slots LEFT JOIN used USING (week) GROUP BY 1
    """
)


@dataclass(frozen=True, slots=True)
class Week:
    """One week: what was used of the room (bookings, or minutes); `percent` is None when there was none."""

    monday: date
    used: int
    room: int
    planned: bool

    @property
    def percent(self) -> int | None:
        return round(100 * self.used / self.room) if self.room else None


@dataclass(frozen=True, slots=True)
class Use:
    """One resource over the weeks; `mean` over the past ones that had room, in percent."""

    limit: Limit
    weeks: list[Week]

    @property
    def mean(self) -> int | None:
        past = [week for week in self.weeks if not week.planned and week.room]
        return round(100 * sum(w.used for w in past) / sum(w.room for w in past)) if past else None


def utilisation(workshop_id: uuid.UUID) -> list[Use]:
    """Bays, jockeys and Ronjas for the past 12 weeks, this one and the next three. Three statements."""
    this = today_in(ZONE) - timedelta(days=today_in(ZONE).weekday())
    mondays = [this + timedelta(weeks=number) for number in range(-WEEKS_BACK, WEEKS_AHEAD)]
    facts = {"workshop": workshop_id, "first": mondays[0], "last": mondays[-1] + timedelta(days=6)}
    statements = {Limit.BAYS: _BAYS, Limit.JOCKEYS: _JOCKEYS, Limit.RONJAS: _RONJAS}
    uses = []
    for limit, statement in statements.items():
        rows = {row.week: row for row in db.session.execute(statement, facts)}
        uses.append(Use(limit, [_week(monday, rows, planned=monday >= this) for monday in mondays]))
    return uses


def _week(monday: date, rows: Mapping[date, Any], *, planned: bool) -> Week:
    row = rows.get(monday)
    return Week(monday, round(row.used or 0) if row else 0, round(row.room or 0) if row else 0, planned)
