"""The workshop's board of a day: which cars are expected, in work, waiting for their customers, ready. Reads only."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Select, and_, extract, func, or_, select
from sqlalchemy.orm import joinedload, selectinload

from b2c_web import live
from b2c_web.accounts.models import User
from b2c_web.audit import AuditEntry
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus, RonjaReservation
from b2c_web.bookings.queries import left_here, visible_to
from b2c_web.bookings.rules import WITH_US
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.dashboard.more_work import MoreWork, more_work_of
from b2c_web.dashboard.rules import Punctuality, is_parked, punctuality
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.extensions.models import Extension, ExtensionMessage, ExtensionWish
from b2c_web.extensions.rules import work_refusal
from b2c_web.extensions.wishes import undecided
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState
from b2c_web.notifications.models import Notification
from b2c_web.vehicles.models import Vehicle

S = BookingStatus
ENDED = (AssignmentStatus.COMPLETED, AssignmentStatus.CANCELLED)
FAILED = (CancelReason.NO_SHOW, CancelReason.BREAKDOWN)
NEVER_HERE = (S.PENDING, S.CANCELLED)
OVER = (S.PENDING, S.CANCELLED, S.COMPLETED)


class Column(StrEnum):
    EXPECTED = "expected"
    AT_WORK = "at-work"
    WAITING = "waiting"
    READY = "ready"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Card:
    """One car. `due`: when it is expected or came, has to be ready, or goes back; `until` ends a window of that."""

    booking: Booking
    column: Column
    due: datetime
    until: datetime | None
    punctuality: Punctuality | None
    more_work: MoreWork | None
    assignment: JockeyAssignment | None
    failed: JockeyAssignment | None  # the return that ended without a handover, until the next one is arranged
    is_parked: bool  # the jockey brought it, and nobody has checked it in
    wishes: int  # that wait for the workshop
    objected: str  # to which extra work, that may have begun; until the work on the car is completed

    @property
    def fetched(self) -> bool:
        """Does a jockey drive it, or does the customer?"""
        return is_fetched(self.booking)


@dataclass(frozen=True, slots=True)
class Board:
    day: date
    version: str
    columns: dict[Column, list[Card]]

    @property
    def total(self) -> int:
        return sum(len(cards) for cards in self.columns.values())


def is_fetched(booking: Booking) -> bool:
    """Does a jockey fetch the car, or did or will the customer bring it?"""
    return booking.include_concierge and booking.concierge_dropped_at is None


def board(user: User, day: date, today: date, now: datetime) -> Board:
    """The cars of a day; today also those of earlier days that are still expected, and all that are with us, booked
    for whichever day. Six statements, one more when somebody wishes something.
    """
    version = board_version(user, day, today, now)
    bookings = db.session.scalars(
        visible_to(user)
        .where(_belongs(day, today))
        .options(
            joinedload(Booking.slot),
            joinedload(Booking.return_slot),
            joinedload(Booking.vehicle),
            joinedload(Booking.workshop),
            joinedload(Booking.reservation).joinedload(RonjaReservation.ronja),
            selectinload(Booking.trips),
        )
        .order_by(Booking.pickup_time, Booking.number)
    ).all()
    columns: dict[Column, list[Card]] = {column: [] for column in Column}
    for card in _cards(bookings, now):
        columns[card.column].append(card)
    for cards in columns.values():
        cards.sort(key=lambda card: (card.due, card.booking.number))
    return Board(day, version, columns)


def _belongs(day: date, today: date) -> ColumnElement[bool]:
    start, end = local_to_utc(day, 0, ZONE), local_to_utc(day + timedelta(days=1), 0, ZONE)
    arrives = and_(Booking.pickup_time >= start, Booking.pickup_time < end, Booking.status.notin_(NEVER_HERE))
    if day != today:
        return arrives
    earlier = and_(Booking.pickup_time < start, Booking.status.notin_(OVER))
    early = and_(Booking.pickup_time >= end, Booking.status.in_(WITH_US))
    return or_(arrives, earlier, early, left_here(start))


def board_version(user: User, day: date, today: date, now: datetime) -> str:
    """A name for all that a board shows, by one statement; lateness makes a new one every minute."""
    rows = db.session.execute(_stamps(visible_to(user).where(_belongs(day, today))))
    return live.version_of(day, now.replace(second=0, microsecond=0), sorted(map(str, rows)))


def car_version(booking_id: uuid.UUID) -> str:
    """A name for all that a car's page shows, by one statement."""
    done = select(func.count()).select_from(AuditEntry).where(AuditEntry.entity_type == "booking")
    more = (
        _changes(Notification),
        done.where(AuditEntry.entity_id == Booking.id).correlate(Booking).scalar_subquery(),
    )
    rows = db.session.execute(_stamps(select(Booking).where(Booking.id == booking_id)).add_columns(*more))
    return live.version_of(*map(str, rows))


