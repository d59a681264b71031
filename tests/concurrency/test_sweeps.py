"""A periodic job that meets one busy booking sees to all the others."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine, text

from b2c_web import clock
from b2c_web.bookings.jobs import sweep_holds, sweep_no_shows
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.flask_extensions import db
from tests.commands.scene import Scene
from tests.conftest import NOON


@pytest.fixture
def scene(committed_app: Flask) -> Iterator[Scene]:
    with clock.frozen(NOON), committed_app.app_context():
        yield Scene(db.session, ronjas=3)


def overdue_holds(scene: Scene) -> list[uuid.UUID]:
    bookings = [scene.book(slot, None) for slot in range(3)]
    for minutes, booking in enumerate(bookings):
        booking.hold_expires_at = NOON - timedelta(minutes=5 - minutes)
    return [booking.id for booking in bookings]


def overdue_dates(scene: Scene) -> list[uuid.UUID]:
    bookings = [scene.booked(slot, None) for slot in range(3)]
    for booking in bookings:
        booking.no_show_at, booking.new_date_until = NOON - timedelta(hours=25), NOON - timedelta(minutes=1)
    return [booking.id for booking in bookings]


@pytest.mark.parametrize(("make", "sweep"), [(overdue_holds, sweep_holds), (overdue_dates, sweep_no_shows)])
def test_one_busy_booking_does_not_keep_the_others(
    committed_app: Flask,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Scene], list[uuid.UUID]],
    sweep: Callable[[], None],
) -> None:
    monkeypatch.setitem(committed_app.config, "LOCK_TIMEOUT_MS", 200)
    first, *others = make(scene)
    db.session.commit()
    with create_engine(db.engine.url, poolclass=NullPool).connect() as somebody:
        somebody.execute(text("SELECT 1 FROM bookings WHERE id = :id FOR UPDATE"), {"id": first})
        sweep()
        somebody.rollback()
    statuses = [db.session.get_one(Booking, one, populate_existing=True).status for one in (first, *others)]
    assert statuses[0] is not BookingStatus.CANCELLED
    assert statuses[1:] == [BookingStatus.CANCELLED] * 2
    sweep()
    assert db.session.get_one(Booking, first, populate_existing=True).status is BookingStatus.CANCELLED
