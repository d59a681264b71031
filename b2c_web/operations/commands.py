"""What failed for good is put before a person, with everything needed to do it again."""

import traceback
import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import select, text
from uuid_utils.compat import uuid7

from b2c_web import jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification
from b2c_web.operations.models import FailedOperation

LOST = "The worker ended before it could say why; its log may know more."
COLLECTED_AT_ONCE = 200

# failed jobs that nobody has recorded: their worker died, or the database was away just then.
# Periodic ones, known by their queueing lock, run again anyway.
_UNRECORDED = text(
    """
    SELECT job.id, job.task_name, job.args FROM procrastinate_jobs job
    WHERE job.status = 'failed' AND job.queueing_lock IS NULL AND NOT EXISTS (
      SELECT FROM failed_operations f WHERE f.operation = job.task_name AND f.payload ->> 'job_id' = job.id::text)
    ORDER BY job.id LIMIT :most
    """
)

_RESOLVE = text(
    """
    UPDATE failed_operations SET resolved_at = :now, updated_at = :now, resolution = :resolution, resolved_by = :by
    WHERE resolved_at IS NULL AND operation = ANY (:operations)
      AND EXISTS (SELECT FROM jsonb_each_text(payload || coalesce(payload -> 'arguments', '{}')) fact
                  WHERE fact.value = ANY (:ids))
    """
)


def record_failure(operation: str, payload: dict[str, Any], error: str, stack_trace: str | None = None) -> None:
    """Step: put an operation that failed for good before a person. `payload` must be JSON-able."""
    row = FailedOperation(id=uuid7(), operation=operation, payload=payload, error=error, stack_trace=stack_trace)
    db.session.add(row)
    db.session.flush()


def resolve(
    operations: Collection[str], ids: Collection[uuid.UUID], resolution: str, by: uuid.UUID | None = None
) -> None:
    """Step: what is open of these operations about these ids is over; `resolution` says how, `by` who did it.

    The ids are looked for among the facts of what was given up, and among the arguments of a job that failed.
    """
    facts = {"operations": list(operations), "ids": [str(one) for one in ids]}
    db.session.execute(_RESOLVE, {"now": now_utc(), "resolution": resolution, "by": by, **facts})


def record_job(name: str, job_id: int | None, arguments: dict[str, Any], error: BaseException | str) -> None:
    """Step: put a job that failed for good before a person; a periodic one once, until somebody resolved it.

    (The clock runs a periodic job anyway: a thousand rows would say no more than one.)
    """
    if jobs.is_periodic(name) and _is_before_a_person(name):
        return
    if isinstance(error, BaseException):
        trace = "".join(traceback.format_exception(error))
        error = f"{type(error).__name__}: {error}"
    else:
        trace = None
    record_failure(name, {"job_id": job_id, "arguments": arguments}, error, trace)


def _is_before_a_person(operation: str) -> bool:
    unresolved = select(FailedOperation.id).filter_by(operation=operation, resolved_at=None)
    return db.session.scalar(unresolved.limit(1)) is not None


def record_message(notification: Notification) -> None:
    """Step: a message could not be sent."""
    payload = {"notification_id": str(notification.id), "kind": notification.kind.value}
    record_failure("notifications.send", payload, notification.error or "")


def collect_failed_jobs() -> int:
    """Record failed jobs that nobody recorded, at most 200 at once; returns how many were looked at."""
    with command_transaction():
        rows = db.session.execute(_UNRECORDED, {"most": COLLECTED_AT_ONCE}).all()
        for row in rows:
            record_job(row.task_name, row.id, row.args, LOST)
        return len(rows)
