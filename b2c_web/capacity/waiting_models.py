"""Who waits for a place on a full day."""

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Date, Float, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.catalog.models import ServiceType, service_type_type
from b2c_web.db import Base, Id, Timestamps, enum_type
from b2c_web.vehicles.models import VehicleClass, vehicle_class_type
from b2c_web.workshops.models import Workshop


class WaitingState(StrEnum):
    WAITING = "WAITING"
    TOLD = "TOLD"  # a place is held for them
    TAKEN = "TAKEN"
    MISSED = "MISSED"  # told and not paid in time, or the day came without a place
    LEFT = "LEFT"


class WaitingEntry(Timestamps, Base):
    """One person waits for one day, with all that a claim needs. The order is `joined_at`, then `id`."""

    __tablename__ = "waiting_entries"
    __table_args__ = (
        CheckConstraint("(state IN ('WAITING', 'TOLD')) = (ended_at IS NULL)", name="ended_has_time"),
        CheckConstraint("state <> 'WAITING' OR told_at IS NULL", name="waiting_was_not_told"),
        CheckConstraint("state NOT IN ('TOLD', 'TAKEN') OR told_at IS NOT NULL", name="told_has_time"),
        CheckConstraint("postal_code ~ '^[0-9]{5}$'", name="postal_code_form"),
        Index(
            "uq_waiting_entries_live",
            "user_id",
            "workshop_id",
            "day",
            unique=True,
            postgresql_where=text("state IN ('WAITING', 'TOLD')"),
        ),
        Index(
            "ix_waiting_entries_queue",
            "workshop_id",
            "day",
            "joined_at",
            "id",
            postgresql_where=text("state = 'WAITING'"),
        ),
        Index("ix_waiting_entries_workshop_id_day", "workshop_id", "day"),
    )

    id: Mapped[Id]
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="RESTRICT"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    day: Mapped[date] = mapped_column(Date)
    joined_at: Mapped[datetime]
    state: Mapped[WaitingState] = mapped_column(
        enum_type(WaitingState, "waiting_state"), server_default="WAITING", default=WaitingState.WAITING
    )
    booking_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("bookings.id", ondelete="SET NULL"), unique=True)
    told_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    service: Mapped[ServiceType] = mapped_column(service_type_type)
    vehicle_class: Mapped[VehicleClass] = mapped_column(vehicle_class_type)
    include_concierge: Mapped[bool] = mapped_column(Boolean)
    travel_minutes: Mapped[int] = mapped_column(Integer)  # one way
    vehicle_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("vehicles.id", ondelete="SET NULL"), index=True)
    car_details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"), default=dict)
    customer_name: Mapped[str] = mapped_column(String(120))
    customer_phone: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(Text)
    postal_code: Mapped[str] = mapped_column(String(5))
    city: Mapped[str] = mapped_column(String(120))
    lat: Mapped[float] = mapped_column(Float)
    lng: Mapped[float] = mapped_column(Float)
    standing_limit_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    early_start: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    terms_version: Mapped[str | None] = mapped_column(String(20))  # that they agreed to; of older entries unknown

    user: Mapped[User] = relationship()
    workshop: Mapped[Workshop] = relationship()
    booking: Mapped[Booking | None] = relationship()
