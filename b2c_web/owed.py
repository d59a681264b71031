"""Side effects that are owed and that no job is queued for: `flask verify` counts them, a sweep queues them again."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import Row, text

from b2c_web import jobs
from b2c_web.checks import SHOWN, Breach, Check
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db

MOST_AT_ONCE = 200

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owed:
    """A side effect whose job was lost or ended in failure.

    `rows` is a SELECT of `arguments` (the job's, whole, as JSON) and `at` (not before then; null: at once). It may use
    :before, since when at least it is due, :now, and `settings` by their names.
    """

    name: str
    job: jobs.JobFunction
    rows: str
    settings: tuple[str, ...] = ()


ABOUT = "SELECT jsonb_build_object('{argument}', id) AS arguments, NULL::timestamptz AS at FROM ({ids}) AS each"
NOT_QUEUED = """
    SELECT due.arguments, due.at FROM ({rows}) AS due
    WHERE NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS job
        WHERE job.task_name = :task AND job.status IN ('todo', 'doing') AND job.args = due.arguments
    )
    ORDER BY due.arguments LIMIT :most
"""


def about(argument: str, ids: str) -> str:
    """The rows of a job that takes one id and is due at once. `ids` is a SELECT of `id`, as text."""
    return ABOUT.format(argument=argument, ids=ids)


def not_queued(owed: Owed, before: datetime) -> Sequence[Row[dict[str, Any], datetime | None]]:
    """`arguments` and `at` of what is due since before `before` and has no job."""
    facts = {"before": before, "now": now_utc()} | {name: current_app.config[name] for name in owed.settings}
    used = {name: value for name, value in facts.items() if f":{name}" in owed.rows}
    task = {"task": owed.job.job_name, "most": MOST_AT_ONCE}  # type: ignore[attr-defined]
    return db.session.execute(text(NOT_QUEUED.format(rows=owed.rows)), used | task).all()


def queue_again(every: Iterable[Owed], before: datetime) -> int:
    """Queue everything owed since before `before` that has no job; returns how many."""
    count = 0
    with command_transaction():
        for owed in every:
            for arguments, at in not_queued(owed, before):
                log.warning("%s: %s goes back into the queue", owed.name, arguments)
                jobs.defer(owed.job, at=at, **arguments)
                count += 1
    return count


def check_of(owed: Owed, name: str, late_after: timedelta) -> Check:
    """The check that nothing of it is due for longer than `late_after` without a job."""

    def check() -> Breach:
        found = not_queued(owed, now_utc() - late_after)
        return Breach(name, len(found), [" ".join(filter(None, facts.values())) for facts, _at in found[:SHOWN]])

    return check
