"""One question for 60 days: three statements, the same rules as the claim, no history read."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from b2c_web.bookings.availability import availability, read_windows
from b2c_web.bookings.claim import book
from b2c_web.bookings.places import PlaceTaken
from b2c_web.errors import TooMany
from b2c_web.flask_extensions import db
from b2c_web.workshops.commands import close_day
from b2c_web.workshops.models import WorkshopCapacity
from b2c_web.workshops.queries import ReachKind, nearest_workshop
from b2c_web.workshops.rules import Block, DayState, Window
from benchmarks import bare
from tests.commands.scene import FIRST, Scene
from tests.factories import make_ronja, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")


@contextmanager
def counted() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(("SAVEPOINT", "RELEASE")):
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def ask(scene: Scene, concierge: bool = True, days: int = 2) -> Any:
    question = scene.request(0, 2 if concierge else None).question
    return availability(question, FIRST, FIRST + timedelta(days=days - 1))


def test_sixty_days_take_three_statements(session: Any) -> None:
    scene = Scene(session, days=60, ronjas=2)
    scene.booked()
    question = scene.request().question
    db.session.commit()
    with counted() as statements:
        answer = availability(question, FIRST, FIRST + timedelta(days=59))
    assert len(statements) == 3
    assert sum(len(day.offers) for day in answer.days) == len(scene.slots)


def test_the_bare_app_of_the_benchmark_reads_the_same_windows(session: Any) -> None:
    """What the calendar is measured against asks by the calendar's own statement."""
    workshop_id = Scene(session, days=3).workshop.id
    asked = {"workshop": workshop_id, "first": FIRST, "last": FIRST + timedelta(days=2)}
    rows = session.connection().connection.dbapi_connection.execute(bare.STATEMENT, asked).fetchall()
    assert [Window(*row[:13]) for row in rows] == read_windows(*asked.values())[0]
    assert len(rows) > 2


def test_what_the_calendar_offers_can_be_claimed_and_what_it_blocks_cannot(session: Any) -> None:
    """The same rules, from the same place: checked window by window while places run out."""
    scene = Scene(session, ronjas=2, places=2, jockey_minutes_room=200)
    dice = random.Random(7)
    for _round in range(14):
        answer = ask(scene)
        index = dice.randrange(10)
        offer = answer.with_returns(scene.slots[index].id)
        ids = [slot.id for slot in scene.slots]
        backs = [ids.index(option.window.slot_id) for option in offer.returns]
        for back in dice.sample(range(10), 4):
            if back not in backs or offer.block:
                with pytest.raises((PlaceTaken, TooMany)):
                    book(scene.request(index, back))
        if offer.block is None:
            book(scene.request(index, backs[0]))


def test_places_run_down_to_full(session: Any) -> None:
    scene = Scene(session, ronjas=3, places=2)
    states = []
    for _n in range(3):
        first = next(ask(scene, concierge=False).offers())
        states.append((first.places, first.block))
        if first.block is None:
            book(scene.request(0, None))
    assert states == [(2, None), (1, None), (0, Block.SLOT_FULL)]


def test_days_say_free_few_full_closed_and_why(session: Any) -> None:
    scene = Scene(session, ronjas=4)
    answer = ask(scene, days=4)
    assert [day.state for day in answer.days] == [DayState.FREE, DayState.FREE, DayState.CLOSED, DayState.CLOSED]
    close_day(scene.workshop.id, FIRST, "Betriebsausflug")
    closed = ask(scene).days[0]
    assert (closed.state, closed.block, closed.note) == (DayState.CLOSED, Block.CLOSED, "Betriebsausflug")


def test_a_holiday_is_closed_with_its_name(session: Any) -> None:
    scene = Scene(session)
    day = session.query(WorkshopCapacity).filter_by(date=FIRST).one()
    day.is_holiday, day.note = True, "Feiertag"
    session.commit()
    assert (ask(scene).days[0].block, ask(scene).days[0].note) == (Block.HOLIDAY, "Feiertag")


def test_a_day_full_of_promised_ronjas_says_so(session: Any) -> None:
    scene = Scene(session, ronjas=1)
    book(scene.request(0, 8))
    full = ask(scene).days[0]
    assert (full.state, full.block) == (DayState.FULL, Block.NO_RONJA)


def test_the_next_free_and_the_nearest(session: Any) -> None:
    scene = Scene(session, ronjas=1)
    answer = ask(scene)
    assert answer.next_free().window.slot_id == scene.slots[0].id
    around = int(scene.slots[6].start_time.timestamp())
    nearest = [offer.window.slot_id for offer in answer.alternatives(around)]
    assert nearest == [slot.id for slot in scene.slots[5:8]]


def test_the_nearest_workshop_that_serves_the_place(session: Any) -> None:
    witten = make_workshop(service_radius=5)
    hagen = make_workshop(city="Hagen", lat=51.36, lng=7.47)
    make_ronja(hagen)
    far = nearest_workshop("44137")
    assert (far.kind, far.workshop) == (ReachKind.SERVED, hagen)
    assert nearest_workshop("58452").workshop is witten
    too_far = nearest_workshop("80331")
    assert (too_far.kind, too_far.served) == (ReachKind.TOO_FAR, False)
    assert nearest_workshop("00000").kind is ReachKind.UNKNOWN_CODE
    assert nearest_workshop("00000", "58452").kind is ReachKind.SERVED
    hagen.is_active = False
    session.commit()
    assert nearest_workshop("44137").kind is ReachKind.TOO_FAR


def test_an_inactive_workshop_promises_nothing(session: Any) -> None:
    scene = Scene(session)
    request = scene.request()
    scene.workshop.is_active = False
    session.commit()
    with pytest.raises(PlaceTaken):
        book(request)


@pytest.mark.parametrize("first", [date(2026, 10, 24), date(2027, 3, 27)])
def test_a_night_with_a_change_of_the_clock_keeps_the_windows(session: Any, first: date, frozen_clock: Any) -> None:
    """Windows stay at their wall-clock time; 24 hours before is counted in elapsed hours."""
    with frozen_clock(frozen_clock_start(first)):
        scene = Scene(session, first=first, days=3, weekends=True)
        question = scene.request().question
        answer = availability(question, first, first + timedelta(days=2))
        assert all(offer.block is None for day in answer.days[1:] for offer in day.offers[:3])


def frozen_clock_start(first: date) -> Any:
    from datetime import UTC, datetime

    return datetime(first.year, first.month, first.day, 4, tzinfo=UTC) - timedelta(days=2)
