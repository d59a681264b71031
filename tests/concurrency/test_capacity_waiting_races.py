"""Two workers tell the waiting list at once: different places go to different people, one place to one person."""

import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from b2c_web import clock
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.capacity import waiting_turns
from b2c_web.capacity.waiting_models import WaitingState
from b2c_web.capacity.waiting_turns import tell_day
from b2c_web.checks import breaches
from b2c_web.flask_extensions import db
from tests.commands.test_capacity_waiting import Full
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON

WORKERS = 2


@pytest.fixture
def full(committed_app: Flask) -> Iterator[Callable[..., Full]]:
    with clock.frozen(NOON), committed_app.app_context():
        yield lambda: Full(db.session)


def tell_at_once(app: Flask, one: Full) -> list[Any]:
    workshop_id, day = one.workshop.id, one.first
    db.session.commit()
    results = at_once(app, [lambda: tell_day(workshop_id, day)] * WORKERS)
    db.session.rollback()
    return results


def guards_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the other's turn, an entry is told whatever it says, and both look before either acts."""
    monkeypatch.setattr(waiting_turns, "lock_queue", lambda *_key: None)
    monkeypatch.setattr(waiting_turns, "claim_entry", lambda *_ids: True)
    monkeypatch.setattr(waiting_turns, "_check_no_other_hold", lambda _user: None)
    line, meeting, looked = waiting_turns._Turn._line, Meeting(WORKERS), set[int]()

    def look_and_meet(turn: Any) -> Any:
        """Nobody becomes TOLD here, so each worker takes one turn only."""
        if threading.get_ident() in looked:
            return []
        looked.add(threading.get_ident())
        found = line(turn)
        meeting.wait()
        return found

    monkeypatch.setattr(waiting_turns._Turn, "_line", look_and_meet)


def pending() -> list[uuid.UUID]:
    rows = db.session.query(Booking).filter_by(status=BookingStatus.PENDING)
    return sorted(row.user_id for row in rows)


def told(results: list[Any]) -> list[uuid.UUID]:
    assert not [one for one in results if isinstance(one, Exception)], results
    return [entry_id for one in results for entry_id in one]


def test_without_the_guards_one_person_is_told_twice(
    full: Callable[..., Full], committed_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two places free at once: both workers take the first in the line, and the second person hears nothing."""
    one = full()
    first, _second = one.wait(), one.wait()
    first_id = first.id
    one.free()
    one.keep_open(2)
    guards_off(monkeypatch)
    results = tell_at_once(committed_app, one)
    assert [found[0] for found in results] == [first_id, first_id]
    assert len(pending()) == 1


def test_two_places_freeing_at_once_tell_two_people(full: Callable[..., Full], committed_app: Flask) -> None:
    one = full()
    entries = [one.wait(), one.wait(), one.wait()]
    ids, users = [entry.id for entry in entries], sorted(entry.user_id for entry in entries[:2])
    one.free()
    one.keep_open(2)
    assert sorted(told(tell_at_once(committed_app, one))) == sorted(ids[:2])
    assert one.states() == [WaitingState.TOLD, WaitingState.TOLD, WaitingState.WAITING]
    assert pending() == users
    assert len(one.told()) == 2
    assert breaches() == []


def test_one_place_freeing_twice_tells_one(full: Callable[..., Full], committed_app: Flask) -> None:
    one = full()
    first, _second = one.wait(), one.wait()
    first_id, user_id = first.id, first.user_id
    one.free()
    assert told(tell_at_once(committed_app, one)) == [first_id]
    assert one.states() == [WaitingState.TOLD, WaitingState.WAITING]
    assert pending() == [user_id]
    assert len(one.told()) == 1
    assert breaches() == []
