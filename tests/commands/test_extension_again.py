"""Money that is asked for a second time: by a person after a failure, or because the work was done again."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from b2c_web import clock
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.extensions import commands
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.extensions.queries import digest_of, view_of
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.capturing import MAX_TRIES
from b2c_web.payments.commands import capture_held, ensure_customer, retry_capture, settle_payment
from b2c_web.payments.gateway import PaymentProviderError
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment
from tests.commands.extending import SUMS, Extending, complete, held_at_provider, mark_not_done
from tests.paying import Provider, save_method

Auth = AuthorizationStatus
TICKED = SUMS[0] + SUMS[1]
INTENTS = "/v1/payment_intents"
CAPTURES = "/v1/payment_intents/*/capture"


@pytest.fixture
def scene(session: Any, provider: Provider) -> Extending:
    return Extending.of_now(session)


@pytest.fixture
def booking(scene: Extending) -> Booking:
    booking = scene.in_workshop()
    ensure_customer(booking.user_id)
    return booking


@pytest.fixture
def held(scene: Extending, booking: Booking, provider: Provider) -> Callable[..., Extension]:
    """Two of three items approved, and held on a card or promised by a mandate."""

    def hold(**which: str) -> Extension:
        with command_transaction():
            save_method(provider, booking.user, **(which or {"card": "visa"}))
        return scene.held(booking)

    return hold


def payment_id(extension: Extension) -> Any:
    return latest_payment(PaymentPurpose.EXTENSION, extension.id).id


def give_up(scene: Extending, booking: Booking, extension: Extension) -> None:
    """The work is done, and the provider does not let the money be taken, as often as we ask."""
    bookings.complete_work(scene.staff, booking.id)
    for _try in range(MAX_TRIES - 1):
        with pytest.raises(PaymentProviderError):
            capture_held(payment_id(extension))
    capture_held(payment_id(extension))
    assert scene.fresh(extension.id).authorization_status is Auth.FAILED
    assert scene.session.get(Booking, booking.id).status is BookingStatus.READY_FOR_RETURN


def done_again(scene: Extending, booking: Booking, run_jobs: Any) -> bool:
    bookings.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    ready = bookings.complete_work(scene.staff, booking.id)
    run_jobs({"payments.capture", "payments.close_checkout"})
    scene.session.expire_all()
    return ready


def test_a_debit_whose_answer_was_lost_is_not_made_again_when_a_person_retries(
    scene: Extending, booking: Booking, held: Callable[..., Extension], provider: Provider
) -> None:
    extension = held(account="sepa")
    provider.misbehave("drop", INTENTS)
    provider.misbehave("error", INTENTS, method="GET", status=429, times=None)
    give_up(scene, booking, extension)
    assert provider.count("payment_intent") == 1
    provider.behave()
    retry_capture(payment_id(extension))
    capture_held(payment_id(extension))
    assert provider.count("payment_intent") == 1


def test_a_debit_that_a_person_retries_is_under_way_and_not_unpaid(
    scene: Extending, booking: Booking, held: Callable[..., Extension], provider: Provider
) -> None:
    extension = held(account="sepa")
    provider.misbehave("error", INTENTS, status=429, times=None)
    give_up(scene, booking, extension)
    provider.behave()
    retry_capture(payment_id(extension))
    capture_held(payment_id(extension))
    fresh = scene.fresh(extension.id)
    assert (fresh.authorization_status, fresh.failure_code) == (Auth.PROCESSING, None)
    assert not view_of(extension.id).is_not_taken
    provider.process.advance(700)
    settle_payment(payment_id(extension))
    assert scene.fresh(extension.id).authorization_status is Auth.CAPTURED
    assert breaches() == []


def test_what_is_held_is_not_asked_for_by_mail_when_taking_it_fails_again(
    scene: Extending, booking: Booking, held: Callable[..., Extension], provider: Provider
) -> None:
    extension = held()
    provider.misbehave("error", CAPTURES, status=402, times=None, decline_code="processing_error")
    give_up(scene, booking, extension)
    bookings.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    retry_capture(payment_id(extension))
    for _try in range(MAX_TRIES):
        with suppress(PaymentProviderError):
            capture_held(payment_id(extension))
    assert latest_payment(PaymentPurpose.EXTENSION, extension.id).capture_given_up_at is not None
    fresh = scene.fresh(extension.id)
    assert (fresh.authorization_status, fresh.failure_code) == (Auth.FAILED, "capture_failed")
    assert scene.session.query(Notification).filter_by(kind=NotificationKind.EXTENSION_PAYMENT_NEEDED).count() == 0
    assert breaches() == []


def test_work_done_again_takes_what_could_not_be_taken(
    scene: Extending, booking: Booking, held: Callable[..., Extension], provider: Provider, run_jobs: Any
) -> None:
    extension = held()
    provider.misbehave("error", CAPTURES, status=402, times=None, decline_code="processing_error")
    give_up(scene, booking, extension)
    provider.behave()
    done_again(scene, booking, run_jobs)
    fresh = scene.fresh(extension.id)
    assert (fresh.authorization_status, fresh.captured_amount_cents) == (Auth.CAPTURED, TICKED)
    assert scene.session.get(Booking, booking.id).status is BookingStatus.READY_FOR_RETURN
    assert breaches() == []


def test_less_can_be_taken_the_second_time(
    scene: Extending, booking: Booking, held: Callable[..., Extension], provider: Provider, run_jobs: Any
) -> None:
    extension = held()
    provider.misbehave("error", CAPTURES, status=402, times=None, decline_code="processing_error")
    give_up(scene, booking, extension)
    provider.behave()
    bookings.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    mark_not_done(scene.staff, extension.id, [1])
    bookings.complete_work(scene.staff, booking.id)
    run_jobs({"payments.capture"})
    assert scene.fresh(extension.id).captured_amount_cents == SUMS[0]
    assert breaches() == []


@pytest.fixture
def unpaid(
    scene: Extending, booking: Booking, held: Callable[..., Extension], provider: Provider, run_jobs: Any
) -> Any:
    extension = held(account="sepa_fails")
    come_back_unpaid(scene, booking, extension, provider, run_jobs)
    return extension


def come_back_unpaid(
    scene: Extending, booking: Booking, extension: Extension, provider: Provider, run_jobs: Any
) -> None:
    """Finished work whose debit came back, and the car is worked on once more."""
    complete(scene, booking, run_jobs)
    assert scene.fresh(extension.id).authorization_status is Auth.PROCESSING
    provider.process.advance(700)
    settle_payment(payment_id(extension))
    assert scene.fresh(extension.id).authorization_status is Auth.FAILED
    bookings.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")


def test_finished_work_that_was_not_paid_stays_owed_when_it_is_done_again(
    scene: Extending, booking: Booking, unpaid: Extension
) -> None:
    assert bookings.complete_work(scene.staff, booking.id)
    fresh = scene.fresh(unpaid.id)
    assert (fresh.authorization_status, fresh.not_done_items) == (Auth.FAILED, [])
    assert breaches() == []


def test_paying_otherwise_that_is_still_under_way_ends_with_the_work(
    scene: Extending, booking: Booking, unpaid: Extension, provider: Provider, run_jobs: Any
) -> None:
    with command_transaction():
        card = save_method(provider, booking.user, card="visa")
    wish = commands.choose_method(booking.user, unpaid.id, card.id)
    bookings.complete_work(scene.staff, booking.id)
    commands.authorize_now(wish)
    run_jobs({"payments.close_checkout"})
    assert scene.fresh(unpaid.id).authorization_status is Auth.FAILED
    assert held_at_provider() == []
    assert breaches() == []


def test_what_was_done_is_not_objected_to(
    scene: Extending, booking: Booking, held: Callable[..., Extension], provider: Provider, run_jobs: Any
) -> None:
    with command_transaction():
        save_method(provider, booking.user, account="sepa_fails")
    extension = scene.raised(booking)
    said = commands.Consent("phone", "Rosa Ahorn", clock.now_utc(), "Ja, bitte machen.")
    shown = digest_of(extension)
    commands.authorize_now(commands.approve_on_consent(scene.staff, extension.id, [0, 1], shown, said))
    come_back_unpaid(scene, booking, extension, provider, run_jobs)
    with pytest.raises(Conflict):
        commands.object_to(booking.user, extension.id)


def test_finished_work_that_was_not_paid_stays_owed_when_the_booking_ends(
    scene: Extending, booking: Booking, unpaid: Extension
) -> None:
    bookings.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Kunde will nicht mehr")
    fresh = scene.fresh(unpaid.id)
    assert (fresh.authorization_status, fresh.not_done_items) == (Auth.FAILED, [])
    assert [row.operation for row in scene.session.query(FailedOperation).filter_by(resolved_at=None)] == [
        "payments.debt"
    ]
    assert breaches() == []


def test_of_what_is_owed_staff_may_still_say_that_it_was_not_done(
    scene: Extending, booking: Booking, unpaid: Extension
) -> None:
    mark_not_done(scene.staff, unpaid.id, [0, 1])
    assert bookings.complete_work(scene.staff, booking.id)
    assert scene.fresh(unpaid.id).authorization_status is Auth.RELEASED
    assert scene.session.query(FailedOperation).filter_by(resolved_at=None).count() == 0
    assert breaches() == []


def test_what_was_taken_stays_done_when_the_work_is_done_again(
    scene: Extending, booking: Booking, held: Callable[..., Extension], run_jobs: Any
) -> None:
    extension = held()
    bookings.complete_work(scene.staff, booking.id)
    run_jobs({"payments.capture"})
    bookings.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    with pytest.raises(Conflict):
        mark_not_done(scene.staff, extension.id, [1])
    assert bookings.complete_work(scene.staff, booking.id)
    assert scene.fresh(extension.id).not_done_items == []
    assert breaches() == []


def test_a_consent_is_not_objected_to_after_its_work_was_charged(
    scene: Extending, booking: Booking, provider: Provider, run_jobs: Any
) -> None:
    with command_transaction():
        save_method(provider, booking.user, card="visa")
    extension = scene.raised(booking)
    said = commands.Consent("phone", "Rosa Ahorn", clock.now_utc(), "Ja, bitte machen.")
    shown = digest_of(extension)
    commands.authorize_now(commands.approve_on_consent(scene.staff, extension.id, [0, 1], shown, said))
    assert view_of(extension.id).consent.may_object
    bookings.complete_work(scene.staff, booking.id)
    run_jobs({"payments.capture"})
    bookings.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    assert not view_of(extension.id).consent.may_object
    with pytest.raises(Conflict):
        commands.object_to(booking.user, extension.id)
