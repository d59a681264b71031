"""Where files of people are kept: an interface in our words, and the local disk behind it."""

import os
import re
import secrets
from pathlib import Path
from typing import BinaryIO, Protocol

NAME = re.compile(r"[0-9a-f]{2}/[0-9a-f]{32}\.[a-z]{2,5}")


class MediaStore(Protocol):
    """Keeps contents under names of its own choosing, which say nothing and cannot be guessed."""

    def put(self, content: bytes, extension: str) -> str:
        """Keep `content` for good; returns its name. `extension` is a lower-case word such as "pdf"."""

    def open(self, name: str) -> BinaryIO:
        """The content, from its start. Raises FileNotFoundError."""

    def delete(self, name: str) -> None:
        """Forget it; nothing happens when it is gone already."""


class LocalMediaStore:
    """Files below one folder, readable by the application's user only."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def put(self, content: bytes, extension: str) -> str:
        token = secrets.token_hex(16)
        name = f"{token[:2]}/{token}.{extension}"
        path = self._path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_suffix(".part")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)  # a reader sees all of it or nothing
        return name

    def open(self, name: str) -> BinaryIO:
        return self._path(name).open("rb")

    def delete(self, name: str) -> None:
        self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise ValueError(f"not a name of this store: {name!r}")
        return self.root / name
