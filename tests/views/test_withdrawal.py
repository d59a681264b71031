"""The pages around a withdrawal with the car here: the customer's, the board, the car's page, and ending it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands
from b2c_web.bookings.models import AssignmentType, Booking, BookingStatus
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.commands import sync_refunds
from b2c_web.payments.models import PaymentPurpose, Refund, RefundState
from tests.commands.extending import Extending
from tests.commands.scene import succeed
from tests.commands.test_withdrawal_money import moved_late, paid_for, with_extra
from tests.commands.trips import CAR
from tests.factories import make_user
from tests.paying import Provider, refund_by_hand
from tests.views.boards import counted, region_of
from tests.views.browsing import send
from tests.views.walking import text_of, words_of

pytestmark = pytest.mark.usefixtures("frozen_clock")
Login = Callable[..., FlaskClient]


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[[datetime], AbstractContextManager[None]]) -> Extending:
    return Extending(session, frozen_clock)


def here(scene: Extending, **facts: Any) -> Booking:
    booking = scene.booked(back=None, **facts)
    commands.check_in(scene.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    scene.session.expire_all()
    return booking


def withdrawn(scene: Extending) -> Booking:
    booking = here(scene)
    commands.withdraw(booking.user, booking.id)
    scene.session.expire_all()
    return booking


def shown(client: FlaskClient, path: str) -> str:
    return words_of(text_of(client.get(path)))


def test_the_customer_reads_what_happens_before_the_click_and_that_it_arrived_after_it(
    scene: Extending, login: Login
) -> None:
    booking = here(scene)
    client, path = login(booking.user), f"/bookings/{booking.id}"
    assert "Vertrag widerrufen, 289,00 EUR zurück" in shown(client, path)
    asked = shown(client, f"{path}/withdrawal")
    assert "Wir machen dann nichts mehr an Ihrem Auto." in asked
    assert "Sie bekommen alles zurück: 289,00 EUR. Eine Gebühr gibt es nicht." in asked
    assert "Ihr Auto steht noch bei uns." in asked
    db.session.expire_all()
    assert booking.withdrawn_at is None
    for _press in range(2):
        assert send(client, f"{path}/withdrawal", fee_cents="0").location == path
    page = shown(client, path)
    assert "Widerruf eingegangen am Di, 24. Nov., 12:00 Uhr" in page
    course = page.split("Verlauf")[1].split("Ändern")[0]
    assert "Widerruf eingegangen" in course
    assert "Fertig" not in course  # nothing is made ready any more
    assert "Vertrag widerrufen" not in page
    assert "Stornieren geht jetzt nur noch am Telefon" not in page
    assert "Er ist am Di, 24. Nov., 12:00 Uhr eingegangen." in shown(client, f"{path}/withdrawal")
    assert db.session.query(Notification).filter_by(kind=NotificationKind.WITHDRAWAL_RECEIVED).count() == 1


def test_work_that_began_as_asked_is_explained(scene: Extending, login: Login) -> None:
    booking = here(scene, early_start=True)
    commands.start_work(scene.staff, booking.id)
    client, path = login(booking.user), f"/bookings/{booking.id}"
    page = shown(client, path)
    assert "Vertrag widerrufen" not in page
    assert "So widerrufen Sie" in page
    assert "Sie zahlen dann nur den Anteil" in shown(client, f"{path}/withdrawal")
    refused = send(client, f"{path}/withdrawal", fee_cents="0")
    assert refused.status_code == 409
    assert "Auf Ihren Wunsch haben wir schon begonnen." in text_of(refused)
    commands.complete_work(scene.staff, booking.id)
    assert "So widerrufen Sie" in shown(client, path)
    commands.collect(scene.staff, booking.id)
    assert "So widerrufen Sie" not in shown(client, path)
    assert "das Widerrufsrecht ist erloschen" in shown(client, f"{path}/withdrawal")


def test_what_was_done_unasked_can_be_withdrawn_from(scene: Extending, login: Login) -> None:
    booking = scene.in_workshop()
    commands.complete_work(scene.staff, booking.id)
    client, path = login(booking.user), f"/bookings/{booking.id}"
    assert "Vertrag widerrufen, 289,00 EUR zurück" in shown(client, path)
    assert "Sie bekommen alles zurück, was noch bei uns ist: 289,00 EUR." in shown(client, f"{path}/withdrawal")
    assert send(client, f"{path}/withdrawal", f"{path}/withdrawal", fee_cents=0).status_code == 303
    after = shown(client, path)
    assert "Ihr Vertrag ist widerrufen, Ihr Geld geht zurück. Sie können es abholen" in after
    assert "Vertrag widerrufen, 289" not in after
    staff, car = login(scene.staff), f"/workshop/bookings/{booking.id}"
    assert "Sein Geld geht zurück, das Auto kommt nach Hause wie zugesagt." in shown(staff, car)
    assert "eintragen" not in shown(staff, car)


def test_staff_write_down_a_withdrawal_from_what_is_done(scene: Extending, login: Login) -> None:
    booking = scene.in_workshop()
    commands.complete_work(scene.staff, booking.id)
    client, car = login(scene.staff), f"/workshop/bookings/{booking.id}"
    assert f'href="{car}/withdrawal"' in text_of(client.get(car))
    page = shown(client, f"{car}/withdrawal")
    assert "Alles geht zurück: 289,00 EUR." in page
    assert "Das Geld geht sofort zurück." in page
    said = {"at": "2026-11-24T12:00", "told": "am Telefon"}
    assert send(client, f"{car}/withdrawal", f"{car}/withdrawal", **said).status_code == 303
    scene.session.expire_all()
    assert booking.all_goes_back


def test_staff_see_it_everywhere_and_the_one_next_step(scene: Extending, login: Login) -> None:
    booking = withdrawn(scene)
    client, path = login(scene.staff), f"/workshop/bookings/{booking.id}"
    board = text_of(client.get(f"/workshop?day={booking.slot.service_date}"))
    card = board.split(f'id="car-{booking.id}"')[1].split("</article>")[0]
    assert "widerrufen" in words_of(card)
    assert f'href="{path}/cancellation"' in card
    assert "Vor Beginn fragen" not in card
    car = shown(client, path)
    assert "Der Kunde hat am Di, 24. Nov., 12:00 Uhr widerrufen." in car
    assert "Buchung beenden" in car
    assert "Vertrag widerrufen" in car  # in what was done
    for gone in ("Arbeit beginnen", "Fertig melden", "Erweiterung anlegen", "hat nicht verlangt"):
        assert gone not in car
    assert "widerrufen" in shown(client, f"/workshop/list?day={booking.slot.service_date}")


def test_dispatchers_are_told_and_can_end_it(scene: Extending, login: Login) -> None:
    booking = withdrawn(scene)
    page = shown(login(make_user(Role.DISPATCHER, workshop_id=scene.workshop.id)), f"/workshop/bookings/{booking.id}")
    assert "Der Kunde hat am Di, 24. Nov., 12:00 Uhr widerrufen." in page
    assert page.count("Buchung beenden") == 1


def test_what_is_pressed_on_an_older_page_is_refused_with_the_reason(scene: Extending, login: Login) -> None:
    booking = withdrawn(scene)
    client, path = login(scene.staff), f"/workshop/bookings/{booking.id}"
    begun = send(client, f"{path}/work", page=path, unasked="y")
    done = send(client, f"{path}/completion", amount_cents="0")
    offered = client.get(f"{path}/extensions/new")
    assert (begun.status_code, done.status_code) == (409, 409)
    for page in (begun, done):
        assert "Der Kunde hat den Vertrag widerrufen." in text_of(page)
    assert "Der Vertrag ist widerrufen." in text_of(offered)


@pytest.mark.parametrize("role", [Role.WORKSHOP, Role.DISPATCHER])
def test_ending_it_asks_for_nothing_and_gives_everything_back(scene: Extending, login: Login, role: Role) -> None:
    booking = withdrawn(scene)
    client = login(make_user(role, workshop_id=scene.workshop.id))
    path = f"/workshop/bookings/{booking.id}/cancellation"
    page = text_of(client.get(path))
    assert "Er bekommt alles zurück, eine Gebühr gibt es nicht." in words_of(page)
    assert "Buchung beenden, 289,00 EUR zurück" in words_of(page)
    ended = send(client, path, **hidden(page))
    assert ended.status_code == 303
    db.session.expire_all()
    assert booking.status is BookingStatus.CANCELLED
    assert [(one.amount_cents, one.reason) for one in db.session.query(Refund)] == [(28900, "withdrawal")]
    customer = login(booking.user)
    page = shown(customer, f"/bookings/{booking.id}")
    assert "Ihr Vertrag ist widerrufen" in page
    assert "Ihr Auto steht noch bei uns." in page


def hidden(page: str) -> dict[str, str]:
    """What the page sends without anybody having typed."""
    form = page.split('<form class="panel', 1)[1].split("</form>", maxsplit=1)[0]
    inputs = [tag for tag in form.split("<input")[1:] if 'type="hidden"' in tag.split(">")[0]]
    found = {tag.split('name="')[1].split('"')[0]: tag.split('value="')[1].split('"')[0] for tag in inputs}
    return {name: value for name, value in found.items() if name != "csrf_token"}


def test_a_page_opened_before_the_withdrawal_shows_it_first(scene: Extending, login: Login) -> None:
    booking = here(scene)
    client, path = login(scene.staff), f"/workshop/bookings/{booking.id}/cancellation"
    before = hidden(text_of(client.get(path)))
    commands.withdraw(booking.user, booking.id)
    stale = before | {"refund": "100,00", "reason": "Hagel", "shown_cents": "10000"}
    told = send(client, path, **stale)
    assert told.status_code == 409
    page = text_of(told)
    assert "Der Kunde hat am Di, 24. Nov., 12:00 Uhr widerrufen." in words_of(page)
    assert send(client, path, **hidden(page)).status_code == 303
    db.session.expire_all()
    assert [one.amount_cents for one in db.session.query(Refund)] == [28900]


def test_a_completion_before_the_beginning_is_refused_with_the_way_out(scene: Extending, login: Login) -> None:
    booking = here(scene)
    client, path = login(scene.staff), f"/workshop/bookings/{booking.id}/completion"
    for answer in (client.get(path), send(client, path, page=f"/workshop/bookings/{booking.id}", amount_cents="0")):
        assert "Bitte beginnen Sie sie zuerst." in text_of(answer)
        assert "Zurück zum Auto" in text_of(answer)
    db.session.expire_all()
    assert booking.service_completed_at is None


def test_what_is_on_its_way_back_is_taken_off_on_every_page(scene: Extending, login: Login) -> None:
    """The customer brought the car himself: 39.00 EUR for fetching it are on their way back."""
    booking = scene.booked()
    commands.check_in(scene.staff, booking.id, mileage_km=52_000, car=CAR, early=True, brought=True)
    scene.session.expire_all()
    client, path = login(booking.user), f"/bookings/{booking.id}"
    assert [one.state.value for one in db.session.query(Refund)] == ["PENDING"]
    assert "Vertrag widerrufen, 289,00 EUR zurück" in shown(client, path)
    assert "Sie bekommen alles zurück: 289,00 EUR." in shown(client, f"{path}/withdrawal")
    send(client, f"{path}/withdrawal", fee_cents="0")
    told = db.session.query(Notification).filter_by(kind=NotificationKind.WITHDRAWAL_RECEIVED).one()
    assert told.context["refund_cents"] == 28900
    scene.session.expire_all()
    ended(scene, booking)
    commands.collect(scene.staff, booking.id)
    told = db.session.query(Notification).filter_by(kind=NotificationKind.BOOKING_WITHDRAWN).one()
    assert told.context["refund_cents"] == 28900
    page = shown(client, path)
    assert "289,00 EUR gehen auf demselben Weg an Sie zurück" in page
    for back in ("39,00 EUR zurück an Sie", "289,00 EUR zurück an Sie"):
        assert back in page


@pytest.mark.parametrize("way", ["cancellation", "withdrawal"])
def test_a_fee_that_went_back_at_once_is_in_no_sum(
    scene: Extending, login: Login, frozen_clock: Callable[..., AbstractContextManager[None]], way: str
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        made = commands.move(booking.user, booking.id, scene.slots[7].id, scene.slots[9].id, accepted_fee_cents=2500)
        scene.slots[7].is_available = False
        scene.session.commit()
        succeed(scene.payment_of(made.move_id, PaymentPurpose.MOVE_FEE))
    scene.session.expire_all()
    client, path = login(booking.user), f"/bookings/{booking.id}"
    assert [one.reason for one in db.session.query(Refund)] == ["move_not_possible"]
    assert "Vertrag widerrufen, 328,00 EUR zurück" in shown(client, path)
    send(client, f"{path}/{way}", fee_cents="0")
    kinds = {"cancellation": NotificationKind.BOOKING_CANCELLED, "withdrawal": NotificationKind.BOOKING_WITHDRAWN}
    told = db.session.query(Notification).filter_by(kind=kinds[way]).one()
    assert told.context["refund_cents"] == 32800
    page = shown(client, path)
    assert "328,00 EUR gehen auf demselben Weg an Sie zurück" in page
    assert "Nicht gebraucht: 25,00 EUR zurück an Sie" in page


def test_what_went_back_of_extra_work_before_is_not_said_once_more(
    scene: Extending, login: Login, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = with_extra(scene, provider, run_jobs)
    refund_by_hand(paid_for(extension), 1000)
    sync_refunds(paid_for(extension).id)
    commands.withdraw(booking.user, booking.id)
    scene.session.expire_all()
    ended(scene, booking)
    commands.collect(scene.staff, booking.id)
    told = db.session.query(Notification).filter_by(kind=NotificationKind.BOOKING_WITHDRAWN).one()
    assert told.context["refund_cents"] == 51790
    assert "517,90 EUR gehen auf demselben Weg an Sie zurück" in shown(login(booking.user), f"/bookings/{booking.id}")


def test_the_page_sums_its_money_once(
    scene: Extending, login: Login, frozen_clock: Callable[..., AbstractContextManager[None]]
) -> None:
    """A row of fees more costs no statement more, and what is asked again and again reads only the rows.

    The whole page also asks what a withdrawal gives back, and what was paid to move it late.
    """
    booking = moved_late(scene, frozen_clock)
    client = login(booking.user)
    with counted() as drawn:
        page = text_of(client.get(f"/bookings/{booking.id}"))
    assert len([one for one in drawn if is_about_own_money(one)]) == 4
    with counted() as polled:
        assert client.get(region_of(page), headers={"HX-Request": "true"}).status_code == 204
    assert len([one for one in polled if is_about_own_money(one)]) == 2


def is_about_own_money(statement: str) -> bool:
    """Does it read payments or refunds, other than with the extensions?"""
    return ("FROM payments" in statement or "FROM refunds" in statement) and "extensions" not in statement


def test_extra_work_that_was_paid_is_in_every_sum(
    scene: Extending, login: Login, provider: Provider, run_jobs: Any
) -> None:
    booking, _extension = with_extra(scene, provider, run_jobs)
    client, path = login(booking.user), f"/bookings/{booking.id}"
    assert "Vertrag widerrufen, 527,90 EUR zurück" in shown(client, path)
    assert "Sie bekommen alles zurück: 527,90 EUR." in shown(client, f"{path}/withdrawal")
    send(client, f"{path}/withdrawal", fee_cents="0")
    staff, desk = login(scene.staff), f"/workshop/bookings/{booking.id}/cancellation"
    page = text_of(staff.get(desk))
    assert "Buchung beenden, 527,90 EUR zurück" in words_of(page)
    assert "Zurück gehen 527,90 EUR, wir behalten 0,00 EUR." in words_of(page)
    ended = send(staff, desk, **hidden(page))
    assert f"{booking.number} ist beendet." in shown(staff, str(ended.location))
    assert sorted(one.amount_cents for one in db.session.query(Refund)) == [23890, 28900]
    commands.collect(scene.staff, booking.id)
    own = shown(login(booking.user), path)
    assert "527,90 EUR gehen auf demselben Weg an Sie zurück" in own
    assert "238,90 EUR zurück an Sie" in own


def test_the_fee_of_a_late_move_is_in_the_sum(
    scene: Extending, login: Login, frozen_clock: Callable[..., AbstractContextManager[None]]
) -> None:
    booking = moved_late(scene, frozen_clock)
    client, path = login(booking.user), f"/bookings/{booking.id}"
    assert "Vertrag widerrufen, 353,00 EUR zurück" in shown(client, path)
    assert "Stornieren, 328,00 EUR zurück" in shown(client, path)
    send(client, f"{path}/withdrawal", fee_cents="0")
    page = shown(client, path)
    assert "353,00 EUR gehen auf demselben Weg an Sie zurück" in page
    assert "25,00 EUR zurück an Sie" in page


def test_the_page_follows_until_the_car_is_home_and_the_money_has_arrived(scene: Extending, login: Login) -> None:
    booking = withdrawn(scene)
    ended(scene, booking)
    client, path = login(booking.user), f"/bookings/{booking.id}"
    for refund in db.session.query(Refund):
        refund.state = RefundState.SUCCEEDED
    db.session.commit()
    assert "every 20s" in text_of(client.get(path))
    commands.collect(scene.staff, booking.id)
    assert "every 20s" not in text_of(client.get(path))
    refund.state = RefundState.PENDING
    db.session.commit()
    assert "every 20s" in text_of(client.get(path))


def ended(scene: Extending, booking: Booking) -> None:
    """Ten minutes later staff end it."""
    with scene.at(booking.withdrawn_at + timedelta(minutes=10)):
        commands.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Widerruf des Kunden")
    scene.session.expire_all()


def course_of(page: str) -> str:
    return page.split("Verlauf")[1].split("Auto und Werkstatt", maxsplit=1)[0]


def test_after_the_end_the_customer_reads_when_it_was_declared_and_what_happened_before(
    scene: Extending, login: Login
) -> None:
    booking = withdrawn(scene)
    ended(scene, booking)
    course = course_of(shown(login(booking.user), f"/bookings/{booking.id}"))
    for step in ("Zu uns gebracht", "In der Werkstatt", "Vertrag widerrufen 12:00", "Sie holen Ihr Auto ab"):
        assert step in course
    assert "12:10" not in course


def test_after_the_end_staff_read_that_it_was_withdrawn(scene: Extending, login: Login) -> None:
    booking = withdrawn(scene)
    ended(scene, booking)
    client = login(scene.staff)
    car = shown(client, f"/workshop/bookings/{booking.id}")
    assert "Beendet nach Widerruf" in car
    assert "beendet nach Widerruf Di, 24. Nov., 12:10" in car
    board = shown(client, "/workshop")
    assert "Widerrufen" in board
    for page in (car, board):
        assert "torniert" not in page


def test_an_offer_that_ended_with_the_contract_was_taken_back_by_nobody(scene: Extending, login: Login) -> None:
    booking = here(scene)
    extension = scene.raised(booking)
    commands.withdraw(booking.user, booking.id)
    scene.session.expire_all()
    client = login(scene.staff)
    car = shown(client, f"/workshop/bookings/{booking.id}")
    assert "Angebot beendet von selbst" in car
    assert "Grund Der Vertrag ist widerrufen." in car
    assert "contract_withdrawn" not in car
    page = shown(client, f"/workshop/extensions/{extension.id}")
    assert "Der Vertrag ist widerrufen." in page
    assert "Die Buchung ist beendet" not in page
    assert "Das Angebot ist beim Kunden" not in page
    theirs = shown(login(booking.user), f"/extensions/{extension.id}")
    assert "Dieses Angebot gilt nicht mehr." in theirs
    assert "Die Werkstatt hat dieses Angebot zurückgezogen" not in theirs


def test_an_offer_is_said_to_be_with_the_customer_only_while_it_is(scene: Extending, login: Login) -> None:
    booking = here(scene)
    extension = scene.raised(booking)
    client, path = login(scene.staff), f"/workshop/extensions/{extension.id}"
    assert "Das Angebot ist beim Kunden." in shown(client, path)
    scene.approve(extension)
    assert "Das Angebot ist beim Kunden." not in shown(client, path)


def test_who_takes_the_car_in_and_who_drives_it_home_read_of_it(scene: Extending, login: Login) -> None:
    booking = scene.booked()
    scene.drive_in(booking)
    commands.withdraw(booking.user, booking.id)
    scene.session.expire_all()
    arriving = shown(login(scene.staff), f"/workshop/bookings/{booking.id}/check-in")
    assert "Der Vertrag ist widerrufen, am Auto wird nichts gemacht." in arriving
    commands.check_in(scene.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    scene.session.expire_all()
    ended(scene, booking)
    tour = scene.assignment(booking, AssignmentType.RETURN)
    trip = shown(login(scene.driver), f"/jockey/trips/{tour.id}")
    assert "Der Vertrag ist widerrufen, am Auto wurde nichts gemacht." in trip


def test_a_fetched_car_comes_home_by_jockey_and_the_ronja_stays_until_then(scene: Extending, login: Login) -> None:
    booking = scene.booked()
    scene.drive_in(booking)
    commands.check_in(scene.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    commands.withdraw(booking.user, booking.id)
    scene.session.expire_all()
    ended(scene, booking)
    page = shown(login(booking.user), f"/bookings/{booking.id}")
    assert "Ihre Ronja" in page
    for step in ("Abgeholt", "In der Werkstatt", "Vertrag widerrufen", "Ihr Auto kommt zurück"):
        assert step in course_of(page)
    car = text_of(login(scene.staff).get(f"/workshop/bookings/{booking.id}"))
    assert "btn-secondary" in car.split('id="act-collect"')[0].rsplit("<a", 1)[1]
    with scene.at(booking.withdrawn_at + timedelta(minutes=20)):
        commands.collect(scene.staff, booking.id)
    scene.session.expire_all()
    page = shown(login(booking.user), f"/bookings/{booking.id}")
    assert "Ihre Ronja" not in page
    assert "Vertrag widerrufen" in course_of(page)
    assert "Wieder da" in course_of(page)
    assert "Ihr Auto kommt zurück" not in course_of(page)
