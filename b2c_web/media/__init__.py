"""Media: photos and videos of people, the store that keeps them, and the links that show them."""

import os
from pathlib import Path

from flask import Blueprint, Flask

from b2c_web.config import ConfigError
from b2c_web.db_places import instance_dir

blueprint = Blueprint("media", __name__)


def init_app(app: Flask) -> None:
    """Open the store that the settings choose; give templates the links."""
    from b2c_web.media import links, rules

    app.extensions["media_store"] = make_store(app)
    app.jinja_env.globals.update(
        media_url=links.media_url, url_for_media=links.url_for_media, media_reason=rules.reason_words
    )


def make_store(app: Flask) -> object:
    """The store of MEDIA_STORE. Raises ConfigError naming the setting that keeps it from working."""
    config = app.config
    if config["MEDIA_STORE"] == "s3":
        from b2c_web.media.s3 import S3MediaStore

        names = ("MEDIA_S3_BUCKET", "MEDIA_S3_ENDPOINT", "MEDIA_S3_REGION", "MEDIA_S3_KEY_ID", "MEDIA_S3_SECRET")
        return S3MediaStore(*(config[name] for name in names))
    from b2c_web.media.store import LocalMediaStore

    return LocalMediaStore(_folder(config["MEDIA_DIR"]))


def _folder(chosen: str) -> Path:
    if not chosen:
        return instance_dir() / "media"
    folder = Path(chosen)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"MEDIA_DIR={chosen!r}: cannot be made: {error.strerror}.") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"MEDIA_DIR={chosen!r}: the application's user may not write there.")
    return folder
