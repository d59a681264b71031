"""Photos of handovers and no-shows: files of the booking, named by their ids in an assignment's `handover`."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, select

from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaPurpose
from b2c_web.media.queries import files_for, lock_files


def as_id(name: Any) -> uuid.UUID | None:
    """The id of a file of ours; None for any other name."""
    try:
        return uuid.UUID(str(name))
    except ValueError:
        return None


def of_booking(handover: Mapping[str, Any], booking_id: uuid.UUID) -> dict[str, Any]:
    """Step: the handover without photos, and without a signature, that are gone, refused or another booking's.

    Holds the files until the end of the transaction. Names that are no ids are the caller's own and stay.
    """
    shown = [photo for photo in handover.get("photos") or [] if isinstance(photo, Mapping)]
    named = [*(photo.get("file") for photo in shown), handover.get("signature")]
    ids = [one for one in map(as_id, named) if one]
    good = {file.id for file in lock_files(ids, MediaPurpose.BOOKING, booking_id)}
    kept = {**handover, "photos": [dict(photo) for photo in shown if _is_good(photo.get("file"), good)]}
    if not _is_good(handover.get("signature"), good):
        kept["signature"] = ""
    return kept


def one_of_booking(name: Any, booking_id: uuid.UUID) -> str:
    """Step: the id of a file of this booking as text, empty for anything else. Holds it as above."""
    found = as_id(name)
    held = lock_files([found], MediaPurpose.BOOKING, booking_id) if found else []
    return str(held[0].id) if held else ""


def taken_since(booking_id: uuid.UUID, user_id: uuid.UUID, since: datetime) -> list[MediaFile]:
    """The files of this booking that this person sent from an instant on and that came in, oldest first."""
    sent = (file for file in files_for(MediaPurpose.BOOKING, booking_id) if file.uploaded_by == user_id)
    return [file for file in sent if file.received_at is not None and file.created_at >= since]


def _is_good(name: Any, good: Collection[uuid.UUID]) -> bool:
    found = as_id(name)
    return found is None or found in good


def in_use(ids: Collection[uuid.UUID]) -> Iterable[uuid.UUID]:
    """Which of these files a handover or a no-show names; asked before files that nobody names are deleted."""
    named = cast(JockeyAssignment.handover, String).contains(cast(MediaFile.id, String))
    statement = (
        select(MediaFile.id)
        .join(JockeyAssignment, JockeyAssignment.booking_id == MediaFile.purpose_id)
        .where(MediaFile.id.in_(ids), MediaFile.purpose == MediaPurpose.BOOKING, named)
    )
    return db.session.scalars(statement.distinct()).all()
