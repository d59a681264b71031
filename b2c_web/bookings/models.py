"""A booking, its trips, the Ronja it reserved, the draft it came from and its moves."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    Sequence,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column, relationship

from b2c_web.accounts.models import User
from b2c_web.catalog.models import ServiceType, service_type_type
from b2c_web.db import Base, CreatedAt, Id, Timestamps, enum_type
from b2c_web.vehicles.models import Vehicle, VehicleClass, vehicle_class_type
from b2c_web.workshops.models import RonjaVehicle, TimeSlot, Workshop

booking_number_seq = Sequence("booking_number_seq", metadata=Base.metadata)
document_number_seq = Sequence("document_number_seq", metadata=Base.metadata)


# what staff look a car up by, without blanks and hyphens: the running number, the name, the plate that was said
SAID = (
    "lower(translate(split_part(number, '-', 3) || '|' || customer_name || '|' ||"
    " coalesce(car_details ->> 'license_plate', ''), ' -', ''))"
)


class BookingStatus(StrEnum):
    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    IN_TRANSIT_TO_WORKSHOP = "IN_TRANSIT_TO_WORKSHOP"
    IN_WORKSHOP = "IN_WORKSHOP"
    READY_FOR_RETURN = "READY_FOR_RETURN"
    IN_TRANSIT_TO_CUSTOMER = "IN_TRANSIT_TO_CUSTOMER"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


class PaymentStatus(StrEnum):
    PENDING = "PENDING"
    PAID = "PAID"
    FAILED = "FAILED"
    REFUNDED = "REFUNDED"


class AssignmentType(StrEnum):
    PICKUP = "PICKUP"
    RETURN = "RETURN"


assignment_type_type = enum_type(AssignmentType, "assignment_type")


class MoveState(StrEnum):
    AWAITING_FEE = "AWAITING_FEE"
    DONE = "DONE"
    FAILED = "FAILED"


STAFF_END_IT = frozenset({BookingStatus.IN_TRANSIT_TO_WORKSHOP, BookingStatus.IN_WORKSHOP})  # once withdrawn from


class Booking(Timestamps, Base):
    """One service for one car at a fixed price. The price is the booking's own copy for good.

    `slot_id` is the pickup window, for a drop-off the arrival window; `return_slot_id` the return window.
    `places_released_at`: when day and window counters were given back; null while it counts.
    """

    __tablename__ = "bookings"
    __table_args__ = (
        CheckConstraint("base_price > 0 AND concierge_price >= 0", name="prices_not_negative"),
        CheckConstraint("total_price = base_price + concierge_price", name="total_is_sum"),
        CheckConstraint("include_concierge OR concierge_price = 0", name="concierge_price_only_with_concierge"),
        CheckConstraint("NOT include_concierge OR return_slot_id IS NOT NULL", name="concierge_has_return"),
        CheckConstraint("estimated_return_time > pickup_time", name="return_after_pickup"),
        CheckConstraint("(status = 'CANCELLED') = (cancelled_at IS NOT NULL)", name="cancelled_has_time"),
        CheckConstraint("(status = 'COMPLETED') = (completed_at IS NOT NULL)", name="completed_has_time"),
        CheckConstraint("(status = 'PENDING') = (hold_expires_at IS NOT NULL)", name="hold_only_while_pending"),
        CheckConstraint("status = 'CANCELLED' OR places_released_at IS NULL", name="live_keeps_places"),
        CheckConstraint("(payment_status IN ('PAID', 'REFUNDED')) = (paid_at IS NOT NULL)", name="paid_has_time"),
        CheckConstraint(
            "status IN ('PENDING', 'CANCELLED') OR payment_status IN ('PAID', 'REFUNDED')",
            name="work_only_when_paid",
        ),
        CheckConstraint(
            "return_failed_at IS NULL OR status IN ('READY_FOR_RETURN', 'CANCELLED')", name="failed_return_waits"
        ),
        CheckConstraint("service_completed_at IS NULL OR work_started_at IS NOT NULL", name="begun_before_completed"),
        CheckConstraint(
            "withdrawn_at IS NULL OR status IN ('CANCELLED', 'READY_FOR_RETURN', 'IN_TRANSIT_TO_CUSTOMER', 'COMPLETED')"
            " OR status IN ('IN_TRANSIT_TO_WORKSHOP', 'IN_WORKSHOP') AND service_completed_at IS NULL",
            name="withdrawn_goes_no_further",
        ),
        CheckConstraint("standing_limit_used_cents BETWEEN 0 AND standing_limit_cents", name="standing_limit_kept"),
        CheckConstraint("pickup_postal_code ~ '^[0-9]{5}$'", name="postal_code_form"),
        Index("ix_bookings_user_id_created_at", "user_id", "created_at"),
        Index("ix_bookings_status", "status"),
        Index("ix_bookings_pickup_time", "pickup_time"),
        Index("ix_bookings_pickup_postal_code", "pickup_postal_code"),
        Index("ix_bookings_workshop_id_pickup_time", "workshop_id", "pickup_time"),
        Index("ix_bookings_slot_id", "slot_id"),
        Index("ix_bookings_return_slot_id", "return_slot_id"),
        Index("ix_bookings_vehicle_id", "vehicle_id"),
        Index("uq_bookings_live_hold", "user_id", unique=True, postgresql_where=text("status = 'PENDING'")),
        Index("ix_bookings_hold_expires_at", "hold_expires_at", postgresql_where=text("status = 'PENDING'")),
        Index(
            "ix_bookings_open",
            "workshop_id",
            "pickup_time",
            postgresql_where=text("status NOT IN ('COMPLETED', 'CANCELLED')"),
        ),
        Index("ix_bookings_completed_at", "completed_at", postgresql_where=text("status = 'COMPLETED'")),
        Index("ix_bookings_number", text('number COLLATE "C"')),
        Index("ix_bookings_workshop_id_number", "workshop_id", text('number COLLATE "C"')),
        Index("ix_bookings_said", text(f"({SAID}) gin_trgm_ops"), postgresql_using="gin"),
    )

    id: Mapped[Id]
    number: Mapped[str] = mapped_column(
        String(20),
        unique=True,
        server_default=text(
            "'BK-' || to_char(now() AT TIME ZONE 'Europe/Berlin', 'YYYY') || '-' || "
            "to_char(nextval('booking_number_seq'), 'FM999999000000')"
        ),
    )
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id", ondelete="RESTRICT"))
    workshop_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("workshops.id", ondelete="RESTRICT"))
    vehicle_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("vehicles.id", ondelete="RESTRICT"))
    draft_id: Mapped[uuid.UUID | None] = mapped_column(unique=True)  # a double click finds the same booking
    service: Mapped[ServiceType] = mapped_column(service_type_type)
    vehicle_class: Mapped[VehicleClass] = mapped_column(vehicle_class_type)
    include_concierge: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)
    # what the customer said of the car; plate, make, model and year may wait until before pickup or check-in
    car_details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"), default=dict)

    base_price: Mapped[int] = mapped_column(Integer)
    concierge_price: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    total_price: Mapped[int] = mapped_column(Integer)
    standing_limit_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    standing_limit_used_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    terms_version: Mapped[str] = mapped_column(String(20))
    early_start_requested_at: Mapped[datetime | None]  # the customer's recorded request to begin in the 14 days

    slot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("time_slots.id", ondelete="RESTRICT"))
    return_slot_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("time_slots.id", ondelete="RESTRICT"))
    pickup_time: Mapped[datetime]
    estimated_return_time: Mapped[datetime]
    actual_return_time: Mapped[datetime | None]
    hold_expires_at: Mapped[datetime | None]
    places_released_at: Mapped[datetime | None]

    customer_name: Mapped[str] = mapped_column(String(120))
    customer_phone: Mapped[str] = mapped_column(String(32))
    pickup_address: Mapped[str] = mapped_column(Text)
    pickup_postal_code: Mapped[str] = mapped_column(String(5))
    pickup_city: Mapped[str] = mapped_column(String(120))
    pickup_lat: Mapped[float | None] = mapped_column(Float)
    pickup_lng: Mapped[float | None] = mapped_column(Float)

    status: Mapped[BookingStatus] = mapped_column(
        enum_type(BookingStatus, "booking_status"), server_default="PENDING", default=BookingStatus.PENDING
    )
    payment_status: Mapped[PaymentStatus] = mapped_column(
        enum_type(PaymentStatus, "payment_status"), server_default="PENDING", default=PaymentStatus.PENDING
    )
    paid_at: Mapped[datetime | None]
    stripe_payment_intent_id: Mapped[str | None] = mapped_column(String(64), unique=True)
    payment_error: Mapped[str | None] = mapped_column(Text)
    odoo_invoice_id: Mapped[int | None] = mapped_column(Integer, unique=True)

    concierge_dropped_at: Mapped[datetime | None]  # the customer brought the car: no trips, no Ronja any more
    mileage_km: Mapped[int | None] = mapped_column(Integer)
    keys_at: Mapped[str] = mapped_column(String(60), server_default="", default="")  # hook or box, in staff's words
    parked_at: Mapped[str] = mapped_column(String(60), server_default="", default="")
    workshop_checkin_at: Mapped[datetime | None]
    work_started_at: Mapped[datetime | None]
    service_completed_at: Mapped[datetime | None]
    completed_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    cancellation_reason: Mapped[str | None] = mapped_column(Text)
    withdrawn_at: Mapped[datetime | None]  # with the car here it goes on until staff end it
    no_show_at: Mapped[datetime | None]
    new_date_until: Mapped[datetime | None] = mapped_column(
        index=True
    )  # after a no-show: until when a new date may be chosen
    return_failed_at: Mapped[datetime | None]  # the car came back to us; until its return has a new window or a jockey

    user: Mapped[User] = relationship()
    workshop: Mapped[Workshop] = relationship()
    vehicle: Mapped[Vehicle | None] = relationship()
    slot: Mapped[TimeSlot] = relationship(foreign_keys=[slot_id])
    return_slot: Mapped[TimeSlot | None] = relationship(foreign_keys=[return_slot_id])
    trips: Mapped[list["Trip"]] = relationship(back_populates="booking", order_by="Trip.type")
    reservation: Mapped["RonjaReservation | None"] = relationship(back_populates="booking")

    @property
    def cancelled_here(self) -> bool:
        """Did staff cancel it with the car in our hands, and is the car not home yet?"""
        return self.status is BookingStatus.CANCELLED and self.places_released_at is None

    @property
    def withdrawal_open(self) -> bool:
        """Has the customer withdrawn from it with the car here, and has nobody ended it yet?"""
        return self.withdrawn_at is not None and self.status in STAFF_END_IT

    @property
    def ended_by_withdrawal(self) -> bool:
        """Is it over because the customer withdrew, and not since an end before that?"""
        return bool(self.withdrawn_at and self.cancelled_at and self.withdrawn_at <= self.cancelled_at)

    @property
    def all_goes_back(self) -> bool:
        """Was it withdrawn from, and is it over or the work done, so that nothing that came for it stays?"""
        return self.withdrawn_at is not None and self.status not in STAFF_END_IT


class Trip(Timestamps, Base):
    """A planned drive of a concierge booking. It owns its minutes in windows until released."""

    __tablename__ = "trips"
    __table_args__ = (
        CheckConstraint("window_end > window_start", name="window_in_order"),
        CheckConstraint("travel_minutes >= 0 AND jockey_minutes > 0", name="minutes_positive"),
        Index("uq_trips_live", "booking_id", "type", unique=True, postgresql_where=text("released_at IS NULL")),
        Index("ix_trips_booking_id", "booking_id"),
        Index("ix_trips_window_start", "window_start"),
    )

    id: Mapped[Id]
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    type: Mapped[AssignmentType] = mapped_column(assignment_type_type)
    slot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("time_slots.id", ondelete="RESTRICT"), index=True)
    window_start: Mapped[datetime]
    window_end: Mapped[datetime]
    address: Mapped[str] = mapped_column(Text)
    postal_code: Mapped[str] = mapped_column(String(5))
    city: Mapped[str] = mapped_column(String(120))
    lat: Mapped[float] = mapped_column(Float)
    lng: Mapped[float] = mapped_column(Float)
    travel_minutes: Mapped[int] = mapped_column(Integer)  # one way
    jockey_minutes: Mapped[int] = mapped_column(Integer)  # the whole tour
    released_at: Mapped[datetime | None]

    booking: Mapped[Booking] = relationship(back_populates="trips")
    minutes: Mapped[list["TripMinutes"]] = relationship()


class TripMinutes(Base):
    """How many jockey minutes a trip took from one window: exactly what a release gives back."""

    __tablename__ = "trip_minutes"
    __table_args__ = (CheckConstraint("minutes > 0", name="minutes_positive"),)

    trip_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("trips.id", ondelete="CASCADE"), primary_key=True)
    slot_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("time_slots.id", ondelete="RESTRICT"), primary_key=True, index=True
    )
    minutes: Mapped[int] = mapped_column(Integer)


class RonjaReservation(Base):
    """One particular Ronja, from before the pickup to after the return. No Ronja is promised twice at once."""

    __tablename__ = "ronja_reservations"
    __table_args__ = (
        UniqueConstraint("booking_id"),
        CheckConstraint("NOT isempty(during)", name="during_not_empty"),
        ExcludeConstraint(
            ("ronja_id", "="),
            ("during", "&&"),
            name="ex_ronja_reservations_overlap",
            deferrable=True,
            initially="IMMEDIATE",
        ),
        Index("ix_ronja_reservations_ronja_id", "ronja_id"),
    )

    id: Mapped[Id]
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"))
    ronja_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ronja_vehicles.id", ondelete="RESTRICT"))
    during: Mapped[Range[datetime]] = mapped_column(TSTZRANGE)
    created_at: Mapped[CreatedAt]

    booking: Mapped[Booking] = relationship(back_populates="reservation")
    ronja: Mapped[RonjaVehicle] = relationship()


class BookingDraft(Timestamps, Base):
    """What somebody has filled in so far. Belongs to a browser (hash of a cookie token), later to a user."""

    __tablename__ = "booking_drafts"
    __table_args__ = (
        Index("ix_booking_drafts_browser_hash", "browser_hash"),
        Index("ix_booking_drafts_updated_at", "updated_at"),
    )

    id: Mapped[Id]
    browser_hash: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # step 1
    postal_code: Mapped[str | None] = mapped_column(String(5))
    nearby_postal_code: Mapped[str | None] = mapped_column(String(5))  # when we do not know where the code lies
    vehicle_class: Mapped[VehicleClass | None] = mapped_column(vehicle_class_type)
    vehicle_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("vehicles.id", ondelete="SET NULL"), index=True)
    car_details: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'::jsonb"), default=dict)
    # step 2
    service: Mapped[ServiceType | None] = mapped_column(service_type_type)
    include_concierge: Mapped[bool] = mapped_column(Boolean, server_default=text("true"), default=True)
    wishes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"), default=list)  # `wishes.py`
    # step 3
    slot_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("time_slots.id", ondelete="SET NULL"), index=True)
    return_slot_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("time_slots.id", ondelete="SET NULL"), index=True
    )
    # step 4
    email: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str | None] = mapped_column(String(120))
    phone: Mapped[str | None] = mapped_column(String(32))
    street: Mapped[str | None] = mapped_column(Text)
    city: Mapped[str | None] = mapped_column(String(120))
    standing_limit_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    early_start: Mapped[bool] = mapped_column(Boolean, server_default=text("false"), default=False)
    terms_version: Mapped[str | None] = mapped_column(String(20))  # that this person agreed to
    # step 5: what was shown is what is bought
    shown_total_cents: Mapped[int | None] = mapped_column(Integer)


class BookingMove(Timestamps, Base):
    """A change of date. A late one waits for its fee first; nothing moves before that."""

    __tablename__ = "booking_moves"
    __table_args__ = (
        CheckConstraint("fee_cents >= 0", name="fee_not_negative"),
        CheckConstraint("(state = 'DONE') = (moved_at IS NOT NULL)", name="done_has_time"),
        Index(
            "uq_booking_moves_awaiting",
            "booking_id",
            unique=True,
            postgresql_where=text("state = 'AWAITING_FEE'"),
        ),
    )

    id: Mapped[Id]
    booking_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("bookings.id", ondelete="CASCADE"), index=True)
    from_slot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("time_slots.id", ondelete="RESTRICT"), index=True)
    to_slot_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("time_slots.id", ondelete="RESTRICT"), index=True)
    to_return_slot_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("time_slots.id", ondelete="RESTRICT"), index=True
    )
    fee_cents: Mapped[int] = mapped_column(Integer, server_default="0", default=0)
    state: Mapped[MoveState] = mapped_column(enum_type(MoveState, "move_state"))
    moved_at: Mapped[datetime | None]
