"""Two people at the workshop's desk, in pairs: first without the lock of the booking's row, then with it."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.audit import AuditEntry
from b2c_web.bookings import arrival, commands
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from tests.commands.scene import Scene
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON
from tests.factories import make_user

CAR = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2021}


@pytest.fixture
def scene(committed_app: Flask) -> Iterator[Scene]:
    with clock.frozen(NOON), committed_app.app_context():
        yield Scene(db.session)


def two_at_the_desk(scene: Scene) -> list[uuid.UUID]:
    people = [make_user(Role.WORKSHOP, workshop_id=scene.workshop.id).id for _n in range(2)]
    db.session.commit()
    return people


def unlocked(meeting: Meeting) -> Any:
    def look(_staff: User, booking_id: uuid.UUID) -> Booking:
        booking = db.session.get_one(Booking, booking_id)
        meeting.wait()
        return booking

    return look


def entries(booking_id: uuid.UUID, action: str) -> int:
    return db.session.query(AuditEntry).filter_by(entity_id=booking_id, action=f"booking.{action}").count()


def check_in_together(app: Flask, scene: Scene) -> tuple[list[Any], uuid.UUID]:
    """Both enter a mileage of their own."""
    booking_id, people = scene.booked(0, None).id, two_at_the_desk(scene)

    def enter(who: uuid.UUID, km: int) -> None:
        commands.check_in(db.session.get_one(User, who), booking_id, mileage_km=km, car=CAR)

    works = [lambda who=who, km=km: enter(who, km) for who, km in zip(people, (10, 20), strict=True)]
    db.session.remove()
    return at_once(app, works), booking_id


def test_without_the_lock_both_check_in(committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "lock_as_staff", unlocked(Meeting(2)))
    monkeypatch.setattr(arrival, "set_vehicle", lambda booking, car: None)  # it locks the customer's row
    monkeypatch.setattr(arrival.messages, "send", lambda kind, booking: None)  # it is sent once by its key
    answers, booking_id = check_in_together(committed_app, scene)
    assert answers == [None, None]
    assert entries(booking_id, "check_in") == 2


def test_with_the_lock_one_checks_in_and_the_other_is_told(committed_app: Flask, scene: Scene) -> None:
    answers, booking_id = check_in_together(committed_app, scene)
    assert sorted(type(one).__name__ for one in answers) == ["Conflict", "NoneType"]
    assert entries(booking_id, "check_in") == 1
    booking = db.session.get_one(Booking, booking_id)
    assert booking.status is BookingStatus.IN_WORKSHOP
    assert booking.mileage_km == (10 if answers[0] is None else 20)
    assert db.session.query(Notification).filter_by(kind=NotificationKind.IN_WORKSHOP).count() == 1


def start_together(app: Flask, scene: Scene) -> tuple[list[Any], uuid.UUID]:
    booking_id, people = scene.booked(0, None).id, two_at_the_desk(scene)
    commands.check_in(db.session.get_one(User, people[0]), booking_id, mileage_km=10, car=CAR)
    works = [lambda who=who: commands.start_work(db.session.get_one(User, who), booking_id) for who in people]
    db.session.remove()
    return at_once(app, works), booking_id


def test_without_the_lock_both_start(committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "lock_as_staff", unlocked(Meeting(2)))
    answers, booking_id = start_together(committed_app, scene)
    assert answers == [True, True]
    assert entries(booking_id, "start_work") == 2


def test_with_the_lock_work_starts_once(committed_app: Flask, scene: Scene) -> None:
    answers, booking_id = start_together(committed_app, scene)
    assert sorted(answers) == [False, True]
    assert entries(booking_id, "start_work") == 1


def test_rework_and_collection_at_once_leave_one_of_them(committed_app: Flask, scene: Scene) -> None:
    booking_id, people = scene.booked(0, None).id, two_at_the_desk(scene)
    first = db.session.get_one(User, people[0])
    commands.check_in(first, booking_id, mileage_km=10, car=CAR)
    commands.start_work(first, booking_id)
    assert commands.complete_work(first, booking_id)
    db.session.remove()
    works = [
        lambda: commands.rework(db.session.get_one(User, people[0]), booking_id, "Bremse quietscht"),
        lambda: commands.collect(db.session.get_one(User, people[1]), booking_id),
    ]
    answers = at_once(committed_app, works)
    assert sorted(type(one).__name__ for one in answers) == ["Conflict", "NoneType"]
    refused = next(one for one in answers if isinstance(one, Conflict))
    now = db.session.get_one(Booking, booking_id).status
    assert now is (BookingStatus.COMPLETED if answers[0] is refused else BookingStatus.IN_WORKSHOP)
