"""Two people at the workshop's desk, in pairs: first without the lock of the booking's row, then with it."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import IntegrityError

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.audit import AuditEntry
from b2c_web.bookings import arrival, commands, desk
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.moving import MoveResult, as_shown, shown_of
from b2c_web.checks import breaches
from b2c_web.errors import Busy, Conflict
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import TimeSlot
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
        commands.check_in(db.session.get_one(User, who), booking_id, mileage_km=km, car=CAR, early=True)

    works = [lambda who=who, km=km: enter(who, km) for who, km in zip(people, (10, 20), strict=True)]
    db.session.remove()
    return at_once(app, works), booking_id


def test_without_the_lock_both_check_in(committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrival, "lock_as_workshop", unlocked(Meeting(2)))
    monkeypatch.setattr(arrival, "set_vehicle", lambda booking, car: None)  # it locks the customer's row
    monkeypatch.setattr(arrival.messages, "send", lambda kind, booking, **facts: None)  # it is sent once by its key
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
    commands.check_in(db.session.get_one(User, people[0]), booking_id, mileage_km=10, car=CAR, early=True)
    works = [
        lambda who=who: commands.start_work(db.session.get_one(User, who), booking_id, unasked=True) for who in people
    ]
    db.session.remove()
    return at_once(app, works), booking_id


def test_without_the_lock_both_start(committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "lock_as_workshop", unlocked(Meeting(2)))
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
    commands.check_in(first, booking_id, mileage_km=10, car=CAR, early=True)
    commands.start_work(first, booking_id, unasked=True)
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


# staff cancel, and somebody else does something with the same booking


def unlock_all(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody locks the booking's row any more, and the two of them look at it together."""
    look = unlocked(Meeting(2))
    monkeypatch.setitem(app.config, "LOCK_TIMEOUT_MS", 30_000)  # the second one writes when the first is done
    for module, name in ((commands, "lock_as_staff"), (commands, "lock_own"), (arrival, "lock_as_workshop")):
        monkeypatch.setattr(module, name, look)
    monkeypatch.setattr(arrival, "set_vehicle", lambda booking, car: None)  # it locks the customer's row
    monkeypatch.setattr(arrival.messages, "send", lambda kind, booking, **facts: None)  # sent once by its key


def staff_cancels(who: uuid.UUID, booking_id: uuid.UUID) -> Callable[[], Any]:
    """From a page that is open already."""
    check = desk.as_seen(desk.ending_of(db.session.get_one(Booking, booking_id)).seen)
    facts = {"keep_cents": 0, "reason": "Hagel", "check": check}
    return lambda: commands.cancel_by_staff(db.session.get_one(User, who), booking_id, **facts)


def check_in(who: uuid.UUID, booking_id: uuid.UUID) -> Callable[[], Any]:
    return lambda: commands.check_in(db.session.get_one(User, who), booking_id, mileage_km=10, car=CAR, early=True)


def customer_cancels(customer_id: uuid.UUID, booking_id: uuid.UUID) -> Callable[[], Any]:
    return lambda: commands.cancel(db.session.get_one(User, customer_id), booking_id, accepted_fee_cents=0)


def customer_moves(customer_id: uuid.UUID, booking_id: uuid.UUID) -> Callable[[], Any]:
    slots = db.session.query(TimeSlot).order_by(TimeSlot.start_time).all()
    where = (booking_id, slots[5].id, None)
    return lambda: commands.move(db.session.get_one(User, customer_id), *where, accepted_fee_cents=0)


RIVALS = {
    "another of the staff": ("staff_cancel", staff_cancels),
    "check-in": ("check_in", check_in),
    "the customer": ("cancel", customer_cancels),
    "a move": ("move", customer_moves),
}
OF_CUSTOMERS = ("the customer", "a move")
TOLD = {
    BookingStatus.IN_WORKSHOP: NotificationKind.IN_WORKSHOP,
    BookingStatus.CONFIRMED: NotificationKind.BOOKING_MOVED,
    BookingStatus.CANCELLED: NotificationKind.BOOKING_CANCELLED,
}


def cancel_together(app: Flask, scene: Scene, rival: str) -> tuple[list[Any], Booking]:
    booking, people = scene.booked(0, None), two_at_the_desk(scene)
    second = booking.user_id if rival in OF_CUSTOMERS else people[1]
    works = [staff_cancels(people[0], booking.id), RIVALS[rival][1](second, booking.id)]
    booking_id = booking.id
    db.session.remove()
    answers = at_once(app, works)
    return answers, db.session.get_one(Booking, booking_id)


def done(booking: Booking, rival: str) -> int:
    """How many of the two have been done, by the audit log."""
    return sum(entries(booking.id, action) for action in {"staff_cancel", RIVALS[rival][0]})


@pytest.mark.parametrize("rival", RIVALS)
def test_without_the_lock_nobody_is_told_that_the_other_was_faster(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch, rival: str
) -> None:
    """Both are done, or the database has to stop one of them: by a constraint, or because they wait for each other."""
    unlock_all(committed_app, monkeypatch)
    answers, booking = cancel_together(committed_app, scene, rival)
    assert not any(isinstance(one, Conflict) for one in answers)
    stopped = [one for one in answers if isinstance(one, Busy | IntegrityError)]
    assert done(booking, rival) + len(stopped) == 2


@pytest.mark.parametrize("rival", RIVALS)
def test_with_the_lock_one_of_them_is_done_and_the_other_told(committed_app: Flask, scene: Scene, rival: str) -> None:
    answers, booking = cancel_together(committed_app, scene, rival)
    assert [isinstance(one, Conflict) for one in answers].count(True) == 1
    assert not any(isinstance(one, Exception) and not isinstance(one, Conflict) for one in answers)
    assert done(booking, rival) == 1
    assert db.session.query(Notification).filter_by(kind=TOLD[booking.status]).count() == 1
    assert breaches() == []


