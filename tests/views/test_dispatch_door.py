"""At the door: the handover with its photos and signature, nobody at home, and a return that fails."""

import base64
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.bookings import commands as bookings
from b2c_web.bookings.availability import read_ronjas
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.returning import replan_return, return_options
from b2c_web.dispatch import commands, photos, replanning
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaFile, MediaPurpose
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import VehicleStatus
from tests.commands.trips import CAR, PNG, RETURN, VIEWS, Trips
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus
Login = Callable[..., FlaskClient]
DRAWN = "data:image/png;base64," + base64.b64encode(PNG).decode()
RONJA = {"ronja_mileage_km": "12480", "ronja_fuel": "1"}
CAR_NOTED = {"mileage_km": "48210", "fuel": "3/4", "keys": "2", "swapped": "y", "damage": "Kratzer, Tür vorn rechts"}
NOTED = CAR_NOTED | RONJA


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def five_photos(trips: Trips, booking: Booking) -> dict[str, str]:
    return {f"photo_{view}": trips.upload(booking) for view in VIEWS}


def version_of(client: FlaskClient) -> str:
    return str(re.findall(r"[?&;]v=(\w+)", text_of(client.get("/jockey")))[0])


def path(tour: Any, page: str) -> str:
    return f"/jockey/trips/{tour.id}/{page}"


