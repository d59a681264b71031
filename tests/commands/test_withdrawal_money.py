"""After a withdrawal everything goes back that came for the booking: also extra work that was paid, and fees."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking
from b2c_web.bookings.papers import documents_of
from b2c_web.checks import breaches
from b2c_web.db import command_transaction
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.extensions.money import NOT_CHARGED
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.odoo.models import OdooSyncStatus
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.capturing import MAX_TRIES
from b2c_web.payments.commands import capture_held, ensure_customer, retry_capture, settle_payment, sync_refunds
from b2c_web.payments.gateway import PaymentProviderError, gateway
from b2c_web.payments.models import DocumentKind, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.queries import latest_payment
from tests.commands.extending import SUMS, Extending, complete, held_at_provider
from tests.commands.scene import TOTAL_CENTS, refunds, succeed
from tests.commands.trips import CAR
from tests.paying import Provider, refund_by_hand, save_method

Auth = AuthorizationStatus
DROP_OFF_CENTS = TOTAL_CENTS - 3900
EXTRA_CENTS = SUMS[0] + SUMS[1]
FEE_CENTS = 2500
CAPTURES = "/v1/payment_intents/*/capture"


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[..., Any], provider: Provider) -> Extending:
    return Extending(session, frozen_clock)


def with_extra(scene: Extending, provider: Provider, run_jobs: Any, **which: str) -> tuple[Booking, Extension]:
    """Begun unasked, extra work approved, all of it done and charged, and back in the workshop once more."""
    booking = scene.in_workshop()
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, **(which or {"card": "visa"}))
    extension = scene.held(booking)
    complete(scene, booking, run_jobs)
    commands.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    return scene.session.get(Booking, booking.id), scene.fresh(extension.id)


def ended(scene: Extending, booking: Booking) -> Booking:
    commands.withdraw(booking.user, booking.id)
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Widerruf des Kunden")
    scene.session.expire_all()
    return booking


def paid_for(extension: Extension) -> Any:
    return latest_payment(PaymentPurpose.EXTENSION, extension.id)


def test_extra_work_that_was_paid_goes_back_with_the_price(scene: Extending, provider: Provider, run_jobs: Any) -> None:
    booking, extension = with_extra(scene, provider, run_jobs)
    assert extension.captured_amount_cents == EXTRA_CENTS
    commands.withdraw(booking.user, booking.id)
    assert refunds(scene.session) == []
    for kind in (Kind.WITHDRAWAL_RECEIVED, Kind.WITHDRAWAL_STAFF_ALERT):
        assert scene.mails(kind)[0].context["refund_cents"] == DROP_OFF_CENTS + EXTRA_CENTS
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Widerruf des Kunden")
    assert sorted(refunds(scene.session)) == [(EXTRA_CENTS, "withdrawal"), (DROP_OFF_CENTS, "withdrawal")]
    assert scene.mails(Kind.BOOKING_WITHDRAWN)[0].context["refund_cents"] == DROP_OFF_CENTS + EXTRA_CENTS
    assert breaches() == []


def test_what_went_back_of_it_before_goes_back_once_and_has_its_papers(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = with_extra(scene, provider, run_jobs)
    refund_by_hand(paid_for(extension), 1000)
    sync_refunds(paid_for(extension).id)
    ended(scene, booking)
    assert (EXTRA_CENTS - 1000, "withdrawal") in refunds(scene.session)
    assert scene.mails(Kind.BOOKING_WITHDRAWN)[0].context["refund_cents"] == DROP_OFF_CENTS + EXTRA_CENTS - 1000
    run_jobs({"payments.refund"})
    scene.session.expire_all()
    back = [one for one in documents_of(booking) if one.kind is DocumentKind.REFUND]
    assert EXTRA_CENTS - 1000 in [abs(one.gross_cents) for one in back]
    made = {one.id for one in scene.session.query(Refund).filter_by(payment_id=paid_for(extension).id)}
    noted = scene.session.query(OdooSyncStatus.entity_id).filter_by(entity_type="refund")
    assert made <= {each for (each,) in noted}
    assert scene.fresh(extension.id).captured_amount_cents == EXTRA_CENTS
    assert breaches() == []


def test_a_debit_that_arrives_after_the_end_goes_back_and_is_told(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = with_extra(scene, provider, run_jobs, account="sepa")
    assert extension.authorization_status is Auth.PROCESSING
    ended(scene, booking)
    assert refunds(scene.session) == [(DROP_OFF_CENTS, "withdrawal")]
    succeed(paid_for(extension))
    assert sorted(refunds(scene.session)) == [(EXTRA_CENTS, "withdrawal"), (DROP_OFF_CENTS, "withdrawal")]
    told = scene.mails(Kind.MONEY_RETURNED)
    assert [one.context["refund_cents"] for one in told] == [EXTRA_CENTS]
    succeed(paid_for(extension))
    assert len(refunds(scene.session)) == 2
    assert breaches() == []


def test_a_debit_that_arrives_before_the_end_waits_for_it(scene: Extending, provider: Provider, run_jobs: Any) -> None:
    booking, extension = with_extra(scene, provider, run_jobs, account="sepa")
    commands.withdraw(booking.user, booking.id)
    succeed(paid_for(extension))
    assert refunds(scene.session) == []
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Widerruf des Kunden")
    assert sorted(refunds(scene.session)) == [(EXTRA_CENTS, "withdrawal"), (DROP_OFF_CENTS, "withdrawal")]
    assert breaches() == []


def before_a_person(scene: Extending) -> list[str]:
    """What failed for good and nobody resolved."""
    rows = scene.session.query(FailedOperation).filter_by(resolved_at=None).order_by(FailedOperation.id)
    return [row.operation for row in rows]


def debit_fails(provider: Provider, extension: Extension) -> None:
    provider.process.advance(700)
    settle_payment(paid_for(extension).id)


def test_a_debit_that_fails_after_the_withdrawal_makes_nobody_a_debtor(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = with_extra(scene, provider, run_jobs, account="sepa_fails")
    commands.withdraw(booking.user, booking.id)
    assert scene.fresh(extension.id).authorization_status is Auth.PROCESSING
    assert breaches() == []
    debit_fails(provider, extension)
    assert scene.fresh(extension.id).authorization_status is Auth.RELEASED
    assert (before_a_person(scene), breaches()) == ([], [])


def test_a_debt_from_before_the_withdrawal_is_before_nobody_any_more(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = with_extra(scene, provider, run_jobs, account="sepa_fails")
    debit_fails(provider, extension)
    assert (scene.fresh(extension.id).authorization_status, before_a_person(scene)) == (Auth.FAILED, ["payments.debt"])
    commands.withdraw(booking.user, booking.id)
    assert scene.fresh(extension.id).authorization_status is Auth.RELEASED
    (row,) = scene.session.query(FailedOperation)
    assert (row.resolved_at is None, row.resolved_by, row.resolution) == (False, None, NOT_CHARGED)
    assert breaches() == []


def capture_fails(scene: Extending, extension: Extension) -> None:
    """The provider does not let held money be taken, as often as we ask."""
    for _try in range(MAX_TRIES):
        try:
            capture_held(paid_for(extension).id)
        except PaymentProviderError:
            continue
        return


def not_taken(scene: Extending, provider: Provider) -> tuple[Booking, Extension]:
    """Begun unasked, all of it done, its money held and not to be taken, and back in the workshop once more."""
    booking = scene.in_workshop()
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, card="visa")
    extension = scene.held(booking)
    provider.misbehave("error", CAPTURES, status=402, times=None, decline_code="processing_error")
    commands.complete_work(scene.staff, booking.id)
    capture_fails(scene, extension)
    commands.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    return scene.session.get(Booking, booking.id), scene.fresh(extension.id)


def test_money_that_could_not_be_taken_is_released_and_before_nobody_any_more(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = not_taken(scene, provider)
    assert (extension.authorization_status, before_a_person(scene)) == (Auth.FAILED, ["payments.capture"])
    commands.withdraw(booking.user, booking.id)
    run_jobs({"payments.close_checkout"})
    assert scene.fresh(extension.id).authorization_status is Auth.RELEASED
    assert (held_at_provider(), before_a_person(scene), breaches()) == ([], [], [])


def test_money_that_a_person_tries_to_take_again_meanwhile_is_released_when_that_fails(
    scene: Extending, provider: Provider, run_jobs: Any
) -> None:
    booking, extension = not_taken(scene, provider)
    retry_capture(paid_for(extension).id)
    commands.withdraw(booking.user, booking.id)
    assert paid_for(extension).state is PaymentState.AUTHORIZED  # it may be taken any moment, and goes back then
    assert breaches() == []
    capture_fails(scene, extension)
    assert paid_for(extension).state is PaymentState.CANCELLED
    run_jobs({"payments.close_checkout"})
    assert scene.fresh(extension.id).authorization_status is Auth.RELEASED
    assert (held_at_provider(), before_a_person(scene), breaches()) == ([], [], [])


def test_what_was_owed_is_owed_no_more(scene: Extending, provider: Provider, run_jobs: Any) -> None:
    booking = scene.in_workshop()
    ensure_customer(booking.user_id)
    with command_transaction():
        save_method(provider, booking.user, card="visa")
    extension = scene.held(booking)
    commands.complete_work(scene.staff, booking.id)
    gateway().release(str(paid_for(extension).stripe_payment_intent_id), "release-by-hand")
    capture_held(paid_for(extension).id)
    assert scene.fresh(extension.id).authorization_status is Auth.FAILED
    commands.rework(scene.staff, booking.id, "Die Bremse quietscht noch.")
    assert before_a_person(scene) == ["extensions.capture"]
    ended(scene, scene.session.get(Booking, booking.id))
    assert scene.fresh(extension.id).authorization_status is Auth.RELEASED
    assert (before_a_person(scene), breaches()) == ([], [])


def test_a_cancellation_by_staff_keeps_what_was_taken(scene: Extending, provider: Provider, run_jobs: Any) -> None:
    booking, _extension = with_extra(scene, provider, run_jobs)
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Hagel")
    assert refunds(scene.session) == [(DROP_OFF_CENTS, "staff_cancelled")]


def moved_late(scene: Extending, frozen_clock: Callable[..., Any], **facts: Any) -> Booking:
    """Moved within 24 h of its pickup, the fee paid."""
    booking = scene.booked(**facts)
    back = scene.slots[9].id if booking.include_concierge else None
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        made = commands.move(booking.user, booking.id, scene.slots[7].id, back, accepted_fee_cents=FEE_CENTS)
        succeed(scene.payment_of(made.move_id, PaymentPurpose.MOVE_FEE))
    scene.session.expire_all()
    return booking


def test_the_fee_of_a_late_move_goes_back_with_its_paper(scene: Extending, frozen_clock: Callable[..., Any]) -> None:
    booking = moved_late(scene, frozen_clock)
    commands.withdraw(booking.user, booking.id)
    assert sorted(refunds(scene.session)) == [(FEE_CENTS, "withdrawal"), (TOTAL_CENTS, "withdrawal")]
    assert scene.mails(Kind.BOOKING_WITHDRAWN)[0].context["refund_cents"] == TOTAL_CENTS + FEE_CENTS
    assert breaches() == []


def test_with_the_car_here_it_goes_back_at_the_end(scene: Extending, frozen_clock: Callable[..., Any]) -> None:
    booking = moved_late(scene, frozen_clock, back=None)
    with frozen_clock(booking.pickup_time):
        commands.check_in(scene.staff, booking.id, mileage_km=52_000, early=True, car=CAR)
        commands.withdraw(booking.user, booking.id)
        assert scene.mails(Kind.WITHDRAWAL_RECEIVED)[0].context["refund_cents"] == DROP_OFF_CENTS + FEE_CENTS
        assert refunds(scene.session) == []
        commands.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Widerruf des Kunden")
    assert sorted(refunds(scene.session)) == [(FEE_CENTS, "withdrawal"), (DROP_OFF_CENTS, "withdrawal")]
    assert breaches() == []


def test_a_cancellation_keeps_the_fee_of_a_late_move(scene: Extending, frozen_clock: Callable[..., Any]) -> None:
    booking = moved_late(scene, frozen_clock)
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert refunds(scene.session) == [(TOTAL_CENTS, "customer")]


def is_reported(scene: Extending, booking: Booking, purpose: PaymentPurpose, part: str) -> None:
    """The refund of one purpose's money fails and nobody is asked about it."""
    refund = scene.session.query(Refund).join(Refund.payment).filter_by(purpose=purpose).one()
    refund.state, refund.failure_code = RefundState.FAILED, "expired"
    scene.session.flush()
    found = [one for one in breaches() if one.name.startswith(("withdrawals", "extensions"))]
    assert [one.name.startswith(part) for one in found] == [True]
    assert [one.examples[0].split(":")[0] for one in found] == [f"booking {booking.number}"]


