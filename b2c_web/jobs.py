"""The job queue: the one place where jobs are declared, deferred and retried.

A job is a side effect. It is deferred inside the command's own transaction, so it exists exactly when the
command's data does, and it is safe to run twice.
"""

import asyncio
import contextlib
import functools
import logging
import signal
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from flask import Flask, current_app
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy, SyncPsycopgConnector
from procrastinate.connector import BaseConnector
from procrastinate.jobs import Job
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Busy
from b2c_web.flask_extensions import db
from b2c_web.hooks import HookList

log = logging.getLogger(__name__)

JobFunction = Callable[..., None]

# name -> (function, retry strategy); filled by the features' jobs modules at import
_declared: dict[str, tuple[JobFunction, RetryStrategy | None]] = {}
_periodic: dict[str, tuple[JobFunction, str]] = {}

# a job failed for good: its name, id, arguments, and the error with its traceback
gave_up = HookList("jobs.gave_up")

RETRIES = RetryStrategy(max_attempts=12, exponential_wait=3)  # about 3 s, 9 s, 27 s ... up to days


def job(name: str, retry: RetryStrategy | None = RETRIES) -> Callable[[JobFunction], JobFunction]:
    """Declare a job under a stable name. Its arguments must be JSON-able."""

    def declare(function: JobFunction) -> JobFunction:
        _declared[name] = (function, retry)
        function.job_name = name  # type: ignore[attr-defined]
        return function

    return declare


def periodic(name: str, cron: str) -> Callable[[JobFunction], JobFunction]:
    """Declare a job that the worker runs by the clock (cron form, UTC)."""

    def declare(function: JobFunction) -> JobFunction:
        _periodic[name] = (function, cron)
        return function

    return declare


def is_periodic(name: str) -> bool:
    """Does the clock run this job anyway?"""
    return name in _periodic


def declared_names() -> list[str]:
    """All declared jobs, for the documentation and its test."""
    return sorted([*_declared, *_periodic])


def defer(work: JobFunction | str, *, at: datetime | None = None, lock: str | None = None, **arguments: Any) -> None:
    """Queue a job, given as its function or its name, in the running transaction: commits and rolls back with it.

    `at`: not before this instant. `lock`: jobs with the same lock run one after the other. Raises KeyError for a
    name that nobody declared.
    """
    queue: App = current_app.extensions["procrastinate"]
    raw = db.session.connection().connection.driver_connection
    name = work if isinstance(work, str) else work.job_name  # type: ignore[attr-defined]
    queue.tasks[name].configure(connection=raw, schedule_at=at, lock=lock).defer(**arguments)


def run_now(name: str, arguments: dict[str, Any]) -> None:
    """Run a declared job here and now, in the present app context (tests and `flask` commands)."""
    function = _declared[name][0] if name in _declared else _periodic[name][0]
    function(**_without_timestamp(arguments))


def _without_timestamp(arguments: dict[str, Any]) -> dict[str, Any]:
    """The queue tells periodic jobs when they were due; ours look at the clock themselves."""
    return {key: value for key, value in arguments.items() if key != "timestamp"}


def _in_app_context(app: Flask, function: JobFunction) -> Callable[..., None]:
    @functools.wraps(function)
    def run(context: JobContext, **arguments: Any) -> None:
        arguments.pop("timestamp", None)
        with app.app_context():
            try:
                function(**arguments)
            except Exception as error:
                if not _is_tried_again(context, error):
                    _give_up(context.job, error)
                raise

    return run


def _is_tried_again(context: JobContext, error: Exception) -> bool:
    task = context.app.tasks[context.job.task_name]
    return task.get_retry_exception(exception=error, job=context.job) is not None


def _give_up(failed: Job, error: Exception) -> None:
    """Tell whoever waits for it, in a transaction of its own, that a job failed for good."""
    db.session.rollback()
    with command_transaction(patient=True):
        gave_up(failed.task_name, failed.id, failed.task_kwargs, error)


def _plain_url(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)


def _build(app: Flask, connector: BaseConnector) -> App:
    """A queue with every declared job as a task. Deferring and working each need their own kind of connector."""
    queue = App(connector=connector)
    for name, (function, retry) in _declared.items():
        queue.task(name=name, retry=retry or False, pass_context=True)(_in_app_context(app, function))
    for name, (function, cron) in _periodic.items():
        task = queue.task(name=name, queueing_lock=name, pass_context=True)(_in_app_context(app, function))
        queue.periodic(cron=cron, periodic_id=name)(task)
    return queue


def init_app(app: Flask) -> None:
    """Give `app` the queue that its commands defer into."""
    conninfo = _plain_url(app.config["SQLALCHEMY_DATABASE_URI"])
    app.extensions["procrastinate"] = _build(app, SyncPsycopgConnector(conninfo=conninfo))


async def _work(queue: App, concurrency: int) -> bool:
    """Work until a signal asks to stop (True), or until the worker ends by itself (False)."""
    asked = asyncio.Event()
    async with queue.open_async():
        work = asyncio.ensure_future(
            queue.run_worker_async(
                concurrency=concurrency,
                delete_jobs="successful",
                shutdown_graceful_timeout=20,
                fetch_job_polling_interval=2,
                install_signal_handlers=False,
            )
        )

        def stop() -> None:
            asked.set()
            work.cancel()

        for signal_number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(signal_number, stop)
        with contextlib.suppress(asyncio.CancelledError):
            await work
    return asked.is_set()


def run_worker(app: Flask, concurrency: int = 4) -> bool:
    """Work off the queue until SIGINT or SIGTERM; running jobs get 20 s to end.

    False when the worker ended by itself, as it does when the database goes away: it should be started again.
    """
    conninfo = _plain_url(app.config["SQLALCHEMY_DATABASE_URI"])
    return asyncio.run(_work(_build(app, PsycopgConnector(conninfo=conninfo)), concurrency))


RETRY_JOB = text("SELECT procrastinate_retry_job_v2(:id, :at, NULL, NULL, NULL)")
DROP_JOB = text("SELECT procrastinate_finish_job_v1(:id, 'aborted', true)")
STALLED_JOBS = text(
    "SELECT job.id FROM procrastinate_jobs job"
    " LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id"
    " WHERE job.status = 'doing'"
    " AND (worker.id IS NULL OR worker.last_heartbeat < now() - interval '60 seconds')"
)


@periodic("jobs.recover_stalled", cron="* * * * *")
def recover_stalled() -> None:
    """Jobs whose worker died stay "doing"; put them back into the queue, each for itself.

    Of a periodic job only one may wait: where the next one waits already, it does the dead one's work.
    """
    with command_transaction():
        for job_id in db.session.execute(STALLED_JOBS).scalars().all():
            try:
                with db.session.begin_nested():
                    db.session.execute(RETRY_JOB, {"id": job_id, "at": now_utc()})
                log.warning("job %s of a dead worker goes back into the queue", job_id)
            except IntegrityError:
                db.session.execute(DROP_JOB, {"id": job_id})
                log.warning("job %s of a dead worker is left to the next of its kind", job_id)


def for_each(ids: Sequence[uuid.UUID], act: Callable[[uuid.UUID], object]) -> None:
    """`act` for each of `ids`, with what was read let go first. One that is busy waits for the next run, alone.

    One that fails keeps no other from its turn: the first failure is raised at the end.
    """
    db.session.rollback()
    failures = []
    for one in ids:
        try:
            act(one)
        except Busy:
            continue
        except Exception as failure:
            db.session.rollback()
            log.exception("%s failed for %s", getattr(act, "__qualname__", act), one)
            failures.append(failure)
    if failures:
        raise failures[0]
