"""A late move on the booking's page, from the payment page of its fee to the new date."""

from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingMove, MoveState
from b2c_web.flask_extensions import db
from b2c_web.formatting import day_window, when
from b2c_web.payments.gateway import Outcome, PaymentSnapshot
from b2c_web.payments.models import Payment, PaymentPurpose
from b2c_web.payments.recording import record
from tests.commands.scene import Scene, succeed
from tests.factories import make_customer
from tests.paying import Provider
from tests.views.boards import HTMX, region_of
from tests.views.browsing import send
from tests.views.test_booking_paying import a_monday, follow
from tests.views.walking import text_of, words_of

NOT_YET, MOVED = "Ihr Termin ist noch nicht verschoben.", "Ihr Termin ist verschoben. Die Bestätigung ist unterwegs."
NOT_MOVED, CONFIRMING = "Ihr Termin ist nicht verschoben.", "Ihre Zahlung wird gerade bestätigt."
PAY = "25,00 EUR bezahlen"


@pytest.fixture
def scene(session: Any, monkeypatch: pytest.MonkeyPatch, app: Any) -> Scene:
    """Moving costs its fee at once."""
    monkeypatch.setitem(app.config, "FREE_CANCEL_HOURS", 720)
    return Scene(session, ronjas=3, first=a_monday())


@pytest.fixture
def rosa(scene: Scene, login: Any) -> User:
    user = make_customer()
    db.session.commit()
    login(user)
    return user


@pytest.fixture
def booking(scene: Scene, rosa: User, client: FlaskClient) -> Booking:
    """Somebody has asked for another date and was sent to the fee's payment page."""
    made = scene.booked(user_id=rosa.id)
    wish = {"slot": scene.slots[5].id, "back": scene.slots[7].id}
    assert "/payment" in send(client, f"/bookings/{made.id}/move", fee_cents="2500", **wish).location
    return made


def fee() -> Payment:
    return db.session.query(Payment).filter_by(purpose=PaymentPurpose.MOVE_FEE).one()


def page_of(client: FlaskClient, booking: Booking, query: str = "") -> str:
    return words_of(text_of(client.get(f"/bookings/{booking.id}{query}")))


def address(booking: Booking) -> str:
    move = db.session.query(BookingMove).one()
    return f"/bookings/{booking.id}/move/{move.id}"


def test_who_comes_back_without_paying_is_told_how_to_go_on(
    scene: Scene, booking: Booking, client: FlaskClient, provider: Provider, app: Any
) -> None:
    assert client.get(f"{address(booking)}/payment").location.startswith(provider.process.url)
    assert NOT_YET in page_of(client, booking)
    back = words_of(follow(client, f"{address(booking)}/return"))
    with app.test_request_context():
        until = when(min(fee().checkout_expires_at, clock.now_utc() + timedelta(minutes=40)))
        window = day_window(scene.slots[5].start_time, scene.slots[5].end_time)
    told = f"{NOT_YET} Auf {window} verschieben wir ihn, sobald 25,00 EUR bezahlt sind. Das geht bis {until} Uhr"
    assert words_of(told) in back
    assert PAY in back
    assert f'href="{address(booking)}/payment"' in text_of(client.get(f"/bookings/{booking.id}"))
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "Your date is not moved yet." in page_of(client, booking)


def test_who_paid_is_told_that_it_is_moved(booking: Booking, client: FlaskClient, provider: Provider) -> None:
    client.get(f"{address(booking)}/payment")
    page = words_of(follow(client, provider.pay(fee())["url"]))
    assert MOVED in page
    assert NOT_YET not in page
    assert MOVED not in page_of(client, booking)


def test_while_the_provider_is_silent_the_payment_is_being_confirmed(
    booking: Booking, client: FlaskClient, provider: Provider, run_jobs: Any
) -> None:
    client.get(f"{address(booking)}/payment")
    back = provider.pay(fee())["url"].removeprefix("http://localhost")
    provider.misbehave("error", "/v1/checkout", "GET")
    there = client.get(back).location
    first = text_of(client.get(there))
    assert CONFIRMING in words_of(first)
    assert PAY not in words_of(first)
    region = region_of(first[first.index('id="booking-now"') :])
    assert client.get(region, headers=HTMX).status_code == 204
    provider.deliver(client)
    run_jobs(only={"payments.handle_event"})
    news = words_of(text_of(client.get(region, headers=HTMX)))
    assert MOVED in news
    assert CONFIRMING not in news


def test_a_debit_of_the_fee_that_takes_days_is_said_so(
    booking: Booking, client: FlaskClient, provider: Provider
) -> None:
    client.get(f"{address(booking)}/payment")
    provider.process.pay(str(fee().stripe_checkout_session_id), account="sepa")
    follow(client, f"{address(booking)}/return")
    page = page_of(client, booking)
    assert CONFIRMING in page
    assert PAY not in page
    with clock.frozen(clock.now_utc() + timedelta(minutes=41)):
        commands.end_late_wish(booking.id)
        page = page_of(client, booking, f"?fee={db.session.query(BookingMove).one().id}")
        assert f"{NOT_MOVED} Ihre Zahlung kam zu spät. Kommt sie noch an, geht sie an Sie zurück." in page


