"""Real PostgreSQL built by the migrations; every test rolls back, or has a database of its own."""

import atexit
import gc
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask, g, has_app_context
from flask.testing import FlaskClient
from flask_migrate import upgrade
from flask_sqlalchemy.session import Session
from hypothesis import settings
from jinja2 import FileSystemBytecodeCache
from pytest_socket import socket_allow_hosts
from sqlalchemy import event, text

from b2c_web import clock, create_app, jobs
from b2c_web.accounts.commands import passwords
from b2c_web.db_server import DatabaseServer, ephemeral_server
from b2c_web.flask_extensions import db

# how long an example may take says more about the machine's other work than about ours
settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")

# Slow on purpose, and asked for hundreds of times here. A test holds the product's own to its parameters.
PRODUCTS_HASHER = passwords.HASHER
passwords.HASHER = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)

pytest_plugins = ("tests.media_desk", "tests.ordering", "tests.paying")

NOON = datetime(2026, 11, 24, 11, 0, tzinfo=UTC)  # a Tuesday, 12:00 in Witten
TEST_SETTINGS = {
    "B2C_ENV": "test",
    "SECRET_KEY": "a key for tests only, long enough to be one",
    "STRIPE_SECRET_KEY": "sk_test_for_tests",
    "STRIPE_WEBHOOK_SECRET": "whsec_for_tests",
    "STRIPE_API_BASE": "http://127.0.0.1:9",
    "RATE_LIMIT_PER_MINUTE": "1000000",
    "B2C_BASE_URL": "http://localhost",
}


def _folder_of_this_run() -> str:
    """One for all its workers, gone at its end."""
    if "B2C_TEST_PAGES" not in os.environ:
        os.environ["B2C_TEST_PAGES"] = tempfile.mkdtemp(prefix="b2c-pages-")
        atexit.register(shutil.rmtree, os.environ["B2C_TEST_PAGES"])
    return os.environ["B2C_TEST_PAGES"]


COMPILED = FileSystemBytecodeCache(_folder_of_this_run())  # many applications, and one set of templates


