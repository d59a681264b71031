"""Extra work found in the workshop (Auftragserweiterung), its decision and its money, and what belongs to it."""

import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.catalog.models import ServiceType, service_type_type
from b2c_web.db import Base, CreatedAt, Id, Timestamps, enum_type


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


class MessageKind(StrEnum):
    QUESTION = "QUESTION"
    ANSWER = "ANSWER"


class Extension(Timestamps, Base):
    """Offered items, and what was accepted of them. `total_amount` is offered, `approved_amount_cents` accepted.

    What was raised never changes: correcting means withdrawing it and raising another that `replaces_id` it.
    `items` are {name, description, price (cents), quantity ("1.5"), media (ids)}; `accepted_items` and
    `not_done_items` are places in that list, from 0. `images` and `videos` are ids of the media that show the whole.
    """

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
        CheckConstraint("(status = 'APPROVED') = (cardinality(accepted_items) > 0)", name="approved_has_items"),
        CheckConstraint(
            "cardinality(accepted_items) = 0 OR "
            "(0 <= ALL (accepted_items) AND jsonb_array_length(items) > ALL (accepted_items))",
            name="accepted_were_offered",
        ),
        CheckConstraint("not_done_items <@ accepted_items", name="not_done_were_accepted"),
        CheckConstraint("(status = 'CANCELLED') = (withdrawn_at IS NOT NULL)", name="withdrawn_has_time"),
        CheckConstraint("status = 'APPROVED' OR authorization_status = 'NONE'", name="money_only_when_approved"),
        CheckConstraint(
            "(authorization_status = 'CAPTURED') = (payment_captured_at IS NOT NULL)", name="captured_has_time"
        ),
        CheckConstraint("new_return_slot_id IS NULL OR new_promised_at IS NOT NULL", name="new_return_has_time"),
        CheckConstraint("(new_promised_at IS NULL) = (delay_reason = '')", name="delay_has_reason"),
        CheckConstraint("vat_rate_percent BETWEEN 0 AND 100", name="vat_rate_is_percent"),
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

    urgent: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    raised_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    vat_rate_percent: Mapped[int] = mapped_column(Integer)
    replaces_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("extensions.id", ondelete="RESTRICT"), unique=True)
    withdrawn_at: Mapped[datetime | None]
    withdraw_reason: Mapped[str | None] = mapped_column(Text)
    accepted_items: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=text("'{}'"), default=list)
    not_done_items: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=text("'{}'"), default=list)
    shown_digest: Mapped[str | None] = mapped_column(String(64))  # what was on the page that decided
    # more work can mean a new promise; the return moves when the customer accepts
    new_return_slot_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("time_slots.id", ondelete="RESTRICT"), index=True
    )
    new_promised_at: Mapped[datetime | None]
    delay_reason: Mapped[str] = mapped_column(Text, server_default="", default="")
    # money: a mandate is charged at completion without a hold; the bank's last reason for a no
    by_mandate: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    failure_code: Mapped[str | None] = mapped_column(String(80))

    consent: Mapped["ExtensionConsent | None"] = relationship(viewonly=True)


class ExtensionConsent(Base):
    """A consent that the customer gave outside of our pages, as staff recorded it, and the customer's objection."""

    __tablename__ = "extension_consents"

    id: Mapped[Id]
    extension_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("extensions.id", ondelete="CASCADE"), unique=True)
    channel: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(120))
    given_at: Mapped[datetime]
    words: Mapped[str] = mapped_column(Text)
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    objected_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class ExtensionDraft(Timestamps, Base):
    """What staff have typed so far, one per booking; survives a closed tab. `content` is the form's own shape.

    The row outlives its draft, with content {}: what was sent or thrown away must not be saved again by a page that
    was late. `ended_keys` are the drafts that are over.
    """

    __tablename__ = "extension_drafts"

    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)
    ended_keys: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)
    updated_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)


class ExtensionMessage(Base):
    """A question of the customer, or the workshop's answer."""

    __tablename__ = "extension_messages"
    __table_args__ = (CheckConstraint("words <> ''", name="words_not_empty"),)

    id: Mapped[Id]
    extension_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("extensions.id", ondelete="CASCADE"), index=True)
    kind: Mapped[MessageKind] = mapped_column(enum_type(MessageKind, "extension_message_kind"))
    author_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    words: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]


class ExtensionLink(Base):
    """A mailed key to one extension. Only its hash is kept; it ends with the decision or when its time is over."""

    __tablename__ = "extension_links"

    id: Mapped[Id]
    extension_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("extensions.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[CreatedAt]


class ExtensionWish(Timestamps, Base):
    """Work that stayed open and that the customer would like done with this booking: a wish, not an order.

    Where it came from (`extension_id`, `place` in its items) and what it said and cost then. An extension takes it up
    (`taken_up_by_id`, and at which place there), or staff set it aside in words that the customer reads.
    """

    __tablename__ = "extension_wishes"
    __table_args__ = (
        UniqueConstraint("booking_id", "extension_id", "place", name="uq_extension_wishes_item"),
        UniqueConstraint("taken_up_by_id", "taken_up_place", name="uq_extension_wishes_taken_up"),
        CheckConstraint("place >= 0", name="place_not_negative"),
        CheckConstraint("price > 0", name="price_positive"),
        CheckConstraint("(taken_up_by_id IS NULL) = (taken_up_place IS NULL)", name="taken_up_has_place"),
        CheckConstraint("(set_aside_at IS NULL) = (set_aside_words = '')", name="set_aside_has_words"),
        CheckConstraint("taken_up_by_id IS NULL OR set_aside_at IS NULL", name="taken_up_or_set_aside"),
    )

    id: Mapped[Id]
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    extension_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("extensions.id", ondelete="RESTRICT"), index=True)
    place: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(120))
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    price: Mapped[int] = mapped_column(Integer)  # gross, cents, for one of it
    quantity: Mapped[str] = mapped_column(String(12))  # as in an extension's items, "1.5"
    taken_up_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("extensions.id", ondelete="RESTRICT"))
    taken_up_place: Mapped[int | None] = mapped_column(Integer)
    set_aside_at: Mapped[datetime | None]
    set_aside_words: Mapped[str] = mapped_column(Text, server_default="", default="")
    set_aside_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)


class WorkItem(Timestamps, Base):
    """Usual work of a workshop at its usual price. Without `service` it is usual with every one of them.

    What English customers read may be empty: then they read the German.
    """

    __tablename__ = "work_items"
    __table_args__ = (
        CheckConstraint("price > 0", name="price_positive"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index("ix_work_items_workshop_id_service", "workshop_id", "service"),
        Index(
            "uq_work_items_workshop_id_service_name",
            "workshop_id",
            "service",
            "name",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: Mapped[Id]
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="CASCADE"))
    service: Mapped[ServiceType | None] = mapped_column(service_type_type)
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), server_default="", default="")
    description: Mapped[str] = mapped_column(Text, server_default="", default="")
    description_en: Mapped[str] = mapped_column(Text, server_default="", default="")
    price: Mapped[int] = mapped_column(Integer)  # gross, cents, for one of it
    quantity: Mapped[Decimal] = mapped_column(Numeric(7, 3), server_default="1", default=Decimal(1))  # usually so many
    position: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    is_active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)

    def name_in(self, language: str) -> str:
        """As a reader of this language is told it."""
        return (language == "en" and self.name_en) or self.name

    def description_in(self, language: str) -> str:
        return (language == "en" and self.description_en) or self.description
