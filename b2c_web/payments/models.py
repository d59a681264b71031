"""Money: payments, refunds, the ledger of what truly moved, saved methods, stored provider events, documents.

`payments` knows only (purpose, purpose id); what is paid for lives to the right of it.
"""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.db import Base, CreatedAt, Id, Timestamps, enum_type


class PaymentPurpose(StrEnum):
    BOOKING = "BOOKING"
    MOVE_FEE = "MOVE_FEE"
    EXTENSION = "EXTENSION"


class PaymentState(StrEnum):
    """A payment with the provider. The booking's own `payment_status` is derived from it by commands."""

    CREATED = "CREATED"  # our intent is written, the provider may not know it yet
    OPEN = "OPEN"  # a Checkout Session or PaymentIntent waits for the customer
    PROCESSING = "PROCESSING"  # SEPA: counts as decided, may still fail
    AUTHORIZED = "AUTHORIZED"  # manual capture: money is held; a mandate: it may be charged later
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"  # expired, given up or released; no money can come any more


class CaptureMethod(StrEnum):
    AUTOMATIC = "AUTOMATIC"
    MANUAL = "MANUAL"


class RefundState(StrEnum):
    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class LedgerKind(StrEnum):
    CHARGE = "CHARGE"
    REFUND = "REFUND"
    REFUND_RETURNED = "REFUND_RETURNED"  # the bank sent a refund back: the money is with us again


class DocumentKind(StrEnum):
    RECEIPT = "RECEIPT"
    FEE = "FEE"
    REFUND = "REFUND"


class PaymentMethod(Timestamps, Base):
    """A saved card or mandate; only what is needed to show it. Card data never touches our server.

    `fingerprint` names the same card whenever it is typed again; `detached_at`: the provider forgot it too;
    `default_told_at`: the provider knows that it is the usual one.
    `mandate_reference`: of an account, as the bank statement shows it.
    """

    __tablename__ = "payment_methods"
    __table_args__ = (
        CheckConstraint("is_active OR NOT is_default", name="default_is_active"),
        CheckConstraint("NOT is_active OR detached_at IS NULL", name="active_is_attached"),
        CheckConstraint("mandate_reference IS NULL OR type = 'sepa_debit'", name="mandate_of_account"),
        Index("uq_payment_methods_default", "user_id", unique=True, postgresql_where=text("is_default")),
        Index(
            "ix_payment_methods_to_detach",
            "updated_at",
            postgresql_where=text("NOT is_active AND detached_at IS NULL"),
        ),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    stripe_payment_method_id: Mapped[str] = mapped_column(String(64), unique=True)
    type: Mapped[str] = mapped_column(String(30))
    card_brand: Mapped[str | None] = mapped_column(String(30))
    card_last4: Mapped[str | None] = mapped_column(String(4))
    card_exp_month: Mapped[int | None] = mapped_column(Integer)
    card_exp_year: Mapped[int | None] = mapped_column(Integer)
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    mandate_reference: Mapped[str | None] = mapped_column(String(64))
    is_default: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    is_active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)
    detached_at: Mapped[datetime | None]
    default_told_at: Mapped[datetime | None]


