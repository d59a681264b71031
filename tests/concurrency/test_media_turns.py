"""Few files are put away at a time in each process; waiting for a busy booking is no part of that."""

import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.flask_extensions import db
from b2c_web.media import commands
from b2c_web.media.models import MediaPurpose
from b2c_web.media.store import LocalMediaStore
from tests.commands.trips import PNG, Trips
from tests.concurrency.races import LOOK_SECONDS, WAITING_FOR_LOCKS
from tests.conftest import NOON

PATIENCE_SECONDS = 10


@pytest.fixture
def desk(committed_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[uuid.UUID, ...]]:
    """Somebody of a workshop and two of its bookings."""
    monkeypatch.setitem(committed_app.extensions, "media_store", LocalMediaStore(tmp_path))
    monkeypatch.setitem(committed_app.config, "LOCK_TIMEOUT_MS", 60_000)
    with clock.frozen(NOON), committed_app.app_context():
        trips = Trips(db.session, clock.frozen)
        ids = trips.staff.id, trips.booked(0, None).id, trips.booked(1, None).id
        db.session.rollback()
        yield ids


def wait_until_held_up(parties: int) -> None:
    until, held_up = time.monotonic() + PATIENCE_SECONDS, 0
    while held_up < parties:
        assert time.monotonic() < until, "nobody waits for the booking, so there is nothing to see"
        time.sleep(LOOK_SECONDS)
        with db.engine.connect() as connection:  # what one transaction sees of others' waiting stays as it was first
            held_up = connection.scalar(WAITING_FOR_LOCKS)


def test_a_busy_booking_keeps_no_other_bookings_photo(committed_app: Flask, desk: tuple[uuid.UUID, ...]) -> None:
    staff_id, busy, other = desk

    def send(booking_id: uuid.UUID) -> uuid.UUID:
        with committed_app.app_context():
            person = db.session.get_one(User, staff_id)
            return commands.add_upload(person, MediaPurpose.BOOKING, booking_id, BytesIO(PNG), "foto.png").purpose_id

    with ThreadPoolExecutor(3) as pool:
        db.session.execute(text("SELECT FROM bookings WHERE id = :id FOR UPDATE"), {"id": busy})
        try:
            waiting = [pool.submit(send, busy) for _number in range(2)]
            wait_until_held_up(2)
            assert pool.submit(send, other).result(timeout=PATIENCE_SECONDS) == other
        finally:
            db.session.rollback()
        assert [one.result() for one in waiting] == [busy, busy]
