"""Planning on the workshop's tablet: the month, a day that is changed, one that cannot be, the weekly template."""

import itertools
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from b2c_web.accounts.models import Role, User
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import RonjaVehicle, TimeSlot, WorkshopCapacity
from tests.browser.inspecting import Inspector
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking, make_customer

Meet = Callable[..., Person]
TABLET = {"viewport": {"width": 1180, "height": 820}}


@pytest.fixture(scope="module")
def booked_day(site: Site) -> date:
    """A coming day with a concierge booking and two that bring their cars; made once."""
    with site.data() as session:
        day = next(d for d in _days(session) if d > today_in(ZONE) + timedelta(days=3))
        slots = session.query(TimeSlot).filter_by(service_date=day).order_by(TimeSlot.start_time).all()
        ronja = session.query(RonjaVehicle).first()
        make_booking(slots[0], slots[2], ronja=ronja, user=make_customer(), customer_name="Ada Ahorn")
        make_booking(slots[0], user=make_customer(), customer_name="Bo Birke")
        make_booking(slots[1], user=make_customer(), customer_name="Cem Linde")
    return day


def _days(session: Any) -> list[date]:
    """The days with many places, in order."""
    query = session.query(WorkshopCapacity).filter_by(max_bookings=20).order_by(WorkshopCapacity.date)
    return [row.date for row in query]


@pytest.fixture
def staff(meet: Meet) -> Person:
    return signed_in(meet)


def signed_in(meet: Meet, **options: Any) -> Person:
    person = meet(**{**TABLET, **options})
    person.is_signed_in("werkstatt")
    return person


def test_a_day_is_found_and_changed_with_the_keyboard_alone(staff: Person, booked_day: date) -> None:
    staff.go(f"/workshop/capacity?month={booked_day.replace(day=1)}")
    cell = staff.page.locator(f"#day-{booked_day}")
    expect(cell).to_contain_text("3")
    cell.focus()
    staff.page.keyboard.press("Enter")
    expect(staff.page.locator(f"#day-{booked_day}[aria-current=date]")).to_be_focused()
    staff.page.fill("#max_bookings", "8")
    staff.page.get_by_role("button", name="Eins mehr").press("Enter")
    staff.page.locator("#note").focus()
    staff.page.keyboard.type("2 Jockeys auf Lehrgang")
    staff.page.keyboard.press("Enter")
    expect(staff.page.locator(".flash-list")).to_contain_text("Gespeichert")
    expect(staff.page.locator(f"#day-{booked_day} .capacity-booked")).to_have_text("3 / 9")
    expect(staff.page.locator("#note")).to_have_value("2 Jockeys auf Lehrgang")


@pytest.mark.parametrize("width", [320, 768, 1180, 1440])
def test_times_with_am_and_pm_have_their_room(meet: Meet, booked_day: date, width: int) -> None:
    staff = signed_in(meet, language="en", locale="en-US", viewport={"width": width, "height": 900})
    staff.go(f"/workshop/capacity?day={booked_day}")
    staff.page.locator("#new-window summary").click()
    form = staff.page.locator("#new-window form").bounding_box()
    fields = [staff.page.locator(f"#{name}") for name in ("starts", "ends", "places")]
    boxes = [field.bounding_box() for field in fields]
    assert form
    for box, following in itertools.zip_longest(boxes, boxes[1:], fillvalue=None):
        assert box
        assert box["x"] + box["width"] <= form["x"] + form["width"] + 1
        assert not following or box["x"] + box["width"] < following["x"] or box["y"] + box["height"] < following["y"]


def test_the_months_are_turned_without_a_new_page(staff: Person) -> None:
    staff.go("/workshop/capacity")
    staff.page.evaluate("window.here = true")
    before = staff.page.locator("#month-head").inner_text()
    staff.page.locator("#month-next").click()
    expect(staff.page.locator("#month-head")).not_to_have_text(before)
    expect(staff.page).to_have_url(re.compile("month="))
    assert staff.page.evaluate("window.here")
    staff.page.go_back()
    expect(staff.page.locator("#month-head")).to_have_text(before)


