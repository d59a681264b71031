"""Extra work found in the workshop (Auftragserweiterung), its decision and its money."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from b2c_web.db import Base, Id, Timestamps, enum_type


class ExtensionStatus(StrEnum):
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    DECLINED = "DECLINED"
    CANCELLED = "CANCELLED"


class AuthorizationStatus(StrEnum):
    NONE = "NONE"
    PENDING = "PENDING"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    AUTHORIZED = "AUTHORIZED"
    CAPTURING = "CAPTURING"
    PROCESSING = "PROCESSING"
    CAPTURED = "CAPTURED"
    FAILED = "FAILED"
    RELEASED = "RELEASED"


class DecisionRight(StrEnum):
    CUSTOMER = "CUSTOMER"
    STANDING_LIMIT = "STANDING_LIMIT"
    RECORDED_CONSENT = "RECORDED_CONSENT"


class Extension(Timestamps, Base):
    """Offered items, and what was accepted of them. `total_amount` is offered, `approved_amount_cents` accepted."""

    __tablename__ = "extensions"
    __table_args__ = (
        CheckConstraint("total_amount > 0", name="total_positive"),
        CheckConstraint(
            "approved_amount_cents BETWEEN 0 AND total_amount "
            "AND captured_amount_cents BETWEEN 0 AND approved_amount_cents",
            name="captured_within_approved",
        ),
        CheckConstraint("(status = 'APPROVED') = (approved_at IS NOT NULL)", name="approved_has_time"),
        CheckConstraint("(status = 'DECLINED') = (declined_at IS NOT NULL)", name="declined_has_time"),
        CheckConstraint("status <> 'APPROVED' OR decision_right IS NOT NULL", name="approved_by_right"),
        CheckConstraint("(status = 'APPROVED') = (approved_amount_cents > 0)", name="approved_has_amount"),
    )

    id: Mapped[Id]
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="RESTRICT"), index=True)
    description: Mapped[str] = mapped_column(Text)
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    total_amount: Mapped[int] = mapped_column(Integer)
    approved_amount_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    captured_amount_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    images: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    videos: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    status: Mapped[ExtensionStatus] = mapped_column(
        enum_type(ExtensionStatus, "extension_status"),
        server_default="PENDING",
        default=ExtensionStatus.PENDING,
        index=True,
    )
    requested_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    approved_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    decline_reason: Mapped[str | None] = mapped_column(Text)
    decision_right: Mapped[DecisionRight | None] = mapped_column(enum_type(DecisionRight, "decision_right"))
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    decision_channel: Mapped[str | None] = mapped_column(String(40))
    authorization_status: Mapped[AuthorizationStatus] = mapped_column(
        enum_type(AuthorizationStatus, "authorization_status"),
        server_default="NONE",
        default=AuthorizationStatus.NONE,
    )
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    payment_captured_at: Mapped[datetime | None]
    odoo_invoice_id: Mapped[int | None] = mapped_column(Integer, unique=True)
