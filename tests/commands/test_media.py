"""Files from upload to READY: judged by content, kept once, made anew, or gone."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import func, select

from b2c_web import clock
from b2c_web.accounts.models import Role
from b2c_web.checks import breaches
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.media import cleaning, commands, hooks, processing, queries
from b2c_web.media.models import MediaFile, MediaPurpose, MediaSize, MediaState
from b2c_web.media.store import LocalMediaStore, StoreUnavailable
from tests.conftest import NOON
from tests.factories import make_booking, make_days, make_user, make_workshop
from tests.factories.media import photo

BOOKING = MediaPurpose.BOOKING


@pytest.fixture
def kept(app: Flask, session: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the store."""
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))
    return tmp_path


@pytest.fixture
def staff_and_booking(kept: Path) -> Iterator[tuple[Any, uuid.UUID]]:
    with clock.frozen(NOON):
        workshop = make_workshop()
        booking = make_booking(make_days(workshop, NOON.date(), 3)[5])
        staff = make_user(Role.WORKSHOP, workshop_id=workshop.id)
        db.session.commit()
        yield staff, booking.id


def add(staff_and_booking: tuple[Any, uuid.UUID], content: BytesIO, **options: Any) -> MediaFile:
    staff, booking_id = staff_and_booking
    return commands.add_upload(staff, BOOKING, booking_id, content, "foto.jpg", **options)


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def shown(file: MediaFile, size: MediaSize) -> Image.Image:
    name = file.name_of(size)
    assert name
    with commands.media_store().open(name) as content:
        image = Image.open(BytesIO(content.read()))
        image.load()
    return image


def test_a_photo_becomes_three_sizes_and_the_upload_goes(
    staff_and_booking: Any, kept: Path, run_jobs: Callable[..., list[str]]
) -> None:
    file = add(staff_and_booking, photo(4000, 3000))
    assert (file.state, len(contents(kept))) == (MediaState.UPLOADED, 1)
    assert run_jobs() == ["media.process", "media.forget"]
    file = queries.file_of(file.id)
    assert file.state is MediaState.READY
    assert (file.width, file.height, file.content_type) == (2400, 1800, "image/jpeg")
    assert [shown(file, size).size for size in MediaSize] == [(320, 240), (1080, 810), (2400, 1800)]
    assert contents(kept) == sorted(file.names())
    assert file.byte_size == (kept / str(file.large_name)).stat().st_size
