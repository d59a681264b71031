"""What a customer does with cars. A person's cars change one at a time: the user's row is locked first."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles import rules
from b2c_web.vehicles.models import Vehicle, VehicleClass

AT_MOST = 30
FULL = _l("Mehr als %(num)s Autos heben wir nicht auf. Legen Sie eins ab, das Sie nicht mehr fahren.", num=AT_MOST)
CAR_THERE = _l("Dieses Auto steht schon in Ihrer Liste.")


@dataclass(frozen=True)
class CarFacts:
    """What is known of a car. Plate and VIN may be written as people write them."""

    license_plate: str
    make: str
    model: str
    year: int
    vehicle_class: VehicleClass
    vin: str | None = None
    first_registration: date | None = None


def add_vehicle(user: User, facts: CarFacts) -> uuid.UUID:
    """Add a car; the first one becomes the primary one. One with the same VIN comes out of the archive.

    Returns its id. Raises Invalid naming the field, also when it is in the list already, and Conflict past 30 cars.
    """
    user_id, checked = user.id, _checked(facts)
    with command_transaction():
        mine = _lock_cars(user_id)
        there = _same(mine, checked)
        if there is not None and there.is_active:
            same_plate = there.license_plate == checked["license_plate"]
            raise Invalid(CAR_THERE, code="car_there", field="license_plate" if same_plate else "vin")
        return _put(user_id, mine, there, checked).id


def put_vehicle(user_id: uuid.UUID, facts: CarFacts, *, as_is: bool = False) -> Vehicle:
    """Step: the car of `user_id` with these facts, for example at check-in.

    A car of theirs with the same VIN, or the same plate and not archived, is brought up to date instead, and out of
    the archive; its class and what `facts` leaves out stay. `as_is`: one that is not archived stays as it is. Locks the
    user's row. Raises Invalid naming the field, and Conflict past 30 cars.
    """
    checked = _checked(facts)
    mine = _lock_cars(user_id)
    there = _same(mine, checked)
    if as_is and there is not None and there.is_active:
        return there
    known = {name: value for name, value in checked.items() if value is not None and name != "vehicle_class"}
    return _put(user_id, mine, there, checked if there is None else known)


def correct_vehicle(user_id: uuid.UUID, vehicle_id: uuid.UUID, facts: CarFacts) -> Vehicle:
    """Step: a car of `user_id` was written down wrongly. Locks the user's row. Raises NotFound, Invalid."""
    checked = _checked(facts)
    vehicle = _own(user_id, vehicle_id)
    with _plain_refusals():
        _write(vehicle, checked)
    return vehicle


def edit_vehicle(user: User, vehicle_id: uuid.UUID, facts: CarFacts) -> None:
    """Change a car. Raises NotFound for anybody else's, Invalid naming the field."""
    user_id, checked = user.id, _checked(facts)
    with command_transaction():
        vehicle = _own(user_id, vehicle_id)
        before = {"plate": vehicle.license_plate}
        with _plain_refusals():
            _write(vehicle, checked)
        audit.record("vehicle.changed", "vehicle", vehicle_id, before=before, after={"plate": vehicle.license_plate})


def make_primary(user: User, vehicle_id: uuid.UUID) -> None:
    """Offer this car first. Raises NotFound for anybody else's and for an archived one."""
    user_id = user.id
    with command_transaction():
        vehicle = _own(user_id, vehicle_id)
        if not vehicle.is_active:
            raise NotFound
        _make_primary(vehicle)


def archive_vehicle(user: User, vehicle_id: uuid.UUID) -> None:
    """Put a car aside. Its bookings, past and running, keep it; the newest other car becomes the primary one.

    Raises NotFound for anybody else's.
    """
    user_id = user.id
    with command_transaction():
        vehicle = _own(user_id, vehicle_id)
        was_primary, vehicle.is_primary, vehicle.is_active = vehicle.is_primary, False, False
        db.session.flush()
        heir = next((car for car in reversed(_lock_cars(user_id)) if car.is_active), None)
        if was_primary and heir is not None:
            heir.is_primary = True
        audit.record("vehicle.archived", "vehicle", vehicle_id)


