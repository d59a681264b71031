"""A workshop and everything that limits what it can promise: days, windows, Ronjas, jockeys and shifts."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.db import Base, Id, Timestamps, enum_type


class FuelType(StrEnum):
    GASOLINE = "GASOLINE"
    DIESEL = "DIESEL"
    ELECTRIC = "ELECTRIC"
    HYBRID = "HYBRID"


class VehicleStatus(StrEnum):
    AVAILABLE = "AVAILABLE"
    IN_USE = "IN_USE"
    MAINTENANCE = "MAINTENANCE"
    OUT_OF_SERVICE = "OUT_OF_SERVICE"


class JockeyStatus(StrEnum):
    ACTIVE = "ACTIVE"
    BUSY = "BUSY"
    OFF_DUTY = "OFF_DUTY"
    INACTIVE = "INACTIVE"


class Workshop(Timestamps, Base):
    """A workshop; `service_radius` in km by great circle, `federal_state` decides its holidays."""

    __tablename__ = "workshops"
    __table_args__ = (
        CheckConstraint("lat BETWEEN -90 AND 90 AND lng BETWEEN -180 AND 180", name="position_on_earth"),
        CheckConstraint("service_radius BETWEEN 0 AND 500", name="radius_plausible"),
        CheckConstraint("jockey_overbooking_percent BETWEEN 50 AND 300", name="overbooking_plausible"),
        Index("ix_workshops_active", "id", postgresql_where=text("is_active")),
    )

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(Text)
    postal_code: Mapped[str] = mapped_column(String(5), index=True)
    city: Mapped[str] = mapped_column(String(120))
    lat: Mapped[float] = mapped_column(Float)
    lng: Mapped[float] = mapped_column(Float)
    phone: Mapped[str] = mapped_column(String(32))
    email: Mapped[str] = mapped_column(String(254))
    service_radius: Mapped[int] = mapped_column(Integer, server_default="60", default=60)
    is_active: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)
    federal_state: Mapped[str] = mapped_column(String(2), server_default="NW", default="NW")
    jockey_overbooking_percent: Mapped[int] = mapped_column(Integer, server_default="100", default=100)


class WorkshopCapacity(Timestamps, Base):
    """One local day of a workshop: how many bookings it takes, counted by local pickup date."""

    __tablename__ = "workshop_capacity"
    __table_args__ = (
        UniqueConstraint("workshop_id", "date"),
        CheckConstraint("current_bookings BETWEEN 0 AND max_bookings", name="within_maximum"),
        Index("ix_workshop_capacity_date", "date"),
    )

    id: Mapped[Id]
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="RESTRICT"))
    date: Mapped[date] = mapped_column(Date)
    max_bookings: Mapped[int] = mapped_column(Integer, server_default="20", default=20)
    current_bookings: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    is_holiday: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    is_closed: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    note: Mapped[str | None] = mapped_column(Text)


class TimeSlot(Timestamps, Base):
    """A window of two hours: places for cars, and minutes of jockeys for the trips that begin in it.

    `jockey_minutes_room`: the shifts' minutes inside the window less breaks, times the overbooking factor;
    `jockey_minutes_taken`: what the trips promised; `jockey_minutes_short`: by how much shifts were cut below
    what was promised (a broken promise that a person sees); `longest_trip_minutes`: the longest trip that one
    shift can still hold when it begins with this window.
    """

    __tablename__ = "time_slots"
    __table_args__ = (
        UniqueConstraint("workshop_id", "start_time"),
        ForeignKeyConstraint(
            ["workshop_id", "service_date"],
            ["workshop_capacity.workshop_id", "workshop_capacity.date"],
            name="fk_time_slots_day",
            ondelete="RESTRICT",
        ),
        CheckConstraint("end_time > start_time", name="ends_after_start"),
        CheckConstraint("current_bookings BETWEEN 0 AND max_bookings", name="within_maximum"),
        CheckConstraint(
            "jockey_minutes_taken BETWEEN 0 AND jockey_minutes_room + jockey_minutes_short",
            name="jockey_minutes_within",
        ),
        CheckConstraint(
            "jockey_minutes_room >= 0 AND jockey_minutes_short >= 0 AND longest_trip_minutes >= 0",
            name="jockey_minutes_not_negative",
        ),
        Index("ix_time_slots_start_time", "start_time"),
        Index("ix_time_slots_workshop_id_start_time_is_available", "workshop_id", "start_time", "is_available"),
        Index("ix_time_slots_workshop_id_service_date", "workshop_id", "service_date"),
    )

    id: Mapped[Id]
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="RESTRICT"))
    start_time: Mapped[datetime]
    end_time: Mapped[datetime]
    service_date: Mapped[date] = mapped_column(Date)
    max_bookings: Mapped[int] = mapped_column(Integer, server_default="1", default=1)
    current_bookings: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    is_available: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)
    jockey_minutes_room: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    jockey_minutes_taken: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    jockey_minutes_short: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    longest_trip_minutes: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    note: Mapped[str | None] = mapped_column(Text)


class WeeklyTemplate(Timestamps, Base):
    """What a workshop's weeks look like from `valid_from` on, until a later template holds."""

    __tablename__ = "weekly_templates"
    __table_args__ = (UniqueConstraint("workshop_id", "valid_from"),)

    id: Mapped[Id]
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="CASCADE"))
    valid_from: Mapped[date] = mapped_column(Date)
    version: Mapped[int] = mapped_column(Integer, server_default="1", default=1)

    days: Mapped[list["WeeklyTemplateDay"]] = relationship(
        cascade="all, delete-orphan", order_by="WeeklyTemplateDay.weekday", lazy="selectin"
    )
    windows: Mapped[list["WeeklyTemplateWindow"]] = relationship(
        cascade="all, delete-orphan",
        order_by="WeeklyTemplateWindow.weekday, WeeklyTemplateWindow.starts_minute",
        lazy="selectin",
    )