@pytest.mark.parametrize("javascript", [True, False])
def test_below_what_is_booked_the_way_on_is_shown(site: Site, meet: Meet, booked_day: date, javascript: bool) -> None:
    staff = signed_in(meet, javascript=javascript)
    staff.go(f"/workshop/capacity?day={booked_day}")
    staff.page.fill("#max_bookings", "1")
    staff.page.get_by_role("button", name="Tag speichern").click()
    way_on = staff.page.locator(".capacity-in-the-way")
    expect(way_on).to_contain_text("2 Buchungen müssten umziehen")
    expect(way_on.locator("> ul > li")).to_have_count(3)
    expect(way_on.get_by_role("link", name="Kunden fragen").first).to_be_visible()
    if javascript:
        looking = Inspector(staff)
        looking.look()
        assert looking.wrong == []


def test_the_way_back_to_a_refused_form_is_open(site: Site, meet: Meet, booked_day: date) -> None:
    staff = signed_in(meet)
    staff.go(f"/workshop/capacity?day={booked_day}")
    staff.page.fill("#max_bookings", "1")
    staff.page.get_by_role("button", name="Tag speichern").click()
    expect(staff.page.locator(".capacity-in-the-way")).to_contain_text("2 Buchungen müssten umziehen")
    staff.page.get_by_role("link", name="Kunden fragen").first.click()
    expect(staff.page.get_by_role("heading", name="Das bieten wir per E-Mail an")).to_be_visible()
    staff.page.go_back()
    expect(staff.page.locator(".capacity-in-the-way")).to_contain_text("2 Buchungen müssten umziehen")


def test_a_template_is_tried_and_saved(site: Site, staff: Person, booked_day: date) -> None:
    staff.go("/workshop/capacity/template")
    first = booked_day + timedelta(days=(7 - booked_day.weekday()) % 7 + 14)
    staff.page.fill("#valid_from", str(first))
    for weekday in range(5):
        staff.page.fill(f"#max-{weekday}", "16")
    staff.page.locator("button[value=preview]").click()
    expect(staff.page.locator("#preview")).to_contain_text("Noch ist nichts gespeichert.")
    looking = Inspector(staff)
    looking.look()
    assert looking.wrong == []
    staff.page.locator("button[value=save]").click()
    expect(staff.page.locator(".flash-list")).to_contain_text("umgestellt")
    with site.data() as session:
        row = session.query(WorkshopCapacity).filter(
            WorkshopCapacity.date >= first, WorkshopCapacity.max_bookings == 16
        )
        assert row.count() > 3


def test_what_is_promised_beside_the_shifts_is_set_beside_the_template(site: Site, staff: Person) -> None:
    staff.go("/workshop/capacity/template")
    field = staff.page.get_by_label("Überbuchung der Jockeys, in Prozent")
    looking = Inspector(staff)
    for percent, says in (("301", "Bitte 50 bis 300 Prozent angeben."), ("200", "Kunden sehen es ab sofort.")):
        field.fill(percent)
        staff.page.get_by_role("button", name="Überbuchung speichern").click()
        expect(staff.page.get_by_text(says).first).to_be_visible()
        expect(field).to_have_value(percent)
        looking.look()
    assert looking.wrong == []


def test_every_state_of_the_pages_is_accessible(site: Site, meet: Meet, booked_day: date) -> None:
    with site.data() as session:
        if not session.query(User).filter_by(email="admin@example.org", role=Role.ADMIN).count():
            raise AssertionError("the site has an admin")
        holiday = session.query(WorkshopCapacity).order_by(WorkshopCapacity.date.desc()).first()
        holiday.is_holiday, holiday.note = True, "Erster Weihnachtstag"
        full = db.session.query(WorkshopCapacity).filter_by(max_bookings=0).first().date
        shut = holiday.date
    looking = Inspector(signed_in(meet))
    pages = (booked_day, full, shut, booked_day - timedelta(days=400), booked_day + timedelta(days=400))
    looking.look_at(*(f"/workshop/capacity?day={day}" for day in pages))
    english = Inspector(signed_in(meet, language="en"))
    english.look_at(f"/workshop/capacity?day={booked_day}&how=drop-off", "/workshop/capacity/template")
    english.person.page.locator(".capacity-tabs").wait_for()
    assert "Kapazität" not in english.page.locator("main").inner_text()
    assert looking.wrong + english.wrong == []
