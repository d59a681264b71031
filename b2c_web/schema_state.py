"""How far a database has been brought, asked without loading the application; and what brings it up in `make run`."""

import time
from typing import LiteralString

import psycopg
from flask import Flask

from b2c_web import db_places as places


class NoDatabaseError(RuntimeError):
    """The database of DATABASE_URL does not answer; the message says why."""


def schema_is_current(url: str) -> bool:
    """Whether the database is at the newest migration."""
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory(str(places.CLONE / "migrations")).get_heads()
    return sorted(column(url, "SELECT version_num FROM alembic_version", "alembic_version")) == sorted(newest)


DEMO_BEGUN, DEMO_LOADED = "demo.begun", "demo.loaded"  # in the audit log


def is_empty(url: str) -> bool:
    """Whether nothing was ever loaded or entered: there is no workshop."""
    return not column(url, "SELECT 1 FROM workshops LIMIT 1", "workshops")


def is_half_made(url: str) -> bool:
    """Whether loading the demo began and never came to its end: it was stopped, or failed."""
    return column(url, "SELECT action FROM audit_log WHERE entity_type = 'demo'", "audit_log") == [DEMO_BEGUN]


def column(url: str, question: LiteralString, table: str, *values: object) -> list[str]:
    """The first column of the answer; nothing while the table is not there. Raises NoDatabaseError."""
    address = url.replace("postgresql+psycopg://", "postgresql://", 1)
    try:
        with psycopg.connect(address, connect_timeout=10) as connection:
            if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
                return []
            return [row[0] for row in connection.execute(question, values)]
    except psycopg.OperationalError as error:
        raise NoDatabaseError(f"the database of DATABASE_URL does not answer: {error}") from error


def bring_up(app: Flask, patience_seconds: float) -> None:
    """Waits until the database answers, and brings it to the newest schema. Raises NoDatabaseError."""
    from flask_migrate import upgrade

    from b2c_web.flask_extensions import db

    if _is_current(app.config["SQLALCHEMY_DATABASE_URI"], time.monotonic() + patience_seconds):
        return
    with app.app_context():
        upgrade()
        db.engine.dispose()


def _is_current(url: str, deadline: float) -> bool:
    while True:
        try:
            return schema_is_current(url)
        except NoDatabaseError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
