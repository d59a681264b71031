"""What is no photo is refused, at the door or by the worker, and nothing of it is kept."""

import struct
import zlib
from io import BytesIO

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import func, select

from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db
from b2c_web.media import commands
from b2c_web.media.models import MediaFile, MediaPurpose, MediaState
from tests.factories.media import photo
from tests.media_desk import Desk

BOOKING = MediaPurpose.BOOKING

PDF = b"%PDF-1.7\n" + b"x" * 100
GIF = b"GIF89a" + b"\1\0\1\0\0\0\0;"
AVIF = b"\0\0\0\x1cftypavif\0\0\0\0" + b"x" * 60


@pytest.mark.parametrize(
    "content",
    [b"", PDF, GIF, AVIF, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<html>", b"#EXTM3U\nhttp://127.0.0.1/"],
    ids=["empty", "pdf", "gif", "avif", "svg", "html", "playlist"],
)
def test_what_is_no_photo_is_refused_at_the_door_whatever_its_name(desk: Desk, content: bytes) -> None:
    with pytest.raises(Invalid) as refusal:
        desk.add(BytesIO(content))
    assert refusal.value.details["field"] == "file"
    assert desk.contents() == []
    assert db.session.scalar(select(func.count(MediaFile.id))) == 0


def test_a_refusal_names_the_file_and_the_way_out(desk: Desk) -> None:
    staff, booking_id = desk.staff, desk.booking_id
    with pytest.raises(Invalid) as refusal:
        commands.add_upload(staff, BOOKING, booking_id, BytesIO(PDF), "C:\\Bilder\\rechnung.jpg")
    assert "„rechnung.jpg“" in str(refusal.value.message)
    assert "JPEG" in str(refusal.value.message)


def test_what_is_too_large_is_refused_at_the_door(app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "MEDIA_PHOTO_MAX_MB", 1)
    content = photo()
    content.seek(1024 * 1024)
    content.write(b"x")
    with pytest.raises(Invalid, match="not_taken"):
        desk.add(content)
    assert desk.contents() == []


def png_that_claims(width: int, height: int) -> BytesIO:
    """A few bytes that would be decoded to very many."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 10_000)), (b"IEND", b""))
    packed = (struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)
    return BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (png_that_claims(60_000, 60_000), "too_many_pixels"),
        (png_that_claims(7_000, 8_000), "too_many_pixels"),
        (png_that_claims(2_000, 2_000), "unreadable"),
        (BytesIO(photo(1200, 900).getvalue()[:4000]), "unreadable"),
        (BytesIO(b"\xff\xd8\xff" + b"\0" * 500), "unreadable"),
        (BytesIO(photo(kind="HEIF").getvalue()[:900]), "unreadable"),
        (BytesIO(b"\0\0\0\x18ftypisom" + b"\0" * 500), "unreadable"),
    ],
    ids=["bomb", "beyond the limit", "short of pixels", "cut off", "a head alone", "heic cut off", "no video"],
)
def test_what_the_worker_refuses_is_gone(desk: Desk, content: BytesIO, reason: str) -> None:
    content.seek(0)
    file = desk.made_of(content)
    assert (file.state, file.reason, file.names()) == (MediaState.REFUSED, reason, [])
    assert desk.contents() == []


HEADS = [b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\0\0\0\0WEBP", b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypmp42", b""]
REAL = [photo(64, 48, kind).getvalue() for kind in ("JPEG", "PNG", "WEBP", "HEIF")]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real photo with a few bytes changed, cut or added; or only the head of one."""
    if draw(st.booleans()):
        return draw(st.sampled_from(HEADS)) + draw(st.binary(max_size=300))
    content = bytearray(draw(st.sampled_from(REAL)))
    for _n in range(draw(st.integers(0, 6))):
        content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[: draw(st.integers(1, len(content)))]) + draw(st.binary(max_size=20))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=damaged())
def test_only_what_is_ready_is_kept(desk: Desk, content: bytes) -> None:
    """Whatever comes: it is READY and its three sizes are ours, or the store does not have a byte of it."""
    try:
        file = desk.made_of(BytesIO(content))
    except Invalid:
        file = None
    names = file.names() if file else []
    assert set(desk.contents()) >= set(names)
    for path in desk.contents():
        found = (desk.folder / path).read_bytes()
        assert found != content
        assert Image.open(BytesIO(found)).format == "JPEG"
    assert len(desk.contents()) == 3 * int(
        db.session.scalar(select(func.count(MediaFile.id)).where(MediaFile.state == MediaState.READY)) or 0
    )
