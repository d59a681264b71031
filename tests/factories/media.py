"""Photos for tests: drawn here, so that none has to be kept."""

import struct
from io import BytesIO
from typing import Any

import av
import pillow_heif
from PIL import Image, ImageDraw

pillow_heif.register_heif_opener()


def picture(width: int = 640, height: int = 480) -> Image.Image:
    """A picture that shows when it is turned: red above, blue to the left, green to the right."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, height // 2, width // 2, height), fill=(0, 0, 255))
    draw.rectangle((width // 2, height // 2, width, height), fill=(0, 160, 0))
    draw.rectangle((0, 0, width, height // 2), fill=(255, 0, 0))
    return image


def photo(width: int = 640, height: int = 480, kind: str = "JPEG", **options: Any) -> BytesIO:
    """The same as a file."""
    content = BytesIO()
    picture(width, height).save(content, kind, **options)
    content.seek(0)
    return content


def video(
    seconds: float = 1.0,
    *,
    size: tuple[int, int] = (320, 240),
    codec: str = "libx264",
    kind: str = "mp4",
    sound: bool = True,
    **metadata: str,
) -> BytesIO:
    """A film of `picture` with a tone, ten frames a second; `metadata` is written as a phone would."""
    content = BytesIO()
    options = {"movflags": "use_metadata_tags"} if kind in ("mp4", "mov") else {}
    with av.open(content, "w", format=kind, options=options) as container:
        container.metadata.update(metadata)
        film = container.add_stream(codec, rate=10)
        film.width, film.height, film.pix_fmt = *size, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        film.metadata["handler_name"] = "A camera of somebody"
        tone = container.add_stream("aac", rate=44_100) if sound else None
        frame = av.VideoFrame.from_image(picture(*size))
        for number in range(round(seconds * 10)):
            frame.pts = number
            container.mux(film.encode(frame))
        container.mux(film.encode(None))
        if tone is not None:
            add_tone(container, tone, seconds)
    content.seek(0)
    return content


def add_tone(container: Any, tone: Any, seconds: float) -> None:
    for number in range(round(seconds * 44_100 / 1024)):
        frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts = 44_100, number * 1024
        container.mux(tone.encode(frame))
    container.mux(tone.encode(None))


UPRIGHT = (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
QUARTER_TURN = (0, 0x10000, 0, -0x10000, 0, 0, 0, 0, 0x40000000)


def held_sideways(content: BytesIO) -> BytesIO:
    """The same film with the note that it is to be shown a quarter turned, as phones write it."""
    before, after = (struct.pack(">9i", *matrix) for matrix in (UPRIGHT, QUARTER_TURN))
    header = content.getvalue().index(b"tkhd")
    body = content.getvalue()
    return BytesIO(body[:header] + body[header:].replace(before, after, 1))
