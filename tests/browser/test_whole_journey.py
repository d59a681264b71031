"""One concierge booking from payment to COMPLETED: customer and jockey on phones, dispatcher at a desk, workshop on a
tablet; with its Ronja's states and every message."""

import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus, PaymentStatus
from b2c_web.checks import breaches
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.media.models import MediaFile, MediaState
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from b2c_web.workshops.models import Jockey, RonjaVehicle, VehicleStatus
from tests.browser.driving import Watch, hand_over, press_next
from tests.browser.inspecting import Inspector
from tests.browser.person import Person
from tests.browser.site import Site

TABLET, DESKTOP = {"width": 1180, "height": 820}, {"width": 1440, "height": 900}
Meet = Callable[..., Person]
K = NotificationKind
MESSAGES = [
    K.BOOKING_CONFIRMED,
    K.PICKUP_REMINDER,
    K.JOCKEY_UNDER_WAY,
    K.PICKED_UP,
    K.IN_WORKSHOP,
    K.READY,
    K.UNDER_WAY_BACK,
    K.COMPLETED,
    K.REVIEW_REQUEST,
]


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    made = Watch(site)
    yield made
    made.end()


class Journey:
    """What the database knows of the one booking."""

    def __init__(self, site: Site, email: str) -> None:
        self.site = site
        with site.data() as session:
            booking = session.query(Booking).filter(Booking.user.has(email=email)).one()
            self.id: uuid.UUID = booking.id
            self.number, self.pickup, self.back = booking.number, booking.pickup_time, booking.return_slot.start_time

    def status(self) -> BookingStatus:
        with self.site.data() as session:
            return session.get(Booking, self.id).status

    def ronja(self) -> VehicleStatus:
        with self.site.data() as session:
            given = session.query(JockeyAssignment).filter_by(booking_id=self.id).first()
            return session.get(RonjaVehicle, given.vehicle_id).status

    def messages(self) -> list[NotificationKind]:
        with self.site.data() as session:
            rows = session.query(Notification).filter_by(booking_id=self.id).order_by(Notification.id).all()
            assert {row.status for row in rows} <= {NotificationStatus.KEPT, NotificationStatus.SENT}
            return [row.kind for row in rows]

    def tour(self, kind: AssignmentType) -> Any:
        with self.site.data() as session:
            open_ones = session.query(JockeyAssignment).filter_by(booking_id=self.id, type=kind)
            found = open_ones.filter(JockeyAssignment.status != AssignmentStatus.CANCELLED).one()
            return found.scheduled_time, found.jockey_id, found.handover


def book(meet: Meet, site: Site) -> tuple[Person, Journey]:
    rosa = meet()
    rosa.begin()
    rosa.pick()
    rosa.say()
    rosa.book()
    rosa.pay()
    expect(rosa.page.locator(".now-label")).to_have_text("Bezahlt und bestätigt")
    site.work()
    return rosa, Journey(site, rosa.email)


def give_to(dora: Person, journey: Journey, window: datetime, jockey: str) -> None:
    """The dispatcher finds the trip in the list and gives it to one jockey."""
    day = window.date().isoformat()
    dora.go(f"/dispatch?day={day}")
    line = dora.page.locator(".trip-line", has_text=journey.number).filter(has=dora.page.locator(".btn"))
    kind = "Abholung" if window == journey.pickup else "Rückgabe"
    line.filter(has_text=kind).locator(".btn").click()
    dora.page.get_by_label(jockey, exact=True).check()
    dora.page.get_by_role("button", name="So übernehmen").click()
    expect(dora.page.locator("#flashes")).to_contain_text(f"{journey.number}: {jockey} ist um")


def work_on_it(bella: Person, journey: Journey) -> None:
    """Check in, begin, complete."""
    bella.go(f"/workshop/bookings/{journey.id}/check-in")
    for name, value in {"license_plate": "DO ZZ 99", "make": "Ahorn", "model": "Kombi", "year": "2020"}.items():
        bella.page.fill(f"#{name}", value)
    bella.page.fill("#mileage_km", "48215")
    bella.page.get_by_role("button", name="Einchecken").click()
    expect(bella.page.locator(".car-head")).to_contain_text("In der Werkstatt")
    bella.page.get_by_role("button", name="Arbeit beginnen").click()
    bella.page.get_by_role("button", name="Trotzdem beginnen").click()  # nobody asked for it so early
    expect(bella.page.locator(".car-head")).to_contain_text("in Arbeit seit")
    bella.go(f"/workshop/bookings/{journey.id}/completion")
    bella.page.locator("main form button[type=submit]").last.click()
    expect(bella.page.locator(".car-head")).to_contain_text("Fertig")


