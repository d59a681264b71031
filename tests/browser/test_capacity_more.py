"""A customer is asked to move and answers on the phone; somebody waits for a full day; the planners' pages."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from playwright.sync_api import expect

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.capacity.jobs import sweep_waiting
from b2c_web.capacity.move_models import MoveOffer
from b2c_web.capacity.waiting_models import WaitingEntry, WaitingState
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import RonjaVehicle, TimeSlot, WorkshopCapacity
from tests.browser.inspecting import Inspector, looks_at
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking, make_vehicle

Meet = Callable[..., Person]
TABLET = {"width": 1180, "height": 820}


def booked(site: Site, email: str, day: int) -> Any:
    """A concierge booking of this customer on the day of that number, and its id."""
    with site.data() as session:
        user = session.query(User).filter_by(email=email).one()
        slots = session.query(TimeSlot).order_by(TimeSlot.start_time).all()
        ronja = session.query(RonjaVehicle).order_by(RonjaVehicle.id).all()[day % 6]
        car = make_vehicle(user)
        return make_booking(slots[5 * day], slots[5 * day + 2], ronja=ronja, user=user, vehicle_id=car.id).id


def link_of(site: Site, booking_id: Any) -> str:
    with site.data() as session:
        wanted = {"booking_id": booking_id, "kind": NotificationKind.MOVE_ASKED}
        return str(session.query(Notification).filter_by(**wanted).one().context["link_path"])


def asking(staff: Person, day: date) -> None:
    """The tablet: what if the day took nobody, and the customer is asked."""
    staff.go(f"/workshop/capacity/what-if?first={day}&last={day}&maximum=0")
    staff.page.get_by_role("link", name="Kunden fragen").first.click()
    expect(staff.page.get_by_role("heading", name="Das bieten wir per E-Mail an")).to_be_visible()
    staff.page.get_by_role("button", name="Frage senden").click()
    expect(staff.page.get_by_text("wartet auf Antwort").first).to_be_visible()


@pytest.mark.parametrize(("javascript", "day"), [(True, 4), (False, 6)])
def test_asked_on_the_tablet_answered_on_the_phone(site: Site, meet: Meet, javascript: bool, day: int) -> None:
    staff, rosa = meet(viewport=TABLET), meet(javascript=javascript)
    staff.is_signed_in("werkstatt")
    rosa.is_signed_in()
    booking_id = booked(site, rosa.email, day)
    with site.data() as session:
        before = session.get(Booking, booking_id)
        slot_id, on = before.slot_id, before.slot.service_date
    asking(staff, on)
    phone = meet(javascript=javascript)  # another browser: nobody is signed in there
    phone.go(link_of(site, booking_id))
    phone.page.locator("label[for=choice-2]").click()
    phone.page.get_by_role("button", name="Diesen Termin nehmen").click()
    expect(phone.page.get_by_role("heading", name="Danke, Ihr Termin ist verlegt")).to_be_visible()
    with site.data() as session:
        assert session.get(Booking, booking_id).slot_id != slot_id
        offer = session.query(MoveOffer).filter_by(booking_id=booking_id).one()
        assert offer.state.value == "MOVED"
    staff.go("/workshop/capacity/moves")
    expect(staff.page.get_by_text("verlegt", exact=True).first).to_be_visible()


@pytest.mark.parametrize(("javascript", "day"), [(True, 11), (False, 19)])
def test_waiting_for_a_full_day(site: Site, meet: Meet, javascript: bool, day: int) -> None:
    """The furnished day takes nobody; a place appears, is held, and the list says so."""
    rosa = meet(javascript=javascript)
    with site.data() as session:
        full = session.query(WorkshopCapacity).order_by(WorkshopCapacity.date).all()[day]
        on = full.date
    rosa.begin()
    draft = rosa.page.url.rsplit("/", 1)[0].removeprefix(site.address)
    rosa.go(f"{draft}/date?month={on.replace(day=1)}")
    rosa.page.locator(f'a[href="?day={on}#windows"]').click()
    rosa.page.get_by_role("link", name="Auf die Warteliste").click()
    rosa.page.wait_for_url("**/waiting?day=*")
    say(rosa)
    rosa.page.get_by_role("button", name="Auf die Warteliste").click()
    rosa.page.get_by_label("Code aus der E-Mail").fill(site.code_for(rosa.email))
    rosa.page.get_by_role("button", name="Auf die Warteliste").click()
    expect(rosa.page.get_by_text("wartet", exact=True).first).to_be_visible()
    with site.data() as session:
        session.query(WorkshopCapacity).filter_by(date=on).one().max_bookings = 1
    told(site)
    rosa.go("/account/waiting")
    rosa.page.get_by_role("link", name="Ansehen und bezahlen").click()
    rosa.page.wait_for_url("**/bookings/*")
    with site.data() as session:
        entry = session.query(WaitingEntry).filter_by(day=on).one()
        assert entry.state is WaitingState.TOLD
        assert session.get(Booking, entry.booking_id).status is BookingStatus.PENDING


def say(rosa: Person) -> None:
    fields = {"Vor- und Nachname": "Rosa Ahorn", "E-Mail-Adresse": rosa.email, "Telefon": "0231 1234567"}
    for label, words in (fields | {"Straße und Hausnummer": "Am Beispielweg 12", "Ort": "Dortmund"}).items():
        rosa.page.get_by_label(label, exact=True).fill(words)
    rosa.page.locator("#terms").check()


def told(site: Site) -> None:
    with site.app.app_context():
        sweep_waiting()


@looks_at("offers.move", "offers.own_move", "capacity.ask_to_move")
def test_the_pages_in_use_hold_up(site: Site, meet: Meet) -> None:
    """With something on them: axe in both schemes, narrow and wide, nothing scrolls sideways at 320 px."""
    staff, rosa = meet(viewport=TABLET), meet()
    staff.is_signed_in("werkstatt")
    rosa.is_signed_in()
    booking_id = booked(site, rosa.email, 7)
    with site.data() as session:
        on = session.get(Booking, booking_id).slot.service_date
    looking, phone = Inspector(staff), Inspector(rosa)
    looking.look_at(f"/workshop/capacity/moves/{booking_id}?reason=Inventur")
    asking(staff, on)
    looking.look_at(
        f"/workshop/capacity/moves/{booking_id}",
        f"/workshop/capacity/what-if?first={on}&last={on}&maximum=0&jockeys=-1",
        "/workshop/capacity/moves",
        "/workshop/capacity/waiting",
        "/workshop/capacity/figures",
        "/workshop/capacity/days",
    )
    with site.data() as session:
        offer = session.query(MoveOffer).filter_by(booking_id=booking_id).one().id
    looking.look_at("/workshop/capacity/what-if?first=&last=", status=422)
    phone.look_at(link_of(site, booking_id), f"/bookings/moves/{offer}", f"/bookings/{booking_id}", "/account/waiting")
