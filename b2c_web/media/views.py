"""Taking in files, their state while the worker is busy with them, and showing them by signed links."""

import re
import shutil
import uuid
from tempfile import SpooledTemporaryFile
from typing import Any
from urllib.parse import unquote, urlencode

from flask import Response, flash, make_response, render_template, request
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import public, signed_in
from b2c_web.clock import now_utc
from b2c_web.errors import DomainError, NotFound
from b2c_web.media import blueprint, commands, hooks, links, queries, sent
from b2c_web.media.models import MediaFile, MediaKind, MediaPurpose, MediaSize, MediaState
from b2c_web.media.store import CHUNK_BYTES
from b2c_web.page_frame import split_address

FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,39}")


@blueprint.url_value_preprocessor
def allow_large_uploads(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Before anything reads the body, and from those who may add a file."""
    if endpoint != "media.upload" or not values or not current_user.is_authenticated:
        return
    if not sent.allow_large(current_user, _purpose(values["purpose"]), values["purpose_id"]):
        raise NotFound


@blueprint.post("/media/<purpose>/<uuid:purpose_id>")
@signed_in
def upload(purpose: str, purpose_id: uuid.UUID) -> Response:
    if request.mimetype == "multipart/form-data":
        return _answer_form(_purpose(purpose), purpose_id)
    return _answer_script(_purpose(purpose), purpose_id)


def _purpose(word: str) -> MediaPurpose:
    try:
        return MediaPurpose(word.upper())
    except ValueError as error:
        raise NotFound from error


def _answer_script(purpose: MediaPurpose, purpose_id: uuid.UUID) -> Response:
    """The body is one file as it is, nothing to be parsed: its place in the list, or the reason why not."""
    key = request.args.get("key", type=uuid.UUID)
    with SpooledTemporaryFile(sent.FORM_BYTES) as content:
        shutil.copyfileobj(request.stream, content, CHUNK_BYTES)
        try:
            name = unquote(request.headers.get("X-Filename", ""))
            file = commands.add_upload(current_user, purpose, purpose_id, content, name, key=key)  # type: ignore[arg-type]
        except DomainError as refusal:
            return make_response(render_template("media/_refused.html", message=refusal.message), refusal.status)
    return _fragment(file)


def _answer_form(purpose: MediaPurpose, purpose_id: uuid.UUID) -> Response:
    """Without script: all files at once, then back to where they were chosen, which is told their ids."""
    kept, refused = sent.take(current_user, purpose, purpose_id, "file")
    for words in refused or ([] if kept else [sent.NONE_CHOSEN]):
        flash(words, "danger")
    back = _way_back()
    return htmx.see_other(f"{back}{'&' if '?' in back else '?'}{_as_query(kept)}" if kept else back)


def _as_query(ids: list[uuid.UUID]) -> str:
    return urlencode([(_field_name(), str(one)) for one in ids])


def _way_back() -> str:
    """The page that the form names, else the one that it stood on; never another site's."""
    wanted = split_address(request.form.get("next") or request.referrer)
    path = wanted.path if wanted.path.startswith("/") and not wanted.path.startswith(("//", "/\\")) else "/"
    return f"{path}?{wanted.query}" if wanted.query else path


def _field_name() -> str:
    name = request.values.get("name", "media")
    return name if FIELD.fullmatch(name) else "media"


@blueprint.get("/media/<uuid:media_id>/state")
@signed_in
def state(media_id: uuid.UUID) -> Response:
    file = queries.file_of(media_id)
    if not hooks.is_seen_by(current_user, file.purpose, file.purpose_id):
        raise NotFound
    return _fragment(file)


def _fragment(file: MediaFile) -> Response:
    age = (now_utc() - file.created_at).total_seconds()
    return make_response(render_template("media/_file.html", file=file, name=_field_name(), age_seconds=int(age)))


@blueprint.get("/media/file/<token>")
@public
def file(token: str) -> Response:
    claim = links.read(token)
    found = queries.file_of(claim.media_id)
    if found.state is not MediaState.READY or not links.is_good_for(claim, found):
        raise NotFound
    answer = _content(found, claim.size)
    answer.headers["Cache-Control"] = f"private, max-age={claim.seconds_left}, immutable"
    return answer


def _content(found: MediaFile, size: MediaSize) -> Response:
    name = found.name_of(size)
    if name is None:
        raise NotFound
    try:
        if found.kind is MediaKind.VIDEO and size is MediaSize.LARGE:
            return _video(name, found)
        with commands.media_store().open(name) as content:
            return Response(content.read(), mimetype="image/jpeg")
    except FileNotFoundError as error:
        raise NotFound from error


def _video(name: str, found: MediaFile) -> Response:
    """In parts, as players ask for them; some play nothing from a server that cannot."""
    whole, wanted = found.byte_size, request.range
    asked = wanted.range_for_length(whole) if wanted else None
    first, stop = asked or (0, whole)
    part = commands.media_store().part(name, first, stop - first)
    answer = Response(part, mimetype=found.content_type)
    answer.call_on_close(part.close)
    answer.headers["Accept-Ranges"] = "bytes"
    answer.content_length = stop - first
    if asked:
        answer.status_code = 206
        answer.headers["Content-Range"] = f"bytes {first}-{stop - 1}/{whole}"
    return answer
