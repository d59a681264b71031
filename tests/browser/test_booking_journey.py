"""The whole booking at phone width, from the front page to the workshop's list, with and without script."""

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from b2c_web.bookings.models import Booking, BookingStatus, PaymentStatus
from tests.browser.person import Person, text
from tests.browser.site import Site

SCREENSHOT = Path(__file__).resolve().parents[2] / "docs" / "screenshot.png"
Meet = Callable[..., Person]


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_from_the_front_page_to_the_workshops_list(meet: Meet, site: Site, language: str, javascript: bool) -> None:
    rosa = meet(language=language, javascript=javascript)
    rosa.begin()
    rosa.pick()
    rosa.say()
    expect(rosa.page.locator(".price-total")).to_have_text("328,00 EUR" if language == "de" else "EUR 328.00")
    rosa.book()
    rosa.pay()
    expect(rosa.page.locator(".now-label")).to_have_text(rosa.words["paid"])
    assert rosa.words["come"] in text(rosa.page.locator("h1"))
    with site.data() as session:
        booking = session.query(Booking).filter(Booking.user.has(email=rosa.email)).one()
        assert (booking.status, booking.payment_status) == (BookingStatus.CONFIRMED, PaymentStatus.PAID)
        number, day = booking.number, booking.slot.service_date.isoformat()
    assert number in text(rosa.page.locator(".now-panel"))
    bella = meet(viewport={"width": 1180, "height": 820})
    bella.sign_in_as_staff("werkstatt")
    bella.go(f"/workshop?day={day}")
    expect(bella.page.get_by_text(number)).to_be_visible()


def test_a_declined_card_is_explained_and_the_next_one_pays(meet: Meet, site: Site) -> None:
    rosa = meet()
    rosa.begin()
    rosa.pick()
    rosa.say()
    rosa.book()
    rosa.pay("4000000000009995")
    expect(rosa.page.get_by_role("alert").first).to_be_visible()
    rosa.page.get_by_text(rosa.words["back"]).click()
    expect(rosa.page.locator(".now-value")).to_have_text("Wir halten Ihren Termin")
    site.work()
    rosa.page.reload()
    expect(rosa.page.locator(".now-note")).to_contain_text("nicht genug Geld")
    rosa.page.locator(".now-panel .btn-primary").click()
    rosa.pay()
    expect(rosa.page.locator(".now-label")).to_have_text("Bezahlt und bestätigt")


def test_the_picture_for_the_readme(meet: Meet, chromium: Browser, tmp_path: Path) -> None:
    """B2C_WRITE_SCREENSHOTS=1 puts it where the README shows it."""
    rosa = meet(device_scale_factor=2, viewport={"width": 390, "height": 1060})
    rosa.begin()
    rosa.page.locator("#month-next").click()
    expect(rosa.page.locator("#windows")).to_have_count(0)
    rosa.page.locator("a.day").nth(6).click()
    expect(rosa.page.locator("#windows")).to_be_visible()
    rosa.windows().nth(1).click()
    expect(rosa.page.locator("input[name=back]:checked")).to_have_count(1)
    rosa.page.evaluate("scrollTo(0, 0)")
    calendar = rosa.page.screenshot()
    rosa.next()
    rosa.say()
    rosa.book()
    rosa.pay()
    expect(rosa.page.locator(".now-label")).to_have_text("Bezahlt und bestätigt")
    path = SCREENSHOT if os.environ.get("B2C_WRITE_SCREENSHOTS") == "1" else tmp_path / "screenshot.png"
    write_side_by_side(chromium, path, calendar, rosa.page.screenshot())
    assert path.read_bytes().startswith(b"\x89PNG")


def write_side_by_side(chromium: Browser, path: Path, *pictures: bytes) -> None:
    encoded = [base64.b64encode(picture).decode() for picture in pictures]
    shown = "".join(f'<img width="390" src="data:image/png;base64,{one}">' for one in encoded)
    with chromium.new_context(viewport={"width": 868, "height": 1124}, device_scale_factor=2) as context:
        page = context.new_page()
        page.set_content(
            f'<body style="margin:0;padding:32px;display:flex;gap:24px;background:#d8d2ca">{shown}'
            "<style>img{border-radius:20px;box-shadow:0 4px 24px #0004}</style>"
        )
        page.screenshot(path=path)
