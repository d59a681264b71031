"""What was typed or drawn stays in the tab until it was taken: leaving, another language, a session that ended."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from b2c_web.accounts.models import User, UserSession
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.vehicles.models import Vehicle
from tests.browser.driving import PHOTO, Watch, fill_in
from tests.browser.person import Person
from tests.browser.site import PASSWORD, Site
from tests.browser.test_dispatch_pages import IS_DRAWN, Scene
from tests.factories import make_vehicle

Meet = Callable[..., Person]
KEPT = "Object.keys(sessionStorage).filter((key) => key.startsWith('typed:'))"


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    made = Watch(site)
    yield made
    made.end()


def test_what_a_customer_typed_is_there_again_in_the_other_language_and_after_a_look_back(meet: Meet) -> None:
    rosa = meet()
    rosa.begin()
    rosa.pick()
    rosa.page.fill("#street", "Musterweg 1")
    rosa.page.fill("#name", "Rosa Ahorn")
    rosa.page.locator(".language-switch button").click()
    expect(rosa.page.locator("html")).to_have_attribute("lang", "en")
    expect(rosa.page.locator("#street")).to_have_value("Musterweg 1")
    rosa.page.locator(".place-code a").click()
    rosa.at("car")
    for step in ("service", "contact"):  # the date stands
        rosa.next()
        rosa.at(step)
    expect(rosa.page.locator("#name")).to_have_value("Rosa Ahorn")
    assert rosa.page.evaluate(KEPT) != []


def test_the_sum_follows_a_car_that_was_ticked_before(meet: Meet) -> None:
    rosa = meet()
    rosa.go("/book")
    sums = rosa.page.locator("#price-shown .price-total")
    least = sums.inner_text()
    rosa.page.locator("label[for=vehicle_class-3]").click()
    expect(sums).not_to_have_text(least)
    dear = sums.inner_text()
    for look_again in (lambda: rosa.go("/book"), rosa.page.reload, lambda: (rosa.go("/"), rosa.page.go_back())):
        look_again()
        expect(rosa.page.locator("#vehicle_class-3")).to_be_checked()
        expect(sums).to_have_text(dear)


def test_what_was_taken_is_forgotten_and_the_form_shows_what_stands(meet: Meet) -> None:
    rosa = meet()
    rosa.is_signed_in()
    rosa.go("/account/cars/new")
    rosa.page.fill("#license_plate", "DO")
    rosa.page.locator("main form [type=submit]").click()
    rosa.refused()
    rosa.page.reload()  # the answer of a form that was refused, loaded anew as a page
    expect(rosa.page.locator("#license_plate")).to_have_value("DO")
    rosa.page.fill("#license_plate", "DO RA 77")
    rosa.page.fill("#make", "Ahorn")
    rosa.page.fill("#model", "Kombi")
    rosa.page.fill("#year", "2021")
    rosa.page.locator("label[for^=vehicle_class]").first.click()
    rosa.page.locator("main form [type=submit]").click()
    expect(rosa.page.get_by_text("DO RA 77").first).to_be_visible()
    assert rosa.page.evaluate(KEPT) == []


def test_what_never_arrived_is_kept(meet: Meet) -> None:
    rosa = meet()
    rosa.is_signed_in()
    rosa.go("/account/cars/new")
    rosa.page.fill("#make", "Ahorn")
    rosa.loses_network()
    rosa.page.locator("main form [type=submit]").click()
    rosa.page.wait_for_url("chrome-error://**")
    rosa.finds_network()
    rosa.go("/account/cars/new")
    expect(rosa.page.locator("#make")).to_have_value("Ahorn")


def test_nobody_else_sees_it_on_the_same_browser(site: Site, meet: Meet) -> None:
    rosa = meet()
    rosa.is_signed_in()
    rosa.go("/account/cars/new")
    rosa.page.fill("#make", "Ahorn")
    with site.data() as session:
        session.query(UserSession).update({"revoked_at": now_utc()})
    rosa.page.reload()
    rosa.page.wait_for_url("**/login?**")
    assert len(rosa.page.evaluate(KEPT)) == 1
    rosa.email = "person-else@example.org"
    rosa.is_signed_in()
    rosa.go("/account/cars/new")
    expect(rosa.page.locator("#make")).to_have_value("")
    assert rosa.page.evaluate(KEPT) == []


def test_what_is_newer_is_not_covered_by_what_was_typed_before(site: Site, meet: Meet) -> None:
    rosa = meet()
    rosa.is_signed_in()
    with site.data() as session:
        car = make_vehicle(session.query(User).filter_by(email=rosa.email).one(), make="Ahorn", model="Kombi")
        session.flush()
        car_id = car.id
    rosa.go(f"/account/cars/{car_id}")
    rosa.page.fill("#make", "Eiche")
    rosa.page.fill("#model", "Coupé")
    rosa.go("/account/cars")
    with site.data() as session:
        session.get(Vehicle, car_id).make = "Buche"
    rosa.go(f"/account/cars/{car_id}")
    expect(rosa.page.locator("#model")).to_have_value("Coupé")
    expect(rosa.page.locator("#make")).to_have_value("Buche")


def test_a_tick_is_set_anew(site: Site, meet: Meet, watch: Watch) -> None:
    own = Scene(site, 14)
    watch.at(own.moment + timedelta(minutes=20))
    with site.data() as session:
        booking_id = session.get(JockeyAssignment, own.tours["door"]).booking_id
    bella = meet(viewport={"width": 1180, "height": 820})
    bella.is_signed_in("werkstatt")
    page = f"/workshop/bookings/{booking_id}/check-in"
    bella.go(page)
    bella.page.locator("#brought").check(force=True)
    bella.page.fill("#mileage_km", "48222")
    bella.go("/workshop/cars")
    bella.go(page)
    expect(bella.page.locator("#mileage_km")).to_have_value("48222")
    expect(bella.page.locator("#brought")).not_to_be_checked()


def test_signing_out_forgets_what_was_typed(meet: Meet) -> None:
    rosa = meet()
    rosa.is_signed_in()
    rosa.go("/account/cars/new")
    rosa.page.fill("#make", "Ahorn")
    assert len(rosa.page.evaluate(KEPT)) == 1
    rosa.go("/account")
    rosa.page.locator("form[action='/logout'] button").first.click()
    rosa.page.wait_for_url(f"{rosa.site.address}/")
    assert rosa.page.evaluate(KEPT) == []


def test_a_jockey_who_looks_at_the_day_finds_photo_state_and_drawing_again(
    site: Site, meet: Meet, watch: Watch
) -> None:
    own = Scene(site, 10)
    watch.at(own.moment + timedelta(minutes=20))
    bernd = meet()
    bernd.is_signed_in("jockey")
    handover = f"/jockey/trips/{own.tours['door']}/handover"
    bernd.go(handover)
    field = bernd.page.locator("fieldset[id^=media-photo_front-]")
    field.locator("input[type=file]").set_input_files(PHOTO)  # type: ignore[arg-type]
    expect(bernd.page.locator("#photos-title")).to_contain_text("1 von 5")
    fill_in(bernd, 48_210)
    bernd.go("/jockey")
    bernd.go(handover)
    expect(bernd.page.locator("#photos-title")).to_contain_text("1 von 5")
    expect(bernd.page.locator("#mileage_km")).to_have_value("48210")
    expect(bernd.page.locator("#fuel-3")).to_be_checked()
    assert bernd.page.locator(".signature-field").evaluate(IS_DRAWN)
    for _time in range(2):
        with bernd.page.expect_navigation():
            bernd.page.get_by_role("button", name="Übergabe speichern").click()
        bernd.refused()  # four photos are missing
    bernd.go("/jockey")
    bernd.go(handover)
    expect(bernd.page.locator("#photos-title")).to_contain_text("1 von 5")
    expect(bernd.page.locator("#mileage_km")).to_have_value("48210")
    with site.data() as session:
        assert session.get(JockeyAssignment, own.tours["door"]).handover is None


def test_who_has_to_sign_in_again_finds_the_page_and_what_was_typed(site: Site, meet: Meet, watch: Watch) -> None:
    own = Scene(site, 12)
    watch.at(own.moment + timedelta(minutes=50))
    with site.data() as session:
        booking_id: uuid.UUID = session.get(JockeyAssignment, own.tours["yard"]).booking_id
    bella = meet(viewport={"width": 1180, "height": 820})
    bella.sign_in_as_staff("werkstatt")
    page = f"/workshop/bookings/{booking_id}/check-in"
    bella.go(page)
    bella.page.fill("#mileage_km", "48222")
    with site.data() as session:
        session.query(UserSession).update({"revoked_at": now_utc()})
    bella.page.locator("#check-in-form [type=submit]").first.click()
    bella.page.wait_for_url("**/staff/login?**")
    bella.page.fill("#email", "werkstatt@example.org")
    bella.page.fill("#password", PASSWORD)
    bella.page.locator("main [type=submit]").click()
    bella.page.wait_for_url(f"**{page}")
    expect(bella.page.locator("#mileage_km")).to_have_value("48222")
    with site.data() as session:
        assert session.get(Booking, booking_id).workshop_checkin_at is None
