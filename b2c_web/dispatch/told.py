"""What dispatchers read: problems, needs and Ronjas in words; and lateness, for jockeys too."""

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from b2c_web import formatting
from b2c_web.bookings.models import RonjaReservation
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.dispatch.board import Row, arrival
from b2c_web.dispatch.lateness import Arrival, Need
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.placing import Span
from b2c_web.dispatch.problems import Kind, Problem
from b2c_web.dispatch.ronjas import Choice
from b2c_web.workshops.models import RonjaVehicle
from b2c_web.workshops.servicing import is_due_by_mileage

NEEDS = {
    Need.NO_JOCKEY: _l("ohne Jockey"),
    Need.FLAGGED: _l("passt nicht"),
    Need.NO_SHOW: _l("niemand angetroffen"),
    Need.RETURN_FAILED: _l("Rückgabe gescheitert"),
    Need.OVERDUE: _l("überfällig"),
    Need.UNREADABLE: _l("Foto nicht lesbar"),
}
FLAGS = {
    "NO_SHIFT": _l("Der Jockey hat da keine Schicht."),
    "NO_JOCKEY_FREE": _l("Die Fahrt überschneidet sich mit einer anderen."),
    "OUTSIDE_WINDOW": _l("Die Ankunft liegt außerhalb des Fensters."),
}
# a Ronja is home and clean some hours after its return; what is reserved for longer, nobody knows the end of
KNOWN = timedelta(days=1)
REASONS = {
    CancelReason.REDISPATCHED: _l("Umplanen: die Fahrt wartet auf einen anderen Jockey"),
    CancelReason.BREAKDOWN: _l("Panne"),
    CancelReason.NO_SHOW: _l("Niemand angetroffen"),
}


def hours(span: Span) -> str:
    """ "9:40–10:50 Uhr", with the day when it is not today."""
    start, end = span
    return f"{formatting.clock(start)}–{formatting.clock(end)}"


def problem(one: Problem) -> str:
    """One sentence that names the reason and its measure."""
    if one.kind is Kind.NO_SHIFT:
        return _("hat an diesem Tag keine Schicht")
    if one.span:
        facts = {"number": one.number, "hours": hours(one.span)}
        return {
            Kind.OUTSIDE_SHIFT: _("die Fahrt passt nicht in die Schicht (%(hours)s)", **facts),
            Kind.BREAK: _("die Fahrt reicht in die Pause (%(hours)s)", **facts),
            Kind.OVERLAP: _("überschneidet sich mit %(number)s (%(hours)s)", **facts),
        }[one.kind]
    if one.kind is Kind.TOO_SOON and one.at:
        return _("ist frühestens um %(time)s Uhr dort", time=formatting.clock(one.at))
    if one.kind is Kind.LATE:
        return _("%(duration)s nach dem Ende des Fensters", duration=formatting.duration(one.minutes))
    return _("%(duration)s vor dem Fenster", duration=formatting.duration(one.minutes))


def ronja(choice: Choice) -> str:
    """What it means to take this one, and who still has it."""
    if choice.holder is None:
        return _meaning(choice)
    return _("%(meaning)s, noch bei %(number)s", meaning=_meaning(choice), number=choice.holder.number)


def _meaning(choice: Choice) -> str:
    if choice.is_reserved:
        return _("ist eingeplant")
    if not choice.is_usable:
        return _("in der Zeit nicht einsetzbar (Service)")
    if not choice.takes:
        return _("frei")
    number = choice.takes[0].booking.number
    if choice.is_swap:
        return _("tauscht mit %(number)s", number=number)
    if late := next((one.booking for one in choice.takes if _has_no_known_end(one)), None):
        return _("noch nicht zurück, offen bis wann (%(number)s)", number=late.number)
    return _("nicht frei bis %(moment)s (%(number)s)", moment=until(choice.free_at), number=number)


def _has_no_known_end(reservation: RonjaReservation) -> bool:
    end = reservation.during.upper
    return end is not None and end - reservation.booking.estimated_return_time > KNOWN


def news_of(row: Row) -> str:
    """One sentence about how a trip stands now, for somebody who saw another state of it."""
    given = row.assignment
    if row.need is not None:
        return _("Inzwischen hat sich diese Fahrt geändert: %(how)s.", how=NEEDS[row.need])
    if given is None or not row.is_open:
        return _("Inzwischen hat sich diese Fahrt geändert.")
    facts = {"jockey": given.jockey.name, "time": formatting.clock(given.at_door)}
    return _("Inzwischen hat sich diese Fahrt geändert: %(jockey)s, an der Tür %(time)s Uhr.", **facts)


def minutes(count: int) -> str:
    """ "45 min", "1 h 26 min", "12 h"."""
    whole, rest = divmod(count, 60)
    if not whole:
        return _("%(n)s min", n=rest)
    return _("%(h)s h %(n)s min", h=whole, n=rest) if rest else _("%(n)s h", n=whole)


def late(arrival: Arrival, window_end: datetime) -> str:
    """How late a trip will be today, since which day it is overdue, or, not late at all, how tight it is."""
    if not arrival.late_minutes:
        return _("knapp, gegen %(time)s", time=formatting.clock(arrival.at))
    if window_end.astimezone(ZONE).date() < today_in(ZONE):
        return _("überfällig seit %(day)s", day=formatting.day(window_end))
    by, at = minutes(arrival.late_minutes), formatting.clock(arrival.at)
    return _("wird %(by)s zu spät, gegen %(time)s", by=by, time=at)


def late_for_jockey(tour: JockeyAssignment, now: datetime) -> str:
    """How late a tour is that is at no door yet: for its window, else for leaving. Empty while it is in time."""
    there = arrival(tour.trip, tour, now)
    if there is None or tour.arrived_at is not None:
        return ""
    if there.late_minutes:
        return late(there, tour.trip.window_end)
    leave_at = tour.scheduled_time - timedelta(minutes=tour.trip.travel_minutes)
    behind = (now - leave_at) // timedelta(minutes=1)
    if tour.status is not AssignmentStatus.ASSIGNED or behind < 1:
        return ""
    return _("%(by)s zu spät: Abfahrt war um %(time)s", by=minutes(behind), time=formatting.clock(leave_at))


def until(at: Any) -> str:
    """ "16:30" today, "Do, 26. Nov., 16:30" on another day."""
    if at is None:
        return ""
    same_day = at.astimezone(ZONE).date() == today_in(ZONE)
    return formatting.clock(at) if same_day else formatting.moment(at)


def service_due(ronja: RonjaVehicle) -> str:
    """Why a Ronja is not planned, when its service is due."""
    plate = ronja.license_plate
    if is_due_by_mileage(ronja) and ronja.next_service_mileage is not None:
        now = formatting.kilometres(ronja.mileage).removesuffix("\u00a0km")
        due = formatting.kilometres(ronja.next_service_mileage)
        facts = {"plate": plate, "now": now, "due": due}
        return _("Ronja %(plate)s ist aus der Planung: Wartung fällig (%(now)s von %(due)s)", **facts)
    day = formatting.day(ronja.next_service_due) if ronja.next_service_due else ""
    return _("Ronja %(plate)s ist aus der Planung: Wartung fällig am %(day)s", plate=plate, day=day)
