"""Races for a jockey's time and for a trip's next step, in pairs: first without the guard, then with it."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.audit import AuditEntry
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.checks import breaches
from b2c_web.dispatch import commands, planning, replanning
from b2c_web.dispatch.models import AssignmentStatus, JockeyAssignment
from b2c_web.dispatch.steps import Step
from b2c_web.errors import Conflict, Invalid
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment
from tests.commands.scene import succeed
from tests.commands.trips import HANDOVER, PICKUP, Trips
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON

TWICE_AT_ONCE = "jockeys: none is planned twice at once"
TWO_CUSTOMERS = "Ronjas: handed to one customer at a time"


@pytest.fixture
def trips(committed_app: Flask) -> Iterator[Callable[..., Trips]]:
    with clock.frozen(NOON), committed_app.app_context():
        yield lambda **facts: Trips(db.session, clock.frozen, **facts)


def broken() -> list[str]:
    return [found.name for found in breaches()]


# two confirmations and one jockey


def confirm_together(app: Flask, scene: Trips, monkeypatch: pytest.MonkeyPatch, count: int) -> list[Any]:
    """Pay `count` bookings of one window at the same moment; everybody has chosen before anybody has inserted."""
    payments = [scene.payment_of(scene.book().id).id for _n in range(count)]
    chosen, meeting = planning._choose, Meeting(count)

    def choose_and_meet(*arguments: Any) -> Any:
        placement = chosen(*arguments)
        meeting.wait()
        return placement

    monkeypatch.setattr(planning, "_choose", choose_and_meet)
    monkeypatch.setitem(app.config, "LOCK_TIMEOUT_MS", 60_000)  # who waits for the other's end does, however slow it is
    return at_once(app, [lambda one=one: succeed(db.session.get_one(Payment, one)).id for one in payments])


def test_without_the_constraint_one_jockey_is_given_twice(
    committed_app: Flask, trips: Callable[..., Trips], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = trips(ronjas=2)
    db.session.execute(text("ALTER TABLE jockey_busy_ranges DROP CONSTRAINT ex_jockey_busy_ranges_overlap"))
    db.session.commit()
    confirm_together(committed_app, scene, monkeypatch, 2)
    assert broken() == [TWICE_AT_ONCE]


def test_the_constraint_sends_the_second_one_to_another_time(
    committed_app: Flask, trips: Callable[..., Trips], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = trips(ronjas=2)
    paid = confirm_together(committed_app, scene, monkeypatch, 2)
    assert [type(one) for one in paid] == [uuid.UUID, uuid.UUID]
    assert {booking.status for booking in db.session.query(Booking)} == {BookingStatus.CONFIRMED}
    made = db.session.query(JockeyAssignment).all()
    assert [one.conflict for one in made] == [None, None]
    assert len({one.scheduled_time for one in made}) == 2
    assert broken() == []


def test_more_than_the_jockeys_can_drive_is_flagged_and_still_paid(
    committed_app: Flask, trips: Callable[..., Trips], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = trips(ronjas=4)
    paid = confirm_together(committed_app, scene, monkeypatch, 4)
    assert [type(one) for one in paid] == [uuid.UUID] * 4
    conflicts = [one.conflict for one in db.session.query(JockeyAssignment)]
    assert sorted(map(str, conflicts)) == ["NO_JOCKEY_FREE", "NO_JOCKEY_FREE", "None", "None"]
    assert broken() == []


def test_a_payment_does_not_wait_for_somebody_who_never_decides(
    committed_app: Flask, trips: Callable[..., Trips], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another transaction has taken the jockey's time and hangs: past the lock timeout the trip is flagged."""
    scene = trips(ronjas=2)
    first, second = scene.booked(), scene.book(slot=1, back=3)
    taken = scene.assignment(first).id
    payment_id = scene.payment_of(second.id).id
    monkeypatch.setitem(committed_app.config, "LOCK_TIMEOUT_MS", 300)
    db.session.commit()
    with db.engine.connect() as hanging:
        longer = "UPDATE jockey_busy_ranges SET during = tstzrange(lower(during), lower(during) + interval '9 hours')"
        hanging.execute(text(f"{longer} WHERE assignment_id = :id"), {"id": taken})
        succeed(db.session.get_one(Payment, payment_id))
    assert scene.assignment(second).conflict == "NO_JOCKEY_FREE"
    assert second.status is BookingStatus.CONFIRMED
    assert broken() == []


# two people and one step


def set_out(pickup_id: uuid.UUID, who: User) -> AssignmentStatus:
    return commands.start_pickup(pickup_id, who, early=True)


def press_together(app: Flask, scene: Trips, press: Callable[[uuid.UUID, User], Any]) -> tuple[list[Any], uuid.UUID]:
    """The jockey and the dispatcher press at the same moment."""
    pickup_id = scene.assignment(scene.booked()).id
    people = [scene.driver.id, scene.dispatcher.id]
    works = [lambda who=who: press(pickup_id, db.session.get_one(User, who)) for who in people]
    return at_once(app, works), pickup_id


def starts(pickup_id: uuid.UUID) -> int:
    return db.session.query(AuditEntry).filter_by(entity_id=pickup_id, action="assignment.start").count()


