"""Between the summary and the confirmation, with the payment provider in a process of its own."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from pypdf import PdfReader

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking, BookingMove, BookingStatus, MoveState
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.rendering import render
from b2c_web.payments.models import Payment, PaymentPurpose
from tests.commands.scene import Scene, succeed
from tests.factories import make_customer
from tests.paying import Provider
from tests.views.browsing import send
from tests.views.walking import Walk, text_of, words_of


def a_monday() -> date:
    """The provider lives by the real clock, so these tests do too: the Monday after next."""
    today = clock.today_in(ZONE)
    return today + timedelta(days=14 - today.weekday())


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=3, first=a_monday())


@pytest.fixture
def rosa(scene: Scene, login: Callable[..., FlaskClient]) -> User:
    user = make_customer(email="rosa@example.org")
    db.session.commit()
    login(user)
    return user


def payment_of(booking: Booking) -> Payment:
    return db.session.query(Payment).filter_by(purpose=PaymentPurpose.BOOKING, purpose_id=booking.id).one()


def follow(client: FlaskClient, address: str) -> str:
    """Where an absolute address of ours leads in the end."""
    return text_of(client.get(address.removeprefix("http://localhost"), follow_redirects=True))


def test_paying_on_the_page_confirms_the_booking(
    scene: Scene, rosa: User, client: FlaskClient, provider: Provider
) -> None:
    walk = Walk(client, scene)
    walk.start()
    walk.choose()
    walk.pick()
    walk.say(email="")
    there = client.get(walk.confirm().location)
    assert there.status_code == 303
    assert there.location.startswith(f"{provider.process.url}/c/pay/")
    booking = db.session.query(Booking).one()
    assert client.get(f"/bookings/{booking.id}/payment").location == there.location
    outcome = provider.pay(payment_of(booking))
    assert outcome["url"] == f"http://localhost/bookings/{booking.id}/payment/return"
    page = words_of(follow(client, outcome["url"]))
    assert "Bezahlt und bestätigt" in page
    assert "Visa mit den Endziffern 4242." in page
    assert db.session.get_one(Booking, booking.id).status is BookingStatus.CONFIRMED
    assert client.get(f"/bookings/{booking.id}/payment").location == f"/bookings/{booking.id}"
    assert "Bezahlt und bestätigt" in follow(client, f"/bookings/{booking.id}/payment/return")


def test_a_declined_card_is_explained_and_another_one_pays(
    scene: Scene, rosa: User, client: FlaskClient, provider: Provider, run_jobs: Any
) -> None:
    booking = scene.book(user_id=rosa.id)
    client.get(f"/bookings/{booking.id}/payment")
    provider.pay(payment_of(booking), card="insufficient_funds")
    assert set(provider.deliver(client)) == {200}
    run_jobs(only={"payments.handle_event"})
    page = words_of(text_of(client.get(f"/bookings/{booking.id}")))
    assert "Auf dem Konto der Karte ist gerade nicht genug Geld." in page
    assert "328,00 EUR bezahlen" in page
    with client.session_transaction() as cookie:
        cookie["language"] = "en"
    assert "There is not enough money" in words_of(text_of(client.get(f"/bookings/{booking.id}")))
    provider.pay(payment_of(booking))
    assert "Paid and confirmed" in follow(client, f"/bookings/{booking.id}/payment/return")


def test_coming_back_without_paying_shows_the_held_date(
    scene: Scene, rosa: User, client: FlaskClient, provider: Provider
) -> None:
    booking = scene.book(user_id=rosa.id)
    client.get(f"/bookings/{booking.id}/payment")
    page = follow(client, f"/bookings/{booking.id}/payment/return")
    assert "Wir halten Ihren Termin" in words_of(page)
    assert '<span>Zahlung offen, <span class="countdown' in page  # one piece of text, with one blank


def test_a_debit_that_takes_days_is_said_so(scene: Scene, rosa: User, client: FlaskClient, provider: Provider) -> None:
    booking = scene.book(user_id=rosa.id)
    client.get(f"/bookings/{booking.id}/payment")
    checkout = str(payment_of(booking).stripe_checkout_session_id)
    provider.process.pay(checkout, account="sepa")
    page = words_of(follow(client, f"/bookings/{booking.id}/payment/return"))
    assert "Ihre Bank prüft die Zahlung" in page
    assert "Wird verarbeitet" in page
    assert "bezahlen" not in page.split("Verlauf")[0]


@pytest.mark.parametrize(("kind", "path"), [("error", "/v1/checkout"), ("drop", "/v1/checkout")])
def test_when_the_provider_does_not_answer_the_date_stays_held(
    scene: Scene, rosa: User, client: FlaskClient, provider: Provider, kind: str, path: str
) -> None:
    booking = scene.book(user_id=rosa.id)
    provider.misbehave(kind, path)
    page = words_of(follow(client, f"/bookings/{booking.id}/payment"))
    assert "Die Zahlungsseite antwortet gerade nicht. Ihr Termin bleibt gehalten" in page
    assert "Wir halten Ihren Termin" in page
    assert client.get(f"/bookings/{booking.id}/payment").location.startswith(provider.process.url)


def test_giving_up_closes_the_payment_page(
    scene: Scene, rosa: User, client: FlaskClient, provider: Provider, run_jobs: Any
) -> None:
    booking = scene.book(user_id=rosa.id)
    client.get(f"/bookings/{booking.id}/payment")
    send(client, f"/bookings/{booking.id}/release", f"/bookings/{booking.id}")
    run_jobs()
    assert client.get(f"/bookings/{booking.id}/payment").location == f"/bookings/{booking.id}"
    assert "Der Termin ist wieder frei, bezahlt wurde nichts." in words_of(
        text_of(client.get(f"/bookings/{booking.id}"))
    )


def test_a_late_move_happens_when_its_fee_is_paid(
    scene: Scene, rosa: User, client: FlaskClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(client.application.config, "FREE_CANCEL_HOURS", 720)
    booking = scene.booked(user_id=rosa.id)
    wish = {"slot": scene.slots[5].id, "back": scene.slots[7].id}
    to_fee = send(client, f"/bookings/{booking.id}/move", fee_cents="2500", **wish)
    there = client.get(to_fee.location)
    assert there.location.startswith(provider.process.url)
    move = db.session.query(BookingMove).one()
    fee = db.session.query(Payment).filter_by(purpose=PaymentPurpose.MOVE_FEE).one()
    assert db.session.get_one(Booking, booking.id).slot_id == scene.slots[0].id
    follow(client, provider.pay(fee)["url"])
    assert db.session.get_one(BookingMove, move.id).state is MoveState.DONE
    assert db.session.get_one(Booking, booking.id).slot_id == scene.slots[5].id
    page = client.get(f"/bookings/{booking.id}")
    assert "Gebühr fürs Verschieben 25,00 EUR bezahlt" in words_of(text_of(page))
    papers = re.findall(rf"/bookings/{booking.id}/documents/[^\"]+", page.text)
    paper = client.get(papers[-1])
    said = " ".join(PdfReader(BytesIO(paper.data)).pages[0].extract_text().split())
    assert "Bezahlt 25,00 EUR" in said
    assert "Visa" in said
    assert "Einbehalten" not in said


def test_who_moved_late_and_cancels_is_told_of_both(
    scene: Scene, rosa: User, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(client.application.config, "FREE_CANCEL_HOURS", 720)
    booking = scene.booked(user_id=rosa.id)
    wish = {"slot": scene.slots[5].id, "back": scene.slots[7].id}
    send(client, f"/bookings/{booking.id}/move", fee_cents="2500", **wish)
    succeed(db.session.query(Payment).filter_by(purpose=PaymentPurpose.MOVE_FEE).one())
    db.session.expire_all()
    monkeypatch.setitem(client.application.config, "FREE_CANCEL_HOURS", 1)
    asked = words_of(text_of(client.get(f"/bookings/{booking.id}/cancellation")))
    assert "alles zurück, was Sie bezahlt haben" not in asked
    assert "Sie bekommen den ganzen Preis zurück: 328,00 EUR." in asked
    assert "Die Gebühr fürs Verschieben (25,00 EUR) bleibt bei uns" in asked
    send(client, f"/bookings/{booking.id}/cancellation", fee_cents="0")
    mail = db.session.query(Notification).filter_by(kind=NotificationKind.BOOKING_CANCELLED).one()
    assert (mail.context["refund_cents"], mail.context["move_fees_cents"]) == (32_800, 2500)
    assert "Die Gebühr fürs Verschieben (25,00 EUR) bleibt bei uns" in words_of(render(mail).html)


def test_a_refund_is_shown_on_the_page(
    scene: Scene, rosa: User, client: FlaskClient, provider: Provider, run_jobs: Any
) -> None:
    booking = scene.book(user_id=rosa.id)
    client.get(f"/bookings/{booking.id}/payment")
    follow(client, provider.pay(payment_of(booking))["url"])
    assert "Preis und Zahlung Bezahlt" in words_of(text_of(client.get(f"/bookings/{booking.id}")))
    send(client, f"/bookings/{booking.id}/cancellation", fee_cents="0")
    page = words_of(text_of(client.get(f"/bookings/{booking.id}")))
    assert "328,00 EUR zurück an Sie Erstattung läuft" in page
    assert "Preis und Zahlung Bezahlt" not in page
    run_jobs(only={"payments.refund"})
    page = words_of(text_of(client.get(f"/bookings/{booking.id}")))
    assert "328,00 EUR zurück an Sie Erstattet" in page
    assert "Erstattung 328,00 EUR" in page
