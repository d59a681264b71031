"""Every page, for everybody who may open it, in German and English: no finding of axe in light and dark, narrow and
wide; nothing scrolls sideways at 320 px; the browser has nothing to complain about.

Pages without arguments are found by themselves. Any other page is one line: its address for `look_at` and its route's
name in `@looks_at`, in the case that has what it shows; `tests/unit/test_looked_at.py` fails until that is done.
"""

from collections.abc import Callable
from typing import Any

import pytest
from flask import abort, request

from b2c_web import errors
from b2c_web.access import PUBLIC, public
from b2c_web.accounts.models import Address, Role, User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification
from b2c_web.payments.models import PaymentMethod
from b2c_web.workshops.models import RonjaVehicle, TimeSlot, WorkshopCapacity
from tests.browser.inspecting import Inspector, found_by_itself, looks_at, permissions_of
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking, make_vehicle
from tests.factories.messages import make_message

Meet = Callable[..., Person]


@looks_at()
def test_what_everybody_sees(site: Site, meet: Meet) -> None:
    found = found_by_itself(site.app, {PUBLIC})
    assert {"landing.index", "bookings.start", "landing.imprint", "accounts.login"} <= set(found)
    looking = Inspector(meet())
    looking.look_at(*found.values(), "/?plz=44137", "/?plz=80331")
    looking.look_at("/gibt-es-nicht", status=404)


REFUSALS = {
    400: lambda: abort(400),
    403: errors.NotAllowed,
    404: errors.NotFound,
    405: lambda: abort(405),
    409: errors.Conflict,
    413: lambda: abort(413),
    422: errors.Invalid,
    429: lambda: errors.TooMany(retry_after_seconds=90),
    500: RuntimeError,
    503: errors.Busy,
}


