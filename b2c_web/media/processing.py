"""The worker's part: what was uploaded becomes three sizes without anything that the camera wrote beside the picture,
or is refused and gone.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from flask import current_app
from sqlalchemy import select

from b2c_web import jobs
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.media import rules, sniffing
from b2c_web.media.commands import media_store
from b2c_web.media.making import Made, Refused
from b2c_web.media.models import MediaFile, MediaKind, MediaSize, MediaState
from b2c_web.media.store import sibling

MOST_AT_A_STRETCH = 20  # then a worker that is asked to stop can
WAITING = (
    select(MediaFile.id, MediaFile.kind)
    .where(MediaFile.state == MediaState.UPLOADED, MediaFile.received_at.is_not(None))
    .order_by(MediaFile.created_at, MediaFile.id)
)
NAMES = {MediaSize.SMALL: "small", MediaSize.MEDIUM: "medium", MediaSize.LARGE: "large"}


@dataclass(frozen=True, slots=True)
class _Kept:
    """Where the sizes lie, and what LARGE is."""

    names: dict[MediaSize, str]
    content_type: str
    byte_size: int
    width: int
    height: int


def process_lane(media_id: uuid.UUID) -> None:
    """`process` this upload, then what else waits in its lane, oldest first.

    The queue hands out the next job of a lock only when it looks again, which may be seconds later; jobs of files
    that were done here find nothing left to do. The caller holds the lane's lock.
    """
    lane = _lane_of(media_id)
    process(media_id)
    for waiting in _waiting_in(lane):
        process(waiting)


def _lane_of(media_id: uuid.UUID) -> str | None:
    with command_transaction():
        file = db.session.get(MediaFile, media_id)
        return rules.lane(file.kind, file.id, current_app.config["MEDIA_AT_ONCE"]) if file is not None else None


def _waiting_in(lane: str | None) -> Iterator[uuid.UUID]:
    """Uploads that wait in a lane, each once; those too that come while the others are worked on."""
    seen: set[uuid.UUID] = set()
    at_once = current_app.config["MEDIA_AT_ONCE"]
    while len(seen) < MOST_AT_A_STRETCH:
        with command_transaction():
            rows = db.session.execute(WAITING).all()
        mine = [row.id for row in rows if rules.lane(row.kind, row.id, at_once) == lane and row.id not in seen]
        if not mine:
            return
        seen.add(mine[0])
        yield mine[0]


def process(media_id: uuid.UUID) -> None:
    """Make the sizes of an upload, or refuse it; either way what was uploaded is deleted. No transaction is open
    while it is decoded. The names of the sizes follow from the upload's, so a second run writes the same ones again.
    Raises StoreUnavailable, then the queue tries again.
    """
    staging_name = _waiting(media_id)
    if staging_name is None:
        return
    try:
        with _opened(staging_name) as stream, _make(staging_name, stream) as made:
            kept = _keep(staging_name, made)
    except Refused as refused:
        _refuse(media_id, refused.reason)
    else:
        _finish(media_id, kept)


def _waiting(media_id: uuid.UUID) -> str | None:
    with command_transaction():
        file = db.session.get(MediaFile, media_id)
        return file.staging_name if file is not None and file.state is MediaState.UPLOADED else None


@contextmanager
def _opened(staging_name: str) -> Iterator[BinaryIO]:
    try:
        stream = media_store().open(staging_name)
    except FileNotFoundError as error:
        raise Refused("lost") from error
    with stream:
        yield stream


@contextmanager
def _make(staging_name: str, stream: BinaryIO) -> Iterator[Made]:
    """The decoders are loaded here: a web process never needs them."""
    found = sniffing.by_extension(staging_name)
    if found.kind is MediaKind.VIDEO:
        from b2c_web.media import videos

        made = videos.make(stream, current_app.config["MEDIA_VIDEO_MAX_SECONDS"])
    else:
        from b2c_web.media import pictures

        made = pictures.make(stream, found.decoder, current_app.config["MEDIA_MAX_MEGAPIXELS"])
    with made:
        yield made


def _keep(staging_name: str, made: Made) -> _Kept:
    store, names = media_store(), {}
    for size, content in made.contents.items():
        extension = made.large_extension if size is MediaSize.LARGE else "jpg"
        names[size] = sibling(staging_name, NAMES[size], extension)
        store.write(names[size], content)
    return _Kept(names, made.content_type, made.byte_size(), made.width, made.height)


def _finish(media_id: uuid.UUID, kept: _Kept) -> None:
    """Command: the sizes are there; the upload goes. When the file was removed meanwhile, all of it goes."""
    with command_transaction():
        file = db.session.get(MediaFile, media_id, with_for_update=True, populate_existing=True)
        if file is None:
            jobs.defer("media.forget", names=list(kept.names.values()))
            return
        if file.state is not MediaState.UPLOADED:
            return
        jobs.defer("media.forget", names=[file.staging_name])
        file.state, file.staging_name = MediaState.READY, None
        file.small_name, file.medium_name = kept.names[MediaSize.SMALL], kept.names[MediaSize.MEDIUM]
        file.large_name, file.content_type = kept.names[MediaSize.LARGE], kept.content_type
        file.width, file.height, file.byte_size = kept.width, kept.height, kept.byte_size


def _refuse(media_id: uuid.UUID, reason: str) -> None:
    """Command: nothing of it is kept but the reason."""
    with command_transaction():
        file = db.session.get(MediaFile, media_id, with_for_update=True, populate_existing=True)
        if file is None or file.state is not MediaState.UPLOADED or file.staging_name is None:
            return
        gone = [file.staging_name, *(sibling(file.staging_name, word, "jpg") for word in NAMES.values())]
        jobs.defer("media.forget", names=gone)
        file.state, file.reason, file.staging_name = MediaState.REFUSED, reason, None
