"""The customer withdraws while the car is with us, and work that nobody asked for does not begin by itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from b2c_web.audit import AuditEntry
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from b2c_web.dispatch.models import AssignmentStatus
from b2c_web.errors import Conflict, Invalid
from b2c_web.extensions.commands import approve, raise_extension, withdraw_extension
from b2c_web.extensions.models import AuthorizationStatus, ExtensionStatus
from b2c_web.extensions.queries import digest_of
from b2c_web.notifications.models import NotificationKind as Kind
from tests.commands.extending import OFFER, Extending
from tests.commands.scene import TOTAL_CENTS, refunds
from tests.commands.trips import CAR, RETURN

pytestmark = pytest.mark.usefixtures("frozen_clock")
DROP_OFF_CENTS = TOTAL_CENTS - 3900


@pytest.fixture
def scene(session: Any, frozen_clock: Callable[..., Any]) -> Extending:
    return Extending(session, frozen_clock)


def here(scene: Extending, **facts: Any) -> Booking:
    """A drop-off that is checked in; nothing has begun."""
    booking = scene.booked(back=None, **facts)
    commands.check_in(scene.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    scene.session.expire_all()
    return booking


def withdrawn(scene: Extending, booking: Booking) -> Booking:
    assert commands.withdraw(booking.user, booking.id)
    scene.session.expire_all()
    return booking


def test_declared_with_the_car_here_it_is_confirmed_once_and_the_workshop_told(scene: Extending) -> None:
    booking = withdrawn(scene, here(scene))
    at = booking.withdrawn_at
    assert (at, booking.status, booking.withdrawal_open) == (now_utc(), BookingStatus.IN_WORKSHOP, True)
    assert refunds(scene.session) == []
    assert not commands.withdraw(booking.user, booking.id)
    receipt, alert = [*scene.mails(Kind.WITHDRAWAL_RECEIVED), *scene.mails(Kind.WITHDRAWAL_STAFF_ALERT)]
    assert (receipt.user_id, receipt.context["withdrawn_at"]) == (booking.user_id, at.isoformat() if at else None)
    assert receipt.context["refund_cents"] == DROP_OFF_CENTS
    assert (alert.user_id, alert.recipient) == (None, scene.workshop.email)
    assert alert.context["booking_url_path"] == f"/workshop/bookings/{booking.id}"
    entry = scene.session.query(AuditEntry).filter_by(action="booking.withdraw").one()
    assert entry.before == {"withdrawn_at": None}
    assert breaches() == []


def test_nothing_more_is_done_to_the_car(scene: Extending) -> None:
    booking = withdrawn(scene, here(scene))
    for act in (
        lambda: commands.start_work(scene.staff, booking.id, unasked=True),
        lambda: commands.complete_work(scene.staff, booking.id),
        lambda: raise_extension(scene.staff, booking.id, OFFER),
    ):
        with pytest.raises(Conflict) as refused:
            act()
        assert "widerrufen" in str(refused.value.message)
    assert booking.work_started_at is None


def test_it_stops_work_that_nobody_asked_for(scene: Extending) -> None:
    booking = withdrawn(scene, scene.in_workshop())
    with pytest.raises(Conflict):
        commands.complete_work(scene.staff, booking.id)
    assert booking.service_completed_at is None


def test_what_was_offered_ends_and_what_was_held_is_released(scene: Extending) -> None:
    booking = scene.in_workshop()
    approved, offered = scene.approved(booking), scene.raised(booking)
    shown = digest_of(offered)
    withdrawn(scene, booking)
    assert scene.fresh(approved.id).authorization_status is AuthorizationStatus.RELEASED
    assert scene.fresh(offered.id).status is ExtensionStatus.CANCELLED
    with pytest.raises(Conflict):
        approve(booking.user, offered.id, [0], shown)
    with pytest.raises(Conflict):
        withdraw_extension(scene.staff, offered.id, "Nicht nötig")
    assert breaches() == []


def test_on_the_way_in_it_arrives_nevertheless_and_goes_home(
    scene: Extending, frozen_clock: Callable[..., Any]
) -> None:
    booking = scene.booked()
    scene.drive_in(booking)
    assert withdrawn(scene, booking).status is BookingStatus.IN_TRANSIT_TO_WORKSHOP
    commands.check_in(scene.staff, booking.id, mileage_km=52_000, car=CAR, early=True)
    commands.cancel_by_staff(scene.staff, booking.id, keep_cents=0, reason="Widerruf des Kunden")
    scene.session.expire_all()
    assert booking.status is BookingStatus.CANCELLED
    assert booking.cancelled_here
    assert not booking.withdrawal_open
    assert refunds(scene.session) == [(TOTAL_CENTS, "withdrawal")]
    ended = scene.mails(Kind.BOOKING_WITHDRAWN)[0].context
    assert (ended["refund_cents"], ended["kept_cents"], ended["car_with_us"]) == (TOTAL_CENTS, 0, True)
    assert scene.mails(Kind.BOOKING_CANCELLED) == []
    assert scene.assignment(booking, RETURN).status is AssignmentStatus.ASSIGNED
    assert breaches() == []


def test_of_a_withdrawal_nothing_is_kept(scene: Extending) -> None:
    booking = withdrawn(scene, here(scene))
    with pytest.raises(Invalid, match="invalid"):
        commands.cancel_by_staff(scene.staff, booking.id, keep_cents=1, reason="Widerruf des Kunden")
    assert booking.status is BookingStatus.IN_WORKSHOP


def test_it_is_refused_once_the_work_began_as_asked_or_too_late(
    scene: Extending, frozen_clock: Callable[..., Any]
) -> None:
    asked = here(scene, early_start=True)
    commands.start_work(scene.staff, asked.id)
    with pytest.raises(Conflict) as refused:
        commands.withdraw(asked.user, asked.id)
    assert refused.value.code == "WORK_BEGAN"
    late = scene.in_workshop()
    with frozen_clock(late.created_at + timedelta(days=15)), pytest.raises(Conflict) as refused:
        commands.withdraw(late.user, late.id)
    assert refused.value.code == "TOO_LATE_TO_WITHDRAW"
    for act, code in ((commands.complete_work, "WORK_BEGAN"), (commands.collect, "DONE_AS_ASKED")):
        for booking in (asked, late):
            act(scene.staff, booking.id)
        with pytest.raises(Conflict) as refused:
            commands.withdraw(asked.user, asked.id)
        assert refused.value.code == code
    with frozen_clock(late.created_at + timedelta(days=15)), pytest.raises(Conflict) as refused:
        commands.withdraw(late.user, late.id)
    assert refused.value.code == "TOO_LATE_TO_WITHDRAW"
    scene.session.expire_all()
    assert (asked.withdrawn_at, late.withdrawn_at) == (None, None)


def test_the_period_begins_when_the_money_arrives(scene: Extending, frozen_clock: Callable[..., Any]) -> None:
    booking = scene.book()
    with frozen_clock(booking.created_at + timedelta(days=1)):
        scene.pay(booking)
        scene.session.expire_all()
    with frozen_clock(booking.created_at + timedelta(days=15)):  # the last of the days after the payment
        assert commands.withdraw(booking.user, booking.id)


def test_asked_for_and_not_begun_it_can_still_be_withdrawn(scene: Extending) -> None:
    assert withdrawn(scene, here(scene, early_start=True)).withdrawal_open


def test_after_an_end_before_the_pickup_a_second_click_changes_nothing(scene: Extending) -> None:
    booking = withdrawn(scene, scene.booked())
    assert booking.status is BookingStatus.CANCELLED
    assert not commands.withdraw(booking.user, booking.id)
    assert refunds(scene.session) == [(TOTAL_CENTS, "withdrawal")]


def test_work_that_nobody_asked_for_needs_a_yes(scene: Extending, frozen_clock: Callable[..., Any]) -> None:
    booking = here(scene)
    with pytest.raises(Invalid) as refused:
        commands.start_work(scene.staff, booking.id)
    assert refused.value.details["field"] == "unasked"
    assert booking.work_started_at is None
    assert commands.start_work(scene.staff, booking.id, unasked=True)
    entry = scene.session.query(AuditEntry).filter_by(action="booking.start_work").one()
    assert entry.after is not None
    assert entry.after["unasked"] is True


@pytest.mark.parametrize("early_start", [True, False])
def test_asked_for_or_after_the_period_it_begins_by_one_press(
    scene: Extending, frozen_clock: Callable[..., Any], early_start: bool
) -> None:
    booking = here(scene, early_start=early_start)
    with frozen_clock(booking.created_at + timedelta(days=0 if early_start else 15)):
        assert commands.start_work(scene.staff, booking.id)
    entry = scene.session.query(AuditEntry).filter_by(action="booking.start_work").one()
    assert entry.after is not None
    assert entry.after["unasked"] is False


def test_the_database_lets_nothing_be_finished_after_it(scene: Extending) -> None:
    booking = withdrawn(scene, here(scene))
    booking.work_started_at = booking.service_completed_at = now_utc()
    with pytest.raises(IntegrityError, match="withdrawn_goes_no_further"):
        scene.session.flush()


def test_a_withdrawal_that_nobody_ends_is_reported(scene: Extending, frozen_clock: Callable[..., Any]) -> None:
    booking = withdrawn(scene, here(scene))
    with frozen_clock(now_utc() + timedelta(days=7, minutes=1)):
        found = [breach for breach in breaches() if breach.name.startswith("withdrawals")]
    assert [breach.examples[0].split()[1] for breach in found] == [booking.number]


def test_work_that_was_not_begun_cannot_be_reported_done(scene: Extending) -> None:
    """Else whoever presses "done" at once begins unasked, and asked-for work would look as if it never began."""
    booking = here(scene)
    with pytest.raises(Conflict) as refused:
        commands.complete_work(scene.staff, booking.id)
    assert refused.value.code == "not_begun"
    booking.service_completed_at = now_utc()
    with pytest.raises(IntegrityError, match="begun_before_completed"):
        scene.session.flush()
