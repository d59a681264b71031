"""An extension on two screens at once: the workshop's tablet and the customer's phone, from the photo to the charge."""

import itertools
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import now_utc
from b2c_web.extensions import commands
from b2c_web.extensions.items import Item, Offer
from b2c_web.extensions.models import AuthorizationStatus as Money
from b2c_web.extensions.models import Extension, WorkItem
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.commands import ensure_customer
from b2c_web.payments.models import PaymentMethod, PaymentPurpose
from b2c_web.payments.queries import payments_of
from b2c_web.request_cycle import LANGUAGES
from b2c_web.workshops.models import TimeSlot, Workshop
from tests.browser.driving import PHOTO
from tests.browser.inspecting import Inspector, looks_at
from tests.browser.person import Person, text
from tests.browser.site import Site
from tests.commands.extending import OFFER, OIL, PADS
from tests.factories import make_booking, make_vehicle
from tests.paying import Provider, save_method

TABLET = {"width": 1180, "height": 820}
# as where no script runs: the sum that script has brought is not sent along
SENT_WITHOUT_SUM = """() => { document.querySelector("[name=amount_cents]")?.remove();
  document.getElementById("decision").submit(); }"""
Meet = Callable[..., Person]


@dataclass
class Garage:
    """A car in the workshop, with its customer's card saved; `bella` works on it, `rosa` owns it."""

    site: Site
    bella: Person
    rosa: Person
    booking_id: uuid.UUID

    @property
    def new(self) -> str:
        return f"/workshop/bookings/{self.booking_id}/extensions/new"

    def mailed(self, kind: NotificationKind = NotificationKind.EXTENSION_RAISED) -> str:
        """The newest link that was mailed to the customer."""
        self.site.work()
        with self.site.data() as session:
            mails = session.query(Notification).filter_by(booking_id=self.booking_id, kind=kind)
            return str(mails.order_by(Notification.id.desc()).first().context["link_path"])

    def extension(self) -> Extension:
        """The newest one."""
        with self.site.data() as session:
            mine = session.query(Extension).filter_by(booking_id=self.booking_id)
            found = mine.order_by(Extension.requested_at.desc(), Extension.id.desc()).first()
            session.expunge(found)
            return found

    def raise_offer(self) -> str:
        """Three items with a photo, sent; returns the extension's path for staff."""
        page = self.bella.page
        self.bella.go(self.new)
        page.fill("#description", "Die Bremsbeläge sind fast durch, die Scheiben haben Riefen.")
        names = ("Bremsbeläge vorn", "Bremsscheiben vorn", "Innenraumfilter")
        for name in names:  # quickly: no tap is lost, and no line
            page.locator(".catalog-item", has_text=name).click()
        for name in names:
            expect(page.locator("#offer")).to_contain_text(name)
        page.get_by_role("button", name="An Kunden senden").click()
        page.wait_for_url(re.compile("/workshop/extensions/"))
        return page.url.removeprefix(self.site.address)


USUAL = (("Bremsbeläge vorn", 18999), ("Bremsscheiben vorn", 24999), ("Innenraumfilter", 3990))


@pytest.fixture
def garage(site: Site, meet: Meet) -> Iterator[Garage]:
    bella, rosa = meet(viewport=TABLET), meet()
    rosa.is_signed_in()
    bella.is_signed_in("werkstatt")
    with site.data() as session:
        user = session.query(User).filter_by(email=rosa.email).one()
        workshop = session.query(Workshop).first()
        with_room = session.query(TimeSlot).filter(TimeSlot.current_bookings < TimeSlot.max_bookings)
        slot = with_room.order_by(TimeSlot.start_time).first()
        car = make_vehicle(user, license_plate="WIT XY 207")
        now = now_utc()
        facts = {"vehicle_id": car.id, "workshop_checkin_at": now, "work_started_at": now, "mileage_km": 84_210}
        booking = make_booking(slot, user=user, status=BookingStatus.IN_WORKSHOP, standing_limit_cents=20_000, **facts)
        if not session.query(WorkItem).count():
            session.add_all(WorkItem(workshop_id=workshop.id, name=name, price=price) for name, price in USUAL)
        booking_id, user_id = booking.id, user.id
    with site.data() as session:
        ensure_customer(user_id)
        save_method(Provider(site.simulator, None), session.get(User, user_id), card="visa")  # type: ignore[arg-type]
    yield Garage(site, bella, rosa, booking_id)
    for person in (bella, rosa):
        person.forgives_leaving()


