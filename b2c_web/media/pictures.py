"""Photos: decoded, turned upright, and encoded anew from their pixels alone, so that nothing else can remain."""

import struct
import warnings
import zlib
from io import BytesIO
from typing import BinaryIO

import pillow_heif
from PIL import Image, ImageCms

from b2c_web.media.making import LONGEST_SIDE, MEGAPIXEL, Made, Refused
from b2c_web.media.memory import give_back_at_once
from b2c_web.media.models import MediaSize

QUALITY = {MediaSize.SMALL: 78, MediaSize.MEDIUM: 82, MediaSize.LARGE: 84}
# what Pillow and its decoders raise for contents that are broken or made to harm; a test of random damage knows them
BROKEN = (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, MemoryError, RuntimeError, LookupError,
          TypeError, struct.error, zlib.error)  # fmt: skip
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
DIRECT = ("RGB", "RGBA", "L", "LA", "CMYK", "YCbCr")
SRGB = ImageCms.createProfile("sRGB")

pillow_heif.register_heif_opener(thumbnails=False)
give_back_at_once()


def make(stream: BinaryIO, decoder: str, most_megapixels: int) -> Made:
    """The three sizes of a photo as JPEG. `decoder`: the only one that is tried ("JPEG", "PNG", "WEBP", "HEIF").

    The number of pixels is checked before any of them is decoded. Raises Refused.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the decoders; ours is the limit that counts
            return from_image(_large(stream, decoder, most_megapixels))
    except Image.DecompressionBombError as error:
        raise Refused("too_many_pixels") from error
    except BROKEN as error:
        raise Refused("unreadable") from error


def from_image(large: Image.Image) -> Made:
    """The sizes of an upright RGB picture; each smaller one is made of the one before."""
    contents: dict[MediaSize, BinaryIO] = {}
    image = large
    for size in (MediaSize.LARGE, MediaSize.MEDIUM, MediaSize.SMALL):
        image = _within(image, LONGEST_SIDE[size])
        contents[size] = _jpeg(image, QUALITY[size])
    width, height = _fitted(large.size, LONGEST_SIDE[MediaSize.LARGE])
    return Made(contents, "image/jpeg", "jpg", width, height)


def _large(stream: BinaryIO, decoder: str, most_megapixels: int) -> Image.Image:
    side = LONGEST_SIDE[MediaSize.LARGE]
    with Image.open(stream, formats=(decoder,)) as image:
        if image.width * image.height > most_megapixels * MEGAPIXEL:
            raise Refused("too_many_pixels")
        turn, profile = _turn_of(image), image.info.get("icc_profile")
        image.draft("RGB", (side, side))  # a JPEG far larger is decoded at a half, a quarter, an eighth
        image.load()
        upright = _flat(_within(_in_colour(image), side), profile)
    return upright.transpose(turn) if turn is not None else upright


def _turn_of(image: Image.Image) -> Image.Transpose | None:
    """How the camera was held. A broken EXIF is no reason to lose the photo."""
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except BROKEN:
        return None


def _in_colour(image: Image.Image) -> Image.Image:
    """A form that can be made smaller: palettes, bits and deep greys cannot."""
    if image.mode in DIRECT and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if "transparency" in image.info else "RGB")


def _within(image: Image.Image, side: int) -> Image.Image:
    if max(image.size) <= side:
        return image
    return image.resize(_fitted(image.size, side), Image.Resampling.BICUBIC, reducing_gap=2.0)


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    factor = min(1.0, side / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _flat(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB as every browser shows it: transparency on white, wide colours brought to sRGB."""
    if profile and image.mode == "RGB":
        return _as_srgb(image, profile)
    if "A" not in image.getbands():
        return image.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(image.convert("RGB"), mask=image.getchannel("A"))
    return white


def _as_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        return ImageCms.profileToProfile(image, BytesIO(profile), SRGB, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a broken profile is no reason to lose the photo


def _jpeg(image: Image.Image, quality: int) -> BytesIO:
    content = BytesIO()
    image.info = {}  # no EXIF, profile, comment or thumbnail
    image.save(content, "JPEG", quality=quality)
    content.seek(0)
    return content
