"""What somebody has filled in so far: kept on the server, so that leaving, returning and a second tab lose nothing.

A draft belongs to a browser (the hash of a token in its signed cookie) and, once signed in, to the user too.
"""

import hashlib
import json
import secrets
import uuid
from datetime import timedelta
from typing import Any

from flask import current_app
from flask import session as cookie
from flask_login import current_user
from sqlalchemy import Select, bindparam, select, update

from b2c_web.accounts.models import Address, User
from b2c_web.bookings.models import Booking, BookingDraft, BookingStatus
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import Vehicle

KEPT = timedelta(days=30)  # how long an unfinished draft is offered again


def browser_hash() -> str:
    """This browser's mark; a new token is put into its cookie when it has none."""
    token = cookie.get("browser")
    if not token:
        token = cookie["browser"] = secrets.token_urlsafe(24)
    return hashlib.sha256(token.encode()).hexdigest()


# this browser's drafts that belong to nobody yet, and this person's own, from wherever
_MINE = (BookingDraft.browser_hash == bindparam("browser")) & BookingDraft.user_id.is_(None) | (
    BookingDraft.user_id == bindparam("person")
)
_ONE = select(BookingDraft).where(BookingDraft.id == bindparam("draft"), _MINE)
_BOOKED = Booking.id, Booking.status  # a whole booking has a hundred columns, and each step asks
_ONE_WITH_BOOKING = _ONE.outerjoin(Booking, Booking.draft_id == BookingDraft.id).add_columns(*_BOOKED)


def _me() -> dict[str, Any]:
    return {"browser": browser_hash(), "person": current_user.id if current_user.is_authenticated else None}


def draft_of(draft_id: uuid.UUID) -> BookingDraft:
    """One draft of this browser or user. Raises NotFound."""
    draft = db.session.scalars(_ONE, {"draft": draft_id, **_me()}).one_or_none()
    if draft is None:
        raise NotFound
    return draft


def draft_with_booking(draft_id: uuid.UUID) -> tuple[BookingDraft, uuid.UUID | None, BookingStatus | None]:
    """As `draft_of`, and id and status of the booking that it has become, if that still stands."""
    found = db.session.execute(_ONE_WITH_BOOKING, {"draft": draft_id, **_me()}).one_or_none()
    if found is None:
        raise NotFound
    return found[0], found[1], found[2]


def hold_of(draft_id: uuid.UUID) -> Booking | None:
    """The booking that holds what this draft asks for and waits for its payment, while it is held."""
    held = Booking.draft_id == draft_id, Booking.status == BookingStatus.PENDING, Booking.hold_expires_at > now_utc()
    return db.session.scalars(select(Booking).where(*held)).one_or_none()


def latest_draft() -> BookingDraft | None:
    """The draft that this person worked on last and that has not become a booking, to go on with."""
    same = Booking.draft_id == BookingDraft.id
    paid_since = (Booking.user_id == BookingDraft.user_id) & (Booking.paid_at > BookingDraft.updated_at)
    booked = select(Booking.id).where(same | paid_since)
    fresh = BookingDraft.updated_at > now_utc() - KEPT
    statement = select(BookingDraft).where(_MINE, fresh, ~booked.exists())
    return db.session.scalars(statement.order_by(BookingDraft.updated_at.desc()).limit(1), _me()).first()


def start_draft(**facts: Any) -> uuid.UUID:
    """A new draft; what is known of the person (last car, address, contact) is filled in."""
    with command_transaction():
        draft = BookingDraft(browser_hash=browser_hash(), car_details={}, postal_code=facts.get("postal_code"))
        draft.standing_limit_cents = current_app.config["STANDING_LIMIT_CENTS"]
        if current_user.is_authenticated:
            _prefill(draft, current_user)
        for name, value in facts.items():
            setattr(draft, name, value)
        db.session.add(draft)
        db.session.flush()
        return draft.id


def _prefill(draft: BookingDraft, user: User) -> None:
    draft.user_id, draft.email, draft.name, draft.phone = user.id, user.email, user.name, user.phone
    car = db.session.scalars(_cars_of(user)).first()
    if car is not None:
        draft.vehicle_id, draft.vehicle_class = car.id, car.vehicle_class
    place = address_in(user, draft.postal_code)
    if place is not None:
        draft.street, draft.postal_code, draft.city = place.street, place.postal_code, place.city


def _cars_of(user: User) -> Select[Vehicle]:
    mine = select(Vehicle).where(Vehicle.user_id == user.id, Vehicle.is_active)
    return mine.order_by(Vehicle.is_primary.desc(), Vehicle.created_at.desc())


def address_in(user: User, postal_code: str | None) -> Address | None:
    """The address that this person uses in a postal code, the usual one without a code."""
    places = select(Address).where(Address.user_id == user.id)
    if postal_code:
        places = places.where(Address.postal_code == postal_code)
    return db.session.scalars(places.order_by(Address.is_default.desc(), Address.last_used_at.desc())).first()


def save(draft_id: uuid.UUID, **facts: Any) -> None:
    """Write one step's facts into the draft. Raises NotFound."""
    with command_transaction():
        draft = draft_of(draft_id)
        changed = {name for name, value in facts.items() if getattr(draft, name) != value}
        for name in changed:
            setattr(draft, name, facts[name])
        if changed:
            _part_from_hold(draft_id)


def _part_from_hold(draft_id: uuid.UUID) -> None:
    """A draft that is changed after its place was held asks for something else: it no longer stands for that hold."""
    held = (Booking.draft_id == draft_id) & (Booking.status == BookingStatus.PENDING)
    db.session.execute(update(Booking).where(held).values(draft_id=None))


def adopt(draft_id: uuid.UUID) -> None:
    """After signing in: the draft is this user's now; contact data that are missing come from the account."""
    with command_transaction():
        draft = db.session.scalars(
            select(BookingDraft).where(BookingDraft.id == draft_id, BookingDraft.browser_hash == browser_hash())
        ).one_or_none()
        if draft is None or draft.user_id not in (None, current_user.id):
            raise NotFound
        draft.user_id, draft.email = current_user.id, current_user.email


SHOWN = (
    "postal_code",
    "vehicle_class",
    "vehicle_id",
    "car_details",
    "service",
    "include_concierge",
    "wishes",
    "slot_id",
    "return_slot_id",
    "name",
    "phone",
    "street",
    "city",
    "standing_limit_cents",
    "early_start",
)


def digest(draft: BookingDraft) -> str:
    """Everything of a draft that its summary shows: what was shown is what is bought, in whichever tab."""
    facts = {name: str(getattr(draft, name)) for name in SHOWN}
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]
