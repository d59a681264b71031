"""Holds whose time is over and that no job has ended yet: whoever takes places ends them first."""

from sqlalchemy import select

from b2c_web.bookings.counters import Held, held_by
from b2c_web.bookings.lifecycle import end_hold
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.places import Wish
from b2c_web.bookings.rules import BookingAction, HoldEnd
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db

AT_ONCE = 20


def end_overdue(wish: Wish) -> list[Held]:
    """Step: end the workshop's holds that are over, those of the wished window first, at most AT_ONCE.

    Returns what they held, for `take` to give back under its own locks. One that somebody else is ending is left out.
    """
    over = select(Booking).where(
        Booking.status == BookingStatus.PENDING,
        Booking.hold_expires_at <= now_utc(),
        Booking.workshop_id == wish.question.workshop_id,
    )
    over = over.order_by((Booking.slot_id == wish.slot_id).desc(), Booking.hold_expires_at).limit(AT_ONCE)
    locked = over.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    holds = sorted(db.session.scalars(locked), key=lambda one: one.id)
    for booking in holds:
        end_hold(booking, BookingAction.EXPIRE, HoldEnd.EXPIRED)
    return held_by([booking.id for booking in holds])
