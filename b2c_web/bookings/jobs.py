"""Jobs around bookings: holds that end, dates not chosen after a no-show, lost messages, drafts that are forgotten."""

import uuid
from datetime import timedelta

from sqlalchemy import delete, select

from b2c_web import jobs
from b2c_web.bookings.commands import end_late_wish, end_no_show
from b2c_web.bookings.commands import expire_hold as release_hold
from b2c_web.bookings.models import Booking, BookingDraft, BookingStatus
from b2c_web.bookings.owed import OWED
from b2c_web.bookings.waiting import bookings_waiting_too_long
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.owed import queue_again

DRAFT_KEPT = timedelta(days=14)
SWEPT_AT_ONCE = 200


@jobs.job("bookings.expire_hold")
def expire_hold(booking_id: str) -> None:
    """Release one hold whose time is over; nothing to do when it was paid or replaced."""
    release_hold(uuid.UUID(booking_id))


@jobs.periodic("bookings.sweep_holds", cron="* * * * *")
def sweep_holds() -> None:
    """Release what no job released: a hold outlives its end by at most two minutes."""
    overdue = select(Booking.id).where(Booking.status == BookingStatus.PENDING, Booking.hold_expires_at <= now_utc())
    found = db.session.scalars(overdue.order_by(Booking.hold_expires_at).limit(SWEPT_AT_ONCE)).all()
    jobs.for_each(found, release_hold)


@jobs.periodic("bookings.sweep_no_shows", cron="*/5 * * * *")
def sweep_no_shows() -> None:
    """After a no-show without a new date within the offer, the booking ends and the fee is kept."""
    overdue = select(Booking.id).where(Booking.status == BookingStatus.CONFIRMED, Booking.new_date_until <= now_utc())
    jobs.for_each(db.session.scalars(overdue.limit(SWEPT_AT_ONCE)).all(), end_no_show)


@jobs.periodic("bookings.sweep_moves", cron="*/5 * * * *")
def sweep_moves() -> None:
    """Late moves whose fee nobody paid in time are off."""
    jobs.for_each(bookings_waiting_too_long(), end_late_wish)


@jobs.periodic("bookings.sweep_messages", cron="*/5 * * * *")
def sweep_messages() -> None:
    """Queue again the messages that somebody waits for and no job will write."""
    queue_again(OWED, now_utc())


@jobs.periodic("bookings.forget_drafts", cron="17 3 * * *")
def forget_drafts() -> None:
    """Drafts hold personal data: what nobody came back to is deleted."""
    with command_transaction():
        db.session.execute(delete(BookingDraft).where(BookingDraft.updated_at < now_utc() - DRAFT_KEPT))
