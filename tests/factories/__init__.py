"""Rows for tests. Each maker adds and flushes one thing with sensible facts; anything can be given by name."""

import itertools
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import (
    AssignmentType,
    Booking,
    BookingStatus,
    PaymentStatus,
    RonjaReservation,
    Trip,
    TripMinutes,
)
from b2c_web.catalog.models import Service, ServicePricing, ServiceType
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import Vehicle, VehicleClass
from b2c_web.workshops.models import (
    FuelType,
    Jockey,
    JockeyShift,
    RonjaVehicle,
    TimeSlot,
    Workshop,
    WorkshopCapacity,
)

_count = itertools.count(1)
WINDOWS = ((480, 600), (600, 720), (720, 840), (840, 960), (960, 1080))
WITTEN = {"lat": 51.4436, "lng": 7.3353}
DORTMUND = {"postal_code": "44137", "city": "Dortmund", "lat": 51.5131, "lng": 7.4553}


def _add(row: Any) -> Any:
    db.session.add(row)
    db.session.flush()
    return row


def _add_all(rows: Iterable[Any]) -> list[Any]:
    """Many rows in one go: most of a test's time is its statements."""
    made = list(rows)
    db.session.add_all(made)
    db.session.flush()
    return made


def make_workshop(**facts: Any) -> Workshop:
    n = next(_count)
    defaults = {
        "name": "Werkstatt Witten",
        "address": "Am Prüfstand 1",
        "postal_code": "58452",
        "city": "Witten",
        "phone": "+492302000000",
        "email": f"werkstatt{n}@example.org",
        **WITTEN,
    }
    return _add(Workshop(**{**defaults, **facts}))


def make_user(role: Role = Role.CUSTOMER, **facts: Any) -> User:
    n = next(_count)
    defaults: dict[str, Any] = {"email": f"person{n}@example.org", "name": f"Person {n}", "role": role}
    if role is not Role.CUSTOMER:
        defaults["password_hash"] = "not a hash that opens anything"
    if role in (Role.WORKSHOP, Role.DISPATCHER, Role.JOCKEY) and "workshop_id" not in facts:
        defaults["workshop_id"] = make_workshop().id
    return _add(User(**{**defaults, **facts}))


def make_customer(**facts: Any) -> User:
    defaults = {"email_verified": clock.now_utc(), "phone": "+4923021234567"}
    return make_user(Role.CUSTOMER, **{**defaults, **facts})


def make_vehicle(user: User, **facts: Any) -> Vehicle:
    n = next(_count)
    defaults = {
        "license_plate": f"WIT XY {n}",
        "make": "Ahorn",
        "model": "Kombi",
        "year": 2020,
        "vehicle_class": VehicleClass.MIDSIZE,
    }
    return _add(Vehicle(user_id=user.id, **{**defaults, **facts}))


PRICES = {
    ServiceType.OIL_SERVICE: (14900, 3900, 60),
    ServiceType.INSPECTION: (19900, 0, 180),
    ServiceType.BRAKE_SERVICE: (24900, 3900, 120),
    ServiceType.CLIMATE_SERVICE: (9900, 3900, 90),
}


