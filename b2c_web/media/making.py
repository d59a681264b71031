"""What the makers of sizes answer: pictures and videos have it in common."""

import os
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO

from b2c_web.media.models import MediaSize

LONGEST_SIDE = {MediaSize.SMALL: 320, MediaSize.MEDIUM: 1080, MediaSize.LARGE: 2400}
MEGAPIXEL = 1_000_000


class Refused(Exception):
    """The content is not what it looked like from outside; `reason` is a word of `rules.REASONS`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class Made:
    """The sizes, each an open file at its start; `width` and `height` are LARGE's as it is shown. Closes them all."""

    contents: dict[MediaSize, BinaryIO]
    content_type: str
    large_extension: str
    width: int
    height: int

    def byte_size(self) -> int:
        """How long LARGE is."""
        large = self.contents[MediaSize.LARGE]
        here = large.tell()
        end = large.seek(0, os.SEEK_END)
        large.seek(here)
        return end

    def __enter__(self) -> "Made":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for content in self.contents.values():
            content.close()
