"""One car, one service, two holds of one customer, and late money for both: one booking comes of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from b2c_web.bookings import commands
from b2c_web.bookings.models import BookingDraft, BookingStatus
from b2c_web.checks import breaches
from b2c_web.clock import now_utc
from tests.commands.scene import TOTAL_CENTS, Scene, refunds
from tests.factories import make_customer, make_vehicle

pytestmark = pytest.mark.usefixtures("frozen_clock")
C = BookingStatus.CONFIRMED


@pytest.fixture
def scene(session: Any) -> Scene:
    return Scene(session, ronjas=2)


@pytest.mark.parametrize("is_released", [True, False])
@pytest.mark.parametrize("first_paid", [0, 1])
def test_the_money_that_came_second_goes_back(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any], first_paid: int, is_released: bool
) -> None:
    user = make_customer()
    car = make_vehicle(user)
    draft = BookingDraft(browser_hash="0" * 64, user_id=user.id, postal_code="44137", car_details={})
    session.add(draft)
    session.commit()
    holds = [scene.book(user_id=user.id, vehicle_id=car.id)]
    with frozen_clock(now_utc() + timedelta(minutes=31)):
        commands.expire_hold(holds[0].id)
        holds.append(scene.book(5, 7, user_id=user.id, vehicle_id=car.id, draft_id=draft.id))
    with frozen_clock(now_utc() + timedelta(minutes=62)):
        if is_released:
            commands.expire_hold(holds[1].id)
        scene.pay(holds[first_paid])
        scene.pay(holds[1 - first_paid])
    session.expire_all()
    assert [one.status is C for one in holds] == [first_paid == 0, first_paid == 1]
    assert refunds(session) == [(TOTAL_CENTS, "late_money")]
    assert breaches() == []


def test_who_had_booked_the_same_before_is_not_refused(
    scene: Scene, session: Any, frozen_clock: Callable[..., Any]
) -> None:
    user = make_customer()
    car = make_vehicle(user)
    session.commit()
    earlier = scene.book(user_id=user.id, vehicle_id=car.id)
    scene.pay(earlier)
    with frozen_clock(now_utc() + timedelta(minutes=1)):
        again = scene.book(5, 7, user_id=user.id, vehicle_id=car.id)
    with frozen_clock(now_utc() + timedelta(minutes=32)):
        scene.pay(again)
    session.expire_all()
    assert [earlier.status, again.status] == [C, C]
    assert refunds(session) == []
