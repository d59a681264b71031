"""Where else a booking could go: the windows nearest to its own that can be promised if it gives its own back."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select

from b2c_web.bookings.availability import order_of
from b2c_web.bookings.claim import question_of
from b2c_web.bookings.counters import held_by
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import drop_off_ready_at, instant
from b2c_web.bookings.plan_rows import Rows
from b2c_web.catalog.models import Service
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.rules import Judge, Offer, Order

OFFERED = 3
DAYS_AROUND = 21
ANSWER_HOURS = 24  # whoever answers within a day can still cancel the new date without a fee
NOTICE = timedelta(hours=3)  # nobody answers a mail about a window that begins in minutes


@dataclass(frozen=True, slots=True)
class Alternative:
    """A pickup (or arrival) window and, with concierge, the return window that goes with it.

    Without concierge `back_start` is None and `back_end` says when the car will be ready.
    """

    slot_id: uuid.UUID
    start: datetime
    end: datetime
    return_slot_id: uuid.UUID | None
    back_start: datetime | None
    back_end: datetime

    @property
    def pair(self) -> tuple[uuid.UUID, uuid.UUID | None]:
        return self.slot_id, self.return_slot_id

    def costs_the_way_out(self, booking: Booking) -> bool:
        """Rule: could the date that stands be cancelled without a fee now, and this one not even when just taken?"""
        notice, now = timedelta(hours=current_app.config["FREE_CANCEL_HOURS"]), now_utc()
        return self.start - notice <= now < booking.pickup_time - notice

    def facts(self) -> dict[str, Any]:
        """As JSON, for the row and for the message."""
        back_start = self.back_start.isoformat() if self.back_start else None
        return {
            "slot_id": str(self.slot_id),
            "return_slot_id": str(self.return_slot_id) if self.return_slot_id else None,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "back_start": back_start,
            "back_end": self.back_end.isoformat(),
        }


def alternatives_for(booking: Booking, **how: Any) -> list[Alternative]:
    """The nearest windows that could be promised to `booking` instead of its own. See `alternatives_of`."""
    return alternatives_of([booking], **how)[booking.id]


def alternatives_of(
    bookings: Sequence[Booking],
    *,
    same_day: bool = False,
    first_choice: tuple[uuid.UUID, ...] = (),
    count: int = OFFERED,
) -> dict[uuid.UUID, list[Alternative]]:
    """For each of the bookings, all of one workshop and day: the nearest windows that could be promised to it instead
    of its own, in order of time, as if the others stayed.

    Judged as for staff (no lead time) on rows to which the booking has given back what it holds. `first_choice`:
    windows that are kept as long as they are free. `same_day`: another window of its own day will do. The claim
    decides again. Four statements, however many bookings.
    """
    if not bookings:
        return {}
    rows = _rows_around(bookings[0])
    held = {one.booking_id: one for one in held_by([booking.id for booking in bookings])}
    minutes = {row[0]: row[1] for row in db.session.execute(select(Service.type, Service.estimated_duration))}
    found = {}
    for booking in bookings:
        order = order_of(question_of(booking), minutes[booking.service], for_staff=True)
        without = rows.without(booking, held[booking.id])
        nearest = _nearest(without, order, booking, same_day, first_choice)[:count]
        in_time = sorted(nearest, key=lambda offer: offer.window.start)
        found[booking.id] = [_alternative(offer, without, order) for offer in in_time]
    return found


def _nearest(
    rows: Rows, order: Order, booking: Booking, same_day: bool, first_choice: tuple[uuid.UUID, ...]
) -> list[Offer]:
    """The windows that are free, the best first; the last resort: earlier, and too near to be cancelled free."""
    judge = Judge(rows.windows, rows.plans, order)
    around, not_before = int(booking.pickup_time.timestamp()), int((now_utc() + NOTICE).timestamp())
    own_day = booking.slot.service_date
    free = [
        offer
        for index, window in enumerate(judge.windows)
        if window.slot_id != booking.slot_id and window.start >= not_before and (same_day or window.day != own_day)
        if (offer := judge.offer(index)).block is None
    ]
    soon = int((now_utc() + timedelta(hours=current_app.config["FREE_CANCEL_HOURS"] + ANSWER_HOURS)).timestamp())

    def rank(offer: Offer) -> tuple[bool, bool, int]:
        start = offer.window.start
        return offer.window.slot_id not in first_choice, start < min(soon, around), abs(start - around)

    return sorted(free, key=rank)


def _rows_around(booking: Booking) -> Rows:
    """The rows of the weeks around the booking. Two statements."""
    today, own_day = today_in(ZONE), booking.slot.service_date
    first = max(today, own_day - timedelta(days=DAYS_AROUND))
    horizon = today + timedelta(days=current_app.config["HORIZON_DAYS"])
    return Rows.read(booking.workshop_id, first, max(first, min(own_day + timedelta(days=DAYS_AROUND), horizon)))


def _alternative(offer: Offer, rows: Rows, order: Order) -> Alternative:
    window = offer.window
    if offer.returns:
        back = offer.returns[0].window
        return Alternative(
            window.slot_id,
            instant(window.start),
            instant(window.end),
            back.slot_id,
            instant(back.start),
            instant(back.end),
        )
    ready = instant(drop_off_ready_at(rows.windows, window, order))
    return Alternative(window.slot_id, instant(window.start), instant(window.end), None, None, ready)
