"""What payments owe to the provider or to a stored event, and that no job is queued for.

Each is a side effect whose job was lost or ended in failure. The sweep queues them again, `flask verify` counts them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from b2c_web import jobs
from b2c_web.flask_extensions import db
from b2c_web.payments import jobs as declared


@dataclass(frozen=True)
class Owed:
    """`rows`: ids (as text) of what is due since before :before; `argument` names the id in the job's arguments."""

    name: str
    job: jobs.JobFunction
    argument: str
    rows: str


OWED = (
    Owed(
        "refunds that nobody asks the provider for",
        declared.refund,
        "refund_id",
        "SELECT id::text AS id FROM refunds"
        " WHERE state = 'PENDING' AND stripe_refund_id IS NULL AND updated_at < :before",
    ),
    Owed(
        "given up payments that the provider still waits for",
        declared.close_checkout,
        "payment_id",
        "SELECT id::text AS id FROM payments WHERE state = 'CANCELLED'"
        " AND (checkout_url IS NOT NULL OR authorized_cents > 0) AND updated_at < :before"
        " UNION SELECT id::text FROM payments WHERE state = 'CANCELLED' AND provider_asked_at < :before",
    ),
    Owed(
        "holds that nobody asks the provider for",
        declared.authorize,
        "payment_id",
        "SELECT id::text AS id FROM payments"
        " WHERE state = 'CREATED' AND hold_asked_at < :before AND coalesce(provider_asked_at, '-infinity') < :before",
    ),
    Owed(
        "captures that nobody asks the provider for",
        declared.capture,
        "payment_id",
        "SELECT id::text AS id FROM payments WHERE state = 'AUTHORIZED' AND capture_asked_at < :before"
        " AND capture_given_up_at IS NULL AND coalesce(provider_asked_at, '-infinity') < :before",
    ),
    Owed(
        "given up pages to save a method that the provider still shows",
        declared.close_setup,
        "setup_id",
        "SELECT id::text AS id FROM method_setups WHERE state = 'ENDED' AND closed_at IS NULL AND updated_at < :before",
    ),
    Owed(
        "events received and not handled",
        declared.handle_event,
        "event_id",
        "SELECT id FROM provider_events WHERE processed_at IS NULL AND received_at < :before",
    ),
    Owed(
        "removed cards that the provider still keeps",
        declared.detach_method,
        "method_id",
        "SELECT id::text AS id FROM payment_methods"
        " WHERE NOT is_active AND detached_at IS NULL AND updated_at < :before",
    ),
)

NOT_QUEUED = """
    SELECT due.id FROM ({rows}) AS due
    WHERE NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS job
        WHERE job.task_name = :task AND job.status IN ('todo', 'doing') AND job.args ->> :argument = due.id
    )
    ORDER BY due.id LIMIT :most
"""


def not_queued(owed: Owed, before: datetime, most: int = 200) -> Sequence[str]:
    """Ids of what is due since before `before` and has no job."""
    facts = {"before": before, "task": owed.job.job_name, "argument": owed.argument, "most": most}  # type: ignore[attr-defined]
    return db.session.scalars(text(NOT_QUEUED.format(rows=owed.rows)), facts).all()
