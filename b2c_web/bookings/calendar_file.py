"""A booking's windows as a calendar file (RFC 5545), for the mail and for "add to calendar"."""

from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from icalendar import Alarm, Calendar, Event, Timezone, TimezoneDaylight, TimezoneStandard, vCalAddress

from b2c_web.clock import now_utc
from b2c_web.config import ZONE
from b2c_web.notifications.facts import readable

REMIND_BEFORE = timedelta(hours=1)


def booking_calendar(facts: dict[str, Any], *, uid: str, sequence: int, cancelled: bool = False) -> bytes:
    """The pickup (or arrival) window and, with concierge, the return window, in the current language.

    `facts` as in `notifications/facts.py`. The same `uid` with a higher `sequence` replaces what a calendar holds;
    `cancelled` takes it out. Times are local to Europe/Berlin with that zone's rules in the file, each event has an
    alarm.
    """
    known = readable(facts)
    calendar = Calendar()
    calendar.add("prodid", f"-//{current_app.config['BRAND_NAME']}//Booking//DE")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if cancelled else "PUBLISH")
    calendar.add_component(_berlin())
    for event in _events(known, uid):
        event.add("sequence", sequence)
        event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
        if not cancelled:
            event.add_component(_alarm(str(event["summary"])))
        calendar.add_component(event)
    return calendar.to_ical()


def _events(known: dict[str, Any], uid: str) -> list[Event]:
    workshop = known["workshop"]
    at_workshop = f"{workshop['name']}, {workshop['address']}, {workshop['postal_code']} {workshop['city']}"
    pickup = known["pickup_start"], known["pickup_end"]
    if not known["concierge"]:
        return [_event(known, f"arrival-{uid}", pickup, _("Auto in die Werkstatt bringen"), at_workshop)]
    at_home = f"{known['address']}, {known['postal_code']} {known['city']}"
    back = known["return_start"], known["return_end"]
    return [
        _event(known, f"pickup-{uid}", pickup, _("Ihr Auto wird abgeholt"), at_home),
        _event(known, f"return-{uid}", back, _("Ihr Auto kommt zurück"), at_home),
    ]


def _event(known: dict[str, Any], uid: str, window: tuple[datetime, datetime], what: str, place: str) -> Event:
    event = Event()
    event.add("uid", uid)
    event.add("dtstamp", now_utc())
    event.add("dtstart", window[0].astimezone(ZONE))
    event.add("dtend", window[1].astimezone(ZONE))
    event.add("summary", f"{what} ({known['service_name']})")
    event.add("location", place)
    event.add("description", _description(known))
    event.add("url", known["booking_url"])
    event.add("organizer", _organizer())
    event.add("transp", "TRANSPARENT")  # a window to be near the door, not an appointment that fills the day
    return event


def _description(known: dict[str, Any]) -> str:
    car = ", ".join(filter(None, (known["car"], known["plate"])))
    lines = [_("Buchung %(number)s", number=known["number"]), car, known["booking_url"]]
    return "\n".join(filter(None, lines))


def _organizer() -> vCalAddress:
    organizer = vCalAddress(f"mailto:{current_app.config['OPERATOR_EMAIL']}")
    organizer.params["CN"] = current_app.config["BRAND_NAME"]
    return organizer


def _alarm(text: str) -> Alarm:
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", text)
    alarm.add("trigger", -REMIND_BEFORE)
    return alarm


def _berlin() -> Timezone:
    """Europe/Berlin as it has been since 1996: summer time from the last Sunday in March to October's."""
    zone = Timezone()
    zone.add("tzid", "Europe/Berlin")
    for part, start, month, before, after, name in (
        (TimezoneDaylight(), datetime(1996, 3, 31, 2), 3, 1, 2, "CEST"),  # noqa: DTZ001 - VTIMEZONE holds wall time
        (TimezoneStandard(), datetime(1996, 10, 27, 3), 10, 2, 1, "CET"),  # noqa: DTZ001
    ):
        part.add("dtstart", start)
        part.add("rrule", {"freq": "yearly", "bymonth": month, "byday": "-1SU"})
        part.add("tzoffsetfrom", timedelta(hours=before))
        part.add("tzoffsetto", timedelta(hours=after))
        part.add("tzname", name)
        zone.add_component(part)
    return zone
