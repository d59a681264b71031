"""`flask worker`: works off the job queue."""

import logging
import os

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from b2c_web import jobs

NICENESS = 5  # on one machine pages come first: somebody waits for them
ROUTINE = frozenset({"jobs_deferred", "periodic_task_deferred", "start_job", "job_success"})  # the queue's words
EACH_REQUEST = ("message='Request to Stripe api'", "message='Stripe API response'")


@click.command()
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Jobs that run at the same time."
)
@with_appcontext
def worker(concurrency: int) -> None:
    """Work off queued and periodic jobs until SIGINT or SIGTERM; running jobs get 20 s to end."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    os.nice(NICENESS)
    lines = logging.StreamHandler()
    lines.addFilter(is_news)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, handlers=[lines])
    if not jobs.run_worker(app, concurrency):
        raise click.ClickException("The worker ended by itself; is the database gone? Start it again.")


def is_news(record: logging.LogRecord) -> bool:
    """Rule: is this worth a line? That the clock's jobs run and go well, some every minute, is not.

    Nor is what Stripe's library says of each request; what it says of errors is.
    """
    if record.name == "stripe":
        return not record.getMessage().startswith(EACH_REQUEST)
    if getattr(record, "action", "") not in ROUTINE:
        return True
    about = getattr(record, "jobs", None) or [record.__dict__["job"]]
    return not all(jobs.is_periodic(one["task_name"]) for one in about)


commands = [worker]
