"""Which workshop serves a place."""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select

from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.travel import Point, great_circle_km, locate, travel_times


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


def nearest_workshop(postal_code: str, nearby_postal_code: str | None = None) -> Reach:
    """The nearest active workshop that serves `postal_code` (great-circle distance within its radius).

    `nearby_postal_code` locates a code that the table of coordinates lacks. When no workshop serves the place,
    the nearest one is named all the same (TOO_FAR), so that the answer can say how far it is.
    """
    point = locate(postal_code) or (locate(nearby_postal_code) if nearby_postal_code else None)
    if point is None:
        return Reach(ReachKind.UNKNOWN_CODE, postal_code)
    workshops = db.session.scalars(select(Workshop).where(Workshop.is_active)).all()
    by_distance = sorted(
        ((great_circle_km(point, Point(w.lat, w.lng)), w) for w in workshops), key=lambda pair: pair[0]
    )
    if not by_distance:
        return Reach(ReachKind.NO_WORKSHOP, postal_code, point)
    serving = [(km, w) for km, w in by_distance if km <= w.service_radius]
    km, workshop = (serving or by_distance)[0]
    minutes = travel_times().minutes(Point(workshop.lat, workshop.lng), point)
    kind = ReachKind.SERVED if serving else ReachKind.TOO_FAR
    return Reach(kind, postal_code, point, workshop, km, minutes)


def workshop_of(workshop_id: uuid.UUID) -> Workshop:
    """One workshop. Raises NotFound."""
    workshop = db.session.get(Workshop, workshop_id)
    if workshop is None:
        raise NotFound
    return workshop
