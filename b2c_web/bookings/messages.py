"""The facts of a booking as a message needs them, and sending one. The message's own words live in templates."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import inspect, select
from sqlalchemy.orm import joinedload, load_only

from b2c_web import jobs
from b2c_web.bookings import wishes
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.naming import lacking
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.notifications.commands import add_notification
from b2c_web.notifications.models import Notification, NotificationKind

BESIDE = ("workshop", "vehicle", "slot", "return_slot")
READ_BESIDE = select(Booking).options(load_only(Booking.id), *(joinedload(getattr(Booking, name)) for name in BESIDE))
WORKSHOP_LANGUAGE = "de"


def facts_of(booking: Booking) -> dict[str, Any]:
    """Everything that a message or a paper about this booking may say, as JSON."""
    _read_beside(booking)
    workshop, vehicle = booking.workshop, booking.vehicle
    free_until = booking.pickup_time - timedelta(hours=current_app.config["FREE_CANCEL_HOURS"])
    return {
        "number": booking.number,
        "service": booking.service.value,
        "vehicle_class": booking.vehicle_class.value,
        "plate": vehicle.license_plate if vehicle else booking.car_details.get("license_plate"),
        "car": " ".join(filter(None, (booking.car_details.get("make"), booking.car_details.get("model")))) or None,
        "car_lacks": lacking(booking),
        "concierge": booking.include_concierge and booking.concierge_dropped_at is None,
        "name": booking.customer_name,
        "pickup_start": booking.slot.start_time.isoformat(),
        "pickup_end": booking.slot.end_time.isoformat(),
        "return_start": booking.return_slot.start_time.isoformat() if booking.return_slot else None,
        "return_end": booking.estimated_return_time.isoformat(),
        "address": booking.pickup_address,
        "postal_code": booking.pickup_postal_code,
        "city": booking.pickup_city,
        "workshop": {
            "name": workshop.name,
            "address": workshop.address,
            "postal_code": workshop.postal_code,
            "city": workshop.city,
            "phone": workshop.phone,
        },
        "base_cents": booking.base_price,
        "concierge_cents": booking.concierge_price,
        "total_cents": booking.total_price,
        "terms_version": booking.terms_version,
        "standing_limit_cents": booking.standing_limit_cents,
        "free_until": free_until.isoformat(),
        "hold_until": booking.hold_expires_at.isoformat() if booking.hold_expires_at else None,
        "withdrawn_at": booking.withdrawn_at.isoformat() if booking.withdrawn_at else None,
        "new_date_until": booking.new_date_until.isoformat() if booking.new_date_until else None,
        "booking_url_path": f"/bookings/{booking.id}",
    }


def _read_beside(booking: Booking) -> None:
    """What other tables say of a booking, in one statement instead of one each."""
    if len(inspect(booking).unloaded.intersection(BESIDE)) > 1:
        db.session.scalars(READ_BESIDE.where(Booking.id == booking.id)).one()


def send(kind: NotificationKind, booking: Booking, *, once: str = "", **more: Any) -> None:
    """Step: queue a message about `booking` to its customer. `once` tells repeated events of one kind apart."""
    user = booking.user
    add_notification(
        kind,
        user_id=user.id,
        recipient=user.email,
        language=user.language,
        dedupe_key=f"{kind.value}:{booking.id}:{once}",
        booking_id=booking.id,
        context=facts_of(booking) | more,
    )


def to_workshop(kind: NotificationKind, booking: Booking, **more: Any) -> None:
    """Step: queue a message about `booking` to its workshop's own address, once, with a link to the car's page."""
    path = {"booking_url_path": f"/workshop/bookings/{booking.id}"}
    add_notification(
        kind,
        user_id=None,
        recipient=booking.workshop.email,
        language=WORKSHOP_LANGUAGE,
        dedupe_key=f"{kind.value}:{booking.id}:",
        booking_id=booking.id,
        context=facts_of(booking) | path | more,
    )


@jobs.job("bookings.send_message")
def send_later(kind: str, booking_id: str, once: str = "") -> None:
    """Queue a message when its time has come, if it still holds (see `still_wanted`)."""
    from b2c_web.bookings.queries import lock_booking
    from b2c_web.db import command_transaction

    with command_transaction():
        booking = lock_booking(uuid.UUID(booking_id))
        if not still_wanted(NotificationKind(kind), booking, once):
            return
        if kind == NotificationKind.BOOKING_CONFIRMED:
            confirm(booking)
        else:
            send(NotificationKind(kind), booking, once=once)


def still_wanted(kind: NotificationKind, booking: Booking, once: str) -> bool:
    """A reminder for a date that was moved or cancelled meanwhile is not sent, and nothing of it after a withdrawal."""
    if booking.withdrawn_at is not None:
        return False
    if kind is NotificationKind.PICKUP_REMINDER:
        return booking.status is BookingStatus.CONFIRMED and booking.pickup_time.isoformat() == once
    if kind is NotificationKind.BOOKING_CONFIRMED:
        is_to_come = booking.pickup_time > now_utc() and booking.new_date_until is None
        return booking.status is BookingStatus.CONFIRMED and is_to_come
    return booking.status is BookingStatus.COMPLETED


def later(kind: NotificationKind, booking: Booking, at: datetime, once: str = "") -> None:
    """Step: queue a message for a later instant."""
    jobs.defer(send_later, at=at, kind=kind.value, booking_id=str(booking.id), once=once)


def confirm(booking: Booking) -> None:
    """Step: the confirmation of a booking that is paid."""
    send(NotificationKind.BOOKING_CONFIRMED, booking, wishes=wishes.told_of(booking))


def remind(booking: Booking) -> None:
    """Step: the reminder before pickup, for the date that stands now."""
    at = booking.pickup_time - timedelta(hours=current_app.config["REMINDER_HOURS"])
    later(NotificationKind.PICKUP_REMINDER, booking, at, once=booking.pickup_time.isoformat())


def booking_of(notification: Notification) -> Booking | None:
    """The booking that a message is about."""
    return db.session.get(Booking, notification.booking_id) if notification.booking_id else None
