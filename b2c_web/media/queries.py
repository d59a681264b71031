"""Reads of files."""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select

from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState


def file_of(media_id: uuid.UUID) -> MediaFile:
    """One file. Raises NotFound. Who may see it is asked of `media.hooks`."""
    found = db.session.get(MediaFile, media_id)
    if found is None:
        raise NotFound
    return found


def files(ids: Sequence[uuid.UUID]) -> list[MediaFile]:
    """These files in the order given, without those that are gone."""
    if not ids:
        return []
    rows = db.session.scalars(select(MediaFile).where(MediaFile.id.in_(ids)))
    found = {file.id: file for file in rows}
    return [found[one] for one in dict.fromkeys(ids) if one in found]


def files_for(purpose: MediaPurpose, purpose_id: uuid.UUID) -> list[MediaFile]:
    """All files of one thing that were not refused, oldest first."""
    rows = db.session.scalars(
        select(MediaFile)
        .where(MediaFile.purpose == purpose, MediaFile.purpose_id == purpose_id)
        .where(MediaFile.state != MediaState.REFUSED)
        .order_by(MediaFile.created_at, MediaFile.id)
    )
    return list(rows)


def count_unfinished(purpose: MediaPurpose, purpose_id: uuid.UUID) -> int:
    """How many files of one thing are still being worked on."""
    unfinished = select(func.count()).select_from(MediaFile).filter_by(purpose=purpose, purpose_id=purpose_id)
    return db.session.scalar(unfinished.filter_by(state=MediaState.UPLOADED)) or 0


def lock_files(ids: Sequence[uuid.UUID], purpose: MediaPurpose, purpose_id: uuid.UUID) -> list[MediaFile]:
    """Step: the files of one thing that somebody is about to refer to, in the order given, held until the end of the
    transaction so that the clean-up leaves them. What is refused, gone or another thing's is left out.
    """
    if not ids:
        return []
    statement = (
        select(MediaFile)
        .where(MediaFile.id.in_(ids), MediaFile.purpose == purpose, MediaFile.purpose_id == purpose_id)
        .where(MediaFile.state != MediaState.REFUSED)
        .order_by(MediaFile.id)
        .with_for_update(read=True, key_share=True)
    )
    found = {file.id: file for file in db.session.scalars(statement)}
    return [found[one] for one in dict.fromkeys(ids) if one in found]
