"""Where else a booking could go: the windows nearest to its own that can be promised if it gives its own back."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app

from b2c_web.bookings.availability import order_of
from b2c_web.bookings.claim import question_of, service_minutes
from b2c_web.bookings.counters import held_by
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import drop_off_ready_at, instant
from b2c_web.capacity.plan_rows import Rows
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.workshops.rules import Judge, Offer, Order

OFFERED = 3
DAYS_AROUND = 21
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


def alternatives_for(
    booking: Booking,
    *,
    same_day: bool = False,
    first_choice: tuple[uuid.UUID, ...] = (),
    count: int = OFFERED,
) -> list[Alternative]:
    """The nearest windows that could be promised to `booking` instead of its own, in order of time.

    Judged as for staff (no lead time) on rows to which the booking has given back what it holds. `first_choice`:
    windows that are kept as long as they are free. `same_day`: another window of its own day will do. The claim
    decides again. Four statements.
    """
    order = order_of(question_of(booking), service_minutes(booking), for_staff=True)
    rows = _rows_without(booking)
    judge = Judge(rows.windows, rows.plans, order)
    around, not_before = int(booking.pickup_time.timestamp()), int((now_utc() + NOTICE).timestamp())
    own_day = booking.slot.service_date
    free = [
        offer
        for index, window in enumerate(judge.windows)
        if window.slot_id != booking.slot_id and window.start >= not_before and (same_day or window.day != own_day)
        if (offer := judge.offer(index)).block is None
    ]
    nearest = sorted(free, key=lambda o: (o.window.slot_id not in first_choice, abs(o.window.start - around)))[:count]
    return [_alternative(offer, rows, order) for offer in sorted(nearest, key=lambda offer: offer.window.start)]


def _rows_without(booking: Booking) -> Rows:
    """The rows around the booking, as if it had given back its places, minutes and Ronja."""
    today, own_day = today_in(ZONE), booking.slot.service_date
    first = max(today, own_day - timedelta(days=DAYS_AROUND))
    horizon = today + timedelta(days=current_app.config["HORIZON_DAYS"])
    rows = Rows.read(booking.workshop_id, first, max(first, min(own_day + timedelta(days=DAYS_AROUND), horizon)))
    for held in held_by([booking.id]):
        rows.give_back(held)
    if booking.reservation is not None:
        during = booking.reservation.during
        if during.lower is not None and during.upper is not None:
            span = (int(during.lower.timestamp()), int(during.upper.timestamp()))
            rows.free_ronja(booking.reservation.ronja_id, span)
    return rows


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
