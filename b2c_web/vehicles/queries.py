"""Reads of cars."""

import uuid

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import InstrumentedAttribute

from b2c_web.accounts.models import User
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import Vehicle


def vehicles_of(user: User) -> list[Vehicle]:
    """A customer's cars that are not archived: the primary one first, then the newest."""
    return _of(user, Vehicle.is_active)


def archived_vehicles_of(user: User) -> list[Vehicle]:
    """Cars that a customer has put aside; their bookings keep them."""
    return _of(user, ~Vehicle.is_active)


def _of(user: User, which: ColumnElement[bool] | InstrumentedAttribute[bool]) -> list[Vehicle]:
    mine = select(Vehicle).where(Vehicle.user_id == user.id, which)
    return list(db.session.scalars(mine.order_by(Vehicle.is_primary.desc(), Vehicle.id.desc())))


def vehicle_of(user: User, vehicle_id: uuid.UUID) -> Vehicle:
    """One car of this customer, archived or not. Raises NotFound for anybody else's."""
    mine = select(Vehicle).where(Vehicle.id == vehicle_id, Vehicle.user_id == user.id)
    vehicle = db.session.scalars(mine).one_or_none()
    if vehicle is None:
        raise NotFound
    return vehicle
