"""What the board says of a car, in words."""

from datetime import date, datetime, timedelta

from flask import current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.naming import model_of
from b2c_web.bookings.rules import may_withdraw_until
from b2c_web.clock import now_utc
from b2c_web.config import ZONE
from b2c_web.dashboard.board import Card, Column
from b2c_web.dashboard.rules import Risk, days_late
from b2c_web.dispatch.lateness import Need
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.told import NEEDS
from b2c_web.dispatch.words import ENDED_BECAUSE
from b2c_web.formatting import clock, eur, short_day, weekday, window

DAY_MINUTES = 24 * 60
WEEK = timedelta(days=7)  # within it a weekday names one day only
UNDER_WAY = {
    AssignmentStatus.EN_ROUTE_TO_PICKUP: _l("auf dem Weg zum Kunden"),
    AssignmentStatus.AT_PICKUP_LOCATION: _l("an der Tür"),
    AssignmentStatus.IN_TRANSIT_TO_WORKSHOP: _l("auf dem Weg zu uns"),
    AssignmentStatus.AT_WORKSHOP: _l("hat noch die Schlüssel"),
    AssignmentStatus.EN_ROUTE_TO_CUSTOMER: _l("bringt es zurück"),
    AssignmentStatus.AT_RETURN_LOCATION: _l("an der Tür"),
}


def plate_of(booking: Booking) -> str:
    """The plate as far as it is known; empty while the customer has not named it."""
    return booking.vehicle.license_plate if booking.vehicle else str(booking.car_details.get("license_plate", ""))


def car_of(booking: Booking) -> str:
    """ "VW Polo" as far as it is known; empty while nobody has said it."""
    return model_of(booking.vehicle, booking.car_details)


def due_words(card: Card, today: date) -> str:
    """ "14:30", "8–10", in the coming days "Mi 14:30", on any other day "9.12. 14:30"."""
    at = window(card.due, card.until).replace("\u00a0Uhr", "") if card.until else clock(card.due)
    return _with_day(card.due, at, today)


def _with_day(moment: datetime, at: str, today: date) -> str:
    local = moment.astimezone(ZONE).date()
    if local == today:
        return at
    return f"{weekday(moment)} {at}" if today < local < today + WEEK else f"{short_day(local)} {at}"


