"""What the tests of files share: a store in a folder, somebody of a workshop, a booking, and uploads to it."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from PIL import Image

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.flask_extensions import db
from b2c_web.media import commands, queries
from b2c_web.media.models import MediaFile, MediaPurpose, MediaSize
from b2c_web.media.store import LocalMediaStore
from tests.conftest import NOON
from tests.factories import make_booking, make_days, make_user, make_workshop


@dataclass
class Desk:
    """Somebody of the workshop, one of its bookings, and the folder of the store."""

    staff: User
    booking_id: uuid.UUID
    folder: Path
    run_jobs: Callable[..., list[str]]

    def add(self, content: BytesIO, **options: Any) -> MediaFile:
        return commands.add_upload(self.staff, MediaPurpose.BOOKING, self.booking_id, content, "foto.jpg", **options)

    def made_of(self, content: BytesIO) -> MediaFile:
        """The file once the worker was there."""
        file = self.add(content)
        self.run_jobs()
        return queries.file_of(file.id)

    def contents(self) -> list[str]:
        """The names of all that is in the store."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())

    def bytes_kept(self) -> bytes:
        return b"".join((self.folder / name).read_bytes() for name in self.contents())


def shown(file: MediaFile, size: MediaSize) -> Image.Image:
    """A size as it is kept."""
    name = file.name_of(size)
    assert name
    with commands.media_store().open(name) as content:
        image = Image.open(BytesIO(content.read()))
        image.load()
    return image


@pytest.fixture
def desk(
    app: Flask,
    session: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run_jobs: Callable[..., list[str]],
) -> Iterator[Desk]:
    monkeypatch.setitem(app.extensions, "media_store", LocalMediaStore(tmp_path))
    with clock.frozen(NOON):
        workshop = make_workshop()
        booking = make_booking(make_days(workshop, NOON.date(), 3)[5])
        staff = make_user(Role.WORKSHOP, workshop_id=workshop.id)
        db.session.commit()
        yield Desk(staff, booking.id, tmp_path, run_jobs)