def test_without_the_locks_both_take_the_same_step(
    committed_app: Flask, trips: Callable[..., Trips], monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = Meeting(2)

    def unlocked(assignment_id: uuid.UUID) -> tuple[JockeyAssignment, Booking]:
        assignment = db.session.get_one(JockeyAssignment, assignment_id)
        found = assignment, db.session.get_one(Booking, assignment.booking_id)
        meeting.wait()
        return found

    monkeypatch.setattr(commands, "lock_assignment", unlocked)
    answers, pickup_id = press_together(committed_app, trips(), set_out)
    assert answers == [AssignmentStatus.EN_ROUTE_TO_PICKUP] * 2
    assert starts(pickup_id) == 2


def test_with_the_locks_one_wins_and_the_other_sees_the_new_state(
    committed_app: Flask, trips: Callable[..., Trips]
) -> None:
    answers, pickup_id = press_together(committed_app, trips(), set_out)
    refused = [one for one in answers if isinstance(one, Conflict)]
    assert [one for one in answers if one is AssignmentStatus.EN_ROUTE_TO_PICKUP] != []
    assert [one.details["status"] for one in refused] == ["EN_ROUTE_TO_PICKUP"]
    assert starts(pickup_id) == 1


def test_one_person_pressing_twice_at_once_takes_the_step_once(
    committed_app: Flask, trips: Callable[..., Trips]
) -> None:
    scene = trips()
    pickup_id = scene.assignment(scene.booked()).id
    driver_id = scene.driver.id
    press = [lambda: set_out(pickup_id, db.session.get_one(User, driver_id))] * 4
    assert at_once(committed_app, press) == [AssignmentStatus.EN_ROUTE_TO_PICKUP] * 4
    assert starts(pickup_id) == 1


def test_two_dispatchers_giving_one_trip_away_leave_one_open(committed_app: Flask, trips: Callable[..., Trips]) -> None:
    scene = trips()
    booking_id = scene.booked().id
    pickup_id = scene.assignment(scene.session.get(Booking, booking_id)).id
    others = [scene.second_jockey().id, scene.second_jockey().id]
    works = [
        lambda one=one, by=by: reassign_as(pickup_id, one, by) for one, by in zip(others, people(scene), strict=True)
    ]
    answers = at_once(committed_app, works)
    assert sorted(type(one).__name__ for one in answers) == ["Conflict", "UUID"]
    open_ones = [
        one for one in scene.assignments(scene.session.get(Booking, booking_id), PICKUP) if one.cancel_reason is None
    ]
    assert len(open_ones) == 1
    assert broken() == []


def people(scene: Trips) -> list[uuid.UUID]:
    from b2c_web.accounts.models import Role
    from tests.factories import make_user

    second = make_user(Role.DISPATCHER, workshop_id=scene.workshop.id).id
    scene.session.commit()
    return [scene.dispatcher.id, second]


def reassign_as(pickup_id: uuid.UUID, jockey_id: uuid.UUID, person_id: uuid.UUID) -> uuid.UUID:
    return replanning.reassign(pickup_id, jockey_id, actor=db.session.get_one(User, person_id))


# one Ronja at two doors


def hand_over_together(app: Flask, scene: Trips) -> list[Any]:
    """Both customers get the same Ronja at the same moment; neither jockey says that it is really there."""
    pickups = []
    for booking in (scene.booked(), scene.booked(slot=4, back=6)):
        pickups.append(scene.at_the_door(booking).id)
    driver_id = scene.driver.id
    db.session.commit()
    hand_over = commands.finish_pickup_handover

    def work(one: uuid.UUID) -> AssignmentStatus:
        return hand_over(one, HANDOVER, db.session.get_one(User, driver_id), has_ronja=False)

    return at_once(app, [lambda one=one: work(one) for one in pickups])


def test_without_the_ronjas_row_nobody_is_asked_about_the_other_door(
    committed_app: Flask, trips: Callable[..., Trips], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, meeting = commands.ask_back_holder, Meeting(2)

    def ask_and_meet(step: Step, *, confirmed: bool) -> None:
        ask(step, confirmed=confirmed)
        if step.assignment.departed_at:
            meeting.wait()

    scene = trips(days=4)
    monkeypatch.setattr(commands, "ronja_goes_out", lambda *_facts: None)
    monkeypatch.setattr(commands, "ask_back_holder", ask_and_meet)
    assert hand_over_together(committed_app, scene) == [AssignmentStatus.IN_TRANSIT_TO_WORKSHOP] * 2
    assert TWO_CUSTOMERS in broken()


def test_with_the_ronjas_row_the_second_one_is_asked(
    committed_app: Flask, trips: Callable[..., Trips], monkeypatch: pytest.MonkeyPatch
) -> None:
    go, meeting = commands.ronja_goes_out, Meeting(2)

    def meet_and_go(ronja_id: uuid.UUID, place: str) -> None:
        meeting.wait()
        go(ronja_id, place)

    scene = trips(days=4)
    monkeypatch.setattr(commands, "ronja_goes_out", meet_and_go)
    answers = hand_over_together(committed_app, scene)
    assert [one.code for one in answers if isinstance(one, Invalid)] == ["ronja_out"]
    assert AssignmentStatus.IN_TRANSIT_TO_WORKSHOP in answers
    assert TWO_CUSTOMERS not in broken()
