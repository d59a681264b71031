"""Money of extensions that goes back, lapses, is renewed, or comes twice."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from b2c_web import clock
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.db import command_transaction
from b2c_web.extensions import commands, hooks, money
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.odoo.models import OdooSyncStatus
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.commands import add_refund, reconcile, settle_payment, sync_refunds
from b2c_web.payments.gateway import RefundOutcome, RefundResult, gateway
from b2c_web.payments.models import (
    DocumentKind,
    Payment,
    PaymentMethod,
    PaymentPurpose,
    PaymentState,
    Refund,
    RefundState,
)
from b2c_web.payments.queries import documents_of
from b2c_web.payments.refunding import record_refund
from b2c_web.payments.steps import add_payment
from b2c_web.payments.sweeping import sweep
from tests.commands.extending import SUMS, Extending, complete, held_at_provider, payments, saver, taken
from tests.commands.scene import succeed
from tests.paying import Provider, refund_by_hand

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


# giving back


def test_cancelling_the_booking_releases_the_hold(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    bookings.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Motorschaden")
    run_jobs({"payments.close_checkout"})
    assert scene.fresh(held.id).authorization_status is Auth.RELEASED
    assert (held_at_provider(), taken(held)) == ([], [])


def test_an_objection_releases_the_hold(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], run_jobs: Any
) -> None:
    save()
    extension = scene.raised(booking)
    said = commands.Consent("phone", "Person am Beispielweg", clock.now_utc(), "Ja.")
    commands.authorize_now(commands.approve_on_consent(scene.staff, extension.id, [0], digest_of(extension), said))
    assert held_at_provider() == [SUMS[0]]
    commands.object_to(booking.user, extension.id)
    run_jobs({"payments.close_checkout"})
    assert held_at_provider() == []


def test_a_hold_that_comes_after_the_end_goes_back(
    scene: Extending, booking: Booking, save: Callable[..., PaymentMethod], run_jobs: Any
) -> None:
    save()
    extension = scene.raised(booking)
    wish = scene.approve(extension)
    bookings.complete_work(scene.staff, booking.id)
    commands.authorize_now(wish)
    run_jobs({"payments.close_checkout", "payments.authorize"})
    assert scene.fresh(extension.id).authorization_status is Auth.RELEASED
    assert held_at_provider() == []


def test_a_hold_that_lapsed_is_to_be_held_again(
    scene: Extending, booking: Booking, held: Extension, provider: Provider
) -> None:
    payment = payments(held)[0]
    gateway().release(str(payment.stripe_payment_intent_id), "by somebody else")
    settle_payment(payment.id)
    assert scene.fresh(held.id).authorization_status is Auth.FAILED
    assert len(scene.mails(Kind.EXTENSION_PAYMENT_NEEDED)) == 1
    commands.pay_link(booking.user, held.id, **PAGE)
    again = payments(held)[-1]
    provider.pay(again)
    settle_payment(again.id)
    assert scene.fresh(held.id).authorization_status is Auth.AUTHORIZED


def test_a_hold_that_is_gone_at_completion_goes_before_a_person(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    bookings.complete_work(scene.staff, booking.id)
    gateway().release(str(payments(held)[0].stripe_payment_intent_id), "by somebody else")
    run_jobs({"payments.capture"})
    assert scene.fresh(held.id).authorization_status is Auth.FAILED
    assert scene.session.query(FailedOperation).filter_by(operation="extensions.capture").count() == 1
    assert scene.session.get(Booking, booking.id).status is BookingStatus.READY_FOR_RETURN


def test_a_page_that_ended_unpaid_changes_nothing(scene: Extending, booking: Booking, provider: Provider) -> None:
    extension = scene.held(booking)
    commands.pay_link(booking.user, extension.id, **PAGE)
    payment = payments(extension)[-1]
    gateway().expire_checkout(str(payment.stripe_checkout_session_id), "expired")
    settle_payment(payment.id)
    assert scene.fresh(extension.id).authorization_status is Auth.REQUIRES_ACTION
    commands.pay_link(booking.user, extension.id, **PAGE)
    assert payments(extension)[-1].id != payment.id


def test_a_renewed_hold_stays_authorized(scene: Extending, booking: Booking, held: Extension, run_jobs: Any) -> None:
    """Six days later the hold is held anew, the old one released, and completion takes the new one."""
    first = payments(held)[0]
    assert first.capture_before is not None
    with scene.at(first.capture_before - timedelta(hours=20)):
        sweep()
    with scene.at(first.capture_before - timedelta(hours=19)):
        run_jobs({"payments.authorize", "payments.close_checkout"})
        assert scene.fresh(held.id).authorization_status is Auth.AUTHORIZED
        assert len(held_at_provider()) == 1
        second = payments(held)[-1]
        assert (second.replaces_id, first.state) == (first.id, PaymentState.CANCELLED)
        complete(scene, booking, run_jobs)
        done = scene.fresh(held.id)
        assert (done.authorization_status, taken(done)) == (Auth.CAPTURED, [TICKED])
        assert done.stripe_payment_intent_id == second.stripe_payment_intent_id


def test_money_told_twice_counts_once_and_a_second_payment_goes_back(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    complete(scene, booking, run_jobs)
    payment = payments(held)[0]
    with command_transaction():
        money.paid(payment)
    assert payment.refunds == []
    with command_transaction():
        second = add_payment(PaymentPurpose.EXTENSION, held.id, booking.user_id, TICKED, None)
    succeed(second)
    assert [(one.amount_cents, one.reason) for one in second.refunds] == [(TICKED, "late_money")]
    assert returned(scene) == [(TICKED, "extension")]
    assert scene.fresh(held.id).captured_amount_cents == TICKED


def returned(scene: Extending) -> list[tuple[int, str]]:
    """What the customer was told that comes back."""
    told = [mail.context for mail in scene.mails(Kind.MONEY_RETURNED)]
    return [(one["refund_cents"], one["paid_for"]) for one in told]


def owed(scene: Extending, kind: str) -> list[Any]:
    """What accounting must know of this kind, by our ids."""
    wanted = select(OdooSyncStatus.entity_id).filter_by(entity_type=kind).order_by(OdooSyncStatus.id)
    return list(scene.session.scalars(wanted))


def say(refund: Refund, outcome: RefundOutcome, *, by_hand: bool = False) -> None:
    """What the provider says of a refund of ours, or of one over the same sum that somebody made there."""
    made, reference = ("hand", None) if by_hand else (refund.id.hex, str(refund.id))
    result = RefundResult(f"re_{made}", None, refund.amount_cents, outcome, reference, clock.now_utc())
    record_refund(refund.payment_id, result)


def refund_documents(booking: Booking) -> list[int]:
    return [one.gross_cents for one in documents_of(booking.id) if one.kind is DocumentKind.REFUND]


@pytest.mark.parametrize("hear", [lambda payment: sync_refunds(payment.id), lambda payment: reconcile(fix=True)])
def test_a_refund_made_at_the_provider_has_its_document_and_its_credit_note_once(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any, hear: Callable[[Payment], Any]
) -> None:
    complete(scene, booking, run_jobs)
    payment = payments(held)[0]
    refund_by_hand(payment, 1000)
    for _time in range(2):
        hear(payment)
    scene.session.expire_all()
    (refund,) = payment.refunds
    assert (refund.state, refund.amount_cents) == (RefundState.SUCCEEDED, 1000)
    assert refund_documents(booking) == [1000]
    assert (owed(scene, "refund"), payment.id in owed(scene, "payment")) == ([refund.id], True)
    assert scene.fresh(held.id).captured_amount_cents == TICKED
    assert breaches() == []


def test_all_of_it_may_go_back_in_parts_each_with_its_own(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    complete(scene, booking, run_jobs)
    payment = payments(held)[0]
    for cents in (1000, TICKED - 1000):
        refund_by_hand(payment, cents)
        sync_refunds(payment.id)
    assert (refund_documents(booking), len(owed(scene, "refund"))) == ([1000, TICKED - 1000], 2)
    assert breaches() == []


def test_a_refund_that_fails_has_no_document(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    complete(scene, booking, run_jobs)
    with command_transaction():
        refund = add_refund(payments(held)[0], 1000, "goodwill")
    assert refund is not None
    say(refund, RefundOutcome.FAILED)
    assert (refund_documents(booking), owed(scene, "refund"), breaches()) == ([], [], [])


def test_money_that_came_twice_was_never_invoiced_and_is_not_credited(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    complete(scene, booking, run_jobs)
    with command_transaction():
        second = add_payment(PaymentPurpose.EXTENSION, held.id, booking.user_id, TICKED, None)
    (late,) = succeed(second).refunds
    assert breaches() == []
    say(late, RefundOutcome.SUCCEEDED)
    refund_by_hand(payments(held)[0], 1000)
    sync_refunds(payments(held)[0].id)
    assert (refund_documents(booking), late.id in owed(scene, "refund")) == ([1000], False)
    assert breaches() == []


def test_money_that_came_twice_and_stayed_is_seen_until_it_is_gone(
    scene: Extending, booking: Booking, held: Extension, run_jobs: Any
) -> None:
    complete(scene, booking, run_jobs)
    with command_transaction():
        second = add_payment(PaymentPurpose.EXTENSION, held.id, booking.user_id, TICKED, None)
    (late,) = succeed(second).refunds
    say(late, RefundOutcome.FAILED)
    assert [one.name for one in breaches()] == ["extensions: captured is what payments took"]
    say(late, RefundOutcome.SUCCEEDED, by_hand=True)
    assert (refund_documents(booking), owed(scene, "refund"), breaches()) == ([], [], [])


def test_money_that_came_after_the_release_is_not_credited_either(
    scene: Extending, booking: Booking, held: Extension
) -> None:
    """The hold was released, and the same payment brought its money all the same."""
    bookings.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Hebebühne kaputt")
    (late,) = succeed(payments(held)[0]).refunds
    assert returned(scene) == [(TICKED, "extension")]
    say(late, RefundOutcome.SUCCEEDED)
    assert scene.fresh(held.id).authorization_status is Auth.RELEASED
    assert (refund_documents(booking), owed(scene, "refund")) == ([], [])
    assert [one.name for one in breaches() if one.name.startswith(("extensions", "accounting"))] == []


def test_the_hooks_are_filled() -> None:
    assert hooks.captured.names() == ["b2c_web.odoo.commands.owe_extension_invoice"]
    assert hooks.refunded.names() == ["b2c_web.odoo.commands.owe_extension_credit_notes"]


def test_status_words_are_the_schemas() -> None:
    assert {status.value for status in ExtensionStatus} == {"PENDING", "APPROVED", "DECLINED", "CANCELLED"}
