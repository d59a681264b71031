"""The upload field in a real browser: progress, bad Wi-Fi, what is refused, zooming, and all of it without script."""

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import render_template_string, request
from playwright.sync_api import Locator, Route, expect

from b2c_web.access import public
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaPurpose
from b2c_web.media.queries import files, files_for
from b2c_web.media.store import LocalMediaStore
from b2c_web.workshops.models import TimeSlot
from tests.browser.inspecting import findings
from tests.browser.person import Person
from tests.browser.site import Site
from tests.factories import make_booking
from tests.factories.media import photo, video

PAGE = """
{% extends "base.html" %}{% import "macros/media.html" as media %}
{% block title %}Fotos{% endblock %}
{% block head %}
{% include "media/_head.html" %}
<script src="{{ url_for('static', filename='js/upload.js') }}" type="module" nonce="{{ csp_nonce() }}"></script>
{% endblock %}
{% block main %}<h1>Fotos</h1>
<form method="post" enctype="multipart/form-data" class="stack">
  <input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
  {{ media.media_field("media", "BOOKING", booking_id, chosen, "Was zu sehen ist") }}
  <button class="btn btn-primary btn-lg" type="submit">Fertig</button>
</form>
<p id="got">{{ got|join(" ") }}</p>
{{ media.gallery(all, "Bremse") if all }}
{% endblock %}
"""


def page_of(booking_id: uuid.UUID) -> str:
    """A page with the field as features use it."""
    ids = [uuid.UUID(one) for one in request.args.getlist("media")]
    seen = files_for(MediaPurpose.BOOKING, booking_id) if "all" in request.args else []
    got = request.form.getlist("media")
    return render_template_string(PAGE, booking_id=booking_id, chosen=files(ids), all=seen, got=got)


