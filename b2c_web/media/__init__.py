"""Media: the store that other features keep files in."""

from pathlib import Path

from flask import Flask


def init_app(app: Flask) -> None:
    """Keep files on the local disk, below the installation's own folder."""
    from b2c_web.media.store import LocalMediaStore

    app.extensions["media_store"] = LocalMediaStore(Path(app.instance_path) / "media")
