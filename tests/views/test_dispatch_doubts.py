"""What the records speak against is asked back: a Ronja that another customer still has, and keys that are missing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.audit import AuditEntry
from b2c_web.bookings.models import Booking
from b2c_web.checks import breaches
from b2c_web.dispatch import commands
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.errors import Invalid
from tests.commands.trips import HANDOVER, PICKUP, RETURN, Trips
from tests.views.browsing import send
from tests.views.test_dispatch_door import DRAWN, NOTED, five_photos, path
from tests.views.walking import text_of, words_of

S = AssignmentStatus
Login = Callable[..., FlaskClient]
AT_THE_START = "Ich habe die Ronja bei mir, sie ist vom anderen Kunden zurück"
FEWER = "Beim Abholen waren es 2 Schlüssel, jetzt nur 1."


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=1, days=4)


def one_ronja(trips: Trips) -> tuple[Booking, Booking, JockeyAssignment]:
    """Two bookings, one after the other, with the same Ronja; the first customer has it. And the second's PICKUP."""
    first, second = trips.booked(), trips.booked(slot=4, back=6)
    trips.drive_in(first)
    pickup = trips.assignment(second)
    assert pickup.vehicle_id == trips.assignment(first).vehicle_id
    return first, second, pickup


def noted(trips: Trips, action: str) -> list[Any]:
    trips.session.expire_all()
    rows = trips.session.query(AuditEntry).filter_by(action=action).order_by(AuditEntry.id)
    return [(row.before, row.after, row.actor_user_id) for row in rows]


def test_a_ronja_that_another_customer_has_is_asked_about_at_the_start(trips: Trips, login: Login) -> None:
    first, second, pickup = one_ronja(trips)
    with trips.at(first.pickup_time + timedelta(hours=3)):
        client, page = login(trips.driver), path(pickup, "step")
        words = words_of(text_of(client.get(page)))
        assert AT_THE_START in words
        assert f"{pickup.ronja.license_plate} ist noch bei einem anderen Kunden eingetragen ({first.number}" in words
        refused = send(client, page, status="ASSIGNED", early="y")
        assert refused.status_code == 422
        ask = "Bitte rufen Sie die Disposition an, oder bestätigen Sie, dass Sie das Auto haben."
        assert ask in words_of(text_of(refused))
        assert 'href="#has_ronja"' in refused.text
        assert "checked" in refused.text.split('id="early"')[0].rsplit("<", 1)[1]
        assert trips.assignment(second).status is S.ASSIGNED
        assert noted(trips, "assignment.ronja_confirmed") == []
        assert send(client, page, status="ASSIGNED", early="y", has_ronja="y").status_code == 303
    assert trips.assignment(second).status is S.EN_ROUTE_TO_PICKUP
    assert noted(trips, "assignment.ronja_confirmed") == [(None, {"still_with": first.number}, trips.driver.id)]


def test_it_is_asked_again_at_the_door_and_nothing_is_lost(trips: Trips, login: Login) -> None:
    first, second, pickup = one_ronja(trips)
    with trips.at(first.pickup_time + timedelta(hours=3)):
        commands.start_pickup(pickup.id, trips.driver, early=True, has_ronja=True)
        commands.arrive_pickup(pickup.id, trips.driver)
        client, page = login(trips.driver), path(pickup, "handover")
        plate, shown = pickup.ronja.license_plate, five_photos(trips, second)
        doubt = f"{plate} ist noch bei {first.number} eingetragen. Stehen Sie wirklich neben diesem Auto?"
        assert doubt in words_of(text_of(client.get(page)))
        refused = send(client, page, **NOTED, **shown, signature=DRAWN)
        assert refused.status_code == 422
        assert doubt in words_of(text_of(refused))
        assert 'href="#has_ronja"' in refused.text
        assert "Kratzer, Tür vorn rechts" in refused.text
        for kept in ("48210", *shown.values()):
            assert f'value="{kept}"' in refused.text
        assert trips.assignment(second).status is S.AT_PICKUP_LOCATION
        assert breaches() == []
        signature = refused.text.split('name="signature_id"')[1].split('value="')[1].split('"')[0]
        again = {**NOTED, **shown, "signature_id": signature, "has_ronja": "y"}
        assert send(client, page, **again).status_code == 303
    assert trips.assignment(second).status is S.IN_TRANSIT_TO_WORKSHOP
    assert [after for _before, after, _who in noted(trips, "assignment.ronja_confirmed")] == [
        {"still_with": first.number}
    ] * 2
    assert [one.name for one in breaches()] == ["Ronjas: handed to one customer at a time"]


