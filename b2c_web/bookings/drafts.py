"""What somebody has filled in so far: kept on the server, so that leaving, returning and a second tab lose nothing.

A draft belongs to a browser (the hash of a token in its signed cookie) and, once signed in, to the user too.
"""

import hashlib
import secrets
import uuid
from typing import Any

from flask import session as cookie
from flask_login import current_user
from sqlalchemy import select

from b2c_web.accounts.models import Address, User
from b2c_web.bookings.models import BookingDraft
from b2c_web.db import command_transaction
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import Vehicle


def browser_hash() -> str:
    """This browser's mark; a new token is put into its cookie when it has none."""
    token = cookie.get("browser")
    if not token:
        token = cookie["browser"] = secrets.token_urlsafe(24)
    return hashlib.sha256(token.encode()).hexdigest()


def _mine() -> Any:
    if current_user.is_authenticated:
        return (BookingDraft.browser_hash == browser_hash()) | (BookingDraft.user_id == current_user.id)
    return (BookingDraft.browser_hash == browser_hash()) & BookingDraft.user_id.is_(None)


def draft_of(draft_id: uuid.UUID) -> BookingDraft:
    """One draft of this browser or user. Raises NotFound."""
    draft = db.session.scalars(select(BookingDraft).where(BookingDraft.id == draft_id, _mine())).one_or_none()
    if draft is None:
        raise NotFound
    return draft


def latest_draft() -> BookingDraft | None:
    """The draft that this person worked on last, to go on with."""
    return db.session.scalars(select(BookingDraft).where(_mine()).order_by(BookingDraft.updated_at.desc())).first()


def start_draft(**facts: Any) -> uuid.UUID:
    """A new draft; what is known of the person (last car, address, contact) is filled in."""
    with command_transaction():
        draft = BookingDraft(browser_hash=browser_hash(), car_details={})
        if current_user.is_authenticated:
            _prefill(draft, current_user)
        for name, value in facts.items():
            setattr(draft, name, value)
        db.session.add(draft)
        db.session.flush()
        return draft.id


def _prefill(draft: BookingDraft, user: User) -> None:
    draft.user_id, draft.email, draft.name, draft.phone = user.id, user.email, user.name, user.phone
    cars = select(Vehicle).where(Vehicle.user_id == user.id, Vehicle.is_active)
    car = db.session.scalars(cars.order_by(Vehicle.is_primary.desc(), Vehicle.created_at.desc())).first()
    if car is not None:
        draft.vehicle_id, draft.vehicle_class = car.id, car.vehicle_class
    places = select(Address).where(Address.user_id == user.id)
    place = db.session.scalars(places.order_by(Address.is_default.desc(), Address.last_used_at.desc())).first()
    if place is not None:
        draft.street, draft.postal_code, draft.city = place.street, place.postal_code, place.city


def save(draft_id: uuid.UUID, **facts: Any) -> None:
    """Write one step's facts into the draft. Raises NotFound."""
    with command_transaction():
        draft = draft_of(draft_id)
        for name, value in facts.items():
            setattr(draft, name, value)


def adopt(draft_id: uuid.UUID) -> None:
    """After signing in: the draft is this user's now; contact data that are missing come from the account."""
    with command_transaction():
        draft = db.session.scalars(
            select(BookingDraft).where(BookingDraft.id == draft_id, BookingDraft.browser_hash == browser_hash())
        ).one_or_none()
        if draft is None or draft.user_id not in (None, current_user.id):
            raise NotFound
        draft.user_id, draft.email = current_user.id, current_user.email
