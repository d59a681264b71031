"""The dispatcher's and the jockey's pages: axe, themes, widths, targets, sunlight, keyboard, no script."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from b2c_web import clock
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus, RonjaReservation, Trip
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.replanning import cancel_assignment
from b2c_web.flask_extensions import db
from b2c_web.request_cycle import LANGUAGES
from b2c_web.workshops.models import Jockey, RonjaVehicle, TimeSlot
from tests.browser.driving import PHOTO, VIEWS, Watch, fill_in, take_photos
from tests.browser.inspecting import Inspector, findings, looks_at
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking

Meet = Callable[..., Person]
PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
S, B = AssignmentStatus, BookingStatus
STATES = {
    "assigned": (PICKUP, S.ASSIGNED, B.CONFIRMED),
    "door": (PICKUP, S.AT_PICKUP_LOCATION, B.CONFIRMED),
    "yard": (PICKUP, S.AT_WORKSHOP, B.IN_TRANSIT_TO_WORKSHOP),
    "flagged": (PICKUP, S.ASSIGNED, B.CONFIRMED),
    "back": (RETURN, S.EN_ROUTE_TO_CUSTOMER, B.IN_TRANSIT_TO_CUSTOMER),
    "failed": (RETURN, S.CANCELLED, B.READY_FOR_RETURN),
}
SMALL = """(least) => [...document.querySelectorAll("main a, main button, main summary")]
  .filter((one) => one.offsetHeight && one.offsetHeight < least && !one.closest("p"))
  .map((one) => one.textContent.trim())"""
IS_DRAWN = """async (canvas) => {
  const blank = Object.assign(document.createElement("canvas"), {width: canvas.width, height: canvas.height});
  Object.assign(blank.getContext("2d"), {fillStyle: "white"}).fillRect(0, 0, blank.width, blank.height);
  const isDrawn = () => canvas.toDataURL() !== blank.toDataURL();
  for (let tries = 0; tries < 100 && !isDrawn(); tries++) await new Promise((go) => setTimeout(go, 50));
  return isDrawn();
}"""
SUNLIGHT = {"runOnly": ["color-contrast-enhanced"]}


@pytest.fixture
def watch(site: Site) -> Iterator[Watch]:
    made = Watch(site)
    yield made
    made.end()


class Scene:
    """One trip in each state, all of them on one day and of the jockey who can sign in."""

    def __init__(self, site: Site, which_day: int) -> None:
        self.tours: dict[str, uuid.UUID] = {}
        self.trips: dict[str, uuid.UUID] = {}
        with site.data() as session:
            slots = session.query(TimeSlot).order_by(TimeSlot.start_time).all()
            self.slot, self.end = slots[5 * which_day], slots[5 * which_day + 2]
            for one in (self.slot, slots[5 * which_day + 1], self.end):
                one.max_bookings, one.jockey_minutes_room = 20, 5000
            self.moment, self.day = self.slot.start_time, self.slot.service_date.isoformat()
            jockey = session.query(Jockey).filter(Jockey.user_id.is_not(None)).one()
            ronjas = session.query(RonjaVehicle).all()
            taken = session.query(RonjaReservation).count()
            for n, (name, state) in enumerate(STATES.items()):
                self._add(name, state, jockey, ronjas[(taken + n) % len(ronjas)])

    def _add(self, name: str, state: tuple[AssignmentType, S, B], jockey: Jockey, ronja: RonjaVehicle) -> None:
        kind, status, of_booking = state
        booking: Booking = make_booking(self.slot, self.end, ronja=ronja, status=of_booking, customer_name="Ada Ahorn")
        trip = db.session.query(Trip).filter_by(booking_id=booking.id, type=kind).one()
        facts: dict[str, Any] = {"conflict": "NO_SHIFT"} if name == "flagged" else {}
        if status in (S.AT_PICKUP_LOCATION, S.AT_WORKSHOP):
            facts |= {"started_at": trip.window_start - timedelta(minutes=20), "arrived_at": trip.window_start}
        if status is S.CANCELLED:
            facts["cancel_reason"] = CancelReason.NO_SHOW
        tour = JockeyAssignment(
            booking_id=booking.id,
            trip_id=trip.id,
            jockey_id=jockey.id,
            vehicle_id=ronja.id,
            type=kind,
            status=status,
            scheduled_time=trip.window_start,
            **facts,
        )
        db.session.add(tour)
        db.session.flush()
        self.tours[name], self.trips[name] = tour.id, trip.id

    def jockeys_pages(self) -> list[str]:
        pages = {"assigned": ("", "/step"), "door": ("", "/handover", "/no-show"), "yard": ("/step",)}
        pages |= {"back": ("", "/step", "/failure"), "failed": ("",)}
        return [f"/jockey/trips/{self.tours[name]}{page}" for name, found in pages.items() for page in found]

    def dispatchers_pages(self) -> list[str]:
        pages = {"assigned": ("", "/cancellation"), "door": ("",), "yard": ("",), "flagged": ("", "/new-date")}
        pages |= {"back": ("", "/cancellation"), "failed": ("", "/window")}
        return [f"/dispatch/trips/{self.trips[name]}{page}" for name, found in pages.items() for page in found]


@pytest.fixture(scope="module")
def scene(site: Site) -> Scene:
    return Scene(site, 20)


@looks_at("dispatch.trip", "dispatch.trip_cancellation", "dispatch.return_window", "dispatch.new_date")
def test_every_page_of_a_dispatcher(site: Site, meet: Meet, watch: Watch, scene: Scene) -> None:
    watch.at(scene.moment + timedelta(minutes=30))
    dora = meet(viewport={"width": 1440, "height": 900})
    dora.is_signed_in("disposition")
    looking = Inspector(dora)
    looking.look_at("/dispatch", f"/dispatch?day={scene.day}", "/dispatch?day=2020-01-01", *scene.dispatchers_pages())


@looks_at("dispatch.tour", "dispatch.step", "dispatch.handover", "dispatch.no_show", "dispatch.failure")
def test_every_page_of_a_jockey(site: Site, meet: Meet, watch: Watch, scene: Scene) -> None:
    watch.at(scene.moment + timedelta(minutes=30))
    bernd = meet()
    bernd.is_signed_in("jockey")
    looking = Inspector(bernd)
    wrong = []
    for path in ("/jockey", *scene.jockeys_pages()):
        looking.look_at(path)
        for language in LANGUAGES:
            bernd.speak(language)
            bernd.go(path)
            wrong += [f"{path} {language}: {what}" for what in hard_outdoors(bernd)]
    assert wrong == []


def hard_outdoors(bernd: Person) -> list[str]:
    """With one hand, in the sun."""
    bernd.page.set_viewport_size({"width": 390, "height": 844})
    wrong = [f"{words} is small" for words in bernd.page.evaluate(SMALL, 44)]
    for one in bernd.page.locator(".next-step .btn").all():
        assert (one.bounding_box() or {})["height"] >= 68
    for scheme in ("light", "dark"):
        bernd.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        wrong += [f"in {scheme} {one}" for one in findings(bernd.page, SUNLIGHT)]
    return wrong


def test_a_dispatcher_decides_by_keyboard(site: Site, meet: Meet, watch: Watch, scene: Scene) -> None:
    watch.at(scene.moment - timedelta(hours=2))
    dora = meet(viewport={"width": 1440, "height": 900})
    dora.is_signed_in("disposition")
    dora.go(f"/dispatch/trips/{scene.trips['flagged']}")
    dora.page.locator("input[name=jockey_id]").first.focus()
    dora.page.keyboard.press("ArrowDown")
    dora.page.locator("#time").fill("")
    dora.page.keyboard.press("Enter")
    expect(dora.page.locator("#flashes, #errors").first).to_be_visible()


def test_two_dispatchers_see_each_other(site: Site, meet: Meet, watch: Watch, scene: Scene) -> None:
    watch.at(scene.moment - timedelta(hours=2))
    dora, emil = meet(viewport={"width": 1440, "height": 900}), meet(viewport={"width": 1440, "height": 900})
    for one in (dora, emil):
        one.is_signed_in("disposition")
    emil.go(f"/dispatch?day={scene.day}")
    line = emil.page.locator(f"#trip-{scene.trips['assigned']}")
    expect(line).to_contain_text("an der Tür")
    dora.go(f"/dispatch/trips/{scene.trips['assigned']}/cancellation")
    dora.page.get_by_text("Umplanen").click()
    dora.page.get_by_role("button", name="Vom Plan nehmen").click()
    expect(line).to_contain_text("ohne Jockey")


def test_a_phone_follows_the_plan_and_keeps_what_is_typed(site: Site, meet: Meet, watch: Watch) -> None:
    own = Scene(site, 22)
    watch.at(own.moment + timedelta(minutes=20))
    bernd = meet()
    bernd.is_signed_in("jockey")
    bernd.go("/jockey")
    row = bernd.page.locator(f"a[href='/jockey/trips/{own.tours['assigned']}']")
    expect(row).to_have_count(1)
    with site.data():
        cancel_assignment(own.tours["assigned"], CancelReason.REDISPATCHED)
    expect(row).to_have_count(0)
    bernd.go(f"/jockey/trips/{own.tours['door']}/handover")
    bernd.page.fill("#mileage_km", "48210")
    with site.data():
        cancel_assignment(own.tours["door"], CancelReason.REDISPATCHED)
    told = bernd.page.locator("#standing")
    expect(told).to_contain_text("Diese Fahrt ist nicht mehr Ihre: umgeplant.")
    expect(bernd.page.locator("#mileage_km")).to_have_value("48210")
    told.get_by_role("link", name="Zu meinem Tag").click()
    expect(bernd.page.locator("#next-step-go")).to_be_visible()


def test_a_handover_without_script(site: Site, meet: Meet, watch: Watch, scene: Scene) -> None:
    watch.at(scene.moment + timedelta(minutes=20))
    bernd = meet(javascript=False)
    bernd.is_signed_in("jockey")
    bernd.go(f"/jockey/trips/{scene.tours['door']}/handover")
    for view in VIEWS:
        field = bernd.page.locator(f"fieldset[id^=media-photo_{view}-]")
        field.locator("input[type=file]").set_input_files(PHOTO)  # type: ignore[arg-type]
        field.get_by_role("button", name="Gewählte Dateien senden").click()
        expect(bernd.page.locator(f"input[name=photo_{view}]")).to_be_checked()
    bernd.page.fill("#mileage_km", "48210")
    bernd.page.locator("#fuel-3").check()
    bernd.page.locator("#keys-1").check()
    bernd.page.fill("#ronja_mileage_km", "12480")
    bernd.page.locator("#ronja_fuel-4").check()
    bernd.page.get_by_text("Statt zu unterschreiben den Namen tippen").click()
    bernd.page.locator("#signed").check()
    bernd.page.locator("#swapped").check()
    bernd.page.get_by_role("button", name="Übergabe speichern").click()
    expect(bernd.page.locator("#flashes")).to_contain_text("Die Übergabe ist gespeichert.")
    with site.data() as session:
        kept = session.get(JockeyAssignment, scene.tours["door"]).handover
        assert kept["signed_typed"] == "Ada Ahorn"
        assert {photo["view"] for photo in kept["photos"]} == set(VIEWS)
    assert clock.now_utc() == scene.moment + timedelta(minutes=20)


def test_a_handover_in_a_dead_zone_stands_until_it_can_be_sent(site: Site, meet: Meet, watch: Watch) -> None:
    own = Scene(site, 24)
    watch.at(own.moment + timedelta(minutes=20))
    bernd = meet()
    bernd.is_signed_in("jockey")
    bernd.go(f"/jockey/trips/{own.tours['door']}/handover")
    take_photos(bernd)
    bernd.page.reload()
    expect(bernd.page.locator("#photos-title")).to_contain_text("5 von 5")
    fill_in(bernd, 48_210)
    bernd.loses_network()
    save = bernd.page.get_by_role("button", name="Übergabe speichern")
    save.click()
    expect(bernd.page.locator("#live")).to_contain_text("Gerade keine Verbindung. Ihre Eingaben bleiben stehen")
    expect(bernd.page.locator("#mileage_km")).to_have_value("48210")
    bernd.finds_network()
    save.click()
    expect(bernd.page.locator("#flashes")).to_contain_text("Die Übergabe ist gespeichert.")
    with site.data() as session:
        assert session.get(JockeyAssignment, own.tours["door"]).handover["mileage_km"] == 48_210


def test_every_step_in_a_dead_zone_waits_on_its_page_until_it_can_be_sent(site: Site, meet: Meet, watch: Watch) -> None:
    own = Scene(site, 26)
    watch.at(own.moment - timedelta(minutes=20))
    bernd = meet()
    bernd.is_signed_in("jockey")
    waits = bernd.page.locator("#live")
    bernd.go(f"/jockey/trips/{own.tours['yard']}/step")
    bernd.loses_network()
    press = bernd.page.locator("#next-step button")
    press.dblclick()
    expect(waits).to_contain_text("Gerade keine Verbindung.")
    expect(press).to_be_visible()
    bernd.finds_network()
    sent: list[str] = []
    bernd.page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    press.dblclick()
    expect(bernd.page.locator("#flashes")).to_be_visible()
    assert len(sent) == 1
    bernd.go(f"/jockey/trips/{own.tours['door']}/no-show")
    bernd.loses_network()
    note = bernd.page.get_by_role("button", name="Nicht erreicht, Anruf notieren")
    note.click()
    expect(waits).to_contain_text("Gerade keine Verbindung.")
    bernd.finds_network()
    note.click()
    expect(bernd.page.locator(".call-list li")).to_have_count(1)
    with site.data() as session:
        assert session.get(JockeyAssignment, own.tours["yard"]).status is S.COMPLETED


def test_a_way_on_in_a_dead_zone_leaves_the_page_where_it_is(site: Site, meet: Meet, watch: Watch) -> None:
    own = Scene(site, 28)
    watch.at(own.moment - timedelta(minutes=20))
    bernd = meet()
    bernd.is_signed_in("jockey")
    bernd.go(f"/jockey/trips/{own.tours['yard']}")
    way_on, stays = bernd.page.locator("#next-step-go"), bernd.page.url
    bernd.loses_network()
    way_on.click()
    expect(bernd.page.locator("#live")).to_contain_text("Gerade keine Verbindung.")
    assert bernd.page.url == stays
    bernd.finds_network()
    way_on.click()
    bernd.page.wait_for_url("**/step")


def test_a_way_on_that_is_tapped_while_a_step_waits_does_not_take_its_place(
    site: Site, meet: Meet, watch: Watch
) -> None:
    own = Scene(site, 30)
    watch.at(own.moment - timedelta(minutes=20))
    bernd = meet()
    bernd.is_signed_in("jockey")
    bernd.go(f"/jockey/trips/{own.tours['yard']}/step")
    asked: list[Any] = []

    def keep_waiting(question: Any) -> None:
        asked.append(question)

    bernd.page.route("**/health", keep_waiting)
    with bernd.page.expect_request("**/health"):
        bernd.page.locator("#next-step button").click()
    bernd.page.locator("a[href^='/jockey/trips/']").first.click()
    asked[0].continue_()
    expect(bernd.page.locator("#flashes")).to_be_visible()
    with site.data() as session:
        assert session.get(JockeyAssignment, own.tours["yard"]).status is S.COMPLETED


def test_a_signature_drawn_while_the_booking_is_busy_is_shown_again_and_sent(
    site: Site, meet: Meet, watch: Watch
) -> None:
    own = Scene(site, 32)
    watch.at(own.moment + timedelta(minutes=20))
    bernd = meet()
    bernd.is_signed_in("jockey")
    bernd.go(f"/jockey/trips/{own.tours['door']}/handover")
    take_photos(bernd)
    fill_in(bernd, 48_210)
    save = bernd.page.get_by_role("button", name="Übergabe speichern")
    with site.data() as session:
        booking_id = session.get(JockeyAssignment, own.tours["door"]).booking_id
        session.get(Booking, booking_id, with_for_update=True)
        save.click()
        expect(bernd.page.locator("#errors")).to_contain_text("Unterschrift: Gerade ist viel los.")
    assert bernd.page.locator(".signature-field").evaluate(IS_DRAWN)
    save.click()
    expect(bernd.page.locator("#flashes")).to_contain_text("Die Übergabe ist gespeichert.")
    with site.data() as session:
        assert session.get(JockeyAssignment, own.tours["door"]).handover["signature"]
