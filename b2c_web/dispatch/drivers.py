"""Who drives a booking's trips, for those who ask whether somebody may see its photos."""

import uuid

from sqlalchemy import select

from b2c_web.accounts.models import User
from b2c_web.bookings import hooks
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Jockey


def drives(person: User, booking_id: uuid.UUID) -> bool:
    """Has this person a trip of that booking, under way, waiting or done? One that was taken from them is none."""
    statement = (
        select(JockeyAssignment.id)
        .join(Jockey)
        .where(JockeyAssignment.booking_id == booking_id, Jockey.user_id == person.id)
        .where(JockeyAssignment.status != AssignmentStatus.CANCELLED)
    )
    return db.session.scalar(statement.limit(1)) is not None


def register() -> None:
    """Fill the bookings' hook. Doing it twice changes nothing."""
    hooks.drives.add(drives)