# two tabs of one customer, both open on the same date


def move_from_two_tabs(app: Flask, scene: Scene) -> tuple[list[Any], uuid.UUID]:
    booking, slots = scene.booked(0, None), [slot.id for slot in scene.slots]
    booking_id, customer, shown = booking.id, booking.user_id, shown_of(booking)
    db.session.commit()
    db.session.remove()

    def choose(slot: uuid.UUID) -> MoveResult:
        person, check = db.session.get_one(User, customer), as_shown(shown)
        return commands.move(person, booking_id, slot, None, accepted_fee_cents=0, check=check)

    return at_once(app, [lambda: choose(slots[5]), lambda: choose(slots[6])]), booking_id


def test_without_the_lock_both_tabs_move_the_booking(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both are done, or they wait for each other and the database stops one."""
    monkeypatch.setattr(commands, "lock_own", unlocked(Meeting(2)))
    monkeypatch.setitem(committed_app.config, "LOCK_TIMEOUT_MS", 30_000)
    answers, booking_id = move_from_two_tabs(committed_app, scene)
    assert not any(isinstance(one, Conflict) for one in answers)
    stopped = [one for one in answers if isinstance(one, Busy | IntegrityError)]
    assert entries(booking_id, "move") + len(stopped) == 2


def test_with_the_lock_the_second_tab_is_told_that_the_date_changed(committed_app: Flask, scene: Scene) -> None:
    answers, booking_id = move_from_two_tabs(committed_app, scene)
    assert [one.code for one in answers if isinstance(one, Conflict)] == ["changed"]
    assert entries(booking_id, "move") == 1
    assert breaches() == []


# a new date, in the moment in which the offer ends


def miss_and_choose(app: Flask, scene: Scene) -> tuple[list[Any], Booking]:
    booking = scene.booked(0, None)
    booking.no_show_at, booking.new_date_until = clock.now_utc() - timedelta(hours=24), clock.now_utc()
    db.session.commit()
    booking_id, customer, slot = booking.id, booking.user_id, scene.slots[5].id
    db.session.remove()
    works = [
        lambda: commands.end_no_show(booking_id),
        lambda: commands.move(db.session.get_one(User, customer), booking_id, slot, None, accepted_fee_cents=0),
    ]
    return at_once(app, works), db.session.get_one(Booking, booking_id)


def is_settled(answers: list[Any]) -> bool:
    """Exactly one of the two had its way, and the other was told so."""
    ended, moved = answers
    return isinstance(moved, Conflict) if ended is True else ended is False and isinstance(moved, MoveResult)


def test_without_the_lock_the_offers_end_and_the_choice_meet(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = unlocked(Meeting(2))
    monkeypatch.setattr(commands, "lock_own", look)
    monkeypatch.setattr(commands, "lock_booking", lambda booking_id: look(None, booking_id))
    answers, _booking = miss_and_choose(committed_app, scene)
    assert not is_settled(answers)


def test_with_the_lock_the_booking_ends_or_has_a_new_date(committed_app: Flask, scene: Scene) -> None:
    answers, booking = miss_and_choose(committed_app, scene)
    assert is_settled(answers)
    moved = booking.status is BookingStatus.CONFIRMED
    assert (entries(booking.id, "cancel"), entries(booking.id, "move")) == ((0, 1) if moved else (1, 0))
    assert breaches() == []


# after a no-show the customer takes a new date, and a dispatcher agrees on another one on the phone


def choose_together(app: Flask, scene: Scene, read: Meeting, taken: Meeting) -> tuple[list[Any], Booking]:
    """`read` is when the dispatcher has read the booking, `taken` when the customer has a date."""
    booking, dispatcher = scene.booked(0, None), make_user(Role.DISPATCHER, workshop_id=scene.workshop.id).id
    booking.no_show_at, booking.new_date_until = clock.now_utc(), clock.now_utc() + timedelta(hours=24)
    db.session.commit()
    booking_id, customer, slots = booking.id, booking.user_id, [slot.id for slot in scene.slots]
    db.session.remove()

    def take() -> Any:
        read.wait()
        made = commands.move(db.session.get_one(User, customer), booking_id, slots[6], None, accepted_fee_cents=0)
        taken.wait()
        return made

    def agree() -> None:
        person = db.session.get_one(User, dispatcher)
        commands.move_by_staff(person, booking_id, slots[7], None, check=desk.still_missed)

    return at_once(app, [take, agree]), db.session.get_one(Booking, booking_id)


def test_without_the_lock_the_dispatchers_date_replaces_the_one_just_taken(
    committed_app: Flask, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, taken = Meeting(2), Meeting(2)

    def look(_staff: User, booking_id: uuid.UUID) -> Booking:
        booking = db.session.get_one(Booking, booking_id)
        read.wait()
        taken.wait()
        return booking

    monkeypatch.setattr(commands, "lock_as_staff", look)
    answers, booking = choose_together(committed_app, scene, read, taken)
    assert isinstance(answers[0], MoveResult)
    assert answers[1] is None
    assert booking.slot_id == scene.slots[7].id


def test_with_the_lock_the_date_that_the_customer_took_stands(committed_app: Flask, scene: Scene) -> None:
    """Who comes first: the dispatcher is told; a customer who comes second moves once more, as anybody may."""
    answers, booking = choose_together(committed_app, scene, Meeting(1), Meeting(1))
    assert isinstance(answers[0], MoveResult)
    assert booking.slot_id == scene.slots[6].id
    assert (answers[1] is None) == (entries(booking.id, "move") == 2)
    assert isinstance(answers[1], Conflict | None)
    assert breaches() == []
