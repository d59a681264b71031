"""The audit log: who changed what, from which state to which, when. Written in the command's own transaction."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, cast

from flask import g, has_request_context
from flask_login import current_user
from sqlalchemy import ForeignKey, Index, String, insert
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column
from uuid_utils.compat import uuid7

from b2c_web.clock import now_utc
from b2c_web.db import Base, Id, table_of
from b2c_web.flask_extensions import db


class AuditEntry(Base):
    """One change. `before` and `after` hold only what changed."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_entity_type_entity_id_at", "entity_type", "entity_id", "at"),
        Index("ix_audit_log_at", "at"),
    )

    id: Mapped[Id]
    at: Mapped[datetime]
    actor_user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    actor: Mapped[str] = mapped_column(String(20))  # a role in lower case, or "system", "provider"
    action: Mapped[str] = mapped_column(String(60))
    entity_type: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[uuid.UUID]
    before: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    after: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    request_id: Mapped[str | None] = mapped_column(String(20))


_INSERT = insert(table_of(AuditEntry))  # built once; every command writes with it
_NOBODY: tuple[uuid.UUID | None, str] = (None, "system")
_acting = ContextVar("acting", default=_NOBODY)


@contextmanager
def acting(person: Any) -> Iterator[None]:
    """Whatever is recorded within was done by this user (`id`, `role`), where no request says so: the demo's people."""
    token = _acting.set(_as_actor(person))
    try:
        yield
    finally:
        _acting.reset(token)


def _as_actor(person: Any) -> tuple[uuid.UUID, str]:
    """Kept beside the row, which is read again after each commit."""
    kept: dict[str, Any] = person.__dict__
    if "_actor" not in kept:
        kept["_actor"] = person.id, person.role.value.lower()
    return cast("tuple[uuid.UUID, str]", kept["_actor"])


def _actor() -> tuple[uuid.UUID | None, str]:
    if has_request_context() and current_user and current_user.is_authenticated:
        return _as_actor(current_user)
    return _acting.get()


def record(
    action: str,
    entity_type: str,
    entity_id: uuid.UUID,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    actor: str | None = None,
) -> None:
    """Add one entry to the running transaction. Values must be JSON-able (ids and instants as text).

    The actor is the signed-in user, else whoever is `acting`, else "system"; pass `actor` to name another cause
    ("provider").
    """
    user_id, role = _actor()
    db.session.execute(
        _INSERT,
        {
            "id": uuid7(),
            "at": now_utc(),
            "actor_user_id": user_id,
            "actor": actor or role,
            "action": action,
            "entity_type": entity_type,
            "entity_id": entity_id,
            "before": before,
            "after": after,
            "request_id": g.get("request_id") if has_request_context() else None,
        },
    )
