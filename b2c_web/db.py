"""The ground of all models: naming of constraints, column types, ids and the one way to write."""

import select
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, cast

import psycopg
import psycopg.errors as pg_errors
from flask import g
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import DateTime, Enum, MetaData, Table, TypeDecorator, Uuid, func, make_url, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

from b2c_web.errors import Busy

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """timestamptz that takes aware values only and gives them back in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value.astimezone(UTC) if value is not None else None


def enum_type(kind: type[StrEnum], name: str) -> Enum:
    """A PostgreSQL enum type that stores the members' values under the schema's names."""
    return Enum(kind, name=name, values_callable=lambda members: [m.value for m in members])


Id = Annotated[uuid.UUID, mapped_column(Uuid, primary_key=True, default=uuid7)]
Instant = Annotated[datetime, mapped_column(UtcDateTime)]
CreatedAt = Annotated[datetime, mapped_column(UtcDateTime, server_default=func.now())]
UpdatedAt = Annotated[datetime, mapped_column(UtcDateTime, server_default=func.now(), onupdate=func.now())]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime, uuid.UUID: Uuid, dict[str, Any]: JSONB}  # noqa: RUF012 - SQLAlchemy's form


def table_of(model: type[Base]) -> Table:
    """The table behind a model, for plain inserts of rows that nobody needs as objects: less than half the work."""
    return cast(Table, model.__table__)


class Timestamps:
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


UNKNOWN = (None,) * 5  # of the seven that the DB-API names


class LightCursor(psycopg.Cursor[Any]):
    """Says of a result's columns only what SQLAlchemy reads, name and type: objects of them are a fifth of a read."""

    @property
    def description(self) -> Any:
        result = self.pgresult
        if result is None or result.status != ExecStatus.TUPLES_OK:
            return super().description
        return [((result.fname(n) or b"").decode(), result.ftype(n), *UNKNOWN) for n in range(result.nfields)]


class KeepingConnection(psycopg.Connection[Any]):
    """Keeps the statements that it has prepared when a transaction is rolled back, as each is that only looked.

    psycopg forgets them, for tables may have been made in it. Then hardly any would ever be prepared, and the server
    would plan each of them anew. After an error all are forgotten: perhaps a table was changed, and what was prepared
    fits no more.
    """

    def rollback(self) -> None:
        status = self.pgconn.transaction_status
        if status == TransactionStatus.IDLE:
            return
        if status != TransactionStatus.INTRANS:
            super().rollback()
            return
        with self.lock:
            result = self.pgconn.exec_(b"ROLLBACK")
        if result.status != ExecStatus.COMMAND_OK:
            raise pg_errors.error_from_result(result)

    def read_alone(self, alone: bool) -> None:
        """From here on each statement is a transaction of its own, or what follows is one until it ends."""
        if self.autocommit is not alone:
            self.autocommit = alone

    def forget(self) -> None:
        """Prepare everything anew."""
        self._prepared.clear()


def open_connection(_dialect: Any, _record: Any, arguments: Any, parameters: Any) -> KeepingConnection:
    """For the engine, whenever it connects."""
    return KeepingConnection.connect(*arguments, **parameters)


def _own(connection: Connection) -> KeepingConnection:
    return cast(KeepingConnection, connection.connection.dbapi_connection)


def begin(connection: Connection) -> None:
    """For the engine, when a transaction begins: what only reads (`g.only_reads`) needs none at the server.

    Each of its statements sees what is committed when it begins, as it does within a transaction here; `BEGIN` and
    `ROLLBACK` were two of seven exchanges of a calendar's page.
    """
    _own(connection).read_alone(bool(g) and g.get("only_reads", False))


def forget_prepared(failure: ExceptionContext) -> None:
    """For the engine, when a statement fails."""
    if failure.connection is not None and not failure.connection.invalidated:
        _own(failure.connection).forget()


def connect_args(url: str, *, lock_timeout_ms: int) -> dict[str, Any]:
    """What every connection of ours is opened with. `url` may bring PostgreSQL options of its own."""
    options = make_url(url).query.get("options", "")
    return {"options": f"{options} -c lock_timeout={lock_timeout_ms}".strip(), "cursor_factory": LightCursor}


def refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """For the pool, before it gives a connection out: one that the server has closed is replaced.

    An idle connection has nothing to read; when the server went away, its farewell or the end lies there. This asks
    the kernel instead of the server, which `pool_pre_ping` does with one more round trip for every request.
    """
    if connection.closed or _has_news(connection.fileno()):
        raise DisconnectionError("the server has closed this connection")


def _has_news(socket: int) -> bool:
    waiting = select.poll()
    waiting.register(socket, select.POLLIN)
    return bool(waiting.poll(0))


class NestedCommandError(RuntimeError):
    """A command was called inside another command's transaction."""


WAIT = text("SET LOCAL lock_timeout = 0")


@contextmanager
def command_transaction(*, patient: bool = False) -> Iterator[None]:
    """One command, one transaction: commits at the end, rolls back on any raise. Nesting is refused.

    A statement that waits for a lock longer than `LOCK_TIMEOUT_MS` (every connection has it) ends as `Busy`
    ("busy, try again"), and so do deadlocks and failed serialisation. `patient`: it waits as long as it takes, for
    what cannot be tried again: that a mail has left, say.
    """
    from b2c_web.flask_extensions import db  # the extension is built on this module's Base

    session = db.session()
    if session.info.get("in_command"):
        raise NestedCommandError("a command was called inside a command")
    session.info["in_command"] = True
    try:
        if g.pop("only_reads", False) and session.in_transaction():
            _own(session.connection()).read_alone(False)
        if patient:
            session.execute(WAIT)
        yield
        session.commit()
    except DBAPIError as error:
        session.rollback()
        busy = (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected, pg_errors.SerializationFailure)
        if isinstance(error.orig, busy):
            raise Busy from error
        raise
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("in_command", None)
