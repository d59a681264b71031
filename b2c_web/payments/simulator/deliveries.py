"""What is owed to the webhook: rows written in the transaction of the event, so that a restart still sends them.

States: owed -> delivered | given_up; held (waits for its batch), withheld (told never to send) -> owed by a flush.
"""

import json
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .world import World

Body = dict[str, Any]
GIVE_UP_SECONDS = 3 * 24 * 3600
LONGEST_PAUSE_SECONDS = 300.0
OPEN_STATES = "('owed', 'held', 'withheld')"


def owe(world: "World", event: Body) -> int:
    """Plans the deliveries of a new event by the rules told; returns how many there are."""
    if not world.wanted(event["type"]):
        return 0
    rule, last = world.rules.take(event["type"])
    kind = rule.kind if rule else None
    now = time.time()
    if rule and kind == "out_of_order":
        _insert(world, event, "held", now, rule.batch)
        if last:
            release_batch(world, rule.batch)
    elif kind == "never":
        _insert(world, event, "withheld", now)
    else:
        _insert(world, event, "owed", now + (rule.seconds if rule and kind == "late" else 0))
        if kind == "twice":
            _insert(world, event, "owed", now)
            return 2
    return 1


def _insert(world: "World", event: Body, state: str, due_at: float, batch: str | None = None) -> None:
    values = (event["id"], state, due_at, batch)
    world.store.write("INSERT INTO deliveries (event, state, due_at, batch) VALUES (?, ?, ?, ?)", values)


def release_batch(world: "World", batch: str) -> None:
    """Turns the order round: each delivery waits until the one of the later event was tried."""
    rows = world.store.rows("SELECT id FROM deliveries WHERE state = 'held' AND batch = ? ORDER BY id DESC", (batch,))
    previous: int | None = None
    for (delivery_id,) in rows:
        sql = "UPDATE deliveries SET state = 'owed', due_at = ?, waits_for = ? WHERE id = ?"
        world.store.write(sql, (time.time(), previous, delivery_id))
        previous = int(delivery_id)


def release_everything(world: "World", withheld: bool) -> None:
    """Makes every open delivery due now; those told never to be sent only when `withheld`."""
    with world.acting():
        for (batch,) in world.store.rows("SELECT DISTINCT batch FROM deliveries WHERE state = 'held'"):
            release_batch(world, batch)
        if withheld:
            world.store.write("UPDATE deliveries SET state = 'owed' WHERE state = 'withheld'")
        world.store.write("UPDATE deliveries SET due_at = 0 WHERE state = 'owed'")


def due(world: "World", limit: int) -> list[tuple[int, Body, int, float | None]]:
    """(id, event, attempts so far, time of the first attempt) of what may be sent now, oldest first."""

    sql = """SELECT d.id, o.body, d.attempts, d.first_at FROM deliveries d JOIN objects o ON o.id = d.event
        WHERE d.state = 'owed' AND d.due_at <= ? AND (d.waits_for IS NULL
          OR EXISTS (SELECT 1 FROM deliveries w WHERE w.id = d.waits_for AND w.attempts > 0))
        ORDER BY d.due_at, d.id LIMIT ?"""
    return [(row[0], json.loads(row[1]), row[2], row[3]) for row in world.store.rows(sql, (time.time(), limit))]


def record(world: "World", delivery_id: int, *, attempts: int, first_at: float, delivered: bool, answer: str) -> None:
    """Notes an attempt; one that failed is tried again after a pause that doubles, for three days."""
    now = time.time()
    pause = min(LONGEST_PAUSE_SECONDS, world.settings.retry_seconds * 2.0 ** (attempts - 1))
    failed_state = "given_up" if now - first_at > GIVE_UP_SECONDS else "owed"
    state = "delivered" if delivered else failed_state
    with world.store.transaction():
        sql = "UPDATE deliveries SET state=?, attempts=?, first_at=?, due_at=?, last_answer=? WHERE id = ?"
        world.store.write(sql, (state, attempts, first_at, now + pause, answer, delivery_id))


def open_count(world: "World", event_id: str | None = None) -> int:
    """How many deliveries are still owed, of one event or of all."""
    where = " AND event = ?" if event_id else ""
    sql = f"SELECT count(*) FROM deliveries WHERE state IN {OPEN_STATES}{where}"  # noqa: S608 - words of ours
    return int(world.store.rows(sql, (event_id,) if event_id else ())[0][0])


def listed(world: "World", limit: int = 200) -> list[Body]:
    sql = """SELECT d.id, d.event, o.label, d.state, d.attempts, d.last_answer FROM deliveries d
        JOIN objects o ON o.id = d.event ORDER BY d.id DESC LIMIT ?"""
    names = ("id", "event", "type", "state", "attempts", "last_answer")
    return [dict(zip(names, row, strict=True)) for row in world.store.rows(sql, (limit,))]


def owe_again(world: "World", event_id: str) -> None:
    """One more delivery of an event that was already sent, as pressing "resend" at the provider does."""
    _insert(world, {"id": event_id}, "owed", time.time())
