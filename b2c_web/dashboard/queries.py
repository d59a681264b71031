"""What a workshop's day shows. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import and_, or_
from sqlalchemy.orm import joinedload

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation
from b2c_web.bookings.queries import day_of, left_here, visible_to
from b2c_web.bookings.rules import WITH_US
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.dashboard.board import is_fetched
from b2c_web.dashboard.words import plate_of
from b2c_web.flask_extensions import db

NOT_ARRIVED = (BookingStatus.CONFIRMED, BookingStatus.IN_TRANSIT_TO_WORKSHOP)
SHOWN = (
    joinedload(Booking.slot),
    joinedload(Booking.return_slot),
    joinedload(Booking.vehicle),
    joinedload(Booking.workshop),
    joinedload(Booking.reservation).joinedload(RonjaReservation.ronja),
)


@dataclass(slots=True)
class Window:
    """The bookings that arrive in one window of the day, in order of their numbers."""

    start: datetime
    end: datetime
    bookings: list[Booking] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class WorkshopDay:
    """One local day: what was found by window, and the totals of the whole day whatever was searched for.

    `others`: what else is with the workshop now, on today's page only: see `here_from_other_days`.
    """

    day: date
    windows: list[Window]
    others: list[Booking]
    found: int
    total: int
    to_fetch: int
    brought: int
    expected: int


def workshop_day(user: User, day: date, today: date, search: str = "") -> WorkshopDay:
    """The day of the user's workshop, of all workshops for an admin. `search`: part of plate, name or number."""
    bookings = day_of(user, day)
    found = [booking for booking in bookings if _matches(booking, search)]
    here = here_from_other_days(user, today) if day == today else []
    others = [booking for booking in here if _matches(booking, search)]
    to_fetch = sum(1 for booking in bookings if is_fetched(booking))
    return WorkshopDay(
        day=day,
        windows=_by_window(found),
        others=others,
        found=len(found) + len(others),
        total=len(bookings),
        to_fetch=to_fetch,
        brought=len(bookings) - to_fetch,
        expected=sum(1 for booking in bookings if booking.status in NOT_ARRIVED),
    )


def here_from_other_days(user: User, today: date) -> Sequence[Booking]:
    """Cars booked for other days that the user's workshop has now or that are on the road, by that day.

    And those of bookings that ended while their cars were here, whatever their day.
    """
    start, end = local_to_utc(today, 0, ZONE), local_to_utc(today + timedelta(days=1), 0, ZONE)
    booked_elsewhen = or_(Booking.pickup_time < start, Booking.pickup_time >= end)
    here = or_(and_(Booking.status.in_(WITH_US), booked_elsewhen), left_here(start))
    statement = visible_to(user).where(here)
    return db.session.scalars(statement.options(*SHOWN).order_by(Booking.pickup_time, Booking.number)).all()


def _plain(text: str) -> str:
    return "".join(text.split()).replace("-", "").lower()


def _matches(booking: Booking, search: str) -> bool:
    """Blanks and hyphens do not count: "wit xy207" finds WIT XY 207."""
    wanted = _plain(search)
    return any(wanted in _plain(text) for text in (plate_of(booking), booking.customer_name, booking.number))


def _by_window(bookings: Sequence[Booking]) -> list[Window]:
    windows: dict[tuple[datetime, datetime], Window] = {}
    for booking in bookings:
        span = (booking.slot.start_time, booking.slot.end_time)
        windows.setdefault(span, Window(*span)).bookings.append(booking)
    return list(windows.values())
