"""A booking's life after the claim: paid, late money, cancelled, withdrawn, moved."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands
from b2c_web.bookings.models import (
    Booking,
    BookingDraft,
    BookingMove,
    BookingStatus,
    MoveState,
    PaymentStatus,
    RonjaReservation,
)
from b2c_web.bookings.places import PlaceTaken
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict, NotFound
from b2c_web.notifications import hooks
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.gateway import Outcome, PaymentSnapshot, RefundOutcome, RefundResult
from b2c_web.payments.models import Document, DocumentKind, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.recording import record
from b2c_web.payments.refunding import record_refund
from tests.commands.scene import TOTAL_CENTS, Scene, kinds, refunds, succeed
from tests.commands.trips import CAR
from tests.factories import make_customer, make_user, make_vehicle

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session)


def test_payment_confirms_once_with_receipt_message_and_reminder(scene: Scene, session: Any) -> None:
    booking = scene.book()
    payment = scene.pay(booking)
    succeed(payment)
    session.expire_all()
    assert (booking.status, booking.payment_status) == (BookingStatus.CONFIRMED, PaymentStatus.PAID)
    assert booking.hold_expires_at is None
    assert booking.stripe_payment_intent_id == payment.stripe_payment_intent_id
    receipt = session.query(Document).one()
    assert (receipt.kind, receipt.gross_cents, receipt.vat_cents) == (DocumentKind.RECEIPT, TOTAL_CENTS, 5237)
    assert kinds(session) == [NotificationKind.BOOKING_CONFIRMED]
    assert scene.counts()[0] == [1, 0]


def test_money_after_the_hold_ended_claims_the_same_places_again(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.book()
    before = scene.counts()
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        commands.expire_hold(booking.id)
        scene.pay(booking)
    session.expire_all()
    assert booking.status is BookingStatus.CONFIRMED
    assert booking.cancelled_at is None
    assert scene.counts() == before
    assert session.query(RonjaReservation).count() == 1
    assert refunds(session) == []


def test_late_money_goes_back_when_the_places_are_gone(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.book()
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        commands.expire_hold(booking.id)
        scene.booked()
        before = scene.counts()
        scene.pay(booking)
    session.expire_all()
    assert booking.status is BookingStatus.CANCELLED
    assert refunds(session) == [(TOTAL_CENTS, "late_money")]
    assert NotificationKind.MONEY_RETURNED in kinds(session)
    assert scene.counts() == before


def test_money_for_a_hold_that_was_replaced_goes_back(scene: Scene, session: Any) -> None:
    booking = scene.book()
    scene.book(5, 7, user_id=booking.user_id)
    scene.pay(booking)
    assert refunds(session) == [(TOTAL_CENTS, "late_money")]


def test_late_money_goes_back_when_the_customer_has_booked_and_paid_again(
    session: Any, frozen_clock: Callable[..., Any]
) -> None:
    scene, user, draft = Scene(session, ronjas=2), make_customer(), uuid.uuid4()
    session.commit()
    first = scene.book(user_id=user.id, draft_id=draft)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        commands.expire_hold(first.id)
        second = scene.booked(user_id=user.id, draft_id=draft)
        scene.pay(first)
    session.expire_all()
    assert (first.status, second.status) == (BookingStatus.CANCELLED, BookingStatus.CONFIRMED)
    assert refunds(session) == [(TOTAL_CENTS, "late_money")]
    mail = session.query(Notification).filter_by(kind=NotificationKind.MONEY_RETURNED).one()
    assert mail.context["paid_for"] == "anew"
    assert breaches() == []


def test_late_money_goes_back_while_the_customer_can_pay_for_what_they_chose_anew(
    session: Any, frozen_clock: Callable[..., Any]
) -> None:
    scene, user = Scene(session, ronjas=2), make_customer()
    draft = BookingDraft(browser_hash="0" * 64, user_id=user.id, postal_code="44137", car_details={})
    session.add(draft)
    session.commit()
    first = scene.book(user_id=user.id)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        commands.expire_hold(first.id)
        second = scene.book(5, 7, user_id=user.id, draft_id=draft.id)
        scene.pay(first)
    session.expire_all()
    assert (first.status, second.status) == (BookingStatus.CANCELLED, BookingStatus.PENDING)
    assert refunds(session) == [(TOTAL_CENTS, "late_money")]


def test_late_money_counts_when_the_newer_hold_is_over_too(session: Any, frozen_clock: Callable[..., Any]) -> None:
    scene, user = Scene(session, ronjas=2), make_customer()
    session.commit()
    first = scene.book(user_id=user.id)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        commands.expire_hold(first.id)
        scene.book(5, 7, user_id=user.id)
    with frozen_clock(now_utc() + timedelta(minutes=90)):
        scene.pay(first)
    session.expire_all()
    assert first.status is BookingStatus.CONFIRMED
    assert refunds(session) == []


def test_late_money_for_another_car_counts(session: Any, frozen_clock: Callable[..., Any]) -> None:
    scene, user = Scene(session, ronjas=2), make_customer()
    one, other = make_vehicle(user), make_vehicle(user)
    session.commit()
    first = scene.book(user_id=user.id, vehicle_id=one.id)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        commands.expire_hold(first.id)
        scene.booked(5, 7, user_id=user.id, vehicle_id=other.id)
        scene.pay(first)
    session.expire_all()
    assert first.status is BookingStatus.CONFIRMED
    assert refunds(session) == []


def test_late_money_that_the_bank_sends_back_to_us_is_before_a_person(scene: Scene, session: Any) -> None:
    booking = scene.book()
    scene.book(5, 7, user_id=booking.user_id)
    scene.pay(booking)
    refund = session.query(Refund).one()
    came_back = RefundResult("re_1", None, refund.amount_cents, RefundOutcome.FAILED, str(refund.id), now_utc())
    record_refund(refund.payment_id, came_back)
    assert refund.state is RefundState.FAILED
    assert session.query(FailedOperation).count() == 1
    assert breaches() == []


def test_who_pays_after_giving_up_gets_the_same_places(scene: Scene, session: Any) -> None:
    booking = scene.book()
    commands.give_up(booking.user, booking.id)
    scene.pay(booking)
    session.expire_all()
    assert booking.status is BookingStatus.CONFIRMED
    assert refunds(session) == []


def test_cancelling_in_time_returns_everything(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert booking.status is BookingStatus.CANCELLED
    assert refunds(session) == [(TOTAL_CENTS, "customer")]
    assert scene.counts() == ([0, 0], [0] * 10, [0] * 10)
    assert session.query(RonjaReservation).count() == 0
    assert kinds(session)[-1] is NotificationKind.BOOKING_CANCELLED


def test_cancelling_late_keeps_the_fee_as_a_document_of_its_own(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=24)), pytest.raises(Conflict):
        commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    with frozen_clock(booking.pickup_time - timedelta(hours=24) + timedelta(seconds=1)):
        with pytest.raises(Conflict):
            commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
        commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    assert refunds(session) == [(TOTAL_CENTS - 2500, "customer")]
    fee = session.query(Document).filter_by(kind=DocumentKind.FEE).one()
    assert (fee.gross_cents, fee.vat_cents, fee.vat_rate_percent) == (2500, 399, 19)
    assert enclosed(session, NotificationKind.BOOKING_CANCELLED) == [f"{booking.number}.ics", f"{fee.number}.pdf"]


def test_a_second_cancellation_is_refused_and_changes_nothing(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    with pytest.raises(Conflict):
        commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    assert len(refunds(session)) == 1


def test_withdrawal_returns_everything_even_late(scene: Scene, session: Any, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=1)):
        commands.withdraw(booking.user, booking.id)
    assert refunds(session) == [(TOTAL_CENTS, "withdrawal")]
    assert booking.withdrawn_at is not None
    assert kinds(session)[-1] is NotificationKind.BOOKING_WITHDRAWN


def test_withdrawal_ends_after_fourteen_days(scene: Scene, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.booked()
    with frozen_clock(booking.created_at + timedelta(days=15)), pytest.raises(Conflict):
        commands.withdraw(booking.user, booking.id)


def test_nobody_acts_on_another_customers_booking(scene: Scene) -> None:
    booking = scene.booked()
    stranger = make_customer()
    for act in (
        lambda: commands.cancel(stranger, booking.id, accepted_fee_cents=0),
        lambda: commands.withdraw(stranger, booking.id),
        lambda: commands.move(stranger, booking.id, booking.slot_id, None, accepted_fee_cents=0),
        lambda: commands.check_in(make_user(Role.WORKSHOP), booking.id, mileage_km=1, car=CAR, early=True),
        lambda: commands.check_in(booking.user, booking.id, mileage_km=1, car=CAR, early=True),
        lambda: commands.give_up(stranger, uuid.uuid4()),
    ):
        with pytest.raises(NotFound):
            act()


def test_moving_in_time_takes_the_new_and_gives_back_the_old(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    commands.move(booking.user, booking.id, scene.slots[5].id, scene.slots[7].id, accepted_fee_cents=0)
    days, slots, minutes = scene.counts()
    assert (days, slots) == ([0, 1], [0] * 5 + [1] + [0] * 4)
    assert minutes == [0] * 5 + [86, 0, 66, 0, 0]
    assert booking.pickup_time == scene.slots[5].start_time
    assert booking.estimated_return_time == scene.slots[7].end_time
    assert booking.total_price == TOTAL_CENTS
    reservation = session.query(RonjaReservation).one()
    assert reservation.during.lower == booking.pickup_time - timedelta(minutes=23)
    assert kinds(session)[-1] is NotificationKind.BOOKING_MOVED


def test_a_move_to_what_is_taken_changes_nothing(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    other = scene.booked(5, 7)
    before = scene.counts()
    with pytest.raises(PlaceTaken):
        commands.move(booking.user, booking.id, other.slot_id, other.return_slot_id, accepted_fee_cents=0)
    assert scene.counts() == before
    assert booking.pickup_time == scene.slots[0].start_time
    assert session.query(RonjaReservation).count() == 2


def enclosed(session: Any, kind: NotificationKind) -> list[str]:
    """The names of the files that come with a message."""
    message = session.query(Notification).filter_by(kind=kind).one()
    return [paper.filename for paper in hooks.attachments[kind](message)]


def late(booking: Booking) -> Any:
    return booking.pickup_time - timedelta(hours=23)


def test_a_late_move_is_paid_first(scene: Scene, session: Any, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.booked()
    with frozen_clock(late(booking)):
        result = commands.move(booking.user, booking.id, scene.slots[7].id, scene.slots[9].id, accepted_fee_cents=2500)
        assert booking.pickup_time == scene.slots[0].start_time
        fee = scene.payment_of(result.move_id, PaymentPurpose.MOVE_FEE)
        assert (fee.amount_cents, fee.state) == (2500, PaymentState.CREATED)


def test_a_late_move_happens_when_the_fee_is_paid(scene: Scene, session: Any, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        result = commands.move(booking.user, booking.id, scene.slots[7].id, scene.slots[9].id, accepted_fee_cents=2500)
        succeed(scene.payment_of(result.move_id, PaymentPurpose.MOVE_FEE))
    session.expire_all()
    assert booking.pickup_time == scene.slots[7].start_time
    assert session.get(BookingMove, result.move_id).state is MoveState.DONE
    fee = session.query(Document).filter_by(kind=DocumentKind.FEE).one()
    assert fee.gross_cents == 2500
    assert enclosed(session, NotificationKind.BOOKING_MOVED) == [f"{booking.number}.ics", f"{fee.number}.pdf"]


def test_a_fee_goes_back_when_the_new_date_is_gone(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        result = commands.move(booking.user, booking.id, scene.slots[7].id, scene.slots[9].id, accepted_fee_cents=2500)
        scene.workshop.is_active = True
        for slot in scene.slots[7:]:
            slot.is_available = False
        session.commit()
        succeed(scene.payment_of(result.move_id, PaymentPurpose.MOVE_FEE))
    session.expire_all()
    assert booking.pickup_time == scene.slots[0].start_time
    assert session.get(BookingMove, result.move_id).state is MoveState.FAILED
    assert refunds(session) == [(2500, "move_not_possible")]
    mail = session.query(Notification).filter_by(kind=NotificationKind.MONEY_RETURNED).one()
    assert (mail.context["refund_cents"], mail.context["paid_for"]) == (2500, "move")


def test_a_late_move_is_off_when_its_page_ends_unpaid(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        result = commands.move(booking.user, booking.id, scene.slots[7].id, scene.slots[9].id, accepted_fee_cents=2500)
        fee = scene.payment_of(result.move_id, PaymentPurpose.MOVE_FEE)
        assert fee.expires_at == now_utc() + timedelta(minutes=30)
        record(fee.id, PaymentSnapshot(Outcome.CLOSED, None, fee.amount_cents))
    session.expire_all()
    assert session.get(BookingMove, result.move_id).state is MoveState.FAILED
    assert booking.pickup_time == scene.slots[0].start_time
