"""The dispatcher's day: what needs somebody first, then by window; one trip with all that can be decided about it."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from b2c_web.accounts.models import Role
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation, Trip
from b2c_web.dispatch import board, commands, ronjas
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.replanning import cancel_assignment
from tests.commands.trips import HANDOVER, PICKUP, RETURN, Trips
from tests.factories import make_user
from tests.views.browsing import TOKEN
from tests.views.test_workshop_board import counted
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]
THURSDAY = "/dispatch?day=2026-11-26"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=3)


def dispatcher(trips: Trips, login: Login) -> FlaskClient:
    return login(trips.dispatcher)


def page_of(trips: Trips, booking: Booking, kind: Any = PICKUP) -> str:
    trips.session.expire_all()
    trip = trips.session.query(Trip).filter_by(booking_id=booking.id, type=kind, released_at=None).one()
    return f"/dispatch/trips/{trip.id}"


def form_on(client: FlaskClient, path: str) -> dict[str, str]:
    """What the page's form carries along, and what is ticked in it."""
    page = client.get(path).text
    found = TOKEN.search(page)
    assert found, page
    fields = {"csrf_token": found[1]}
    for name in ("seen", "accepted", "time"):
        value = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)
        fields[name] = value[1] if value else ""
    for name, value in re.findall(r'<input (?:checked )?class="tick"[^>]*name="(\w+)"[^>]*value="([^"]*)"', page):
        if re.search(
            rf'checked[^>]*name="{name}"[^>]*value="{value}"|name="{name}"[^>]*value="{value}"[^>]*checked', page
        ):
            fields[name] = value
    return fields


def decide(client: FlaskClient, path: str, **changes: Any) -> Any:
    return client.post(path, data={**form_on(client, path), **changes})


