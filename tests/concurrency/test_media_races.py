"""Files of one booking that are sent at once, in a pair: first without the lock on the booking, then with it."""

import uuid
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from b2c_web import clock
from b2c_web.accounts.models import User
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.media import commands, hooks
from b2c_web.media.models import MediaFile, MediaPurpose
from b2c_web.media.store import LocalMediaStore
from tests.commands.trips import PNG, Trips
from tests.concurrency.races import Meeting, at_once
from tests.conftest import NOON


@pytest.fixture
def desk(committed_app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[uuid.UUID, ...]]:
    """Somebody of a workshop and one of its bookings, which takes one file."""
    monkeypatch.setitem(committed_app.extensions, "media_store", LocalMediaStore(tmp_path))
    monkeypatch.setitem(committed_app.config, "MEDIA_MAX_FILES", 1)
    monkeypatch.setitem(committed_app.config, "LOCK_TIMEOUT_MS", 60_000)
    with clock.frozen(NOON), committed_app.app_context():
        trips = Trips(db.session, clock.frozen)
        yield trips.staff.id, trips.booked().id


def send_together(app: Flask, desk: tuple[uuid.UUID, ...], monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two photos of one booking; both were counted before either has its row."""
    staff_id, booking_id = desk
    counted, meeting = commands._check_room, Meeting(2)

    def count_and_meet(*arguments: Any) -> None:
        counted(*arguments)
        meeting.wait()

    def send() -> uuid.UUID:
        person = db.session.get_one(User, staff_id)
        return commands.add_upload(person, MediaPurpose.BOOKING, booking_id, BytesIO(PNG), "foto.png").id

    monkeypatch.setattr(commands, "_check_room", count_and_meet)
    db.session.rollback()
    return at_once(app, [send, send])


def kept() -> int:
    db.session.rollback()
    return db.session.query(MediaFile).count()


def test_without_the_lock_a_booking_has_one_file_too_many(
    committed_app: Flask, desk: tuple[uuid.UUID, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(hooks.lock, MediaPurpose.BOOKING, lambda _booking_id: None)
    results = send_together(committed_app, desk, monkeypatch)
    assert [type(one) for one in results] == [uuid.UUID, uuid.UUID]
    assert kept() == 2


def test_with_it_the_second_one_is_told_that_there_are_many(
    committed_app: Flask, desk: tuple[uuid.UUID, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = send_together(committed_app, desk, monkeypatch)
    refused = [one for one in results if not isinstance(one, uuid.UUID)]
    assert [type(one) for one in refused] == [Conflict]
    assert kept() == 1