def test_two_of_three_are_approved_and_exactly_they_are_charged(garage: Garage) -> None:
    tablet, phone = garage.bella.page, garage.rosa.page
    garage.bella.go(garage.new)
    tablet.fill("#description", "Die Bremsbeläge sind fast durch.")
    tablet.locator(".catalog-item", has_text="Bremsbeläge vorn").click()
    expect(tablet.locator("#offer output")).to_have_text("189,99 EUR")
    tablet.locator(".catalog-item", has_text="Bremsscheiben vorn").click()
    expect(tablet.locator("#offer output")).to_have_text("439,98 EUR")
    expect(tablet.locator(".catalog-item[aria-pressed=true]")).to_have_count(2)
    tablet.get_by_role("button", name="Andere Arbeit mit eigenem Preis").click()
    tablet.fill("#items-2-name", "Motoröl")
    tablet.fill("#items-2-quantity", "4,5")
    tablet.fill("#items-2-price", "15,99")
    expect(tablet.locator("#offer output")).to_have_text("511,94 EUR")
    field = tablet.locator("#media")
    field.locator("input[type=file]").set_input_files(PHOTO)  # type: ignore[arg-type]
    expect(field.locator(".media-item")).to_have_count(1)
    expect(tablet.locator(".saved-note")).to_be_visible()
    tablet.wait_for_timeout(1000)  # the draft saves itself
    garage.bella.go("/workshop")  # the tab is closed
    garage.site.work()
    garage.bella.go(garage.new)
    expect(tablet.locator("#items-2-price")).to_have_value("15,99")
    expect(tablet.locator("#media .media-item img")).to_be_visible()
    tablet.get_by_role("button", name="An Kunden senden").click()
    expect(tablet.locator("#begin")).to_contain_text("Noch nicht beginnen")

    garage.rosa.go(garage.mailed())
    expect(phone.locator(".photo-gallery img").first).to_be_visible()
    phone.locator("label[for=item-0]").click()
    expect(phone.locator("#sum-bar button")).to_have_text("189,99 EUR freigeben")
    phone.locator("label[for=item-1]").click()
    expect(phone.locator("#sum-bar button")).to_have_text("439,98 EUR freigeben")
    phone.locator("#sum-bar button").click()
    expect(phone.locator("#outcome")).to_contain_text("Freigegeben: 439,98 EUR")
    expect(phone.locator("#outcome")).to_contain_text("Abgebucht wird erst, wenn die Arbeit fertig ist.")

    expect(tablet.locator("#begin")).to_contain_text("kann gemacht werden")  # without reloading
    garage.bella.go(f"/workshop/bookings/{garage.booking_id}/completion")
    tablet.get_by_role("button", name="Fertig melden, 439,98 EUR werden eingezogen").click()
    tablet.wait_for_url(re.compile(f"/workshop/bookings/{garage.booking_id}$"))
    garage.site.work()
    with garage.site.data() as session:
        extension = session.get(Extension, garage.extension().id)
        taken = [one.captured_cents for one in payments_of(PaymentPurpose.EXTENSION, extension.id)]
        assert (extension.captured_amount_cents, taken) == (43998, [43998])
        assert session.get(Booking, garage.booking_id).status is BookingStatus.READY_FOR_RETURN
    expect(phone.locator("#outcome")).to_contain_text("439,98 EUR sind abgebucht")  # without reloading


