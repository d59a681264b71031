"""Who drives a booking's car: for those who ask who may see its photos, and whether it is on the road."""

import uuid

from sqlalchemy import select

from b2c_web.accounts.models import User
from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Jockey

S = AssignmentStatus


def drives(person: User, booking_id: uuid.UUID) -> bool:
    """Has this person a trip of that booking, under way, waiting or done? One that was taken from them is none."""
    statement = (
        select(JockeyAssignment.id)
        .join(Jockey)
        .where(JockeyAssignment.booking_id == booking_id, Jockey.user_id == person.id)
        .where(JockeyAssignment.status != S.CANCELLED)
    )
    return db.session.scalar(statement.limit(1)) is not None


def is_on_the_road(booking: Booking) -> bool:
    """Does a jockey have the booking's car now? One that was checked in is here, whatever a jockey forgot to press."""
    coming = () if booking.workshop_checkin_at else (S.IN_TRANSIT_TO_WORKSHOP,)
    going = (S.EN_ROUTE_TO_CUSTOMER, S.AT_RETURN_LOCATION)
    statement = select(JockeyAssignment.id).where(
        JockeyAssignment.booking_id == booking.id, JockeyAssignment.status.in_((*coming, *going))
    )
    return db.session.scalar(statement.limit(1)) is not None


def register() -> None:
    """Fill the bookings' hooks. Doing it twice changes nothing."""
    hooks.drives.add(drives)
    hooks.on_the_road.add(is_on_the_road)
