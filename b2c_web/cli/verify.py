"""`flask verify`: proves the invariants on live data."""

import sys
import time

import click
from flask.cli import with_appcontext

from b2c_web.checks import Breach, all_checks
from b2c_web.flask_extensions import db


@click.command()
@with_appcontext
def verify() -> None:
    """Check every invariant in one snapshot of the live data; print how often each is broken. Exit 1 on any."""
    open_snapshot()
    found = []
    for check in all_checks():
        began = time.monotonic()
        found.append(check())
        for line in _lines(found[-1], time.monotonic() - began):
            click.echo(line)
    db.session.rollback()
    broken = sum(1 for one in found if one.count)
    click.echo(f"\n{len(found)} invariants checked, {broken} broken")
    sys.exit(1 if broken else 0)


def open_snapshot() -> None:
    """Begin a transaction that sees one moment and cannot write."""
    db.session.rollback()
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    db.session.connection(execution_options=options)


def _lines(found: Breach, seconds: float) -> list[str]:
    word = "BROKEN" if found.count else "ok"
    return [
        f"{word:<7}{found.count:>7}  {found.name}  ({seconds * 1000:.0f} ms)",
        *(f"{'':<16}  {example}" for example in found.examples),
    ]


commands = [verify]
