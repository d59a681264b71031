"""Does the calendar slow down as years of bookings pile up? The same question before and after a long history."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import event

from b2c_web.bookings.availability import Question, availability
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.demo.bulk import Order
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from benchmarks import data
from benchmarks.house import House, percentile, say

SMALL, LARGE = 10_000, 1_000_000
COMING = 40_000  # what the coming days hold; the same before and after
ROUNDS = 8
RATIO = 1.3


@dataclass(frozen=True)
class Seen:
    """One size of history: the median time of the query function and the buffers that its statements read."""

    history: int
    median_ms: float
    buffers: float
    statements: int


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `availability_growth`."""
    coming = Order(data.WORKSHOPS, data.DAYS, COMING, every_day=True)
    house.make_database("growing", lambda: data.fill(coming))
    with house.app.app_context():
        data.add_history(SMALL)
        before = look()
        data.add_history(LARGE)
        after = look()
    times, buffers = after.median_ms / before.median_ms, after.buffers / before.buffers
    yield {
        "name": "availability_growth",
        "ours": round(after.median_ms, 2),
        "floor": round(before.median_ms, 2),
        "ratio": round(times, 3),
        "unit": "ms",
        "buffers": round(after.buffers),
        "buffers_before": round(before.buffers),
        "buffers_ratio": round(buffers, 3),
        "statements": after.statements,
        "history_before": before.history,
        "history": after.history,
        "ok": times <= RATIO and buffers <= RATIO,
    }


def questions() -> list[Question]:
    """One with concierge for each workshop."""
    kinds = list(ServiceType)
    return [
        Question(workshop.id, kinds[number % 4], VehicleClass.MIDSIZE, True, 12)
        for number, workshop in enumerate(data.workshops())
    ]


def look() -> Seen:
    """Asks for the whole horizon of every workshop, several times round."""
    history = data.history_count()
    say(f"asking with {history:,} bookings in the past")
    asked = questions()
    times = [_ask(question) for _round in range(ROUNDS) for question in asked]
    reads = [_buffers(question) for question in asked]
    statements = max(len(each) for each in reads)
    return Seen(history, percentile(times, 50), sum(map(sum, reads)) / len(reads), statements)


def _ask(question: Question) -> float:
    """Milliseconds for one answer, in a transaction of its own."""
    db.session.rollback()
    began = time.perf_counter()
    today = today_in(ZONE)
    availability(question, today, today + timedelta(days=current_app.config["HORIZON_DAYS"]))
    return (time.perf_counter() - began) * 1000


def _buffers(question: Question) -> list[int]:
    """Buffers read by each statement of one answer, by PostgreSQL's own count."""
    sent: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        sent.append((call[2], call[3]))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        _ask(question)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    raw = db.session.connection().connection.driver_connection
    if raw is None:
        raise RuntimeError("no connection")
    return [blocks_read(raw, statement, values) for statement, values in sent]


def blocks_read(raw: Any, statement: str, values: Any) -> int:
    """How many buffers a statement reads, by PostgreSQL's own count."""
    answer = raw.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", values).fetchone()[0]
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
