"""Styles, scripts, fonts and pictures, below an address that changes when one of them does: what a browser has once, it
never asks for again, and no browser keeps another version's file under a page's address.

Files refer to each other relatively, so the version is a folder of the address and not a parameter.
"""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response

FOR_GOOD = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"

Stamp = tuple[int, int]


def version_of(folder: Path) -> tuple[str, dict[str, Stamp]]:
    """Twelve hex digits over the names and contents of all files, and by which stamp each was known then."""
    digest, stamps = hashlib.sha256(), dict[str, Stamp]()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        stamps[name] = _stamp(file)
        digest.update(f"{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12], stamps


def _stamp(file: Path) -> Stamp:
    found = file.stat()
    return found.st_mtime_ns, found.st_size


def init_app(app: Flask, folder: str = "static") -> None:
    """Serve the files of `folder`. Kept for good is what this version's address stands for, and nothing else: neither
    what a page of another version asks for, nor a file that was replaced since the start, nor any while developing.
    """
    app.static_folder = folder
    files = Path(app.root_path, folder)
    ours, stamps = version_of(files)
    lasts = app.config["B2C_ENV"] != "development"

    def file(version: str, filename: str) -> Response:
        answer = app.send_static_file(filename)
        same = version == ours and stamps.get(filename) == _stamp(files / filename)
        answer.headers["Cache-Control"] = FOR_GOOD if lasts and same else ASK_AGAIN
        return answer

    def name_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", ours)

    app.static_url_path = f"/static/{ours}"
    app.add_url_rule("/static/<version>/<path:filename>", "static", file)
    app.url_defaults(name_version)
