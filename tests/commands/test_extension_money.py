"""The money of extensions, with the provider's simulator and its faults: held, taken once, never above the ticks."""

from collections.abc import Callable
from typing import Any

import pytest

from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.errors import Conflict
from b2c_web.extensions import commands, queries
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.notifications.rendering import render
from b2c_web.odoo.models import OdooSyncStatus
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.capturing import MAX_TRIES
from b2c_web.payments.commands import capture_held, reconcile, retry_capture, settle_payment
from b2c_web.payments.gateway import PaymentProviderError, gateway
from b2c_web.payments.models import Document, PaymentMethod, PaymentState
from b2c_web.payments.queries import documents_of
from tests.commands.extending import SUMS, Extending, complete, held_at_provider, mark_not_done, payments, saver, taken
from tests.paying import Provider

Auth = AuthorizationStatus
TICKED = SUMS[0] + SUMS[1]
INTENTS = "/v1/payment_intents"
CAPTURES = "/v1/payment_intents/*/capture"
PAGE = {"success_url": "http://localhost/paid", "cancel_url": "http://localhost/back", "language": "de"}


@pytest.fixture
def scene(session: Any, provider: Provider) -> Extending:
    return Extending.of_now(session)


@pytest.fixture
def booking(scene: Extending) -> Booking:
    return scene.in_workshop(standing_limit_cents=30_000)


@pytest.fixture
def save(booking: Booking, provider: Provider) -> Callable[..., PaymentMethod]:
    return saver(provider, booking.user)


@pytest.fixture
def held(scene: Extending, booking: Booking, save: Callable[..., PaymentMethod]) -> Extension:
    """Two of three items approved and held on a saved card."""
    save()
    return scene.held(booking)


# holding


def test_approved_is_held_and_safe_to_begin(held: Extension) -> None:
    view = queries.view_of(held.id)
    assert (view.authorization_status, view.safe_to_begin, view.approved_cents) == (Auth.AUTHORIZED, True, TICKED)
    assert held_at_provider() == [TICKED]
    assert held.stripe_payment_intent_id == payments(held)[0].stripe_payment_intent_id


def test_a_silent_provider_leaves_it_to_the_job(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], provider: Provider, run_jobs: Any
) -> None:
    save()
    provider.misbehave("drop", INTENTS)
    extension = scene.held(booking)
    assert (extension.authorization_status, queries.view_of(extension.id).safe_to_begin) == (Auth.PENDING, False)
    with scene.later(seconds=10):
        run_jobs({"payments.authorize"})
    assert scene.fresh(extension.id).authorization_status is Auth.AUTHORIZED
    assert held_at_provider() == [TICKED]


def test_a_hold_that_ended_before_we_heard_that_it_stood_is_to_be_held_again(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], provider: Provider, run_jobs: Any
) -> None:
    save()
    provider.misbehave("drop", INTENTS)
    extension = scene.held(booking)
    customer_id = scene.session.get(Booking, booking.id).user.stripe_customer_id
    unheard = gateway().find_intent(customer_id, payments(extension)[0].id)
    gateway().release(unheard.intent_id, "by somebody else")
    with scene.later(seconds=10):
        run_jobs({"payments.authorize"})
    assert payments(extension)[0].state is PaymentState.CANCELLED
    view = queries.view_of(extension.id)
    assert (view.authorization_status, view.safe_to_begin) == (Auth.FAILED, False)
    assert view.needs_customer_for_money
    assert len(scene.mails(Kind.EXTENSION_PAYMENT_NEEDED)) == 1
    assert breaches() == []
    commands.pay_link(booking.user, extension.id, **PAGE)
    again = payments(extension)[-1]
    provider.pay(again)
    settle_payment(again.id)
    assert scene.fresh(extension.id).authorization_status is Auth.AUTHORIZED


