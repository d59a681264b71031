"""The customer withdraws while staff begin, complete or cancel: pairs, first without the lock of the booking's row."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.bookings import commands
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.errors import Conflict, Invalid
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from tests.commands.scene import TOTAL_CENTS, Scene, refunds
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON
from tests.factories import make_user

CAR = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2021}


@pytest.fixture
def scene(committed_app: Flask) -> Iterator[Scene]:
    with clock.frozen(NOON), committed_app.app_context():
        yield Scene(db.session)


def unlock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody locks the booking's row any more, and the two of them look at it together."""
    meeting = Meeting(2)

    def look(_person: User, booking_id: uuid.UUID) -> Booking:
        booking = db.session.get_one(Booking, booking_id)
        meeting.wait()
        return booking

    for name in ("lock_as_staff", "lock_as_workshop", "lock_own"):
        monkeypatch.setattr(commands, name, look)


def withdraws(who: uuid.UUID, booking_id: uuid.UUID) -> Callable[[], Any]:
    return lambda: commands.withdraw(db.session.get_one(User, who), booking_id)


def starts(who: uuid.UUID, booking_id: uuid.UUID) -> Callable[[], Any]:
    return lambda: commands.start_work(db.session.get_one(User, who), booking_id)


def both(app: Flask, scene: Scene, *, twice: bool = False) -> tuple[list[Any], Booking]:
    """The customer asked for an early start: whoever is first decides. `twice`: the customer presses in two windows."""
    booking, staff = scene.booked(0, None, early_start=True), make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    commands.check_in(staff, booking.id, mileage_km=10, car=CAR, early=True)
    customer_id, staff_id, booking_id = booking.user_id, staff.id, booking.id
    works = [withdraws(customer_id, booking_id)]
    works.append(withdraws(customer_id, booking_id) if twice else starts(staff_id, booking_id))
    db.session.remove()
    answers = at_once(app, works)
    return answers, db.session.get_one(Booking, booking_id)


def test_without_the_lock_work_begins_on_what_was_withdrawn(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock(monkeypatch)
    answers, booking = both(committed_app, scene)
    assert answers == [True, True]
    assert booking.withdrawn_at is not None
    assert booking.work_started_at is not None


def test_with_the_lock_one_wins_and_the_other_is_told(committed_app: Flask, scene: Scene) -> None:
    answers, booking = both(committed_app, scene)
    assert sorted(type(one).__name__ for one in answers) == ["Conflict", "bool"]
    refused = next(one for one in answers if isinstance(one, Conflict))
    assert refused.code == ("withdrawn" if booking.withdrawn_at else "WORK_BEGAN")
    assert (booking.withdrawn_at is None) is (booking.work_started_at is not None)
    assert breaches() == []


def test_without_the_lock_two_windows_both_declare(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlock(monkeypatch)
    answers, _booking = both(committed_app, scene, twice=True)
    assert answers == [True, True]


def test_with_the_lock_it_is_declared_and_confirmed_once(committed_app: Flask, scene: Scene) -> None:
    answers, _booking = both(committed_app, scene, twice=True)
    assert sorted(answers) == [False, True]
    for kind in (NotificationKind.WITHDRAWAL_RECEIVED, NotificationKind.WITHDRAWAL_STAFF_ALERT):
        assert db.session.query(Notification).filter_by(kind=kind).count() == 1


KEPT_CENTS = 10_000
Act = Callable[[User, uuid.UUID], Any]


def completes(staff: User, booking_id: uuid.UUID) -> Any:
    return commands.complete_work(staff, booking_id)


def cancels(staff: User, booking_id: uuid.UUID) -> Any:
    return commands.cancel_by_staff(staff, booking_id, keep_cents=KEPT_CENTS, reason="Hagel")


def against(
    app: Flask, scene: Scene, act: Act, *, unlocked: pytest.MonkeyPatch | None = None
) -> tuple[list[Any], Booking]:
    """The customer withdraws while staff, who began unasked, `act`. `unlocked`: the race has no lock."""
    booking, staff = scene.booked(0, None), make_user(Role.WORKSHOP, workshop_id=scene.workshop.id)
    commands.check_in(staff, booking.id, mileage_km=10, car=CAR, early=True)
    commands.start_work(staff, booking.id, unasked=True)
    customer_id, staff_id, booking_id = booking.user_id, staff.id, booking.id
    db.session.remove()
    if unlocked:
        unlock(unlocked)
    works = [withdraws(customer_id, booking_id), lambda: act(db.session.get_one(User, staff_id), booking_id)]
    answers = at_once(app, works)
    return answers, db.session.get_one(Booking, booking_id)


def test_without_the_guards_what_was_withdrawn_is_completed(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = "SELECT conname FROM pg_constraint WHERE conname LIKE '%withdrawn_goes_no_further'"
    db.session.execute(text(f"ALTER TABLE bookings DROP CONSTRAINT {db.session.scalar(text(rule))}"))
    db.session.commit()
    answers, booking = against(committed_app, scene, completes, unlocked=monkeypatch)
    assert answers == [True, True]
    assert booking.withdrawn_at is not None
    assert booking.service_completed_at is not None


def test_with_the_lock_it_is_withdrawn_or_completed(committed_app: Flask, scene: Scene) -> None:
    """Or completed and then withdrawn from: then all goes back at once."""
    answers, booking = against(committed_app, scene, completes)
    assert booking.withdrawn_at is not None
    completed = booking.service_completed_at is not None
    assert [one.code for one in answers if isinstance(one, Conflict)] == ([] if completed else ["withdrawn"])
    assert refunds(db.session) == ([(TOTAL_CENTS - 3900, "withdrawal")] if completed else [])
    assert breaches() == []


def test_without_the_lock_money_is_kept_of_what_was_withdrawn(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, booking = against(committed_app, scene, cancels, unlocked=monkeypatch)
    assert answers == [True, None]
    assert booking.withdrawn_at is not None
    assert booking.status is BookingStatus.CANCELLED
    assert [one.name.split(":")[0] for one in breaches()] == ["withdrawals"]


def test_with_the_lock_nothing_is_kept_of_what_was_withdrawn(committed_app: Flask, scene: Scene) -> None:
    answers, booking = against(committed_app, scene, cancels)
    assert booking.withdrawn_at is not None
    cancelled = booking.status is BookingStatus.CANCELLED
    assert [type(one) for one in answers if isinstance(one, Exception)] == ([] if cancelled else [Invalid])
    first = [(TOTAL_CENTS - 3900 - KEPT_CENTS, "staff_cancelled"), (KEPT_CENTS, "withdrawal")]
    assert refunds(db.session) == (first if cancelled else [])
    assert breaches() == []
