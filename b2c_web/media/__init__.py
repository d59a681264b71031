"""Media: the store that other features keep files in."""

from flask import Flask

from b2c_web.db_places import instance_dir


def init_app(app: Flask) -> None:
    """Keep files on the local disk, below the installation's own folder."""
    from b2c_web.media.store import LocalMediaStore

    app.extensions["media_store"] = LocalMediaStore(instance_dir() / "media")
