"""Races for a wish, in pairs: first with the guards off to show the race, then with them on."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.bookings import access as booking_access
from b2c_web.bookings.models import Booking
from b2c_web.checks import breaches
from b2c_web.errors import Conflict, DomainError, Invalid
from b2c_web.extensions import access, commands, wishing
from b2c_web.extensions.items import Offer
from b2c_web.extensions.models import Extension, ExtensionWish
from b2c_web.flask_extensions import db
from tests.commands.extending import PADS, Extending
from tests.concurrency.races import Meeting, at_once

NO_LOCK = {"lock_booking": lambda booking_id: db.session.get_one(Booking, booking_id)}
CONSTRAINTS = ("ck_extension_wishes_taken_up_or_set_aside", "uq_extension_wishes_item")


@pytest.fixture
def scene(committed_app: Flask) -> Iterator[Extending]:
    """A committed scene with the real clock."""
    with committed_app.app_context():
        first = clock.now_utc().date() + timedelta(days=2)
        while first.weekday() > 3:
            first += timedelta(days=1)
        yield Extending(db.session, clock.frozen, first=first)


@pytest.fixture
def before(scene: Extending) -> tuple[Booking, Extension]:
    return scene.declined_before()


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No row locks, and none of the constraints that stand behind them."""
    for module in (booking_access, wishing):
        monkeypatch.setattr(module, "lock_booking", NO_LOCK["lock_booking"])
    unlocked = select(Booking, Extension).join(Extension, Extension.booking_id == Booking.id)
    monkeypatch.setattr(access, "WITH_BOOKING", unlocked)
    for name in CONSTRAINTS:
        db.session.execute(text(f"ALTER TABLE extension_wishes DROP CONSTRAINT {name}"))
    db.session.commit()


def meet_after_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has read the wishes before anybody writes."""
    read, meeting = wishing._rows, Meeting(2)

    def read_and_meet(booking: Booking) -> Any:
        found = read(booking)
        meeting.wait()
        return found

    monkeypatch.setattr(wishing, "_rows", read_and_meet)


def race(app: Flask, *works: Callable[[], Any]) -> tuple[int, list[str]]:
    """How many came through, and the codes of the refusals. Anything else than a refusal is an error of the test."""
    results = at_once(app, works)
    db.session.rollback()
    refusals = [one for one in results if isinstance(one, Exception)]
    assert all(isinstance(one, Conflict | Invalid) for one in refusals), refusals
    return len(results) - len(refusals), [one.code for one in refusals if isinstance(one, DomainError)]


def by(person_id: uuid.UUID) -> User:
    return db.session.get_one(User, person_id)


def the_wish(booking_id: uuid.UUID) -> ExtensionWish:
    db.session.expire_all()
    return db.session.query(ExtensionWish).filter_by(booking_id=booking_id).one()


# taken up twice


def take_up_twice(
    app: Flask, scene: Extending, before: tuple[Booking, Extension], monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[int, list[str]], int]:
    """Two people offer the same wish in different words; returns also how many offers have its line."""
    booking = scene.again(*before, 0)
    scene.check_in(booking)
    booking_id, staff_id, wish_id = booking.id, scene.staff.id, the_wish(booking.id).id
    line = replace(PADS, wish_id=wish_id)
    meet_after_reading(monkeypatch)
    outcome = race(
        app,
        *(
            lambda words=words: commands.raise_extension(by(staff_id), booking_id, Offer(words, (line,)))  # type: ignore[misc]
            for words in ("Vorn.", "Wie gewünscht.")
        ),
    )
    return outcome, db.session.query(Extension).filter_by(booking_id=booking_id).count()


def test_without_the_guard_a_wish_is_offered_twice(
    committed_app: Flask, scene: Extending, before: Any, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take_up_twice(committed_app, scene, before, monkeypatch) == ((2, []), 2)


def test_a_wish_is_offered_once(
    committed_app: Flask, scene: Extending, before: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert take_up_twice(committed_app, scene, before, monkeypatch) == ((1, ["wish_taken_up"]), 1)
    assert breaches() == []


# taken up and set aside


def offer_and_set_aside(
    app: Flask, scene: Extending, before: tuple[Booking, Extension], monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[int, list[str]], ExtensionWish]:
    booking = scene.again(*before, 0)
    scene.check_in(booking)
    booking_id, staff_id, wish_id = booking.id, scene.staff.id, the_wish(booking.id).id
    line = replace(PADS, wish_id=wish_id)
    meet_after_reading(monkeypatch)
    outcome = race(
        app,
        lambda: commands.raise_extension(by(staff_id), booking_id, Offer("Wie gewünscht.", (line,))),
        lambda: commands.set_aside(by(staff_id), booking_id, wish_id, "Halten noch."),
    )
    return outcome, the_wish(booking_id)


def test_without_the_guard_what_is_offered_is_set_aside(
    committed_app: Flask, scene: Extending, before: Any, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, _codes), wish = offer_and_set_aside(committed_app, scene, before, monkeypatch)
    assert came == 2
    assert wish.taken_up_by_id is not None
    assert wish.set_aside_at is not None


def test_either_it_is_offered_or_set_aside(
    committed_app: Flask, scene: Extending, before: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (came, codes), wish = offer_and_set_aside(committed_app, scene, before, monkeypatch)
    assert came == 1
    assert codes == (["wish_set_aside"] if wish.set_aside_at else ["wish_taken_up"])
    assert (wish.taken_up_by_id is None) == (wish.set_aside_at is not None)
    assert breaches() == []


# wished twice: two tabs of the same customer


def wish_twice(
    app: Flask, scene: Extending, before: tuple[Booking, Extension], monkeypatch: pytest.MonkeyPatch
) -> tuple[tuple[int, list[str]], int]:
    booking = scene.again(*before)
    booking_id, user_id, key = booking.id, booking.user_id, f"{before[1].id}:0"
    meet_after_reading(monkeypatch)
    change = lambda: commands.change_wishes(by(user_id), booking_id, [key])  # noqa: E731 - two tabs, one button
    outcome = race(app, change, change)
    return outcome, db.session.query(ExtensionWish).filter_by(booking_id=booking_id).count()


def test_without_the_guard_the_same_is_wished_twice(
    committed_app: Flask, scene: Extending, before: Any, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wish_twice(committed_app, scene, before, monkeypatch) == ((2, []), 2)


def test_two_tabs_wish_once(
    committed_app: Flask, scene: Extending, before: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wish_twice(committed_app, scene, before, monkeypatch) == ((2, []), 1)
    assert breaches() == []
