"""Where each entity stands with the accounting system."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from b2c_web.db import Base, Id, Timestamps, enum_type


class SyncStatus(StrEnum):
    PENDING = "PENDING"
    SYNCED = "SYNCED"
    FAILED = "FAILED"


class OdooSyncStatus(Timestamps, Base):
    """One entity that accounting must know. It is written in the command that causes it."""

    __tablename__ = "odoo_sync_status"
    __table_args__ = (
        UniqueConstraint("entity_type", "entity_id"),
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        Index("ix_odoo_sync_status_status_created_at", "status", "created_at"),
    )

    id: Mapped[Id]
    entity_type: Mapped[str] = mapped_column(String(40))
    entity_id: Mapped[uuid.UUID]
    odoo_id: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[SyncStatus] = mapped_column(
        enum_type(SyncStatus, "sync_status"), server_default="PENDING", default=SyncStatus.PENDING
    )
    last_sync_attempt: Mapped[datetime | None]
    sync_error: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
