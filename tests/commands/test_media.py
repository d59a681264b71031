"""Files from upload to READY: judged by content, kept once, or gone."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from b2c_web import clock
from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db
from b2c_web.media import checks, cleaning, commands, hooks, processing, queries
from b2c_web.media.models import MediaFile, MediaPurpose, MediaSize, MediaState
from b2c_web.media.store import StoreUnavailable
from tests.conftest import NOON
from tests.factories import make_customer, make_user
from tests.factories.media import photo
from tests.media_desk import Desk, shown

BOOKING = MediaPurpose.BOOKING


def test_a_photo_becomes_three_sizes_and_the_upload_goes(desk: Desk) -> None:
    file = desk.add(photo(4000, 3000))
    assert (file.state, len(desk.contents())) == (MediaState.UPLOADED, 1)
    assert desk.run_jobs() == ["media.process", "media.forget"]
    file = queries.file_of(file.id)
    assert file.state is MediaState.READY
    assert (file.width, file.height, file.content_type) == (2400, 1800, "image/jpeg")
    assert [shown(file, size).size for size in MediaSize] == [(320, 240), (1080, 810), (2400, 1800)]
    assert desk.contents() == sorted(file.names())
    assert file.byte_size == (desk.folder / str(file.large_name)).stat().st_size


# once, whatever is repeated or killed


def test_the_same_upload_again_is_the_same_file(desk: Desk) -> None:
    key = uuid.uuid4()
    first = desk.add(photo(), key=key).id
    assert desk.add(photo(), key=key).id == first
    assert desk.run_jobs().count("media.process") == 1
    assert desk.add(photo(), key=key).id == first
    assert len(desk.contents()) == 3


class Meanwhile:
    """Turns in which the first who waits is overtaken."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.acts = [act]

    def __enter__(self) -> None:
        if self.acts:
            self.acts.pop()()

    def __exit__(self, *_facts: Any) -> None:
        pass


def test_the_same_upload_that_is_worked_on_while_it_waits_for_its_turn_leaves_nothing_behind(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, content = uuid.uuid4(), photo().getvalue()

    def again() -> None:
        desk.add(BytesIO(content), key=key)
        desk.run_jobs()

    monkeypatch.setattr(commands, "_turns", Meanwhile(again))
    file_id = desk.add(BytesIO(content), key=key).id
    desk.run_jobs()
    assert desk.contents() == sorted(queries.file_of(file_id).names())


def test_what_waits_in_the_same_lane_is_done_in_one_go(desk: Desk) -> None:
    ids = [desk.add(photo(32, 32)).id for _n in range(3)]
    processing.process_lane(ids[1])
    assert {file.state for file in queries.files(ids)} == {MediaState.READY}
    desk.run_jobs()
    assert len(desk.contents()) == 9


def test_an_upload_that_was_killed_half_way_is_taken_up_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The row is there, its content is not: as after a kill -9 between the two."""
    key = uuid.uuid4()
    with monkeypatch.context() as killed:
        killed.setattr(commands, "_receive", lambda *_what: None)
        first = desk.add(photo(), key=key)
    assert (first.received_at, desk.run_jobs()) == (None, [])
    assert desk.add(photo(), key=key).id == first.id
    desk.run_jobs()
    assert queries.file_of(first.id).state is MediaState.READY


def test_a_store_that_fails_leaves_no_row(app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_what: Any) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(app.extensions["media_store"], "write", full)
    with pytest.raises(StoreUnavailable):
        desk.add(photo())
    assert db.session.scalar(select(func.count(MediaFile.id))) == 0


def test_a_repeated_upload_that_fails_leaves_the_first_one(
    app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first request arrives while the second one, of the same key, is still writing and then fails."""
    key, store = uuid.uuid4(), app.extensions["media_store"]
    whole = store.write

    def overtaken(*_what: Any) -> None:
        monkeypatch.setattr(store, "write", whole)
        desk.add(photo(), key=key)
        raise StoreUnavailable

    monkeypatch.setattr(store, "write", overtaken)
    with pytest.raises(StoreUnavailable):
        desk.add(photo(), key=key)
    desk.run_jobs()
    assert db.session.scalars(select(MediaFile)).one().state is MediaState.READY


def test_a_worker_killed_before_it_could_say_so_makes_the_same_names_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = desk.add(photo())
    with monkeypatch.context() as killed:
        killed.setattr(processing, "_finish", lambda *_what: None)
        processing.process(file.id)
    assert len(desk.contents()) == 4
    assert desk.run_jobs() == ["media.process", "media.forget"]
    assert desk.contents() == sorted(queries.file_of(file.id).names())
    processing.process(file.id)
    assert len(desk.contents()) == 3


def test_a_file_that_went_while_it_was_worked_on_leaves_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = processing._finish
    desk.add(photo())

    def gone_meanwhile(media_id: uuid.UUID, made: Any) -> None:
        with clock.frozen(NOON + timedelta(days=3)):
            db.session.execute(update(MediaFile).values(received_at=None))
            assert cleaning.clean_up() == 1
        finish(media_id, made)

    monkeypatch.setattr(processing, "_finish", gone_meanwhile)
    desk.run_jobs()
    assert desk.contents() == []


def test_an_upload_whose_content_was_lost_is_refused(desk: Desk) -> None:
    file = desk.add(photo())
    (desk.folder / desk.contents()[0]).unlink()
    desk.run_jobs()
    assert queries.file_of(file.id).reason == "lost"


# who, how many, and for how long


def test_who_may_not_adds_nothing(desk: Desk) -> None:
    booking_id = desk.booking_id
    strangers = [make_user(Role.WORKSHOP), make_user(Role.JOCKEY), make_customer(), make_user(Role.DISPATCHER)]
    owner = db.session.get(User, db.session.get(Booking, booking_id).user_id)  # type: ignore[union-attr]
    for person in (*strangers, owner):
        with pytest.raises(NotFound):
            commands.add_upload(person, BOOKING, booking_id, photo(), "foto.jpg")  # type: ignore[arg-type]
    assert desk.contents() == []


def test_a_booking_takes_only_so_many(app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "MEDIA_MAX_FILES", 2)
    desk.add(photo())
    desk.add(photo())
    with pytest.raises(Conflict, match="too_many_files"):
        desk.add(photo())
    assert len(desk.contents()) == 2


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> set[uuid.UUID]:
    """What somebody refers to."""
    found: set[uuid.UUID] = set()
    monkeypatch.setattr(hooks, "referred", [lambda ids: found & set(ids)])
    return found


def test_what_nobody_refers_to_goes_after_a_day(desk: Desk, used: set[uuid.UUID]) -> None:
    wanted, unwanted = desk.made_of(photo()), desk.made_of(photo())
    used.add(wanted.id)
    with clock.frozen(NOON + timedelta(hours=23)):
        assert cleaning.clean_up() == 0
    with clock.frozen(NOON + timedelta(hours=25)):
        assert cleaning.clean_up() == 1
        desk.run_jobs()
    assert queries.files([wanted.id, unwanted.id]) == [wanted]
    assert desk.contents() == sorted(wanted.names())


def test_as_long_as_nobody_can_answer_nothing_counts_as_unused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "referred", [])
    desk.made_of(photo())
    with clock.frozen(NOON + timedelta(days=100)):
        assert cleaning.clean_up() == 0


