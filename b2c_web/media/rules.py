"""Pure decisions about files: what is taken, and in which words the rest is refused."""

import uuid
from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l

from b2c_web.media.models import MediaKind
from b2c_web.media.sniffing import Format

MEGABYTE = 1024 * 1024

# what the worker can find wrong with a file that looked right from outside
REASONS = {
    "unreadable": _l("Diese Datei ist beschädigt. Bitte nehmen Sie das Bild noch einmal auf."),
    "too_many_pixels": _l("Dieses Foto ist zu groß. Bitte wählen Sie in der Kamera eine kleinere Auflösung."),
    "too_long": _l("Dieses Video ist zu lang. Bitte kürzen Sie es, oder nehmen Sie mehrere kurze auf."),
    "not_playable": _l("Dieses Video kann nicht jeder ansehen. Bitte stellen Sie die Kamera auf H.264."),
    "lost": _l("Diese Datei ist nicht ganz angekommen. Bitte senden Sie sie noch einmal."),
}
TOO_MANY = _l("Zu diesem Auftrag gibt es schon sehr viele Fotos. Bitte entfernen Sie einige, oder rufen Sie uns an.")
EMPTY = _l("Diese Datei ist leer. Bitte wählen Sie eine andere.")


def reason_words(reason: str | None) -> Any:
    """Why a file was refused, for the person who sent it."""
    return REASONS.get(reason or "", REASONS["unreadable"])


def upload_refusal(found: Format | None, byte_size: int, filename: str, limits: Mapping[str, Any]) -> Any:
    """Why a file is not taken at the door, or None.

    `found`: by content; `limits`: MEDIA_PHOTO_MAX_MB and MEDIA_VIDEO_MAX_MB.
    """
    if byte_size == 0:
        return EMPTY
    if found is None:
        return _l(
            "„%(name)s“ ist kein Foto oder Video, das wir annehmen. Möglich sind JPEG, PNG, WebP, HEIC, MP4 und MOV.",
            name=short_name(filename),
        )
    most_mb = most_megabytes(found.kind, limits)
    if byte_size <= most_mb * MEGABYTE:
        return None
    if found.kind is MediaKind.VIDEO:
        return _l(
            "Dieses Video ist größer als %(num)s MB. Bitte kürzen Sie es, oder wählen Sie eine kleinere Auflösung.",
            num=most_mb,
        )
    return _l("Dieses Foto ist größer als %(num)s MB. Bitte wählen Sie eine kleinere Auflösung.", num=most_mb)


def most_megabytes(kind: MediaKind, limits: Mapping[str, Any]) -> int:
    """The largest upload of a kind, in MB."""
    return int(limits["MEDIA_VIDEO_MAX_MB" if kind is MediaKind.VIDEO else "MEDIA_PHOTO_MAX_MB"])


def short_name(filename: str) -> str:
    """A file's name as it is shown: its last part, 60 characters at most."""
    name = filename.replace("\\", "/").rpartition("/")[2].strip()
    return name if len(name) <= 60 else name[:59] + "…"


def lane(kind: MediaKind, media_id: uuid.UUID, at_once: int) -> str:
    """Files of one lane are worked on one after the other. Videos have their own: copying one may take long."""
    return "media-videos" if kind is MediaKind.VIDEO else f"media-photos-{media_id.int % at_once}"
