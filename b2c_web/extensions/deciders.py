"""Who decides an extension: the signed-in customer, or whoever holds a link that we mailed to the customer."""

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import select, update

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.errors import NotFound
from b2c_web.extensions.models import Extension, ExtensionLink
from b2c_web.flask_extensions import db


@dataclass(frozen=True, slots=True)
class Link:
    """A mailed link that opened: it allows to view and decide this one extension, nothing else."""

    link_id: uuid.UUID
    extension_id: uuid.UUID


class LinkEnded(NotFound):
    """No such link, or its time is over, or its extension is decided. `details['extension_id']` when it is known."""

    code = "link_ended"


Decider = User | Link


def open_link(token: str) -> Link:
    """What a mailed link opens. Reads only: a GET never decides anything. Raises LinkEnded, also when the customer's
    account is closed."""
    found = db.session.execute(
        select(ExtensionLink, User.is_active)
        .join(Extension, Extension.id == ExtensionLink.extension_id)
        .join(Booking, Booking.id == Extension.booking_id)
        .join(User, User.id == Booking.user_id)
        .where(ExtensionLink.token_hash == _hash(token))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None or not found.is_active:
        raise LinkEnded
    row = found.ExtensionLink
    if row.ended_at is not None or row.expires_at <= now_utc():
        raise LinkEnded(extension_id=row.extension_id)
    return Link(row.id, row.extension_id)


def add_link(extension_id: uuid.UUID) -> str:
    """Step: a new link for EXTENSION_LINK_HOURS; returns its token, of which only the hash is kept."""
    token = secrets.token_urlsafe(32)
    until = now_utc() + timedelta(hours=current_app.config["EXTENSION_LINK_HOURS"])
    db.session.add(ExtensionLink(extension_id=extension_id, token_hash=_hash(token), expires_at=until))
    db.session.flush()
    return token


def end_links(extension_id: uuid.UUID) -> None:
    """Step: the extension is decided or withdrawn: no link opens it any more."""
    mine = ExtensionLink.extension_id == extension_id, ExtensionLink.ended_at.is_(None)
    db.session.execute(update(ExtensionLink).where(*mine).values(ended_at=now_utc()))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
