"""A jockey's day, for the jockey's phone. Reads only."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import joinedload

from b2c_web import live
from b2c_web.accounts.models import User
from b2c_web.bookings.models import AssignmentType, Booking
from b2c_web.bookings.naming import model_of
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.dispatch.drivers import is_on_the_road
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.rules import ENDED, OPEN, RUNNING
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.generation import local_day
from b2c_web.workshops.models import Jockey, JockeyShift

WAY_BACK = timedelta(hours=12)  # by then the Ronja is back, or somebody has called
SHOWN = (
    joinedload(JockeyAssignment.booking).joinedload(Booking.vehicle),
    joinedload(JockeyAssignment.booking).joinedload(Booking.workshop),
    joinedload(JockeyAssignment.booking).joinedload(Booking.user),
    joinedload(JockeyAssignment.trip),
    joinedload(JockeyAssignment.ronja),
    joinedload(JockeyAssignment.jockey),
)


@dataclass(frozen=True, slots=True)
class Stop:
    """What comes at one time of the day: a tour, or a break until `until`."""

    at: datetime
    tour: JockeyAssignment | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """`now` is the tour that is running, else the next one of today; `later` holds the breaks too.

    `following`: the next day with a tour, when today has none left.
    """

    day: date
    now: JockeyAssignment | None
    later: list[Stop]
    done: list[JockeyAssignment]
    following: "Day | None" = None

    @property
    def left(self) -> int:
        """How many tours are still to drive."""
        return sum(1 for stop in self.later if stop.tour) + (1 if self.now else 0)


def jockey_of(user: User) -> Jockey | None:
    """The jockey that a user is."""
    return db.session.scalars(select(Jockey).where(Jockey.user_id == user.id)).one_or_none()


def own_tour(user: User, assignment_id: uuid.UUID) -> JockeyAssignment:
    """One tour of this jockey, also when it ended or was given to somebody else. Raises NotFound."""
    statement = select(JockeyAssignment).join(Jockey, Jockey.id == JockeyAssignment.jockey_id)
    statement = statement.where(JockeyAssignment.id == assignment_id, Jockey.user_id == user.id).options(*SHOWN)
    tour = db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if tour is None:
        raise NotFound
    return tour


def day_of(jockey: Jockey, day: date, today: date, now: datetime) -> Day:
    """The jockey's local day; when nothing is left, the next day.

    Today also holds what is open from earlier days, and what runs already, whatever day it was planned for. Of two that
    run, the one on which the jockey took the last step comes first.
    """
    tours = _tours(jockey, day, is_today=day == today)
    to_do = [tour for tour in tours if tour.status in OPEN]
    running = [tour for tour in to_do if tour.status in RUNNING]
    upcoming = max(running, key=lambda tour: tour.updated_at) if running else next(iter(to_do), None)
    first = upcoming if day == today else None
    later = [Stop(tour.scheduled_time, tour) for tour in to_do if tour is not first]
    breaks = [one for one in _breaks(jockey, day) if day != today or (one.until or now) > now]
    done = [tour for tour in tours if tour.status in ENDED]
    made = Day(day, first, sorted([*later, *breaks], key=lambda stop: stop.at), done)
    following = _day_after(jockey, day) if day == today and not made.left else None
    return replace(made, following=day_of(jockey, following, today, now)) if following else made


def version_of_day(jockey: Jockey, day: date, today: date, now: datetime) -> str:
    """Changes with anything that the day shows; empty for a day that is over: nothing more will happen on it.

    Lateness counts by the minute, as long as there is something to drive today.
    """
    if day < today:
        return ""
    shown = _of_day(jockey, day, is_today=day == today).join(JockeyAssignment.booking)
    states = JockeyAssignment.status, JockeyAssignment.updated_at, Booking.updated_at
    facts = db.session.execute(shown.with_only_columns(JockeyAssignment.id, *states)).all()
    breaks = [one.at for one in _breaks(jockey, day) if one.until and one.until > now]
    is_over = all(row.status in ENDED for row in facts)
    following = _day_after(jockey, day) if day == today and is_over else None
    after = version_of_day(jockey, following, today, now) if following else ""
    minute = now.replace(second=0, microsecond=0) if day == today and not is_over else None
    has_brought = day == today and any(row.status is AssignmentStatus.COMPLETED for row in facts)
    home = [str(one.id) for one in going_home(jockey, now)] if has_brought else []
    return live.version_of(day, sorted(map(str, facts)), breaks, after, minute, home)


def version_of_tour(tour: JockeyAssignment) -> str:
    """Changes with what somebody who drives the tour has to know; empty once it has ended."""
    if tour.status in ENDED:
        return ""
    return live.version_of(tour.id, tour.status, tour.scheduled_time, tour.vehicle_id, tour.booking.updated_at)


def begun_before(tour: JockeyAssignment) -> JockeyAssignment | None:
    """Another tour that this one's jockey still drives and began earlier: nobody sits in two cars."""
    others = select(JockeyAssignment).where(
        JockeyAssignment.jockey_id == tour.jockey_id,
        JockeyAssignment.status.in_(RUNNING),
        JockeyAssignment.id != tour.id,
    )
    if tour.started_at is not None:
        others = others.where(JockeyAssignment.started_at < tour.started_at)
    return db.session.scalars(others.order_by(JockeyAssignment.started_at).options(*SHOWN).limit(1)).first()


