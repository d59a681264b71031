"""What is sold: services and their prices by vehicle class, with validity."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Integer,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.db import Base, Id, Timestamps, enum_type
from b2c_web.vehicles.models import VehicleClass, vehicle_class_type


class ServiceType(StrEnum):
    OIL_SERVICE = "OIL_SERVICE"
    INSPECTION = "INSPECTION"
    BRAKE_SERVICE = "BRAKE_SERVICE"
    CLIMATE_SERVICE = "CLIMATE_SERVICE"


service_type_type = enum_type(ServiceType, "service_type")


class Service(Timestamps, Base):
    """One kind of maintenance. `estimated_duration` is in minutes of workshop time."""

    __tablename__ = "services"
    __table_args__ = (CheckConstraint("estimated_duration BETWEEN 1 AND 1440", name="duration_plausible"),)

    id: Mapped[Id]
    type: Mapped[ServiceType] = mapped_column(service_type_type, unique=True)
    name: Mapped[str] = mapped_column(String(80))
    description: Mapped[str] = mapped_column(Text)
    estimated_duration: Mapped[int] = mapped_column(Integer)
    is_active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)

    pricing: Mapped[list["ServicePricing"]] = relationship(back_populates="service")


class ServicePricing(Timestamps, Base):
    """Gross prices in cents, valid while valid_from <= now < valid_until; validities never overlap."""

    __tablename__ = "service_pricing"
    __table_args__ = (
        UniqueConstraint("service_id", "vehicle_class", "valid_from"),
        CheckConstraint("base_price > 0 AND concierge_price >= 0", name="prices_not_negative"),
        CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="validity_in_order"),
        ExcludeConstraint(
            ("service_id", "="),
            ("vehicle_class", "="),
            (text("tstzrange(valid_from, valid_until)"), "&&"),
            name="ex_service_pricing_validity",
        ),
    )

    id: Mapped[Id]
    service_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("services.id", ondelete="RESTRICT"), index=True)
    vehicle_class: Mapped[VehicleClass] = mapped_column(vehicle_class_type)
    base_price: Mapped[int] = mapped_column(Integer)
    concierge_price: Mapped[int] = mapped_column(Integer)
    valid_from: Mapped[datetime] = mapped_column(server_default=func.now())
    valid_until: Mapped[datetime | None]

    service: Mapped[Service] = relationship(back_populates="pricing")
