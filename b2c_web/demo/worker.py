"""The demo's own worker: does the jobs of the past at the instants at which they were due."""

from datetime import datetime

from sqlalchemy import text

from b2c_web import jobs
from b2c_web.clock import frozen
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db

# a job taken is gone, so a true worker beside us does not do it too
_TAKE = text("""
    DELETE FROM procrastinate_jobs WHERE id = (
        SELECT id FROM procrastinate_jobs
        WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= :until)
        ORDER BY scheduled_at NULLS FIRST, id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING task_name, args, scheduled_at
""")


def work_off(until: datetime) -> int:
    """Does all jobs due at `until`, each with the clock at its own due time. Returns how many."""
    done = 0
    while True:
        with command_transaction():
            job = db.session.execute(_TAKE, {"until": until}).one_or_none()
        if job is None:
            return done
        with frozen(job.scheduled_at or until):
            jobs.run_now(job.task_name, job.args)
        db.session.remove()
        done += 1
