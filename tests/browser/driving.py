"""What a jockey does on the phone, and what a test needs to follow a trip in a browser."""

import re
from datetime import datetime
from typing import Any

from playwright.sync_api import expect

from b2c_web import clock
from b2c_web.demo.road import plain_png
from tests.browser.person import Person
from tests.browser.site import Site

VIEWS = ("front", "rear", "left", "right", "dashboard")
PHOTO = {"name": "foto.png", "mimeType": "image/png", "buffer": plain_png(640, 480)}


class Watch:
    """The clock of everybody: `at(moment)` moves it and works off what is due by then."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._frozen: Any = None

    def at(self, moment: datetime) -> None:
        self.end()
        self._frozen = clock.frozen(moment)
        self._frozen.__enter__()
        self.site.work()

    def end(self) -> None:
        if self._frozen is not None:
            self._frozen.__exit__(None, None, None)
            self._frozen = None


def press_next(jockey: Person, button: str) -> None:
    """The one big button of the day, and the same button on the page that says what will happen."""
    jockey.go("/jockey")
    jockey.page.locator("#next-step").get_by_text(button).click()
    expect(jockey.page.locator("h1")).to_have_text(button)
    jockey.page.locator("#next-step button").click()
    jockey.page.wait_for_url(re.compile("/jockey$"))


def hand_over(jockey: Person, mileage_km: int) -> None:
    """The five photos, the state, a signature with the finger."""
    jockey.go("/jockey")
    jockey.page.locator("#next-step").get_by_text("Übergabe beginnen").click()
    expect(jockey.page.locator("h1")).to_have_text("Übergabe an der Tür")
    take_photos(jockey)
    fill_in(jockey, mileage_km)
    jockey.page.get_by_role("button", name="Übergabe speichern").click()
    jockey.page.wait_for_url(re.compile("/jockey$"))


def take_photos(jockey: Person) -> None:
    for view in VIEWS:
        field = jockey.page.locator(f"fieldset[id^=media-photo_{view}-]")
        field.locator("input[type=file]").set_input_files(PHOTO)  # type: ignore[arg-type]
        expect(field.locator(".media-item")).to_have_count(1)
    expect(jockey.page.locator("#photos-title")).to_contain_text("5 von 5")


def fill_in(jockey: Person, mileage_km: int) -> None:
    jockey.page.fill("#mileage_km", str(mileage_km))
    jockey.page.locator("#fuel-3").check()
    jockey.page.locator("#keys-1").check()
    jockey.page.fill("#ronja_mileage_km", "12480")
    jockey.page.locator("#ronja_fuel-4").check()
    sign(jockey)
    jockey.page.locator("label[for=swapped]").click()


def sign(jockey: Person) -> None:
    canvas = jockey.page.locator("canvas.signature-field")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    mouse = jockey.page.mouse
    mouse.move(box["x"] + 30, box["y"] + 40)
    mouse.down()
    for step in range(6):
        mouse.move(box["x"] + 40 + 30 * step, box["y"] + (90 if step % 2 else 40), steps=4)
    mouse.up()
    assert jockey.page.locator("#signature").input_value().startswith("data:image/png;base64,")