def test_once_the_return_is_recorded_nobody_is_asked(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked(slot=4, back=6)
    back, began = trips.on_the_way_back(first)
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        with pytest.raises(Invalid) as refused:
            commands.start_pickup(trips.assignment(second).id, trips.dispatcher, early=True)
        assert (refused.value.code, refused.value.details["field"]) == ("ronja_out", "has_ronja")
        commands.complete_return(back.id, HANDOVER, trips.driver)
    pickup = trips.assignment(second)
    with trips.at(second.pickup_time - timedelta(minutes=23)):
        client = login(trips.driver)
        assert "has_ronja" not in text_of(client.get(path(pickup, "step")))
        assert send(client, path(pickup, "step"), status="ASSIGNED").status_code == 303
    with trips.at(second.pickup_time):
        commands.arrive_pickup(pickup.id, trips.driver)
        assert "has_ronja" not in text_of(client.get(path(pickup, "handover")))
        commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver, has_ronja=False)
    assert noted(trips, "assignment.ronja_confirmed") == []


def test_dispatchers_read_who_still_has_a_ronja_that_is_wanted_today(trips: Trips, login: Login) -> None:
    first, second, _pickup = one_ronja(trips)
    page, said = f"/dispatch/trips/{trips.assignment(second).trip_id}", f"ist eingeplant, noch bei {first.number}"
    for days, is_said in ((1, False), (0, True)):
        with trips.at(second.pickup_time - timedelta(days=days, hours=1)):
            words = words_of(text_of(login(trips.dispatcher).get(page)))
        assert "ist eingeplant" in words
        assert (said in words) is is_said


def test_a_return_does_not_ask_whose_ronja_it_is(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back = trips.make_ready(booking)
    with trips.at(back.scheduled_time - timedelta(minutes=23)):
        client = login(trips.driver)
        assert "has_ronja" not in text_of(client.get(path(back, "step")))
        assert send(client, path(back, "step"), status="ASSIGNED").status_code == 303


@pytest.mark.parametrize(("taken", "given", "is_asked"), [(2, "1", True), (2, "2", False), (1, "3", False)])
def test_fewer_keys_than_were_taken_are_asked_about(
    trips: Trips, login: Login, taken: int, given: str, is_asked: bool
) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    pickup = trips.assignment(booking, PICKUP)
    pickup.handover = {**(pickup.handover or {}), "keys": taken}
    trips.session.commit()
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        client, page = login(trips.driver), path(back, "handover")
        shown = five_photos(trips, booking)
        typed = {**NOTED, "mileage_km": "52008", "keys": given, **shown}
        assert "keys_confirmed" not in text_of(client.get(page))
        answer = send(client, page, **typed, signature=DRAWN)
        assert answer.status_code == (422 if is_asked else 303)
        if is_asked:
            words = words_of(text_of(answer))
            assert FEWER in words
            assert "So viele Schlüssel sind es wirklich" in words
            assert 'href="#keys-0"' in answer.text
            for kept in ("52008", *shown.values()):
                assert f'value="{kept}"' in answer.text
            signature = answer.text.split('name="signature_id"')[1].split('value="')[1].split('"')[0]
            again = {**typed, "signature_id": signature, "keys_confirmed": "y"}
            assert send(client, page, **again).status_code == 303
    assert trips.assignment(booking, RETURN).handover["keys"] == int(given)
    yes = [({"keys": taken}, {"keys": int(given)}, trips.driver.id)]
    assert noted(trips, "assignment.keys_confirmed") == (yes if is_asked else [])


def test_a_pickup_with_fewer_keys_than_another_one_is_none_to_ask_about(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup, shown = trips.at_the_door(booking), five_photos(trips, booking)
    with trips.at(booking.pickup_time + timedelta(minutes=10)):
        typed = {**NOTED, "keys": "1", **shown}
        assert send(login(trips.driver), path(pickup, "handover"), **typed, signature=DRAWN).status_code == 303


def test_all_that_is_strange_at_a_door_is_asked_at_once(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    pickup = trips.assignment(booking, PICKUP)
    pickup.handover, back.ronja.mileage = {**(pickup.handover or {}), "keys": 2}, 12_500
    trips.session.commit()
    with trips.at(began + timedelta(minutes=23)):
        commands.arrive_return(back.id, trips.driver)
        client, page = login(trips.driver), path(back, "handover")
        typed = {**NOTED, "mileage_km": "100", "keys": "1", "signed": "y", "signed_by": "Nora"}
        typed |= five_photos(trips, booking)
        asked = send(client, page, **typed)
        words, ticks = words_of(text_of(asked)), ("mileage_confirmed", "ronja_confirmed", "keys_confirmed")
        assert asked.status_code == 422
        assert all(doubt in words for doubt in ("waren es schon 52.000 km", "Die Ronja hatte schon 12.500 km", FEWER))
        assert all(f'name="{tick}"' in asked.text for tick in ticks)
        assert "Bitte prüfen Sie 3 Angaben" in words
        some = send(client, page, **typed, mileage_confirmed="y", keys_confirmed="y")
        assert "Die Ronja hatte schon 12.500 km" in words_of(text_of(some))
        assert FEWER not in words_of(text_of(some))
        assert noted(trips, "assignment.keys_confirmed") == []
        assert send(client, page, **typed, **dict.fromkeys(ticks, "y")).status_code == 303
    assert len(noted(trips, "assignment.keys_confirmed")) == 1
