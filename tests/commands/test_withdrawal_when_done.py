"""In time, and nobody had asked for the work to begin: who withdraws when all is done, or after a cancellation that
kept something, gets it all back at once. The car goes its way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web.bookings import commands
from b2c_web.bookings.messages import send_later
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.dispatch.models import AssignmentStatus
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.commands import capture_held, ensure_customer
from b2c_web.payments.gateway import gateway
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment
from tests.commands.extending import SUMS, Extending, complete, refused
from tests.commands.scene import TOTAL_CENTS, refunds, succeed
from tests.commands.trips import RETURN
from tests.paying import Provider, save_method

DROP_OFF_CENTS = TOTAL_CENTS - 3900
EXTRA_CENTS = SUMS[0] + SUMS[1]
FEE_CENTS = 2500


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[..., Any], provider: Provider) -> Extending:
    return Extending(session, frozen_clock)


def with_extra(scene: Extending, provider: Provider, **which: str) -> tuple[Booking, Extension]:
    """In the workshop, begun unasked, with extra work approved."""
    booking = scene.in_workshop()
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, **(which or {"card": "visa"}))
    return booking, scene.held(booking)


def withdraw(scene: Extending, booking: Booking) -> dict[str, Any]:
    """What the one message says."""
    assert commands.withdraw(booking.user, booking.id)
    assert not commands.withdraw(booking.user, booking.id)
    (told,) = scene.mails(Kind.BOOKING_WITHDRAWN)
    assert scene.mails(Kind.WITHDRAWAL_STAFF_ALERT) == []
    assert breaches() == []
    return told.context


@pytest.mark.parametrize("at_home", [False, True])
def test_all_that_came_goes_back_and_the_booking_goes_its_way(
    scene: Extending, provider: Provider, run_jobs: Any, at_home: bool
) -> None:
    booking, _extension = with_extra(scene, provider)
    complete(scene, booking, run_jobs)
    if at_home:
        commands.collect(scene.staff, booking.id)
    told = withdraw(scene, booking)
    assert (told["refund_cents"], told["kept_cents"], told["car_with_us"]) == (
        DROP_OFF_CENTS + EXTRA_CENTS,
        0,
        not at_home,
    )
    assert sorted(refunds(scene.session)) == [(EXTRA_CENTS, "withdrawal"), (DROP_OFF_CENTS, "withdrawal")]
    assert booking.withdrawn_at == now_utc()
    if not at_home:
        with refused("withdrawn"):
            commands.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
        commands.collect(scene.staff, booking.id)
    send_later(Kind.REVIEW_REQUEST.value, str(booking.id))  # nobody is asked how it was
    assert scene.mails(Kind.REVIEW_REQUEST) == []
    scene.session.expire_all()
    assert booking.status is BookingStatus.COMPLETED
    assert (scene.mails(Kind.BOOKING_CANCELLED), breaches()) == ([], [])


def test_the_jockey_brings_the_car_home_all_the_same(scene: Extending) -> None:
    booking = scene.booked()
    back, began = scene.on_the_way_back(booking)
    with scene.at(began):
        told = withdraw(scene, booking)
    assert (told["refund_cents"], told["car_with_us"], told["return_ahead"]) == (TOTAL_CENTS, True, True)
    assert booking.status is BookingStatus.IN_TRANSIT_TO_CUSTOMER
    assert scene.assignment(booking, RETURN).id == back.id
    assert scene.assignment(booking, RETURN).status is AssignmentStatus.EN_ROUTE_TO_CUSTOMER


def test_while_the_extra_work_is_charged_it_is_asked_for_again_in_a_moment(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, _extension = with_extra(scene, provider)
    assert not commands.complete_work(scene.staff, booking.id)
    with refused("SETTLING"):
        commands.withdraw(booking.user, booking.id)
    run_jobs({"payments.capture"})
    scene.session.expire_all()
    assert withdraw(scene, booking)["refund_cents"] == DROP_OFF_CENTS + EXTRA_CENTS


def test_a_debit_under_way_goes_back_when_it_arrives(scene: Extending, provider: Provider, run_jobs: Any) -> None:
    booking, extension = with_extra(scene, provider, account="sepa")
    complete(scene, booking, run_jobs)
    assert scene.fresh(extension.id).authorization_status is AuthorizationStatus.PROCESSING
    assert withdraw(scene, booking)["refund_cents"] == DROP_OFF_CENTS
    succeed(latest_payment(PaymentPurpose.EXTENSION, extension.id))
    assert sorted(refunds(scene.session)) == [(EXTRA_CENTS, "withdrawal"), (DROP_OFF_CENTS, "withdrawal")]
    assert [one.context["refund_cents"] for one in scene.mails(Kind.MONEY_RETURNED)] == [EXTRA_CENTS]
    assert breaches() == []


def test_what_a_cancellation_kept_goes_back_too(scene: Extending) -> None:
    booking = scene.booked()
    with scene.at(booking.pickup_time - timedelta(hours=23)):
        commands.cancel(booking.user, booking.id, accepted_fee_cents=FEE_CENTS)
        scene.session.expire_all()
        told = withdraw(scene, booking)
    assert (told["refund_cents"], told["car_with_us"]) == (FEE_CENTS, False)
    assert refunds(scene.session) == [(TOTAL_CENTS - FEE_CENTS, "customer"), (FEE_CENTS, "withdrawal")]
    assert (booking.status, booking.cancellation_reason) == (BookingStatus.CANCELLED, "customer")


def hold_is_gone(extension: Extension) -> None:
    """The provider let go of the money before it was taken, which ends a capture."""
    payment = latest_payment(PaymentPurpose.EXTENSION, extension.id)
    gateway().release(str(payment.stripe_payment_intent_id), "released-by-hand")
    capture_held(payment.id)


def cancel_here(scene: Extending, booking: Booking, keep_cents: int = 0) -> None:
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=keep_cents, reason="Streit")
    scene.session.expire_all()


def nothing_is_owed(scene: Extending, extension: Extension) -> None:
    assert scene.fresh(extension.id).authorization_status is AuthorizationStatus.RELEASED
    assert scene.session.query(FailedOperation).filter_by(resolved_at=None).count() == 0
    assert breaches() == []


def test_what_could_not_be_taken_after_it_makes_nobody_a_debtor(scene: Extending, provider: Provider) -> None:
    booking, extension = with_extra(scene, provider)
    commands.complete_work(scene.staff, booking.id)  # the capture is asked for
    cancel_here(scene, booking, 1000)
    withdraw(scene, booking)
    hold_is_gone(extension)
    nothing_is_owed(scene, extension)


def test_a_debt_of_a_cancelled_booking_can_be_withdrawn_from(scene: Extending, provider: Provider) -> None:
    booking, extension = with_extra(scene, provider)
    commands.complete_work(scene.staff, booking.id)
    hold_is_gone(extension)
    commands.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    cancel_here(scene, booking)
    assert scene.fresh(extension.id).authorization_status is AuthorizationStatus.FAILED
    assert withdraw(scene, booking)["refund_cents"] == 0
    nothing_is_owed(scene, extension)


def test_a_debit_under_way_for_a_cancelled_booking_can_be_withdrawn_from(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = with_extra(scene, provider, account="sepa")
    complete(scene, booking, run_jobs)
    commands.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    cancel_here(scene, booking)
    withdraw(scene, booking)
    succeed(latest_payment(PaymentPurpose.EXTENSION, extension.id))
    assert sorted(refunds(scene.session)) == [(EXTRA_CENTS, "withdrawal"), (DROP_OFF_CENTS, "staff_cancelled")]
    assert breaches() == []


def test_of_a_cancelled_booking_of_which_nothing_was_kept_nothing_is_left_to_withdraw(scene: Extending) -> None:
    booking = scene.booked()
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    with refused("ENDED"):
        commands.withdraw(booking.user, booking.id)
    assert booking.withdrawn_at is None


def test_staff_write_it_down_when_it_came_by_phone(scene: Extending, provider: Provider, run_jobs: Any) -> None:
    booking, _extension = with_extra(scene, provider)
    complete(scene, booking, run_jobs)
    said_at = now_utc()
    with scene.at(booking.created_at + timedelta(days=30)):
        assert commands.record_withdrawal(scene.staff, booking.id, "am Telefon", said_at)
    assert sorted(refunds(scene.session)) == [(EXTRA_CENTS, "withdrawal"), (DROP_OFF_CENTS, "withdrawal")]
