"""The calendar in a browser: by keyboard alone, with the address bar honest, light enough, and without a jump."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route, expect

from b2c_web import clock
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot
from tests.browser.person import Person, text
from tests.browser.site import Site

Meet = Callable[..., Person]
FIRST_VIEW_BYTES = 100_000
SHIFT = """() => new Promise((tell) => { let sum = 0; new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
}).observe({type: "layout-shift", buffered: true}); setTimeout(() => tell(sum), 500); })"""


@pytest.fixture
def rosa(meet: Meet) -> Person:
    person = meet()
    person.begin()
    return person


def focus(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id"))


def tab_to(page: Page, wanted: str, key: str = "Tab") -> None:
    """Press the key until the element whose id matches has the focus."""
    for _n in range(80):
        if re.fullmatch(wanted, focus(page)):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{wanted} is not reached by {key}; the focus is on {focus(page)!r}")


def test_the_month_stays_in_its_column_on_the_narrowest_phone(rosa: Person) -> None:
    rosa.page.set_viewport_size({"width": 320, "height": 800})
    inside = rosa.page.evaluate("""() => {
      const column = document.querySelector("#date-form").getBoundingClientRect();
      const days = [...document.querySelectorAll(".month-calendar .day")];
      return days.map((day) => day.getBoundingClientRect()).map(
        (day) => day.left >= column.left && day.right <= column.right);
    }""")
    assert inside
    assert all(inside)


def test_whoever_goes_on_at_once_is_not_held_back_by_the_calendar(rosa: Person) -> None:
    page, held = rosa.page, list[Route]()
    page.route(re.compile(r"/date(\?slot=.*)?$"), lambda route: held.append(route))  # noqa: PLW0108 - a builtin cannot be marked
    with page.expect_request(re.compile(r"/date\?slot=")):
        rosa.windows().nth(0).click()
    with page.expect_request(lambda request: request.method == "POST"):
        page.evaluate("document.querySelector('.price-bar button').click()")  # a click of playwright's waits for more
    while len(held) < 2:
        page.wait_for_timeout(50)
    asked, sent = held
    asked.continue_()
    page.wait_for_timeout(1000)  # the calendar's answer comes first, when there is still one
    sent.continue_()
    expect(page).to_have_url(re.compile("/date$"))
    expect(page.locator("input[name=back]").first).to_be_attached()


def test_a_window_is_found_with_the_keyboard_alone(rosa: Person) -> None:
    page = rosa.page
    tab_to(page, "month-next")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?month="))
    expect(page.locator("#month-previous")).to_be_visible()
    page.wait_for_function("['month-next', 'month'].includes(document.activeElement.id)")  # kept, or the last month
    tab_to(page, r"d-\d+")
    day = focus(page)
    page.keyboard.press("Enter")
    expect(page.locator("#windows")).to_be_visible()
    assert focus(page) == day
    tab_to(page, r"w-.+")
    page.keyboard.press("Space")
    expect(page.locator("input[name=back]:checked")).to_have_count(1)
    first = focus(page)
    assert first.startswith("w-")
    page.keyboard.press("ArrowDown")
    expect(page.locator(f"[id='{first}']")).not_to_be_checked()
    expect(page.locator("input[name=slot]:checked")).to_have_count(1)
    expect(page.locator("input[name=back]:checked")).to_have_count(1)
    assert focus(page) == page.locator("input[name=slot]:checked").get_attribute("id")
    expect(page.locator("#date-note")).to_contain_text(
        text(page.locator(".window:has(input[name=slot]:checked) label"))
    )
    tab_to(page, r"b-.+")
    page.keyboard.press("Enter")
    rosa.at("contact")


def test_at_the_last_month_the_keyboard_stays_at_the_calendar(rosa: Person) -> None:
    page = rosa.page
    while page.locator("#month-next").count():
        month = page.locator("#month").inner_text()
        page.locator("#month-next").focus()
        page.keyboard.press("Enter")
        expect(page.locator("#month")).not_to_have_text(month)
    page.wait_for_function("document.activeElement.id === 'month'")


def test_focus_can_be_seen_and_is_not_under_the_bar(rosa: Person) -> None:
    page = rosa.page
    page.emulate_media(reduced_motion="reduce")
    for _n in range(40):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => { const at = document.activeElement, box = at.getBoundingClientRect();
            const bar = document.querySelector(".price-bar").getBoundingClientRect();
            const shown = getComputedStyle(at.closest(".window, .choice-card") || at).outlineStyle;
            return [at.tagName, shown !== "none", !!at.closest(".price-bar, footer") || box.bottom <= bar.top + 1]; }"""
        )
        if seen[0] == "BODY":
            break
        assert seen[1:] == [True, True], f"{seen} at {page.evaluate('document.activeElement.outerHTML')[:200]}"


