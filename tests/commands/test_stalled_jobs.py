"""Jobs of a worker that was killed go back into the queue, whatever else waits there."""

from typing import Any

import pytest
from sqlalchemy import text

from b2c_web import jobs

RECONCILE = "payments.reconcile"


def put(session: Any, name: str, status: str, *, lock: str | None = None, worker: int | None = None) -> int:
    statement = """
        INSERT INTO procrastinate_jobs (task_name, queue_name, args, status, queueing_lock, worker_id)
        VALUES (:name, 'default', '{}', 'todo', :lock, :worker) RETURNING id"""
    job_id = session.scalar(text(statement), {"name": name, "lock": lock, "worker": worker})
    change = "UPDATE procrastinate_jobs SET status = CAST(:status AS procrastinate_job_status) WHERE id = :id"
    session.execute(text(change), {"id": job_id, "status": status})
    session.commit()
    return int(job_id)


def standing(session: Any) -> dict[int, str]:
    return {row.id: row.status for row in session.execute(text("SELECT id, status::text FROM procrastinate_jobs"))}


def a_worker(session: Any, seconds_ago: int) -> int:
    beat = (
        "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - make_interval(secs => :ago)) RETURNING id"
    )
    return int(session.scalar(text(beat), {"ago": seconds_ago}))


def test_what_a_dead_worker_had_in_hand_waits_again(session: Any) -> None:
    dead, alive = a_worker(session, 61), a_worker(session, 5)
    mine = put(session, "notifications.send", "doing", worker=dead)
    forgotten = put(session, "payments.capture", "doing")
    at_work = put(session, "payments.capture", "doing", worker=alive)
    jobs.recover_stalled()
    assert standing(session) == {mine: "todo", forgotten: "todo", at_work: "doing"}


@pytest.mark.parametrize("waiting", [True, False], ids=["the next one waits", "both were in hand"])
def test_two_of_a_periodic_job_hold_up_nobody(session: Any, waiting: bool) -> None:
    """Only one of a kind may wait: the database refuses a second, and everything else has to come back all the same."""
    before = put(session, "notifications.send", "doing")
    first = put(session, RECONCILE, "doing", lock=RECONCILE)
    second = put(session, RECONCILE, "todo" if waiting else "doing", lock=RECONCILE)
    after = put(session, "payments.capture", "doing")
    jobs.recover_stalled()
    found = standing(session)
    assert (found.pop(before), found.pop(after)) == ("todo", "todo")
    assert list(found.values()) == ["todo"]
    assert set(found) <= {first, second}
