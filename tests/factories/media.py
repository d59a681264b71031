"""Photos for tests: drawn here, so that none has to be kept."""

from io import BytesIO
from typing import Any

from PIL import Image, ImageDraw


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