def test_who_opens_the_payment_page_late_has_no_longer_than_the_wish_lasts(
    booking: Booking, client: FlaskClient, provider: Provider, app: Any
) -> None:
    asked = clock.now_utc()
    with clock.frozen(asked + timedelta(minutes=25)):
        client.get(f"{address(booking)}/payment")
        with app.test_request_context():
            until = when(asked + timedelta(minutes=40))
        assert words_of(f"Das geht bis {until} Uhr") in page_of(client, booking)


def test_who_paid_an_older_wish_is_told_of_that_one_and_of_the_newer(
    scene: Scene, booking: Booking, client: FlaskClient, provider: Provider
) -> None:
    older, paid = db.session.query(BookingMove).one().id, fee()
    client.get(f"{address(booking)}/payment")
    wish = {"slot": scene.slots[6].id, "back": scene.slots[8].id}
    assert "/payment" in send(client, f"/bookings/{booking.id}/move", fee_cents="2500", **wish).location
    url = provider.pay(paid)["url"].removeprefix("http://localhost")
    assert f"?fee={older}" in client.get(url).location
    page = words_of(follow(client, url))
    assert "Die 25,00 EUR gehen an Sie zurück." in page
    assert page.count(PAY) == 1  # the newer wish still waits for its fee


def test_what_came_of_it_is_news_for_an_hour_and_of_a_booking_that_stands(
    booking: Booking, client: FlaskClient, provider: Provider
) -> None:
    client.get(f"{address(booking)}/payment")
    there = client.get(provider.pay(fee())["url"].removeprefix("http://localhost")).location
    assert MOVED in words_of(text_of(client.get(there)))
    with clock.frozen(clock.now_utc() + timedelta(minutes=61)):
        assert MOVED not in words_of(text_of(client.get(there)))
    commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    assert MOVED not in words_of(text_of(client.get(there)))


def test_when_the_time_to_pay_is_over_the_old_date_stays(booking: Booking, client: FlaskClient) -> None:
    before = text_of(client.get(f"/bookings/{booking.id}"))
    region = region_of(before[before.index('id="booking-now"') :])
    with clock.frozen(clock.now_utc() + timedelta(minutes=31)):
        page = words_of(text_of(client.get(region, headers=HTMX)))
        assert f"{NOT_MOVED} Die Zeit zum Bezahlen der 25,00 EUR ist um." in page
        assert PAY not in page
    record(fee().id, PaymentSnapshot(Outcome.CLOSED, None, 2500))
    assert "verschoben." not in page_of(client, booking)
    page = page_of(client, booking, f"?fee={db.session.query(BookingMove).one().id}")
    assert f"{NOT_MOVED} Die Gebühr von 25,00 EUR ist nicht bezahlt, abgebucht wurde nichts." in page


def test_a_fee_that_came_for_a_date_that_is_gone_goes_back(scene: Scene, booking: Booking, client: FlaskClient) -> None:
    for slot in scene.slots[5:]:
        slot.is_available = False
    db.session.commit()
    succeed(fee())
    move = db.session.query(BookingMove).one()
    assert move.state is MoveState.FAILED
    page = page_of(client, booking, f"?fee={move.id}")
    assert NOT_MOVED in page
    assert "Die 25,00 EUR gehen an Sie zurück." in page


def test_a_cancelled_booking_asks_for_no_fee(booking: Booking, client: FlaskClient) -> None:
    commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    assert NOT_YET not in page_of(client, booking)


def test_an_address_of_an_older_move_still_says_that_a_newer_one_waits(
    scene: Scene, booking: Booking, client: FlaskClient
) -> None:
    older = db.session.query(BookingMove).one().id
    wish = {"slot": scene.slots[6].id, "back": scene.slots[8].id}
    assert "/payment" in send(client, f"/bookings/{booking.id}/move", fee_cents="2500", **wish).location
    assert PAY in page_of(client, booking, f"?fee={older}")


@pytest.mark.parametrize("page", ["payment", "return"])
def test_the_move_of_another_booking_has_no_page_here(
    scene: Scene, rosa: User, booking: Booking, client: FlaskClient, provider: Provider, page: str
) -> None:
    other, move = scene.booked(user_id=rosa.id, slot=2, back=4), db.session.query(BookingMove).one()
    assert client.get(f"/bookings/{other.id}/move/{move.id}/{page}").status_code == 404
    assert client.get(f"/bookings/{booking.id}/move/{move.id}/{page}").status_code == 303
