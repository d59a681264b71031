"""`flask worker`: works off the job queue."""

import logging
import os

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from b2c_web import jobs

NICENESS = 5  # on one machine pages come first: somebody waits for them


@click.command()
@click.option(
    "--concurrency", type=click.IntRange(1, 64), default=4, show_default=True, help="Jobs that run at the same time."
)
@with_appcontext
def worker(concurrency: int) -> None:
    """Work off queued and periodic jobs until SIGINT or SIGTERM; running jobs get 20 s to end."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    os.nice(NICENESS)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if not jobs.run_worker(app, concurrency):
        raise click.ClickException("The worker ended by itself; is the database gone? Start it again.")


commands = [worker]
