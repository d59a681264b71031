"""What staff ask their calendar: the question of one kind of customer, the very one that the customer would ask."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from b2c_web.bookings.availability import Question
from b2c_web.catalog.models import ServiceType
from b2c_web.vehicles.models import VehicleClass

TRAVEL_MINUTES = (5, 10, 15, 20, 30, 45, 60, 75)
USUAL_TRAVEL = 20
ASKED_CLASS = VehicleClass.MIDSIZE  # decides the price only


@dataclass(frozen=True, slots=True)
class Asked:
    """The kind of booking that the calendar is seen for: service, concierge or not, minutes of one way."""

    service: ServiceType = ServiceType.INSPECTION
    concierge: bool = True
    travel_minutes: int = USUAL_TRAVEL

    @classmethod
    def read(cls, arguments: Mapping[str, str]) -> "Asked":
        """From query arguments; what cannot be read counts as not given."""
        service, travel = arguments.get("service"), arguments.get("travel", "")
        return cls(
            ServiceType(service) if service in list(ServiceType) else ServiceType.INSPECTION,
            arguments.get("how") != "drop-off",
            int(travel) if travel in map(str, TRAVEL_MINUTES) else USUAL_TRAVEL,
        )

    def question(self, workshop_id: uuid.UUID) -> Question:
        """The customer's question."""
        return Question(workshop_id, self.service, ASKED_CLASS, self.concierge, self.travel_minutes)

    def query(self) -> dict[str, Any]:
        """What the addresses of the pages carry on; the usual question carries nothing."""
        facts = {"service": self.service.value, "how": "drop-off", "travel": self.travel_minutes}
        if self.service is ServiceType.INSPECTION:
            del facts["service"]
        if self.concierge:
            del facts["how"]
        if self.travel_minutes == USUAL_TRAVEL:
            del facts["travel"]
        return facts


def read_day(text: str | None) -> date | None:
    """A day out of an address, or None when it is none or beyond the years that are planned."""
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if 2020 <= day.year < 2100 else None