def test_a_handover_keeps_photos_state_and_signature(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        words = words_of(text_of(client.get(path(pickup, "handover"))))
        assert "Fotos 0 von 5" in words
        assert "Schlüssel erhalten, Ronja" in words
        answer = send(client, path(pickup, "handover"), **NOTED, **shown, signature=DRAWN)
        assert (answer.status_code, answer.location) == (303, "/jockey")
        words = words_of(text_of(client.get("/jockey")))
    assert "Die Übergabe ist gespeichert." in words
    assert "An der Werkstatt" in words
    kept = trips.assignment(booking).handover
    assert kept is not None
    assert [photo["view"] for photo in kept["photos"]] == list(VIEWS)
    assert [photo["file"] for photo in kept["photos"]] == list(shown.values())
    assert (kept["mileage_km"], kept["fuel"], kept["keys"]) == (48210, "3/4", 2)
    assert kept["damage"] == "Kratzer, Tür vorn rechts"
    signature = trips.session.get(MediaFile, photos.as_id(kept["signature"]))
    assert signature.purpose_id == booking.id
    assert booking.status is BookingStatus.IN_TRANSIT_TO_WORKSHOP
    ids = [photos.as_id(one) for one in (*shown.values(), kept["signature"])]
    assert set(photos.in_use([one for one in ids if one])) == set(ids)


def test_what_is_missing_is_named_and_nothing_is_lost(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    del shown["photo_right"]
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        empty = send(client, path(pickup, "handover"))
        assert empty.status_code == 422
        for missing in ("Kilometerstand ab.", "Wie viele Schlüssel sind es?", "den Tausch der Schlüssel."):
            assert missing in words_of(text_of(empty))
        summary = words_of(text_of(empty)).split("Übergabe an der Tür")[-1]
        assert "Bitte prüfen Sie 8 Angaben" in summary
        every = "Fotos: Es fehlen noch Fotos: vorn, hinten, links, rechts und Tacho."
        for missing in (every, "Unterschrift: Es fehlt", "Schlüsseltausch: Bitte bestätigen"):
            assert missing in summary
        signed = send(client, path(pickup, "handover"), signature=DRAWN)
        assert "Die Unterschrift ist gespeichert." in words_of(text_of(signed))
        assert "Bitte prüfen Sie 7 Angaben" in words_of(text_of(signed))
        answer = send(client, path(pickup, "handover"), **NOTED, **shown, signature=DRAWN)
        assert answer.status_code == 422
        page = answer.text
        assert "Es fehlen noch Fotos: rechts." in words_of(text_of(answer))
        assert "Die Unterschrift ist gespeichert." in words_of(text_of(answer))
        assert 'value="48210"' in page
        assert "4 von 5" in words_of(text_of(answer))
        for one in shown.values():
            assert f'value="{one}"' in page
        signature = page.split('name="signature_id"')[1].split('value="')[1].split('"')[0]
        again = {**NOTED, **shown, "photo_right": trips.upload(booking), "signature_id": signature}
        assert send(client, path(pickup, "handover"), **again).status_code == 303
    assert trips.assignment(booking).handover["signature"] == signature


@pytest.mark.parametrize(("km", "words"), [("100", "waren es schon 52.000 km"), ("520000", "waren es erst 52.000 km")])
def test_a_strange_mileage_on_the_return_is_asked_about_and_nothing_is_lost(
    trips: Trips, login: Login, km: str, words: str
) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        client, shown = login(trips.driver), five_photos(trips, booking)
        assert "mileage_confirmed" not in text_of(client.get(path(back, "handover")))
        typed = {**NOTED, "mileage_km": km, **shown}
        asked = send(client, path(back, "handover"), **typed, signature=DRAWN)
        assert asked.status_code == 422
        page = asked.text
        assert words in words_of(text_of(asked))
        assert "Der Kilometerstand stimmt, ich habe nachgesehen" in page
        assert "Kratzer, Tür vorn rechts" in page
        for kept in (km, *shown.values()):
            assert f'value="{kept}"' in page
        assert trips.assignment(booking, RETURN).status is S.AT_RETURN_LOCATION
        signature = page.split('name="signature_id"')[1].split('value="')[1].split('"')[0]
        again = {**typed, "signature_id": signature, "mileage_confirmed": "y"}
        assert send(client, path(back, "handover"), **again).status_code == 303
    assert trips.assignment(booking, RETURN).handover["mileage_km"] == int(km)


def test_a_lower_mileage_than_at_the_last_visit_is_asked_about_at_the_pickup(trips: Trips, login: Login) -> None:
    before = trips.booked(back=None)
    with trips.at(before.slot.start_time):
        bookings.check_in(trips.staff, before.id, mileage_km=52_000, car=CAR)
    booking = trips.booked(slot=1, back=3, user_id=before.user_id)
    booking.vehicle_id = before.vehicle_id
    trips.session.commit()
    pickup = trips.at_the_door(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client, typed = login(trips.driver), {**NOTED, **five_photos(trips, booking)}
        asked = send(client, path(pickup, "handover"), **typed, signature=DRAWN)
        assert asked.status_code == 422
        assert "waren es schon 52.000 km" in words_of(text_of(asked))
        again = {**typed, "mileage_km": "52100"}
        assert send(client, path(pickup, "handover"), **again, signature=DRAWN).status_code == 303


def test_a_typed_name_stands_for_the_signature(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        name = {"signed_by": "Rosa Ahorn"}
        assert send(client, path(pickup, "handover"), **NOTED, **shown, **name).status_code == 422
        assert send(client, path(pickup, "handover"), **NOTED, **shown, **name, signed="y").status_code == 303
    kept = trips.assignment(booking).handover
    assert (kept["signature"], kept["signed_typed"]) == ("", "Rosa Ahorn")


def test_photos_of_another_booking_do_not_count(trips: Trips, login: Login) -> None:
    booking, other = trips.booked(), trips.booked(slot=1, back=3)
    pickup, _other = trips.at_the_door(booking), trips.at_the_door(other)
    theirs = five_photos(trips, other)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        answer = send(client, path(pickup, "handover"), **NOTED, **theirs, signature=DRAWN)
        assert answer.status_code == 422
        assert all(one not in answer.text for one in theirs.values())
    assert trips.assignment(booking).status is S.AT_PICKUP_LOCATION


def test_without_script_photos_come_back_in_the_address(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        first = trips.upload(booking)
        page = client.get(path(pickup, f"handover?photo_front={first}&photo_rear=nonsense")).text
    assert f'value="{first}"' in page
    assert "1 von 5" in words_of(page)


def test_pressing_a_handover_twice_is_no_harm(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        for _press in range(2):
            answer = send(client, path(pickup, "handover"), "/jockey", **NOTED, **shown, signature=DRAWN, signed="y")
            assert answer.location == "/jockey"
        assert client.get(path(pickup, "handover")).location == path(pickup, "step")
    assert trips.session.query(Notification).filter_by(kind=NotificationKind.PICKED_UP).count() == 1


@pytest.mark.parametrize("other", ["mileage", "photo"])
def test_another_tab_that_saves_later_is_told_what_counts(trips: Trips, login: Login, other: str) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client, page = login(trips.driver), path(pickup, "handover")
        assert send(client, page, **NOTED, **shown, signature=DRAWN).location == "/jockey"
        changed = {"mileage_km": "99999"} if other == "mileage" else {"photo_front": trips.upload(booking)}
        later = send(client, page, "/jockey", **{**NOTED, **shown, **changed}, signature=DRAWN)
        assert later.location == f"/jockey/trips/{pickup.id}"
        said = text_of(client.get(later.location))
    assert "Diese Übergabe war schon gespeichert." in said
    assert trips.assignment(booking).handover["mileage_km"] == int(NOTED["mileage_km"])


def test_a_return_ends_with_its_handover(trips: Trips, login: Login, run_jobs: Callable[..., list[str]]) -> None:
    booking = trips.booked()
    back, _began = trips.on_the_way_back(booking)
    with trips.at(back.scheduled_time):
        commands.arrive_return(back.id, trips.driver)
        shown, client = five_photos(trips, booking), login(trips.driver)
        words = words_of(text_of(client.get(path(back, "handover"))))
        assert "Schlüssel übergeben, Ronja" in words
        noted = {**NOTED, "mileage_km": "52008"}
        assert send(client, path(back, "handover"), **noted, **shown, signature=DRAWN).status_code == 303
        words = words_of(text_of(client.get("/jockey")))
        assert f"Fahren Sie die Ronja {back.ronja.license_plate} jetzt zur Werkstatt." in words
        versions = [version_of(client)]
    trips.session.expire_all()
    assert booking.status is BookingStatus.COMPLETED
    with trips.at(back.scheduled_time + timedelta(hours=1)):
        run_jobs(only={"dispatch.ronja_ready"})
        words, versions = words_of(text_of(client.get("/jockey"))), [*versions, version_of(client)]
    assert versions[0] != versions[1]  # so that it leaves a page that stays open
    assert "Fahren Sie die Ronja" not in words  # she is there
    trips.session.expire_all()
    assert trips.assignment(booking, RETURN).ronja.status is VehicleStatus.AVAILABLE


def test_the_ronja_shows_what_was_read_off_and_a_strange_number_is_asked_about(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    pickup.ronja.mileage = 12_500
    trips.session.commit()
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        for strange, known in (("12480", "schon 12.500 km"), ("124800", "zuletzt erst 12.500 km")):
            facts = {**NOTED, "ronja_mileage_km": strange, **shown}
            asked = send(client, path(pickup, "handover"), **facts, signature=DRAWN)
            assert asked.status_code == 422
            assert f"Die Ronja hatte {known}" in words_of(text_of(asked))
            assert 'name="ronja_confirmed"' in asked.text
        assert pickup.ronja.mileage == 12_500
        facts = {**NOTED, "ronja_mileage_km": "12480", "ronja_confirmed": "y", **shown}
        assert send(client, path(pickup, "handover"), **facts, signature=DRAWN).status_code == 303
    trips.session.expire_all()
    assert trips.assignment(booking).ronja.mileage == 12_480
    assert trips.assignment(booking).handover["ronja_fuel"] == "1"


def test_a_ronja_that_comes_back_due_for_service_is_planned_no_more(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, _began = trips.on_the_way_back(booking)
    back.ronja.mileage, back.ronja.next_service_mileage = 13_400, 14_000  # 500 km before it is due
    trips.session.commit()
    span = (back.scheduled_time, back.scheduled_time + timedelta(days=7))
    with trips.at(back.scheduled_time):
        commands.arrive_return(back.id, trips.driver)
        assert back.vehicle_id in [plan.ronja_id for plan in read_ronjas(trips.workshop.id, *span)]
        facts = {**NOTED, "mileage_km": "52008", "ronja_mileage_km": "13500", **five_photos(trips, booking)}
        assert send(login(trips.driver), path(back, "handover"), **facts, signature=DRAWN).status_code == 303
        assert back.vehicle_id not in [plan.ronja_id for plan in read_ronjas(trips.workshop.id, *span)]


def test_nobody_there(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    photo = trips.upload(booking)
    arrived = booking.pickup_time
    with trips.at(arrived + timedelta(minutes=2)):
        client = login(trips.driver)
        none = words_of(text_of(send(client, path(pickup, "no-show"))))
        assert "Bitte rufen Sie zuerst noch 3 Mal an." in none
        assert "Bitte warten Sie bis 08:15 Uhr." in words_of(text_of(client.get(path(pickup, "no-show"))))
        for _press in range(2):  # the second one comes at once and does not count
            send(client, path(pickup, "calls"), path(pickup, "no-show"), photo=photo)
    for minutes in (6, 11):
        with trips.at(arrived + timedelta(minutes=minutes)):
            answer = send(client, path(pickup, "calls"), path(pickup, "no-show"), photo=photo)
            assert answer.location == f"{path(pickup, 'no-show')}?photo={photo}"
    with trips.at(arrived + timedelta(minutes=12)):
        early = send(client, path(pickup, "no-show"), photo=photo, waited="y")
        assert early.status_code == 422
        assert "Die Wartezeit ist noch nicht um." in words_of(text_of(early))
    with trips.at(arrived + timedelta(minutes=15)):
        words = words_of(text_of(client.get(path(pickup, "no-show"))))
        assert "3 von 3" in words
        assert "Anruf um 08:02 Uhr" in words
        assert send(client, path(pickup, "no-show"), waited="y").status_code == 422
        assert send(client, path(pickup, "no-show"), photo=photo, waited="y").location == "/jockey"
    ended = trips.assignment(booking)
    assert (ended.status, ended.cancel_reason) == (S.CANCELLED, CancelReason.NO_SHOW)
    assert ended.handover["no_show"] == {"calls": 3, "waited_minutes": 15, "photo": photo}
    assert len(ended.handover["calls"]) == 3
    assert booking.new_date_until is not None


def test_a_call_pressed_again_at_once_is_said_to_be_the_same(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    again, page = "Das zählt als derselbe Anruf.", path(pickup, "no-show")
    for seconds, is_noted, count in ((0, True, 1), (19, False, 1), (20, True, 2)):
        with trips.at(booking.pickup_time + timedelta(minutes=2, seconds=seconds)):
            client = login(trips.driver)
            send(client, path(pickup, "calls"), page)
            words = words_of(text_of(client.get(page)))
        assert ("Anruf notiert." in words, again in words) == (is_noted, not is_noted)
        assert f"{count} von 3" in words


def test_the_photo_of_the_place_is_there_when_the_page_is_loaded_again(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, before = trips.at_the_door(booking), trips.upload(booking)  # sent before the jockey stood at the door
    page = path(pickup, "no-show")
    with trips.at(booking.pickup_time + timedelta(minutes=3)):
        theirs = str(add_upload(trips.staff, MediaPurpose.BOOKING, booking.id, BytesIO(PNG), "foto.png").id)
        client = login(trips.driver)
        assert all(one not in client.get(page).text for one in (before, theirs))
        first, newest = trips.upload(booking), trips.upload(booking)
        assert f'value="{newest}"' in client.get(page).text
        assert first not in client.get(page).text
        chosen = client.get(f"{page}?photo={first}").text
        assert f'value="{first}"' in chosen
        assert newest not in chosen
        assert newest not in send(client, page).text  # taken out of the form: it stays out


def test_calls_are_counted_at_the_door_only(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.assignment(booking)
    with trips.at(booking.pickup_time):
        client = login(trips.driver)
        answer = send(client, path(pickup, "calls"), "/jockey")
        assert answer.status_code == 303
        assert "Der Stand dieser Fahrt hat sich geändert." in words_of(text_of(client.get("/jockey")))
        assert client.get(path(pickup, "no-show")).status_code == 302
    assert trips.assignment(booking).handover is None


@pytest.mark.parametrize("reason", ["NO_SHOW", "BREAKDOWN"])
def test_a_return_that_fails(trips: Trips, login: Login, reason: str) -> None:
    booking = trips.booked()
    back, _began = trips.on_the_way_back(booking)
    with trips.at(back.scheduled_time):
        client = login(trips.driver)
        assert "Die Rückgabe klappt nicht" in text_of(client.get(path(back, "")[:-1]))
        assert send(client, path(back, "failure")).status_code == 422
        for _press in range(2):
            answer = send(client, path(back, "failure"), "/jockey", reason=reason, note="")
            assert answer.location == path(back, "")[:-1]
    assert trips.assignment(booking, RETURN).cancel_reason is CancelReason(reason)
    assert booking.status is BookingStatus.READY_FOR_RETURN


@pytest.mark.parametrize(
    ("reason", "what_now"),
    [("BREAKDOWN", "Bitte rufen Sie jetzt die Werkstatt an"), ("NO_SHOW", "Bitte bringen Sie das Auto zurück")],
)
def test_who_stands_beside_the_car_is_told_what_to_do_now(
    trips: Trips, login: Login, reason: str, what_now: str
) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=5)):
        client = login(trips.driver)
        answer = send(client, path(back, "failure"), "/jockey", reason=reason, note="")
        page = text_of(client.get(answer.location))
        day = text_of(client.get("/jockey"))
    assert what_now in words_of(page)
    assert "nicht mehr Ihre" not in page
    assert f'href="tel:{trips.workshop.phone.replace(" ", "")}"' in page
    assert "Am Beispielweg 12" not in page
    assert f'href="{answer.location}"' in day.split("Erledigt")[1]
    assert what_now in words_of(day)
    assert re.search(rf'<a class="btn btn-secondary"\s+href="{answer.location}">Zur Fahrt</a>', day)  # for a thumb
    with trips.at(began + timedelta(minutes=30)):
        replan_return(booking.user, booking.id, return_options(booking)[-1].slot_id)
        assert what_now in words_of(text_of(client.get("/jockey")))
        bookings.collect(trips.staff, booking.id)
        assert what_now not in words_of(text_of(client.get("/jockey")))


def test_who_gave_the_car_away_is_not_asked_to_bring_it_back(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    jockey = trips.second_jockey()
    other = trips.user_of(jockey)
    with trips.at(began + timedelta(minutes=5)):
        commands.return_failed(back.id, CancelReason.NO_SHOW, actor=trips.driver)
        second = replanning.assign_again(booking.id, RETURN, jockey_id=jockey.id, actor=trips.dispatcher)
        assert "diese Rückgabe ist abgebrochen" in words_of(text_of(login(trips.driver).get("/jockey")))
    with trips.at(began + timedelta(minutes=10)):
        commands.start_return(second, other)
        commands.return_failed(second, CancelReason.BREAKDOWN, actor=other)
        for person, has_car in ((trips.driver, False), (other, True)):
            day = words_of(text_of(login(person).get("/jockey")))
            assert ("diese Rückgabe ist abgebrochen" in day) is has_car


def test_a_breakdown_that_a_dispatcher_noted_before_the_start_leaves_nobody_with_a_car(
    trips: Trips, login: Login
) -> None:
    booking = trips.booked()
    back = trips.make_ready(booking)
    replanning.cancel_assignment(back.id, CancelReason.BREAKDOWN, "", actor=trips.dispatcher)
    with trips.at(back.scheduled_time):
        page = text_of(login(trips.driver).get(path(back, "")[:-1]))
    assert "Diese Fahrt ist nicht mehr Ihre: Panne." in words_of(page)


def test_a_pickup_has_no_return_that_fails(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    with trips.at(booking.pickup_time):
        client = login(trips.driver)
        assert client.get(path(pickup, "failure")).location == path(pickup, "handover")
        assert send(client, path(pickup, "failure"), "/jockey", reason="BREAKDOWN").status_code == 409


@pytest.mark.parametrize("page", ["handover", "no-show", "failure"])
def test_these_pages_are_the_own_jockeys(trips: Trips, login: Login, page: str) -> None:
    booking = trips.booked()
    pickup, other = trips.at_the_door(booking), trips.user_of(trips.second_jockey())
    client = login(other)
    assert client.get(path(pickup, page)).status_code == 404
    assert send(client, path(pickup, page), "/jockey").status_code == 404


def test_the_fuel_has_words_and_the_mileage_its_separators(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    facts = {**NOTED, "fuel": "R", "mileage_km": "48.210 km"}
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        client = login(trips.driver)
        assert "Reserve" in words_of(text_of(client.get(path(pickup, "handover"))))
        assert send(client, path(pickup, "handover"), **facts, **shown, signature=DRAWN).status_code == 303
    kept = trips.assignment(booking).handover
    assert (kept["fuel"], kept["mileage_km"]) == ("R", 48210)
    assert "Reserve" in words_of(text_of(login(trips.staff).get(f"/workshop/bookings/{booking.id}")))