def test_what_is_mended_leaves_the_list_of_mistakes_and_its_field(garage: Garage) -> None:
    page = garage.bella.page
    garage.bella.go(garage.new)
    for _twice in range(2):
        page.get_by_role("button", name="Andere Arbeit mit eigenem Preis").click()
    expect(page.locator("#lines fieldset.line-edit")).to_have_count(2)
    for number, quantity in ((0, "0"), (1, "viele")):
        page.fill(f"#items-{number}-name", "Motoröl")
        page.fill(f"#items-{number}-price", "15,99")
        page.fill(f"#items-{number}-quantity", quantity)
    page.get_by_role("button", name="An Kunden senden").click()
    mistakes = page.locator("#errors li")
    page.wait_for_load_state()  # with its scripts
    expect(mistakes).to_have_count(3)
    expect(page.locator("#errors")).not_to_contain_text("3 Angaben")
    page.fill("#items-0-quantity", "1")
    expect(mistakes).to_have_count(2)
    expect(page.locator("#items-0-quantity-error")).to_have_count(0)
    expect(page.locator("#items-0-quantity")).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#items-1-quantity-error")).to_be_visible()
    page.get_by_role("button", name="Aus dem Angebot nehmen").first.click()
    expect(page.locator("#lines fieldset.line-edit")).to_have_count(1)
    expect(mistakes).to_have_text([re.compile("Was haben Sie gefunden")])
    page.fill("#description", "Das Öl ist alt.")
    expect(page.locator("#errors")).to_have_count(0)


def test_what_is_typed_while_a_line_is_added_stays(garage: Garage) -> None:
    page = garage.bella.page
    garage.bella.go(garage.new)
    page.locator(".catalog-item", has_text="Innenraumfilter").click()
    expect(page.locator("#lines fieldset.line-edit")).to_have_count(1)
    expect(page.locator(".saved-note")).to_be_visible()
    held: list[Route] = []
    page.route("**/extensions/draft", lambda route: route.continue_() if held else held.append(route))
    with page.expect_request("**/extensions/draft"):
        page.get_by_role("button", name="Andere Arbeit mit eigenem Preis").click()
    page.fill("#items-0-price", "44,90")
    held[0].continue_()
    expect(page.locator("#lines fieldset.line-edit")).to_have_count(2)
    expect(page.locator("#items-0-price")).to_have_value("44,90")
    expect(page.locator("#offer output")).to_have_text("44,90 EUR")


def test_without_script_the_choice_is_checked_first(garage: Garage, meet: Meet) -> None:
    garage.raise_offer()
    plain = meet(javascript=False)
    plain.go(garage.mailed())
    plain.page.locator("label[for=item-0]").click()
    plain.page.locator("label[for=item-2]").click()
    plain.page.get_by_role("button", name="Auswahl prüfen").click()
    expect(plain.page.locator("h1")).to_have_text("Sollen wir das machen?")
    assert "229,89 EUR" in text(plain.page.locator(".item-sum"))
    plain.page.get_by_role("button", name="229,89 EUR freigeben").click()
    expect(plain.page.locator("#outcome")).to_contain_text("Freigegeben: 229,89 EUR")
    assert garage.extension().approved_amount_cents == 22989


def test_staff_write_an_offer_without_script(garage: Garage, meet: Meet) -> None:
    plain = meet(javascript=False, viewport=TABLET)
    plain.is_signed_in("werkstatt")
    plain.go(garage.new)
    plain.page.fill("#description", "Der Filter ist zu.")
    plain.page.locator(".catalog-item", has_text="Innenraumfilter").click()
    expect(plain.page.locator("#offer output")).to_have_text("39,90 EUR")
    plain.page.fill("#items-0-quantity", "2")
    plain.page.get_by_role("button", name="An Kunden senden").click()
    plain.page.wait_for_url(re.compile("/workshop/extensions/"))
    assert garage.extension().total_amount == 7980