def pytest_collection_finish() -> None:
    """What is loaded by now stays: spare the collector from walking through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 10, 10)  # as the web processes have it


@pytest.fixture(autouse=True)
def _no_outside_network() -> None:
    socket_allow_hosts(["127.0.0.1", "localhost", "::1"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def database_server() -> Iterator[DatabaseServer]:
    with ephemeral_server() as server:
        yield server


@pytest.fixture(scope="session")
def template_database(database_server: DatabaseServer) -> str:
    """A database built by the migrations, cloned for whoever needs one."""
    name = "template_migrated"
    database_server.create_database(name)
    app = make_app(database_server.url(name))
    with app.app_context():
        upgrade()
        db.engine.dispose()
    return name


class OneContextPerRequest(FlaskClient):
    """Gives every request an app context of its own, as a server does: nothing in `g` outlives a request."""

    def open(self, *arguments: Any, **keywords: Any) -> Any:
        with self.application.app_context():
            answer = super().open(*arguments, **keywords)
        if has_app_context():
            db.session.expire_all()  # the test sees what the request's own session has written
        return answer


def make_app(url: str, **settings: str) -> Flask:
    app = create_app({**TEST_SETTINGS, "DATABASE_URL": url, **settings}, TESTING=True)
    app.config["SERVER_NAME"] = None
    app.jinja_env.bytecode_cache = COMPILED
    app.test_client_class = OneContextPerRequest
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", _refuse_to_write)
    return app


WRITES = re.compile(
    r"^\s*(INSERT|UPDATE|DELETE|SET LOCAL)\b|\b(FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|pg_advisory)\b", re.IGNORECASE
)


def _refuse_to_write(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
    """A page that only reads has no transaction: what it wrote outside of a command would stand, and lock nothing."""
    assert not (g and g.get("only_reads") and WRITES.search(statement)), f"a GET writes without a command: {statement}"


@pytest.fixture(scope="session")
def app(database_server: DatabaseServer, template_database: str) -> Iterator[Flask]:
    """The application on a database that no test ever changes for good."""
    database_server.create_database("shared", template=template_database)
    app = make_app(database_server.url("shared"))
    yield app
    with app.app_context():
        db.engine.dispose()


@contextmanager
def rolled_back(app: Flask) -> Iterator[Any]:
    """A session whose commands commit into a transaction that is rolled back at the end.

    Flask-SQLAlchemy's session ignores `bind=connection`, so its get_bind is overridden.
    """
    with app.app_context():
        connection = db.engine.connect()
        outer = connection.begin()

        class OnOneConnection(Session):
            def get_bind(self, *arguments: Any, **keywords: Any) -> Any:
                return connection

        before = db.session
        db.session = db._make_scoped_session({"class_": OnOneConnection, "join_transaction_mode": "create_savepoint"})
        try:
            yield db.session
        finally:
            db.session.remove()
            db.session = before
            outer.rollback()
            connection.close()


@pytest.fixture
def session(app: Flask) -> Iterator[Any]:
    """The session of a test; see `rolled_back`."""
    with rolled_back(app) as session:
        yield session


@pytest.fixture
def frozen_clock() -> Iterator[Callable[[datetime], Any]]:
    """Holds the clock at Tuesday noon; `at = frozen_clock` moves it: `with at(moment): ...`."""
    with clock.frozen(NOON):
        yield clock.frozen


@pytest.fixture
def client(app: Flask, session: Any) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def login(client: FlaskClient) -> Callable[[Any], FlaskClient]:
    """Sign a user in on the test client, through a real session row."""

    def sign_in(user: Any, on: FlaskClient = client) -> FlaskClient:
        from b2c_web.accounts import sessions

        with on.application.test_request_context():
            token = sessions.open_session(db.session.merge(user))
        with on.session_transaction() as cookie:
            cookie["token"] = token
        return on

    return sign_in


@pytest.fixture(scope="session")
def own_app(database_server: DatabaseServer) -> Flask:
    """The application of `committed_app`: what it has compiled of its statements serves the next test too.

    Its connections are opened with the usual lock timeout; a test that sets another gets it as a transaction begins.
    """
    app = make_app(database_server.url("own"))
    usual = app.config["LOCK_TIMEOUT_MS"]

    def wait_as_set(connection: Any) -> None:
        if app.config["LOCK_TIMEOUT_MS"] != usual:
            connection.exec_driver_sql(f"SET lock_timeout = {app.config['LOCK_TIMEOUT_MS']}")

    with app.app_context():
        event.listen(db.engine, "begin", wait_as_set)
    return app


@pytest.fixture
def committed_app(own_app: Flask, database_server: DatabaseServer, template_database: str) -> Iterator[Flask]:
    """An application on a new database of its own, with real commits, for races."""
    database_server.create_database("own", template=template_database)
    config, extensions = own_app.config.copy(), own_app.extensions.copy()
    yield own_app
    own_app.config.update(config)
    own_app.extensions = extensions
    with own_app.app_context():
        db.session.remove()
        db.engine.dispose()
    database_server.drop_database("own")


@pytest.fixture
def run_jobs(app: Flask, session: Any) -> Callable[..., list[str]]:
    """Work off the jobs that are due, in the test's own transaction; returns their names in order.

    `only`: names to run; the others stay queued. A job that raises is left queued and the error comes through.
    """

    def work(only: set[str] | None = None, limit: int = 100) -> list[str]:
        done: list[str] = []
        while len(done) < limit:
            row = session.execute(
                text(
                    "SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo'"
                    " AND (scheduled_at IS NULL OR scheduled_at <= :now)"
                    " AND (:everything OR task_name = ANY(:only)) ORDER BY id LIMIT 1"
                ),
                {"now": clock.now_utc(), "everything": only is None, "only": list(only or ())},
            ).first()
            session.commit()
            if row is None:
                return done
            jobs.run_now(row.task_name, row.args)
            session.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": row.id})
            session.commit()
            done.append(row.task_name)
        raise AssertionError(f"jobs without end: {done[-5:]}")

    return work
