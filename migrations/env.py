"""How migrations run: one at a time (advisory lock), with lock and statement timeouts, in one transaction each."""

from alembic import context
from flask import current_app
from sqlalchemy import text

from b2c_web.cli.schema_checks import EXPRESSION_INDEXES

MIGRATION_LOCK = 704_211
LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 600_000

target = current_app.extensions["migrate"].db


def include_object(thing, name, kind, reflected, compare_to):
    """The job queue's tables belong to its own schema script."""
    return not (name or "").startswith("procrastinate_") and name not in EXPRESSION_INDEXES


def include_name(name, kind, parent_names):
    """Neither are those of the database looked at, nor those of the models."""
    return name not in EXPRESSION_INDEXES


def default_differs(context, inspected, column, inspected_default, metadata_default, rendered_default):
    """PostgreSQL shows a default that draws a number in a spelling of its own; None lets Alembic compare."""
    draws_number = "nextval" in (inspected_default or "") and "nextval" in (rendered_default or "")
    return False if draws_number else None


def run() -> None:
    with target.engine.connect() as connection:
        connection.execute(text("SET lock_timeout = 0"))  # somebody else's migrations take as long as they take
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": MIGRATION_LOCK})
        connection.execute(text(f"SET lock_timeout = {LOCK_TIMEOUT_MS}"))
        connection.execute(text(f"SET statement_timeout = {STATEMENT_TIMEOUT_MS}"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=target.metadata,
            include_object=include_object,
            include_name=include_name,
            compare_server_default=default_differs,
            transaction_per_migration=True,
            **current_app.extensions["migrate"].configure_args,
        )
        try:
            with context.begin_transaction():
                context.run_migrations()
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.execute(text("RESET lock_timeout"))
            connection.execute(text("RESET statement_timeout"))
            connection.commit()


if context.is_offline_mode():
    raise SystemExit("Migrations need a database: data migrations read what is there.")
run()
