"""Styles, scripts, fonts and pictures, below an address that changes when one of them does: what a browser has once, it
never asks for again, and no page meets another version's styles.

Files refer to each other relatively, so the version is a folder of the address and not a parameter.
"""

import hashlib
from pathlib import Path
from typing import Any

from flask import Flask, Response

FOR_GOOD = "public, max-age=31536000, immutable"


def version_of(folder: Path) -> str:
    """Twelve hex digits over the names and contents of all files."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]


def init_app(app: Flask, folder: str = "static") -> None:
    """Serve the files of `folder`. A page that an earlier version made still gets them, but nobody keeps those."""
    app.static_folder = folder
    ours = version_of(Path(app.root_path, folder))

    def file(version: str, filename: str) -> Response:
        answer = app.send_static_file(filename)
        answer.headers["Cache-Control"] = FOR_GOOD if version == ours else "no-cache"
        return answer

    def name_version(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static":
            values.setdefault("version", ours)

    app.static_url_path = f"/static/{ours}"
    app.add_url_rule("/static/<version>/<path:filename>", "static", file)
    app.url_defaults(name_version)
