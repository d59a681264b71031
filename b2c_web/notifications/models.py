"""Messages to people: one row each, sent once."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from b2c_web.db import Base, Id, Timestamps, enum_type


class NotificationKind(StrEnum):
    LOGIN_CODE = "LOGIN_CODE"
    BOOKING_CONFIRMED = "BOOKING_CONFIRMED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    BOOKING_CANCELLED = "BOOKING_CANCELLED"
    BOOKING_MOVED = "BOOKING_MOVED"
    BOOKING_WITHDRAWN = "BOOKING_WITHDRAWN"
    WITHDRAWAL_RECEIVED = "WITHDRAWAL_RECEIVED"  # with the car here: the booking is still to be ended
    WITHDRAWAL_STAFF_ALERT = "WITHDRAWAL_STAFF_ALERT"
    PICKUP_REMINDER = "PICKUP_REMINDER"
    NO_SHOW = "NO_SHOW"
    MONEY_RETURNED = "MONEY_RETURNED"
    JOCKEY_UNDER_WAY = "JOCKEY_UNDER_WAY"
    PICKED_UP = "PICKED_UP"
    IN_WORKSHOP = "IN_WORKSHOP"
    EXTENSION_RAISED = "EXTENSION_RAISED"
    EXTENSION_DECIDED = "EXTENSION_DECIDED"
    EXTENSION_WITHDRAWN = "EXTENSION_WITHDRAWN"
    EXTENSION_REMINDER = "EXTENSION_REMINDER"
    EXTENSION_ANSWERED = "EXTENSION_ANSWERED"
    EXTENSION_APPROVED_FOR_YOU = "EXTENSION_APPROVED_FOR_YOU"  # by the workshop: standing limit, consent on record
    EXTENSION_PAYMENT_NEEDED = "EXTENSION_PAYMENT_NEEDED"
    EXTENSION_QUESTION = "EXTENSION_QUESTION"
    EXTENSION_STAFF_ALERT = "EXTENSION_STAFF_ALERT"
    MOVE_ASKED = "MOVE_ASKED"
    PLACE_FREE = "PLACE_FREE"
    READY = "READY"
    UNDER_WAY_BACK = "UNDER_WAY_BACK"
    RETURN_FAILED = "RETURN_FAILED"
    RETURN_MOVED = "RETURN_MOVED"
    COMPLETED = "COMPLETED"
    REVIEW_REQUEST = "REVIEW_REQUEST"


TO_STAFF = frozenset(
    {
        NotificationKind.WITHDRAWAL_STAFF_ALERT,
        NotificationKind.EXTENSION_QUESTION,
        NotificationKind.EXTENSION_STAFF_ALERT,
    }
)


class NotificationStatus(StrEnum):
    QUEUED = "QUEUED"
    SENDING = "SENDING"
    SENT = "SENT"
    KEPT = "KEPT"  # no mail server is configured: kept and shown to admins
    FAILED = "FAILED"


class Notification(Timestamps, Base):
    """A message to one address. `dedupe_key` makes it be created once; `status` makes it be sent once."""

    __tablename__ = "notifications"
    __table_args__ = (
        CheckConstraint("(status IN ('SENT', 'KEPT')) = (sent_at IS NOT NULL)", name="sent_has_time"),
        CheckConstraint("language IN ('de', 'en')", name="language_known"),
        Index("ix_notifications_user_id_created_at", "user_id", "created_at"),
        Index("ix_notifications_open", "created_at", postgresql_where=text("status IN ('QUEUED', 'SENDING')")),
    )

    id: Mapped[Id]
    kind: Mapped[NotificationKind] = mapped_column(enum_type(NotificationKind, "notification_kind"))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    booking_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    recipient: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(2))
    dedupe_key: Mapped[str] = mapped_column(String(160), unique=True)
    context: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"), default=dict)
    status: Mapped[NotificationStatus] = mapped_column(
        enum_type(NotificationStatus, "notification_status"),
        server_default="QUEUED",
        default=NotificationStatus.QUEUED,
    )
    attempts: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    subject: Mapped[str | None] = mapped_column(Text)
    body_text: Mapped[str | None] = mapped_column(Text)
    body_html: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
