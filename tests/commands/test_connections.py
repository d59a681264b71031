"""What every connection of ours does: waits so long for a lock and no longer, keeps what it has prepared."""

from contextlib import nullcontext

import pytest
from flask import Flask, g
from psycopg.pq import TransactionStatus
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from b2c_web.accounts.models import User
from b2c_web.db import command_transaction, connect_args
from b2c_web.errors import Busy
from b2c_web.flask_extensions import db

MAIL = "rosa.ahorn@example.org"
PREPARED = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%FROM users%'")


def look() -> User | None:
    return db.session.query(User).filter_by(email=MAIL).one_or_none()


def add() -> None:
    db.session.add(User(email=MAIL, name="Rosa Ahorn"))
    db.session.flush()


def test_a_command_that_waits_too_long_for_a_row_ends_as_busy(
    committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with committed_app.app_context():
        assert db.session.scalar(text("SHOW lock_timeout")) == f"{committed_app.config['LOCK_TIMEOUT_MS'] // 1000}s"
        add()
        db.session.commit()
        monkeypatch.setitem(committed_app.config, "LOCK_TIMEOUT_MS", 100)
        with db.engine.connect() as somebody, pytest.raises(Busy), command_transaction():
            somebody.execute(text("SELECT 1 FROM users FOR UPDATE"))
            db.session.execute(text("UPDATE users SET name = 'R. Ahorn'"))


def test_the_options_of_the_address_stay() -> None:
    url = "postgresql+psycopg://b2c@db/b2c?options=-csearch_path%3Dcars"
    assert connect_args(url, lock_timeout_ms=700)["options"] == "-csearch_path=cars -c lock_timeout=700"
    assert connect_args("postgresql+psycopg://b2c@db/b2c", lock_timeout_ms=700)["options"] == "-c lock_timeout=700"


def test_what_is_asked_again_and_again_is_prepared_though_it_was_only_read(
    committed_app: Flask,
) -> None:
    for _time in range(8):
        with committed_app.app_context():
            assert look() is None
    with committed_app.app_context():
        assert db.session.scalar(PREPARED) == 1


@pytest.mark.parametrize("is_refused", [False, True])
def test_what_is_rolled_back_is_gone(committed_app: Flask, is_refused: bool) -> None:
    """Also after the database refused something, so that the transaction can only end."""
    with committed_app.app_context():
        add()
        if is_refused:
            with pytest.raises(IntegrityError):
                db.session.execute(text("INSERT INTO users SELECT * FROM users"))
        db.session.rollback()
        assert look() is None


def test_a_rollback_that_the_server_never_hears_of_is_an_error(committed_app: Flask) -> None:
    with committed_app.app_context():
        connection = db.engine.connect()
        mine = connection.scalar(text("SELECT pg_backend_pid()"))
        with db.engine.connect() as other:
            other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": mine})
        with pytest.raises(DBAPIError) as raised:
            connection.rollback()
        assert raised.value.connection_invalidated
        connection.close()
        assert look() is None  # on another connection


@pytest.mark.parametrize("only_reads", [False, True])
def test_a_column_whose_type_was_changed_costs_a_connection_one_error(committed_app: Flask, only_reads: bool) -> None:
    def read() -> None:
        g.only_reads = only_reads
        look()

    for _time in range(8):
        with committed_app.app_context():
            read()
    with committed_app.app_context(), create_engine(db.engine.url, poolclass=NullPool).begin() as migration:
        migration.execute(text("ALTER TABLE users ALTER COLUMN name TYPE varchar(300)"))
    for fails in (True, False, False):
        with committed_app.app_context(), pytest.raises(DBAPIError) if fails else nullcontext():
            read()


def transaction() -> TransactionStatus:
    """What the server holds open for the session's connection."""
    return db.session.connection().connection.dbapi_connection.info.transaction_status  # type: ignore[union-attr]


def test_a_page_that_only_reads_opens_no_transaction_until_a_command_does(committed_app: Flask) -> None:
    with committed_app.test_request_context("/"):
        committed_app.preprocess_request()
        assert look() is None
        assert transaction() is TransactionStatus.IDLE
        with pytest.raises(IntegrityError), command_transaction():
            add()
            assert transaction() is TransactionStatus.INTRANS
            add()
        assert look() is None  # the first one went with the second
        with command_transaction():
            add()
        assert look() is not None
    with committed_app.test_request_context("/", method="POST"):
        committed_app.preprocess_request()
        look()
        assert transaction() is TransactionStatus.INTRANS
    with committed_app.app_context():
        look()
        assert transaction() is TransactionStatus.INTRANS


def test_what_cannot_be_tried_again_waits_as_long_as_it_takes(committed_app: Flask) -> None:
    with committed_app.app_context(), command_transaction(patient=True):
        assert db.session.scalar(text("SHOW lock_timeout")) == "0"
    with committed_app.app_context():
        assert db.session.scalar(text("SHOW lock_timeout")) != "0"
