"""Links to files: short-lived, signed, and for one viewer.

A viewer is "user:<id>", somebody signed in who may see the file now too, or "extension:<id>", whoever holds the
mailed link to decide that extension.
"""

import uuid
from dataclasses import dataclass

from flask import current_app, url_for
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer

from b2c_web.clock import now_utc
from b2c_web.errors import NotFound
from b2c_web.media import hooks
from b2c_web.media.models import MediaFile, MediaSize

USER = "user:"
EXTENSION = "extension:"


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link says, and for how many seconds still."""

    media_id: uuid.UUID
    size: MediaSize
    viewer: str
    seconds_left: int


def url_for_media(media_id: uuid.UUID, size: MediaSize | str, viewer: str) -> str:
    """The address of one size of a file for one viewer, good for MEDIA_LINK_MINUTES at most and half of them at least.

    It stays the same for half that time, so that a page that is fetched again need not fetch its photos again.
    Raises ValueError for a viewer of no known kind.
    """
    if not viewer.startswith((USER, EXTENSION)):
        raise ValueError(f"not a viewer: {viewer!r}")
    step = current_app.config["MEDIA_LINK_MINUTES"] * 30
    ends = (int(now_utc().timestamp()) // step + 2) * step
    token = _signer().dumps([media_id.hex, MediaSize(size).value, viewer, ends])
    return url_for("media.file", token=token)


def media_url(file: MediaFile, size: MediaSize | str, viewer: str = "") -> str:
    """The same for templates; without a viewer it is the person at this request."""
    return url_for_media(file.id, size, viewer or f"{USER}{current_user.id}")


def read(token: str) -> Claim:
    """What a link claims. Raises NotFound when we did not sign it or its time is over."""
    try:
        media_id, size, viewer, ends = _signer().loads(token)
    except BadSignature as error:
        raise NotFound from error
    left = ends - int(now_utc().timestamp())
    if left <= 0:
        raise NotFound
    return Claim(uuid.UUID(media_id), MediaSize(size), viewer, left)


def is_good_for(claim: Claim, file: MediaFile) -> bool:
    """May whoever sends this request see `file` by this link?"""
    if claim.viewer.startswith(EXTENSION):
        return True
    known = current_user.is_authenticated and claim.viewer == f"{USER}{current_user.id}"
    return known and hooks.is_seen_by(current_user, file.purpose, file.purpose_id)


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="media links")
