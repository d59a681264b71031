"""The workshop's day on a tablet: two people at once, what is typed stays, and nothing is hard to reach or to read."""

import itertools
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from b2c_web.accounts.models import Role, User
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.extensions.models import Extension
from b2c_web.flask_extensions import db
from b2c_web.request_cycle import LANGUAGES
from b2c_web.workshops.models import RonjaVehicle, TimeSlot, Workshop, WorkshopCapacity
from tests.browser.inspecting import Inspector, looks_at
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking, make_customer, make_days, make_ronja, make_vehicle

TABLET = {"width": 1180, "height": 820}
Meet = Callable[..., Person]
SMALL = """(smallest) => [...document.querySelectorAll("main .btn:not(.visually-hidden-focusable)")].filter(
  (one) => one.offsetHeight && one.offsetHeight < smallest).map((one) => one.textContent.trim())"""


STICKS_OUT = """() => [...document.querySelectorAll(".board-column")].flatMap((column) => {
  const end = column.getBoundingClientRect().right;
  return [...column.querySelectorAll(".car-card, .car-card *:not(.visually-hidden)")].filter(
    (one) => one.getBoundingClientRect().right > end).map((one) => `${one.localName}: ${one.textContent.trim()}`); })"""


def todays_slot() -> TimeSlot:
    """The first window of today, on a weekend too, with room for all that these tests put there."""
    if not _slots_today():
        make_days(db.session.query(Workshop).one(), today_in(ZONE), 1, weekends=True)
    slot = _slots_today()[0]
    slot.max_bookings = 60
    db.session.query(WorkshopCapacity).filter_by(date=today_in(ZONE)).update({"max_bookings": 60})
    return slot


def _slots_today() -> list[TimeSlot]:
    return db.session.query(TimeSlot).filter_by(service_date=today_in(ZONE)).order_by(TimeSlot.start_time).all()


def car(plate: str, status: BookingStatus = BookingStatus.CONFIRMED, **facts: Any) -> Booking:
    """A drop-off of today."""
    user = make_customer()
    vehicle = make_vehicle(user, license_plate=plate, make="Ahorn", model="Kombi")
    if status is not BookingStatus.CONFIRMED:
        facts.setdefault("workshop_checkin_at", now_utc())
    return make_booking(todays_slot(), user=user, vehicle_id=vehicle.id, status=status, **facts)


@pytest.fixture
def wilma(meet: Meet) -> Person:
    """Staff with a tablet."""
    person = meet(viewport=TABLET)
    person.is_signed_in("werkstatt")
    return person


def staff() -> User:
    return db.session.query(User).filter_by(role=Role.WORKSHOP).first()  # type: ignore[return-value]


def card(person: Person, plate: str) -> Any:
    return person.page.locator(".car-card", has_text=plate)


def test_from_the_board_through_the_desk(site: Site, wilma: Person) -> None:
    with site.data():
        car("DO ZA 1", early_start_requested_at=now_utc())
    wilma.go("/workshop")
    card(wilma, "DO ZA 1").get_by_role("link", name="Einchecken").click()
    wilma.page.fill("#mileage_km", "84210")
    wilma.page.fill("#keys_at", "Haken 12")
    wilma.page.get_by_role("button", name="Einchecken").click()
    expect(wilma.page.locator(".car-head")).to_contain_text("In der Werkstatt")
    wilma.page.get_by_role("button", name="Arbeit beginnen").click()
    expect(wilma.page.locator(".car-head")).to_contain_text("in Arbeit seit")
    wilma.go("/workshop")
    expect(card(wilma, "DO ZA 1").get_by_role("link", name="Fertig melden")).to_be_visible()


def test_all_of_a_card_leads_to_its_car_and_its_buttons_stay(site: Site, wilma: Person) -> None:
    with site.data():
        booking_id = car("DO ZQ 17").id
    wilma.go("/workshop")
    mine = card(wilma, "DO ZQ 17")
    expect(mine.get_by_role("link")).to_have_count(2)  # the car and the button, for a keyboard and a screen reader too
    box = mine.bounding_box()
    assert box is not None
    for at in ({"x": 4, "y": 4}, {"x": box["width"] / 2, "y": 60}):
        wilma.page.locator(".car-card", has_text="DO ZQ 17").click(position=at)
        wilma.page.wait_for_url(re.compile(f"/workshop/bookings/{booking_id}$"))
        wilma.go("/workshop")
    card(wilma, "DO ZQ 17").get_by_role("link", name="Einchecken").click()
    wilma.page.wait_for_url(re.compile(f"/workshop/bookings/{booking_id}/check-in"))


def test_another_car_opens_its_fields(site: Site, wilma: Person) -> None:
    with site.data():
        path = f"/workshop/bookings/{car('DO ZB 2').id}/check-in"
    wilma.go(path)
    expect(wilma.page.locator("#license_plate")).to_be_hidden()
    wilma.page.get_by_text("Ein anderes Auto").click()
    expect(wilma.page.locator("#license_plate")).to_be_visible()


