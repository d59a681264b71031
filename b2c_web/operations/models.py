"""What has failed for good and waits for a person."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from b2c_web.db import Base, Id, Timestamps


class FailedOperation(Timestamps, Base):
    """A side effect that was retried to its end; an admin retries it or resolves it with a note."""

    __tablename__ = "failed_operations"
    __table_args__ = (
        CheckConstraint("(resolved_at IS NULL) = (resolution IS NULL)", name="resolved_with_note"),
        Index("ix_failed_operations_operation", "operation"),
        Index("ix_failed_operations_created_at", "created_at"),
        Index("ix_failed_operations_open", "created_at", postgresql_where=text("resolved_at IS NULL")),
    )

    id: Mapped[Id]
    operation: Mapped[str] = mapped_column(String(120))
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    error: Mapped[str] = mapped_column(Text)
    stack_trace: Mapped[str | None] = mapped_column(Text)
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    resolution: Mapped[str | None] = mapped_column(Text)
