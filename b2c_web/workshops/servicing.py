"""The service of Ronjas: one that is due takes a Ronja out of planning, one that was done brings it back."""

import uuid
from collections.abc import Sequence
from datetime import date, timedelta

from flask import current_app
from flask_babel import gettext as _
from sqlalchemy import or_, select

from b2c_web.clock import local_to_utc, now_utc
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db
from b2c_web.formatting import kilometres
from b2c_web.workshops.locking import locked, record_change
from b2c_web.workshops.models import RonjaVehicle, VehicleStatus

MOST_KM = 2_000_000


def note_service(ronja_id: uuid.UUID, mileage_km: int, next_km: int, next_on: date) -> None:
    """A Ronja's service was done: its mileage now, and the mileage and the day by which the next one is due.

    What was read off at the doors is corrected with it. Locks the Ronja. Raises Invalid naming `mileage`, or `next_km`
    or `next_on` when the Ronja would still be out of planning; NotFound.
    """
    due = local_to_utc(next_on, 0, ZONE)
    _check(mileage_km, next_km)
    if due <= now_utc() + _lead_time():
        raise Invalid(_("Mit diesem Tag bliebe die Ronja aus der Planung. Bitte einen späteren."), field="next_on")
    new = {"mileage": mileage_km, "next_service_mileage": next_km, "next_service_due": due}
    with command_transaction():
        row = locked(RonjaVehicle, RonjaVehicle.id == ronja_id)
        old = {name: getattr(row, name) for name in new}
        for name, value in {**new, "last_service_date": now_utc()}.items():
            setattr(row, name, value)
        changed = {name: (_kept(old[name]), _kept(new[name])) for name in new}
        record_change(row, "ronja.serviced", row.workshop_id, changed)


def _check(mileage_km: int, next_km: int) -> None:
    if not 0 <= mileage_km <= MOST_KM:
        raise Invalid(_("Zwischen 0 und 2.000.000."), field="mileage")
    least = mileage_km + current_app.config["RONJA_SERVICE_LEAD_KM"] + 1
    if not least <= next_km <= MOST_KM:
        raise Invalid(
            _("Bitte %(least)s bis 2.000.000 km, sonst bliebe die Ronja aus der Planung.", least=kilometres(least)),
            field="next_km",
        )


def _lead_time() -> timedelta:
    return timedelta(days=current_app.config["RONJA_SERVICE_LEAD_DAYS"])


def _kept(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def is_due_by_mileage(ronja: RonjaVehicle) -> bool:
    """Rule: as in `bookings.availability.RONJAS`."""
    lead_km = current_app.config["RONJA_SERVICE_LEAD_KM"]
    return ronja.next_service_mileage is not None and ronja.mileage + lead_km >= ronja.next_service_mileage


def due_for_service(workshop_id: uuid.UUID | None) -> Sequence[RonjaVehicle]:
    """The Ronjas of a workshop (None: of all) that are out of planning only because their service is due."""
    by_mileage = RonjaVehicle.mileage + current_app.config["RONJA_SERVICE_LEAD_KM"] >= RonjaVehicle.next_service_mileage
    by_day = RonjaVehicle.next_service_due <= now_utc() + _lead_time()
    able = RonjaVehicle.status.in_((VehicleStatus.AVAILABLE, VehicleStatus.IN_USE))
    wanted = select(RonjaVehicle).where(able, or_(by_mileage, by_day)).order_by(RonjaVehicle.license_plate)
    mine = wanted.where(RonjaVehicle.workshop_id == workshop_id) if workshop_id else wanted
    return db.session.scalars(mine.execution_options(populate_existing=True)).all()