class Payment(Timestamps, Base):
    """One charge we want from a customer, from our written intent to the provider's last word.

    `expires_at`: until when the purpose wants it. `checkout_expires_at`: when the payment page ends; set before
    the provider is asked for one. `checkout_url`: the page, while it may be open. `failure_reference`: the
    failed attempt that `failure_code` is about. `checked_at`: when the provider was last asked about it.

    Held money: `hold_asked_at`: a saved method (`method_id`) shall hold it without the customer. `provider_asked_at`:
    a request is at the provider whose answer is not recorded. `tries` and `key_version` count the requests of the
    present wish. `capture_cents`: how much of it shall be taken, since `capture_asked_at`; a person has it before
    them since `capture_given_up_at`. `replaces_id`: the hold that lapses and that this one renews; `escalated_at`:
    it could not be renewed, and a person knows.
    """

    __tablename__ = "payments"
    __table_args__ = (
        UniqueConstraint("purpose", "purpose_id", "attempt"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("authorized_cents BETWEEN 0 AND amount_cents", name="authorized_within_amount"),
        CheckConstraint("captured_cents BETWEEN 0 AND amount_cents", name="captured_within_amount"),
        CheckConstraint("refunded_cents BETWEEN 0 AND captured_cents", name="refunded_within_captured"),
        CheckConstraint("(state = 'SUCCEEDED') = (succeeded_at IS NOT NULL)", name="success_has_time"),
        CheckConstraint("capture_cents BETWEEN 1 AND amount_cents", name="capture_within_amount"),
        CheckConstraint("(capture_cents IS NULL) = (capture_asked_at IS NULL)", name="capture_has_time"),
        Index(
            "uq_payments_captured_once",
            "purpose",
            "purpose_id",
            unique=True,
            postgresql_where=text("capture_cents IS NOT NULL AND state IN ('AUTHORIZED', 'PROCESSING', 'SUCCEEDED')"),
        ),
        Index("ix_payments_lapsing", "capture_before", postgresql_where=text("state = 'AUTHORIZED'")),
        Index("ix_payments_asked", "provider_asked_at", postgresql_where=text("provider_asked_at IS NOT NULL")),
        Index(
            "ix_payments_open",
            "created_at",
            postgresql_where=text("state IN ('CREATED', 'OPEN', 'PROCESSING', 'AUTHORIZED')"),
        ),
        Index(
            "ix_payments_to_close",
            "updated_at",
            postgresql_where=text("state = 'CANCELLED' AND (checkout_url IS NOT NULL OR authorized_cents > 0)"),
        ),
        Index("ix_payments_created_at", "created_at"),
    )

    id: Mapped[Id]
    purpose: Mapped[PaymentPurpose] = mapped_column(enum_type(PaymentPurpose, "payment_purpose"))
    purpose_id: Mapped[uuid.UUID]
    attempt: Mapped[int] = mapped_column(Integer, server_default="1", default=1)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    amount_cents: Mapped[int] = mapped_column(Integer)
    capture_method: Mapped[CaptureMethod] = mapped_column(
        enum_type(CaptureMethod, "capture_method"),
        server_default="AUTOMATIC",
        default=CaptureMethod.AUTOMATIC,
    )
    state: Mapped[PaymentState] = mapped_column(
        enum_type(PaymentState, "payment_state"), server_default="CREATED", default=PaymentState.CREATED
    )
    authorized_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    captured_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    refunded_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    stripe_checkout_session_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    stripe_charge_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    checkout_url: Mapped[str | None] = mapped_column(Text)
    method_label: Mapped[str | None] = mapped_column(String(60))  # "visa 4242", for receipts
    failure_code: Mapped[str | None] = mapped_column(String(80))
    failure_reference: Mapped[str | None] = mapped_column(String(64))
    expires_at: Mapped[datetime | None]
    checkout_expires_at: Mapped[datetime | None]
    checked_at: Mapped[datetime | None]
    capture_before: Mapped[datetime | None]
    succeeded_at: Mapped[datetime | None]
    method_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("payment_methods.id", ondelete="RESTRICT"), index=True
    )
    description: Mapped[str] = mapped_column(String(200), server_default="", default="")
    hold_asked_at: Mapped[datetime | None]
    provider_asked_at: Mapped[datetime | None]
    tries: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    key_version: Mapped[int] = mapped_column(Integer, server_default="1", default=1)
    capture_cents: Mapped[int | None] = mapped_column(Integer)
    capture_asked_at: Mapped[datetime | None]
    capture_given_up_at: Mapped[datetime | None]
    replaces_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"), unique=True)
    escalated_at: Mapped[datetime | None]

    method: Mapped[PaymentMethod | None] = relationship()
    refunds: Mapped[list["Refund"]] = relationship(back_populates="payment", order_by="Refund.id")

    @property
    def by_mandate(self) -> bool:
        """A debit that is charged at the end: nothing is held, the mandate is the promise."""
        return self.hold_asked_at is not None and self.capture_method is CaptureMethod.AUTOMATIC