def test_what_one_does_the_other_sees(site: Site, meet: Meet, wilma: Person) -> None:
    with site.data():
        booking_id = car("DO ZC 3").id
    other = meet(viewport=TABLET)
    other.is_signed_in("werkstatt")
    other.go("/workshop")
    expect(other.page.locator("[aria-labelledby=column-expected]")).to_contain_text("DO ZC 3")
    with site.data():
        commands.check_in(staff(), booking_id, mileage_km=10, early=True)
    expect(other.page.locator("[aria-labelledby=column-at-work]")).to_contain_text("DO ZC 3")
    expect(other.page.locator("#live")).to_contain_text("DO ZC 3 ist eingecheckt.")


def test_typing_is_not_lost_when_somebody_is_faster(site: Site, wilma: Person) -> None:
    with site.data():
        booking_id = car("DO ZD 4").id
    wilma.go(f"/workshop/bookings/{booking_id}/check-in")
    wilma.page.fill("#mileage_km", "84210")
    with site.data():
        commands.check_in(staff(), booking_id, mileage_km=10, early=True)
    expect(wilma.page.locator("#standing")).to_contain_text("Inzwischen hat sich der Stand geändert")
    expect(wilma.page.locator("#mileage_km")).to_have_value("84210")
    wilma.page.get_by_role("button", name="Einchecken").click()
    expect(wilma.page.locator("h1")).to_have_text("Das geht gerade nicht")
    wilma.page.get_by_role("link", name="Zum Auto").click()
    expect(wilma.page.locator(".car-head")).to_contain_text("In der Werkstatt")


def test_searching_leads_to_the_car_and_keeps_the_address(site: Site, wilma: Person) -> None:
    with site.data():
        car("DO ZE 55")
    wilma.go("/workshop")
    wilma.page.fill("#search-q", "doze55")
    wilma.page.keyboard.press("Enter")
    wilma.page.wait_for_url(re.compile(r"/workshop/cars\?q=doze55"))
    expect(wilma.page.locator("#cars li")).to_have_count(1)
    wilma.page.fill("#search-q", "gibt es nicht")
    wilma.page.wait_for_url(re.compile(r"q=gibt(\+|%20)es"))
    expect(wilma.page.locator("#cars")).to_contain_text("Nichts gefunden")
    wilma.page.go_back()
    expect(wilma.page.locator("#cars li")).to_have_count(1)


def test_without_script_the_desk_works(site: Site, meet: Meet) -> None:
    with site.data():
        car("DO ZF 6", early_start_requested_at=now_utc())
    person = meet(viewport=TABLET, javascript=False)
    person.is_signed_in("werkstatt")
    person.go("/workshop")
    card(person, "DO ZF 6").get_by_role("link", name="Einchecken").click()
    person.page.fill("#mileage_km", "84210")
    person.page.get_by_role("button", name="Einchecken").click()
    person.page.get_by_role("button", name="Arbeit beginnen").click()
    expect(person.page.locator(".car-head")).to_contain_text("in Arbeit seit")


@looks_at()
def test_who_begins_unasked_is_asked_back(site: Site, wilma: Person) -> None:
    with site.data():
        booking_id = car("DO HH 8", BookingStatus.IN_WORKSHOP).id
    wilma.go(f"/workshop/bookings/{booking_id}")
    wilma.page.get_by_role("button", name="Arbeit beginnen").click()
    expect(wilma.page.locator("h1")).to_have_text("Schon beginnen?")
    Inspector(wilma).look()
    wilma.page.get_by_role("button", name="Trotzdem beginnen").click()
    expect(wilma.page.locator(".car-head")).to_contain_text("in Arbeit seit")


def fill_the_board() -> list[str]:
    """A car in each state, and the pages about them; the last one says what does not go."""
    now, slot = now_utc(), todays_slot()
    car("DO AA 1")
    working = car("DO BB 2", BookingStatus.IN_WORKSHOP, work_started_at=now, keys_at="Haken 12", parked_at="Platz 4")
    waiting = car("DO CC 3", BookingStatus.IN_WORKSHOP, work_started_at=now)
    one = {"name": "Bremsscheiben vorn", "description": "", "price": 47988, "quantity": "1", "media": []}
    facts = {"description": "Bremsen", "items": [one], "total_amount": 47988, "vat_rate_percent": 19}
    db.session.add(Extension(booking_id=waiting.id, requested_at=now - timedelta(minutes=52), **facts))
    ready = car("DO DD 4", BookingStatus.READY_FOR_RETURN, work_started_at=now, service_completed_at=now)
    withdrawn = car("DO GG 7", BookingStatus.IN_WORKSHOP, work_started_at=now, withdrawn_at=now)
    car("DO EE 5", BookingStatus.COMPLETED)
    ronja = make_ronja(db.session.query(Workshop).one())  # of its own: more than one case fills the board
    fetched = make_booking(slot, _slots_today()[-1], ronja=ronja, customer_name="Rosa Ahorn")
    db.session.flush()
    return [
        "/workshop?day=abc",
        "/workshop/list",
        "/workshop/cars?q=DO",
        f"/workshop/bookings/{working.id}",
        f"/workshop/bookings/{waiting.id}",
        f"/workshop/bookings/{fetched.id}/check-in",
        f"/workshop/bookings/{fetched.id}/cancellation",
        f"/workshop/bookings/{working.id}/cancellation",
        f"/workshop/bookings/{fetched.id}/withdrawal",
        f"/workshop/bookings/{withdrawn.id}",
        f"/workshop/bookings/{withdrawn.id}/cancellation",
        f"/workshop/bookings/{withdrawn.id}/completion",
        f"/workshop/bookings/{ready.id}/rework",
        f"/workshop/bookings/{ready.id}/collection",
        f"/workshop/bookings/{ready.id}/check-in",
    ]


