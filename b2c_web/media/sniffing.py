"""What a file is, by its first bytes. Names and what a browser claims count for nothing."""

from dataclasses import dataclass

from b2c_web.media.models import MediaKind

HEAD_BYTES = 64


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that is taken. `decoder`: the one library's name for it; nothing else is tried on it."""

    kind: MediaKind
    extension: str
    content_type: str
    decoder: str


JPEG = Format(MediaKind.IMAGE, "jpg", "image/jpeg", "JPEG")
PNG = Format(MediaKind.IMAGE, "png", "image/png", "PNG")
WEBP = Format(MediaKind.IMAGE, "webp", "image/webp", "WEBP")
HEIC = Format(MediaKind.IMAGE, "heic", "image/heic", "HEIF")
MP4 = Format(MediaKind.VIDEO, "mp4", "video/mp4", "mov")
FORMATS = (JPEG, PNG, WEBP, HEIC, MP4)

HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
VIDEO_BRANDS = {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"qt  "}
VIDEO_BRANDS |= {b"3gp4", b"3gp5", b"3gp6", b"MSNV", b"dash"}


def sniff(head: bytes) -> Format | None:
    """The format of a file that begins with `head` (`HEAD_BYTES` suffice), or None when it is not taken."""
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return WEBP
    if head[4:8] == b"ftyp":
        return _by_brand(head[8:12])
    return None


def _by_brand(brand: bytes) -> Format | None:
    if brand in HEIC_BRANDS:
        return HEIC
    return MP4 if brand in VIDEO_BRANDS else None


def by_extension(name: str) -> Format:
    """The format under which the store keeps a staged file."""
    return next(found for found in FORMATS if name.endswith(f".{found.extension}"))
