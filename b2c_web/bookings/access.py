"""Whose booking it is to act on, for commands: the row is locked and checked in one go."""

import uuid

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import lock_booking
from b2c_web.errors import NotFound


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


def lock_as_staff(person: User, booking_id: uuid.UUID) -> Booking:
    """The same for what only staff may do. Raises NotFound."""
    if person.role is Role.CUSTOMER:
        raise NotFound
    return lock_for(person, booking_id)
