"""Trips given to a jockey and a Ronja, and the times at which jockeys are taken."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.dialects.postgresql import JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.bookings.models import AssignmentType, Booking, Trip, assignment_type_type
from b2c_web.db import Base, Id, Timestamps, enum_type
from b2c_web.workshops.models import Jockey, RonjaVehicle


class AssignmentStatus(StrEnum):
    ASSIGNED = "ASSIGNED"
    EN_ROUTE_TO_PICKUP = "EN_ROUTE_TO_PICKUP"
    AT_PICKUP_LOCATION = "AT_PICKUP_LOCATION"
    IN_TRANSIT_TO_WORKSHOP = "IN_TRANSIT_TO_WORKSHOP"
    AT_WORKSHOP = "AT_WORKSHOP"
    EN_ROUTE_TO_CUSTOMER = "EN_ROUTE_TO_CUSTOMER"
    AT_RETURN_LOCATION = "AT_RETURN_LOCATION"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


COMING = (
    AssignmentStatus.EN_ROUTE_TO_PICKUP,
    AssignmentStatus.AT_PICKUP_LOCATION,
    AssignmentStatus.EN_ROUTE_TO_CUSTOMER,
    AssignmentStatus.AT_RETURN_LOCATION,
)


class CancelReason(StrEnum):
    NO_SHOW = "NO_SHOW"
    REDISPATCHED = "REDISPATCHED"
    BREAKDOWN = "BREAKDOWN"
    BOOKING_CANCELLED = "BOOKING_CANCELLED"


class JockeyAssignment(Timestamps, Base):
    """A trip given to a jockey and a Ronja. At most one open one per booking and type.

    `scheduled_time`: arrival at the customer's door; `arrived_at` and `departed_at` are there too. `started_at`: the
    jockey set out to it, `completed_at`: the trip's work was done. `moved_by`: who took the last step, so that a
    second press changes nothing. `car_back_at`: after a return that failed the car stood at the workshop again.
    """

    __tablename__ = "jockey_assignments"
    __table_args__ = (
        CheckConstraint("(status = 'CANCELLED') = (cancel_reason IS NOT NULL)", name="cancelled_has_reason"),
        CheckConstraint(
            "type = 'PICKUP' AND status NOT IN ('EN_ROUTE_TO_CUSTOMER', 'AT_RETURN_LOCATION') OR type = 'RETURN' AND "
            "status NOT IN ('EN_ROUTE_TO_PICKUP', 'AT_PICKUP_LOCATION', 'IN_TRANSIT_TO_WORKSHOP', 'AT_WORKSHOP')",
            name="status_fits_type",
        ),
        CheckConstraint("(status = 'COMPLETED') = (completed_at IS NOT NULL)", name="completed_has_time"),
        CheckConstraint(
            "car_back_at IS NULL OR type = 'RETURN' AND status = 'CANCELLED' AND started_at IS NOT NULL",
            name="car_back_of_failed_return",
        ),
        Index("ix_jockey_assignments_booking_id", "booking_id"),
        Index("ix_jockey_assignments_jockey_id", "jockey_id"),
        Index("ix_jockey_assignments_vehicle_id", "vehicle_id"),
        Index("ix_jockey_assignments_scheduled_time", "scheduled_time"),
        Index("ix_jockey_assignments_trip_id", "trip_id"),
        Index("ix_jockey_assignments_jockey_id_scheduled_time", "jockey_id", "scheduled_time"),
        Index(
            "uq_jockey_assignments_open",
            "booking_id",
            "type",
            unique=True,
            postgresql_where=text("status NOT IN ('COMPLETED', 'CANCELLED')"),
        ),
    )

    id: Mapped[Id]
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="RESTRICT"))
    trip_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("trips.id", ondelete="RESTRICT"))
    jockey_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jockeys.id", ondelete="RESTRICT"))
    vehicle_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ronja_vehicles.id", ondelete="RESTRICT"))
    type: Mapped[AssignmentType] = mapped_column(
        assignment_type_type, server_default="PICKUP", default=AssignmentType.PICKUP
    )
    scheduled_time: Mapped[datetime]
    started_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    departed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    status: Mapped[AssignmentStatus] = mapped_column(
        enum_type(AssignmentStatus, "assignment_status"),
        server_default="ASSIGNED",
        default=AssignmentStatus.ASSIGNED,
    )
    cancel_reason: Mapped[CancelReason | None] = mapped_column(enum_type(CancelReason, "assignment_cancel_reason"))
    # set when no particular jockey fitted and the best was taken: a dispatcher must look at it
    conflict: Mapped[str | None] = mapped_column(String(60))
    handover: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    moved_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    car_back_at: Mapped[datetime | None]

    booking: Mapped[Booking] = relationship()
    trip: Mapped[Trip] = relationship()
    jockey: Mapped[Jockey] = relationship()
    ronja: Mapped[RonjaVehicle] = relationship()

    @property
    def expected_at(self) -> datetime | None:
        """When who has set out is at the door, as the customer was told."""
        return self.started_at and self.started_at + timedelta(minutes=self.trip.travel_minutes)

    @property
    def at_door(self) -> datetime:
        """When the jockey was, will be or is planned to be there: who sets out early does not keep the plan."""
        return self.arrived_at or self.expected_at or self.scheduled_time

    @property
    def is_coming(self) -> bool:
        """Is the jockey on the way to the customer's door, or there?"""
        return self.status in COMING


class JockeyBusyRange(Base):
    """When a jockey is taken by an assignment. No jockey is planned twice at once.

    A flagged assignment (`conflict` set) has no range: it is a problem to solve, not a promise.
    """

    __tablename__ = "jockey_busy_ranges"
    __table_args__ = (
        CheckConstraint("NOT isempty(during)", name="during_not_empty"),
        ExcludeConstraint(
            ("jockey_id", "="),
            ("during", "&&"),
            name="ex_jockey_busy_ranges_overlap",
            deferrable=True,
            initially="IMMEDIATE",
        ),
        Index("ix_jockey_busy_ranges_jockey_id", "jockey_id"),
    )

    id: Mapped[Id]
    assignment_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("jockey_assignments.id", ondelete="CASCADE"), unique=True
    )
    jockey_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("jockeys.id", ondelete="CASCADE"))
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
