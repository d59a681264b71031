"""A photo or video that belongs to something, and the names under which the store keeps what was made of it."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from b2c_web.db import Base, CreatedAt, Id, enum_type


class MediaPurpose(StrEnum):
    """What a file belongs to; `purpose_id` is that thing's id."""

    BOOKING = "BOOKING"


class MediaKind(StrEnum):
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"


class MediaState(StrEnum):
    """UPLOADED: what came waits unseen for the worker. READY: the sizes are there. REFUSED: nothing is kept."""

    UPLOADED = "UPLOADED"
    READY = "READY"
    REFUSED = "REFUSED"


class MediaSize(StrEnum):
    """Longest side in pixels: 320, 1080, 2400. LARGE of a video is the video, the others are a still of it."""

    SMALL = "SMALL"
    MEDIUM = "MEDIUM"
    LARGE = "LARGE"


class MediaFile(Base):
    """One upload. `width`, `height`, `content_type` and `byte_size` describe LARGE once it is READY.

    `staging_name`: what was uploaded, shown to nobody and deleted when the sizes are made; `received_at` is set when
    all of it is in the store. `upload_key`: the browser's own, so that a repeated upload is the same file.
    `is_signature`: drawn at the door by who signs.
    """

    __tablename__ = "media_files"
    __table_args__ = (
        CheckConstraint("byte_size > 0", name="byte_size_positive"),
        CheckConstraint("(state = 'REFUSED') = (reason IS NOT NULL)", name="refused_has_reason"),
        CheckConstraint(
            "(state = 'READY') = (small_name IS NOT NULL AND medium_name IS NOT NULL AND large_name IS NOT NULL "
            "AND width IS NOT NULL AND height IS NOT NULL)",
            name="ready_has_sizes",
        ),
        CheckConstraint("(state = 'UPLOADED') = (staging_name IS NOT NULL)", name="staging_until_decided"),
        Index("ix_media_files_purpose_purpose_id", "purpose", "purpose_id"),
        Index("ix_media_files_created_at", "created_at"),
        Index("uq_media_files_uploaded_by_upload_key", "uploaded_by", "upload_key", unique=True),
        Index("ix_media_files_waiting", "created_at", postgresql_where=text("state = 'UPLOADED'")),
    )

    id: Mapped[Id]
    purpose: Mapped[MediaPurpose] = mapped_column(enum_type(MediaPurpose, "media_purpose"))
    purpose_id: Mapped[uuid.UUID]
    uploaded_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    upload_key: Mapped[uuid.UUID | None]
    is_signature: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    kind: Mapped[MediaKind] = mapped_column(enum_type(MediaKind, "media_kind"))
    state: Mapped[MediaState] = mapped_column(
        enum_type(MediaState, "media_state"), server_default="UPLOADED", default=MediaState.UPLOADED
    )
    reason: Mapped[str | None] = mapped_column(String(40))
    content_type: Mapped[str] = mapped_column(String(40))
    byte_size: Mapped[int] = mapped_column(BigInteger)
    width: Mapped[int | None] = mapped_column(Integer)
    height: Mapped[int | None] = mapped_column(Integer)
    staging_name: Mapped[str | None] = mapped_column(String(60))
    small_name: Mapped[str | None] = mapped_column(String(60))
    medium_name: Mapped[str | None] = mapped_column(String(60))
    large_name: Mapped[str | None] = mapped_column(String(60))
    created_at: Mapped[CreatedAt]
    received_at: Mapped[datetime | None]

    def name_of(self, size: MediaSize) -> str | None:
        """Where the store keeps this size."""
        return {
            MediaSize.SMALL: self.small_name,
            MediaSize.MEDIUM: self.medium_name,
            MediaSize.LARGE: self.large_name,
        }[size]

    def names(self) -> list[str]:
        """Everything that the store keeps of it."""
        return [name for name in (self.staging_name, self.small_name, self.medium_name, self.large_name) if name]