@pytest.mark.parametrize(
    ("purpose", "part"),
    [
        (PaymentPurpose.BOOKING, "withdrawals: of one that staff need not end nothing"),
        (PaymentPurpose.EXTENSION, "extensions: of a withdrawn booking that staff need not end"),
    ],
)
def test_money_that_is_kept_after_a_withdrawal_is_reported(
    scene: Extending, provider: Provider, run_jobs: Any, purpose: PaymentPurpose, part: str
) -> None:
    booking, _extension = with_extra(scene, provider, run_jobs)
    ended(scene, booking)
    is_reported(scene, booking, purpose, part)


def test_the_fee_of_a_late_move_that_is_kept_is_reported(scene: Extending, frozen_clock: Callable[..., Any]) -> None:
    booking = moved_late(scene, frozen_clock)
    commands.withdraw(booking.user, booking.id)
    is_reported(scene, booking, PaymentPurpose.MOVE_FEE, "withdrawals: of one that staff need not end nothing")


ENDS_WITH_IT = "extensions: of a withdrawn booking nothing is offered, held or owed"


@pytest.mark.parametrize("status", list(Auth))
def test_what_is_held_or_owed_after_a_withdrawal_is_reported(scene: Extending, status: AuthorizationStatus) -> None:
    booking = scene.in_workshop()
    extension = scene.approved(booking)
    commands.withdraw(booking.user, booking.id)
    changed, at = scene.fresh(extension.id), booking.withdrawn_at
    changed.payment_captured_at = at if status is Auth.CAPTURED else None
    changed.authorization_status = status
    scene.session.flush()
    may_be = status in (Auth.NONE, Auth.PROCESSING, Auth.CAPTURED, Auth.RELEASED)
    assert (ENDS_WITH_IT in {one.name for one in breaches()}) is not may_be


def test_a_hold_that_stays_after_a_withdrawal_is_reported(scene: Extending, provider: Provider, run_jobs: Any) -> None:
    booking, extension = not_taken(scene, provider)
    retry_capture(paid_for(extension).id)
    commands.withdraw(booking.user, booking.id)
    paid_for(extension).capture_given_up_at = booking.withdrawn_at
    scene.session.flush()
    assert [one.name for one in breaches()] == [ENDS_WITH_IT]