def restore_vehicle(user: User, vehicle_id: uuid.UUID) -> None:
    """Take a car out of the archive. Raises NotFound, and Invalid when its plate is in the list by now."""
    user_id = user.id
    with command_transaction():
        vehicle = _own(user_id, vehicle_id)
        with _plain_refusals():
            vehicle.is_active = True
            vehicle.is_primary = not any(car.is_primary for car in _lock_cars(user_id))
        audit.record("vehicle.restored", "vehicle", vehicle_id)


def _put(user_id: uuid.UUID, mine: list[Vehicle], there: Vehicle | None, columns: dict[str, Any]) -> Vehicle:
    if there is None and len(mine) >= AT_MOST:
        raise Conflict(FULL, code="too_many_vehicles")
    vehicle = there or Vehicle(user_id=user_id)
    with _plain_refusals():
        _write(vehicle, columns)
        db.session.add(vehicle)
        vehicle.is_active = True
        vehicle.is_primary = vehicle.is_primary or not any(car.is_primary for car in mine)
    return vehicle


def _checked(facts: CarFacts) -> dict[str, Any]:
    """The columns of a car, in our form. Raises Invalid naming the field."""
    today = today_in(ZONE)
    plate, refusal = rules.check_plate(facts.license_plate)
    _refuse_if(refusal, "license_plate")
    vin, refusal = rules.check_vin(facts.vin) if facts.vin else (None, None)
    _refuse_if(refusal, "vin")
    _refuse_if(rules.year_refusal(facts.year, today), "year")
    first = facts.first_registration
    if first:
        _refuse_if(rules.registration_refusal(first, facts.year, today), "first_registration")
    return {
        "license_plate": plate,
        "vin": vin,
        "make": facts.make,
        "model": facts.model,
        "year": facts.year,
        "vehicle_class": facts.vehicle_class,
        "first_registration": datetime.combine(first, time(), UTC) if first else None,
    }


def _refuse_if(refusal: Any, field: str) -> None:
    if refusal:
        raise Invalid(refusal, field=field)


def _write(vehicle: Vehicle, columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        setattr(vehicle, name, value)


def _lock_cars(user_id: uuid.UUID) -> list[Vehicle]:
    """All cars of a person, oldest first, with their owner locked until the commit."""
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
    return list(db.session.scalars(select(Vehicle).where(Vehicle.user_id == user_id).order_by(Vehicle.id)))


def _own(user_id: uuid.UUID, vehicle_id: uuid.UUID) -> Vehicle:
    vehicle = next((car for car in _lock_cars(user_id) if car.id == vehicle_id), None)
    if vehicle is None:
        raise NotFound
    return vehicle


def _same(mine: list[Vehicle], columns: dict[str, Any]) -> Vehicle | None:
    by_vin = (car for car in mine if columns["vin"] and car.vin == columns["vin"])
    by_plate = (car for car in mine if car.is_active and car.license_plate == columns["license_plate"])
    return next(by_vin, None) or next(by_plate, None)


def _make_primary(vehicle: Vehicle) -> None:
    """The old primary one gives way first: an index allows one."""
    others = update(Vehicle).where(Vehicle.user_id == vehicle.user_id, Vehicle.id != vehicle.id)
    db.session.execute(others.where(Vehicle.is_primary).values(is_primary=False))
    vehicle.is_primary = True


@contextmanager
def _plain_refusals() -> Iterator[None]:
    """What the database's unique indexes refuse, said in words; whose the other car is stays unsaid."""
    try:
        with db.session.begin_nested():
            yield
    except IntegrityError as error:
        constraint = error.orig.diag.constraint_name if error.orig else None  # type: ignore[attr-defined]
        if constraint == "uq_vehicles_vin":
            raise Invalid(rules.VIN_REFUSED, field="vin") from error
        if constraint == "uq_vehicles_active_plate":
            raise Invalid(CAR_THERE, field="license_plate") from error
        raise
