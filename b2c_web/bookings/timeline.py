"""One booking's course for its page: what happened, what happens now, what comes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _

from b2c_web import formatting
from b2c_web.bookings.coming import Tour, coming, fetched_at, left_at
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.clock import now_utc

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
WEEK = timedelta(days=6)  # within it a weekday names one day only


@dataclass(frozen=True, slots=True)
class Step:
    """`state`: done, now or next. `at`: the instant it happened or its window begins; `when`: that in words."""

    state: str
    icon: str
    title: Any
    at: datetime | None = None
    when: str = ""
    text: str = ""


def of(booking: Booking, tours: Sequence[Tour]) -> list[Step]:
    """The steps in order; a drop-off has no trips, a cancelled booking ends with its cancellation."""
    if booking.status is S.CANCELLED:
        return [_booked(booking), *_been(booking, tours), *_ended(booking, tours)]
    steps = [_booked(booking)]
    if booking.no_show_at is not None:
        steps.append(_happened("done", "user", _("Niemand angetroffen"), booking.no_show_at))
    if booking.status is S.CONFIRMED and booking.new_date_until is not None:
        return [*steps, Step("now", "calendar", _("Neuen Termin wählen"))]
    steps += _fetched(booking, tours) if comes_by_jockey(booking) else [_brought(booking)]
    steps.append(_step(booking, S.IN_WORKSHOP, "wrench", _("In der Werkstatt"), booking.workshop_checkin_at))
    if booking.withdrawal_open:
        return _withdrawn(booking, steps)
    steps.append(_step(booking, S.READY_FOR_RETURN, "key", _("Fertig"), booking.service_completed_at))
    if not booking.all_goes_back:
        return steps + _way_back(booking, tours)
    said = _happened("done", "file", _("Vertrag widerrufen"), booking.withdrawn_at)
    back = _way_back(booking, tours)
    before = [one for one in back if one.state == "done" and one.at and said.at and one.at < said.at]
    return [*steps, *before, said, *(one for one in back if one not in before)]


def _withdrawn(booking: Booking, steps: Sequence[Step]) -> list[Step]:
    """What happened until then, the withdrawal, and how the car comes home."""
    before = [replace(step, state="done") for step in steps if step.state != "next"]
    now = _happened("now", "file", _("Widerruf eingegangen"), booking.withdrawn_at)
    return [*before, now, *_home_again(booking, ())]


def _been(booking: Booking, tours: Sequence[Tour]) -> list[Step]:
    """How far a cancelled booking had come: the car on its way to us, and here."""
    fetched, here = fetched_at(tours), booking.workshop_checkin_at
    steps = [_happened("done", "swap", _("Abgeholt"), fetched)] if fetched else []
    if here is None:
        return steps
    if not comes_by_jockey(booking):
        steps = [Step("done", "in", _("Zu uns gebracht"))]
    return [*steps, _happened("done", "wrench", _("In der Werkstatt"), here)]


def _ended(booking: Booking, tours: Sequence[Tour]) -> list[Step]:
    """The end, when the customer said so or we did, and how a car that is still with us comes home."""
    said = _happened("done", "x", _("Vertrag widerrufen"), booking.withdrawn_at)
    ends = [] if booking.ended_by_withdrawal else [_happened("done", "x", _("Storniert"), booking.cancelled_at)]
    ends += [said] if said.at else []
    if booking.actual_return_time is not None:
        ends.append(_happened("done", "home", _("Wieder da"), booking.actual_return_time))
        return sorted(ends, key=lambda one: one.at or now_utc())
    ahead = _home_again(booking, tours) if booking.cancelled_here else []
    return [*ends[:-1], replace(ends[-1], state="now"), *ahead]


def _home_again(booking: Booking, tours: Sequence[Tour]) -> list[Step]:
    """What is ahead of a car that comes home though its contract ended."""
    if not comes_by_jockey(booking):
        return [Step("next", "home", _("Sie holen Ihr Auto ab"))]
    tour, title = coming(tours), _("Ihr Auto kommt zurück")
    if tour is not None:
        return _jockey_comes(booking, tour, "home", title)
    if booking.return_failed_at is not None or booking.estimated_return_time <= now_utc():
        return [Step("next", "home", title)]
    return [_promised(booking, "home", title, booking.return_slot)]


def comes_by_jockey(booking: Booking) -> bool:
    """Is the car fetched and brought back, and not brought by the customer after all?"""
    return booking.include_concierge and booking.concierge_dropped_at is None


def ahead(booking: Booking, now: datetime) -> list[Step]:
    """What a customer who has just booked may expect, with what to have ready."""
    steps = []
    reminder = booking.pickup_time - timedelta(hours=current_app.config["REMINDER_HOURS"])
    if reminder > now:
        text = _("Fahrzeugschein, Serviceheft, Felgenschloss")
        step = Step("next", "bell", _("Erinnerung mit Checkliste"), reminder, formatting.day(reminder), text)
        steps.append(step)
    if not comes_by_jockey(booking):
        return [*steps, *_drop_off_ahead(booking)]
    text = _("Ihr Jockey meldet sich, wenn er losfährt. Die Übergabe an Ihrer Tür dauert etwa 20 Minuten.")
    steps.append(_promised(booking, "swap", _("Schlüsseltausch"), booking.slot, text))
    return [*steps, _promised(booking, "home", _("Ihr Auto kommt zurück"), booking.return_slot)]


def _drop_off_ahead(booking: Booking) -> list[Step]:
    place = booking.workshop
    text = f"{place.name}, {place.address}, {place.postal_code} {place.city}"
    ready = booking.estimated_return_time
    when = _("bis %(time)s", time=formatting.moment(ready))
    return [
        _promised(booking, "in", _("Sie bringen Ihr Auto"), booking.slot, text),
        Step("next", "key", _("Ihr Auto ist fertig"), ready, when),
    ]


def _state(booking: Booking, status: BookingStatus) -> str:
    here, mine = ORDER.index(booking.status), ORDER.index(status)
    if here > mine or booking.status is S.COMPLETED:
        return "done"
    if here < mine:
        return "next"
    return "now" if booking.return_failed_at is None else "done"


def _booked(booking: Booking) -> Step:
    if booking.status is S.PENDING:
        return _happened("now", "hourglass", _("Zahlung offen"), booking.created_at)
    title = _("Gebucht und bezahlt") if booking.paid_at else _("Gebucht")
    return _happened("done", "check", title, booking.paid_at or booking.created_at)


def _fetched(booking: Booking, tours: Sequence[Tour]) -> list[Step]:
    tour = coming(tours)
    if booking.status is S.CONFIRMED and tour is not None:
        return _jockey_comes(booking, tour, "swap", _("Schlüsseltausch"))
    state = _state(booking, S.IN_TRANSIT_TO_WORKSHOP)
    titles = {"done": _("Abgeholt"), "now": _("Unterwegs zur Werkstatt"), "next": _("Schlüsseltausch")}
    if state == "next":
        return [_promised(booking, "swap", titles[state], booking.slot)]
    return [_happened(state, "swap", titles[state], fetched_at(tours))]


def _jockey_comes(booking: Booking, tour: Tour, icon: str, title: str) -> list[Step]:
    """On the way to the door, or at it."""
    if tour.arrived_at is not None:
        there = _("%(name)s steht vor Ihrer Tür", name=tour.jockey.name)
        left = _happened("done", "navigate", _("Unterwegs zu Ihnen"), tour.started_at)
        return [left, _happened("now", icon, there, tour.arrived_at)]
    on_the_way = _("%(name)s ist unterwegs zu Ihnen", name=tour.jockey.name)
    left, at = _happened("now", "navigate", on_the_way, tour.started_at), tour.expected_at
    when = _("gegen %(time)s Uhr", time=formatting.when(at)) if at else ""
    return [left, Step("next", icon, title, at, when)]


def _brought(booking: Booking) -> Step:
    if ORDER.index(booking.status) < ORDER.index(S.IN_WORKSHOP):
        return _promised(booking, "in", _("Sie bringen Ihr Auto"), booking.slot)
    return Step("done", "in", _("Zu uns gebracht"))


def _way_back(booking: Booking, tours: Sequence[Tour]) -> list[Step]:
    if not comes_by_jockey(booking):
        return [_step(booking, S.COMPLETED, "home", _("Sie holen Ihr Auto ab"), booking.completed_at)]
    if booking.return_failed_at is not None:
        failed = _happened("done", "user", _("Rückgabe nicht geglückt"), booking.return_failed_at)
        return [failed, Step("now", "calendar", _("Neues Fenster wählen"))]
    tour = coming(tours)
    if booking.status is S.IN_TRANSIT_TO_CUSTOMER and tour is not None:
        return _jockey_comes(booking, tour, "home", _("Ihr Auto kommt zurück"))
    on_the_way = _step(booking, S.IN_TRANSIT_TO_CUSTOMER, "navigate", _("Unterwegs zu Ihnen"), left_at(tours))
    if booking.status is S.COMPLETED or booking.return_slot is None:
        return [on_the_way, _step(booking, S.COMPLETED, "home", _("Wieder da"), booking.actual_return_time)]
    return [on_the_way, _promised(booking, "home", _("Ihr Auto kommt zurück"), booking.return_slot)]


def _step(booking: Booking, status: BookingStatus, icon: str, title: str, at: datetime | None) -> Step:
    state = _state(booking, status)
    return Step(state, icon, title) if state == "next" else _happened(state, icon, title, at)


def _happened(state: str, icon: str, title: str, at: datetime | None) -> Step:
    """Today the clock is enough, on other days the date stands with it."""
    return Step(state, icon, title, at, formatting.when(at) if at else "")


def _promised(booking: Booking, icon: str, title: str, slot: Any, text: str = "") -> Step:
    """The weekday is enough in the week that follows the pickup, whose date stands on top of the page."""
    near = timedelta(0) <= slot.start_time - booking.pickup_time < WEEK
    day = formatting.weekday(slot.start_time) if near else formatting.day(slot.start_time)
    when = f"{day}, {formatting.window(slot.start_time, slot.end_time)}"
    return Step("next", icon, title, slot.start_time, when, text)
