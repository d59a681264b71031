"""Customers' cars."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from b2c_web.db import Base, Id, Timestamps, enum_type

PLAIN_PLATE = "lower(translate(license_plate, ' -', ''))"  # as staff look for it, without blanks and hyphens


class VehicleClass(StrEnum):
    COMPACT = "COMPACT"
    MIDSIZE = "MIDSIZE"
    SUV = "SUV"
    LUXURY = "LUXURY"


vehicle_class_type = enum_type(VehicleClass, "vehicle_class")


class Vehicle(Timestamps, Base):
    """A car of a customer. Archived cars keep their history (`is_active` false)."""

    __tablename__ = "vehicles"
    __table_args__ = (
        CheckConstraint("year BETWEEN 1900 AND 2100", name="year_plausible"),
        CheckConstraint("vin IS NULL OR vin ~ '^[A-HJ-NPR-Z0-9]{17}$'", name="vin_form"),
        CheckConstraint("is_active OR NOT is_primary", name="primary_is_active"),
        Index("uq_vehicles_primary", "user_id", unique=True, postgresql_where=text("is_primary")),
        Index(
            "uq_vehicles_active_plate",
            "user_id",
            "license_plate",
            unique=True,
            postgresql_where=text("is_active"),
        ),
        Index("ix_vehicles_plain_plate", text(f"({PLAIN_PLATE}) gin_trgm_ops"), postgresql_using="gin"),
    )

    id: Mapped[Id]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), index=True)
    license_plate: Mapped[str] = mapped_column(String(12), index=True)
    vin: Mapped[str | None] = mapped_column(String(17), unique=True)
    make: Mapped[str] = mapped_column(String(60))
    model: Mapped[str] = mapped_column(String(60))
    year: Mapped[int] = mapped_column(Integer)
    first_registration: Mapped[datetime | None]
    vehicle_class: Mapped[VehicleClass] = mapped_column(vehicle_class_type)
    registration_document: Mapped[str | None] = mapped_column(Text)
    is_primary: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    is_active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)
