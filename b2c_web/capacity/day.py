"""What stands beside the month: one day with its windows, what each holds, and its bookings."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from b2c_web.bookings.availability import read_ronjas
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import LIVE
from b2c_web.capacity.alternatives import Alternative, alternatives_of
from b2c_web.capacity.month import Cell
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.editing import day_state, window_state
from b2c_web.workshops.models import TimeSlot, WorkshopCapacity
from b2c_web.workshops.rules import RonjaPlan
from b2c_web.workshops.template_store import weeks_of


@dataclass(frozen=True, slots=True)
class WindowPanel:
    """One window: cars, jockey minutes and Ronjas taken and possible, and the bookings that arrive in it."""

    slot: TimeSlot
    ronjas_out: int
    bookings: list[Booking]

    @property
    def seen(self) -> str:
        return window_state(self.slot)

    @property
    def span(self) -> tuple[datetime, datetime]:
        return self.slot.start_time, self.slot.end_time


@dataclass(frozen=True, slots=True)
class DayPanel:
    """A day for staff. `row` is None for a day that is not planned; `usual_maximum` is what it would get."""

    day: date
    row: WorkshopCapacity | None
    cell: Cell | None
    windows: list[WindowPanel]
    ronjas: int
    usual_maximum: int

    @property
    def seen(self) -> str:
        return day_state(self.row)

    @property
    def is_closed(self) -> bool:
        return self.row is None or self.row.is_closed or self.row.is_holiday

    @property
    def is_over(self) -> bool:
        return self.day < today_in(ZONE)

    @property
    def bookings(self) -> list[Booking]:
        return [booking for window in self.windows for booking in window.bookings]

    def window(self, slot_id: uuid.UUID) -> WindowPanel:
        return next(one for one in self.windows if one.slot.id == slot_id)

    @property
    def keeps_bookings(self) -> bool:
        """Is it closed for new bookings only, because some still stand on it?"""
        return self.is_closed and not self.is_over and bool(self.bookings)


@dataclass(frozen=True, slots=True)
class Promised:
    """A booking in the way of a lower maximum or of closing, and where it could go."""

    booking: Booking
    alternatives: list[Alternative]


def panel_of(workshop_id: uuid.UUID, day: date, cell: Cell | None) -> DayPanel:
    """One day of a workshop. Four statements, five for a day that is not planned."""
    this = (WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date == day)
    row = db.session.scalars(select(WorkshopCapacity).where(*this)).one_or_none()
    if row is None:
        plan = weeks_of(workshop_id).usual_plan(day)
        return DayPanel(day, None, cell, [], 0, plan.maximum if plan else 0)
    slots = _slots_of(workshop_id, day)
    plans = read_ronjas(workshop_id, slots[0].start_time, slots[-1].end_time) if slots else []
    bookings = bookings_of(workshop_id, day)
    windows = [
        WindowPanel(slot, _out(plans, slot), [one for one in bookings if one.slot_id == slot.id]) for slot in slots
    ]
    return DayPanel(day, row, cell, windows, len(plans), row.max_bookings)


def _slots_of(workshop_id: uuid.UUID, day: date) -> Sequence[TimeSlot]:
    query = select(TimeSlot).where(TimeSlot.workshop_id == workshop_id, TimeSlot.service_date == day)
    return db.session.scalars(query.order_by(TimeSlot.start_time)).all()


def _out(plans: Sequence[RonjaPlan], slot: TimeSlot) -> int:
    """How many Ronjas are reserved for some of the window."""
    start, end = slot.start_time.timestamp(), slot.end_time.timestamp()
    return sum(any(s < end and start < e for s, e in zip(one.starts, one.ends, strict=True)) for one in plans)


def bookings_of(workshop_id: uuid.UUID, day: date, slot_id: uuid.UUID | None = None) -> Sequence[Booking]:
    """The bookings that count on a day, or in one window of it: live ones, held for payment included."""
    query = (
        select(Booking)
        .join(TimeSlot, TimeSlot.id == Booking.slot_id)
        .where(TimeSlot.workshop_id == workshop_id, TimeSlot.service_date == day, Booking.status.in_(LIVE))
        .options(
            joinedload(Booking.slot),
            joinedload(Booking.vehicle),
            joinedload(Booking.workshop),
            joinedload(Booking.reservation),
        )
        .order_by(Booking.pickup_time, Booking.number)
    )
    if slot_id is not None:
        query = query.where(Booking.slot_id == slot_id)
    return db.session.scalars(query).all()


def in_the_way(workshop_id: uuid.UUID, day: date, slot_id: uuid.UUID | None = None) -> list[Promised]:
    """Each booking of a day, or of one window, with the nearest windows that it could move to: for a day other
    days, for a window others of the same day too. Five statements, however many bookings.
    """
    return with_alternatives(bookings_of(workshop_id, day, slot_id), same_day=slot_id is not None)


def with_alternatives(bookings: Sequence[Booking], *, same_day: bool = False) -> list[Promised]:
    """The same for bookings of one day that were read already. Four statements, however many bookings."""
    elsewhere = alternatives_of(bookings, same_day=same_day)
    return [Promised(booking, elsewhere[booking.id]) for booking in bookings]