def test_from_payment_to_completed_through_four_pairs_of_hands(site: Site, meet: Meet, watch: Watch) -> None:
    rosa, journey = book(meet, site)
    assert journey.status() is BookingStatus.CONFIRMED
    assert journey.ronja() is VehicleStatus.AVAILABLE
    with site.data() as session:
        jockey = session.query(Jockey).filter(Jockey.user_id.is_not(None)).one()
        name, jockey_id = jockey.name, jockey.id

    # the day before: the reminder; the morning: a dispatcher plans
    watch.at(journey.pickup - timedelta(hours=23, minutes=55))
    watch.at(journey.pickup - timedelta(hours=1))
    dora = meet(viewport=DESKTOP)
    dora.sign_in_as_staff("disposition")
    give_to(dora, journey, journey.pickup, name)
    assert journey.tour(AssignmentType.PICKUP)[1] == jockey_id

    # the pickup
    watch.at(journey.pickup - timedelta(minutes=23))
    bernd = meet(has_touch=True)
    bernd.sign_in_as_staff("jockey")
    expect(bernd.page.locator("#trip-now")).to_contain_text(journey.number)
    press_next(bernd, "Ich fahre los")
    expect(dora.page.locator(".trip-line", has_text=journey.number).first).to_contain_text("Auf dem Weg")
    rosa.go(f"/bookings/{journey.id}")
    expect(rosa.page.locator(".now-value")).to_contain_text(f"{name} ist unterwegs zu Ihnen und gegen")
    watch.at(journey.pickup)
    press_next(bernd, "Ich bin da")
    watch.at(journey.pickup + timedelta(minutes=15))
    hand_over(bernd, 48_210)
    assert (journey.status(), journey.ronja()) == (BookingStatus.IN_TRANSIT_TO_WORKSHOP, VehicleStatus.IN_USE)
    rosa.go(f"/bookings/{journey.id}")
    expect(rosa.page.locator("#booking-now")).to_contain_text("Unterwegs")
    watch.at(journey.pickup + timedelta(minutes=45))
    press_next(bernd, "An der Werkstatt")
    press_next(bernd, "Schlüssel abgegeben")

    # the work
    bella = meet(viewport=TABLET)
    bella.sign_in_as_staff("werkstatt")
    work_on_it(bella, journey)
    assert (journey.status(), journey.ronja()) == (BookingStatus.READY_FOR_RETURN, VehicleStatus.IN_USE)

    # the way back
    watch.at(journey.back - timedelta(hours=1))
    if journey.tour(AssignmentType.RETURN)[1] != jockey_id:
        give_to(dora, journey, journey.back, name)
    arrival = journey.tour(AssignmentType.RETURN)[0]
    watch.at(arrival - timedelta(minutes=23))
    bernd = meet(has_touch=True)
    bernd.sign_in_as_staff("jockey")
    press_next(bernd, "Ich fahre los")
    assert journey.status() is BookingStatus.IN_TRANSIT_TO_CUSTOMER
    watch.at(arrival)
    press_next(bernd, "Ich bin da")
    hand_over(bernd, 48_230)
    assert (journey.status(), journey.ronja()) == (BookingStatus.COMPLETED, VehicleStatus.IN_USE)
    watch.at(arrival + timedelta(hours=2, minutes=1))
    assert journey.ronja() is VehicleStatus.AVAILABLE
    rosa.go(f"/bookings/{journey.id}")
    expect(rosa.page.locator("#booking-now")).to_contain_text("Abgeschlossen")
    read_handovers(rosa, journey)
    check_what_is_left(site, journey)


def read_handovers(rosa: Person, journey: Journey) -> None:
    """Both stand on the customer's page; a photo of them opens large."""
    handovers = rosa.page.locator("section[aria-labelledby=handovers]")
    expect(handovers.locator("h3")).to_contain_text(["Abholung", "Rückgabe"])
    expect(handovers).to_contain_text("48.210 km")
    handovers.get_by_role("button", name="Foto der Übergabe 1").first.click()
    zoom = handovers.locator(".photo-zoom:popover-open")
    expect(zoom).to_have_count(1)
    zoom.get_by_role("button", name="Schließen").click()
    rosa.page.wait_for_function("!history.state?.zoom")  # closing goes back, which takes a moment
    looking = Inspector(rosa)
    looking.look_at(f"/bookings/{journey.id}")
    assert looking.wrong == []


def check_what_is_left(site: Site, journey: Journey) -> None:
    """Every message once and in order, every photo ready, nothing that `flask verify` objects to."""
    assert journey.messages() == MESSAGES
    for kind in AssignmentType:
        kept = journey.tour(kind)[2]
        assert len(kept["photos"]) == 5
        assert kept["fuel"] == "3/4"
    with site.data() as session:
        booking = session.get(Booking, journey.id)
        assert booking.payment_status is PaymentStatus.PAID
        files = session.query(MediaFile).filter_by(purpose_id=journey.id).all()
        assert {file.state for file in files} == {MediaState.READY}
        assert len(files) == 12
        assert breaches() == []
