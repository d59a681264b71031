"""Videos: picture and sound are copied into a new file as they are, and nothing else is: no place, no time, no
camera, no other track. A still of the first picture stands for it in lists.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
from av.error import FFmpegError

from b2c_web.media import pictures
from b2c_web.media.making import MEGAPIXEL, Made, Refused
from b2c_web.media.models import MediaSize

VIDEO_CODECS = ("h264", "hevc")
AUDIO_CODECS = ("aac", "mp3")
MOST_MEGAPIXELS = 9.0  # 4K
BROKEN = (FFmpegError, OSError, ValueError, EOFError, OverflowError, MemoryError)


def make(stream: BinaryIO, most_seconds: int) -> Made:
    """The video without anything but its picture and sound as LARGE, stills of it as the other sizes.

    Raises Refused: not readable, longer than `most_seconds`, or in a coding that browsers do not play.
    """
    file: Any = tempfile.NamedTemporaryFile(suffix=".mp4")  # noqa: SIM115 - Made closes it, and then it is gone
    try:
        still = _still(stream)
        _copy(stream, file.name, most_seconds)
    except Refused:
        file.close()
        raise
    except BROKEN as error:
        file.close()
        raise Refused("unreadable") from error
    file.seek(0)
    made = pictures.from_image(still)
    made.contents[MediaSize.LARGE].close()
    return Made({**made.contents, MediaSize.LARGE: file}, "video/mp4", "mp4", *still.size)


@contextmanager
def _opened(stream: BinaryIO) -> Iterator[Any]:
    """Only as MP4 or MOV: left to guess, the library would also read play lists, which name other addresses."""
    stream.seek(0)
    with av.open(stream, mode="r", format="mov", metadata_errors="ignore") as container:
        if not container.streams.video:
            raise Refused("unreadable")
        yield container


def _still(stream: BinaryIO) -> Any:
    with _opened(stream) as container:
        video = container.streams.video[0]
        coding = video.codec_context
        if coding is None or coding.name not in VIDEO_CODECS:
            raise Refused("not_playable")
        if coding.width * coding.height > MOST_MEGAPIXELS * MEGAPIXEL:
            raise Refused("too_many_pixels")
        coding.thread_count = 1
        for frame in container.decode(video):
            return frame.to_image().rotate(frame.rotation, expand=True)
    raise Refused("unreadable")


def _copy(stream: BinaryIO, path: str, most_seconds: int) -> None:
    """Packets of the first picture and the first sound track, in their order. The index goes to the front, so that
    playing begins before all of it is there; for that the library must open the new file a second time, by its path.
    """
    with (
        _opened(stream) as source,
        av.open(path, mode="w", format="mp4", options={"movflags": "+faststart", "fflags": "+bitexact"}) as target,
    ):
        sound = [track for track in source.streams.audio if getattr(track.codec_context, "name", "") in AUDIO_CODECS]
        tracks = [source.streams.video[0], *sound[:1]]
        copies = {track.index: _copy_of(track, target) for track in tracks}
        for packet in source.demux(tracks):
            if packet.dts is None:
                continue
            if packet.pts is not None and float(packet.pts * packet.time_base) > most_seconds:
                raise Refused("too_long")
            packet.stream = copies[packet.stream.index]
            target.mux(packet)


def _copy_of(track: Any, target: Any) -> Any:
    copy = target.add_stream_from_template(track, opaque=True)
    copy.metadata.clear()
    return copy