def to_next_month(page: Page) -> None:
    """At the end of a month it has few days that can be picked."""
    page.locator("#month-next").click()
    expect(page.locator("#month-previous")).to_be_visible()


def test_the_address_stays_honest_and_back_goes_back(rosa: Person) -> None:
    page = rosa.page
    to_next_month(page)
    page.locator("a.day").nth(1).click()
    expect(page).to_have_url(re.compile(r"\?day="))
    chosen = page.url
    rosa.windows().nth(1).click()
    expect(page).to_have_url(re.compile(r"\?slot="))
    note = text(page.locator("#date-note"))
    assert text(rosa.windows().nth(1)) in note
    page.reload()
    expect(page.locator("input[name=slot]:checked")).to_have_count(1)
    assert text(page.locator("#date-note")) == note
    page.go_back()
    expect(page).to_have_url(chosen)
    expect(page.locator("a.day[aria-current=date]")).to_have_count(1)
    expect(page.locator("input[name=slot]:checked")).to_have_count(0)
    expect(page.locator("h1")).to_be_visible()
    rosa.forgives_leaving()


def test_the_next_free_window_is_taken_with_one_click(rosa: Person) -> None:
    first = text(rosa.page.locator(".now-value"))
    rosa.page.locator("#take-next-free").click()
    expect(rosa.page.locator("input[name=back]:checked")).to_have_count(1)
    assert text(rosa.page.locator("#date-note")) == f"{first}, zurück 12–14 Uhr"
    other = rosa.windows("back").nth(2)
    chosen = text(other)
    other.click()
    expect(rosa.page.locator("#date-note")).to_have_text(f"{first}, zurück {chosen}")
    expect(rosa.page.locator("input[name=back]:checked")).to_have_count(1)
    rosa.next()
    rosa.at("contact")


def test_a_return_tapped_at_once_keeps_the_pickup_that_was_tapped_before(rosa: Person) -> None:
    rosa.windows().nth(0).click()
    expect(rosa.page.locator("input[name=back]:checked")).to_have_count(1)
    second = text(rosa.windows().nth(1))
    rosa.page.evaluate("""() => { for (const name of ["slot", "back"])
      document.querySelectorAll(`input[name=${name}]:not(:disabled)`)[1].click(); }""")
    expect(rosa.page.locator("#date-note")).to_contain_text(f", {second}, zurück")
    expect(rosa.page.locator(".window:has(input[name=slot]:checked) label")).to_have_text(second)
    rosa.forgives_leaving()  # the first request was replaced by the second


def test_a_day_brings_its_windows_into_view(rosa: Person) -> None:
    to_next_month(rosa.page)
    rosa.page.evaluate("scrollTo(0, 300)")
    rosa.page.locator("a.day").nth(2).click()
    expect(rosa.page.locator("#windows .window").first).to_be_in_viewport()


def test_the_first_view_is_light(meet: Meet, rosa: Person) -> None:
    """Everything that a browser without anything in its cache loads for the calendar, as it comes over the line."""
    cookies, address = rosa.page.context.cookies(), rosa.page.url
    fresh = meet()
    fresh.page.context.add_cookies(cookies)  # type: ignore[arg-type]
    loaded: dict[str, int] = {}
    wire = fresh.page.context.new_cdp_session(fresh.page)
    wire.send("Network.enable")
    names: dict[str, str] = {}
    wire.on("Network.requestWillBeSent", lambda event: names.update({event["requestId"]: event["request"]["url"]}))
    wire.on("Network.loadingFinished", lambda event: loaded.update({event["requestId"]: event["encodedDataLength"]}))
    fresh.page.goto(address, wait_until="networkidle")
    sizes = {names[request].rsplit("/", 1)[-1]: int(size) for request, size in loaded.items()}
    assert any("woff2" in name for name in sizes)
    assert "htmx.min.js" in sizes
    assert sum(sizes.values()) < FIRST_VIEW_BYTES, sizes