def make_services() -> dict[ServiceType, Service]:
    """The four services; class by class 40 EUR dearer; valid since long ago."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    services = _add_all(
        Service(type=kind, name=kind.value, description=kind.value, estimated_duration=minutes)
        for kind, (_base, _concierge, minutes) in PRICES.items()
    )
    made = {service.type: service for service in services}
    _add_all(
        ServicePricing(
            service_id=made[kind].id,
            vehicle_class=vehicle_class,
            base_price=base + 4000 * step,
            concierge_price=concierge,
            valid_from=since,
        )
        for kind, (base, concierge, _minutes) in PRICES.items()
        for step, vehicle_class in enumerate(VehicleClass)
    )
    return made


def make_day(workshop: Workshop, day: date, *, max_bookings: int = 20, **facts: Any) -> WorkshopCapacity:
    return _add(WorkshopCapacity(workshop_id=workshop.id, date=day, max_bookings=max_bookings, **facts))


def make_slot(workshop: Workshop, day: date, window: tuple[int, int], **facts: Any) -> TimeSlot:
    return _add(_slot(workshop, day, window, **facts))


def _slot(workshop: Workshop, day: date, window: tuple[int, int], **facts: Any) -> TimeSlot:
    defaults = {"max_bookings": 4, "jockey_minutes_room": 480, "longest_trip_minutes": 480}
    return TimeSlot(
        workshop_id=workshop.id,
        service_date=day,
        start_time=clock.local_to_utc(day, window[0], ZONE),
        end_time=clock.local_to_utc(day, window[1], ZONE),
        **{**defaults, **facts},
    )


def make_days(
    workshop: Workshop,
    first: date,
    days: int = 5,
    *,
    max_bookings: int = 20,
    places: int = 4,
    weekends: bool = False,
    **slot_facts: Any,
) -> list[TimeSlot]:
    """Open days with the five windows, Monday to Friday or, with `weekends`, every day."""
    every = (first + timedelta(days=offset) for offset in range(days))
    opened = [day for day in every if weekends or day.weekday() < 5]
    _add_all(WorkshopCapacity(workshop_id=workshop.id, date=day, max_bookings=max_bookings) for day in opened)
    return _add_all(
        _slot(workshop, day, window, max_bookings=places, **slot_facts) for day in opened for window in WINDOWS
    )


def make_ronja(workshop: Workshop, **facts: Any) -> RonjaVehicle:
    n = next(_count)
    defaults = {
        "license_plate": f"WIT RN {n}",
        "make": "Ahorn",
        "model": "Mini",
        "year": 2024,
        "color": "weiß",
        "fuel_type": FuelType.ELECTRIC,
    }
    return _add(RonjaVehicle(workshop_id=workshop.id, **{**defaults, **facts}))


def make_jockey(workshop: Workshop, **facts: Any) -> Jockey:
    n = next(_count)
    defaults = {"name": f"Jockey {n}", "email": f"jockey{n}@example.org", "phone": "+4923027654321"}
    return _add(Jockey(workshop_id=workshop.id, **{**defaults, **facts}))


def make_shift(jockey: Jockey, day: date, start_minutes: int = 420, end_minutes: int = 1140) -> JockeyShift:
    return _add(_shift(jockey, day, start_minutes, end_minutes))


def make_shifts(jockeys: Iterable[Jockey], first: date, days: int) -> list[JockeyShift]:
    """The usual shift of each on every one of the days."""
    every = [first + timedelta(days=offset) for offset in range(days)]
    return _add_all(_shift(jockey, day) for jockey in jockeys for day in every)


def _shift(jockey: Jockey, day: date, start_minutes: int = 420, end_minutes: int = 1140) -> JockeyShift:
    return JockeyShift(
        jockey_id=jockey.id,
        starts_at=clock.local_to_utc(day, start_minutes, ZONE),
        ends_at=clock.local_to_utc(day, end_minutes, ZONE),
    )


def _state_facts(status: BookingStatus, now: datetime) -> dict[str, Any]:
    facts: dict[str, Any] = {"status": status}
    if status is BookingStatus.PENDING:
        facts["hold_expires_at"] = now + timedelta(minutes=30)
    elif status is not BookingStatus.CANCELLED:
        facts |= {"payment_status": PaymentStatus.PAID, "paid_at": now}
    if status is BookingStatus.CANCELLED:
        facts |= {"cancelled_at": now, "places_released_at": now}
    if status is BookingStatus.COMPLETED:
        facts["completed_at"] = now
    return facts


def make_booking(
    slot: TimeSlot,
    return_slot: TimeSlot | None = None,
    *,
    user: User | None = None,
    ronja: RonjaVehicle | None = None,
    status: BookingStatus = BookingStatus.CONFIRMED,
    **facts: Any,
) -> Booking:
    """A booking that holds its places, its trips and its Ronja as a claim would have left them.

    Concierge when `return_slot` is given (then `ronja` is needed too unless it is cancelled), else a drop-off.
    """
    concierge = return_slot is not None
    end = return_slot.end_time if return_slot else slot.end_time + timedelta(hours=4)
    defaults = {
        "user_id": (user or make_customer()).id,
        "workshop_id": slot.workshop_id,
        "service": ServiceType.BRAKE_SERVICE,
        "vehicle_class": VehicleClass.MIDSIZE,
        "include_concierge": concierge,
        "base_price": 24900,
        "concierge_price": 3900 if concierge else 0,
        "total_price": 28800 if concierge else 24900,
        "terms_version": "2026-11",
        "slot_id": slot.id,
        "return_slot_id": return_slot.id if return_slot else None,
        "pickup_time": slot.start_time,
        "estimated_return_time": end,
        "customer_name": "Person am Beispielweg",
        "customer_phone": "+4923021234567",
        "pickup_address": "Am Beispielweg 12",
        "pickup_postal_code": DORTMUND["postal_code"],
        "pickup_city": DORTMUND["city"],
        "pickup_lat": DORTMUND["lat"],
        "pickup_lng": DORTMUND["lng"],
        **_state_facts(status, clock.now_utc()),
    }
    booking = _add(Booking(**{**defaults, **facts}))
    if booking.places_released_at is None:
        _take_places(booking, slot)
        if return_slot is not None and ronja is not None:
            _take_trips(booking, slot, return_slot, ronja)
    db.session.flush()
    return booking


def _take_places(booking: Booking, slot: TimeSlot) -> None:
    day = db.session.query(WorkshopCapacity).filter_by(workshop_id=slot.workshop_id, date=slot.service_date).one()
    day.current_bookings += 1
    slot.current_bookings += 1


def _take_trips(booking: Booking, slot: TimeSlot, return_slot: TimeSlot, ronja: RonjaVehicle) -> None:
    travel = 23
    for kind, at, minutes in (
        (AssignmentType.PICKUP, slot, 2 * travel + 40),
        (AssignmentType.RETURN, return_slot, 2 * travel + 20),
    ):
        trip = _add(
            Trip(
                booking_id=booking.id,
                type=kind,
                slot_id=at.id,
                window_start=at.start_time,
                window_end=at.end_time,
                address=booking.pickup_address,
                travel_minutes=travel,
                jockey_minutes=minutes,
                **DORTMUND,
            )
        )
        _add(TripMinutes(trip_id=trip.id, slot_id=at.id, minutes=minutes))
        at.jockey_minutes_taken += minutes
    during = Range(slot.start_time - timedelta(minutes=travel), return_slot.end_time + timedelta(minutes=travel + 15))
    _add(RonjaReservation(booking_id=booking.id, ronja_id=ronja.id, during=during))