@looks_at(
    "bookings.check_in", "bookings.rework", "bookings.collection", "bookings.staff_cancellation",
    "bookings.told_withdrawal", "dashboard.car",
)  # fmt: skip
def test_every_page_of_the_day_can_be_read_and_reached(site: Site, wilma: Person) -> None:
    with site.data():
        pages = fill_the_board()
    looking = Inspector(wilma)
    looking.look_at("/workshop", *pages[:-1])
    looking.look_at(pages[-1], status=409)
    small = []
    for path in ("/workshop", *pages):
        wilma.page.set_viewport_size(TABLET)  # type: ignore[arg-type]
        wilma.go(path)
        small += [f"{path}: {name}" for name in wilma.page.evaluate(SMALL, 55)]
    assert small == []


def test_the_list_prints_from_one_row_of_tools(site: Site, wilma: Person) -> None:
    wilma.page.set_viewport_size({"width": 1280, "height": 800})
    for path in ("/workshop", "/workshop/list", "/workshop/list?day=2026-11-26"):
        wilma.go(path)
        tops = wilma.page.evaluate(
            "[...document.querySelectorAll('.page-head > .btn, .page-head > h1')].map((one) => {"
            " const at = one.getBoundingClientRect(); return at.top + at.height / 2; })"
        )
        assert max(tops) - min(tops) < 20, path


CUT = """() => [...document.querySelectorAll("main td, main th, .day-row > *, .table-scroll")]
  .filter((one) => one.scrollWidth > one.clientWidth + 1 || one.getBoundingClientRect().right > innerWidth + 1)
  .map((one) => one.textContent.trim().slice(0, 40))"""
ON_ITS_WAY = (BookingStatus.IN_TRANSIT_TO_WORKSHOP, BookingStatus.IN_TRANSIT_TO_CUSTOMER)
A4_PIXELS = 718  # between usual margins


def test_what_is_printed_fits_the_sheet(site: Site, wilma: Person) -> None:
    with site.data():
        fill_the_board()
        for plate, status in (("DO HH 8", ON_ITS_WAY[0]), ("DO II 9", ON_ITS_WAY[1])):
            car(plate, status, work_started_at=now_utc(), service_completed_at=now_utc())
    wilma.page.set_viewport_size({"width": A4_PIXELS, "height": 1000})
    wilma.page.emulate_media(media="print")
    for language, path in itertools.product(
        LANGUAGES, ("/workshop/list", "/workshop/capacity/days", "/workshop/capacity/figures")
    ):
        wilma.speak(language)
        wilma.go(path)
        assert wilma.page.evaluate(CUT) == [], (language, path)


def add_late_cars() -> None:
    """Cars of some days ago, with long plates: expected, at work, ready for their customers or for a jockey."""
    slots = make_days(db.session.query(Workshop).one(), today_in(ZONE) - timedelta(days=9), 1, places=20, weekends=True)
    ronja = db.session.query(RonjaVehicle).first()
    vehicle = make_vehicle(make_customer(), license_plate="WIT MW 2075E")
    facts = {"vehicle_id": vehicle.id, "workshop_checkin_at": slots[0].start_time}
    make_booking(slots[0])
    make_booking(slots[0], vehicle_id=vehicle.id)
    make_booking(slots[0], status=BookingStatus.IN_WORKSHOP, **facts)
    done = dict.fromkeys(("work_started_at", "service_completed_at"), slots[1].start_time)
    gone = {"status": BookingStatus.READY_FOR_RETURN, **done, **facts}
    make_booking(slots[0], **gone)
    make_booking(slots[0], slots[-1], ronja=ronja, **gone)


def test_no_card_is_wider_than_its_column(site: Site, wilma: Person) -> None:
    with site.data():
        fill_the_board()
        add_late_cars()
    found = {}
    for language in ("de", "en"):
        wilma.speak(language)
        for width in (1024, 1280):
            wilma.page.set_viewport_size({"width": width, "height": 800})
            wilma.go("/workshop")
            expect(wilma.page.locator(".car-card[data-risk=late]").first).to_be_visible()
            if sticks_out := wilma.page.evaluate(STICKS_OUT):
                found[language, width] = sticks_out
    assert found == {}
