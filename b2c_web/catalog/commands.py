"""Writes of the catalogue: services, and prices with their validity."""

from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from b2c_web import audit
from b2c_web.catalog.models import Service, ServicePricing, ServiceType
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass


def add_service(service: ServiceType, duration_minutes: int) -> Service:
    """A service that may be sold once it has prices. The database keeps its German texts."""
    texts = TEXTS[service]
    with command_transaction():
        row = Service(
            type=service,
            name=str(texts.name),
            description=". ".join(str(point) for point in texts.included) + ".",
            estimated_duration=duration_minutes,
        )
        db.session.add(row)
        db.session.flush()
        audit.record("service.added", "service", row.id, after={"type": service.value})
    return row


def set_price(
    service: ServiceType,
    vehicle_class: VehicleClass,
    base_cents: int,
    concierge_cents: int,
    valid_from: datetime | None = None,
) -> ServicePricing:
    """The gross prices from `valid_from` (default: now) on. The price before it ends there, and the new one
    ends where a later one was already planned, so validities never overlap. Bookings keep their own copy.

    Locks the service row. Raises NotFound without such a service, Invalid for a day gone by or bad amounts.
    """
    now = now_utc()
    starts = valid_from or now
    _check(base_cents, concierge_cents, starts, now)
    with command_transaction():
        row = _price_starting(service, vehicle_class, starts)
        before = _amounts(row) if row.base_price else None
        row.base_price, row.concierge_price = base_cents, concierge_cents
        db.session.add(row)
        db.session.flush()
        audit.record("price.set", "service_pricing", row.id, before=before, after=_amounts(row))
    return row


def _check(base_cents: int, concierge_cents: int, starts: datetime, now: datetime) -> None:
    if base_cents <= 0 or concierge_cents < 0:
        raise Invalid(_("Ein Preis muss über 0,00 EUR liegen."), field="base_price")
    if starts < now:
        raise Invalid(_("Ein Preis kann nicht rückwirkend gelten."), field="valid_from")


def _price_starting(service: ServiceType, vehicle_class: VehicleClass, starts: datetime) -> ServicePricing:
    """The row that begins at `starts`: one that was planned for then, or a new one fitted between the others."""
    service_id = db.session.scalar(select(Service.id).where(Service.type == service).with_for_update())
    if service_id is None:
        raise NotFound
    others = db.session.scalars(
        select(ServicePricing)
        .where(ServicePricing.service_id == service_id, ServicePricing.vehicle_class == vehicle_class)
        .order_by(ServicePricing.valid_from)
    ).all()
    planned = next((price for price in others if price.valid_from == starts), None)
    if planned:
        return planned
    running = [p for p in others if p.valid_from < starts and (p.valid_until is None or p.valid_until > starts)]
    for price in running:
        price.valid_until = starts
    db.session.flush()  # the old one must end before the new one may begin
    ends = min((price.valid_from for price in others if price.valid_from > starts), default=None)
    return ServicePricing(service_id=service_id, vehicle_class=vehicle_class, valid_from=starts, valid_until=ends)


def _amounts(row: ServicePricing) -> dict[str, Any]:
    return {
        "vehicle_class": row.vehicle_class.value,
        "base_price": row.base_price,
        "concierge_price": row.concierge_price,
        "valid_from": row.valid_from.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
    }
