"""Confirmations, reminders and review requests that got lost are found, and written once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from b2c_web.bookings import commands
from b2c_web.bookings.jobs import sweep_messages
from b2c_web.bookings.models import Booking
from b2c_web.checks import breaches
from b2c_web.notifications.models import Notification
from b2c_web.notifications.models import NotificationKind as Kind
from tests.commands.trips import CAR, Trips

CONFIRMATION = "queue: no confirmation of a booking to come that is neither written nor queued"
REMINDER = "queue: no reminder of a pickup to come that is neither written nor queued"
REVIEW = "queue: no review request that is neither written nor queued"


@pytest.fixture
def trips(session: Any, frozen_clock: Callable[[datetime], Any]) -> Trips:
    return Trips(session, frozen_clock, ronjas=2)


def lose_jobs(trips: Trips) -> None:
    trips.session.execute(text("DELETE FROM procrastinate_jobs WHERE task_name = 'bookings.send_message'"))
    trips.session.commit()


def lose_message(trips: Trips, kind: Kind) -> None:
    row = trips.session.query(Notification).filter_by(kind=kind).one()
    lost = "DELETE FROM procrastinate_jobs WHERE args ->> 'notification_id' = :id"
    trips.session.execute(text(lost), {"id": str(row.id)})
    trips.session.delete(row)
    trips.session.commit()


def queued(trips: Trips) -> list[tuple[str, datetime | None]]:
    jobs = "SELECT args ->> 'kind', scheduled_at FROM procrastinate_jobs WHERE task_name = 'bookings.send_message'"
    return [(row[0], row[1]) for row in trips.session.execute(text(jobs))]


def written(trips: Trips, kind: Kind) -> int:
    return trips.session.query(Notification).filter_by(kind=kind).count()


def broken() -> list[str]:
    return [breach.name for breach in breaches()]


def completed(trips: Trips, withdraws: str = "") -> Booking:
    booking = trips.booked(back=None)
    with trips.at(booking.pickup_time):
        commands.check_in(trips.staff, booking.id, mileage_km=1, car=CAR)
        commands.start_work(trips.staff, booking.id, unasked=True)
        commands.complete_work(trips.staff, booking.id)
        if withdraws == "before":
            commands.withdraw(booking.user, booking.id)
        commands.collect(trips.staff, booking.id)
        if withdraws == "after":
            commands.withdraw(booking.user, booking.id)
    trips.session.expire_all()
    return booking


def test_a_lost_reminder_is_queued_again_for_its_time(trips: Trips, run_jobs: Any) -> None:
    booking = trips.booked()
    lose_jobs(trips)
    assert broken() == [REMINDER]
    sweep_messages()
    sweep_messages()
    due = booking.pickup_time - timedelta(hours=24)
    assert queued(trips) == [("PICKUP_REMINDER", due)]
    assert broken() == []
    with trips.at(due):
        run_jobs({"bookings.send_message"})
        sweep_messages()
        assert (written(trips, Kind.PICKUP_REMINDER), queued(trips), broken()) == (1, [], [])


def test_a_reminder_that_ended_in_failure_counts_as_lost(trips: Trips) -> None:
    trips.booked()
    fail = "UPDATE procrastinate_jobs SET status = '{}' WHERE task_name = 'bookings.send_message'"
    for status in ("doing", "failed"):
        trips.session.execute(text(fail.format(status)))
    assert REMINDER in broken()


def test_a_lost_reminder_whose_time_is_over_comes_until_the_pickup(trips: Trips, run_jobs: Any) -> None:
    booking = trips.booked()
    lose_jobs(trips)
    with trips.at(booking.pickup_time):
        assert REMINDER not in broken()
        sweep_messages()
        assert queued(trips) == []
    with trips.at(booking.pickup_time - timedelta(hours=3)):
        assert REMINDER in broken()
        sweep_messages()
        run_jobs({"bookings.send_message"})
        assert (written(trips, Kind.PICKUP_REMINDER), REMINDER in broken()) == (1, False)


def test_each_date_of_a_moved_booking_has_its_own_reminder(trips: Trips, run_jobs: Any) -> None:
    booking = trips.booked(slot=0, back=None)
    old = booking.pickup_time
    with trips.at(old - timedelta(hours=24)):
        run_jobs({"bookings.send_message"})
        commands.move_by_staff(trips.staff, booking.id, trips.slots[5].id, None)
        assert broken() == []
        lose_jobs(trips)
        assert broken() == [REMINDER]
        sweep_messages()
        assert queued(trips) == [("PICKUP_REMINDER", old)]
        assert broken() == []


def test_nobody_is_reminded_of_what_was_cancelled(trips: Trips) -> None:
    booking = trips.booked()
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    lose_jobs(trips)
    sweep_messages()
    assert (queued(trips), broken()) == ([], [])


def test_nobody_is_reminded_of_a_pickup_that_was_missed(trips: Trips) -> None:
    booking = trips.booked()
    trips.miss(booking)
    lose_jobs(trips)
    with trips.at(booking.pickup_time + timedelta(hours=1)):
        sweep_messages()
        assert (queued(trips), broken()) == ([], [])


def test_a_lost_confirmation_is_written_once(trips: Trips, run_jobs: Any) -> None:
    trips.booked()
    lose_message(trips, Kind.BOOKING_CONFIRMED)
    assert broken() == [CONFIRMATION]
    sweep_messages()
    sweep_messages()
    assert broken() == []
    run_jobs({"bookings.send_message"})
    sweep_messages()
    row = trips.session.query(Notification).filter_by(kind=Kind.BOOKING_CONFIRMED).one()
    assert (row.context["wishes"], broken()) == ([], [])
    assert [kind for kind, _at in queued(trips)] == ["PICKUP_REMINDER"]


def test_nothing_is_confirmed_that_ended_meanwhile(trips: Trips, run_jobs: Any) -> None:
    booking = trips.booked(slot=5, back=None)
    lose_message(trips, Kind.BOOKING_CONFIRMED)
    sweep_messages()
    commands.cancel(booking.user, booking.id, accepted_fee_cents=0)
    run_jobs({"bookings.send_message"})
    assert (written(trips, Kind.BOOKING_CONFIRMED), CONFIRMATION in broken()) == (0, False)


def test_a_lost_review_request_is_queued_again_for_its_time(trips: Trips, run_jobs: Any) -> None:
    booking = completed(trips)
    assert booking.completed_at is not None
    with trips.at(booking.completed_at):
        run_jobs({"bookings.send_message"})
        assert REVIEW not in broken()
        lose_jobs(trips)
        assert REVIEW in broken()
        sweep_messages()
        due = booking.completed_at + timedelta(hours=2)
        assert queued(trips) == [("REVIEW_REQUEST", due)]
        assert REVIEW not in broken()
    with trips.at(due):
        run_jobs({"bookings.send_message"})
        sweep_messages()
        assert (written(trips, Kind.REVIEW_REQUEST), queued(trips), REVIEW in broken()) == (1, [], False)


def test_a_review_request_that_nobody_missed_for_two_weeks_is_not_sent(trips: Trips) -> None:
    booking = completed(trips)
    assert booking.completed_at is not None
    lose_jobs(trips)
    with trips.at(booking.completed_at + timedelta(days=15)):
        assert REVIEW not in broken()
        sweep_messages()
        assert queued(trips) == []


def test_who_withdrew_is_not_asked_for_a_review(trips: Trips, run_jobs: Any) -> None:
    early, late = completed(trips, withdraws="before"), completed(trips, withdraws="after")
    assert early.completed_at is not None
    with trips.at(early.completed_at + timedelta(hours=3)):
        run_jobs({"bookings.send_message"})
        sweep_messages()
        assert (written(trips, Kind.REVIEW_REQUEST), queued(trips), REVIEW in broken()) == (0, [], False)
    assert late.withdrawn_at is not None


def test_a_booking_that_staff_ended_with_the_car_here_is_not_asked_about(trips: Trips) -> None:
    booking = trips.booked(back=None)
    with trips.at(booking.pickup_time):
        commands.check_in(trips.staff, booking.id, mileage_km=1, car=CAR)
        commands.cancel_by_staff(trips.staff, booking.id, keep_cents=0, reason="Motor defekt")
        commands.collect(trips.staff, booking.id)
        lose_jobs(trips)
        sweep_messages()
        assert (queued(trips), REVIEW in broken()) == ([], False)


def test_a_lost_confirmation_that_is_true_no_more_is_not_written(trips: Trips) -> None:
    booking = trips.booked()
    lose_message(trips, Kind.BOOKING_CONFIRMED)
    trips.miss(booking)  # a new date is offered: "we come at eight" would be wrong
    with trips.at(booking.pickup_time + timedelta(hours=1)):
        assert CONFIRMATION not in broken()
        sweep_messages()
        assert [kind for kind, _at in queued(trips)].count(Kind.BOOKING_CONFIRMED.value) == 0