def test_a_question_and_its_answer_arrive_while_both_look(garage: Garage) -> None:
    tablet, phone = garage.bella.page, garage.rosa.page
    garage.raise_offer()
    garage.rosa.go(f"/extensions/{garage.extension().id}")
    phone.locator("#ask summary").click()
    phone.fill("#ask textarea", "Hält das noch bis Mai?")
    phone.get_by_role("button", name="Frage senden").click()
    expect(phone.locator("#talk")).to_contain_text("Hält das noch bis Mai?")
    expect(tablet.locator("#extension-now")).to_contain_text("Hält das noch bis Mai?")
    tablet.fill("#words", "Eher nicht.")
    tablet.get_by_role("button", name="Antworten").click()
    expect(phone.locator("#talk")).to_contain_text("Eher nicht.")


def test_what_is_left_of_the_limit_follows_on_the_open_page(garage: Garage) -> None:
    phone = garage.rosa.page
    bulb = raised(garage, Offer("Das Standlicht ist aus.", (Item("Glühlampe", 1000),)))
    garage.rosa.go(f"/extensions/{raised(garage, replace(OFFER, items=[PADS, OIL]))}")
    said = phone.locator("#limit-said")
    expect(said).to_contain_text("noch 200,00\u00a0EUR")
    phone.locator("label[for=item-1]").click()
    with garage.site.data() as session:
        staff = session.query(User).filter_by(role=Role.WORKSHOP).first()
        commands.approve_within_limit(staff, bulb, digest_of(session.get_one(Extension, bulb)))
    expect(said).to_contain_text("noch 190,00\u00a0EUR")
    expect(phone.locator("#item-1")).to_be_checked()


def test_once_it_is_decided_nothing_is_left_to_press_on_the_open_pages(garage: Garage, meet: Meet) -> None:
    """Staff approve it within the limit; who has it open, by account or by link, ticked or not, sees no form below."""
    bulb, link = raised(garage, Offer("Das Standlicht ist aus.", (Item("Glühlampe", 1000),))), meet()
    garage.rosa.go(f"/extensions/{bulb}")
    link.go(garage.mailed())
    garage.rosa.page.locator("label[for=item-0]").click()
    for person in (garage.rosa, link):
        expect(person.page.locator("#sum-bar button")).to_be_visible()
    with garage.site.data() as session:
        staff = session.query(User).filter_by(role=Role.WORKSHOP).first()
        commands.approve_within_limit(staff, bulb, digest_of(session.get_one(Extension, bulb)))
    expect(garage.rosa.page.locator("#outcome")).to_contain_text("Freigegeben: 10,00\u00a0EUR")
    expect(garage.rosa.page.locator("#live")).to_contain_text("Hier ist inzwischen entschieden.")
    expect(link.page.locator("#talk")).to_contain_text("Dieser Link ist zu Ende")
    for person in (garage.rosa, link):
        expect(person.page.locator("#decision, #otherwise, #sum-bar")).to_have_count(0)
    garage.rosa.page.wait_for_timeout(3000)  # it asks on, and finds nothing more to take away


@looks_at(
    *(f"extensions.{page}" for page in ("new", "at_work", "withdrawal", "limit_approval", "consent", "completion")),
    *("extensions.show", "extensions.objection", "extensions.link_show"),
)
def test_an_extension_that_waits_for_its_answer(garage: Garage, meet: Meet) -> None:
    staff, own, link = Inspector(garage.bella), Inspector(garage.rosa), Inspector(meet())
    staff.look_at(garage.new)
    at_work = garage.raise_offer()
    mailed, extension = garage.mailed(), garage.extension()
    staff.look_at(at_work, *(f"{at_work}/{step}" for step in ("withdrawal", "limit-approval", "consent")))
    bulb = raised(garage, Offer("Das Standlicht ist aus.", (Item("Glühlampe", 1000),)))
    staff.look_at(f"/workshop/extensions/{bulb}", f"/workshop/extensions/{bulb}/limit-approval")
    staff.look_at(f"{garage.new}?replaces={extension.id}", f"/workshop/bookings/{garage.booking_id}")
    staff.look_at(f"/workshop/bookings/{garage.booking_id}/completion")
    mine = f"/extensions/{extension.id}"
    own.look_at(mine, f"{mine}?all=1", f"/bookings/{garage.booking_id}", f"{mine}/objection")
    link.look_at(mailed, f"{mailed}?item=0")
    link.look_at("/e/made-up", status=404)


