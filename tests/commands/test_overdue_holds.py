"""A hold whose time is over and that no job has ended yet is in nobody's way: of a claim, a move or late money."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web.bookings.commands import expire_hold, move
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.places import PlaceTaken
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from tests.commands.scene import Scene, refunds

At = Callable[..., Any]


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, places=1)


def state_of(booking: Booking) -> tuple[BookingStatus, str | None]:
    return booking.status, booking.cancellation_reason


def test_a_move_takes_the_place_of_a_hold_that_is_over(scene: Scene, frozen_clock: At) -> None:
    moving, hold = scene.booked(back=None), scene.book(slot=1, back=None)
    target = scene.slots[1].id
    with frozen_clock(now_utc() + timedelta(minutes=29)), pytest.raises(PlaceTaken):
        move(moving.user, moving.id, target, None, accepted_fee_cents=0)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        move(moving.user, moving.id, target, None, accepted_fee_cents=0)
        scene.session.expire_all()
        assert (moving.slot_id, state_of(hold)) == (target, (BookingStatus.CANCELLED, "hold_expired"))
        assert expire_hold(hold.id) is False
        assert breaches() == []


@pytest.mark.parametrize("back", [None, 2])
def test_late_money_takes_the_place_of_a_hold_that_is_over(scene: Scene, frozen_clock: At, back: int | None) -> None:
    late = scene.book(back=back)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        expire_hold(late.id)
        other = scene.book(back=back)
    with frozen_clock(now_utc() + timedelta(minutes=62)):
        scene.pay(late)
        scene.session.expire_all()
        assert (late.status, state_of(other)) == (
            BookingStatus.CONFIRMED,
            (BookingStatus.CANCELLED, "hold_expired"),
        )
        assert refunds(scene.session) == []
        assert breaches() == []


def test_late_money_that_finds_no_place_ends_nobodys_hold(scene: Scene, frozen_clock: At) -> None:
    late = scene.book(back=None)
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        expire_hold(late.id)
        scene.booked(back=None)
        over = scene.book(slot=1, back=None)
    with frozen_clock(now_utc() + timedelta(minutes=62)):
        scene.pay(late)
        scene.session.expire_all()
        assert (late.status, over.status) == (BookingStatus.CANCELLED, BookingStatus.PENDING)
        assert [reason for _cents, reason in refunds(scene.session)] == ["late_money"]