def late_words(card: Card) -> str:
    """How late it is or how little time is left; empty when all is well."""
    if card.punctuality is None or card.punctuality.risk is Risk.ON_TIME:
        return ""
    minutes = card.punctuality.minutes
    if card.punctuality.risk is Risk.AT_RISK:
        return _("noch %(n)s min", n=minutes) if card.column is not Column.EXPECTED else ""
    if minutes < 60:
        return _("%(n)s min zu spät", n=minutes)
    if minutes < DAY_MINUTES:
        return _("%(n)s h zu spät", n=minutes // 60)
    return ngettext("%(num)s Tag zu spät", "%(num)s Tage zu spät", days_late(card.until or card.due, now_utc()))


def withdrawable_until(booking: Booking) -> datetime | None:
    """Until when the customer may withdraw, while nobody asked for the work to begin before; None otherwise."""
    return may_withdraw_until(booking, now_utc(), current_app.config)


def since(at: datetime) -> str:
    """ "52 min", "3 h", "2 d": how long ago, for little room."""
    minutes = max(int((now_utc() - at).total_seconds() // 60), 0)
    if minutes < 60:
        return _("%(n)s min", n=minutes)
    return _("%(n)s h", n=minutes // 60) if minutes < DAY_MINUTES else _("%(n)s d", n=minutes // DAY_MINUTES)


def more_work(card: Card) -> tuple[str, str, str] | None:
    """(tone, icon, words) of the extensions of a car; None without any, and where the objection says it."""
    more = card.more_work
    if more is None or (card.objected and more.state == "released"):
        return None
    amount, ago = eur(more.cents), since(more.since)
    return {
        "pending": ("amber", "hourglass", _("%(amount)s seit %(ago)s", amount=amount, ago=ago)),
        "unpaid": ("amber", "lock", _("%(amount)s: Zahlung fehlt, seit %(ago)s", amount=amount, ago=ago)),
        "reserving": ("amber", "hourglass", _("%(amount)s wird reserviert", amount=amount)),
        "approved": (
            "green",
            "check-circle",
            ngettext("%(num)s Zusatz freigegeben", "%(num)s Zusätze freigegeben", more.count),
        ),
        "released": ("outline", "x", _("Zusatz entfällt")),
        "declined": ("outline", "x", _("Zusatz abgelehnt")),
    }[more.state]


def jockey_words(tour: JockeyAssignment, today: date) -> str:
    """ "J. Sperber, 15:50", on another day "J. Sperber, Mi 15:50"; who has set out: "J. Sperber, an der Tür"."""
    first, _blank, last = tour.jockey.name.partition(" ")
    name = f"{first[:1]}. {last}" if last else first
    if tour.status in UNDER_WAY:
        return f"{name}, {UNDER_WAY[tour.status]}"
    return f"{name}, {_with_day(tour.scheduled_time, clock(tour.scheduled_time), today)}"


def failed_words(card: Card) -> str:
    """ "Rückgabe gescheitert: Panne", in dispatch's words; empty when no return failed."""
    if card.booking.return_failed_at is None:
        return ""
    why = card.failed and card.failed.cancel_reason
    return f"{NEEDS[Need.RETURN_FAILED]}: {ENDED_BECAUSE[why]}" if why else str(NEEDS[Need.RETURN_FAILED])


def said(card: Card) -> str:
    """The sentence that is read aloud when a card comes to stand where it stands."""
    plate = plate_of(card.booking) or card.booking.number
    waits = card.column is Column.WAITING
    state = _SAID["WAITING"](plate) if waits else standing(card.booking, parked=card.is_parked)
    return f"{_SAID['OBJECTED'](plate)} {state}" if card.objected else state


def standing(booking: Booking, *, parked: bool) -> str:
    """How a car stands, as one sentence. `parked` as in `rules.is_parked`."""
    started = booking.status is BookingStatus.IN_WORKSHOP and booking.work_started_at is not None
    if parked:
        return _("%(plate)s steht auf dem Hof.", plate=plate_of(booking) or booking.number)
    key = "WITHDRAWN" if booking.withdrawal_open else "STARTED" if started else booking.status.value
    return _SAID[key](plate_of(booking) or booking.number)


_SAID = {
    "CONFIRMED": lambda plate: _("%(plate)s wird erwartet.", plate=plate),
    "IN_TRANSIT_TO_WORKSHOP": lambda plate: _("%(plate)s ist unterwegs zur Werkstatt.", plate=plate),
    "IN_WORKSHOP": lambda plate: _("%(plate)s ist eingecheckt.", plate=plate),
    "STARTED": lambda plate: _("An %(plate)s wird gearbeitet.", plate=plate),
    "WITHDRAWN": lambda plate: _("%(plate)s: Der Kunde hat widerrufen.", plate=plate),
    "OBJECTED": lambda plate: _("%(plate)s: Der Kunde widerspricht einem Zusatz.", plate=plate),
    "WAITING": lambda plate: _("%(plate)s wartet auf den Kunden.", plate=plate),
    "READY_FOR_RETURN": lambda plate: _("%(plate)s ist fertig.", plate=plate),
    "IN_TRANSIT_TO_CUSTOMER": lambda plate: _("%(plate)s ist unterwegs zum Kunden.", plate=plate),
    "COMPLETED": lambda plate: _("%(plate)s ist abgeschlossen.", plate=plate),
    "CANCELLED": lambda plate: _("%(plate)s ist storniert und noch hier.", plate=plate),
}
