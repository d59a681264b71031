"""What jockeys noted at customers' doors, for the pages of the workshop and of the customer. Reads only."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from b2c_web.bookings import hooks
from b2c_web.bookings.coming import Tour
from b2c_web.bookings.models import AssignmentType, Booking
from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.dispatch.photos import SIGNATURE, named
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaState
from b2c_web.media.queries import files

NOTES: Mapping[str, Any] = {
    "fuel": _l("Tank"),
    "keys": _l("Schlüssel"),
    "damage": _l("Schäden"),
    "wishes": _l("Wünsche"),
    "notes": _l("Notizen"),
}
FUEL: Mapping[Any, Any] = {"R": _l("Reserve"), "1/4": "¼", "1/2": "½", "3/4": "¾", "1": _l("voll")}


@dataclass(frozen=True, slots=True)
class Handover:
    """What a jockey noted at the door, or why there was no handover. `signed_by`: who signed, as far as it is known.

    `unreadable`: what the worker had to refuse afterwards, as in `photos.named`.
    """

    assignment: JockeyAssignment
    at: datetime | None
    mileage_km: int | None
    ronja_mileage_km: int | None
    ronja_fuel: str
    notes: dict[Any, str]
    photos: list[MediaFile]
    signature: list[MediaFile]
    signed_by: str
    unreadable: list[str]

    @property
    def is_pickup(self) -> bool:
        return self.assignment.type is AssignmentType.PICKUP


def tours_of(booking_id: uuid.UUID) -> Sequence[JockeyAssignment]:
    """All of a booking's assignments, in order of time."""
    statement = select(JockeyAssignment).where(JockeyAssignment.booking_id == booking_id)
    shown = (joinedload(getattr(JockeyAssignment, name)) for name in ("jockey", "ronja", "trip"))
    ordered = statement.order_by(JockeyAssignment.scheduled_time, JockeyAssignment.id)
    return db.session.scalars(ordered.options(*shown)).all()


def tours_to_the_door(booking: Booking) -> Sequence[Tour]:
    """The same as bookings ask for it. Registered in `bookings.hooks.tours_of`."""
    return tours_of(booking.id)


def handovers(tours: Sequence[JockeyAssignment]) -> list[Handover]:
    """What the jockeys noted, in order of time."""
    noted = [(tour, tour.handover) for tour in tours if tour.handover]
    known = {file.id: file for file in files([one for _tour, facts in noted for _what, one in named(facts)])}
    return [_handover(tour, facts, known) for tour, facts in noted]


def _handover(tour: JockeyAssignment, facts: Mapping[str, Any], known: Mapping[uuid.UUID, MediaFile]) -> Handover:
    shown = [(what, known[one]) for what, one in named(facts) if one in known]
    return Handover(
        assignment=tour,
        at=tour.departed_at or tour.completed_at or tour.arrived_at,
        mileage_km=mileage_of(tour),
        ronja_mileage_km=mileage_of(tour, "ronja_mileage_km"),
        ronja_fuel=_worded("fuel", facts.get("ronja_fuel") or ""),
        notes={NOTES[name]: _worded(name, facts[name]) for name in NOTES if facts.get(name)},
        photos=[file for what, file in shown if what != SIGNATURE],
        signature=[file for what, file in shown if what == SIGNATURE],
        signed_by=str(facts.get("signed_by") or ""),
        unreadable=[what for what, file in shown if file.state is MediaState.REFUSED],
    )


def handed_over(tours: Sequence[JockeyAssignment]) -> list[Handover]:
    """The handovers that came about, as the booking's customer reads them."""
    return handovers([tour for tour in tours if tour.departed_at])


def mileage_of(tour: JockeyAssignment, name: str = "mileage_km") -> int | None:
    """What the jockey read off: of the customer's car, or with "ronja_mileage_km" of the Ronja."""
    found = (tour.handover or {}).get(name)
    return int(found) if isinstance(found, int | str) and str(found).isdigit() else None


def keys_of(handover: Mapping[str, Any] | None) -> int | None:
    """How many of the car's keys changed hands, as far as it was noted."""
    found = (handover or {}).get("keys")
    return found if isinstance(found, int) else None


def _worded(name: str, noted: Any) -> str:
    return str(FUEL.get(noted, noted) if name == "fuel" else noted)


def register() -> None:
    """Answer the bookings' question. Doing it twice changes nothing."""
    hooks.tours_of.add(tours_to_the_door)
