"""A database that restarts closes the connections that wait in the pool: nobody gets one of those."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import QueuePool

from b2c_web.flask_extensions import db

END_THE_OTHERS = text(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() "
    "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
)


def end_all_connections(app: Flask) -> None:
    """As a restart does it, seen from a client."""
    other = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
    with other.connect() as connection:
        connection.execute(END_THE_OTHERS)
    other.dispose()


def ask() -> Any:
    try:
        return db.session.execute(text("SELECT 1")).scalar_one()
    finally:
        db.session.remove()


def test_without_the_guard_a_closed_connection_is_given_out(committed_app: Flask) -> None:
    unguarded = create_engine(committed_app.config["SQLALCHEMY_DATABASE_URI"])
    with unguarded.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    end_all_connections(committed_app)
    with pytest.raises(OperationalError), unguarded.connect() as connection:
        connection.scalar(text("SELECT 1"))
    unguarded.dispose()


def test_a_closed_connection_is_replaced(committed_app: Flask) -> None:
    with committed_app.app_context():
        assert isinstance(db.engine.pool, QueuePool)
        assert ask() == 1
        end_all_connections(committed_app)
        assert ask() == 1
        assert ask() == 1
