"""Which car a booking is for: said when booking, before pickup, or at check-in at the latest."""

import uuid
from typing import Any

from flask_babel import lazy_gettext as _l

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import lock_booking
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles.commands import CarFacts, put_vehicle

NEEDED = ("license_plate", "make", "model", "year")


def name_car(user: User, booking_id: uuid.UUID, car: dict[str, Any]) -> None:
    """A customer says which car it is; it becomes one of their cars. Raises NotFound, Conflict once it is named."""
    with command_transaction():
        booking = lock_booking(booking_id)
        if booking.user_id != user.id:
            raise NotFound
        if booking.vehicle_id or booking.status in (BookingStatus.CANCELLED, BookingStatus.COMPLETED):
            raise Conflict(_l("Das Auto dieser Buchung steht schon fest."))
        set_vehicle(booking, car)


def set_vehicle(booking: Booking, car: dict[str, Any] | None) -> None:
    """Step: the vehicle of a booking that named none yet, from what was said before and what is said now.

    Raises Invalid naming what is missing.
    """
    if booking.vehicle_id is not None:
        return
    facts = {**booking.car_details, **{name: value for name, value in (car or {}).items() if value}}
    missing = [name for name in NEEDED if not facts.get(name)]
    if missing:
        raise Invalid(_l("Es fehlen noch Angaben zum Auto."), field=missing[0], missing=missing)
    booking.vehicle_id = put_vehicle(booking.user_id, _car_facts(booking, facts)).id
    booking.car_details = {**booking.car_details, **{name: facts[name] for name in NEEDED}}
    db.session.flush()
    audit.record("booking.name_car", "booking", booking.id, after={"vehicle_id": str(booking.vehicle_id)})


def _car_facts(booking: Booking, facts: dict[str, Any]) -> CarFacts:
    return CarFacts(
        license_plate=facts["license_plate"],
        make=facts["make"],
        model=facts["model"],
        year=int(facts["year"]),
        vehicle_class=booking.vehicle_class,
        vin=facts.get("vin"),
    )
