"""One booking's course for its page: what happened, what happens now, what comes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l

from b2c_web.bookings.models import Booking, BookingStatus

S = BookingStatus
ORDER = (
    S.PENDING,
    S.CONFIRMED,
    S.IN_TRANSIT_TO_WORKSHOP,
    S.IN_WORKSHOP,
    S.READY_FOR_RETURN,
    S.IN_TRANSIT_TO_CUSTOMER,
    S.COMPLETED,
)


@dataclass(frozen=True, slots=True)
class Step:
    """`state`: done, now or next. `at` when it happened, else `start` to `end` when it is promised."""

    state: str
    icon: str
    title: Any
    at: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None


def of(booking: Booking) -> list[Step]:
    """The steps in order; a drop-off has no trips, a cancelled booking ends with its cancellation."""
    if booking.status is S.CANCELLED:
        return [_booked(booking), Step("done", "x", _l("Storniert"), booking.cancelled_at)]
    steps = [_booked(booking)]
    steps += _way_in(booking)
    steps.append(_step(booking, S.IN_WORKSHOP, "wrench", _l("In der Werkstatt"), booking.workshop_checkin_at))
    steps.append(_step(booking, S.READY_FOR_RETURN, "key", _l("Fertig"), booking.service_completed_at))
    return steps + _way_back(booking)


def reminder_at(booking: Booking, now: datetime) -> datetime | None:
    """When the reminder is sent, or None when that time has passed."""
    at = booking.pickup_time - timedelta(hours=current_app.config["REMINDER_HOURS"])
    return at if at > now else None


def _booked(booking: Booking) -> Step:
    if booking.status is S.PENDING:
        return Step("now", "hourglass", _l("Zahlung offen"), booking.created_at)
    return Step(
        "done",
        "check",
        _l("Gebucht und bezahlt") if booking.paid_at else _l("Gebucht"),
        booking.paid_at or booking.created_at,
    )


def _is_concierge(booking: Booking) -> bool:
    return booking.include_concierge and booking.concierge_dropped_at is None


def _way_in(booking: Booking) -> list[Step]:
    window = (booking.slot.start_time, booking.slot.end_time)
    if _is_concierge(booking):
        return [_step(booking, S.IN_TRANSIT_TO_WORKSHOP, "swap", _l("Schlüsseltausch"), None, window=window)]
    return [_step(booking, S.IN_WORKSHOP, "in", _l("Sie bringen Ihr Auto"), booking.workshop_checkin_at, window=window)]


def _way_back(booking: Booking) -> list[Step]:
    if not _is_concierge(booking):
        return [_step(booking, S.COMPLETED, "home", _l("Sie holen Ihr Auto ab"), booking.completed_at)]
    back = booking.return_slot
    window = (back.start_time, back.end_time) if back else None
    return [
        _step(booking, S.IN_TRANSIT_TO_CUSTOMER, "navigate", _l("Unterwegs zu Ihnen"), None),
        _step(booking, S.COMPLETED, "home", _l("Ihr Auto kommt zurück"), booking.actual_return_time, window=window),
    ]


def _step(
    booking: Booking,
    status: BookingStatus,
    icon: str,
    title: Any,
    at: datetime | None,
    *,
    window: tuple[datetime, datetime] | None = None,
) -> Step:
    here, mine = ORDER.index(booking.status), ORDER.index(status)
    done = here > mine or booking.status is S.COMPLETED
    state = "done" if done else ("now" if here == mine else "next")
    start, end = window if window and state != "done" else (None, None)
    return Step(state, icon, title, at if state != "next" else None, start, end)
