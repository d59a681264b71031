"""Whose extension it is to act on, for commands: booking and extension are locked, in this order, and checked."""

import uuid

from sqlalchemy import select, text

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.access import lock_as_workshop
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.errors import NotFound
from b2c_web.extensions.deciders import Decider, Link, LinkEnded
from b2c_web.extensions.models import Extension, ExtensionLink
from b2c_web.flask_extensions import db

# Locked in this order, and each read as it is when it is locked. Whoever only refers to an extension need not wait.
WITH_BOOKING = (
    select(Booking, Extension)
    .join(Extension, Extension.booking_id == Booking.id)
    .with_for_update(of=Booking)
    .suffix_with(text("FOR NO KEY UPDATE OF extensions"))
    .execution_options(populate_existing=True)
)


def lock_extension(extension_id: uuid.UUID) -> tuple[Booking, Extension]:
    """Step: the extension with its booking, fresh and locked, the booking first. Raises NotFound."""
    found = db.session.execute(WITH_BOOKING.where(Extension.id == extension_id)).first()
    if found is None:
        raise NotFound
    return found.Booking, found.Extension


def lock_for_staff(staff: User, extension_id: uuid.UUID) -> tuple[Booking, Extension]:
    """Step: the same, for staff of its workshop. Raises NotFound."""
    booking = lock_as_workshop(staff, _booking_of(extension_id))
    return booking, _lock_row(extension_id)


def lock_for_decider(decider: Decider, extension_id: uuid.UUID) -> tuple[Booking, Extension]:
    """Step: the same, for its customer or a mailed link that still counts. Raises NotFound, LinkEnded.

    A link that ended because somebody was quicker is let through: the extension's own state refuses, and says why.
    """
    booking, extension = lock_extension(extension_id)
    if isinstance(decider, Link):
        _check_link(decider, extension_id, booking.user)
    elif decider.role is not Role.CUSTOMER or booking.user_id != decider.id:
        raise NotFound
    return booking, extension


def of_booking_locked(booking: Booking) -> list[Extension]:
    """Step: all extensions of a locked booking, fresh and locked, oldest first."""
    wanted = (
        select(Extension)
        .where(Extension.booking_id == booking.id)
        .order_by(Extension.id)
        .with_for_update(key_share=True)
    )
    return list(db.session.scalars(wanted.execution_options(populate_existing=True)))


def replacement_of(extension: Extension) -> uuid.UUID | None:
    """The one that corrects it, if there is one."""
    return db.session.scalar(select(Extension.id).where(Extension.replaces_id == extension.id))


def _booking_of(extension_id: uuid.UUID) -> uuid.UUID:
    booking_id = db.session.scalar(select(Extension.booking_id).where(Extension.id == extension_id))
    if booking_id is None:
        raise NotFound
    return booking_id


def _lock_row(extension_id: uuid.UUID) -> Extension:
    without_key = {"key_share": True}  # whoever only refers to it, as a wish does, need not wait
    return db.session.get_one(Extension, extension_id, with_for_update=without_key, populate_existing=True)


def _check_link(link: Link, extension_id: uuid.UUID, customer: User) -> None:
    kept = db.session.get(ExtensionLink, link.link_id, populate_existing=True)
    if kept is None or kept.extension_id != extension_id or link.extension_id != extension_id:
        raise NotFound
    if not customer.is_active:
        raise NotFound
    if kept.expires_at <= now_utc():
        raise LinkEnded(extension_id=extension_id)
