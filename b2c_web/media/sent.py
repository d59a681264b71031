"""Files that come with a form, without script: how much may be read, and taking them in."""

import uuid

from flask import current_app, request
from flask_babel import lazy_gettext as _l

from b2c_web.accounts.models import User
from b2c_web.errors import Busy, Conflict, Invalid
from b2c_web.media import commands, hooks, rules
from b2c_web.media.models import MediaKind, MediaPurpose

FORM_BYTES = 512 * 1024
NONE_CHOSEN = _l("Bitte wählen Sie ein Foto oder Video.")


def allow_large(user: User, purpose: MediaPurpose, purpose_id: uuid.UUID) -> bool:
    """As `read_large` for somebody who may add files there. False, and nothing more is read, for anybody else."""
    if not hooks.is_added_to_by(user, purpose, purpose_id):
        return False
    read_large()
    return True


def read_large() -> None:
    """A video is larger than all else that is sent, several files of a form are more: call it before anything reads
    the body, for those who may send them. Of a form each file lies on disk, whatever its size.
    """
    most = max(rules.most_megabytes(kind, current_app.config) for kind in MediaKind)
    if request.mimetype == "multipart/form-data":
        most = max(most, current_app.config["MEDIA_FORM_MAX_MB"])
    request.max_content_length = most * rules.MEGABYTE + FORM_BYTES


def take(user: User, purpose: MediaPurpose, purpose_id: uuid.UUID, field: str) -> tuple[list[uuid.UUID], list[str]]:
    """All files that were chosen in this field of the form: the ids of those that were kept, and in words why
    others were not.

    Raises NotFound (not theirs).
    """
    kept, refused = [], []
    for file in request.files.getlist(field):
        if not file.filename:
            continue
        try:
            kept.append(commands.add_upload(user, purpose, purpose_id, file.stream, file.filename).id)  # type: ignore[arg-type]
        except (Invalid, Conflict, Busy) as refusal:
            refused.append(str(refusal.message))
    return kept, refused
