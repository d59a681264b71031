"""Photos of handovers and no-shows: files of the booking, named by their ids in an assignment's `handover`."""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, cast, select

from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState
from b2c_web.media.queries import files, files_for, lock_files

PLACE, SIGNATURE = "place", "signature"  # what a file shows that is none of the car's views


def as_id(name: Any) -> uuid.UUID | None:
    """The id of a file of ours; None for any other name."""
    try:
        return uuid.UUID(str(name))
    except ValueError:
        return None


def counting(found: Iterable[MediaFile], tour: JockeyAssignment) -> list[MediaFile]:
    """Those that are evidence of this trip: its jockey sent them for its booking since the trip began, and all of each
    came.

    One that the worker has not looked at yet counts: nobody waits for that at a door.
    """
    came = (file for file in found if file.received_at is not None and file.state is not MediaState.REFUSED)
    sent_for, began = (MediaPurpose.BOOKING, tour.booking_id, tour.jockey.user_id), tour.started_at
    theirs = [file for file in came if (file.purpose, file.purpose_id, file.uploaded_by) == sent_for]
    return [file for file in theirs if began is not None and file.created_at >= began]


def sent(names: Iterable[Any], tour: JockeyAssignment, *, signature: bool = False) -> list[MediaFile]:
    """Those of the named files that count as photos of this trip, or as its signature, in the order given.

    What its handover names already stays, even if the worker refused it since.
    """
    found = [file for file in files(_ids(names)) if file.is_signature is signature]
    good = {one for _what, one in named(tour.handover)} | {file.id for file in counting(found, tour)}
    return [file for file in found if file.id in good]


def of_trip(handover: Mapping[str, Any], tour: JockeyAssignment) -> dict[str, Any]:
    """Step: the handover without photos, and without a signature, that do not count for this trip.

    Holds the files until the end of the transaction. Names that are no ids are the caller's own and stay.
    """
    shown = [photo for photo in handover.get("photos") or [] if isinstance(photo, Mapping)]
    held = _held([*(photo.get("file") for photo in shown), handover.get("signature")], tour)
    pictures = {file.id for file in held if not file.is_signature}
    kept = {**handover, "photos": [dict(photo) for photo in shown if _is_good(photo.get("file"), pictures)]}
    if not _is_good(handover.get("signature"), {file.id for file in held if file.is_signature}):
        kept["signature"] = ""
    return kept


def one_of_trip(name: Any, tour: JockeyAssignment) -> str:
    """Step: the id of a photo that counts for this trip as text, empty for anything else. Holds it as above."""
    return next((str(file.id) for file in _held([name], tour) if not file.is_signature), "")


def _held(names: Iterable[Any], tour: JockeyAssignment) -> list[MediaFile]:
    return counting(lock_files(_ids(names), MediaPurpose.BOOKING, tour.booking_id), tour)


def _ids(names: Iterable[Any]) -> list[uuid.UUID]:
    return [one for one in map(as_id, names) if one]


def taken_since(tour: JockeyAssignment, since: datetime) -> list[MediaFile]:
    """The photos that count for this trip and were sent from an instant on, oldest first."""
    known = counting(files_for(MediaPurpose.BOOKING, tour.booking_id), tour)
    return [file for file in known if not file.is_signature and file.created_at >= since]


def _is_good(name: Any, good: Collection[uuid.UUID]) -> bool:
    found = as_id(name)
    return found is None or found in good


def named(handover: Mapping[str, Any] | None) -> list[tuple[str, uuid.UUID]]:
    """What a handover or a no-show shows, each with the id of its file: a view, the place or the signature."""
    facts = handover or {}
    shown = [photo for photo in facts.get("photos") or [] if isinstance(photo, Mapping)]
    names = [(str(photo.get("view")), photo.get("file")) for photo in shown]
    names += [(PLACE, (facts.get("no_show") or {}).get("photo")), (SIGNATURE, facts.get("signature"))]
    return [(what, one) for what, name in names if (one := as_id(name))]


def refused_of(booking_ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """The files of these bookings that the worker refused."""
    of_bookings = MediaFile.purpose == MediaPurpose.BOOKING, MediaFile.purpose_id.in_(booking_ids)
    return set(db.session.scalars(select(MediaFile.id).where(*of_bookings, MediaFile.state == MediaState.REFUSED)))


def unreadable(tours: Sequence[JockeyAssignment]) -> dict[uuid.UUID, list[str]]:
    """By trip, what its handover names (see `named`) and the worker had to refuse afterwards."""
    gone = refused_of({tour.booking_id for tour in tours})
    return {tour.id: [what for what, one in named(tour.handover) if one in gone] for tour in tours}


def in_use(ids: Collection[uuid.UUID]) -> Iterable[uuid.UUID]:
    """Which of these files a handover or a no-show names; asked before files that nobody names are deleted."""
    named = cast(JockeyAssignment.handover, String).contains(cast(MediaFile.id, String))
    statement = (
        select(MediaFile.id)
        .join(JockeyAssignment, JockeyAssignment.booking_id == MediaFile.purpose_id)
        .where(MediaFile.id.in_(ids), MediaFile.purpose == MediaPurpose.BOOKING, named)
    )
    return db.session.scalars(statement.distinct()).all()
