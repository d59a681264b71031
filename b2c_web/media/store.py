"""Where files of people are kept: an interface in our words, and the local disk behind it."""

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from b2c_web.errors import Busy

NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}(-[a-z]{1,8})?\.[a-z0-9]{2,5}")
CHUNK_BYTES = 256 * 1024


class StoreUnavailable(Busy):
    """The store cannot be reached or has no room; nothing was kept. Trying again is right."""

    code = "store_unavailable"


class Stretch(Protocol):
    """Chunks of a content, to be closed by whoever asked for them."""

    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class MediaStore(Protocol):
    """Keeps contents under names that say nothing and cannot be guessed.

    Every method raises StoreUnavailable when the store does not answer, and ValueError for what is no name of ours.
    """

    def put(self, content: bytes, extension: str) -> str:
        """Keep `content` for good; returns its name. `extension` is a lower-case word such as "pdf"."""

    def write(self, name: str, stream: BinaryIO) -> None:
        """Keep what is left of `stream` under a name from `new_name` or `sibling`: all of it or nothing. Replaces."""

    def open(self, name: str) -> BinaryIO:
        """The content, from its start, seekable. Raises FileNotFoundError."""

    def part(self, name: str, first: int, length: int) -> Stretch:
        """`length` bytes from byte `first` on, in chunks. Raises FileNotFoundError before the first chunk."""

    def delete(self, name: str) -> None:
        """Forget it; nothing happens when it is gone already."""


def new_name(extension: str) -> str:
    """A name that nobody can guess."""
    token = secrets.token_hex(16)
    return checked(f"{token[:2]}/{token}.{extension}")


def sibling(name: str, word: str, extension: str) -> str:
    """The name of what is made of `name`; always the same, so that making it twice keeps one."""
    return checked(f"{checked(name).partition('.')[0].partition('-')[0]}-{word}.{extension}")


def checked(name: str) -> str:
    """`name` itself. Raises ValueError when it is none of ours, so that no path leads out of the store."""
    if not NAME.fullmatch(name):
        raise ValueError(f"not a name of this store: {name!r}")
    return name


class LocalMediaStore:
    """Files below one folder, readable by the application's user only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, content: bytes, extension: str) -> str:
        name = new_name(extension)
        self.write(name, BytesIO(content))
        return name

    def write(self, name: str, stream: BinaryIO) -> None:
        path = self._path(name)
        draft = path.with_suffix(f".{secrets.token_hex(4)}.part")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                self._write_draft(draft, stream)
                draft.replace(path)  # a reader sees all of it or nothing
            finally:
                draft.unlink(missing_ok=True)
        except OSError as error:
            raise StoreUnavailable from error

    def _write_draft(self, draft: Path, stream: BinaryIO) -> None:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(stream, file, CHUNK_BYTES)
            file.flush()
            os.fsync(file.fileno())

    def open(self, name: str) -> BinaryIO:
        return self._path(name).open("rb")

    def part(self, name: str, first: int, length: int) -> Stretch:
        return _Stretch(self.open(name), first, length)

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.root / checked(name)


class _Stretch:
    """A part of a file; whoever serves it closes it, read or not."""

    def __init__(self, file: BinaryIO, first: int, length: int) -> None:
        self._file, self._left = file, length
        file.seek(first)

    def __iter__(self) -> Iterator[bytes]:
        with self._file:
            while self._left > 0 and (chunk := self._file.read(min(CHUNK_BYTES, self._left))):
                self._left -= len(chunk)
                yield chunk

    def close(self) -> None:
        self._file.close()
