"""Whose booking it is to act on, for commands: the row is locked and checked in one go. And whose its photos are."""

import uuid
from collections.abc import Container

from b2c_web.accounts.models import Role, User
from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import lock_booking, visible_to
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.media import hooks as media_hooks
from b2c_web.media.models import MediaPurpose


def lock_for(person: User, booking_id: uuid.UUID) -> Booking:
    """The locked booking, when it is this person's own or their workshop's; an admin's always. Raises NotFound."""
    booking = lock_booking(booking_id)
    if person.role is Role.CUSTOMER:
        allowed = booking.user_id == person.id
    elif person.role is Role.ADMIN:
        allowed = True
    else:
        allowed = person.role in (Role.WORKSHOP, Role.DISPATCHER) and booking.workshop_id == person.workshop_id
    if not allowed:
        raise NotFound
    return booking


def lock_own(customer: User, booking_id: uuid.UUID) -> Booking:
    """The same for what only its customer may do. Raises NotFound."""
    return _lock_by(customer, booking_id, {Role.CUSTOMER})


def lock_as_staff(person: User, booking_id: uuid.UUID) -> Booking:
    """The same for what only staff may do: the workshop, its dispatchers, an admin. Raises NotFound."""
    return _lock_by(person, booking_id, {Role.WORKSHOP, Role.DISPATCHER, Role.ADMIN})


def lock_as_workshop(person: User, booking_id: uuid.UUID) -> Booking:
    """The same for the work on the car and what it costs, which a dispatcher has no say in. Raises NotFound."""
    return _lock_by(person, booking_id, {Role.WORKSHOP, Role.ADMIN})


def _lock_by(person: User, booking_id: uuid.UUID, roles: Container[Role]) -> Booking:
    if person.role not in roles:
        raise NotFound
    return lock_for(person, booking_id)


def may_see_media(person: User, booking_id: uuid.UUID) -> bool:
    """A booking's photos are its customer's, its workshop's, and, around the trip, its jockeys' to see."""
    if person.role is Role.JOCKEY:
        return hooks.drives.any(person, booking_id)
    return (
        db.session.scalar(visible_to(person).where(Booking.id == booking_id).with_only_columns(Booking.id)) is not None
    )


def may_add_media(person: User, booking_id: uuid.UUID) -> bool:
    """Its workshop's people add photos to a booking, and its jockeys on the trip; its customer does not."""
    if person.role is Role.JOCKEY:
        return hooks.is_driving.any(person, booking_id)
    return person.role is not Role.CUSTOMER and may_see_media(person, booking_id)


def register() -> None:
    """Fill media's hooks. Doing it twice changes nothing."""
    media_hooks.may_see[MediaPurpose.BOOKING] = may_see_media
    media_hooks.may_add[MediaPurpose.BOOKING] = may_add_media
    media_hooks.lock[MediaPurpose.BOOKING] = lock_booking