def _stamps(bookings: Select[Any]) -> Select[Any]:
    """When each booking and what is its own was changed, how much was said of its extensions, what is no photo."""
    of_booking = MediaFile.purpose == MediaPurpose.BOOKING, MediaFile.purpose_id == Booking.id
    refused = select(func.count()).where(*of_booking, MediaFile.state == MediaState.REFUSED)
    said = select(func.count()).select_from(ExtensionMessage).join(Extension)
    return bookings.outerjoin(Vehicle, Vehicle.id == Booking.vehicle_id).with_only_columns(
        Booking.id,
        Booking.status,
        Booking.updated_at,
        Booking.work_started_at,
        Vehicle.updated_at,
        _changes(Extension),
        _changes(ExtensionWish),
        _changes(JockeyAssignment),
        said.where(Extension.booking_id == Booking.id).correlate(Booking).scalar_subquery(),
        refused.correlate(Booking).scalar_subquery(),
    )


def _changes(kind: Any) -> Any:
    """Changes with every row that comes or is changed, whichever transaction commits first."""
    changed = func.sum(extract("epoch", kind.updated_at))
    return select(changed).where(kind.booking_id == Booking.id).correlate(Booking).scalar_subquery()


def _cards(bookings: Sequence[Booking], now: datetime) -> Iterable[Card]:
    ids = [booking.id for booking in bookings]
    more, tours, wishes = more_work_of(ids), _tours(ids), undecided(ids)
    for booking in bookings:
        yield _card(booking, more.get(booking.id), tours.get(booking.id, ()), wishes.get(booking.id, 0), now)


def _card(
    booking: Booking, more: MoreWork | None, tours: Sequence[JockeyAssignment], wishes: int, now: datetime
) -> Card:
    tour = next((one for one in reversed(tours) if one.status not in ENDED), None)
    failed = next((one for one in reversed(tours) if one.cancel_reason in FAILED), None)
    column = _column(booking, more)
    due, until = _due(booking, column, tour)
    parked = is_parked(booking.status, tours)
    if parked and tour is None:  # its jockey has handed in the keys: from then on it stands here
        due = next(one.completed_at for one in reversed(tours) if one.completed_at)
    counts = column is not Column.DONE and not parked and not _waits_for_customer(booking, column)
    return Card(
        booking=booking,
        column=column,
        due=due,
        until=until,
        punctuality=punctuality(until or due, now) if counts else None,
        more_work=more,
        assignment=tour,
        failed=failed if booking.return_failed_at else None,
        is_parked=parked,
        wishes=wishes if booking.service_completed_at is None else 0,
        objected=more.objected if more is not None and work_refusal(booking) is None else "",
    )


def _column(booking: Booking, more: MoreWork | None) -> Column:
    if booking.status in (S.CONFIRMED, S.IN_TRANSIT_TO_WORKSHOP):
        return Column.EXPECTED
    if booking.status is S.IN_WORKSHOP:
        waits = more is not None and more.state in ("pending", "unpaid") and not booking.withdrawal_open
        return Column.WAITING if waits else Column.AT_WORK
    return Column.DONE if booking.status is S.COMPLETED else Column.READY


def _waits_for_customer(booking: Booking, column: Column) -> bool:
    """A ready car that its owner fetches is not late, whenever that is."""
    return column is Column.READY and not is_fetched(booking)


def _due(booking: Booking, column: Column, tour: JockeyAssignment | None) -> tuple[datetime, datetime | None]:
    fetched = is_fetched(booking)
    if column is Column.EXPECTED:
        return (_arrival(booking, tour), None) if fetched else (booking.slot.start_time, booking.slot.end_time)
    back = booking.return_slot
    if not fetched or back is None:
        return booking.estimated_return_time, None
    if column in (Column.AT_WORK, Column.WAITING):
        return back.start_time - _travel(booking, AssignmentType.RETURN), None
    return back.start_time, back.end_time


def _arrival(booking: Booking, tour: JockeyAssignment | None) -> datetime:
    """When a car that a jockey fetches should be here."""
    travel = _travel(booking, AssignmentType.PICKUP)
    if tour is None:
        return booking.slot.end_time + travel
    if tour.departed_at is not None:
        return tour.departed_at + travel
    at_the_door = timedelta(minutes=current_app.config["PICKUP_HANDOVER_MINUTES"] / 2)
    return tour.at_door + at_the_door + travel


def _travel(booking: Booking, kind: AssignmentType) -> timedelta:
    minutes = [trip.travel_minutes for trip in booking.trips if trip.type is kind and trip.released_at is None]
    return timedelta(minutes=max(minutes, default=0))


def _tours(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[JockeyAssignment]]:
    """The open assignments of each booking, its returns that failed and its pickup that is over, in order of time."""
    pickup = and_(JockeyAssignment.type == AssignmentType.PICKUP, JockeyAssignment.status == AssignmentStatus.COMPLETED)
    failed = and_(JockeyAssignment.type == AssignmentType.RETURN, JockeyAssignment.cancel_reason.in_(FAILED))
    statement = (
        select(JockeyAssignment)
        .where(JockeyAssignment.booking_id.in_(ids), or_(JockeyAssignment.status.notin_(ENDED), failed, pickup))
        .options(joinedload(JockeyAssignment.jockey))
        .order_by(JockeyAssignment.scheduled_time)
    )
    tours: dict[uuid.UUID, list[JockeyAssignment]] = defaultdict(list)
    for tour in db.session.scalars(statement):
        tours[tour.booking_id].append(tour)
    return tours
