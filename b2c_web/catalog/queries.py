"""Reads of what is sold: the price list of a moment, and one price."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import BindParameter, ColumnElement, bindparam, select

from b2c_web.catalog.models import Service, ServicePricing, ServiceType
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass


class NotOffered(Conflict):
    """The service, or this vehicle class of it, has no price at that moment."""

    code = "not_offered"
    message = _l("Diesen Service bieten wir für Ihre Fahrzeugklasse zurzeit nicht an.")


@dataclass(frozen=True)
class Price:
    """Gross prices in cents of one service for one vehicle class, and its time in the workshop."""

    service_id: uuid.UUID
    base_cents: int
    concierge_cents: int
    duration_minutes: int

    def total_cents(self, *, concierge: bool) -> int:
        """What the customer pays, with or without being collected and brought back."""
        return self.base_cents + (self.concierge_cents if concierge else 0)


@dataclass(frozen=True)
class Offer:
    """One service as the pages show it: texts in the reader's language, prices by vehicle class."""

    service: ServiceType
    icon: str
    name: Any
    text: Any
    included: tuple[Any, ...]
    duration_minutes: int
    prices: Mapping[VehicleClass, Price]

    @property
    def from_price_cents(self) -> int:
        """The lowest price over the vehicle classes, without concierge."""
        return min(price.base_cents for price in self.prices.values())

    @property
    def from_concierge_cents(self) -> int:
        """What concierge adds to the lowest price; 0 when it is included."""
        return min(self.prices.values(), key=lambda price: price.base_cents).concierge_cents


def valid_at(at: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """The prices that hold at `at`: valid_from <= at < valid_until."""
    open_end = ServicePricing.valid_until.is_(None) | (ServicePricing.valid_until > at)
    return (ServicePricing.valid_from <= at) & open_end


def price_list(at: datetime) -> list[Offer]:
    """Every active service that has a price at `at`, in the order of the catalogue. One statement."""
    rows = db.session.execute(
        select(
            Service.type,
            ServicePricing.vehicle_class,
            Service.id,
            ServicePricing.base_price,
            ServicePricing.concierge_price,
            Service.estimated_duration,
        )
        .join(ServicePricing, ServicePricing.service_id == Service.id)
        .where(Service.is_active, valid_at(at))
        .order_by(Service.type, ServicePricing.vehicle_class)
    ).all()
    by_service: dict[ServiceType, dict[VehicleClass, Price]] = {}
    for service, vehicle_class, service_id, base, concierge, minutes in rows:
        by_service.setdefault(service, {})[vehicle_class] = Price(service_id, base, concierge, minutes)
    return [_offer(service, prices) for service, prices in by_service.items()]


def _offer(service: ServiceType, prices: dict[VehicleClass, Price]) -> Offer:
    texts = TEXTS[service]
    minutes = next(iter(prices.values())).duration_minutes
    return Offer(service, texts.icon, texts.name, texts.text, texts.included, minutes, prices)


def from_price_cents(offers: Sequence[Offer]) -> int | None:
    """The lowest price of all offers with concierge, for "from" on the front page; None without offers."""
    totals = [price.total_cents(concierge=True) for offer in offers for price in offer.prices.values()]
    return min(totals, default=None)


# built once: a month page asks for a price each time
_PRICE = (
    select(
        Service.id,
        ServicePricing.base_price,
        ServicePricing.concierge_price,
        Service.estimated_duration,
    )
    .join(ServicePricing, ServicePricing.service_id == Service.id)
    .where(Service.type == bindparam("service"), Service.is_active)
    .where(ServicePricing.vehicle_class == bindparam("vehicle_class"), valid_at(bindparam("at")))
)


def price_for(service: ServiceType, vehicle_class: VehicleClass, at: datetime) -> Price:
    """The price of one service and class at `at`, in one statement. Raises NotOffered without one."""
    asked = {"service": service, "vehicle_class": vehicle_class, "at": at}
    row = db.session.execute(_PRICE, asked).one_or_none()
    if row is None:
        raise NotOffered
    return Price(*row)