@looks_at()
def test_what_went_wrong(site: Site, meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise REFUSALS[int(request.args["status"])]()

    monkeypatch.setitem(site.app.view_functions, "landing.help", public(refuse))
    rosa = meet()
    looking = Inspector(rosa)
    for status in REFUSALS:
        looking.look_at(f"/help?status={status}", status=status)
    rosa.complaints[:] = [said for said in rosa.complaints if "the server responded with a status of" not in said]


@looks_at("bookings.car", "bookings.service", "bookings.date")
def test_the_first_steps(site: Site, meet: Meet) -> None:
    rosa = meet()
    steps = Inspector(rosa)
    rosa.begin()
    draft = rosa.page.url.rsplit("/", 1)[0].removeprefix(site.address)
    steps.look_at(f"{draft}/car", f"{draft}/service", f"{draft}/date")
    rosa.page.set_viewport_size({"width": 390, "height": 844})
    rosa.windows().nth(0).click()
    rosa.page.locator("input[name=back]:checked").wait_for(state="attached")
    steps.look()
    steps.look_at(f"{draft}/date?slot=00000000-0000-0000-0000-000000000000", f"{draft}/date?day=2020-01-01")


@looks_at("bookings.contact", "bookings.code", "bookings.summary")
def test_the_last_steps(site: Site, meet: Meet) -> None:
    rosa = meet()
    steps = Inspector(rosa)
    rosa.begin()
    rosa.pick()
    draft = rosa.page.url.rsplit("/", 1)[0].removeprefix(site.address)
    rosa.next()  # with nothing filled in
    rosa.refused()
    steps.look()
    steps.look_at(f"{draft}/contact")
    rosa.say_who()
    steps.look_at(f"{draft}/code")
    rosa.page.locator("main form .btn-primary").click()  # without the code
    rosa.refused()
    steps.look()
    rosa.say_code()
    steps.look_at(f"{draft}/summary")


@looks_at("offers.join_waiting", "offers.waiting_code")
def test_the_waiting_list(site: Site, meet: Meet) -> None:
    rosa = meet()
    rosa.begin()
    draft = rosa.page.url.rsplit("/", 1)[0].removeprefix(site.address)
    with site.data() as session:
        full = session.query(WorkshopCapacity).filter_by(max_bookings=0).first().date
    looking = Inspector(rosa)
    looking.look_at(f"{draft}/waiting?day={full}")
    rosa.page.locator("main form .btn-primary").click()  # with nothing filled in
    rosa.refused()
    looking.look()
    rosa.go(f"{draft}/waiting?day={full}")
    rosa.fill_in()
    rosa.page.locator("main form .btn-primary").click()
    rosa.at("code")
    looking.look_at(f"{draft}/waiting/code?day={full}")


@looks_at("accounts.code", "accounts.email_code")
def test_codes(site: Site, meet: Meet) -> None:
    rosa = meet()
    looking = Inspector(rosa)
    rosa.go("/login")
    rosa.page.fill("#email", rosa.email)
    rosa.page.locator("main form .btn-primary").click()
    rosa.at("code")
    looking.look_at("/login/code")
    rosa.sign_in()
    rosa.go("/account/email")
    rosa.page.fill("#email", f"new-{rosa.email}")
    rosa.page.locator("main form .btn-primary").click()
    rosa.at("code")
    looking.look_at("/account/email/code")


OF_A_CUSTOMER = (
    "vehicles.car", "vehicles.archival", "vehicles.document", "accounts.address", "accounts.address_removal",
    "payments.removal", "notifications.my_message", "notifications.outbox_message",
)  # fmt: skip


@looks_at()
def test_a_customers_pages(site: Site, meet: Meet) -> None:
    rosa = meet()
    rosa.is_signed_in()
    own = found_by_itself(site.app, permissions_of(Role.CUSTOMER))
    assert {"accounts.account", "bookings.mine", "vehicles.cars"} <= set(own)
    Inspector(rosa).look_at(*own.values())


@looks_at(*OF_A_CUSTOMER)
def test_a_customers_things(site: Site, meet: Meet) -> None:
    rosa = meet()
    rosa.sign_in()  # a code is mailed
    with site.data() as session:
        things = things_of(session.query(User).filter_by(email=rosa.email).one())
    site.work()  # the message is written
    lists = ("/account/addresses", "/account/cars", "/account/cards", "/account/messages")
    Inspector(rosa).look_at(*lists, *things)


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
    code = db.session.query(Notification).filter_by(recipient=user.email).one()
    mail = make_message(key=str(user.id), user_id=user.id, recipient=user.email)
    of_car, of_place = f"/account/cars/{car.id}", f"/account/addresses/{place.id}"
    pages = [of_car, f"{of_car}/archival", f"{of_car}/document", of_place, f"{of_place}/removal"]
    return [*pages, f"/account/cards/{card.id}/removal", f"/account/messages/{mail.id}", f"/dev/outbox/{code.id}"]


OF_A_BOOKING = ("show", "car_details", "early_start", "move", "cancellation", "withdrawal", "return_window")


@looks_at(*(f"bookings.{page}" for page in OF_A_BOOKING))
def test_a_booking_in_every_state(site: Site, meet: Meet) -> None:
    rosa = meet()
    rosa.is_signed_in()
    with site.data() as session:
        made = bookings_in_every_state(session.query(User).filter_by(email=rosa.email).one())
    looking = Inspector(rosa)
    looking.look_at("/bookings", *(f"/bookings/{booking_id}" for booking_id in made.values()))
    confirmed = f"/bookings/{made[BookingStatus.CONFIRMED]}"
    changes = ("?paid=1", "/car", "/early-start", "/move", "/cancellation", "/withdrawal")
    looking.look_at(*(f"{confirmed}{change}" for change in changes))
    at_work = f"/bookings/{made[BookingStatus.IN_WORKSHOP]}"
    looking.look_at(f"{at_work}/cancellation", f"{at_work}/withdrawal")
    with site.data() as session:
        session.get_one(Booking, made[BookingStatus.IN_WORKSHOP]).withdrawn_at = now_utc()
    looking.look_at(at_work, f"{at_work}/withdrawal")
    looking.look_at(f"/bookings/{made[BookingStatus.READY_FOR_RETURN]}/return")


def bookings_in_every_state(user: User) -> dict[BookingStatus, Any]:
    slots = db.session.query(TimeSlot).order_by(TimeSlot.start_time).all()
    ronjas = db.session.query(RonjaVehicle).all()
    made: dict[BookingStatus, Any] = {}
    for n, status in enumerate(BookingStatus):
        pickup, back = slots[10 + 5 * n], slots[12 + 5 * n]
        made[status] = make_booking(pickup, back, ronja=ronjas[n % len(ronjas)], user=user, status=status).id
    return made


# what dispatchers and admins may open too: theirs differs in the frame around it, which their other pages show
ALSO_THE_WORKSHOPS = {
    "accounts.account", "accounts.password", "accounts.sessions", "capacity.asked_moves", "capacity.coming_days",
    "capacity.figures", "capacity.template", "capacity.waiting_list", "capacity.what_if_page",
    "extensions.new_work_item",
}  # fmt: skip
STAFF = [
    ("werkstatt", Role.WORKSHOP),
    ("disposition", Role.DISPATCHER),
    ("admin", Role.ADMIN),
    ("jockey", Role.JOCKEY),
]


@pytest.mark.parametrize(("name", "role"), STAFF)
@looks_at()
def test_what_staff_see(site: Site, meet: Meet, name: str, role: Role) -> None:
    someone = meet()
    someone.is_signed_in(name)
    with site.data() as session:
        if not session.query(Booking).count():
            customer = User(email="kunde@example.org", name="Rosa Ahorn", role=Role.CUSTOMER)
            session.add(customer)
            session.flush()
            bookings_in_every_state(customer)
        days = [booking.slot.service_date.isoformat() for booking in session.query(Booking).limit(3)]
    pages = found_by_itself(site.app, permissions_of(role))
    if role in (Role.DISPATCHER, Role.ADMIN):
        pages = {name: path for name, path in pages.items() if name not in ALSO_THE_WORKSHOPS}
    looking = Inspector(someone)
    looking.look_at(*pages.values())
    if role is not Role.JOCKEY:
        looking.look_at(*(f"/workshop?day={day}" for day in days), "/workshop/cars?q=gibt-es-nicht")


@looks_at("notifications.kept_message")
def test_what_was_written_to_whom(site: Site, meet: Meet) -> None:
    admin = meet()
    admin.sign_in()  # a code is mailed, and kept
    admin.page.context.clear_cookies()
    admin.is_signed_in("admin")
    with site.data() as session:
        mail = session.query(Notification).filter_by(recipient=admin.email).one().id
    Inspector(admin).look_at(f"/admin/messages/{mail}")
