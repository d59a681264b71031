"""A return that failed: what it leaves behind, and what ends the question for a new window."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from b2c_web.bookings.models import BookingStatus
from b2c_web.checks import breaches
from b2c_web.dispatch import commands, planning
from b2c_web.dispatch.models import AssignmentStatus, CancelReason
from b2c_web.errors import Invalid
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import JockeyStatus
from tests.commands.trips import RETURN, Trips

pytestmark = pytest.mark.usefixtures("frozen_clock")
S = AssignmentStatus


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock)


@pytest.mark.parametrize("reason", [CancelReason.NO_SHOW, CancelReason.BREAKDOWN])
def test_a_failed_return_waits_for_a_new_one(trips: Trips, reason: CancelReason) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=60)):
        for _press in range(2):
            assert commands.return_failed(back.id, reason, "niemand da", trips.driver) is S.CANCELLED
        assert trips.jockey.status is JockeyStatus.ACTIVE
    assert booking.status is BookingStatus.READY_FOR_RETURN
    assert (back.cancel_reason, len(trips.assignments(booking, RETURN))) == (reason, 1)
    assert booking.return_failed_at == began + timedelta(minutes=60)
    assert trips.session.query(Notification).filter_by(kind=NotificationKind.RETURN_FAILED).count() == 1
    assert breaches() == []


def test_whoever_drives_it_next_ends_the_question_for_a_new_window(trips: Trips) -> None:
    booking = trips.booked()
    back, began = trips.on_the_way_back(booking)
    with trips.at(began + timedelta(minutes=60)):
        commands.return_failed(back.id, CancelReason.BREAKDOWN, "", trips.driver)
        planning.assign(booking, RETURN)
        trips.session.commit()
    assert booking.return_failed_at is None
    assert breaches() == []


def test_whoever_is_to_drive_it_after_its_window_leaves_the_question_open(trips: Trips) -> None:
    booking = trips.booked()
    back, _began = trips.on_the_way_back(booking)
    with trips.at(booking.return_slot.end_time + timedelta(minutes=5)):
        commands.return_failed(back.id, CancelReason.NO_SHOW, "", trips.driver)
        planning.assign(booking, RETURN)
        trips.session.commit()
        assert booking.return_failed_at is not None
        assert breaches() == []


def test_a_failed_return_needs_a_reason_of_its_own(trips: Trips) -> None:
    back, _began = trips.on_the_way_back(trips.booked())
    with pytest.raises(Invalid):
        commands.return_failed(back.id, CancelReason.REDISPATCHED, "", trips.driver)