class WeeklyTemplateDay(Base):
    """A weekday (0 is Monday) that is open in a template, and how many bookings it takes. No row: closed."""

    __tablename__ = "weekly_template_days"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday_known"),
        CheckConstraint("max_bookings BETWEEN 0 AND 1000", name="maximum_plausible"),
    )

    template_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("weekly_templates.id", ondelete="CASCADE"), primary_key=True
    )
    weekday: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    max_bookings: Mapped[int] = mapped_column(Integer)


class WeeklyTemplateWindow(Base):
    """A window of a weekday, in minutes of the wall clock after midnight, and the cars that it takes."""

    __tablename__ = "weekly_template_windows"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday_known"),
        CheckConstraint("0 <= starts_minute AND starts_minute < ends_minute AND ends_minute <= 1440", name="in_order"),
        CheckConstraint("places BETWEEN 1 AND 1000", name="places_plausible"),
    )

    template_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("weekly_templates.id", ondelete="CASCADE"), primary_key=True
    )
    weekday: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    starts_minute: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    ends_minute: Mapped[int] = mapped_column(Integer)
    places: Mapped[int] = mapped_column(Integer)


class RonjaVehicle(Timestamps, Base):
    """A replacement car. Due service takes it out of planning before it is due."""

    __tablename__ = "ronja_vehicles"
    __table_args__ = (
        CheckConstraint("mileage >= 0", name="mileage_not_negative"),
        CheckConstraint("year BETWEEN 1900 AND 2100", name="year_plausible"),
    )

    id: Mapped[Id]
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="RESTRICT"), index=True)
    license_plate: Mapped[str] = mapped_column(String(12), unique=True)
    make: Mapped[str] = mapped_column(String(60))
    model: Mapped[str] = mapped_column(String(60))
    year: Mapped[int] = mapped_column(Integer)
    color: Mapped[str] = mapped_column(String(40))
    fuel_type: Mapped[FuelType] = mapped_column(enum_type(FuelType, "fuel_type"))
    status: Mapped[VehicleStatus] = mapped_column(
        enum_type(VehicleStatus, "vehicle_status"),
        server_default="AVAILABLE",
        default=VehicleStatus.AVAILABLE,
        index=True,
    )
    current_location: Mapped[str | None] = mapped_column(Text)
    mileage: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    last_service_date: Mapped[datetime | None]
    next_service_due: Mapped[datetime | None] = mapped_column(index=True)
    next_service_mileage: Mapped[int | None] = mapped_column(Integer)


class Jockey(Timestamps, Base):
    """A driver. BUSY during a running trip, OFF_DUTY outside the shift; INACTIVE bars login and planning."""

    __tablename__ = "jockeys"

    id: Mapped[Id]
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="RESTRICT"), index=True)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    email: Mapped[str] = mapped_column(String(254), unique=True)
    phone: Mapped[str] = mapped_column(String(32))
    employee_id: Mapped[str | None] = mapped_column(String(40), unique=True)
    status: Mapped[JockeyStatus] = mapped_column(
        enum_type(JockeyStatus, "jockey_status"),
        server_default="ACTIVE",
        default=JockeyStatus.ACTIVE,
        index=True,
    )
    current_lat: Mapped[float | None] = mapped_column(Float)
    current_lng: Mapped[float | None] = mapped_column(Float)
    last_location_update: Mapped[datetime | None]


class JockeyShift(Timestamps, Base):
    """One shift of a jockey, with at most one break inside it."""

    __tablename__ = "jockey_shifts"
    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="ends_after_start"),
        CheckConstraint(
            "(break_starts_at IS NULL) = (break_ends_at IS NULL) AND (break_starts_at IS NULL OR "
            "(starts_at <= break_starts_at AND break_starts_at < break_ends_at AND break_ends_at <= ends_at))",
            name="break_inside_shift",
        ),
        ExcludeConstraint(
            ("jockey_id", "="), (text("tstzrange(starts_at, ends_at)"), "&&"), name="ex_jockey_shifts_overlap"
        ),
        Index("ix_jockey_shifts_starts_at", "starts_at"),
    )

    id: Mapped[Id]
    jockey_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jockeys.id", ondelete="CASCADE"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    break_starts_at: Mapped[datetime | None]
    break_ends_at: Mapped[datetime | None]
