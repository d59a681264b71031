"""A booking's life from the day on: worked on, brought home, a no-show, and what is refused on the way."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import current_app

from b2c_web.accounts.models import Role, User
from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands, lifecycle
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation, Trip
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.returning import replan_return
from b2c_web.bookings.rules import TRANSITIONS, BookingAction, Refusal, move_terms
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.models import Document, DocumentKind
from tests.commands.scene import TOTAL_CENTS, Scene, kinds, refunds
from tests.commands.trips import CAR
from tests.factories import make_user

pytestmark = pytest.mark.usefixtures("frozen_clock")


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session)


def staff_of(scene: Scene) -> Any:
    return make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)


def with_step(booking: Booking, step: Callable[..., None], *arguments: Any) -> None:
    with command_transaction():
        step(lock_booking(booking.id), *arguments)


def test_check_in_creates_the_vehicle_and_needs_its_facts(scene: Scene, session: Any) -> None:
    booking = scene.booked(back=None)
    staff = staff_of(scene)
    with pytest.raises(Invalid):
        commands.check_in(staff, booking.id, mileage_km=84210, early=True)
    commands.check_in(staff, booking.id, mileage_km=84210, car=CAR, early=True)
    assert booking.status is BookingStatus.IN_WORKSHOP
    assert booking.vehicle.license_plate == "WIT XY 207"
    assert booking.workshop_checkin_at == now_utc()


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
    commands.start_work(staff, booking.id, unasked=True)
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


def not_handed_over(scene: Scene) -> tuple[Booking, User]:
    """A booking whose car is back in the workshop because nobody was home, and somebody of its staff."""
    booking, staff = scene.booked(), staff_of(scene)
    with_step(booking, lifecycle.pick_up)
    commands.check_in(staff, booking.id, mileage_km=1, car=CAR, early=True)
    commands.start_work(staff, booking.id, unasked=True)
    commands.complete_work(staff, booking.id)
    with_step(booking, lifecycle.leave_for_customer)
    with_step(booking, lifecycle.return_failed, "NO_SHOW")
    assert booking.return_failed_at is not None
    return booking, staff


def test_the_whole_way_of_a_concierge_booking(scene: Scene, session: Any) -> None:
    booking, staff = not_handed_over(scene)
    replan_return(staff, booking.id, scene.slots[6].id)
    assert (booking.estimated_return_time, booking.return_failed_at) == (scene.slots[6].end_time, None)
    assert scene.counts()[2][:7] == [86, 0, 0, 0, 0, 0, 66]
    with_step(booking, lifecycle.leave_for_customer)
    with_step(booking, lifecycle.complete)
    assert booking.status is BookingStatus.COMPLETED


@pytest.mark.parametrize("then", ["leave", "rework", "collect"])
def test_whatever_follows_a_failed_return_ends_its_question(scene: Scene, session: Any, then: str) -> None:
    booking, staff = not_handed_over(scene)
    if then == "leave":
        with_step(booking, lifecycle.leave_for_customer)
    elif then == "rework":
        commands.rework(staff, booking.id, "Es quietscht.")
    else:
        commands.collect(staff, booking.id)
    assert booking.return_failed_at is None


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
    entry = session.query(AuditEntry).filter_by(action="booking.no_show").one()
    until = (now_utc() + timedelta(hours=24)).isoformat()
    assert (entry.before, entry.after) == ({"new_date_until": None}, {"new_date_until": until})
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
    commands.start_work(staff, booking.id, unasked=True)
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
        assert entry.before == {"confirmed": False}
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


def test_who_brings_the_car_after_a_no_show_needs_no_new_date_any_more(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    with frozen_clock(booking.pickup_time + timedelta(minutes=15)):
        with_step(booking, lifecycle.no_show)
    with frozen_clock(booking.pickup_time + timedelta(hours=2)):
        commands.check_in(staff_of(scene), booking.id, mileage_km=1, car=CAR, brought=True)
    assert (booking.status, booking.new_date_until) == (BookingStatus.IN_WORKSHOP, None)
    with frozen_clock(booking.pickup_time + timedelta(hours=25)):
        assert not commands.end_no_show(booking.id)
        assert move_terms(booking, now_utc(), current_app.config).refusal is Refusal.CAR_IS_WITH_US
        assert breaches() == []


def test_that_the_car_is_here_comes_before_an_offer_that_ended() -> None:
    ended = now_utc() - timedelta(hours=1)
    facts = SimpleNamespace(
        status=BookingStatus.IN_WORKSHOP, pickup_time=ended, created_at=ended, no_show_at=ended, new_date_until=ended
    )
    rules = {"FREE_CANCEL_HOURS": 24, "LATE_FEE_CENTS": 2500, "NO_SHOW_FEE_CENTS": 2500}
    assert move_terms(facts, now_utc(), rules).refusal is Refusal.CAR_IS_WITH_US


@pytest.mark.parametrize("who", ["customer", "sweep"])
def test_while_a_new_date_is_offered_the_no_shows_fee_alone_is_kept(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setitem(current_app.config, "LATE_FEE_CENTS", 4000)
    monkeypatch.setitem(current_app.config, "NO_SHOW_FEE_CENTS", 3000)
    booking = scene.booked()
    with frozen_clock(booking.pickup_time + timedelta(minutes=15)):
        with_step(booking, lifecycle.no_show)
        if who == "customer":
            commands.cancel(booking.user, booking.id, accepted_fee_cents=3000)
    with frozen_clock(booking.pickup_time + timedelta(hours=25)):
        assert commands.end_no_show(booking.id) is (who == "sweep")
    assert [cents for cents, _why in refunds(session)] == [TOTAL_CENTS - 3000]
