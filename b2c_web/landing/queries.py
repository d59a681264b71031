"""What the front page shows: prices from, where we drive, and whether we come to a postal code."""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from b2c_web.catalog.queries import Offer, from_price_cents, price_list
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.queries import Reach, ReachKind, nearest_workshop

POSTAL_CODE = re.compile(r"[0-9]{5}")


class Answer(StrEnum):
    """What we say to a postal code."""

    YES = "yes"
    FAR = "far"
    UNKNOWN = "unknown"
    NOWHERE = "nowhere"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class ReachAnswer:
    """The answer with the nearest workshop's `city`; whole km, rounded away from the radius when too far."""

    answer: Answer
    city: str = ""
    distance_km: int = 0
    radius_km: int = 0


@dataclass(frozen=True)
class FrontPage:
    """Gross prices in cents. `city` and `radius_km` are None when there is not exactly one workshop."""

    prices: list[Offer]
    from_price_cents: int | None
    concierge_low_cents: int
    concierge_high_cents: int
    city: str | None
    radius_km: int | None


def front_page(at: datetime) -> FrontPage:
    """The front page at `at`. Two statements."""
    offers = price_list(at)
    concierge = [price.concierge_cents for offer in offers for price in offer.prices.values()]
    places = db.session.execute(
        select(Workshop.city, Workshop.service_radius).where(Workshop.is_active).order_by(Workshop.id).limit(2)
    ).all()
    city, radius_km = places[0] if len(places) == 1 else (None, None)
    low, high = min(concierge, default=0), max(concierge, default=0)
    return FrontPage(offers, from_price_cents(offers), low, high, city, radius_km)


def reach(postal_code: str | None) -> ReachAnswer | None:
    """Whether we come to `postal_code` as typed; None while nobody asks."""
    if postal_code is None:
        return None
    if not POSTAL_CODE.fullmatch(postal_code):
        return ReachAnswer(Answer.MALFORMED)
    return _answer(nearest_workshop(postal_code))


def _answer(found: Reach) -> ReachAnswer:
    if found.kind is ReachKind.UNKNOWN_CODE:
        return ReachAnswer(Answer.UNKNOWN)
    if found.workshop is None:
        return ReachAnswer(Answer.NOWHERE)
    workshop = found.workshop
    if found.served:
        return ReachAnswer(Answer.YES, workshop.city, round(found.distance_km), workshop.service_radius)
    return ReachAnswer(Answer.FAR, workshop.city, math.ceil(found.distance_km), workshop.service_radius)
