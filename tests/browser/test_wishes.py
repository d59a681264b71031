"""What was declined is wished at the next booking: on the customer's phone, on the workshop's tablet, to the yes."""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from b2c_web.accounts.models import Role, User
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.clock import now_utc
from b2c_web.extensions.models import DecisionRight, Extension, ExtensionStatus, WorkItem
from b2c_web.payments.commands import ensure_customer
from b2c_web.workshops.models import TimeSlot, Workshop
from tests.browser.inspecting import Inspector, looks_at
from tests.browser.person import Person
from tests.browser.site import Site
from tests.browser.test_extension import TABLET
from tests.factories import make_booking, make_vehicle
from tests.paying import Provider, save_method

Meet = Callable[..., Person]
PLATE = "WIT XY 311"


def item(name: str, price: int, quantity: str = "1") -> dict[str, object]:
    return {"name": name, "description": "", "price": price, "quantity": quantity, "media": []}


@dataclass
class Owner:
    """A customer whose car was here in summer; then they declined two of three items."""

    site: Site
    rosa: Person
    bella: Person

    def booking(self) -> Booking:
        """The newest one."""
        with self.site.data() as session:
            mine = session.query(Booking).join(User, User.id == Booking.user_id).filter(User.email == self.rosa.email)
            found = mine.order_by(Booking.created_at.desc()).first()
            session.expunge_all()
            return found

    def book(self, *wishes: str) -> uuid.UUID:
        """From the car to the confirmation, with these ticked; the car is brought."""
        phone = self.rosa.page
        self.rosa.go("/book?plz=44137")
        self.rosa.next()
        self.rosa.at("service")
        self.rosa.choose("service", 0)
        self.rosa.choose("concierge", 1)
        for name in wishes:
            phone.locator("#wish label", has_text=name).click()
        self.rosa.next()
        self.rosa.at("date")
        self.rosa.windows().nth(0).click()
        if self.rosa.javascript:
            expect(phone).to_have_url(re.compile(r"\?slot="))
        self.rosa.next()
        self.rosa.at("contact")
        for name, value in (("street", "Am Beispielweg 12"), ("city", "Dortmund"), ("name", "Rosa Ahorn")):
            phone.fill(f"#{name}", value)
        phone.fill("#phone", "0231 1234567")
        phone.check("#terms")
        self.rosa.next()
        self.rosa.at("summary")
        return uuid.UUID(phone.url.split("/")[4])

    def arrive(self, booking_id: uuid.UUID) -> None:
        """The car is checked in and worked on; a card is saved."""
        with self.site.data() as session:
            staff = session.query(User).filter_by(role=Role.WORKSHOP).first()
            bookings.check_in(staff, booking_id, mileage_km=85_000, early=True)
            bookings.start_work(staff, booking_id, unasked=True)
            user_id = session.get(Booking, booking_id).user_id
            ensure_customer(user_id)
            save_method(Provider(self.site.simulator, None), session.get(User, user_id), card="visa")  # type: ignore[arg-type]


@pytest.fixture
def owner(site: Site, meet: Meet) -> Iterator[Owner]:
    rosa, bella = meet(), meet(viewport=TABLET)
    rosa.is_signed_in()
    bella.is_signed_in("werkstatt")
    with site.data() as session:
        user = session.query(User).filter_by(email=rosa.email).one()
        car = make_vehicle(user, license_plate=PLATE)
        slot = session.query(TimeSlot).order_by(TimeSlot.start_time.desc()).first()
        facts = {"status": BookingStatus.COMPLETED, "vehicle_id": car.id, "created_at": now_utc() - timedelta(days=90)}
        earlier = make_booking(slot, user=user, **facts)
        then = now_utc() - timedelta(days=60)
        session.add(
            Extension(
                booking_id=earlier.id,
                description="Die Beläge sind fast durch.",
                items=[item("Bremsbeläge hinten", 11900), item("Bremsscheiben hinten", 9950, "2")],
                total_amount=31800,
                status=ExtensionStatus.DECLINED,
                requested_at=then,
                declined_at=then,
                decision_right=DecisionRight.CUSTOMER,
                decision_channel="web",
                vat_rate_percent=19,
            )
        )
        workshop = session.query(Workshop).first()
        if not session.query(WorkItem).filter_by(name="Bremsbeläge hinten").count():
            session.add(WorkItem(workshop_id=workshop.id, name="Bremsbeläge hinten", price=12900))
    yield Owner(site, rosa, bella)
    for person in (rosa, bella):
        person.forgives_leaving()


