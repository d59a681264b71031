"""Nobody orders without having ticked the terms as they are now, and nobody ticks them twice for one order."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts.models import Address, User
from b2c_web.bookings.models import Booking, BookingDraft
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.factories import make_customer
from tests.views.walking import CONTACT, Walk, text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
NEXT = "2099-01-01"


@pytest.fixture
def walk(client: FlaskClient, session: Any, login: Callable[..., FlaskClient]) -> Walk:
    """Rosa is signed in, and all that step 4 asks is known from an earlier order, but not that she agrees."""
    scene = Scene(session, ronjas=3)
    rosa = make_customer(name=CONTACT["name"], phone="+492311234567")
    place = {"street": CONTACT["street"], "postal_code": "44137", "city": CONTACT["city"]}
    db.session.add(Address(user_id=rosa.id, **place))
    db.session.commit()
    login(rosa)
    return Walk(client, scene)


def place_of(walk: Walk, step: str) -> str:
    """Where the step leads, or itself."""
    answer = walk.client.get(f"/book/{walk.draft_id}/{step}")
    return str(answer.location or answer.request.path).rsplit("/", 1)[-1]


def is_ticked(page: str) -> bool:
    tick = re.search(r'<input[^>]*name="terms"[^>]*>', page)
    return tick is not None and "checked" in tick[0]


def test_a_known_customer_is_asked_for_the_terms(walk: Walk, app: Flask) -> None:
    walk.to_contact()
    assert db.session.query(BookingDraft).one().street == CONTACT["street"]
    assert place_of(walk, "summary") == "contact"
    assert walk.send("summary", shown_total_cents="32800", shown="?").location.endswith("/contact")
    assert "/contact" in text_of(walk.client.get("/book"))  # to go on where one was
    assert walk.say(terms="").status_code == 422
    assert place_of(walk, "summary") == "contact"
    walk.say()
    assert walk.confirm().status_code == 303
    assert db.session.query(Booking).one().terms_version == app.config["TERMS_VERSION"]


@pytest.mark.parametrize("step", ["date", "service"])
def test_who_changes_something_comes_back_to_the_check(walk: Walk, step: str) -> None:
    walk.to_contact()
    walk.say()
    changed = walk.pick(1, 3) if step == "date" else walk.choose()
    assert changed.location.endswith("/summary")
    assert is_ticked(walk.page("contact"))


def test_another_service_asks_for_its_date_first(walk: Walk) -> None:
    walk.to_contact()
    walk.say()
    slots = walk.scene.slots
    shown = walk.choose("OIL_SERVICE").location
    assert shown.endswith(f"/date?slot={slots[0].id}&back={slots[2].id}&before=1")
    page = walk.page("date", "?" + shown.split("?")[1])
    stays = "Ihr Termin ist auch damit frei: Do, 26. Nov., 8–10 Uhr, zurück 12–14 Uhr."
    assert stays in words_of(page)
    assert "Nächster freier Termin" not in page
    assert walk.pick().location.endswith("/summary")


def test_a_date_that_another_service_does_not_fit_was_not_taken_by_somebody(walk: Walk) -> None:
    walk.to_contact()
    walk.scene.slots[0].jockey_minutes_taken = walk.scene.slots[0].jockey_minutes_room
    db.session.commit()
    shown = walk.choose("OIL_SERVICE").location
    page = words_of(walk.page("date", "?" + shown.split("?")[1]))
    assert "Mit dieser Wahl ist Ihr bisheriges Fenster nicht zu haben. Am nächsten dran: Do, 26. Nov., 10" in page
    assert "vergeben worden" not in page


def test_the_same_car_leads_back_to_the_check(walk: Walk) -> None:
    walk.to_contact()
    walk.say()
    assert walk.send("car", vehicle="new", vehicle_class="SUV", postal_code="44137").location.endswith("/summary")


def test_new_terms_are_asked_for_anew(walk: Walk, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    walk.to_contact()
    walk.say()
    seen = walk.shown()
    monkeypatch.setitem(app.config, "TERMS_VERSION", NEXT)
    assert walk.send("summary", **seen).location.endswith("/contact")
    assert db.session.query(Booking).count() == 0
    assert not is_ticked(walk.page("contact"))
    walk.say()
    walk.confirm()
    assert db.session.query(Booking).one().terms_version == NEXT


def test_what_somebody_else_ticked_in_this_browser_does_not_count(
    client: FlaskClient, session: Any, login: Callable[..., FlaskClient]
) -> None:
    """Rosa leaves before she enters her code, and Bert signs in."""
    walk = Walk(client, Scene(session, ronjas=3))
    walk.to_contact()
    assert walk.say().location.endswith("/code")
    bert = make_customer()
    db.session.commit()
    login(bert)
    assert place_of(walk, "summary") == "contact"
    assert not is_ticked(walk.page("contact"))
    walk.say()
    assert place_of(walk, "summary") == "summary"


def test_another_place_asks_for_the_date_anew(walk: Walk) -> None:
    """The way there may take longer, so that what was chosen cannot be kept."""
    db.session.add(Address(user_id=db.session.query(User).one().id, street="Weg 1", postal_code="58452", city="Witten"))
    db.session.commit()
    walk.to_contact()
    walk.say()
    walk.send("car", vehicle="new", vehicle_class="MIDSIZE", postal_code="58452")
    assert walk.choose().location.endswith("/date")
    assert db.session.query(BookingDraft).one().street == "Weg 1"


def test_another_code_nearby_asks_for_the_date_anew(walk: Walk) -> None:
    where = {"vehicle": "new", "vehicle_class": "MIDSIZE", "postal_code": "00000"}
    walk.start(**where, nearby_postal_code="44137")
    walk.choose()
    walk.pick()
    walk.say()
    assert walk.send("car", **where, nearby_postal_code="44137").location.endswith("/summary")
    assert walk.send("car", **where, nearby_postal_code="58452").location.endswith("/service")
    draft = db.session.query(BookingDraft).one()
    assert (draft.slot_id, draft.street) == (None, CONTACT["street"])
