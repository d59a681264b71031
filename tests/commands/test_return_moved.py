"""Whoever gives a car another return window: its customer is told once, with both windows and the calendar file."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from b2c_web.accounts.models import User
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.returning import replan_return, return_options
from b2c_web.notifications import hooks
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from tests.commands.extending import OFFER, Extending
from tests.commands.trips import CAR, Trips

pytestmark = pytest.mark.usefixtures("frozen_clock")
Kind = NotificationKind
OLD = {"de": "Bisher: Do, 26. Nov., 12–14\u00a0Uhr", "en": "Before: Thu 26 Nov, 12:00–14:00"}
NEW = {"de": "Jetzt: Fr, 27. Nov., 16–18\u00a0Uhr", "en": "Now: Fri 27 Nov, 16:00–18:00"}


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock)


def ready(trips: Trips) -> Booking:
    """A car that waits for its return at noon."""
    booking = trips.booked()
    trips.make_ready(booking)
    return booking


def move(trips: Trips, person: User, booking: Booking, option: int = -1) -> None:
    with trips.at(booking.pickup_time + timedelta(minutes=200)):
        replan_return(person, booking.id, return_options(booking)[option].slot_id)
    trips.session.expire_all()


def told(trips: Trips, kind: Kind = Kind.RETURN_MOVED) -> list[Notification]:
    trips.session.expire_all()
    return trips.session.query(Notification).filter_by(kind=kind).order_by(Notification.id).all()


def calendar(message: Notification) -> tuple[str, dict[str, tuple[datetime, int]]]:
    """How the file reads its dates, and each one's beginning and sequence."""
    paper = hooks.attachments[message.kind](message)[0]
    events = Calendar.from_ical(paper.content).walk("VEVENT")
    dates = {str(one["uid"]).partition("-")[0]: (one.start, int(one["sequence"])) for one in events}
    return paper.content_type.split(";")[1].strip(), dates


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("who", ["dispatcher", "staff", "customer"])
def test_the_customer_reads_both_windows_whoever_moved_it(trips: Trips, who: str, language: str) -> None:
    booking = ready(trips)
    booking.user.language = language
    trips.session.commit()
    move(trips, booking.user if who == "customer" else getattr(trips, who), booking)
    (message,) = told(trips)
    assert (message.user_id, message.recipient) == (booking.user_id, booking.user.email)
    written = render(message)
    assert OLD[language] in written.text
    assert NEW[language] in written.text
    assert NEW[language].partition(": ")[2].replace("\u00a0", " ") in written.subject
    for window in (OLD, NEW):
        assert window[language].partition(": ")[2] in written.html


def test_the_calendar_file_replaces_the_one_that_was_sent_before(trips: Trips) -> None:
    booking = ready(trips)
    _method, before = calendar(told(trips, Kind.BOOKING_CONFIRMED)[0])
    assert before["return"][0] == trips.slots[2].start_time
    move(trips, trips.dispatcher, booking, 0)
    _method, first = calendar(told(trips)[0])
    assert first["return"][0] == booking.return_slot.start_time != before["return"][0]
    move(trips, booking.user, booking)
    method, second = calendar(told(trips)[1])
    assert (method, second["return"][0]) == ("method=PUBLISH", trips.slots[9].start_time)
    for date in ("pickup", "return"):
        assert before[date][1] < first[date][1] < second[date][1]


def test_each_move_is_told_once_and_begins_where_the_last_one_ended(trips: Trips) -> None:
    booking = ready(trips)
    move(trips, trips.dispatcher, booking, 0)
    chosen = booking.return_slot_id
    with trips.at(booking.pickup_time + timedelta(minutes=201)), pytest.raises(PlaceTaken):
        replan_return(trips.dispatcher, booking.id, chosen)  # the form, sent twice
    move(trips, trips.staff, booking)
    first, second = (one.context for one in told(trips))
    assert first["old_return_start"] == trips.slots[2].start_time.isoformat()
    assert (second["old_return_start"], second["old_return_end"]) == (first["return_start"], first["return_end"])
    move(trips, trips.staff, booking, 0)  # back again is another move
    assert len(told(trips)) == 3


def test_what_is_refused_is_told_to_nobody(trips: Trips) -> None:
    booking = ready(trips)
    with trips.at(booking.pickup_time + timedelta(minutes=200)), pytest.raises(PlaceTaken):
        replan_return(trips.dispatcher, booking.id, trips.slots[0].id)
    assert told(trips) == []


def test_the_return_of_a_cancelled_booking_comes_back_into_the_calendar(trips: Trips) -> None:
    booking = trips.booked()
    trips.drive_in(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=60)):
        bookings.check_in(trips.staff, booking.id, mileage_km=52_000, car=CAR)
        bookings.cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Kulanz")
    method, gone = calendar(told(trips, Kind.BOOKING_CANCELLED)[0])
    assert method == "method=CANCEL"
    move(trips, trips.dispatcher, booking)
    method, back = calendar(told(trips)[0])
    assert (method, back["return"][0]) == ("method=PUBLISH", trips.slots[9].start_time)
    assert back["return"][1] > gone["return"][1]


def test_a_return_that_moves_with_the_consent_is_told_with_its_calendar(
    session: Any, frozen_clock: Callable[[datetime], Any]
) -> None:
    scene = Extending(session, frozen_clock)
    booking = scene.in_workshop(back=2)
    slot_id = return_options(booking)[-1].slot_id
    offer = replace(OFFER, new_return_slot_id=slot_id, delay_reason="Die Scheiben kommen morgen.")
    extension = scene.raised(booking, offer)
    assert told(scene) == []
    scene.approve(extension)
    (message,) = told(scene)
    assert NEW["de"] in render(message).text
    assert calendar(message)[1]["return"][0] == scene.slots[9].start_time
