"""A customer is asked to take another date."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.db import Base, Id, Timestamps, enum_type


class MoveOfferState(StrEnum):
    ASKED = "ASKED"
    MOVED = "MOVED"
    DECLINED = "DECLINED"
    ENDED = "ENDED"  # no answer in time, or the booking changed in another way


class MoveOffer(Timestamps, Base):
    """One request. Only the hash of the link's token is kept; `options` are the windows that the message named."""

    __tablename__ = "move_offers"
    __table_args__ = (
        CheckConstraint("(state = 'ASKED') = (ended_at IS NULL)", name="ended_has_time"),
        Index("uq_move_offers_open", "booking_id", unique=True, postgresql_where=text("state = 'ASKED'")),
        Index("ix_move_offers_expires_at", "expires_at", postgresql_where=text("state = 'ASKED'")),
    )

    id: Mapped[Id]
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    asked_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    reason: Mapped[str | None] = mapped_column(Text)
    same_day: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    options: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    state: Mapped[MoveOfferState] = mapped_column(
        enum_type(MoveOfferState, "move_offer_state"), server_default="ASKED", default=MoveOfferState.ASKED
    )
    from_start: Mapped[datetime]  # the pickup as it stood when asked
    from_end: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    booking: Mapped[Booking] = relationship()
    staff: Mapped[User | None] = relationship()
