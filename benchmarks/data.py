"""The data sets that figures are measured on, each made once in a run, and prepared requests."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text

from b2c_web.bookings.availability import Question, availability
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.demo.bulk import BULK_MAIL, Order, load_bulk
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.rules import Offer
from benchmarks.house import House, say

WORKSHOPS, BOOKINGS = 50, 100_000
DAYS = 74  # the horizon of 60 days, and the days after it that a return may fall on
BIG = "big"


def big(house: House) -> str:
    """50 workshops, open every day so that the horizon has 300 windows, and 100,000 bookings. Returns its name."""
    house.make_database(BIG, lambda: fill(Order(WORKSHOPS, DAYS, BOOKINGS, every_day=True)))
    return BIG


def fill(order: Order) -> None:
    say(f"writing {order.bookings:,} bookings")
    load_bulk(order, lambda _portion: None)


def history_count() -> int:
    """Bookings whose pickup day is over."""
    return db.session.scalar(text("SELECT count(*) FROM bookings WHERE status IN ('COMPLETED', 'CANCELLED')")) or 0


def add_history(wanted: int) -> None:
    """More bookings in the past until there are `wanted`."""
    missing = wanted - history_count()
    db.session.rollback()
    if missing > 0:
        fill(Order(0, 0, missing, history=True, every_day=True, seed=wanted))


@dataclass(frozen=True)
class Wanted:
    """One booking that can be had: everything that the claim asks for, in plain values."""

    number: int
    user_id: UUID
    workshop_id: UUID
    slot_id: UUID
    return_slot_id: UUID | None
    service: ServiceType
    vehicle_class: VehicleClass
    travel_minutes: int
    total_cents: int
    postal_code: str
    lat: float
    lng: float


def customers(count: int) -> list[UUID]:
    """So many verified customers without a live hold."""
    query = "SELECT id FROM users WHERE email LIKE :mail ORDER BY id LIMIT :count"
    found = db.session.scalars(text(query), {"mail": f"kunde%{BULK_MAIL}", "count": count}).all()
    if len(found) < count:
        raise RuntimeError(f"{count} customers are needed, there are {len(found)}")
    return list(found)


def workshops() -> list[Workshop]:
    """All workshops, loaded and free of the session."""
    found = list(db.session.scalars(select(Workshop).order_by(Workshop.id)))
    db.session.expunge_all()
    return found


def plan_claims(count: int, seed: int = 1) -> list[Wanted]:
    """`count` bookings that can all be had, each by another customer and on another workshop's day, every other one
    with concierge; in an order that spreads them over the workshops.
    """
    options = list(_options(count))
    random.Random(seed).shuffle(options)
    if len(options) < count:
        raise RuntimeError(f"{count} claims were wanted, {len(options)} are possible")
    return [
        Wanted(number, user_id, *option)
        for number, (user_id, option) in enumerate(zip(customers(count), options[:count], strict=True))
    ]


def _options(count: int) -> Iterator[tuple[Any, ...]]:
    today, places = today_in(ZONE), workshops()
    services = list(ServiceType)
    for number, workshop in enumerate(places):
        service, vehicle_class = services[number % 4], list(VehicleClass)[number % 3]
        for concierge in (True, False):
            question = Question(workshop.id, service, vehicle_class, concierge, 12)
            answer = availability(question, today + timedelta(days=2), today + timedelta(days=59))
            for day in answer.days[::2] if concierge else answer.days[1::2]:
                offer = _latest_bookable(day.offers, concierge)
                if offer:
                    back = offer.returns[0].window.slot_id if concierge else None
                    facts = (workshop.id, offer.window.slot_id, back, service, vehicle_class, 12, answer.total_cents)
                    yield (*facts, workshop.postal_code, workshop.lat, workshop.lng)
    db.session.rollback()


def _latest_bookable(offers: list[Offer], concierge: bool) -> Offer | None:
    """A window of that day that can be promised; with concierge one whose car is back the same day."""
    for offer in offers:
        if offer.block is None and (not concierge or offer.returns[0].window.day == offer.window.day):
            return offer
    return None


def count_rows(table: str) -> int:
    return db.session.scalar(select(func.count()).select_from(text(table))) or 0