@pytest.fixture(scope="module")
def bench(site: Site, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of that page, for a booking of the workshop."""
    site.app.extensions["media_store"] = LocalMediaStore(tmp_path_factory.mktemp("store"))
    rule = "/bench/<uuid:booking_id>"
    site.app.add_url_rule(rule, "bench", public(page_of), methods=["GET", "POST"])
    with site.data():
        slot = db.session.query(TimeSlot).order_by(TimeSlot.start_time).offset(20).first()
        assert slot
        return f"/bench/{make_booking(slot).id}"


@pytest.fixture
def staff(meet: Callable[..., Person], bench: str, site: Site) -> Person:
    with site.data():
        db.session.query(MediaFile).delete()
    person = meet(viewport={"width": 820, "height": 1180})
    person.is_signed_in("werkstatt")
    person.go(bench)
    return person


def a_photo(name: str = "bremse.jpg", **facts: Any) -> Any:
    return {"name": name, "mimeType": "image/jpeg", "buffer": photo(1600, 1200, **facts).getvalue()}


def items(person: Person) -> Locator:
    return person.page.locator(".media-item")


def pictures(person: Person) -> Locator:
    return person.page.locator(".media-item img")


def choose(person: Person, *chosen: Any) -> None:
    person.page.set_input_files("[data-media-field] input[type=file]", list(chosen))


def test_photos_are_sent_as_they_are_chosen_and_show_themselves(staff: Person, site: Site) -> None:
    choose(staff, a_photo("eins.jpg"), a_photo("zwei.jpg"), a_photo("drei.jpg"))
    expect(items(staff)).to_have_count(3)
    expect(items(staff).first).to_contain_text("Wird verarbeitet")
    site.work()
    expect(pictures(staff)).to_have_count(3)
    staff.page.locator("[data-media-remove]").first.click()
    expect(items(staff)).to_have_count(2)
    assert staff.page.evaluate("document.activeElement.hasAttribute('data-media-remove')")
    kept = [box.get_attribute("value") for box in staff.page.locator("[name=media]").all()]
    staff.page.get_by_role("button", name="Fertig").click()
    expect(staff.page.locator("#got")).to_have_text(" ".join(str(one) for one in kept))


def test_a_photo_chosen_before_the_script_came_is_sent_when_it_comes(staff: Person, bench: str) -> None:
    held: list[Route] = []
    staff.page.route("**/upload.js", lambda route: held.append(route))  # noqa: PLW0108 - a builtin cannot be marked
    with staff.page.expect_request("**/upload.js"):
        staff.page.goto(f"{staff.site.address}{bench}", wait_until="commit")
    choose(staff, a_photo())
    while not held:
        staff.page.wait_for_timeout(50)
    held[0].continue_()
    expect(items(staff)).to_have_count(1)
    with staff.site.data():
        assert db.session.query(MediaFile).count() == 1


def test_a_gap_in_the_wifi_costs_a_second_and_no_second_photo(staff: Person, site: Site) -> None:
    lost = []

    def lose_the_first_answer(route: Route) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch())  # it arrived, but the answer did not come back
        route.abort()

    staff.page.route(re.compile("/media/booking/"), lose_the_first_answer)
    choose(staff, a_photo())
    expect(items(staff)).to_have_count(1)
    with site.data():
        assert db.session.query(MediaFile).count() == 1
    staff.complaints.clear()  # the browser tells of the request that was lost


def test_without_any_network_it_waits_until_there_is_one(staff: Person) -> None:
    staff.page.clock.install()
    staff.page.route(re.compile("/media/booking/"), lambda route: route.abort())
    choose(staff, a_photo())
    for _n in range(4):
        staff.page.wait_for_timeout(300)
        staff.page.clock.fast_forward(10_000)
    expect(staff.page.locator(".media-sending .media-note")).to_contain_text("Kein Netz")
    staff.page.unroute(re.compile("/media/booking/"))
    staff.page.get_by_role("button", name="Noch einmal senden").click()
    expect(items(staff)).to_have_count(1)
    staff.complaints.clear()


def test_what_is_not_taken_says_so_where_the_photo_would_be(staff: Person) -> None:
    choose(staff, {"name": "rechnung.jpg", "mimeType": "image/jpeg", "buffer": b"%PDF-1.7"})
    place = staff.page.locator(".media-sending[data-state=failed]")
    expect(place).to_contain_text("„rechnung.jpg“ ist kein Foto")
    expect(staff.page.locator("[data-media-status]")).to_contain_text("rechnung.jpg")
    place.get_by_role("button", name="Foto entfernen").click()
    expect(place).to_have_count(0)
    expect(staff.page.locator("[data-media-field] input[type=file]")).to_be_focused()


def test_a_form_waits_for_its_photos(staff: Person, bench: str) -> None:
    held: list[Route] = []
    staff.page.route(re.compile("/media/booking/"), lambda route: held.append(route))  # noqa: PLW0108 - playwright asks a function of Python for its arguments
    choose(staff, a_photo())
    staff.page.get_by_role("button", name="Fertig").click()
    expect(staff.page.locator("[data-media-status]")).to_have_text("Es werden noch Fotos übertragen.")
    held[0].continue_()
    expect(items(staff)).to_have_count(1)
    staff.page.get_by_role("button", name="Fertig").click()
    expect(staff.page.locator("#got")).to_have_text(re.compile("[0-9a-f-]{36}"))


# closing goes back by itself, a moment later
GONE_BACK = """() => new Promise((go) => {
  const look = () => history.state?.zoom ? setTimeout(look, 20) : go();
  look(); })"""


def test_photos_zoom_and_videos_play(staff: Person, site: Site, bench: str) -> None:
    choose(staff, a_photo())
    expect(items(staff)).to_have_count(1)  # the two of one choice are sent at once: either may be the first to arrive
    choose(staff, {"name": "film.mp4", "mimeType": "video/mp4", "buffer": video(2).getvalue()})
    expect(items(staff)).to_have_count(2)
    site.work()
    staff.go(f"{bench}?all=1")
    staff.page.get_by_role("button", name="Foto vergrößern: Bremse 1").click()
    large = staff.page.get_by_role("dialog").get_by_alt_text("Bremse 1")
    expect(large).to_be_visible()
    assert large.evaluate("image => image.decode().then(() => image.naturalWidth)") == 1600
    staff.page.get_by_label("Nah heran").check()
    stage = staff.page.locator(".photo-zoom:popover-open .photo-zoom-stage")
    middle = stage.evaluate("it => [it.scrollLeft * 2 / (it.scrollWidth - it.clientWidth), it.scrollTop]")
    assert middle[0] == pytest.approx(1, abs=0.02)
    staff.page.keyboard.press("Escape")
    expect(large).to_be_hidden()
    staff.page.evaluate(GONE_BACK)
    here = staff.page.url
    staff.page.get_by_role("button", name="Foto vergrößern: Bremse 1").click()
    expect(large).to_be_visible()
    staff.page.go_back()
    expect(large).to_be_hidden()
    assert staff.page.url == here
    button = staff.page.get_by_role("button", name="Foto vergrößern: Bremse 1")
    button.evaluate("button => { button.click(); history.back(); }")  # nobody is faster
    staff.page.evaluate(GONE_BACK)
    expect(large).to_be_hidden()
    assert staff.page.url == here
    staff.page.get_by_role("button", name="Video ansehen: Bremse 2").click()
    film = staff.page.locator("video")
    film.evaluate("film => { film.muted = true; return film.play().catch(() => null); }")
    expect(film).to_be_visible()


def test_without_script_files_are_sent_by_a_button_and_ticked(
    meet: Callable[..., Person], bench: str, site: Site
) -> None:
    person = meet(javascript=False)
    person.is_signed_in("werkstatt")
    person.go(bench)
    choose(person, a_photo("eins.jpg"), a_photo("zwei.jpg"))
    person.page.get_by_role("button", name="Gewählte Dateien senden").click()
    expect(items(person)).to_have_count(2)
    expect(person.page.locator("[name=media]").first).to_be_checked()
    site.work()
    person.page.locator("[name=media]").first.uncheck()
    wanted = person.page.locator("[name=media]").last.get_attribute("value")
    person.page.get_by_role("button", name="Fertig").click()
    expect(person.page.locator("#got")).to_have_text(str(wanted))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_field_and_the_gallery_are_for_everybody(staff: Person, site: Site, bench: str, scheme: Any) -> None:
    staff.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    choose(staff, a_photo(), {"name": "brief.jpg", "mimeType": "image/jpeg", "buffer": b"%PDF-1.7"})
    expect(items(staff)).to_have_count(1)
    site.work()
    expect(pictures(staff)).to_have_count(1)
    for width in (320, 390, 820, 1440):
        staff.page.set_viewport_size({"width": width, "height": 900})
        assert staff.page.evaluate("document.documentElement.scrollWidth") <= width
    assert findings(staff.page) == []
    staff.go(f"{bench}?all=1")
    assert findings(staff.page) == []


@pytest.mark.parametrize("viewport", [{"width": 390, "height": 844}, {"width": 1180, "height": 820}])
@pytest.mark.parametrize("shape", [(800, 600), (600, 1600)])
def test_a_photo_keeps_its_shape_and_its_room_when_it_is_looked_at(
    staff: Person, site: Site, bench: str, viewport: Any, shape: tuple[int, int]
) -> None:
    choose(staff, {"name": "bremse.jpg", "mimeType": "image/jpeg", "buffer": photo(*shape).getvalue()})
    expect(items(staff)).to_have_count(1)
    site.work()
    staff.page.set_viewport_size(viewport)
    staff.go(f"{bench}?all=1")
    staff.page.get_by_role("button", name="Foto vergrößern: Bremse").click()
    dialog = staff.page.get_by_role("dialog")
    image, stage = dialog.get_by_alt_text("Bremse"), dialog.get_by_role("group")
    assert image.evaluate("image => image.decode().then(() => [image.naturalWidth, image.naturalHeight])") == [*shape]
    plain, room = image.bounding_box(), stage.bounding_box()
    assert plain
    assert room
    assert plain["width"] / plain["height"] == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert (plain["width"] <= room["width"], plain["height"] <= room["height"]) == (True, True)
    dialog.get_by_label("Nah heran").check()
    near = image.bounding_box()
    assert near
    assert near["width"] / near["height"] == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert near["width"] > plain["width"]
