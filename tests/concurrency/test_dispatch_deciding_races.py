"""Two dispatchers and one plan, in pairs: first without the guard, then with it."""

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking, RonjaReservation
from b2c_web.checks import breaches
from b2c_web.dispatch import commands, deciding, replanning, ronjas
from b2c_web.dispatch.deciding import Decision, decide
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.steps import seen_of
from b2c_web.errors import Busy, Conflict
from b2c_web.flask_extensions import db
from tests.commands.trips import PICKUP, Trips
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON
from tests.factories import make_user

Make = Callable[..., Trips]


@pytest.fixture
def trips(committed_app: Flask) -> Iterator[Make]:
    with clock.frozen(NOON), committed_app.app_context():
        yield lambda **facts: Trips(db.session, clock.frozen, **facts)


def dispatchers(scene: Trips) -> list[uuid.UUID]:
    second = make_user(Role.DISPATCHER, workshop_id=scene.workshop.id).id
    scene.session.commit()
    return [scene.dispatcher.id, second]


def reserved() -> dict[uuid.UUID, uuid.UUID]:
    db.session.expire_all()
    return {row.booking_id: row.ronja_id for row in db.session.query(RonjaReservation)}


def seen(scene: Trips, booking_id: uuid.UUID) -> str:
    booking = db.session.get_one(Booking, booking_id)
    return seen_of(scene.assignment(booking), reserved()[booking_id])


def by(person_id: uuid.UUID, booking_id: uuid.UUID, decision: Decision, shown: str) -> uuid.UUID:
    return decide(booking_id, PICKUP, decision, seen=shown, actor=db.session.get_one(User, person_id))


# one trip, two jockeys


def give_at_once(app: Flask, scene: Trips) -> list[Any]:
    booking_id = scene.booked().id
    jockeys = [scene.second_jockey().id, scene.second_jockey().id]
    shown, people = seen(scene, booking_id), dispatchers(scene)
    works = [
        lambda who=who, jockey=jockey: by(who, booking_id, Decision(jockey), shown)
        for who, jockey in zip(people, jockeys, strict=True)
    ]
    db.session.remove()
    return at_once(app, works)


def test_without_the_look_at_what_was_shown_the_later_one_silently_wins(
    committed_app: Flask, trips: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deciding, "check_seen", lambda _seen, _now: None)
    answers = give_at_once(committed_app, trips())
    assert [type(one) for one in answers] == [uuid.UUID, uuid.UUID]


def test_with_it_one_wins_and_the_other_is_told(committed_app: Flask, trips: Make) -> None:
    answers = give_at_once(committed_app, trips())
    assert sorted(type(one).__name__ for one in answers) == ["Conflict", "UUID"]
    assert breaches() == []


# a dispatcher takes a trip off the plan that its jockey begins


def begin_and_end(app: Flask, scene: Trips) -> tuple[list[Any], uuid.UUID]:
    booking = scene.booked()
    pickup, shown, dispatcher, driver = (
        scene.assignment(booking).id,
        seen(scene, booking.id),
        scene.dispatcher.id,
        scene.driver.id,
    )
    begun = threading.Event()
    db.session.commit()
    db.session.remove()

    def begin() -> None:
        commands.start_pickup(pickup, db.session.get_one(User, driver), early=True)
        begun.set()

    def take_off() -> Any:
        person = db.session.get_one(User, dispatcher)
        assert begun.wait(60)
        return replanning.cancel_assignment(pickup, CancelReason.REDISPATCHED, "", person, seen=shown)

    return at_once(app, [begin, take_off]), pickup


def test_without_the_look_a_trip_that_just_began_is_taken_off(
    committed_app: Flask, trips: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replanning, "check_seen", lambda _seen, _now: None)
    answers, pickup = begin_and_end(committed_app, trips())
    assert answers == [None, AssignmentStatus.CANCELLED]
    assert db.session.get_one(JockeyAssignment, pickup).status is AssignmentStatus.CANCELLED


def test_with_it_the_dispatcher_is_told_and_the_jockey_drives_on(committed_app: Flask, trips: Make) -> None:
    answers, pickup = begin_and_end(committed_app, trips())
    assert isinstance(answers[1], Conflict)
    assert db.session.get_one(JockeyAssignment, pickup).status is AssignmentStatus.EN_ROUTE_TO_PICKUP
    assert breaches() == []


# one free Ronja, two bookings


def take_at_once(app: Flask, scene: Trips, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Both have looked at what is free before either has taken it."""
    ids = [scene.booked().id, scene.booked().id]
    held = reserved()
    free = next(one.id for one in scene.ronjas if one.id not in held.values())
    shown, people, meeting = [seen(scene, one) for one in ids], dispatchers(scene), Meeting(2)
    looked = ronjas.choices

    def look_and_meet(booking: Booking) -> Any:
        found = looked(booking)
        meeting.wait()
        return found

    monkeypatch.setattr(ronjas, "choices", look_and_meet)
    works = [
        lambda who=who, one=one, was=was: by(who, one, Decision(ronja_id=free), was)
        for who, one, was in zip(people, ids, shown, strict=True)
    ]
    db.session.remove()
    return at_once(app, works)


def test_without_the_constraint_two_bookings_get_one_ronja(
    committed_app: Flask, trips: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = trips(ronjas=3)
    db.session.execute(text("ALTER TABLE ronja_reservations DROP CONSTRAINT ex_ronja_reservations_overlap"))
    db.session.commit()
    monkeypatch.setattr(ronjas, "_exchange", lambda moves: [setattr(one, "ronja_id", new) for one, new in moves])
    answers = take_at_once(committed_app, scene, monkeypatch)
    assert [type(one) for one in answers] == [uuid.UUID, uuid.UUID]
    assert len(set(reserved().values())) == 1


def test_the_constraint_gives_it_to_one_and_tells_the_other(
    committed_app: Flask, trips: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = take_at_once(committed_app, trips(ronjas=3), monkeypatch)
    refused = [one for one in answers if isinstance(one, Conflict | Busy)]
    assert len(refused) == 1
    assert [type(one) for one in answers if one not in refused] == [uuid.UUID]
    assert len(set(reserved().values())) == 2
    assert breaches() == []


# two swaps across


def swap_at_once(app: Flask, scene: Trips) -> tuple[list[Any], dict[uuid.UUID, uuid.UUID], dict[uuid.UUID, uuid.UUID]]:
    first, second = scene.booked().id, scene.booked().id
    before = reserved()
    shown, people = [seen(scene, first), seen(scene, second)], dispatchers(scene)
    works = [
        lambda: by(people[0], first, Decision(ronja_id=before[second]), shown[0]),
        lambda: by(people[1], second, Decision(ronja_id=before[first]), shown[1]),
    ]
    db.session.remove()
    return at_once(app, works), before, reserved()


def test_without_it_nobody_is_told_that_the_swap_was_made_already(
    committed_app: Flask, trips: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second change finds nothing to do and says so to nobody."""
    monkeypatch.setattr(deciding, "check_seen", lambda _seen, _now: None)
    answers, before, after = swap_at_once(committed_app, trips(ronjas=2))
    assert [type(one) for one in answers] == [uuid.UUID, uuid.UUID]
    assert list(after.values()) == list(before.values())[::-1]


def test_with_it_the_swap_happens_once_and_one_is_told(committed_app: Flask, trips: Make) -> None:
    answers, before, after = swap_at_once(committed_app, trips(ronjas=2))
    assert sorted(type(one).__name__ for one in answers) == ["Conflict", "UUID"]
    first, second = before
    assert (after[first], after[second]) == (before[second], before[first])
    assert breaches() == []