def called_back(jockey: Jockey, now: datetime) -> Sequence[JockeyAssignment]:
    """Pickups that ended with their booking while the jockey brought the Ronja; until the next tour is begun."""
    return _last_begun(
        jockey,
        JockeyAssignment.type == AssignmentType.PICKUP,
        JockeyAssignment.cancel_reason == CancelReason.BOOKING_CANCELLED,
        JockeyAssignment.departed_at.is_(None),
        JockeyAssignment.updated_at > now - WAY_BACK,
    )


def going_home(jockey: Jockey, now: datetime) -> list[JockeyAssignment]:
    """The return whose Ronja is on its way to the workshop; until the next tour is begun."""
    is_recent = JockeyAssignment.completed_at > now - WAY_BACK
    found = _last_begun(jockey, JockeyAssignment.type == AssignmentType.RETURN, is_recent)
    travel = [(one, timedelta(minutes=one.trip.travel_minutes)) for one in found]
    return [one for one, way in travel if one.completed_at and now < one.completed_at + way]


def _last_begun(jockey: Jockey, *criteria: ColumnElement[bool]) -> Sequence[JockeyAssignment]:
    """The tour that this jockey began last, if it meets all of these."""
    since = select(func.max(JockeyAssignment.started_at)).where(JockeyAssignment.jockey_id == jockey.id)
    mine = JockeyAssignment.jockey_id == jockey.id, JockeyAssignment.started_at == since.scalar_subquery()
    return db.session.scalars(select(JockeyAssignment).where(*mine, *criteria).options(*SHOWN)).all()


def waits_for_car(tour: JockeyAssignment) -> bool:
    """Is this a return whose car is still on its way to the workshop?"""
    is_next = tour.type is AssignmentType.RETURN and tour.status is AssignmentStatus.ASSIGNED
    return is_next and is_on_the_road(tour.booking)


def plate_of(booking: Booking) -> str:
    """The plate of the customer's car as far as it is known; empty while nobody has named it."""
    return booking.vehicle.license_plate if booking.vehicle else str(booking.car_details.get("license_plate", ""))


def car_of(booking: Booking) -> str:
    """ "Ahorn Kombi", as far as it is known."""
    return model_of(booking.vehicle, booking.car_details)


def _tours(jockey: Jockey, day: date, *, is_today: bool) -> Sequence[JockeyAssignment]:
    ordered = _of_day(jockey, day, is_today=is_today).options(*SHOWN)
    return db.session.scalars(ordered.order_by(JockeyAssignment.scheduled_time, JockeyAssignment.id)).all()


def _of_day(jockey: Jockey, day: date, *, is_today: bool) -> Select[JockeyAssignment]:
    """Without those that ended before anybody set out: what was taken away is no tour any more."""
    start, end = local_to_utc(day, 0, ZONE), local_to_utc(day + timedelta(days=1), 0, ZONE)
    that_day = (JockeyAssignment.scheduled_time >= start) & (JockeyAssignment.scheduled_time < end)
    overdue = (JockeyAssignment.scheduled_time < start) & JockeyAssignment.status.in_(OPEN)
    set_out = or_(JockeyAssignment.arrived_at.is_not(None), JockeyAssignment.moved_by == jockey.user_id)
    driven = or_(JockeyAssignment.cancel_reason.is_(None), set_out)
    statement = select(JockeyAssignment).where(JockeyAssignment.jockey_id == jockey.id, driven)
    now_too = or_(that_day, overdue, JockeyAssignment.status.in_(RUNNING))
    return statement.where(now_too if is_today else that_day)


def _day_after(jockey: Jockey, day: date) -> date | None:
    """The next day after this one on which the jockey has something to drive."""
    statement = select(func.min(JockeyAssignment.scheduled_time)).where(
        JockeyAssignment.jockey_id == jockey.id,
        JockeyAssignment.scheduled_time >= local_to_utc(day + timedelta(days=1), 0, ZONE),
        JockeyAssignment.status.in_(OPEN),
    )
    soonest = db.session.scalar(statement)
    return local_day(soonest) if soonest else None


def _breaks(jockey: Jockey, day: date) -> list[Stop]:
    start, end = local_to_utc(day, 0, ZONE), local_to_utc(day + timedelta(days=1), 0, ZONE)
    statement = select(JockeyShift.break_starts_at, JockeyShift.break_ends_at).where(
        JockeyShift.jockey_id == jockey.id, JockeyShift.break_starts_at >= start, JockeyShift.break_starts_at < end
    )
    return [Stop(begins, until=ends) for begins, ends in db.session.execute(statement) if begins]