@looks_at("extensions.wishes")
def test_a_wish_from_the_tick_to_the_yes(owner: Owner, meet: Meet) -> None:
    phone, tablet = owner.rosa.page, owner.bella.page
    own, staff = Inspector(owner.rosa), Inspector(owner.bella)
    owner.book("Bremsbeläge hinten", "Bremsscheiben hinten")
    expect(phone.locator("#wishes")).to_contain_text("Bremsscheiben hinten")
    own.look()
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.locator("#wishes").get_by_role("link", name=re.compile("ändern")).click()  # back to step 2: kept
    expect(phone.locator("#wish input:checked")).to_have_count(2)
    own.look()
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.go_back()
    owner.rosa.book()
    owner.rosa.pay()
    phone.wait_for_url(re.compile("paid=1"))
    expect(phone.locator("#wishes")).to_contain_text("wartet auf das Angebot")
    own.look()
    booking = owner.booking()

    own.look_at(f"/bookings/{booking.id}/wishes")
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.locator("#wish label", has_text="Bremsscheiben hinten").click()
    phone.get_by_role("button", name="Wünsche speichern").click()
    expect(phone.locator("#wishes")).not_to_contain_text("Bremsscheiben hinten")

    day = booking.pickup_time.date().isoformat()
    owner.bella.go(f"/workshop?day={day}")
    expect(tablet.locator(f"#car-{booking.id}")).to_contain_text("1 Wunsch")
    owner.arrive(booking.id)
    owner.bella.go(f"/workshop/bookings/{booking.id}")
    staff.look()
    tablet.set_viewport_size(TABLET)
    tablet.get_by_role("button", name="Als Erweiterung anbieten").click()
    expect(tablet.locator("#items-0-name")).to_have_value("Bremsbeläge hinten")
    expect(tablet.locator("#items-0-price")).to_have_value("129,00")  # today's price
    expect(tablet.locator("#offer output")).to_have_text("129,00 EUR")
    staff.look()
    tablet.set_viewport_size(TABLET)
    tablet.get_by_role("button", name="An Kunden senden").click()
    tablet.wait_for_url(re.compile("/workshop/extensions/"))
    owner.bella.go(f"/workshop/bookings/{booking.id}")
    expect(tablet.locator("#wishes")).to_contain_text("ist angeboten")
    expect(tablet.get_by_role("button", name="Als Erweiterung anbieten")).to_have_count(0)
    owner.rosa.go(f"/bookings/{booking.id}")
    own.look()
    phone.set_viewport_size({"width": 390, "height": 844})
    phone.get_by_role("link", name="Ansehen und entscheiden").click()
    phone.locator("label[for=item-0]").click()
    phone.get_by_role("button", name="129,00 EUR freigeben").click()
    expect(phone.locator("#outcome")).to_contain_text("Freigegeben: 129,00 EUR")
    owner.rosa.go(f"/bookings/{booking.id}")
    expect(phone.locator("#wishes")).to_contain_text("freigegeben")


@looks_at("extensions.wish_dismissal")
def test_a_wish_is_answered_and_the_customer_reads_why(owner: Owner) -> None:
    phone, tablet = owner.rosa.page, owner.bella.page
    owner.book("Bremsbeläge hinten")
    owner.rosa.book()
    owner.rosa.pay()
    phone.wait_for_url(re.compile("paid=1"))
    booking = owner.booking()
    owner.bella.go(f"/workshop/bookings/{booking.id}")
    tablet.locator("#wishes").get_by_role("link", name="Nicht anbieten").click()
    tablet.locator("#words").wait_for()
    Inspector(owner.bella).look_at(urlsplit(tablet.url).path)
    tablet.set_viewport_size(TABLET)
    tablet.fill("#words", "Sie halten noch ein Jahr.")
    tablet.get_by_role("button", name="Antwort speichern").click()
    expect(tablet.locator("#wishes")).to_contain_text("Sie halten noch ein Jahr.")
    owner.rosa.go(f"/bookings/{booking.id}")
    expect(phone.locator("#wishes")).to_contain_text("Die Werkstatt sagt: Sie halten noch ein Jahr.")


def test_without_script_a_wish_is_ticked_and_booked(owner: Owner, meet: Meet) -> None:
    plain = meet(javascript=False)
    plain.email = owner.rosa.email
    plain.is_signed_in()
    quiet = Owner(owner.site, plain, owner.bella)
    quiet.book("Bremsscheiben hinten")
    expect(plain.page.locator("#wishes")).to_contain_text("Bremsscheiben hinten")


@looks_at("extensions.work_item")
def test_the_catalogue_on_a_tablet(owner: Owner) -> None:
    tablet, inspector = owner.bella.page, Inspector(owner.bella)
    owner.bella.go("/workshop/catalogue")
    tablet.get_by_role("link", name="Arbeit hinzufügen").click()
    tablet.fill("#name", "Motoröl auffüllen")
    tablet.fill("#price", "viel")
    tablet.get_by_role("button", name="Speichern").click()
    expect(tablet.locator("#errors")).to_contain_text("Bitte als Betrag")
    inspector.look()
    tablet.set_viewport_size(TABLET)
    tablet.fill("#price", "15,99")
    tablet.fill("#quantity", "4,5")
    tablet.get_by_role("button", name="Speichern").click()
    expect(tablet.locator("#usual-work")).to_contain_text("4,5 × 15,99 EUR")
    tablet.wait_for_load_state("networkidle")  # what is typed before is not heard
    tablet.get_by_role("searchbox", name="Arbeit suchen").fill("motor")
    expect(tablet.locator("#usual-work li")).to_have_count(1)
    expect(tablet).to_have_url(re.compile("q=motor"))
    inspector.look()
    tablet.set_viewport_size(TABLET)
    small = tablet.evaluate(
        """() => [...document.querySelectorAll("main a, main button, main input, main select")]
          .filter((one) => one.offsetParent && one.getBoundingClientRect().height < 56)
          .map((one) => one.outerHTML.slice(0, 80))"""
    )
    assert small == []
    tablet.locator("#usual-work li a").click()
    tablet.get_by_role("button", name="Ins Archiv legen").wait_for()
    inspector.look_at(urlsplit(tablet.url).path)
    tablet.get_by_role("button", name="Ins Archiv legen").click()
    expect(tablet.locator("#usual-work")).not_to_contain_text("Motoröl auffüllen")
