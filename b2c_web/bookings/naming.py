"""Which car a booking is for: said when booking, before pickup, or at check-in at the latest."""

import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import lock_booking
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles.commands import CarFacts, correct_vehicle, put_vehicle
from b2c_web.vehicles.models import Vehicle

NEEDED = ("license_plate", "make", "model", "year")
TOLD = (*NEEDED, "vin")


@dataclass(frozen=True, slots=True)
class SeenCar:
    """The car that truly stands there, where it is not what was booked: another one, or one written down wrongly."""

    facts: dict[str, Any]
    is_other: bool


def lacking(booking: Booking) -> list[str]:
    """What the workshop needs to know of the car and nobody has said yet: of NEEDED, in order."""
    return [] if booking.vehicle_id else [name for name in NEEDED if not booking.car_details.get(name)]


def model_of(vehicle: Vehicle | None, said: Mapping[str, Any]) -> str:
    """ "VW Polo" of the saved car, or as far as it was said; "" while nothing was."""
    known = (vehicle.make, vehicle.model) if vehicle else (said.get("make"), said.get("model"))
    return " ".join(filter(None, known))


def model_and_year_of(vehicle: Vehicle | None, said: Mapping[str, Any]) -> str:
    """ "VW Polo, 2019" as `model_of` knows it, with its year where that is known too; "" while no model was said."""
    model, year = model_of(vehicle, said), vehicle.year if vehicle else said.get("year")
    return f"{model}, {year}" if model and year else model


def name_car(user: User, booking_id: uuid.UUID, car: dict[str, Any]) -> None:
    """A customer says which car it is; it becomes one of their cars. Raises NotFound, Conflict once it is named."""
    with command_transaction():
        booking = lock_booking(booking_id)
        if booking.user_id != user.id:
            raise NotFound
        if booking.vehicle_id or booking.status in (BookingStatus.CANCELLED, BookingStatus.COMPLETED):
            raise Conflict(_l("Das Auto dieser Buchung steht schon fest."))
        set_vehicle(booking, car)


def set_vehicle(booking: Booking, car: dict[str, Any] | None, *, as_is: bool = False) -> None:
    """Step: the vehicle of a booking that named none yet, from what was said before and what is said now.

    `as_is`: one that the customer has already is not written anew. Raises Invalid naming what is missing.
    """
    if booking.vehicle_id is not None:
        return
    facts = {**booking.car_details, **{name: value for name, value in (car or {}).items() if value}}
    missing = [name for name in NEEDED if not facts.get(name)]
    if missing:
        raise Invalid(_l("Es fehlen noch Angaben zum Auto."), field=missing[0], missing=missing)
    said = {name: booking.car_details[name] for name in NEEDED if booking.car_details.get(name)}
    vehicle = put_vehicle(booking.user_id, _car_facts(booking, facts), as_is=as_is)
    booking.vehicle_id = vehicle.id
    booking.car_details = {**booking.car_details, **{name: facts[name] for name in NEEDED}}
    db.session.flush()
    audit.record("booking.name_car", "booking", booking.id, before=said or None, after=told_of(vehicle))


def keep_car(booking: Booking) -> None:
    """Step: a car that was named in full when booking becomes one of the customer's; where that cannot be, it waits
    until the customer or the check-in names it.

    So it does while something else changes this customer: a payment waits for nobody here, who may wait for it.
    """
    owner = select(User.id).where(User.id == booking.user_id).with_for_update(key_share=True, skip_locked=True)
    if db.session.scalar(owner) is None:
        return
    with suppress(Invalid, Conflict):
        set_vehicle(booking, None, as_is=True)


def told_of(vehicle: Vehicle) -> dict[str, Any]:
    """What tells one car from another, as the audit log keeps it."""
    return {name: getattr(vehicle, name) for name in TOLD}


def set_seen_car(booking: Booking, seen: SeenCar) -> None:
    """Step: the car that came instead of the booked one, or the booked one written down right. Recorded with both.

    The price stays, also when the other car is of another class. Raises Invalid naming what is missing or wrong.
    """
    booked = booking.vehicle
    if booked is None:
        set_vehicle(booking, seen.facts)
        return
    before, facts = told_of(booked), _car_facts(booking, seen.facts)
    if seen.is_other:
        booking.vehicle = put_vehicle(booking.user_id, facts)
    else:
        _correct(booked, facts)
    booking.car_details = {**booking.car_details, **{name: seen.facts[name] for name in NEEDED}}
    db.session.flush()
    action = "booking.other_car" if seen.is_other else "booking.car_corrected"
    audit.record(action, "booking", booking.id, before=before, after=told_of(booking.vehicle or booked))
    if booking.vehicle_id != booked.id:
        hooks.other_car(booking)


def _correct(booked: Vehicle, facts: CarFacts) -> None:
    """What nobody wrote anew stays as it is."""
    first = booked.first_registration
    kept = replace(
        facts,
        vin=facts.vin or booked.vin,
        vehicle_class=booked.vehicle_class,
        first_registration=first.date() if first else None,
    )
    correct_vehicle(booked.user_id, booked.id, kept)


def _car_facts(booking: Booking, facts: dict[str, Any]) -> CarFacts:
    return CarFacts(
        license_plate=facts["license_plate"],
        make=facts["make"],
        model=facts["model"],
        year=int(facts["year"]),
        vehicle_class=booking.vehicle_class,
        vin=facts.get("vin"),
    )