def test_trips_stand_by_window_with_what_needs_somebody_first(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked(slot=1, back=3)
    lost = trips.booked(slot=2, back=4)
    cancel_assignment(trips.assignment(lost).id, CancelReason.REDISPATCHED, actor=trips.dispatcher)
    client = dispatcher(trips, login)
    words = words_of(text_of(client.get(THURSDAY)))
    assert "6 Fahrten 1 braucht Sie 0 spät oder knapp" in words
    assert words.index("Zuerst 1") < words.index(lost.number) < words.index("ohne Jockey") < words.index("8–10 Uhr 1")
    assert words.index(first.number) < words.index("10–12 Uhr 1") < words.index(second.number)
    for fact in ("Person am Beispielweg", "Am Beispielweg 12, 44137 Dortmund", trips.jockey.name, "an der Tür 08:00"):
        assert fact in words
    assert "Der Jockey wird eingeteilt, wenn das Auto fertig ist." in words
    assert words.count("Einteilen") == 1


def test_within_a_window_the_earlier_stands_first(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked()
    for booking, minutes in ((first, 50), (second, 5)):
        trips.assignment(booking).scheduled_time = booking.pickup_time + timedelta(minutes=minutes)
        trips.session.commit()
    words = words_of(text_of(dispatcher(trips, login).get(THURSDAY)))
    assert "an der Tür 08:05" in words
    assert words.index(second.number) < words.index(first.number)


def test_the_load_of_the_jockeys_stands_beside_it(trips: Trips, login: Login) -> None:
    trips.booked()
    trips.second_jockey()
    words = words_of(text_of(dispatcher(trips, login).get(THURSDAY)))
    assert "Jockeys an diesem Tag" in words
    loads = words.split("Jockeys an diesem Tag")[1]
    assert "1 Fahrt, 1 h 26 min von 12 h" in loads
    assert "0 Fahrten, 0 min von 12 h" in loads


def test_a_jockey_who_drives_a_trip_of_another_day_has_the_way_to_it(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    path = page_of(trips, booking)
    client = dispatcher(trips, login)
    assert path not in text_of(client.get("/dispatch"))
    commands.start_pickup(trips.assignment(booking).id, trips.driver, early=True)
    page = text_of(client.get("/dispatch"))
    assert "Keine Fahrt an diesem Tag" in page
    assert f"unterwegs mit der Fahrt von Do, 26. Nov.: Abholung, {booking.number}" in words_of(page)
    assert f'href="{path}"' in page
    assert "unterwegs mit der Fahrt" not in text_of(client.get(THURSDAY))
    with trips.at(booking.pickup_time):
        page = text_of(dispatcher(trips, login).get("/dispatch"))
        assert booking.number in page
        assert "unterwegs mit der Fahrt" not in page


def test_only_the_own_workshop_and_an_admin_all(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    stranger = make_user(Role.DISPATCHER)
    trips.session.commit()
    client = login(stranger)
    assert booking.number not in text_of(client.get(THURSDAY))
    assert "Keine Fahrt an diesem Tag" in text_of(client.get(THURSDAY))
    assert client.get(page_of(trips, booking)).status_code == 404
    assert client.get(page_of(trips, booking) + "/cancellation").status_code == 404
    admin = make_user(Role.ADMIN)
    trips.session.commit()
    page = text_of(login(admin).get(THURSDAY))
    assert booking.number in page
    assert trips.workshop.name in page


def test_lateness_is_told_before_it_happens(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    with trips.at(booking.slot.end_time - timedelta(minutes=10)):
        words = words_of(text_of(dispatcher(trips, login).get("/dispatch")))
        assert "wird 13 min zu spät, gegen 10:13" in words
        assert "1 spät oder knapp" in words
    with trips.at(booking.slot.end_time - timedelta(minutes=30)):
        assert "knapp, gegen 09:53" in words_of(text_of(dispatcher(trips, login).get("/dispatch")))


def test_lateness_of_hours_is_told_in_hours(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    with trips.at(booking.slot.end_time + timedelta(minutes=77)):
        words = words_of(text_of(dispatcher(trips, login).get("/dispatch")))
        assert "wird 1 h 40 min zu spät, gegen 11:40" in words
        assert "0 brauchen Sie" in words
    with trips.at(booking.slot.end_time + timedelta(minutes=107)):
        words = words_of(text_of(dispatcher(trips, login).get("/dispatch")))
        assert "wird 2 h 10 min zu spät" in words
        assert "1 braucht Sie" in words


def test_what_was_not_driven_yesterday_is_on_todays_list(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    with trips.at(booking.pickup_time + timedelta(days=1)):
        words = words_of(text_of(dispatcher(trips, login).get("/dispatch")))
        assert "überfällig seit Do, 26. Nov." in words
        assert "1 braucht Sie" in words
        assert words.index("Zuerst 1") < words.index(booking.number)
        assert booking.number not in text_of(dispatcher(trips, login).get("/dispatch?day=2026-11-30"))


def test_a_return_that_still_waits_for_its_car_is_overdue(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    trips.drive_in(booking)
    end = trips.slots[2].end_time
    with trips.at(end - timedelta(minutes=1)):
        assert "0 brauchen Sie 0 spät oder knapp" in words_of(text_of(dispatcher(trips, login).get("/dispatch")))
    for at in (end + timedelta(minutes=1), end + timedelta(days=1)):
        with trips.at(at):
            words = words_of(text_of(dispatcher(trips, login).get("/dispatch")))
            assert "1 braucht Sie 1 spät oder knapp" in words
            assert words.index("Zuerst 1") < words.index(booking.number) < words.index("überfällig")
            assert "Der Jockey wird eingeteilt, wenn das Auto fertig ist." in words
    assert "Do, 26. Nov., 12–14 Uhr" in words


def test_a_car_that_does_not_arrive_is_overdue(trips: Trips, login: Login) -> None:
    booking = trips.booked(back=7)
    pickup = trips.at_the_door(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=20)):
        commands.finish_pickup_handover(pickup.id, HANDOVER, trips.driver)
    with trips.at(booking.pickup_time + timedelta(minutes=20 + 23 + 120)):
        assert "0 brauchen Sie 0 spät oder knapp" in words_of(text_of(dispatcher(trips, login).get("/dispatch")))
    for later in (timedelta(minutes=20 + 23 + 121), timedelta(days=1)):
        with trips.at(booking.pickup_time + later):
            words = words_of(text_of(dispatcher(trips, login).get("/dispatch")))
            assert "1 braucht Sie 1 spät oder knapp" in words
            assert words.index("Zuerst 1") < words.index(booking.number) < words.index("überfällig")
    with trips.at(booking.pickup_time + later):
        commands.arrive_workshop(pickup.id, trips.driver)
        assert "0 brauchen Sie 0 spät oder knapp" in words_of(text_of(dispatcher(trips, login).get("/dispatch")))


def test_a_trip_without_a_jockey_counts_as_late_when_its_window_is_over(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    cancel_assignment(trips.assignment(booking).id, CancelReason.REDISPATCHED, actor=trips.dispatcher)
    with trips.at(booking.slot.end_time + timedelta(minutes=1)):
        words = words_of(text_of(dispatcher(trips, login).get("/dispatch")))
    assert "1 braucht Sie 1 spät oder knapp" in words
    assert "ohne Jockey" in words


def test_whose_customer_was_asked_anew_is_not_overdue(trips: Trips, login: Login) -> None:
    missed = trips.booked()
    trips.miss(missed)
    with trips.at(missed.slot.end_time + timedelta(hours=3)):
        assert "1 braucht Sie 0 spät oder knapp" in words_of(text_of(dispatcher(trips, login).get("/dispatch")))


def test_the_list_follows_what_others_do(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client = dispatcher(trips, login)
    found = re.search(r"v=([0-9a-f]{16})", client.get(THURSDAY).text)
    assert found
    asked = f"{THURSDAY}&v={found[1]}"
    assert client.get(asked, headers=HTMX).status_code == 204
    commands.start_pickup(trips.assignment(booking).id, trips.session.merge(trips.driver), early=True)
    answer = client.get(asked, headers=HTMX)
    assert answer.status_code == 200
    assert "Auf dem Weg" in answer.text
    assert "<html" not in answer.text


def test_the_page_says_of_each_jockey_what_it_would_mean(trips: Trips, login: Login) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    trips.session.execute(JockeyShiftOf(other.id))
    trips.session.commit()
    words = words_of(text_of(dispatcher(trips, login).get(page_of(trips, booking))))
    assert "passt, an der Tür um 08:00" in words
    assert "hat an diesem Tag keine Schicht" in words
    assert "ist eingeplant" in words
    assert words.count("frei") >= 2


def JockeyShiftOf(jockey_id: Any) -> Any:
    from sqlalchemy import delete

    from b2c_web.workshops.models import JockeyShift

    return delete(JockeyShift).where(JockeyShift.jockey_id == jockey_id)


def test_changing_the_jockey(trips: Trips, login: Login) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    client, path = dispatcher(trips, login), page_of(trips, booking)
    answer = decide(client, path, jockey_id=other.id, time="09:00")
    assert (answer.status_code, answer.location) == (303, THURSDAY)
    assert f"{booking.number}: {other.name} ist um 09:00 Uhr an der Tür." in words_of(text_of(client.get(THURSDAY)))
    assert trips.assignment(booking).jockey_id == other.id


def test_what_speaks_against_it_is_asked_about_and_then_done(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked()
    client, path = dispatcher(trips, login), page_of(trips, second)
    asked = decide(client, path, jockey_id=trips.jockey.id, time="08:00")
    assert asked.status_code == 422
    words = words_of(text_of(asked))
    assert f"überschneidet sich mit {first.number} (07:37–09:03)" in words
    accepted = re.search(r'name="accepted"[^>]*value="([^"]*)"', asked.text)
    assert accepted
    assert accepted[1] == f"{trips.jockey.id}@08:00:00 OVERLAP:{first.number}"
    wish = {"jockey_id": trips.jockey.id, "time": "08:00", "accepted": accepted[1]}
    assert decide(client, path, **wish).status_code == 422
    assert decide(client, path, **wish, anyway="y").status_code == 303
    words = words_of(text_of(client.get(THURSDAY)))
    assert "Die Fahrt überschneidet sich mit einer anderen." in words
    assert "passt nicht" in words


def test_a_yes_is_for_what_was_shown_only(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client, path = dispatcher(trips, login), page_of(trips, booking)
    asked = decide(client, path, jockey_id=trips.jockey.id, time="10:10")
    accepted = re.search(r'name="accepted"[^>]*value="([^"]*)"', asked.text)
    assert accepted
    assert "LATE" in accepted[1]
    wish = {"jockey_id": trips.jockey.id, "accepted": accepted[1], "anyway": "y"}
    assert decide(client, path, **wish, time="13:00").status_code == 422
    assert decide(client, path, **wish, time="10:10").status_code == 303


def test_two_dispatchers_at_once(trips: Trips, login: Login) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    client, path = dispatcher(trips, login), page_of(trips, booking)
    seen = form_on(client, path)
    assert decide(client, path, jockey_id=other.id).status_code == 303
    late = client.post(path, data={**seen, "jockey_id": str(trips.jockey.id), "time": "09:30"})
    assert late.status_code == 409
    words = words_of(text_of(late))
    assert "Jemand war schneller: Diese Fahrt ist inzwischen anders geplant." in words
    assert trips.assignment(booking).jockey_id == other.id
    assert client.post(path, data={**form_on(client, path), "jockey_id": str(trips.jockey.id)}).status_code == 303


def test_swapping_two_ronjas(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked()
    of = {row.booking_id: row.ronja_id for row in trips.session.query(RonjaReservation)}
    client, path = dispatcher(trips, login), page_of(trips, first)
    assert f"tauscht mit {second.number}" in words_of(text_of(client.get(path)))
    assert decide(client, path, ronja_id=of[second.id]).status_code == 303
    trips.session.expire_all()
    now = {row.booking_id: row.ronja_id for row in trips.session.query(RonjaReservation)}
    assert now == {first.id: of[second.id], second.id: of[first.id]}


def test_taking_a_trip_off_the_plan(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client, path = dispatcher(trips, login), page_of(trips, booking)
    words = words_of(text_of(client.get(f"{path}/cancellation")))
    assert "Der Kunde merkt davon nichts." in words
    assert "Niemand angetroffen" not in words
    unsaid = decide(client, f"{path}/cancellation")
    assert unsaid.status_code == 422
    assert "Bitte wählen Sie den Grund." in words_of(text_of(unsaid))
    answer = decide(client, f"{path}/cancellation", reason="REDISPATCHED")
    assert answer.location == path
    assert trips.assignment(booking).status is AssignmentStatus.CANCELLED
    assert "Der Beste, der frei ist" in words_of(text_of(client.get(path)))
    assert decide(client, path, jockey_id="").status_code == 303
    assert trips.assignment(booking).status is AssignmentStatus.ASSIGNED


def test_a_no_show_is_followed_up(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    trips.miss(booking)
    with trips.at(booking.pickup_time + timedelta(minutes=16)):
        client = dispatcher(trips, login)
        words = words_of(text_of(client.get("/dispatch")))
        assert "niemand angetroffen Neuer Termin angeboten bis Fr, 27. Nov., 08:15." in words
        words = words_of(text_of(client.get(page_of(trips, booking))))
    assert "3 Anrufversuche" in words
    assert "15 min gewartet" in words


def test_a_failed_return_gets_another_window_or_another_try(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=40)):
        commands.return_failed(back.id, CancelReason.NO_SHOW, "", trips.driver)
        client, path = dispatcher(trips, login), page_of(trips, booking, RETURN)
        assert "Rückgabe gescheitert niemand angetroffen" in words_of(text_of(client.get("/dispatch")))
        assert "Ein anderes Fenster mit dem Kunden vereinbaren" in words_of(text_of(client.get(path)))
        slots = re.findall(r'<option value="([^"]+)"', client.get(f"{path}/window").text)
        assert str(trips.slots[4].id) in slots
        answer = decide(client, f"{path}/window", slot_id=trips.slots[4].id)
        assert "Der Kunde bekommt eine Nachricht." in words_of(text_of(client.get(answer.location)))
    trips.session.expire_all()
    assert booking.return_slot_id == trips.slots[4].id
    assert trips.assignment(booking, RETURN).status is AssignmentStatus.ASSIGNED
    assert booking.status is BookingStatus.READY_FOR_RETURN


def test_a_car_in_the_jockeys_hands_can_only_break_down_or_find_nobody(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, _began = trips.on_the_way_back(booking)
    with trips.at(back.scheduled_time):
        client, path = dispatcher(trips, login), page_of(trips, booking, RETURN)
        assert "Der Jockey hat das Auto schon." in words_of(text_of(client.get(path)))
        words = words_of(text_of(client.get(f"{path}/cancellation")))
        assert "Das Auto kommt zurück in die Werkstatt." in words
        assert decide(client, f"{path}/cancellation", reason="REDISPATCHED").status_code == 409
        assert decide(client, f"{path}/cancellation", reason="BREAKDOWN", note="").status_code == 303
    assert trips.assignment(booking, RETURN).cancel_reason is CancelReason.BREAKDOWN


def test_in_english(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client = dispatcher(trips, login)
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "2 trips 0 need you" in words_of(text_of(client.get(THURSDAY)))
    assert "fits, at the door at 08:00" in words_of(text_of(client.get(page_of(trips, booking))))


@pytest.mark.parametrize(
    ("status", "left"),
    [
        (BookingStatus.CONFIRMED, [PICKUP]),
        (BookingStatus.IN_WORKSHOP, [RETURN]),
        (BookingStatus.CANCELLED, [RETURN]),  # staff ended it while the car was here
        (BookingStatus.COMPLETED, []),
    ],
)
def test_what_is_still_to_be_driven_from_earlier_days_is_on_todays_list(
    trips: Trips, status: BookingStatus, left: list[Any]
) -> None:
    booking = trips.booked()
    ended = {BookingStatus.CANCELLED: "cancelled_at", BookingStatus.COMPLETED: "completed_at"}
    facts = {"status": status, **({ended[status]: booking.pickup_time} if status in ended else {})}
    trips.session.execute(update(Booking).where(Booking.id == booking.id).values(facts))
    trips.session.commit()
    tomorrow = trips.first + timedelta(days=1)
    with trips.at(booking.pickup_time + timedelta(days=1)):
        rows = board._trips(trips.dispatcher, tomorrow, tomorrow)
        assert [trip.type for trip in rows] == left
        assert not board._trips(trips.dispatcher, tomorrow, tomorrow + timedelta(days=1))


def test_a_ronja_that_is_none_is_refused(trips: Trips, login: Login) -> None:
    client, path = dispatcher(trips, login), page_of(trips, trips.booked())
    assert decide(client, path, ronja_id="keine").status_code == 422


def test_the_ronjas_cost_the_same_however_many_bookings_have_them(session: Any, frozen_clock: Any) -> None:
    trips, counts = Trips(session, frozen_clock, ronjas=6, places=20, jockey_minutes_room=1000), []
    for more in (2, 3):
        booking, *_others = [trips.booked() for _n in range(more)]
        session.expire_all()
        with counted() as sent:
            found = ronjas.choices(session.get(Booking, booking.id))
        counts.append((sum(one.is_swap for one in found), len(sent)))
    assert [swaps for swaps, _sent in counts] == [1, 4]
    assert counts[0][1] == counts[1][1]


def test_a_ronja_that_is_out_of_planning_for_its_service_is_told(trips: Trips, login: Login) -> None:
    one, other, _fine = trips.ronjas
    plate, version = one.license_plate, board.version_of(trips.dispatcher, trips.first, trips.first)
    client = dispatcher(trips, login)
    assert "aus der Planung" not in text_of(client.get(THURSDAY))
    one.mileage, one.next_service_mileage = 13_900, 14_000
    other.next_service_due = trips.booked().pickup_time - timedelta(days=2)
    trips.session.commit()
    words = words_of(text_of(client.get(THURSDAY)))
    assert f"Ronja {plate} ist aus der Planung: Wartung fällig (13.900 von 14.000 km)" in words
    assert f"Ronja {other.license_plate} ist aus der Planung: Wartung fällig am Di, 24. Nov." in words
    assert board.version_of(trips.dispatcher, trips.first, trips.first) != version
    stranger = make_user(Role.DISPATCHER)
    trips.session.commit()
    assert "aus der Planung" not in text_of(login(stranger).get(THURSDAY))


def test_a_contract_that_was_withdrawn_from_is_called_so(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    facts = {
        "status": BookingStatus.CANCELLED,
        "cancelled_at": booking.pickup_time,
        "withdrawn_at": booking.pickup_time,
    }
    trips.session.query(JockeyAssignment).delete()
    trips.session.execute(update(Booking).where(Booking.id == booking.id).values(facts))
    trips.session.commit()
    client = dispatcher(trips, login)
    for path in (page_of(trips, booking), f"/dispatch?day={booking.slot.service_date}"):
        words = words_of(text_of(client.get(path)))
        assert "Widerrufen" in words
        assert "torniert" not in words
