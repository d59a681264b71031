"""Who drives a booking's car: for those who ask who may see its photos, and whether it is on the road."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select

from b2c_web.accounts.models import User
from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking
from b2c_web.clock import local_to_utc, today_in
from b2c_web.config import ZONE
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.rules import OPEN, RUNNING
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Jockey

S = AssignmentStatus


def shown_since() -> datetime:
    """The start of yesterday: what was done before, its jockey sees no more."""
    return local_to_utc(today_in(ZONE) - timedelta(days=1), 0, ZONE)


def is_shown(tour: JockeyAssignment) -> bool:
    """Does the trip's jockey see whose car it is? Until the end of the day after it was done, for questions.

    Of a trip that was taken from them, or that ended, never.
    """
    if tour.completed_at is not None:
        return tour.completed_at >= shown_since()
    return tour.status is not S.CANCELLED


def drives(person: User, booking_id: uuid.UUID) -> bool:
    """Has this person a trip of that booking of which `is_shown` is true?"""
    done = JockeyAssignment.completed_at >= shown_since()
    return _has(person, booking_id, or_(JockeyAssignment.status.in_(OPEN), done))


def is_driving(person: User, booking_id: uuid.UUID) -> bool:
    """Is this person on a trip of that booking now: set out, and not yet done?"""
    return _has(person, booking_id, JockeyAssignment.status.in_(RUNNING))


def _has(person: User, booking_id: uuid.UUID, which: ColumnElement[bool]) -> bool:
    mine = JockeyAssignment.booking_id == booking_id, Jockey.user_id == person.id
    statement = select(JockeyAssignment.id).join(Jockey).where(*mine, which)
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
    hooks.is_driving.add(is_driving)
    hooks.on_the_road.add(is_on_the_road)