def test_photos_go_after_two_years_whoever_uses_them(desk: Desk, used: set[uuid.UUID]) -> None:
    used.add(desk.made_of(photo()).id)
    with clock.frozen(NOON + timedelta(days=729)):
        assert cleaning.clean_up() == 0
    with clock.frozen(NOON + timedelta(days=731)):
        assert cleaning.clean_up() == 1
        desk.run_jobs()
    assert desk.contents() == []


def test_more_than_one_batch_goes(desk: Desk, used: set[uuid.UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "BATCH", 2)
    ids = [desk.made_of(photo(32, 32)).id for _n in range(5)]
    used.add(ids[1])
    with clock.frozen(NOON + timedelta(hours=25)):
        assert cleaning.clean_up() == 4
    assert [file.id for file in queries.files_for(BOOKING, desk.booking_id)] == [ids[1]]


def test_refused_ones_and_uploads_that_never_came_go_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, used: set[uuid.UUID]
) -> None:
    desk.made_of(BytesIO(b"\xff\xd8\xff nothing"))
    monkeypatch.setattr(commands, "_queue", lambda _id: None)
    desk.add(photo())
    assert len(desk.contents()) == 1
    with clock.frozen(NOON + timedelta(hours=25)):
        assert [check().count for check in checks.CHECKS] == [1]
        assert cleaning.clean_up() == 2
        desk.run_jobs()
        assert [check().count for check in checks.CHECKS] == [0]
    assert desk.contents() == []


# reads


def test_files_come_in_the_order_asked_for(desk: Desk) -> None:
    one, two = desk.add(photo()), desk.add(photo())
    assert queries.files([two.id, uuid.uuid4(), one.id, two.id]) == [two, one]
    assert queries.files_for(BOOKING, desk.booking_id) == [one, two]
    assert queries.lock_files([two.id, one.id], BOOKING, desk.booking_id) == [two, one]
    assert queries.lock_files([two.id], BOOKING, uuid.uuid4()) == []
