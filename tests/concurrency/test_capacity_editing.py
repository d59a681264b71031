"""Staff edit while customers book, and two of them edit at once; in pairs, first with the guard off."""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from b2c_web import clock
from b2c_web.bookings import places
from b2c_web.bookings.claim import book
from b2c_web.bookings.places import PlaceTaken
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.workshops import editing, generation, template_commands
from b2c_web.workshops.editing import ChangedMeanwhile, Edit, day_state, edit_day, edit_window, window_state
from b2c_web.workshops.locking import BelowBooked
from b2c_web.workshops.models import TimeSlot, WorkshopCapacity
from b2c_web.workshops.template_changes import ChangeKind
from b2c_web.workshops.template_commands import Draft, save_template
from b2c_web.workshops.template_store import put_first, state_of, weeks_of
from b2c_web.workshops.weekly import DayPlan, Week
from tests.commands.scene import FIRST, Scene
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON

TOMORROW = date(2026, 11, 25)


@pytest.fixture
def app(committed_app: Flask) -> Iterator[Flask]:
    with clock.frozen(NOON), committed_app.app_context():
        yield committed_app


@pytest.fixture
def scene(app: Flask) -> Scene:
    return Scene(db.session)


def unlocked(kind: Any, *conditions: Any) -> Any:
    return db.session.scalar(select(kind).where(*conditions))


def guards_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """No locks for who edits, and no constraint behind it."""
    for table in ("time_slots", "workshop_capacity"):
        db.session.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_within_maximum"))
    db.session.commit()
    monkeypatch.setattr(editing, "locked_or_none", unlocked)
    monkeypatch.setattr(editing, "locked", unlocked)
    monkeypatch.setattr(template_commands, "lock_days", lambda *_arguments: None)
    monkeypatch.setattr(generation, "lock_windows", lambda *_arguments: None)


@pytest.fixture
def meeting(monkeypatch: pytest.MonkeyPatch) -> Meeting:
    """Who edits has looked, who books has judged: then both write."""
    meeting = Meeting(2)
    judge, refuse, changes = places._take_judged, editing.refuse_below, template_commands._changes

    def after(function: Callable[..., Any]) -> Callable[..., Any]:
        def look_and_meet(*arguments: Any) -> Any:
            seen = function(*arguments)
            meeting.wait()
            return seen

        return look_and_meet

    monkeypatch.setattr(places, "_take_judged", after(judge))
    monkeypatch.setattr(editing, "refuse_below", after(refuse))
    monkeypatch.setattr(template_commands, "_changes", after(changes))
    return meeting


def a_claim(scene: Scene) -> Callable[[], Any]:
    request = scene.request(0, None)
    db.session.commit()
    return lambda: book(request)


def day_row(scene: Scene) -> WorkshopCapacity:
    db.session.rollback()
    this = (WorkshopCapacity.workshop_id == scene.workshop.id, WorkshopCapacity.date == FIRST)
    return db.session.scalars(select(WorkshopCapacity).where(*this)).one()


def an_edit(scene: Scene, maximum: int) -> Callable[[], None]:
    workshop_id, edit = scene.workshop.id, Edit(maximum, False, None, day_state(day_row(scene)))
    return lambda: edit_day(workshop_id, FIRST, edit)


def a_window_edit(scene: Scene) -> Callable[[], None]:
    slot = scene.slots[0]
    workshop_id, slot_id, edit = slot.workshop_id, slot.id, Edit(0, False, None, window_state(slot))
    return lambda: edit_window(workshop_id, slot_id, edit)


def one_of_them(results: list[Any]) -> tuple[type, str]:
    """Which error came, and who got it; exactly one must."""
    failed = [(type(result), ("editor", "customer")[n]) for n, result in enumerate(results) if _is_error(result)]
    assert len(failed) == 1, results
    return failed[0]


def _is_error(result: Any) -> bool:
    return isinstance(result, Exception)


# -- a day's maximum


def test_without_guards_a_day_ends_above_its_maximum(
    app: Flask, scene: Scene, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    guards_off(monkeypatch)
    at_once(app, [an_edit(scene, 0), a_claim(scene)])
    row = day_row(scene)
    assert (row.current_bookings, row.max_bookings) == (1, 0)


def test_with_them_either_the_edit_or_the_claim_is_refused(app: Flask, scene: Scene, meeting: Meeting) -> None:
    refused = one_of_them(at_once(app, [an_edit(scene, 0), a_claim(scene)]))
    assert refused in ((BelowBooked, "editor"), (PlaceTaken, "customer"))
    row = day_row(scene)
    assert (row.current_bookings, row.max_bookings) in ((1, 20), (0, 0))


# -- a window's


def window_numbers(scene: Scene) -> tuple[int, int]:
    db.session.rollback()
    slot = db.session.get(TimeSlot, scene.slots[0].id, populate_existing=True)
    assert slot is not None
    return slot.current_bookings, slot.max_bookings


def test_without_guards_a_window_ends_above_its_maximum(
    app: Flask, scene: Scene, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    guards_off(monkeypatch)
    at_once(app, [a_window_edit(scene), a_claim(scene)])
    assert window_numbers(scene) == (1, 0)


def test_with_them_the_window_keeps_what_it_promised(app: Flask, scene: Scene, meeting: Meeting) -> None:
    refused = one_of_them(at_once(app, [a_window_edit(scene), a_claim(scene)]))
    assert refused in ((BelowBooked, "editor"), (PlaceTaken, "customer"))
    assert window_numbers(scene) in ((1, 4), (0, 0))


# -- a template


def a_template(scene: Scene) -> Callable[[], Any]:
    """The same windows, and nobody may book any more."""
    workshop_id = scene.workshop.id
    put_first(workshop_id, TOMORROW)
    db.session.commit()
    plan = weeks_of(workshop_id).on(FIRST)
    assert plan is not None
    draft = Draft(TOMORROW, Week(dict.fromkeys(range(5), DayPlan(0, plan.windows))), state_of(workshop_id))
    db.session.rollback()
    return lambda: save_template(workshop_id, draft)


def test_without_guards_a_template_breaks_a_promise(
    app: Flask, scene: Scene, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    guards_off(monkeypatch)
    at_once(app, [a_template(scene), a_claim(scene)])
    row = day_row(scene)
    assert (row.current_bookings, row.max_bookings) == (1, 0)


def test_with_them_the_day_stays_or_the_customer_is_told(app: Flask, scene: Scene, meeting: Meeting) -> None:
    changes, claimed = at_once(app, [a_template(scene), a_claim(scene)])
    kind = next(change.kind for change in changes if change.now.day == FIRST)
    assert isinstance(claimed, PlaceTaken) is (kind is ChangeKind.CHANGES)
    row = day_row(scene)
    assert (row.current_bookings, row.max_bookings) == ((0, 0) if kind is ChangeKind.CHANGES else (1, 20))


# -- two who edit the same day


def test_without_guards_the_slower_one_writes_over_the_other(
    app: Flask, scene: Scene, meeting: Meeting, monkeypatch: pytest.MonkeyPatch
) -> None:
    guards_off(monkeypatch)
    assert at_once(app, [an_edit(scene, 9), an_edit(scene, 11)]) == [None, None]


def test_with_them_one_wins_and_the_other_is_told(app: Flask, scene: Scene, meeting: Meeting) -> None:
    results = at_once(app, [an_edit(scene, 9), an_edit(scene, 11)])
    winner = results.index(None)
    assert isinstance(results[1 - winner], ChangedMeanwhile)
    assert issubclass(ChangedMeanwhile, Conflict)
    assert day_row(scene).max_bookings == (9, 11)[winner]
