"""A booking's life after the claim: paid, late money, cancelled, withdrawn, moved, worked on, brought home."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import current_app

from b2c_web.accounts.models import Role
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands, lifecycle
from b2c_web.bookings.models import (
    Booking,
    BookingMove,
    BookingStatus,
    MoveState,
    PaymentStatus,
    RonjaReservation,
    Trip,
)
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.returning import replan_return
from b2c_web.bookings.rules import TRANSITIONS, BookingAction, move_terms
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.operations.models import FailedOperation
from b2c_web.payments.gateway import Outcome, PaymentSnapshot, RefundOutcome, RefundResult
from b2c_web.payments.models import Document, DocumentKind, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.recording import record
from b2c_web.payments.refunding import record_refund
from tests.commands.scene import TOTAL_CENTS, Scene, succeed
from tests.factories import make_customer, make_user

pytestmark = pytest.mark.usefixtures("frozen_clock")

CAR = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2020}


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session)


def kinds(session: Any) -> list[NotificationKind]:
    return [row.kind for row in session.query(Notification).order_by(Notification.id)]


def refunds(session: Any) -> list[tuple[int, str]]:
    return [(row.amount_cents, row.reason) for row in session.query(Refund).order_by(Refund.id)]


def staff_of(scene: Scene) -> Any:
    return make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)


def with_step(booking: Booking, step: Callable[..., None], *arguments: Any) -> None:
    with command_transaction():
        step(lock_booking(booking.id), *arguments)


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
    with frozen_clock(booking.created_at + timedelta(days=14, seconds=1)), pytest.raises(Conflict):
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


def test_check_in_creates_the_vehicle_and_needs_its_facts(scene: Scene, session: Any) -> None:
    booking = scene.booked(back=None)
    staff = staff_of(scene)
    with pytest.raises(Invalid):
        commands.check_in(staff, booking.id, mileage_km=84210, early=True)
    commands.check_in(staff, booking.id, mileage_km=84210, car=CAR, early=True)
    assert booking.status is BookingStatus.IN_WORKSHOP
    assert booking.vehicle.license_plate == "WIT XY 207"
    assert booking.workshop_checkin_at == now_utc()


@pytest.mark.parametrize(
    ("back", "said", "lacks"),
    [
        (None, {}, "early"),
        (None, {"brought": True}, "early"),
        (2, {"early": True}, "brought"),
        (2, {"brought": True}, "early"),
    ],
)
def test_an_unusual_arrival_needs_a_yes(scene: Scene, back: int | None, said: dict[str, bool], lacks: str) -> None:
    booking = scene.booked(back=back)
    with pytest.raises(Invalid) as refused:
        commands.check_in(staff_of(scene), booking.id, mileage_km=1, car=CAR, **said)
    assert (refused.value.details["field"], refused.value.code) == (lacks, lacks)
    scene.session.expire_all()
    assert (booking.status, booking.vehicle_id) == (BookingStatus.CONFIRMED, None)


def test_the_yes_to_an_unusual_arrival_is_in_the_audit_log(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    commands.check_in(staff_of(scene), booking.id, mileage_km=1, car=CAR, early=True, brought=True)
    for action in ("booking.early", "booking.brought"):
        entry = session.query(AuditEntry).filter_by(entity_id=booking.id, action=action).one()
        assert entry.after == {"confirmed": True, "booked_for": "2026-11-26"}


def test_on_its_day_nothing_is_asked_and_a_yes_too_many_is_not_noted(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked(back=None)
    with frozen_clock(booking.pickup_time.replace(hour=0, minute=0)):  # one o'clock at night in Witten
        commands.check_in(staff_of(scene), booking.id, mileage_km=1, car=CAR, early=True, brought=True)
    actions = {entry.action for entry in session.query(AuditEntry).filter_by(entity_id=booking.id)}
    assert actions.isdisjoint({"booking.early", "booking.brought"})
    assert booking.concierge_dropped_at is None


def test_a_concierge_car_that_is_brought_frees_trips_and_ronja_and_refunds_concierge(
    scene: Scene, session: Any
) -> None:
    booking = scene.booked()
    commands.check_in(staff_of(scene), booking.id, mileage_km=1, car=CAR, early=True, brought=True)
    assert session.query(RonjaReservation).count() == 0
    assert session.query(Trip).filter(Trip.released_at.is_(None)).count() == 0
    assert refunds(session) == [(3900, "concierge_unused")]
    days, slots, minutes = scene.counts()
    assert (days, slots[0], sum(minutes)) == ([1, 0], 1, 0)


def test_the_whole_way_of_a_drop_off(scene: Scene, session: Any) -> None:
    booking = scene.booked(back=None)
    staff = staff_of(scene)
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True)
    commands.start_work(staff, booking.id)
    assert commands.complete_work(staff, booking.id)
    assert booking.status is BookingStatus.READY_FOR_RETURN
    commands.rework(staff, booking.id, "Bremse quietscht")
    assert (booking.status, booking.service_completed_at) == (BookingStatus.IN_WORKSHOP, None)
    commands.complete_work(staff, booking.id)
    commands.collect(staff, booking.id)
    assert booking.status is BookingStatus.COMPLETED
    assert booking.completed_at == booking.actual_return_time == now_utc()
    told = kinds(session)
    assert told.count(NotificationKind.READY) >= 1
    assert told[-1] is NotificationKind.COMPLETED


def test_the_whole_way_of_a_concierge_booking(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    staff = staff_of(scene)
    with_step(booking, lifecycle.pick_up)
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True)
    commands.complete_work(staff, booking.id)
    with_step(booking, lifecycle.leave_for_customer)
    with_step(booking, lifecycle.return_failed, "NO_SHOW")
    replan_return(staff, booking.id, scene.slots[6].id)
    assert booking.estimated_return_time == scene.slots[6].end_time
    assert scene.counts()[2][:7] == [86, 0, 0, 0, 0, 0, 66]
    with_step(booking, lifecycle.leave_for_customer)
    with_step(booking, lifecycle.complete)
    assert booking.status is BookingStatus.COMPLETED


def test_a_return_cannot_take_the_ronja_from_somebody_else(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    scene.booked(5, 7)
    with_step(booking, lifecycle.pick_up)
    commands.check_in(staff_of(scene), booking.id, mileage_km=1, car=CAR, early=True)
    before = scene.counts()
    with pytest.raises(PlaceTaken):
        replan_return(staff_of(scene), booking.id, scene.slots[6].id)
    assert scene.counts() == before


def test_staff_cancel_with_the_car_here_and_the_ronja_stays_until_it_is_home(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    staff = staff_of(scene)
    with_step(booking, lifecycle.pick_up)
    with pytest.raises(Conflict):
        commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    with pytest.raises(Invalid):
        commands.cancel_by_staff(staff, booking.id, keep_cents=TOTAL_CENTS + 1, reason="Motorschaden")
    commands.cancel_by_staff(staff, booking.id, keep_cents=5000, reason="Motorschaden")
    assert booking.status is BookingStatus.CANCELLED
    assert refunds(session) == [(TOTAL_CENTS - 5000, "staff_cancelled")]
    assert session.query(RonjaReservation).count() == 1
    with_step(booking, lifecycle.leave_for_customer)
    with_step(booking, lifecycle.complete)
    assert booking.status is BookingStatus.CANCELLED
    assert session.query(RonjaReservation).count() == 0
    assert scene.counts() == ([0, 0], [0] * 10, [0] * 10)


def test_a_no_show_without_a_new_date_ends_with_the_fee_kept(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with_step(booking, lifecycle.no_show)
    assert booking.status is BookingStatus.CONFIRMED
    assert not commands.end_no_show(booking.id)
    with frozen_clock(now_utc() + timedelta(hours=24)):
        assert commands.end_no_show(booking.id)
    assert refunds(session) == [(TOTAL_CENTS - 2500, "no_show")]


def test_a_new_date_after_a_no_show_costs_nothing_more(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with_step(booking, lifecycle.no_show)
    commands.move(booking.user, booking.id, scene.slots[5].id, scene.slots[7].id, accepted_fee_cents=0)
    assert booking.new_date_until is None
    assert booking.no_show_at == now_utc()
    with frozen_clock(now_utc() + timedelta(hours=25)):
        assert not commands.end_no_show(booking.id)
    assert refunds(session) == []
    assert session.query(Document).filter_by(kind=DocumentKind.FEE).count() == 0


def test_a_no_shows_fee_is_kept_once_when_the_booking_ends_after_all(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with_step(booking, lifecycle.no_show)
    commands.move(booking.user, booking.id, scene.slots[5].id, scene.slots[7].id, accepted_fee_cents=0)
    with pytest.raises(Conflict, match="fee_changed"):
        commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    with frozen_clock(booking.pickup_time - timedelta(hours=3)):  # late as well: the two are not added up
        commands.cancel(booking.user, booking.id, accepted_fee_cents=2500)
    assert refunds(session) == [(TOTAL_CENTS - 2500, "customer")]


def test_after_a_no_shows_new_date_a_move_has_its_usual_price(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with_step(booking, lifecycle.no_show)
    commands.move(booking.user, booking.id, scene.slots[5].id, scene.slots[7].id, accepted_fee_cents=0)
    in_time = commands.move(booking.user, booking.id, scene.slots[6].id, scene.slots[8].id, accepted_fee_cents=0)
    assert in_time.payment_id is None
    with frozen_clock(booking.pickup_time - timedelta(hours=3)):
        assert move_terms(booking, now_utc(), current_app.config).fee_cents == 2500


def test_who_misses_the_new_date_too_is_offered_another(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    for slot, back in ((5, 7), (6, 8)):
        with_step(booking, lifecycle.no_show)
        commands.move(booking.user, booking.id, scene.slots[slot].id, scene.slots[back].id, accepted_fee_cents=0)
    assert booking.new_date_until is None
    assert (booking.status, booking.slot_id) == (BookingStatus.CONFIRMED, scene.slots[6].id)


def test_every_transition_is_in_the_audit_log(scene: Scene, session: Any) -> None:
    booking = scene.booked()
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    entries = session.query(AuditEntry).filter_by(entity_type="booking").order_by(AuditEntry.id).all()
    assert [entry.action for entry in entries] == ["booking.book", "booking.confirm", "booking.cancel"]
    assert (entries[1].before, entries[1].after["status"]) == ({"status": "PENDING"}, "CONFIRMED")


@pytest.mark.parametrize("status", list(BookingStatus))
@pytest.mark.parametrize("action", list(BookingAction))
def test_any_other_move_is_refused(status: BookingStatus, action: BookingAction) -> None:
    """The table is the whole truth: what it does not name raises Conflict and leaves the status."""
    booking = Booking(status=status)
    if (status, action) not in TRANSITIONS:
        with pytest.raises(Conflict):
            lifecycle.advance(booking, action)
        assert booking.status is status


def test_every_message_of_a_booking_can_be_rendered(
    scene: Scene, session: Any, run_jobs: Callable[..., list[str]], frozen_clock: Callable[..., Any]
) -> None:
    """The facts that bookings give are the facts that the templates need, papers included."""
    booking = scene.booked()
    staff = staff_of(scene)
    with_step(booking, lifecycle.no_show)
    commands.move(booking.user, booking.id, scene.slots[5].id, scene.slots[7].id, accepted_fee_cents=0)
    with_step(booking, lifecycle.pick_up)
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True)
    commands.complete_work(staff, booking.id)
    with_step(booking, lifecycle.leave_for_customer)
    with_step(booking, lifecycle.return_failed, "NO_SHOW")
    with_step(booking, lifecycle.leave_for_customer)
    with_step(booking, lifecycle.complete)
    cancelled = scene.booked(1, None)
    commands.cancel(cancelled.user, cancelled.id, accepted_fee_cents=0)
    withdrawn = scene.booked(2, None)
    commands.withdraw(withdrawn.user, withdrawn.id)
    replaced = scene.book(3, None)
    scene.book(4, None, user_id=replaced.user_id)
    scene.pay(replaced)
    run_jobs({"notifications.send"})
    session.expire_all()
    rows = session.query(Notification).all()
    assert {row.status.value for row in rows} == {"KEPT"}, [row.error for row in rows if row.error]
    assert len({row.kind for row in rows}) >= 11
