"""Bookings of one workshop's day in a big set: drawn by chance, but each takes only what is truly left.

A day is filled in memory first, so that its counters are known before its rows are written.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from b2c_web.catalog.models import ServiceType
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.demo.base import SERVICES
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.generation import Template, Window

JOCKEYS = 5
RONJAS = 8
CLEANING_MINUTES = 15
PICKUP_HANDOVER_MINUTES = 40
RETURN_HANDOVER_MINUTES = 20
SHIFT = (7 * 60, 19 * 60)
SHORTEST_TRAVEL, LONGEST_TRAVEL = 6, 40  # a pickup of up to two hours: it fits its window
CLASSES = list(VehicleClass)
SERVICE_TYPES = list(ServiceType)


@dataclass(slots=True)
class Slot:
    """A window while its day is filled."""

    id: str
    start: datetime
    end: datetime
    minutes_from: int
    minutes_to: int
    bookings: int = 0
    jockey_minutes: int = 0
    pickups: int = 0

    @property
    def room(self) -> int:
        return JOCKEYS * (self.minutes_to - self.minutes_from)


@dataclass(slots=True)
class Planned:
    """One booking; `back`, `ronja` and `jockey` (by number) belong to concierge bookings only."""

    slot: Slot
    back: Slot | None
    ronja: int
    jockey: int
    travel_minutes: int
    service: ServiceType
    vehicle_class: VehicleClass

    @property
    def pickup_minutes(self) -> int:
        return 2 * self.travel_minutes + PICKUP_HANDOVER_MINUTES

    @property
    def return_minutes(self) -> int:
        return 2 * self.travel_minutes + RETURN_HANDOVER_MINUTES

    @property
    def ends(self) -> datetime:
        """When the car is promised back."""
        return self.back.end if self.back else self.slot.end + timedelta(hours=4)

    @property
    def prices(self) -> tuple[int, int]:
        """Base and concierge price in cents."""
        _minutes, concierge_cents, base = SERVICES[self.service]
        return base[CLASSES.index(self.vehicle_class)], concierge_cents if self.back else 0


@dataclass(slots=True)
class DayPlan:
    """One day of a workshop with what is booked on it."""

    day: date
    slots: list[Slot]
    bookings: list[Planned] = field(default_factory=list)


def empty_day(day: date, windows: tuple[Window, ...], ids: Iterator[str]) -> DayPlan:
    """A day with its windows and nothing in them."""
    slots = [
        Slot(next(ids), local_to_utc(day, low, ZONE), local_to_utc(day, high, ZONE), low, high) for low, high in windows
    ]
    return DayPlan(day, slots)


def fill(plan: DayPlan, wanted: int, template: Template, chance: random.Random) -> None:
    """Adds up to `wanted` bookings, about half of them with concierge, as long as places, jockeys and Ronjas last.

    A Ronja is used once a day; the next one is taken each time, so none is promised twice at once.
    """
    wanted = min(wanted, template.day_maximum, len(plan.slots) * template.places_per_window)
    open_slots = list(plan.slots)
    ronjas_used = 0
    while len(plan.bookings) < wanted and open_slots:
        slot = chance.choice(open_slots)
        service = chance.choice(SERVICE_TYPES)
        travel = chance.randint(SHORTEST_TRAVEL, LONGEST_TRAVEL)
        booking = Planned(slot, None, 0, 0, travel, service, chance.choice(CLASSES))
        if ronjas_used < RONJAS and chance.random() < 0.6 and _add_concierge(plan, booking, ronjas_used):
            ronjas_used += 1
        slot.bookings += 1
        plan.bookings.append(booking)
        if slot.bookings >= template.places_per_window:
            open_slots.remove(slot)


def _add_concierge(plan: DayPlan, booking: Planned, ronja: int) -> bool:
    slot = booking.slot
    earliest = slot.minutes_from + SERVICES[booking.service][0] + 120
    backs = [
        other
        for other in plan.slots
        if other.minutes_from >= earliest and other.jockey_minutes + booking.return_minutes <= other.room
    ]
    fits = slot.jockey_minutes + booking.pickup_minutes <= slot.room
    if not backs or not fits or slot.pickups >= JOCKEYS:
        return False
    booking.back, booking.ronja, booking.jockey = backs[0], ronja, slot.pickups
    slot.pickups += 1
    slot.jockey_minutes += booking.pickup_minutes
    booking.back.jockey_minutes += booking.return_minutes
    return True