def test_without_a_saved_card_the_customer_pays_on_a_page(
    scene: Extending, booking: Booking, provider: Provider
) -> None:
    extension = scene.held(booking)
    assert extension.authorization_status is Auth.REQUIRES_ACTION
    assert queries.view_of(extension.id).needs_customer_for_money
    assert len(scene.mails(Kind.EXTENSION_PAYMENT_NEEDED)) == 1
    url = commands.pay_link(booking.user, extension.id, **PAGE)
    assert commands.pay_link(booking.user, extension.id, **PAGE) == url
    payment = payments(extension)[-1]
    provider.pay(payment)
    settle_payment(payment.id)
    assert scene.fresh(extension.id).authorization_status is Auth.AUTHORIZED
    assert held_at_provider() == [TICKED]
    assert [one.state for one in payments(extension)].count(PaymentState.AUTHORIZED) == 1


def test_the_bank_wants_the_customer(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], provider: Provider
) -> None:
    save(card="authenticate_always")
    extension = scene.held(booking)
    view = queries.view_of(extension.id)
    assert (view.authorization_status, view.failure_code) == (Auth.REQUIRES_ACTION, "authentication_required")
    assert not view.safe_to_begin
    commands.pay_link(booking.user, extension.id, **PAGE)
    payment = payments(extension)[-1]
    provider.pay(payment, card="authenticate_always", confirm=True)
    settle_payment(payment.id)
    assert queries.view_of(extension.id).safe_to_begin


def test_what_the_payment_page_refuses_is_said_there_and_not_by_mail_once_more(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], provider: Provider
) -> None:
    save(card="authenticate_always")
    extension = scene.held(booking)
    commands.pay_link(booking.user, extension.id, **PAGE)
    payment = payments(extension)[-1]
    for card in ("declined", "insufficient_funds"):
        provider.pay(payment, card=card)
        settle_payment(payment.id)
    assert scene.fresh(extension.id).authorization_status is Auth.FAILED
    assert len(scene.mails(Kind.EXTENSION_PAYMENT_NEEDED)) == 1


def test_a_declined_card_and_then_another(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod]
) -> None:
    save(card="fails_later")
    extension = scene.held(booking)
    assert extension.authorization_status is Auth.FAILED
    assert scene.mails(Kind.EXTENSION_PAYMENT_NEEDED)[0].context["reason"]
    other = save(card="mastercard")
    commands.authorize_now(commands.choose_method(booking.user, extension.id, other.id))
    assert scene.fresh(extension.id).authorization_status is Auth.AUTHORIZED
    assert scene.fresh(extension.id).failure_code is None
    assert held_at_provider() == [TICKED]
    with pytest.raises(Conflict) as paid:
        commands.choose_method(booking.user, extension.id, other.id)
    assert paid.value.code == "nothing_to_pay"


def test_a_mandate_is_charged_at_completion(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], provider: Provider, run_jobs: Any
) -> None:
    save(account="sepa")
    extension = scene.held(booking)
    view = queries.view_of(extension.id)
    assert (view.by_mandate, view.safe_to_begin, held_at_provider()) == (True, True, [])
    assert not complete(scene, booking, run_jobs)
    assert scene.fresh(extension.id).authorization_status is Auth.PROCESSING
    assert scene.session.get(Booking, booking.id).status is BookingStatus.READY_FOR_RETURN
    provider.process.advance(700)
    settle_payment(payments(extension)[0].id)
    settled = scene.fresh(extension.id)
    assert (settled.authorization_status, settled.captured_amount_cents) == (Auth.CAPTURED, TICKED)
    assert breaches() == []


def test_a_mandate_that_fails_later_is_open_and_before_a_person(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], provider: Provider, run_jobs: Any
) -> None:
    save(account="sepa_fails")
    extension = scene.held(booking)
    complete(scene, booking, run_jobs)
    provider.process.advance(700)
    settle_payment(payments(extension)[0].id)
    assert scene.fresh(extension.id).authorization_status is Auth.FAILED
    debt = scene.session.query(FailedOperation).filter_by(operation="payments.debt").one()
    assert debt.payload == {"payment_id": str(payments(extension)[0].id), "amount_cents": TICKED}
    mail = scene.mails(Kind.EXTENSION_STAFF_ALERT)[0]
    assert (mail.recipient, mail.context["due_cents"]) == (scene.workshop.email, TICKED)
    assert "noch offen" in render(mail).text
    assert scene.session.get(Booking, booking.id).status is BookingStatus.READY_FOR_RETURN
    assert breaches() == []


