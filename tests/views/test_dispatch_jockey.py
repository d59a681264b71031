"""The jockey's phone: the day with the next tour on top, one button per state, a page that says what it does."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.dispatch import commands, replanning, tours
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import JockeyShift
from tests.commands.trips import HANDOVER, RETURN, Trips
from tests.factories import make_user
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus
Login = Callable[..., FlaskClient]


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def driver(trips: Trips, login: Login) -> FlaskClient:
    return login(trips.driver)


def path(tour: JockeyAssignment, page: str = "") -> str:
    return f"/jockey/trips/{tour.id}{page}"


def press(client: FlaskClient, tour: JockeyAssignment, status: S) -> Any:
    return send(client, path(tour, "/step"), "/jockey", status=status.value, early="y")


def morning(booking: Booking) -> datetime:
    return booking.pickup_time - timedelta(hours=1)


def test_the_next_tour_stands_on_top(trips: Trips, login: Login) -> None:
    booking, second = trips.booked(), trips.booked(slot=1, back=3)
    with trips.at(morning(booking)):
        page = text_of(driver(trips, login).get("/jockey"))
    words = words_of(page)
    assert "Do, 26. Nov. · noch 2 Fahrten" in words
    for fact in (booking.number, "8–10 Uhr", "losfahren um 07:37", "Person am Beispielweg", "44137 Dortmund"):
        assert fact in words
    assert trips.ronjas[0].license_plate in words or trips.ronjas[1].license_plate in words
    assert 'href="tel:+4923021234567"' in page
    assert "openstreetmap.org/search?query=Am%20Beispielweg%2012" in page
    later = trips.assignment(second)
    assert words.index(booking.number) < words.index("Danach") < words.index("10–12 Uhr")
    assert path(later) in page
    assert "Ich fahre los Person am Beispielweg bekommt Ihre Ankunftszeit" in words


@pytest.mark.parametrize(
    ("kept", "german", "english"), [("weiß", "weiß", "white"), ("moosgrün", "moosgrün", "moosgrün")]
)
def test_a_ronjas_colour_is_said_in_the_jockeys_language(
    trips: Trips, login: Login, kept: str, german: str, english: str
) -> None:
    booking = trips.booked()
    ronja = trips.assignment(booking).ronja
    ronja.color = kept
    trips.session.commit()
    with trips.at(morning(booking)):
        client = driver(trips, login)
        assert f"{ronja.make} {ronja.model}, {german}." in words_of(text_of(client.get("/jockey")))
        with client.session_transaction() as cookie:
            cookie["language"] = "en"
        assert f"{ronja.make} {ronja.model}, {english}." in words_of(text_of(client.get("/jockey")))


def test_being_late_is_shown(trips: Trips, login: Login) -> None:
    booking, end = trips.booked(), trips.slots[0].end_time
    tour = trips.assignment(booking)
    leave_at = booking.pickup_time - timedelta(minutes=23)

    def words_at(moment: datetime) -> tuple[str, bool]:
        with trips.at(moment):
            page = text_of(driver(trips, login).get("/jockey"))
        return words_of(page), 'class="status" data-tone="red"' in page

    words, is_red = words_at(leave_at)
    assert "losfahren um 07:37" in words
    assert not is_red
    words, is_red = words_at(leave_at + timedelta(hours=1, minutes=53))
    assert "1 h 53 min zu spät: Abfahrt war um 07:37" in words
    assert "losfahren um" not in words
    assert is_red
    assert "wird 13 min zu spät, gegen 10:13" in words_at(end - timedelta(minutes=10))[0]
    with trips.at(end - timedelta(minutes=10)):
        commands.start_pickup(tour.id, trips.driver)
    for on_the_road in (-10, 5):  # the way takes as long as the customer was told
        words, is_red = words_at(end + timedelta(minutes=on_the_road))
        assert "wird 13 min zu spät, gegen 10:13" in words
        assert is_red
    with trips.at(end + timedelta(minutes=5)):
        commands.arrive_pickup(tour.id, trips.driver)
    words, is_red = words_at(end + timedelta(minutes=9))
    assert "an der Tür seit 10:05" in words
    assert not is_red


def test_a_later_tour_of_the_day_says_that_it_is_late_too(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked(slot=1, back=3)
    trips.at_the_door(first)
    with trips.at(trips.assignment(second).scheduled_time):
        words = words_of(text_of(driver(trips, login).get("/jockey")))
    assert "23 min zu spät: Abfahrt war um" in words.split("Danach")[1]


def test_the_day_follows_the_minutes_while_something_is_to_be_driven(trips: Trips) -> None:
    booking, day = trips.booked(), trips.first
    now = morning(booking)
    versions = {tours.version_of_day(trips.jockey, day, day, now + timedelta(seconds=s)) for s in (0, 30, 60)}
    assert len(versions) == 2
    trips.drive_in(booking)
    over = {tours.version_of_day(trips.jockey, day, day, now + timedelta(hours=h)) for h in (3, 4)}
    assert len(over) == 1


def test_other_days_by_the_stepper(trips: Trips, login: Login) -> None:
    trips.booked()
    client = driver(trips, login)
    assert "Heute keine Fahrt" in text_of(client.get("/jockey"))
    assert "Abholung, Dortmund" not in words_of(text_of(client.get("/jockey?day=2026-11-25")))
    words = words_of(text_of(client.get("/jockey?day=2026-11-26")))
    assert "An diesem Tag" in words
    assert "Abholung, Dortmund" in words
    assert "Ich fahre los" not in words
    assert "Keine Fahrt an diesem Tag" in text_of(client.get("/jockey?day=2026-11-25"))


def test_a_break_and_what_is_done_have_their_lines(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    shift = (
        trips.session.query(JockeyShift).filter_by(jockey_id=trips.jockey.id).order_by(JockeyShift.starts_at).first()
    )
    at = booking.pickup_time + timedelta(hours=4)
    shift.break_starts_at, shift.break_ends_at = at, at + timedelta(minutes=30)
    trips.session.commit()
    trips.drive_in(booking)
    with trips.at(booking.pickup_time + timedelta(hours=1)):
        client = driver(trips, login)
        words = words_of(text_of(client.get("/jockey")))
        with client.session_transaction() as cookie:
            cookie["language"] = "en"
        english = words_of(text_of(client.get("/jockey")))
        assert "Break until 12:30" in english
    assert "12:00 Pause bis 12:30" in words
    assert "Erledigt 08:50 Abholung, Dortmundfertig um 08:50" in words


def test_a_jockey_sees_nobody_elses_tours(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    other = trips.user_of(trips.second_jockey())
    tour = trips.assignment(booking)
    with trips.at(morning(booking)):
        client = login(other)
        assert "Person am Beispielweg" not in text_of(client.get("/jockey"))
        for page in ("", "/step"):
            assert client.get(path(tour, page)).status_code == 404


def test_a_login_without_a_jockey_is_told_whom_to_ask(trips: Trips, login: Login) -> None:
    lost = make_user(Role.JOCKEY, workshop_id=trips.workshop.id)
    trips.session.commit()
    assert "Kein Jockey zu dieser Anmeldung" in text_of(login(lost).get("/jockey"))


def test_the_page_says_what_will_happen_before_it_happens(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    with trips.at(booking.pickup_time - timedelta(minutes=30)):
        client = driver(trips, login)
        words = words_of(text_of(client.get(path(tour, "/step"))))
        assert "Person am Beispielweg bekommt jetzt eine Nachricht: Sie sind gegen 07:53 Uhr da." in words
        assert trips.assignment(booking).status is S.ASSIGNED
        answer = send(client, path(tour, "/step"), status="ASSIGNED")
        assert (answer.status_code, answer.location) == (303, "/jockey")
        words = words_of(text_of(client.get("/jockey")))
    assert "Gute Fahrt. Die Nachricht ist unterwegs." in words
    assert "Ich bin da" in words
    assert trips.assignment(booking).status is S.EN_ROUTE_TO_PICKUP


def test_every_state_has_its_button(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    seen = []
    with trips.at(booking.pickup_time):
        client = driver(trips, login)
        for status in (S.ASSIGNED, S.EN_ROUTE_TO_PICKUP):
            seen.append(words_of(text_of(client.get("/jockey"))))
            assert press(client, tour, status).status_code == 303
        seen.append(words_of(text_of(client.get("/jockey"))))
    buttons = ("Ich fahre los", "Ich bin da", "Übergabe beginnen")
    assert all(button in page for button, page in zip(buttons, seen, strict=True))


def test_pressing_twice_is_no_harm(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    with trips.at(booking.pickup_time):
        client = driver(trips, login)
        for _press in range(2):
            assert press(client, tour, S.ASSIGNED).location == "/jockey"
    told = trips.session.query(Notification).filter_by(kind=NotificationKind.JOCKEY_UNDER_WAY)
    assert told.count() == 1
    assert trips.assignment(booking).status is S.EN_ROUTE_TO_PICKUP


def test_pressing_late_is_answered_with_the_state_as_it_is(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    with trips.at(booking.pickup_time):
        client = driver(trips, login)
        commands.start_pickup(tour.id, trips.session.merge(trips.dispatcher))
        late = press(client, tour, S.ASSIGNED)
    assert late.status_code == 409
    words = words_of(text_of(late))
    assert "Der Stand dieser Fahrt hat sich geändert." in words
    assert "Ich bin da" in words


def test_a_tour_that_somebody_else_drives_now_says_so(trips: Trips, login: Login) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    tour = trips.assignment(booking)
    replanning.reassign(tour.id, other.id, actor=trips.dispatcher)
    with trips.at(morning(booking)):
        client = driver(trips, login)
        assert "Heute keine Fahrt" in text_of(client.get("/jockey"))
        assert press(client, tour, S.ASSIGNED).status_code == 409
        assert client.get(path(tour, "/step")).location == path(tour)
        assert "Diese Fahrt ist nicht mehr Ihre: umgeplant." in words_of(text_of(client.get(path(tour))))


def test_a_trip_that_was_taken_away_shows_nothing_of_its_customer(trips: Trips, login: Login) -> None:
    booking, other = trips.booked(), trips.second_jockey()
    tour = trips.assignment(booking)
    replanning.reassign(tour.id, other.id, actor=trips.dispatcher)
    with trips.at(morning(booking)):
        client = driver(trips, login)
        pages = [text_of(client.get(path(tour))), text_of(press(client, tour, S.ASSIGNED))]
        for door in ("/handover", "/no-show", "/failure"):
            assert send(client, path(tour, door), "/jockey").location == path(tour)
    for page in pages:
        for fact in ("Person am Beispielweg", "Am Beispielweg 12", "+4923021234567", "44137"):
            assert fact not in page


def test_with_the_customers_car_the_way_leads_to_the_workshop(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour, base = trips.assignment(booking), trips.workshop
    with trips.at(booking.pickup_time):
        commands.start_pickup(tour.id, trips.driver)
        commands.arrive_pickup(tour.id, trips.driver)
        assert "an der Tür seit 08:00" in words_of(text_of(driver(trips, login).get("/jockey")))
    with trips.at(booking.pickup_time + timedelta(minutes=20)):
        commands.finish_pickup_handover(tour.id, HANDOVER, trips.driver)
        page = text_of(driver(trips, login).get("/jockey"))
        words = words_of(page)
        for fact in ("zur Werkstatt seit 08:20", "Zur Werkstatt", base.address, f"{base.postal_code} {base.city}"):
            assert fact in words
        assert "Sie fahren" in words
        assert f"search?query={quote(base.address)}" in page
        assert f'href="tel:{base.phone.replace(" ", "")}"' in page
        for gone in ("an der Tür", "Am Beispielweg 12", "Sie bringen", "Am%20Beispielweg"):
            assert gone not in page
        commands.arrive_workshop(tour.id, trips.driver)
        words = words_of(text_of(driver(trips, login).get(path(tour))))
        assert "Schlüssel noch abgeben" in words
        assert base.address in words
        assert f"{base.name} ·" not in words  # no minutes: the way is driven
        commands.complete_pickup(tour.id, trips.driver)
        words = words_of(text_of(driver(trips, login).get(path(tour))))
    assert "fertig um 08:20" in words
    assert "Gebracht" in words
    assert "Sie bringen" not in words


def test_a_return_has_its_own_words(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back = trips.make_ready(booking)
    with trips.at(back.scheduled_time - timedelta(minutes=23)):
        client = driver(trips, login)
        words = words_of(text_of(client.get(path(back, "/step"))))
        assert "Sie haben das Auto und die Schlüssel." in words
        assert press(client, back, S.ASSIGNED).status_code == 303
    assert trips.assignment(booking, RETURN).status is S.EN_ROUTE_TO_CUSTOMER


def test_the_day_has_the_ways_out_at_the_door_too(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    pickup = trips.at_the_door(booking)
    with trips.at(booking.pickup_time):
        assert path(pickup, "/no-show") in text_of(driver(trips, login).get("/jockey"))


def test_the_day_has_the_way_out_of_a_return_too(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began):
        client = driver(trips, login)
        assert path(back, "/failure") in text_of(client.get("/jockey"))
        commands.arrive_return(back.id, trips.driver)
        assert path(back, "/failure") in text_of(client.get("/jockey"))


def test_a_trip_of_another_day_says_which(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked(slot=1, back=3)
    with trips.at(morning(first)):
        words = words_of(text_of(driver(trips, login).get("/jockey")))
        assert "Do, 26. Nov., " not in words
    with trips.at(morning(first) + timedelta(days=1)):
        client = driver(trips, login)
        words = words_of(text_of(client.get("/jockey")))
        assert "Do, 26. Nov., 8–10 Uhr" in words
        assert "Do, 26. Nov., 10–12 Uhr" in words
        assert "Do, 26. Nov., 10–12 Uhr" in words_of(text_of(client.get(path(trips.assignment(second)))))


def test_a_trip_that_was_begun_before_its_day_stands_on_top(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    with trips.at(morning(booking) - timedelta(days=1)):
        client = driver(trips, login)
        for status, button in ((S.ASSIGNED, "Ich bin da"), (S.EN_ROUTE_TO_PICKUP, "Übergabe beginnen")):
            assert press(client, tour, status).status_code == 303
            words = words_of(text_of(client.get("/jockey")))
            assert button in words
            assert "Do, 26. Nov., 8–10 Uhr" in words
            assert "Heute keine Fahrt" not in words
            assert "Nächste Fahrten" not in words
        commands.finish_pickup_handover(tour.id, HANDOVER, trips.driver)
        assert "An der Werkstatt" in words_of(text_of(client.get("/jockey")))


def test_what_goes_on_since_another_day_says_since_when(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    trips.at_the_door(booking)
    with trips.at(morning(booking) + timedelta(days=1)):
        words = words_of(text_of(driver(trips, login).get("/jockey")))
    assert "an der Tür seit Do, 26. Nov., 08:00" in words


def test_a_day_without_trips_shows_the_next_that_has_some(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client = driver(trips, login)
    page = text_of(client.get("/jockey"))
    words = words_of(page)
    assert words.index("Heute keine Fahrt.") < words.index("Nächste Fahrten: Do, 26. Nov.")
    assert words.index("Nächste Fahrten") < words.index("Abholung, Dortmund8–10 Uhr")
    assert path(trips.assignment(booking)) in page
    assert "Ich fahre los" not in words


def test_when_all_is_driven_the_next_day_shows_too(trips: Trips, login: Login) -> None:
    booking = trips.booked(slot=0, back=6)
    trips.booked(slot=5, back=7)
    trips.drive_in(booking)
    with trips.at(booking.pickup_time + timedelta(hours=1)):
        words = words_of(text_of(driver(trips, login).get("/jockey")))
    assert "Heute keine Fahrt mehr." in words
    assert words.index("Nächste Fahrten: Fr, 27. Nov.") < words.index("Erledigt")


def test_the_next_day_follows_what_others_do(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    client = driver(trips, login)
    today, now = date(2026, 11, 24), trips.session.get(Booking, booking.id).created_at
    before = tours.version_of_day(trips.jockey, today, today, now)
    bookings.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert tours.version_of_day(trips.jockey, today, today, now) != before
    assert "Nächste Fahrten" not in text_of(client.get("/jockey"))


def test_an_invented_state_is_refused(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    tour = trips.assignment(booking)
    answer = send(driver(trips, login), path(tour, "/step"), "/jockey", status="COMPLETED")
    assert answer.status_code == 409
    assert trips.assignment(booking).status is S.ASSIGNED


def test_two_open_tours_at_once_are_pointed_out(trips: Trips, login: Login) -> None:
    first, second = trips.booked(), trips.booked(slot=1, back=3)
    with trips.at(first.pickup_time):
        client = driver(trips, login)
        press(client, trips.assignment(first), S.ASSIGNED)
        step = client.get(path(trips.assignment(second), "/step"))
        assert "Sie haben noch eine andere Fahrt offen." in words_of(text_of(step))
        assert f'href="{path(trips.assignment(first))}">Abholung ' in step.text
        assert first.number in text_of(client.get("/jockey")).split("Danach")[0]
    with trips.at(first.pickup_time + timedelta(minutes=5)):
        press(client, trips.assignment(second), S.ASSIGNED)
        steps = [text_of(client.get(path(trips.assignment(one), "/step"))) for one in (first, second)]
        assert ["andere Fahrt offen" in step for step in steps] == [False, True]  # what was begun first can be finished
        earlier = {"updated_at": now_utc() - timedelta(days=9)}  # the database's clock stands still in a test
        trips.session.query(JockeyAssignment).filter_by(id=trips.assignment(first).id).update(earlier)
        top, _later = text_of(client.get("/jockey")).split("Danach")
    assert second.number in top  # what the jockey does now, though the other one was planned earlier


def test_in_english(trips: Trips, login: Login) -> None:
    booking = trips.booked()
    with trips.at(morning(booking)):
        client = driver(trips, login)
        with client.session_transaction() as cookie:
            cookie["language"] = "en"
        words = words_of(text_of(client.get("/jockey")))
    assert "My day" in words
    assert "I am leaving" in words
    assert "2 trips left" not in words
    assert "Map Am Beispielweg 12" in words


def test_a_booking_that_ends_while_its_jockey_is_on_the_way_calls_the_ronja_back(trips: Trips, login: Login) -> None:
    """Also on another day than the planned one, and until the next tour begins."""
    booking, other = trips.booked(), trips.booked(1, 3)
    plate = trips.assignment(booking).ronja.license_plate
    words = f"Diese Abholung entfällt. Bitte bringen Sie die Ronja {plate} zurück in die Werkstatt."
    client = driver(trips, login)
    commands.start_pickup(trips.assignment(booking).id, trips.driver, early=True)
    commands.arrive_pickup(trips.assignment(booking).id, trips.driver)
    assert words not in words_of(text_of(client.get("/jockey")))
    bookings.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert words in words_of(text_of(client.get("/jockey")))
    with trips.at(other.pickup_time - timedelta(minutes=23)):
        commands.start_pickup(trips.assignment(other).id, trips.driver)
        assert words not in words_of(text_of(client.get("/jockey")))