class Refund(Timestamps, Base):
    """Money that goes back, in three steps like every other; the idempotency key is made from our id.

    `tries`: how often the provider was asked. `key_version`: counts up when an answer is stored under the old
    key that must not be given again (a failure of the provider's own, or a refund that came back). `replaced_at`: it
    had failed, and what was left was shared out anew; nothing is owed for it any more.
    """

    __tablename__ = "refunds"
    __table_args__ = (
        UniqueConstraint("payment_id", "reason", "reference"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        Index("ix_refunds_open", "created_at", postgresql_where=text("state = 'PENDING'")),
    )

    id: Mapped[Id]
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"), index=True)
    amount_cents: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(String(40))  # cancellation, withdrawal, concierge_unused, late_money, ...
    reference: Mapped[str] = mapped_column(String(80), server_default="", default="")
    state: Mapped[RefundState] = mapped_column(
        enum_type(RefundState, "refund_state"), server_default="PENDING", default=RefundState.PENDING
    )
    stripe_refund_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    tries: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    key_version: Mapped[int] = mapped_column(Integer, server_default="1", default=1)
    failure_code: Mapped[str | None] = mapped_column(String(80))
    succeeded_at: Mapped[datetime | None]
    replaced_at: Mapped[datetime | None]

    payment: Mapped[Payment] = relationship(back_populates="refunds")


class LedgerEntry(Base):
    """Append-only: one line for each movement that the provider confirmed, or a person recorded. Never updated."""

    __tablename__ = "ledger_entries"
    __table_args__ = (
        UniqueConstraint("kind", "provider_reference"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("(kind = 'CHARGE') = (refund_id IS NULL)", name="refund_named"),
    )

    id: Mapped[Id]
    payment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("payments.id", ondelete="RESTRICT"), index=True)
    refund_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("refunds.id", ondelete="RESTRICT"), index=True)
    kind: Mapped[LedgerKind] = mapped_column(enum_type(LedgerKind, "ledger_kind"))
    amount_cents: Mapped[int] = mapped_column(Integer)
    provider_reference: Mapped[str] = mapped_column(String(120))  # charge or refund id at the provider, or OUTSIDE
    occurred_at: Mapped[datetime]
    created_at: Mapped[CreatedAt]


class ProviderEvent(Base):
    """An event of the payment provider, stored once by its own id before anything is done about it."""

    __tablename__ = "provider_events"
    __table_args__ = (
        Index("ix_provider_events_unprocessed", "received_at", postgresql_where=text("processed_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(String(120), primary_key=True)
    type: Mapped[str] = mapped_column(String(80))
    object_id: Mapped[str | None] = mapped_column(String(120), index=True)
    payload: Mapped[dict[str, Any]] = mapped_column(JSONB)
    received_at: Mapped[datetime]
    processed_at: Mapped[datetime | None]


class Document(Base):
    """A payment receipt, a kept fee or a refund confirmation; VAT is computed once, its rate stored."""

    __tablename__ = "documents"
    __table_args__ = (
        UniqueConstraint("kind", "purpose_id", "reference"),
        CheckConstraint("gross_cents > 0", name="gross_positive"),
        CheckConstraint("vat_cents BETWEEN 0 AND gross_cents", name="vat_within_gross"),
        Index("ix_documents_booking_id", "booking_id"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(
        String(20),
        unique=True,
        server_default=text("'BL-' || to_char(nextval('document_number_seq'), 'FM99999990000000')"),
    )
    kind: Mapped[DocumentKind] = mapped_column(enum_type(DocumentKind, "document_kind"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="RESTRICT"))
    purpose_id: Mapped[uuid.UUID]
    reference: Mapped[str] = mapped_column(String(80), server_default="", default="")
    lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)  # [{"label": msgid, "gross_cents": int}]
    about: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"), default=dict)  # name, car, window, ...
    gross_cents: Mapped[int] = mapped_column(Integer)
    vat_rate_percent: Mapped[int] = mapped_column(Integer)
    vat_cents: Mapped[int] = mapped_column(Integer)
    issued_at: Mapped[datetime]
