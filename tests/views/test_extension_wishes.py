"""Wishes over HTTP: ticked in step 2, shown until the end, changed by the customer, offered or answered by staff."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.bookings.models import Booking, BookingDraft
from b2c_web.extensions import commands, queries, wishes
from b2c_web.extensions.cataloguing import put_work_item
from b2c_web.extensions.items import Offer
from b2c_web.extensions.models import Extension
from b2c_web.extensions.views import offer
from b2c_web.notifications.models import NotificationKind
from b2c_web.notifications.rendering import render
from tests.commands.extending import DISCS, PADS, Extending
from tests.factories import make_customer, make_user, make_vehicle
from tests.views.browsing import send
from tests.views.extending import HTMX, plain
from tests.views.test_workshop_board import region_of
from tests.views.walking import Walk, words_of

Login = Callable[..., FlaskClient]
GONE = "Etwas davon ist nicht mehr offen."


@pytest.fixture
def scene(session: Any, frozen_clock: Any) -> Extending:
    return Extending(session, frozen_clock)


@pytest.fixture
def before(scene: Extending) -> tuple[Booking, Extension]:
    return scene.declined_before()


@pytest.fixture
def walk(scene: Extending, before: Any, client: FlaskClient, login: Login) -> Walk:
    """The owner is signed in and has chosen the car."""
    login(before[0].user)
    walk = Walk(client, scene)
    walk.start(vehicle=before[0].vehicle_id)
    return walk


def tick(walk: Walk, *keys: str) -> Any:
    return walk.send("service", service="BRAKE_SERVICE", concierge="1", wish=list(keys))


def keys_of(extension: Extension) -> list[str]:
    return [f"{extension.id}:{place}" for place in range(len(extension.items))]


def to_summary(walk: Walk, *keys: str) -> str:
    assert tick(walk, *keys).status_code == 303
    assert walk.pick().status_code == 303
    assert walk.say().status_code == 303
    return words_of(walk.page("summary"))


def draft_of(scene: Extending, walk: Walk) -> BookingDraft:
    scene.session.expire_all()
    return scene.session.get(BookingDraft, uuid.UUID(walk.draft_id))


def accept(scene: Extending, before: tuple[Booking, Extension], name: str) -> None:
    """Work of that name is approved in the course of another booking."""
    between = scene.again(*before, slot=4)
    scene.check_in(between)
    scene.approved(between, [0], Offer("Doch", (commands.Item(name, 100),)))


# the wizard


def test_step_2_offers_what_was_declined_and_says_what_a_wish_is(walk: Walk) -> None:
    page = words_of(walk.page("service"))
    assert "Beim letzten Mal noch offen" in page
    assert "damals 149,00 EUR (2 × 74,50 EUR), abgelehnt am" in page
    assert "Bezahlt wird dafür jetzt nichts, und die Preise können sich geändert haben." in page
    assert "Nichts davon geschieht ohne Ihr Ja." in page


def test_what_is_ticked_is_kept_and_booked_for_nothing(
    scene: Extending, before: tuple[Booking, Extension], walk: Walk
) -> None:
    pads, discs, _oil = keys_of(before[1])
    page = to_summary(walk, pads, discs)
    assert "Ihre Wünsche" in page
    assert "damals 149,00 EUR" in page
    assert "Motoröl" not in page
    step = walk.page("service")
    assert step.count(" checked>") == 4  # service, way, and two wishes
    answer = walk.confirm()
    booking_id = uuid.UUID(answer.location.split("/")[2])
    booking = scene.session.get(Booking, booking_id)
    assert booking.total_price == 28900 + 3900
    assert {one.name for one in wishes.of_booking(booking)} == {PADS.name, DISCS.name}


def test_another_car_takes_the_wishes_away(scene: Extending, before: Any, walk: Walk) -> None:
    tick(walk, *keys_of(before[1]))
    walk.send("car", vehicle=str(before[0].vehicle_id), postal_code="44137")
    assert len(draft_of(scene, walk).wishes) == 3
    other = walk.send("car", vehicle="new", vehicle_class="MIDSIZE", postal_code="44137")
    assert other.status_code == 303
    assert draft_of(scene, walk).wishes == []
    assert "Beim letzten Mal noch offen" not in walk.page("service")


def test_ticks_can_be_taken_away_again_and_one_tick_counts_once(scene: Extending, before: Any, walk: Walk) -> None:
    pads, discs, _oil = keys_of(before[1])
    tick(walk, pads, discs, pads)
    assert draft_of(scene, walk).wishes == [pads, discs]
    tick(walk)
    assert draft_of(scene, walk).wishes == []


def test_another_persons_work_is_refused_and_never_named(scene: Extending, before: Any, walk: Walk) -> None:
    _theirs, other = scene.declined_before(Offer("Anders", (commands.Item("Auspuff von nebenan", 30000),)))
    pads = keys_of(before[1])[0]
    for wrong in (keys_of(other)[0], f"{before[1].id}:7", "<b>nonsense", f"{uuid.uuid4()}:0"):
        answer = tick(walk, pads, wrong)
        assert answer.status_code == 422
        assert GONE in plain(answer)
        assert "nebenan" not in answer.text
        assert "nonsense" not in answer.text
        assert f'value="{pads}"' in answer.text
    assert draft_of(scene, walk).wishes == []
    assert tick(walk, pads).status_code == 303  # the way out


def test_what_was_accepted_meanwhile_leaves_the_summary_with_a_word(scene: Extending, before: Any, walk: Walk) -> None:
    to_summary(walk, *keys_of(before[1])[:2])
    accept(scene, before, PADS.name)
    page = words_of(walk.page("summary"))
    assert "Ein Wunsch ist nicht mehr offen. Wir haben ihn aus Ihrer Liste genommen." in page
    assert PADS.name not in page
    assert DISCS.name in page
    assert draft_of(scene, walk).wishes == [keys_of(before[1])[1]]
    assert "/payment" in walk.confirm().location


def test_what_is_accepted_under_the_button_is_told_before_anything_is_booked(
    scene: Extending, before: Any, walk: Walk
) -> None:
    to_summary(walk, keys_of(before[1])[0])
    shown = walk.shown()
    accept(scene, before, PADS.name)
    count = scene.session.query(Booking).count()
    answer = send(walk.client, f"/book/{walk.draft_id}/summary", "/account/profile", **shown)
    assert answer.location.endswith("/summary")
    assert "Ein Wunsch ist nicht mehr offen." in words_of(walk.page("summary"))
    assert scene.session.query(Booking).count() == count


def test_a_tick_in_another_tab_is_seen_before_it_is_booked(scene: Extending, before: Any, walk: Walk) -> None:
    to_summary(walk)
    shown = walk.shown()
    tick(walk, keys_of(before[1])[0])
    assert walk.send("summary", **shown).location.endswith("/summary")


def test_signed_out_nothing_is_offered_and_a_tick_is_answered(
    scene: Extending, before: Any, app: Flask, client: FlaskClient
) -> None:
    walk = Walk(client, scene)
    walk.start()
    assert PADS.name not in walk.page("service")
    answer = tick(walk, keys_of(before[1])[0])
    assert answer.status_code == 422
    assert "Bitte melden Sie sich wieder an" in plain(answer)
    assert PADS.name not in answer.text
    assert tick(walk).status_code == 303


def test_who_comes_after_on_the_same_browser_sees_nothing_of_it(
    scene: Extending, before: Any, client: FlaskClient, login: Login
) -> None:
    """A draft that nobody owns yet, in which the one before chose their car and ticked."""
    walk = Walk(client, scene)
    walk.start()
    login(before[0].user)
    walk.send("car", vehicle=before[0].vehicle_id, postal_code="44137")
    tick(walk, keys_of(before[1])[0])
    assert draft_of(scene, walk).user_id is None
    with client.session_transaction() as cookie:
        cookie.pop("token")
    page = walk.page("service")
    assert PADS.name not in page
    assert draft_of(scene, walk).wishes == [keys_of(before[1])[0]]  # the owner may come back
    stranger = make_customer()
    scene.session.commit()
    login(stranger)
    page = walk.page("service")
    assert PADS.name not in page
    assert draft_of(scene, walk).wishes == []


# the booking's own page


@pytest.fixture
def booking(scene: Extending, before: tuple[Booking, Extension]) -> Booking:
    return scene.again(*before, 0, 1)


@pytest.fixture
def owner(booking: Booking, login: Login, app: Flask) -> FlaskClient:
    return login(booking.user, on=app.test_client())


@pytest.fixture
def staff(scene: Extending, login: Login, app: Flask) -> FlaskClient:
    return login(scene.staff, on=app.test_client())


def test_the_wishes_stand_on_the_confirmation_the_page_and_in_the_mail(
    scene: Extending, booking: Booking, owner: FlaskClient, app: Flask
) -> None:
    for path in (f"/bookings/{booking.id}?paid=1", f"/bookings/{booking.id}"):
        page = plain(owner.get(path))
        assert "Ihre Wünsche" in page
        assert "wartet auf das Angebot" in page
        assert "damals 149,00 EUR" in page
        assert page.index("Bezahlt und bestätigt") < page.index("Ihre Wünsche")
    mail = render(scene.mails(NotificationKind.BOOKING_CONFIRMED)[-1])
    for body in (mail.text, mail.html):
        assert "Ihre Wünsche" in body
        assert DISCS.name in body
        assert "verbindliches Angebot" in body


def test_the_customer_changes_them_until_the_car_is_here(
    scene: Extending, before: Any, booking: Booking, owner: FlaskClient
) -> None:
    path, oil = f"/bookings/{booking.id}/wishes", keys_of(before[1])[2]
    page = owner.get(path)
    assert page.text.count(" checked>") == 2
    answer = send(owner, path, wish=[oil])
    assert answer.location == f"/bookings/{booking.id}"
    assert "Motoröl" in plain(owner.get(answer.location))
    refused = send(owner, path, wish=[oil, f"{before[1].id}:9"])
    assert refused.status_code == 422
    assert GONE in plain(refused)
    scene.check_in(booking)
    late = send(owner, path, "/account/profile", wish=[])
    assert late.status_code == 409
    assert "Wünsche lassen sich ändern, bis das Auto in der Werkstatt ist." in plain(late)
    assert "Wünsche ändern" not in plain(owner.get(f"/bookings/{booking.id}"))
    assert len(wishes.of_booking(scene.session.get(Booking, booking.id))) == 1


def test_without_wishes_the_page_offers_to_name_some(scene: Extending, before: Any, owner: FlaskClient) -> None:
    later = scene.again(*before, slot=3)
    page = plain(owner.get(f"/bookings/{later.id}"))
    assert "Beim letzten Mal blieb etwas offen." in page
    assert "Wünsche nennen" in page


def test_nobody_else_gets_there(scene: Extending, booking: Booking, app: Flask, login: Login, staff: Any) -> None:
    stranger, wish = make_customer(), wishes.of_booking(booking)[0]
    elsewhere = make_user(Role.WORKSHOP)
    scene.session.commit()
    other, foreign = login(stranger, on=app.test_client()), login(elsewhere, on=app.test_client())
    aside = f"/workshop/bookings/{booking.id}/wishes/{wish.id}/dismissal"
    assert other.get(f"/bookings/{booking.id}/wishes").status_code == 404
    assert send(other, f"/bookings/{booking.id}/wishes", "/account/profile").status_code == 404
    assert foreign.get(aside).status_code == 404
    assert foreign.get(f"/workshop/bookings/{booking.id}").status_code == 404
    assert (
        send(foreign, f"/workshop/bookings/{booking.id}/extensions/draft/wishes", "/workshop/catalogue/new").status_code
        == 404
    )
    assert staff.get(aside).status_code == 200


# the workshop


def offer_wishes(staff: FlaskClient, booking: Booking) -> Any:
    path = f"/workshop/bookings/{booking.id}"
    return send(staff, f"{path}/extensions/draft/wishes", "/workshop/catalogue/new")


def test_the_board_and_the_cars_page_show_them(
    scene: Extending, booking: Booking, staff: FlaskClient, login: Login, app: Flask
) -> None:
    assert "2 Wünsche" in plain(staff.get(f"/workshop?day={scene.first}"))
    page = plain(staff.get(f"/workshop/bookings/{booking.id}"))
    assert "Wünsche des Kunden" in page
    assert "Anbieten können Sie es, sobald das Auto eingecheckt ist." in page
    assert "Als Erweiterung anbieten" not in page
    scene.check_in(booking)
    assert "Als Erweiterung anbieten" in plain(staff.get(f"/workshop/bookings/{booking.id}"))
    dispatcher = login(scene.dispatcher, on=app.test_client())
    page = plain(dispatcher.get(f"/workshop/bookings/{booking.id}"))
    assert "Wünsche des Kunden" in page
    assert "Als Erweiterung anbieten" not in page


def test_the_board_follows_what_the_customer_changes(
    scene: Extending, before: Any, booking: Booking, staff: FlaskClient
) -> None:
    board = f"/workshop?day={scene.first}"
    for path in (board, f"/workshop/bookings/{booking.id}"):
        href = region_of(staff.get(path).text)
        assert staff.get(href, headers=HTMX).status_code == 204
        commands.change_wishes(booking.user, booking.id, keys_of(before[1])[:1] if path == board else [])
        assert staff.get(href, headers=HTMX).status_code == 200
    assert "Wunsch" not in plain(staff.get(board))


def test_one_tap_opens_the_offer_with_todays_price_and_the_second_adds_nothing(
    scene: Extending, booking: Booking, staff: FlaskClient
) -> None:
    put_work_item(scene.workshop.id, booking.service, "Bremsbeläge Vorn", 9990)
    early = offer_wishes(staff, booking)
    assert early.location == f"/workshop/bookings/{booking.id}"
    scene.check_in(booking)
    for _twice in range(2):
        answer = offer_wishes(staff, booking)
        assert answer.location == f"/workshop/bookings/{booking.id}/extensions/new"
    content = queries.draft_of(booking.id).content
    assert [(line["name"], line["price"], line["quantity"]) for line in content["items"]] == [
        (PADS.name, "99,90", "1"),
        (DISCS.name, "74,50", "2"),
    ]
    page = plain(staff.get(answer.location))
    assert "Wunsch des Kunden" in page
    lines = [line | {"wish": ""} for line in content["items"]]  # tapped in the catalogue before
    assert offer.with_wishes({"items": lines}, wishes.of_booking(booking), {})[0]["items"] == lines
    assert "248,90 EUR" in page


@pytest.mark.parametrize(("there", "said"), [(28, ""), (29, "1 Wunsch braucht"), (30, "2 Wünsche brauchen")])
def test_wishes_without_room_are_said(scene: Extending, booking: Booking, staff: Any, there: int, said: str) -> None:
    scene.check_in(booking)
    lines = [offer.line_for(None) | {"name": f"Teil {number}", "price": "1"} for number in range(there)]
    commands.save_draft(scene.staff, booking.id, {"items": lines, "draft_key": "k"})
    page = plain(staff.get(offer_wishes(staff, booking).location))
    assert len(queries.draft_of(booking.id).content["items"]) == 30
    assert ("Ein Angebot fasst höchstens 30 Punkte" in page) is bool(said)
    assert said in page


def typed(content: dict[str, Any]) -> dict[str, Any]:
    """The form as the browser would send what the page opened with."""
    fields = {name: content[name] for name in ("description", "draft_key")}
    for index, line in enumerate(content["items"]):
        fields |= {f"items-{index}-{name}": line[name] for name in ("name", "price", "quantity", "work_item", "wish")}
    return fields


def test_sent_it_is_marked_and_not_offered_a_second_time(
    scene: Extending, booking: Booking, staff: FlaskClient, owner: FlaskClient
) -> None:
    scene.check_in(booking)
    new = offer_wishes(staff, booking).location
    form = typed(queries.draft_of(booking.id).content)
    assert send(staff, new, **form, then="send").status_code == 303
    page = plain(staff.get(f"/workshop/bookings/{booking.id}"))
    assert "ist angeboten" in page
    assert "Als Erweiterung anbieten" not in page
    assert "ist angeboten" in plain(owner.get(f"/bookings/{booking.id}"))
    again = send(staff, new, **{**form, "items-0-price": "1", "draft_key": str(uuid.uuid4())})
    assert again.status_code == 422
    assert "Dieser Wunsch ist schon in einem Angebot." in plain(again)
    offer_wishes(staff, booking)
    assert queries.draft_of(booking.id).content["items"] == []


def test_correcting_an_offer_keeps_its_wish(scene: Extending, booking: Booking, staff: FlaskClient) -> None:
    scene.check_in(booking)
    new = offer_wishes(staff, booking).location
    send(staff, new, **typed(queries.draft_of(booking.id).content), then="send")
    first = scene.session.query(Extension).filter_by(booking_id=booking.id).one()
    wish = wishes.places_in(first.id)[1]
    page = staff.get(f"{new}?replaces={first.id}").text
    assert f'name="items-1-wish"\n               value="{wish}"' in page


def test_a_draft_that_was_begun_keeps_its_lines(scene: Extending, booking: Booking, staff: FlaskClient) -> None:
    scene.check_in(booking)
    line = {"items-0-name": "Auspuff", "items-0-price": "300", "items-0-quantity": "1"}
    path = f"/workshop/bookings/{booking.id}/extensions"
    send(staff, f"{path}/draft", f"{path}/new", description="Durchgerostet.", **line)
    offer_wishes(staff, booking)
    content = queries.draft_of(booking.id).content
    assert [one["name"] for one in content["items"]] == ["Auspuff", PADS.name, DISCS.name]
    assert content["description"] == "Durchgerostet."


def test_set_aside_and_the_customer_reads_why(
    scene: Extending, before: Any, booking: Booking, staff: FlaskClient, owner: FlaskClient
) -> None:
    pads, discs = wishes.of_booking(booking)
    path = f"/workshop/bookings/{booking.id}/wishes/{pads.id}/dismissal"
    empty = send(staff, path, words="  ")
    assert empty.status_code == 422
    answer = send(staff, path, words="Halten noch <ein> Jahr.")
    assert answer.location == f"/workshop/bookings/{booking.id}"
    page = plain(owner.get(f"/bookings/{booking.id}"))
    assert "Die Werkstatt sagt: Halten noch &lt;ein&gt; Jahr." in page
    assert "wird nicht angeboten" in page
    assert staff.get(path).location == f"/workshop/bookings/{booking.id}"  # nothing to answer any more
    assert send(staff, path, "/workshop/catalogue/new", words="Noch einmal").location.endswith(str(booking.id))
    commands.change_wishes(booking.user, booking.id, [])
    gone = staff.get(path.replace(str(pads.id), str(discs.id)), follow_redirects=True)
    assert "Der Kunde hat ihn zurückgenommen." in plain(gone)
    form = owner.get(f"/bookings/{booking.id}/wishes").text
    assert f'value="{before[1].id}:0"' not in form  # answered: not to be ticked again


def test_the_customer_hears_in_plain_words_that_another_car_came(
    scene: Extending, booking: Booking, owner: FlaskClient
) -> None:
    from b2c_web.bookings import commands as bookings
    from b2c_web.bookings.naming import SeenCar

    other = {"license_plate": "WIT ZZ 9", "make": "Esche", "model": "Kombi", "year": 2021}
    bookings.check_in(scene.staff, booking.id, mileage_km=9, early=True, seen=SeenCar(other, is_other=True))
    assert "Die Werkstatt sagt: Es kam ein anderes Auto." in plain(owner.get(f"/bookings/{booking.id}"))


def test_what_nobody_answered_is_left_open_and_offered_next_time(
    scene: Extending, booking: Booking, owner: FlaskClient
) -> None:
    from b2c_web.bookings import commands as bookings

    scene.check_in(booking)
    bookings.complete_work(scene.staff, booking.id)
    page = plain(owner.get(f"/bookings/{booking.id}"))
    assert "offen geblieben" in page
    assert "wartet auf das Angebot" not in page


def test_a_car_of_ones_own_without_anything_declined(scene: Extending, client: FlaskClient, login: Login) -> None:
    user = make_customer()
    car = make_vehicle(user)
    scene.session.commit()
    login(user)
    walk = Walk(client, scene)
    walk.start(vehicle=car.id)
    assert "Beim letzten Mal noch offen" not in walk.page("service")