# taking


def test_completion_takes_the_ticked_sum_and_then_the_car_is_ready(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    assert not bookings.complete_work(scene.staff, booking.id)
    assert scene.fresh(held.id).authorization_status is Auth.CAPTURING
    settling = scene.session.get(Booking, booking.id)
    assert (settling.status, settling.service_completed_at is None) == (BookingStatus.IN_WORKSHOP, False)
    run_jobs({"payments.capture"})
    done = scene.fresh(held.id)
    assert (done.authorization_status, done.captured_amount_cents) == (Auth.CAPTURED, TICKED)
    assert done.payment_captured_at is not None
    assert taken(done) == [TICKED]
    assert scene.session.get(Booking, booking.id).status is BookingStatus.READY_FOR_RETURN
    assert len(scene.mails(Kind.READY)) == 1
    assert held_at_provider() == []
    assert breaches() == []
    mine = {payment.id for payment in payments(held)}
    assert [difference for difference in reconcile() if difference.payment_id in mine] == []


def test_what_was_not_done_is_not_charged(scene: Extending, booking: Booking, held: Extension, run_jobs: Any) -> None:
    mark_not_done(scene.staff, held.id, [1])
    complete(scene, booking, run_jobs)
    done = scene.fresh(held.id)
    assert (done.approved_amount_cents, done.captured_amount_cents) == (TICKED, SUMS[0])
    assert (taken(done), held_at_provider(), breaches()) == ([SUMS[0]], [], [])


def test_nothing_done_releases_all(scene: Extending, booking: Booking, held: Extension, run_jobs: Any) -> None:
    mark_not_done(scene.staff, held.id, [0, 1])
    assert complete(scene, booking, run_jobs)
    assert scene.fresh(held.id).authorization_status is Auth.RELEASED
    assert (taken(held), held_at_provider()) == ([], [])


def test_the_message_that_the_car_is_ready_tells_what_was_done_and_is_charged(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    mark_not_done(scene.staff, held.id, [1])
    complete(scene, booking, run_jobs)
    run_jobs({"notifications.send"})
    (mail,) = scene.mails(Kind.READY)
    assert [(one["name"], one["done"]) for one in mail.context["extra_work"]] == [
        ("Bremsbeläge vorn", True),
        ("Bremsscheiben vorn", False),
    ]
    words = " ".join(mail.body_text.split())
    assert "Bremsscheiben vorn: nicht gemacht, wird nicht berechnet" in words
    assert "Zusammen, inkl. MwSt.: 89,90 EUR" in words
    assert taken(held) == [SUMS[0]]


def test_the_last_of_several_captures_makes_the_car_ready(
    scene: Extending, booking: Booking, held: Extension, provider: Provider, run_jobs: Any
) -> None:
    second = scene.held(booking, [2])
    bookings.complete_work(scene.staff, booking.id)
    capture_held(payments(held)[0].id)
    assert scene.session.get(Booking, booking.id, populate_existing=True).status is BookingStatus.IN_WORKSHOP
    run_jobs({"payments.capture"})
    assert scene.session.get(Booking, booking.id, populate_existing=True).status is BookingStatus.READY_FOR_RETURN
    assert taken(held) + taken(second) == [TICKED, SUMS[2]]


def test_receipt_and_accounting_follow_the_money_once(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any, client: Any, provider: Provider
) -> None:
    complete(scene, booking, run_jobs)
    provider.deliver(client)
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    receipt = documents_of(booking.id)[-1]
    assert [entry["label"] for entry in receipt.lines] == ["Bremsbeläge vorn", "Bremsscheiben vorn"]
    assert (receipt.gross_cents, receipt.vat_rate_percent, receipt.vat_cents) == (23890, 19, 3814)
    assert scene.session.query(Document).filter_by(booking_id=booking.id).count() == 2
    owed = scene.session.query(OdooSyncStatus).filter_by(entity_type="extension", entity_id=held.id)
    assert owed.count() == 1


def test_completing_again_takes_nothing_again(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    bookings.complete_work(scene.staff, booking.id)
    bookings.complete_work(scene.staff, booking.id)
    run_jobs({"payments.capture"})
    bookings.rework(scene.staff, booking.id, "Klappert noch")
    assert complete(scene, booking, run_jobs)
    assert taken(held) == [TICKED]


def test_an_extension_of_the_rework_is_taken_too(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    complete(scene, booking, run_jobs)
    bookings.rework(scene.staff, booking.id, "Klappert noch")
    second = scene.held(booking, [2])
    complete(scene, booking, run_jobs)
    assert (taken(held), taken(second)) == ([TICKED], [SUMS[2]])


@pytest.mark.parametrize(
    "fault",
    [{"kind": "drop"}, {"kind": "error", "status": 500}, {"kind": "error", "status": 429}],
    ids=["lost answer", "its own failure", "too many"],
)
def test_whatever_goes_wrong_it_is_taken_once(
    scene: Extending, booking: Booking, held: Extension, provider: Provider, run_jobs: Any, client: Any, fault: Any
) -> None:
    provider.misbehave(path=CAPTURES, **fault)
    bookings.complete_work(scene.staff, booking.id)
    with pytest.raises(PaymentProviderError):
        run_jobs({"payments.capture"})
    provider.events("twice")
    run_jobs({"payments.capture"})
    provider.deliver(client)
    run_jobs({"payments.handle_event", "payments.capture"})
    assert scene.fresh(held.id).authorization_status is Auth.CAPTURED
    assert (taken(held), breaches()) == ([TICKED], [])


def test_killed_after_the_provider_took_it_others_record_it(
    scene: Extending, booking: Booking, held: Extension, provider: Provider, run_jobs: Any, client: Any
) -> None:
    provider.misbehave("drop", CAPTURES)
    bookings.complete_work(scene.staff, booking.id)
    with pytest.raises(PaymentProviderError):
        run_jobs({"payments.capture"})
    provider.deliver(client)
    run_jobs({"payments.handle_event"})
    assert scene.session.get(Booking, booking.id, populate_existing=True).status is BookingStatus.READY_FOR_RETURN
    run_jobs({"payments.capture"})
    assert taken(held) == [TICKED]


@pytest.fixture
def given_up(scene: Extending, booking: Booking, held: Extension, provider: Provider, run_jobs: Any) -> Extension:
    """The work is done, and taking its money failed for good; what is held stays held."""
    provider.misbehave("error", CAPTURES, status=402, times=None, decline_code="processing_error")
    bookings.complete_work(scene.staff, booking.id)
    for _try in range(MAX_TRIES - 1):
        with pytest.raises(PaymentProviderError):
            run_jobs({"payments.capture"})
    run_jobs({"payments.capture"})
    provider.behave()
    return scene.fresh(held.id)


def test_a_capture_given_up_does_not_keep_the_car(scene: Extending, given_up: Extension, run_jobs: Any) -> None:
    assert given_up.authorization_status is Auth.FAILED
    assert scene.session.get(Booking, given_up.booking_id).status is BookingStatus.READY_FOR_RETURN
    assert scene.session.query(FailedOperation).filter_by(operation="payments.capture").count() == 1
    retry_capture(payments(given_up)[0].id)
    run_jobs({"payments.capture"})
    assert scene.fresh(given_up.id).authorization_status is Auth.CAPTURED
    assert taken(given_up) == [TICKED]


def test_what_is_held_is_not_asked_for_again(scene: Extending, given_up: Extension, run_jobs: Any) -> None:
    bookings.rework(scene.staff, given_up.booking_id, "Die Bremse quietscht.")
    assert not queries.needs_customer_for_money(given_up.id)
    customer = scene.session.get(Booking, given_up.booking_id).user
    with pytest.raises(Conflict) as refused:
        commands.pay_link(customer, given_up.id, success_url="/", cancel_url="/", language="de")
    assert refused.value.code == "nothing_to_pay"
    bookings.complete_work(scene.staff, given_up.booking_id)
    run_jobs({"payments.capture"})
    assert scene.fresh(given_up.id).authorization_status is Auth.CAPTURED
    assert taken(given_up) == [TICKED]
