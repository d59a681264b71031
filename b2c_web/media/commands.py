"""Taking in files. What came is kept unseen until the worker has made the sizes of it."""

import os
import threading
import uuid
from dataclasses import dataclass
from typing import BinaryIO

from flask import current_app
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from b2c_web import jobs
from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction, table_of
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.media import hooks, rules, sniffing
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState
from b2c_web.media.store import MediaStore, new_name

# Of files that are here whole, so many are put away at a time in each process: in a crowd all would end late together,
# and nobody else would get a thread meanwhile. Nobody waits for a lock within a turn.
_turns = threading.BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class _Arriving:
    """The row that was made for an upload: whether all of it is here already, and where it is going."""

    id: uuid.UUID
    staging_name: str | None
    is_received: bool


def add_upload(
    user: User,
    purpose: MediaPurpose,
    purpose_id: uuid.UUID,
    stream: BinaryIO,
    filename: str,
    *,
    key: uuid.UUID | None = None,
    is_signature: bool = False,
) -> MediaFile:
    """Take in one photo or video; the worker is told, nobody sees it before READY.

    `stream`: seekable; judged by its content and size, never by `filename`, which is only quoted. `key`: made by the
    browser for this upload; the same key again is the same file. `is_signature`: drawn at the door. The row names the
    file before the store has it, so that nothing can lie in the store that no row knows. Three steps: transaction,
    store, transaction. Raises NotFound (not theirs), Invalid (field "file", in words for the person), Conflict (too
    many), Busy, StoreUnavailable.
    """
    if not hooks.is_added_to_by(user, purpose, purpose_id):
        raise NotFound
    user_id = user.id
    found, byte_size = _judge(stream, filename)
    arriving = _announce(user_id, purpose, purpose_id, found, byte_size, key=key, is_signature=is_signature)
    if not arriving.is_received and arriving.staging_name:
        with _turns:
            _receive(arriving.id, arriving.staging_name, stream)
    file = db.session.get(MediaFile, arriving.id)
    if file is None:
        raise NotFound
    return file


def media_store() -> MediaStore:
    """The store that the settings chose."""
    store: MediaStore = current_app.extensions["media_store"]
    return store


def _judge(stream: BinaryIO, filename: str) -> tuple[sniffing.Format, int]:
    byte_size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    found = sniffing.sniff(stream.read(sniffing.HEAD_BYTES))
    stream.seek(0)
    refusal = rules.upload_refusal(found, byte_size, filename, current_app.config)
    if refusal or found is None:
        raise Invalid(refusal, code="not_taken", field="file")
    return found, byte_size


def _announce(
    user_id: uuid.UUID,
    purpose: MediaPurpose,
    purpose_id: uuid.UUID,
    found: sniffing.Format,
    byte_size: int,
    *,
    key: uuid.UUID | None,
    is_signature: bool,
) -> _Arriving:
    """Command: the row that names the file, made once for each key. Locks the row of the thing that it is about."""
    new = _Arriving(uuid7(), new_name(found.extension), is_received=False)
    facts = {"id": new.id, "purpose": purpose, "purpose_id": purpose_id, "uploaded_by": user_id, "upload_key": key}
    facts |= {"kind": found.kind, "state": MediaState.UPLOADED, "content_type": found.content_type}
    facts |= {"byte_size": byte_size, "staging_name": new.staging_name, "created_at": now_utc()}
    facts["is_signature"] = is_signature
    with command_transaction():
        known = _known(user_id, key)
        if known is None:
            hooks.lock[purpose](purpose_id)
            _check_room(purpose, purpose_id)
            row = insert(table_of(MediaFile)).values(facts).on_conflict_do_nothing().returning(MediaFile.id)
            if db.session.scalar(row) is not None:
                return new
            known = _known(user_id, key)
        if known is None or (known.purpose, known.purpose_id) != (purpose, purpose_id):
            raise NotFound
        return _Arriving(known.id, known.staging_name, known.received_at is not None)


def _known(user_id: uuid.UUID, key: uuid.UUID | None) -> MediaFile | None:
    if key is None:
        return None
    return db.session.scalars(
        select(MediaFile).where(MediaFile.uploaded_by == user_id, MediaFile.upload_key == key)
    ).one_or_none()


def _check_room(purpose: MediaPurpose, purpose_id: uuid.UUID) -> None:
    statement = (
        select(func.count())
        .where(MediaFile.purpose == purpose, MediaFile.purpose_id == purpose_id)
        .where(MediaFile.state != MediaState.REFUSED)
    )
    if (db.session.scalar(statement) or 0) >= current_app.config["MEDIA_MAX_FILES"]:
        raise Conflict(rules.TOO_MANY, code="too_many_files")


def _receive(media_id: uuid.UUID, staging_name: str, stream: BinaryIO) -> None:
    """Put the content where its row says, then queue the work on it. Whatever fails takes the row back.

    The same upload may have come again, and been worked on, while this one waited for its turn.
    """
    if _is_received(media_id):
        return
    try:
        media_store().write(staging_name, stream)
        _queue(media_id)
    except BaseException:
        _take_back(media_id, staging_name)
        raise


def _is_received(media_id: uuid.UUID) -> bool:
    came = db.session.scalar(select(MediaFile.received_at).where(MediaFile.id == media_id))
    db.session.rollback()  # no transaction is open while the store writes
    return came is not None


def _queue(media_id: uuid.UUID) -> None:
    """Command: all of it is here, the worker may begin. As many photos at once as MEDIA_AT_ONCE says."""
    arrived = update(MediaFile).where(MediaFile.id == media_id, MediaFile.received_at.is_(None))
    with command_transaction():
        kind = db.session.scalar(arrived.values(received_at=now_utc()).returning(MediaFile.kind))
        if kind is not None:
            lane = rules.lane(kind, media_id, current_app.config["MEDIA_AT_ONCE"])
            jobs.defer("media.process", lock=lane, media_id=str(media_id))
        elif db.session.get(MediaFile, media_id) is None:
            raise NotFound


def _take_back(media_id: uuid.UUID, staging_name: str) -> None:
    """Command: an upload that did not arrive leaves nothing behind. One that arrived by a second request stays."""
    with command_transaction():
        file = db.session.get(MediaFile, media_id, with_for_update=True)
        if file is not None and file.received_at is not None:
            return
        if file is not None:
            db.session.delete(file)
        jobs.defer("media.forget", names=[staging_name])
