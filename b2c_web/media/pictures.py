"""Photos: decoded, turned upright, and encoded anew from their pixels alone, so that nothing else can remain."""

import warnings
from io import BytesIO
from typing import BinaryIO

import pillow_heif
from PIL import Image, ImageCms, ImageOps

from b2c_web.media.making import LONGEST_SIDE, MEGAPIXEL, Made, Refused
from b2c_web.media.models import MediaSize

QUALITY = {MediaSize.SMALL: 78, MediaSize.MEDIUM: 82, MediaSize.LARGE: 84}
# what Pillow and its decoders raise for contents that are broken or made to harm
BROKEN = (OSError, ValueError, SyntaxError, EOFError, OverflowError, MemoryError, Image.DecompressionBombError)
SRGB = ImageCms.createProfile("sRGB")

pillow_heif.register_heif_opener(thumbnails=False)


def make(stream: BinaryIO, decoder: str, most_megapixels: int) -> Made:
    """The three sizes of a photo as JPEG. `decoder`: the only one that is tried ("JPEG", "PNG", "WEBP", "HEIF").

    The number of pixels is checked before any of them is decoded. Raises Refused.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the decoders; ours is the limit that counts
            return from_image(_large(stream, decoder, most_megapixels))
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
        profile = image.info.get("icc_profile")
        image.draft("RGB", (side, side))  # a JPEG far larger is decoded at a half, a quarter, an eighth
        image.load()
        upright = ImageOps.exif_transpose(_within(image, side))
        return _flat(upright, profile)


def _within(image: Image.Image, side: int) -> Image.Image:
    if max(image.size) <= side:
        return image
    if image.mode in ("P", "1", "I", "F", "I;16"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    exif = image.getexif()
    smaller = image.resize(_fitted(image.size, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    smaller.info["exif"] = exif.tobytes()  # how it must be turned
    return smaller


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    factor = min(1.0, side / max(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _flat(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB as every browser shows it: transparency on white, wide colours brought to sRGB."""
    if profile and image.mode == "RGB":
        image = _as_srgb(image, profile)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        return white
    return image.convert("RGB")


def _as_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        return ImageCms.profileToProfile(image, BytesIO(profile), SRGB, outputMode="RGB") or image
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a broken profile is no reason to lose the photo


def _jpeg(image: Image.Image, quality: int) -> BytesIO:
    plain = BytesIO()
    bare = image.copy()
    bare.info = {}  # no EXIF, profile, comment or thumbnail
    bare.save(plain, "JPEG", quality=quality)
    plain.seek(0)
    return plain