@looks_at("extensions.show", "extensions.at_work", "extensions.objection", "extensions.completion")
def test_an_extension_that_was_approved(garage: Garage, meet: Meet) -> None:
    at_work = garage.raise_offer()
    mailed, mine = garage.mailed(), f"/extensions/{garage.extension().id}"
    approve_by_consent(garage, at_work)
    Inspector(garage.bella).look_at(at_work, f"/workshop/bookings/{garage.booking_id}/completion")
    Inspector(garage.rosa).look_at(mine, f"{mine}/objection", f"/bookings/{garage.booking_id}")
    Inspector(meet()).look_at(mailed, status=410)


def approve_by_consent(garage: Garage, at_work: str) -> None:
    page: Any = garage.bella.page
    page.set_viewport_size(TABLET)
    garage.bella.go(f"{at_work}/consent")
    page.fill("#words", "Ja, machen Sie das.")
    page.locator("label[for=item-2]").click()
    page.get_by_role("button", name="Zustimmung zu 439,98 EUR festhalten").click()
    expect(page.locator("#begin")).to_contain_text("kann gemacht werden")


def raised(garage: Garage, offer: Offer = OFFER, **facts: Any) -> uuid.UUID:
    """An offer, of three items when nothing else is said, as staff send it."""
    with garage.site.data() as session:
        staff = session.query(User).filter_by(role=Role.WORKSHOP).first()
        return commands.raise_extension(staff, garage.booking_id, offer, **facts)


def pages_about(garage: Garage, extension_id: uuid.UUID) -> tuple[list[str], list[str]]:
    """Where the customer and the workshop see what became of an extension."""
    of_booking = f"/bookings/{garage.booking_id}"
    return (
        [f"/extensions/{extension_id}", of_booking],
        [f"/workshop/extensions/{extension_id}", f"/workshop{of_booking}", f"/workshop{of_booking}/completion"],
    )


@looks_at("extensions.show", "extensions.at_work", "extensions.completion")
def test_an_extension_that_comes_to_nothing(garage: Garage, meet: Meet) -> None:
    """One that another replaced, one that was declined, one that was withdrawn; their links have ended."""
    first, links = raised(garage), [garage.mailed()]
    second = raised(garage, replaces=first)
    links.append(garage.mailed())
    with garage.site.data() as session:
        rosa = session.query(User).filter_by(email=garage.rosa.email).one()
        commands.decline(rosa, second, "Zu teuer", digest_of(session.get(Extension, second)))
    third = raised(garage)
    links.append(garage.mailed())
    with garage.site.data() as session:
        commands.withdraw_extension(
            session.query(User).filter_by(role=Role.WORKSHOP).first(), third, "Doch nicht nötig"
        )
    own, staff, link = Inspector(garage.rosa), Inspector(garage.bella), Inspector(meet())
    for extension_id in (first, second, third):
        mine, at_work = pages_about(garage, extension_id)
        own.look_at(*mine)
        staff.look_at(*at_work)
    link.look_at(*links, status=410)


@pytest.mark.parametrize(
    ("card", "state"), [("authenticate_always", Money.REQUIRES_ACTION), ("fails_later", Money.FAILED)]
)
@looks_at("extensions.show", "extensions.at_work", "extensions.completion", "extensions.payment")
def test_an_extension_whose_money_is_missing(garage: Garage, card: str, state: Money) -> None:
    extension_id = raised(garage)
    with garage.site.data() as session:
        rosa = session.query(User).filter_by(email=garage.rosa.email).one()
        session.query(PaymentMethod).filter_by(user_id=rosa.id).delete()
        save_method(Provider(garage.site.simulator, None), rosa, card=card)  # type: ignore[arg-type]
        session.commit()
        shown = digest_of(session.get(Extension, extension_id))
        commands.authorize_now(commands.approve(rosa, extension_id, [0, 1], shown))
    assert garage.extension().authorization_status is state
    mine, at_work = pages_about(garage, extension_id)
    Inspector(garage.rosa).look_at(*mine, f"/extensions/{extension_id}/payment")
    Inspector(garage.bella).look_at(*at_work)


