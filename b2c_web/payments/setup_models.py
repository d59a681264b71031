"""A customer's wish to save a card or an account without paying, from our written intent to what was saved."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from b2c_web.db import Base, Id, Timestamps, enum_type


class MethodKind(StrEnum):
    """What can be saved, in the provider's words, as `payment_methods.type` has them."""

    CARD = "card"
    ACCOUNT = "sepa_debit"


class SetupState(StrEnum):
    CREATED = "CREATED"  # our intent is written, the provider may not know it yet
    OPEN = "OPEN"  # a page waits for the customer
    SAVED = "SAVED"
    ENDED = "ENDED"  # expired, or given up for a newer page


LIVE = "state IN ('CREATED', 'OPEN')"


class MethodSetup(Timestamps, Base):
    """One page on which a customer saves a method. At most one of a kind is live per customer.

    `wish` fingerprints where the browser goes afterwards and in which language; `expires_at`: when the page ends, set
    before the provider is asked for it. `checked_at`: when the provider was last asked about it. `closed_at`: the
    provider's page is over for certain, so that an ended setup needs nothing any more.
    """

    __tablename__ = "method_setups"
    __table_args__ = (
        CheckConstraint("(state = 'SAVED') = (method_id IS NOT NULL)", name="saved_has_method"),
        CheckConstraint("(state = 'SAVED') = (saved_at IS NOT NULL)", name="saved_has_time"),
        CheckConstraint("closed_at IS NULL OR state = 'ENDED'", name="closed_is_ended"),
        CheckConstraint("checkout_url IS NULL OR state = 'OPEN'", name="page_is_open"),
        Index("uq_method_setups_live", "user_id", "kind", unique=True, postgresql_where=text(LIVE)),
        Index("ix_method_setups_open", "expires_at", postgresql_where=text(LIVE)),
        Index(
            "ix_method_setups_to_close", "updated_at", postgresql_where=text("state = 'ENDED' AND closed_at IS NULL")
        ),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    kind: Mapped[MethodKind] = mapped_column(enum_type(MethodKind, "method_kind"))
    state: Mapped[SetupState] = mapped_column(
        enum_type(SetupState, "setup_state"), server_default="CREATED", default=SetupState.CREATED
    )
    wish: Mapped[str] = mapped_column(String(16))
    expires_at: Mapped[datetime]
    stripe_checkout_session_id: Mapped[str | None] = mapped_column(String(120), unique=True)
    checkout_url: Mapped[str | None] = mapped_column(Text)
    method_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("payment_methods.id", ondelete="RESTRICT"), index=True
    )
    checked_at: Mapped[datetime | None]
    saved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
