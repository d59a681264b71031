"""Which workshop serves a place."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, Float, bindparam, func, select

from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot, Workshop
from b2c_web.workshops.travel import EARTH_RADIUS_KM, Point, great_circle_km, locate, travel_times


class ReachKind(StrEnum):
    SERVED = "SERVED"
    TOO_FAR = "TOO_FAR"
    UNKNOWN_CODE = "UNKNOWN_CODE"
    NO_WORKSHOP = "NO_WORKSHOP"


@dataclass(frozen=True, slots=True)
class Reach:
    """Whether and from where we come. `workshop` is the nearest active one, serving or not."""

    kind: ReachKind
    postal_code: str
    point: Point | None = None
    workshop: Workshop | None = None
    distance_km: float = 0.0
    travel_minutes: int = 0

    @property
    def served(self) -> bool:
        return self.kind is ReachKind.SERVED


def _km_from(lat: ColumnElement[float], lng: ColumnElement[float]) -> ColumnElement[float]:
    """The great-circle distance in the database, by the same formula as `great_circle_km`."""
    half_lat = func.power(func.sin(func.radians(Workshop.lat - lat) / 2), 2)
    half_lng = func.power(func.sin(func.radians(Workshop.lng - lng) / 2), 2)
    half = half_lat + func.cos(func.radians(lat)) * func.cos(func.radians(Workshop.lat)) * half_lng
    return 2 * EARTH_RADIUS_KM * func.asin(func.least(1.0, func.sqrt(half)))


_KM = _km_from(bindparam("lat", type_=Float), bindparam("lng", type_=Float))
# those that serve the place first, the nearest first among them
_NEAREST = (
    select(Workshop)
    .where(Workshop.is_active)
    .order_by((Workshop.service_radius >= _KM).desc(), _KM, Workshop.id)
    .limit(1)
)


def nearest_workshop(postal_code: str, nearby_postal_code: str | None = None) -> Reach:
    """The nearest active workshop that serves `postal_code` (great-circle distance within its radius).

    `nearby_postal_code` locates a code that the table of coordinates lacks. When no workshop serves the place,
    the nearest one is named all the same (TOO_FAR), so that the answer can say how far it is.
    """
    point = locate(postal_code) or (locate(nearby_postal_code) if nearby_postal_code else None)
    if point is None:
        return Reach(ReachKind.UNKNOWN_CODE, postal_code)
    workshop = db.session.scalars(_NEAREST, {"lat": point.lat, "lng": point.lng}).first()
    if workshop is None:
        return Reach(ReachKind.NO_WORKSHOP, postal_code, point)
    here = Point(workshop.lat, workshop.lng)
    km, minutes = great_circle_km(point, here), travel_times().minutes(here, point)
    kind = ReachKind.SERVED if km <= workshop.service_radius else ReachKind.TOO_FAR
    return Reach(kind, postal_code, point, workshop, km, minutes)


def workshop_of(workshop_id: uuid.UUID) -> Workshop:
    """One workshop. Raises NotFound."""
    workshop = db.session.get(Workshop, workshop_id)
    if workshop is None:
        raise NotFound
    return workshop


def window_of(workshop_id: uuid.UUID | None, slot_id: uuid.UUID) -> TimeSlot:
    """One window of this workshop, of any when None. Raises NotFound."""
    query = select(TimeSlot).where(TimeSlot.id == slot_id)
    if workshop_id is not None:
        query = query.where(TimeSlot.workshop_id == workshop_id)
    slot = db.session.scalars(query).one_or_none()
    if slot is None:
        raise NotFound
    return slot
