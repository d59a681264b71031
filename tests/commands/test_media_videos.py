"""Videos are copied without what the phone wrote beside picture and sound, or refused."""

from io import BytesIO

import av
import pytest
from flask import Flask

from b2c_web.media.models import MediaKind, MediaSize, MediaState
from tests.factories.media import add_tone, held_sideways, video
from tests.media_desk import Desk, shown

PLACE = "+51.4436+007.3353/"


def opened(desk: Desk, name: str | None) -> "av.container.InputContainer":
    return av.open(str(desk.folder / str(name)))


@pytest.mark.parametrize("kind", ["mp4", "mov"])
def test_a_video_loses_place_time_and_camera_and_nothing_else(desk: Desk, kind: str) -> None:
    content = video(1.5, kind=kind, location=PLACE, make="Somebody", creation_time="2026-11-24T11:00:00Z")
    content.seek(0)
    assert PLACE.encode() in content.getvalue()
    file = desk.made_of(content)
    assert (file.state, file.kind, file.content_type) == (MediaState.READY, MediaKind.VIDEO, "video/mp4")
    assert (file.width, file.height) == (320, 240)
    assert desk.contents() == sorted(file.names())
    for told in (PLACE, "Somebody", "A camera of somebody", "2026-11-24"):
        assert told.encode() not in desk.bytes_kept()
    with opened(desk, file.large_name) as copy:
        assert not {"location", "make", "creation_time"} & set(copy.metadata)
        assert [stream.type for stream in copy.streams] == ["video", "audio"]
        assert sum(1 for _frame in copy.decode(video=0)) == 15
        assert file.byte_size == (desk.folder / str(file.large_name)).stat().st_size


def test_a_still_stands_for_it(desk: Desk) -> None:
    file = desk.made_of(video(size=(1280, 720)))
    assert [shown(file, size).size for size in (MediaSize.SMALL, MediaSize.MEDIUM)] == [(320, 180), (1080, 608)]


def test_it_plays_before_all_of_it_is_there(desk: Desk) -> None:
    content = (desk.folder / str(desk.made_of(video()).large_name)).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_a_phone_held_upright_stays_so(desk: Desk) -> None:
    file = desk.made_of(held_sideways(video()))
    assert (file.width, file.height) == (240, 320)
    still = shown(file, MediaSize.SMALL)
    assert still.getpixel((180, 160))[0] > 200  # the red that was above is to the right
    with opened(desk, file.large_name) as copy:
        assert abs(next(copy.decode(video=0)).rotation) == 90


def test_a_silent_one_is_taken(desk: Desk) -> None:
    assert desk.made_of(video(sound=False)).state is MediaState.READY


def test_too_long_is_refused(app: Flask, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "MEDIA_VIDEO_MAX_SECONDS", 2)
    file = desk.made_of(video(3))
    assert (file.state, file.reason) == (MediaState.REFUSED, "too_long")
    assert desk.contents() == []
    assert desk.made_of(video(2)).state is MediaState.READY


def test_what_browsers_do_not_play_is_refused(desk: Desk) -> None:
    assert desk.made_of(video(codec="mjpeg")).reason == "not_playable"
    assert desk.contents() == []


@pytest.mark.parametrize("keep", [0.3, 0.95])
def test_a_broken_one_is_refused_and_gone_or_kept_as_our_own(desk: Desk, keep: float) -> None:
    whole = video(3).getvalue()
    file = desk.made_of(BytesIO(whole[: int(len(whole) * keep)]))
    assert (file.state, file.reason) == (MediaState.REFUSED, "unreadable")
    assert desk.contents() == []


def test_sound_alone_is_no_video(desk: Desk) -> None:
    content = BytesIO()
    with av.open(content, "w", format="mp4") as container:
        add_tone(container, container.add_stream("aac", rate=44_100), 1)
    content.seek(0)
    assert desk.made_of(content).state is MediaState.REFUSED
