"""The dispatcher's list of a day: every trip by window, what needs somebody first. Reads only."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, union_all
from sqlalchemy.orm import contains_eager, joinedload

from b2c_web import live
from b2c_web.accounts.models import User
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus, RonjaReservation, Trip
from b2c_web.bookings.queries import visible_to
from b2c_web.clock import local_to_utc, now_utc
from b2c_web.config import ZONE
from b2c_web.dispatch import car_back, photos
from b2c_web.dispatch.lateness import Arrival, Need, Risk, Times, arrival_of, is_overdue, need_of
from b2c_web.dispatch.loads import Load, jockey_states, loads_of
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.replanning import is_due
from b2c_web.dispatch.rules import ENDED, OPEN
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import RonjaVehicle
from b2c_web.workshops.servicing import due_for_service

PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
B = BookingStatus
GONE = and_(Booking.status == B.CANCELLED, Booking.places_released_at.is_not(None))
ON_THE_WAY_IN, WITH_US = (B.CONFIRMED, B.IN_TRANSIT_TO_WORKSHOP), (B.IN_WORKSHOP, B.READY_FOR_RETURN)
# The booking's states in which a trip is still to be driven. A return counts from when its car has left home: until
# then there is nothing to bring back, and the pickup says what is wrong.
TO_DRIVE = {PICKUP: ON_THE_WAY_IN, RETURN: (B.IN_TRANSIT_TO_WORKSHOP, *WITH_US, B.IN_TRANSIT_TO_CUSTOMER)}
OVERDUE = or_(*(and_(Trip.type == kind, Booking.status.in_(states)) for kind, states in TO_DRIVE.items()))
LEFT_HERE = and_(Trip.type == RETURN, Booking.status == B.CANCELLED, Booking.places_released_at.is_(None))
# driven before its day, and the car came back: somebody has to arrange another window now
FAILED_EARLY = and_(Trip.type == RETURN, Booking.return_failed_at.is_not(None))
LOOKED_BACK = timedelta(days=60)  # for cars that were left here; what is open is found however old it is


@dataclass(frozen=True, slots=True)
class Row:
    """One trip. `assignment`: its newest one, also when it ended; None when it never had one.

    `is_overdue` also of a trip whose need is another one: nobody may drive it yet, and the window is over.
    `unreadable`: what of its handover the worker had to refuse afterwards, as in `photos.named`. `car_out`: the
    return that failed and whose jockey has the car still.
    """

    trip: Trip
    booking: Booking
    assignment: JockeyAssignment | None
    need: Need | None
    arrival: Arrival | None
    is_overdue: bool
    unreadable: list[str]
    car_out: JockeyAssignment | None = None

    @property
    def is_open(self) -> bool:
        """Has somebody the trip now?"""
        return self.assignment is not None and self.assignment.status not in ENDED

    @property
    def is_late(self) -> bool:
        return self.arrival is not None and self.arrival.risk is not Risk.ON_TIME and self.is_open


@dataclass(frozen=True, slots=True)
class Window:
    start: datetime
    end: datetime
    rows: list[Row]


@dataclass(frozen=True, slots=True)
class DayList:
    """`first`: what needs somebody, whatever its window; `windows`: all the rest; `due`: Ronjas not planned now.

    `next_day`: of a day without trips, the next one that has some.
    """

    day: date
    first: list[Row]
    windows: list[Window]
    loads: list[Load]
    total: int
    late: int
    due: Sequence[RonjaVehicle]
    next_day: date | None


def day_list(user: User, day: date, today: date) -> DayList:
    """The trips of the user's workshop (an admin: of all) on a local day; today's also holds what is overdue."""
    rows = _rows(_trips(user, day, today))
    first = [row for row in rows if row.need is not None]
    rest = [row for row in rows if row.need is None]
    late = sum(1 for row in rows if row.is_late or row.is_overdue)
    loads, due = loads_of(user.workshop_id, day), due_for_service(user.workshop_id)
    following = None if rows else next_day(user, day)
    return DayList(day, first, _by_window(rest), loads, len(rows), late, due, following)


def next_day(user: User, day: date) -> date | None:
    """The first local day after this one with a trip that the user plans."""
    later = Trip.window_start >= local_to_utc(day + timedelta(days=1), 0, ZONE)
    start = db.session.scalar(_planned(select(func.min(Trip.window_start)), user).where(later))
    return start.astimezone(ZONE).date() if start else None


def version_of(user: User, day: date, today: date) -> str:
    """Changes with anything that the list shows; lateness counts by the minute."""
    of_trips: Any = select(Trip.id, Booking.id, Booking.status, Booking.updated_at)
    trips = db.session.execute(_that_day(of_trips, user, day, today)).all()
    booking_ids = {row[1] for row in trips}
    open_ones = select(JockeyAssignment.id, JockeyAssignment.status, JockeyAssignment.updated_at)
    given = db.session.execute(open_ones.where(JockeyAssignment.booking_id.in_(booking_ids))).all()
    ronjas = select(RonjaReservation.booking_id, RonjaReservation.ronja_id)
    reserved = db.session.execute(ronjas.where(RonjaReservation.booking_id.in_(booking_ids))).all()
    states = jockey_states(user.workshop_id)
    minute = now_utc().replace(second=0, microsecond=0) if day == today else None
    due = [(one.id, one.mileage, one.next_service_mileage) for one in due_for_service(user.workshop_id)]
    refused = photos.refused_of(booking_ids)
    facts = (sorted(map(str, rows)) for rows in (trips, given, reserved, states, due, refused))
    return live.version_of(*facts, day, minute, None if trips else next_day(user, day))


def row_of(user: User, trip_id: uuid.UUID) -> Row:
    """One trip that this person plans. Raises NotFound, also for one that the booking no longer has."""
    statement = _shown(_planned(select(Trip), user)).where(Trip.id == trip_id)
    rows = _rows(db.session.scalars(statement.execution_options(populate_existing=True)).all())
    if not rows:
        raise NotFound
    return rows[0]


def version_of_row(row: Row) -> str:
    """Changes with what somebody who decides about a trip has to know."""
    given, booking = row.assignment, row.booking
    facts = (given.id, given.status, given.scheduled_time, given.conflict) if given else ()
    reserved = booking.reservation.ronja_id if booking.reservation else None
    out = row.car_out.id if row.car_out else None
    return live.version_of(facts, booking.status, booking.new_date_until, row.trip.window_start, reserved, out)


def was_planned(user: User, trip_id: uuid.UUID) -> bool:
    """Did this person's workshop ever have this trip, whatever became of its booking?"""
    mine = visible_to(user).with_only_columns(Booking.id)
    return db.session.scalar(select(Trip.id).where(Trip.id == trip_id, Trip.booking_id.in_(mine))) is not None


