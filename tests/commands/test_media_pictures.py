"""Photos are made anew from their pixels: upright, in every size, and with nothing beside them."""

from io import BytesIO

import pytest
from PIL import Image, ImageCms

from b2c_web.media.models import MediaSize, MediaState
from tests.factories.media import photo, picture
from tests.media_desk import Desk, shown

GPS = b"+51.4436+007.3353"


def exif_of(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A camera of somebody"
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 26.0, 37.0), 3: "E", 4: (7.0, 20.0, 7.0)})
    return exif


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_place_and_camera_are_gone_from_every_size(desk: Desk, kind: str) -> None:
    content = photo(800, 600, kind, exif=exif_of().tobytes())
    assert b"A camera of somebody" in content.getvalue()
    file = desk.made_of(content)
    assert file.state is MediaState.READY
    for size in MediaSize:
        image = shown(file, size)
        assert not image.getexif()
        assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert all(b"camera" not in (desk.folder / name).read_bytes() for name in desk.contents())


def test_comments_profiles_and_what_is_appended_are_gone(desk: Desk) -> None:
    content = photo(600, 400, comment=GPS)
    content.seek(0, 2)
    content.write(b"<script>alert(1)</script>" + GPS)
    content.seek(0)
    file = desk.made_of(content)
    assert file.state is MediaState.READY
    left = b"".join((desk.folder / name).read_bytes() for name in desk.contents())
    assert GPS not in left
    assert b"script" not in left


def is_upright(image: Image.Image) -> bool:
    """As `tests.factories.media.picture` was drawn."""
    width, height = image.size
    spots = [(width // 2, height // 4), (width // 4, 3 * height // 4), (3 * width // 4, 3 * height // 4)]
    red, blue, green = (image.getpixel(spot) for spot in spots)
    return all(
        min(lit) > 120 and max(dark) < 60
        for lit, dark in (
            ([red[0]], red[1:]),
            ([blue[2]], blue[:2]),
            ([green[1]], [green[0], green[2]]),
        )
    )


TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", TURNED)
def test_a_photo_stands_upright_however_the_camera_was_held(desk: Desk, orientation: int) -> None:
    image, turn = picture(3000, 2000), TURNED[orientation]
    stored, content = image if turn is None else image.transpose(turn), BytesIO()
    stored.save(content, "JPEG", exif=exif_of(orientation).tobytes())
    file = desk.made_of(content)
    assert (file.width, file.height) == (2400, 1600)
    assert all(is_upright(shown(file, size)) for size in MediaSize)


@pytest.mark.parametrize(
    ("mode", "kind"), [("CMYK", "JPEG"), ("L", "JPEG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("I;16", "PNG")]
)
def test_every_kind_of_colours_is_shown(desk: Desk, mode: str, kind: str) -> None:
    content = BytesIO()
    source = picture(2600, 300)
    (source.convert("L").convert("I").convert("I;16") if mode == "I;16" else source.convert(mode)).save(content, kind)
    file = desk.made_of(content)
    assert file.state is MediaState.READY
    assert [shown(file, size).mode for size in MediaSize] == ["RGB"] * 3


def test_a_small_photo_stays_small(desk: Desk) -> None:
    file = desk.made_of(photo(200, 100))
    assert [shown(file, size).size for size in MediaSize] == [(200, 100)] * 3


def test_wide_colours_keep_their_look(desk: Desk) -> None:
    """A profile that swaps nothing but says "not sRGB" is applied, a broken one ignored."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for embedded in (profile, b"no profile at all"):
        file = desk.made_of(photo(640, 480, icc_profile=embedded))
        assert is_upright(shown(file, MediaSize.MEDIUM))