@looks_at("extensions.approval")
def test_a_choice_is_looked_through_before_it_is_sent(garage: Garage) -> None:
    """The page that comes when no script has added up; sent empty, it is refused."""
    path, own = f"/extensions/{raised(garage)}", Inspector(garage.rosa)
    for language, ticks in itertools.product(LANGUAGES, ("?item=0&item=2", "")):
        garage.rosa.speak(language)
        garage.rosa.go(f"{path}{ticks}")
        garage.rosa.page.evaluate(SENT_WITHOUT_SUM)
        garage.rosa.page.wait_for_url("**/approval")
        own.look()


def test_without_script_the_photo_and_what_was_typed_stay_and_are_offered(garage: Garage, meet: Meet) -> None:
    plain = meet(viewport=TABLET, javascript=False)
    plain.is_signed_in("werkstatt")
    plain.go(garage.new)
    page = plain.page
    page.fill("#description", "Die Scheiben haben Riefen.")
    page.locator(".catalog-item", has_text="Bremsscheiben vorn").click()
    page.fill("#items-0-price", "199,90")
    field = page.locator("#items-0-media")
    field.locator("input[type=file]").set_input_files(PHOTO)  # type: ignore[arg-type]
    field.get_by_role("button", name="Gewählte Dateien senden").click()
    expect(field.locator("input[type=checkbox]:checked")).to_have_count(1)
    expect(page.locator("#description")).to_have_value("Die Scheiben haben Riefen.")
    expect(page.locator("#items-0-price")).to_have_value("199,90")
    page.locator("#media input[type=file]").set_input_files(PHOTO)  # type: ignore[arg-type]
    page.get_by_role("button", name="An Kunden senden").click()
    expect(page.locator("#begin")).to_contain_text("Noch nicht beginnen")
    raised = garage.extension()
    assert (len(raised.items[0]["media"]), len(raised.images), raised.total_amount) == (1, 1, 19_990)


def test_a_double_tap_on_usual_work_adds_it_once(garage: Garage) -> None:
    page = garage.bella.page
    garage.bella.go(garage.new)
    tile = page.locator(".catalog-item", has_text="Innenraumfilter")
    tile.dblclick()
    expect(page.locator("#items-0-name")).to_have_value("Innenraumfilter")
    page.wait_for_timeout(1500)  # a second answer would have come by now
    expect(page.locator("fieldset.line-edit")).to_have_count(1)
    expect(tile).to_have_attribute("aria-pressed", "true")
    tile.click()  # meant, and not the same tap any more
    expect(page.locator("fieldset.line-edit")).to_have_count(0)


def test_the_search_finds_usual_work_of_other_services_too(garage: Garage) -> None:
    page = garage.bella.page
    with garage.site.data() as session:
        workshop_id = session.get(Booking, garage.booking_id).workshop_id
        session.add(WorkItem(workshop_id=workshop_id, service=ServiceType.OIL_SERVICE, name="Ölwanne", price=9900))
    garage.bella.go(garage.new)
    tile = page.locator(".catalog-item", has_text="Ölwanne")
    expect(tile).to_be_hidden()
    page.fill("#catalog-search", "wann")
    expect(page.locator(".catalog-item:visible")).to_have_count(1)
    tile.click()
    expect(page.locator("#items-0-name")).to_have_value("Ölwanne")
    page.fill("#catalog-search", "")
    expect(tile).to_be_hidden()
    expect(page.locator(".catalog-item", has_text="Innenraumfilter")).to_be_visible()