def _planned(statement: Select[Any], user: User) -> Select[Any]:
    """Trips that bookings still have, of the bookings that the user may see."""
    mine = visible_to(user).with_only_columns(Booking.id)
    live_ones = statement.join(Booking, Booking.id == Trip.booking_id).where(Trip.released_at.is_(None), ~GONE)
    return live_ones.where(Booking.status != B.PENDING, Booking.id.in_(mine))


def _that_day(statement: Select[Any], user: User, day: date, today: date) -> Select[Any]:
    """Found by a union of ids: one OR over trips and bookings would read every trip that the workshop ever drove."""
    start, end = local_to_utc(day, 0, ZONE), local_to_utc(day + timedelta(days=1), 0, ZONE)
    mine = visible_to(user).join(Trip, Trip.booking_id == Booking.id).with_only_columns(Trip.id)
    found = [mine.where(Trip.window_start >= start, Trip.window_start < end)]
    if day == today:
        earlier = mine.where(Trip.window_start < start)
        found += [earlier.where(OVERDUE), earlier.where(LEFT_HERE, Booking.pickup_time > start - LOOKED_BACK)]
        found.append(mine.where(Trip.window_start >= end, FAILED_EARLY))
    return _planned(statement, user).where(Trip.id.in_(union_all(*found)))


def _shown(statement: Select[Any]) -> Select[Any]:
    of_booking = contains_eager(Trip.booking)
    return statement.options(
        of_booking,
        of_booking.joinedload(Booking.vehicle),
        of_booking.joinedload(Booking.workshop),
        of_booking.joinedload(Booking.reservation).joinedload(RonjaReservation.ronja),
    )


