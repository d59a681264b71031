"""Every page, for everybody who may open it: no finding of axe in light and dark, narrow and wide; nothing scrolls
sideways at 320 px; the browser has nothing to complain about."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from b2c_web.access import PERMISSIONS, PUBLIC, SIGNED_IN, access_of
from b2c_web.accounts.models import Address, Role, User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification
from b2c_web.payments.models import PaymentMethod
from b2c_web.workshops.models import RonjaVehicle, TimeSlot
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking, make_vehicle

AXE = (Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js").read_text()
FINDINGS = """async () => (await axe.run(document, {preload: false, resultTypes: ["violations"]})).violations.map(
  (one) => one.id + ": " + one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", "))"""
SETTLED = """() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => {
  for (const one of document.getAnimations()) if (one.effect.getComputedTiming().endTime < Infinity) one.finish();
  go(); })))"""
WIDTHS, SCHEMES, NARROWEST = (390, 1280), ("light", "dark"), 320
NOT_PAGES = {"static", "health", "capacity.coming_days_csv"}
Meet = Callable[..., Person]


def addresses(app: Flask, declared: set[str]) -> list[str]:
    """Every page without arguments whose access is one of `declared`: a new one is found by itself."""
    found = []
    for rule in app.url_map.iter_rules():
        plain = "GET" in (rule.methods or ()) and not rule.arguments and rule.endpoint not in NOT_PAGES
        if plain and access_of(app, rule.endpoint) in declared:
            found.append(rule.rule)
    return sorted(found)


def permissions_of(role: Role) -> set[str]:
    return {SIGNED_IN, *(name for name, roles in PERMISSIONS.items() if role in roles)}


class Inspector:
    """Looks at one page after the other and remembers what is wrong."""

    def __init__(self, person: Person) -> None:
        self.person, self.page, self.wrong = person, person.page, list[str]()

    def look_at(self, *paths: str) -> None:
        for path in paths:
            self.person.go(path)
            self.look()

    def look(self) -> None:
        """The page as it is open now."""
        where = self.page.url.removeprefix(self.person.site.address)
        for width, scheme in itertools.product(WIDTHS, SCHEMES):
            self._show(width, scheme)
            self.page.evaluate(AXE)
            self.wrong += [f"{where} {width} {scheme}: {finding}" for finding in self.page.evaluate(FINDINGS)]
        self._show(NARROWEST, "light")
        reached = self.page.evaluate("document.documentElement.scrollWidth")
        if reached > NARROWEST:
            self.wrong.append(f"{where} is {reached} wide at {NARROWEST}")

    def _show(self, width: int, scheme: Any) -> None:
        """At its full height: what is scrolled under a pinned bar would be reported as too small."""
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        self.page.set_viewport_size({"width": width, "height": 800})
        height = self.page.evaluate("document.documentElement.scrollHeight")
        self.page.set_viewport_size({"width": width, "height": min(height, 6000)})
        self.page.evaluate(SETTLED)


@pytest.fixture
def inspect(meet: Meet) -> Iterator[Callable[..., Inspector]]:
    made: list[Inspector] = []

    def inspector(person: Person | None = None) -> Inspector:
        made.append(Inspector(person or meet()))
        return made[-1]

    yield inspector
    assert [finding for one in made for finding in one.wrong] == []


def test_what_everybody_sees(site: Site, inspect: Callable[..., Inspector]) -> None:
    public = addresses(site.app, {PUBLIC})
    assert {"/", "/book", "/imprint", "/login"} <= set(public)
    inspect().look_at(*public, "/?plz=44137", "/?plz=80331", "/gibt-es-nicht", "/gibt-es-nicht?lang=en")


def test_the_five_steps(site: Site, meet: Meet, inspect: Callable[..., Inspector]) -> None:
    rosa = meet()
    steps = inspect(rosa)
    rosa.begin()
    draft = rosa.page.url.rsplit("/", 1)[0].removeprefix(site.address)
    steps.look_at(f"{draft}/car", f"{draft}/service", f"{draft}/date")
    rosa.page.set_viewport_size({"width": 390, "height": 844})
    rosa.windows().nth(0).click()
    rosa.page.locator("input[name=back]:checked").wait_for(state="attached")
    steps.look()
    steps.look_at(f"{draft}/date?slot=00000000-0000-0000-0000-000000000000", f"{draft}/date?day=2020-01-01")
    rosa.go(f"{draft}/date")
    rosa.pick()
    rosa.next()  # with nothing filled in
    steps.look()
    rosa.go(f"{draft}/contact")
    rosa.say()
    steps.look()


def test_a_customers_pages(site: Site, meet: Meet, inspect: Callable[..., Inspector]) -> None:
    rosa = meet()
    rosa.sign_in()
    looking = inspect(rosa)
    own = addresses(site.app, permissions_of(Role.CUSTOMER))
    assert {"/account", "/bookings", "/account/cars"} <= set(own)
    looking.look_at(*own)
    with site.data() as session:
        pages = things_of(session.query(User).filter_by(email=rosa.email).one())
    looking.look_at("/account/addresses", "/account/cars", "/account/cards", "/account/messages", *pages)


def things_of(user: User) -> list[str]:
    """One of everything that a customer can have, and the pages about it."""
    car = make_vehicle(user)
    place = Address(user_id=user.id, street="Am Beispielweg 12", postal_code="44137", city="Dortmund")
    facts = {"type": "card", "card_brand": "visa", "card_last4": "4242", "card_exp_month": 12, "card_exp_year": 2040}
    card = PaymentMethod(user_id=user.id, stripe_payment_method_id=f"pm_{user.id.hex}", **facts)
    account = PaymentMethod(user_id=user.id, stripe_payment_method_id=f"pm_a{user.id.hex}", type="sepa_debit")
    account.card_last4, account.mandate_reference = "3000", "NXDSYREGC9PSMKWY"
    db.session.add_all([place, card, account])
    db.session.flush()
    mail = db.session.query(Notification).filter_by(recipient=user.email).first()
    assert mail
    mail.user_id = user.id
    of_car, of_place = f"/account/cars/{car.id}", f"/account/addresses/{place.id}"
    pages = [of_car, f"{of_car}/archival", f"{of_car}/document", of_place, f"{of_place}/removal"]
    return [*pages, f"/account/cards/{card.id}/removal", f"/account/messages/{mail.id}", f"/dev/outbox/{mail.id}"]


def test_a_booking_in_every_state(site: Site, meet: Meet, inspect: Callable[..., Inspector]) -> None:
    rosa = meet()
    rosa.sign_in()
    with site.data() as session:
        made = bookings_in_every_state(session.query(User).filter_by(email=rosa.email).one())
    looking = inspect(rosa)
    looking.look_at("/bookings", *(f"/bookings/{booking_id}" for booking_id in made.values()))
    confirmed = f"/bookings/{made[BookingStatus.CONFIRMED]}"
    changes = ("?paid=1", "/car", "/move", "/cancellation", "/withdrawal")
    looking.look_at(*(f"{confirmed}{change}" for change in changes))
    looking.look_at(f"/bookings/{made[BookingStatus.IN_WORKSHOP]}/cancellation")


def bookings_in_every_state(user: User) -> dict[BookingStatus, Any]:
    slots = db.session.query(TimeSlot).order_by(TimeSlot.start_time).all()
    ronjas = db.session.query(RonjaVehicle).all()
    made: dict[BookingStatus, Any] = {}
    for n, status in enumerate(BookingStatus):
        pickup, back = slots[10 + 5 * n], slots[12 + 5 * n]
        made[status] = make_booking(pickup, back, ronja=ronjas[n % len(ronjas)], user=user, status=status).id
    return made


STAFF = [
    ("werkstatt", Role.WORKSHOP),
    ("disposition", Role.DISPATCHER),
    ("admin", Role.ADMIN),
    ("jockey", Role.JOCKEY),
]


@pytest.mark.parametrize(("name", "role"), STAFF)
def test_what_staff_see(site: Site, meet: Meet, inspect: Callable[..., Inspector], name: str, role: Role) -> None:
    someone = meet()
    someone.sign_in_as_staff(name)
    with site.data() as session:
        if not session.query(Booking).count():
            customer = User(email="kunde@example.org", name="Rosa Ahorn", role=Role.CUSTOMER)
            session.add(customer)
            session.flush()
            bookings_in_every_state(customer)
        days = [booking.slot.service_date.isoformat() for booking in session.query(Booking).limit(3)]
    looking = inspect(someone)
    looking.look_at(*addresses(site.app, permissions_of(role)))
    if role is not Role.JOCKEY:
        looking.look_at(*(f"/workshop?day={day}" for day in days), "/workshop?q=gibt-es-nicht")
