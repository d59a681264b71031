"""Combinations that once went wrong: refunds under way, long reasons, late wishes, cars fetched after all."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from b2c_web.accounts.models import Role
from b2c_web.bookings import commands, lifecycle
from b2c_web.bookings.claim import book
from b2c_web.bookings.jobs import sweep_moves
from b2c_web.bookings.models import Booking, BookingMove, BookingStatus, MoveState, PaymentStatus
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.returning import replan_return
from b2c_web.catalog.models import Service
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.gateway import RefundOutcome, RefundResult
from b2c_web.payments.models import Document, DocumentKind, Payment, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.refunding import record_refund
from b2c_web.workshops.commands import close_day
from b2c_web.workshops.models import WorkshopCapacity
from tests.commands.scene import FIRST, TOTAL_CENTS, Scene, succeed
from tests.factories import make_days, make_ronja, make_user, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
CAR = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2020}


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session)


def staff_of(scene: Scene) -> Any:
    return make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)


def say(refund: Refund, outcome: RefundOutcome) -> None:
    """What the provider says of a refund of ours."""
    result = RefundResult(f"re_{refund.id.hex}", None, refund.amount_cents, outcome, str(refund.id), now_utc())
    record_refund(refund.payment_id, result)


def test_a_refund_that_comes_back_leaves_the_booking_paid(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    refund = session.query(Refund).one()
    say(refund, RefundOutcome.SUCCEEDED)
    session.expire_all()
    assert booking.payment_status is PaymentStatus.REFUNDED
    say(refund, RefundOutcome.FAILED)
    session.expire_all()
    assert booking.payment_status is PaymentStatus.PAID


def test_what_staff_keep_counts_refunds_that_are_under_way(scene: Scene, session: Any) -> None:
    """The concierge price is on its way back when staff cancel and keep 100 EUR: 100 EUR are kept, not less."""
    booking, staff = scene.booked(), staff_of(scene)
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True, brought=True)
    with pytest.raises(Invalid):
        commands.cancel_by_staff(staff, booking.id, keep_cents=TOTAL_CENTS, reason="Motorschaden")
    commands.cancel_by_staff(staff, booking.id, keep_cents=10000, reason="Motorschaden")
    amounts = [refund.amount_cents for refund in session.query(Refund)]
    assert sum(amounts) == TOTAL_CENTS - 10000
    assert session.query(Document).filter_by(kind=DocumentKind.FEE).one().gross_cents == 10000


def test_staff_may_say_why_in_as_many_words_as_they_need(scene: Scene) -> None:
    booking = scene.booked()
    words = "Der Motor ist beim Abholen nicht angesprungen, " * 10
    commands.cancel_by_staff(staff_of(scene), booking.id, keep_cents=0, reason=words)
    assert booking.cancellation_reason == words.strip()


def late_move(scene: Scene, booking: Booking) -> BookingMove:
    result = commands.move(booking.user, booking.id, scene.slots[7].id, scene.slots[9].id, accepted_fee_cents=2500)
    return scene.session.get(BookingMove, result.move_id)


def test_staff_move_a_booking_whose_late_move_waits_for_its_fee(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        waiting = late_move(scene, booking)
        commands.move_by_staff(staff_of(scene), booking.id, scene.slots[5].id, scene.slots[7].id)
    session.expire_all()
    assert waiting.state is MoveState.FAILED
    assert scene.payment_of(waiting.id, PaymentPurpose.MOVE_FEE).state is PaymentState.CANCELLED
    assert booking.pickup_time == scene.slots[5].start_time


def just_in_time(
    scene: Scene, frozen_clock: Callable[..., Any], fee_comes_after: timedelta
) -> tuple[Booking, BookingMove]:
    """A late move to a window that can be had for five minutes more; its fee comes later, and no sweep runs."""
    booking, wished = scene.booked(), scene.slots[1]
    asked_at = wished.start_time - timedelta(hours=24, minutes=5)
    with frozen_clock(asked_at):
        result = commands.move(booking.user, booking.id, wished.id, scene.slots[9].id, accepted_fee_cents=2500)
        move = scene.session.get(BookingMove, result.move_id)
        move.created_at = asked_at  # the database's own clock does not stand still
        scene.session.commit()
    with frozen_clock(asked_at + fee_comes_after):
        succeed(scene.payment_of(move.id, PaymentPurpose.MOVE_FEE))
    scene.session.expire_all()
    return booking, move


def test_a_date_that_was_in_time_when_asked_for_is_taken_when_its_fee_comes(
    scene: Scene, frozen_clock: Callable[..., Any]
) -> None:
    booking, move = just_in_time(scene, frozen_clock, timedelta(minutes=15))
    assert move.state is MoveState.DONE
    assert booking.slot_id == scene.slots[1].id
    assert breaches() == []


def test_a_fee_that_is_heard_of_much_later_buys_no_date_that_nobody_can_prepare(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking, move = just_in_time(scene, frozen_clock, timedelta(hours=20))
    assert move.state is MoveState.FAILED
    assert booking.slot_id == scene.slots[0].id
    assert [(one.amount_cents, one.reason) for one in session.query(Refund)] == [(2500, "move_not_possible")]


def test_a_withdrawal_takes_over_a_fee_that_failed_to_go_back(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        waiting = late_move(scene, booking)
        scene.slots[7].is_available = False
        session.commit()
        succeed(scene.payment_of(waiting.id, PaymentPurpose.MOVE_FEE))
        failed = session.query(Refund).filter_by(reason="move_not_possible").one()
        failed.state = RefundState.FAILED
        session.commit()
        commands.withdraw(booking.user, booking.id)
    session.expire_all()
    assert failed.replaced_at is not None
    again = session.query(Refund).filter_by(payment_id=failed.payment_id, state=RefundState.PENDING).one()
    assert (again.amount_cents, again.reason) == (2500, "withdrawal")
    assert breaches() == []


def test_cancelling_ends_a_move_that_waits_and_its_money_goes_back(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        waiting = late_move(scene, booking)
        fee = scene.payment_of(waiting.id, PaymentPurpose.MOVE_FEE)
        commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
        succeed(fee)
    session.expire_all()
    assert waiting.state is MoveState.FAILED
    assert booking.status is BookingStatus.CANCELLED
    assert session.query(Refund).filter_by(payment_id=fee.id).one().amount_cents == 2500


def test_a_late_move_that_nobody_pays_is_swept(scene: Scene, session: Any, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        waiting = late_move(scene, booking)
        waiting.created_at = now_utc()
        session.commit()
        sweep_moves()
        assert waiting.state is MoveState.AWAITING_FEE
    with frozen_clock(booking.pickup_time - timedelta(hours=22)):
        sweep_moves()
    session.expire_all()
    assert waiting.state is MoveState.FAILED


@pytest.mark.parametrize("target", ["lead time", "unknown"])
def test_no_fee_is_asked_for_a_date_that_cannot_be_had(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any], target: str
) -> None:
    booking = scene.booked()
    to = scene.slots[1].id if target == "lead time" else uuid.uuid4()
    with frozen_clock(booking.pickup_time - timedelta(hours=20)), pytest.raises(PlaceTaken):
        commands.move(booking.user, booking.id, to, scene.slots[4].id, accepted_fee_cents=2500)
    assert session.query(Payment).filter_by(purpose=PaymentPurpose.MOVE_FEE).count() == 0
    assert session.query(BookingMove).count() == 0


def test_a_paid_booking_moves_although_its_service_is_no_longer_sold(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time - timedelta(hours=23)):
        waiting = late_move(scene, booking)
        for service in session.query(Service):
            service.is_active = False
        session.commit()
        succeed(scene.payment_of(waiting.id, PaymentPurpose.MOVE_FEE))
    session.expire_all()
    assert waiting.state is MoveState.DONE


@pytest.mark.parametrize("back", [None, 2])
def test_a_car_of_a_cancelled_booking_can_be_fetched(scene: Scene, session: Any, back: int | None) -> None:
    booking, staff = scene.booked(back=back), staff_of(scene)
    if back is not None:
        with command_transaction():
            lifecycle.pick_up(lock_booking(booking.id))
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True)
    commands.cancel_by_staff(staff, booking.id, keep_cents=0, reason="Rückruf")
    commands.collect(staff, booking.id)
    assert booking.status is BookingStatus.CANCELLED
    assert scene.counts() == ([0, 0], [0] * 10, [0] * 10)


def test_many_expired_holds_lock_nobody_out(session: Any, frozen_clock: Callable[..., Any]) -> None:
    scene = Scene(session, places=30)
    for day in session.query(WorkshopCapacity):
        day.max_bookings = 100
    session.commit()
    for number in range(25):
        scene.book(5 + number % 5, None)
    mine = scene.request(0, None)
    with frozen_clock(now_utc() + timedelta(minutes=29)):
        book(mine)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        again = scene.request(1, None, user_id=mine.user_id)
        assert session.get(Booking, book(again)).status is BookingStatus.PENDING


def test_a_hold_at_another_workshop_is_replaced_and_given_back(scene: Scene, session: Any) -> None:
    first = scene.request(0, None)
    book(first)
    other = make_workshop(city="Hagen")
    slots = make_days(other, FIRST, 2)
    make_ronja(other)
    session.commit()
    book(
        replace(
            first,
            draft_id=uuid.uuid4(),
            question=replace(first.question, workshop_id=other.id),
            slot_id=slots[0].id,
        )
    )
    session.expire_all()
    assert scene.slots[0].current_bookings == 0
    assert slots[0].current_bookings == 1


def test_a_return_is_replanned_only_to_what_can_be_promised(scene: Scene, session: Any) -> None:
    booking, staff = scene.booked(), staff_of(scene)
    with command_transaction():
        lifecycle.pick_up(lock_booking(booking.id))
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True)
    with pytest.raises(PlaceTaken):
        replan_return(staff, booking.id, scene.slots[0].id)
    close_day(scene.workshop.id, FIRST.replace(day=27))
    with pytest.raises(PlaceTaken):
        replan_return(staff, booking.id, scene.slots[6].id)
    replan_return(staff, booking.id, scene.slots[3].id)
    assert booking.return_slot_id == scene.slots[3].id


def test_a_no_show_moves_free_only_while_the_offer_holds(scene: Scene, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.booked()
    with command_transaction():
        lifecycle.no_show(lock_booking(booking.id))
    with frozen_clock(now_utc() + timedelta(hours=24, seconds=1)), pytest.raises(Exception, match="not_movable"):
        commands.move(booking.user, booking.id, scene.slots[5].id, scene.slots[7].id, accepted_fee_cents=0)


def test_the_cancellation_message_names_what_is_kept(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    commands.cancel_by_staff(staff_of(scene), booking.id, keep_cents=5000, reason="Motorschaden")
    told = session.query(Notification).filter_by(kind=NotificationKind.BOOKING_CANCELLED).one()
    assert (told.context["kept_cents"], told.context["refund_cents"]) == (5000, TOTAL_CENTS - 5000)