def _trips(user: User, day: date, today: date) -> Sequence[Trip]:
    statement = _shown(_that_day(select(Trip), user, day, today)).order_by(Trip.window_start, Booking.number, Trip.type)
    return db.session.scalars(statement).all()


def _rows(trips: Sequence[Trip]) -> list[Row]:
    newest = _newest_assignments([trip.booking_id for trip in trips])
    unreadable, now = photos.unreadable(list(newest.values())), now_utc()
    out = car_back.of_bookings({trip.booking_id for trip in trips if trip.type is RETURN})
    given = ((trip, newest.get((trip.booking_id, trip.type))) for trip in trips)
    rows = [_row(trip, one, now, unreadable.get(one.id, []) if one else []) for trip, one in given]
    return [replace(row, car_out=out.get(row.booking.id)) if row.trip.type is RETURN else row for row in rows]


def _row(trip: Trip, assignment: JockeyAssignment | None, now: datetime, unreadable: list[str]) -> Row:
    booking = trip.booking
    need = need_of(
        trip.type,
        booking.status,
        is_due=is_due(booking, trip.type),
        waits_for_new_date=booking.new_date_until is not None,
        status=assignment.status if assignment else None,
        reason=assignment.cancel_reason if assignment else None,
        conflict=assignment.conflict if assignment else None,
    )
    overdue = _is_overdue(trip, assignment, now)
    need = need or (Need.OVERDUE if overdue else Need.UNREADABLE if unreadable else None)
    return Row(trip, booking, assignment, need, arrival(trip, assignment, now), overdue, unreadable)


def _is_overdue(trip: Trip, assignment: JockeyAssignment | None, now: datetime) -> bool:
    """Never of a trip that is over, nor of one whose customer was asked for another date or window."""
    booking, kind = trip.booking, trip.type
    asked_anew = booking.new_date_until is not None or booking.return_failed_at is not None
    if asked_anew or not (booking.status in TO_DRIVE[kind] or is_due(booking, kind)):
        return False
    status = assignment.status if assignment else None
    on_the_road = kind is PICKUP and booking.status is B.IN_TRANSIT_TO_WORKSHOP
    window = trip.window_end - trip.window_start
    return is_overdue(_times(trip, assignment), status, window, now, is_on_the_road=on_the_road)


def _times(trip: Trip, assignment: JockeyAssignment | None) -> Times:
    """A trip that nobody has yet is planned for the end of its window."""
    travel = timedelta(minutes=trip.travel_minutes)
    if assignment is None:
        return Times(trip.window_end, travel, trip.window_end, None)
    given = assignment.scheduled_time, assignment.arrived_at, assignment.departed_at, assignment.expected_at
    return Times(trip.window_end, travel, *given)


def arrival(trip: Trip, assignment: JockeyAssignment | None, now: datetime) -> Arrival | None:
    """When the trip was or will be at the door; None when nobody has it."""
    if assignment is None or assignment.status is AssignmentStatus.CANCELLED:
        return None
    return arrival_of(_times(trip, assignment), assignment.status, now)


def _newest_assignments(
    booking_ids: Iterable[uuid.UUID],
) -> dict[tuple[uuid.UUID, AssignmentType], JockeyAssignment]:
    """The open assignment of each trip, else the one that was made last."""
    statement = select(JockeyAssignment).where(JockeyAssignment.booking_id.in_(booking_ids))
    ordered = statement.order_by(JockeyAssignment.status.in_(OPEN), JockeyAssignment.created_at, JockeyAssignment.id)
    rows = db.session.scalars(
        ordered.options(joinedload(JockeyAssignment.jockey), joinedload(JockeyAssignment.ronja)).execution_options(
            populate_existing=True
        )
    )
    return {(row.booking_id, row.type): row for row in rows}


def _by_window(rows: Sequence[Row]) -> list[Window]:
    found: dict[tuple[datetime, datetime], list[Row]] = defaultdict(list)
    for row in rows:
        found[row.trip.window_start, row.trip.window_end].append(row)
    return [Window(start, end, sorted(one, key=_in_order)) for (start, end), one in sorted(found.items())]


def _in_order(row: Row) -> tuple[bool, datetime, str]:
    """What nobody drives comes first, then by the time that stands there."""
    given = row.assignment if row.arrival else None
    time = given.at_door if given else row.trip.window_start
    return given is not None, time, row.booking.number
