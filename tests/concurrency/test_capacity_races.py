"""Two people plan at once: each window counts both shifts. First without the guard, to see that it is needed."""

import time
from datetime import date

import pytest

from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops import commands, generation
from b2c_web.workshops.models import TimeSlot, WorkshopCapacity
from tests.concurrency.races import Meeting, at_once
from tests.factories import make_days, make_jockey, make_workshop

DAY = date(2027, 3, 23)
TEMPLATE = generation.Template(generation.parse_windows("08-10,10-12"))


@pytest.fixture
def app(committed_app):
    with committed_app.app_context():
        yield committed_app


@pytest.fixture
def together(request, monkeypatch):
    """Both have written, then both count: the moment at which one could miss the other.

    The guard lets them never meet; without it both come, however busy the machine is.
    """
    alone = "unguarded" in request.fixturenames
    meeting, count = Meeting(2), generation.refresh_jockey_room

    def meet(*arguments):
        meeting.wait()
        count(*arguments)
        if alone:
            time.sleep(0.5)  # the other has begun to count before this one is done

    monkeypatch.setattr(generation, "refresh_jockey_room", meet)


@pytest.fixture
def counted(monkeypatch, together):
    """And nobody is done before the other has counted."""
    meeting, count = Meeting(2), generation.refresh_jockey_room

    def stay(*arguments):
        count(*arguments)
        meeting.wait()

    monkeypatch.setattr(generation, "refresh_jockey_room", stay)


@pytest.fixture
def unguarded(monkeypatch):
    monkeypatch.setattr(generation, "lock_windows", lambda *_arguments: None)


def planned():
    """A workshop with one day and two jockeys, written for good."""
    workshop = make_workshop()
    make_days(workshop, DAY, 1, jockey_minutes_room=0)
    jockeys = [make_jockey(workshop).id for _number in range(2)]
    db.session.commit()
    return workshop.id, jockeys


def add_shift_of(jockey_id):
    times = [local_to_utc(DAY, minutes, ZONE) for minutes in (480, 720)]
    return lambda: commands.add_shift(jockey_id, *times)


def rooms(workshop_id):
    db.session.rollback()
    slots = db.session.query(TimeSlot).filter_by(workshop_id=workshop_id).order_by(TimeSlot.start_time)
    return [slot.jockey_minutes_room for slot in slots][:2]


def test_without_the_guard_one_shift_is_not_counted(app, together, unguarded):
    workshop_id, jockeys = planned()
    at_once(app, [add_shift_of(jockey) for jockey in jockeys])
    assert rooms(workshop_id) == [120, 120]


def test_with_it_both_are(app, together):
    workshop_id, jockeys = planned()
    at_once(app, [add_shift_of(jockey) for jockey in jockeys])
    assert rooms(workshop_id) == [240, 240]


def new_days_and_a_shift(app):
    workshop = make_workshop()
    jockey_id = make_jockey(workshop).id
    db.session.commit()
    workshop_id = workshop.id
    generate = lambda: commands.generate_days(workshop_id, DAY, DAY, TEMPLATE)  # noqa: E731 - two works side by side
    at_once(app, [generate, add_shift_of(jockey_id)])
    return workshop_id


def test_without_the_guard_windows_made_beside_a_shift_miss_it(app, counted, unguarded):
    assert rooms(new_days_and_a_shift(app)) == [0, 0]


def test_with_it_they_do_not(app, together):
    assert rooms(new_days_and_a_shift(app)) == [120, 120]


def test_days_generated_by_two_at_once_are_made_once(app):
    workshop = make_workshop()
    db.session.commit()
    workshop_id = workshop.id
    results = at_once(app, [lambda: commands.generate_days(workshop_id, DAY, DAY, TEMPLATE) for _twice in range(4)])
    assert [one for one in results if isinstance(one, Exception)] == []
    assert db.session.query(WorkshopCapacity).filter_by(workshop_id=workshop_id).count() == 1
    assert db.session.query(TimeSlot).filter_by(workshop_id=workshop_id).count() == 2