def test_nothing_jumps(rosa: Person) -> None:
    rosa.page.reload(wait_until="load")
    assert rosa.page.evaluate(SHIFT) < 0.02


def test_what_is_taken_meanwhile_is_told_and_another_taken(rosa: Person, site: Site) -> None:
    rosa.pick()
    rosa.say()
    with site.data() as session:
        taken = session.query(TimeSlot).filter(TimeSlot.start_time > clock.now_utc()).order_by(TimeSlot.start_time)
        slot = next(one for one in taken if one.current_bookings == 0 and one.id == chosen_by(rosa.email))
        slot.is_available = False
    rosa.next()
    rosa.at("date")
    expect(rosa.page.locator(".notice").first).to_contain_text("In Ihrem Fenster haben wir inzwischen geschlossen.")
    rosa.page.locator("#instead-1").click()
    expect(rosa.page.locator("input[name=back]:checked")).to_have_count(1)
    expect(rosa.page.locator(".notice")).to_have_count(0)
    rosa.next()
    rosa.at("summary")  # where she came from


def chosen_by(email: str) -> Any:
    from b2c_web.bookings.models import BookingDraft

    return db.session.query(BookingDraft.slot_id).filter_by(email=email).scalar()


def test_the_price_follows_without_a_new_page(rosa: Person) -> None:
    rosa.page.go_back()
    rosa.at("service")
    asked: list[Request] = []
    rosa.page.on("request", lambda request: asked.append(request) if request.is_navigation_request() else None)
    expect(rosa.page.locator(".price-total")).to_have_text("328,00 EUR")
    rosa.choose("concierge", 1)
    expect(rosa.page.locator(".price-total")).to_have_text("289,00 EUR")
    rosa.choose("service", 1)
    expect(rosa.page.locator(".price-total")).to_have_text("239,00 EUR")
    assert asked == []


def wait_for_htmx(page: Page) -> None:
    """Playwright's own waiting for an expression is an eval, which our pages forbid."""
    for _turn in range(400):
        if page.evaluate("Boolean(window.htmx)"):
            return
        page.wait_for_timeout(50)
    raise AssertionError("htmx did not come")


def test_an_open_page_follows_the_booking(rosa: Person, site: Site) -> None:
    rosa.pick()
    rosa.say()
    rosa.book()
    rosa.pay()
    rosa.page.locator(".now-panel .btn-secondary").click()
    expect(rosa.page.locator("#now-head")).to_contain_text("Wir kommen am")
    with site.data() as session:
        booking = session.query(Booking).filter(Booking.user.has(email=rosa.email)).one()
        booking.status, booking.workshop_checkin_at = BookingStatus.IN_WORKSHOP, clock.now_utc()
    wait_for_htmx(rosa.page)
    rosa.page.evaluate("htmx.trigger('#booking-now', 'expired')")  # instead of waiting for the next 20 seconds
    expect(rosa.page.locator("#now-head")).to_have_text("Ihr Auto ist in der Werkstatt")
    expect(rosa.page.locator("#live")).to_have_text("Ihr Auto ist in der Werkstatt")


def test_a_choice_on_a_page_that_still_loads_is_heard(rosa: Person) -> None:
    rosa.page.route("**/htmx.min.js*", lambda route: (rosa.page.wait_for_timeout(1500), route.continue_()))
    rosa.page.reload(wait_until="commit")
    rosa.windows().first.click()
    expect(rosa.page.locator("input[name=back]:checked")).to_have_count(1)


def test_a_quick_choice_and_a_quick_click_go_on(rosa: Person) -> None:
    """The price is still being asked for when the button is pressed: the button counts."""
    rosa.page.go_back()
    rosa.at("service")
    rosa.page.route("**/service?*", lambda route: None)  # the price never comes
    rosa.page.evaluate(
        "document.querySelector('#service-1').click(); document.querySelector('.price-bar button').click()"
    )
    rosa.at("date")
    rosa.page.unroute_all(behavior="ignoreErrors")
