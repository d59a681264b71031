"""The factory: configuration, Flask extensions, gateways, blueprints, hooks, errors, commands."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy.pool import QueuePool

ROOT = Path(__file__).resolve().parent.parent


def create_app(environ: Mapping[str, str] | None = None, **overrides: Any) -> Flask:
    """The application, configured from `environ` (default: the process's). `overrides` win, for tests.

    Raises ConfigError naming the setting when one is missing or wrong.
    """
    from b2c_web import cli, features, request_cycle, static_files
    from b2c_web.config import load_settings

    app = Flask(
        "b2c_web",
        root_path=str(ROOT),
        template_folder="templates",
        static_folder=None,
        instance_path=str(ROOT / "instance"),
    )
    app.config.from_mapping(load_settings(os.environ if environ is None else environ))
    app.config.update(overrides)
    _derive(app)
    features.import_all()
    static_files.init_app(app)
    request_cycle.init_app(app)
    features.init_app(app)
    cli.init_app(app)
    return app


def _derive(app: Flask) -> None:
    """Settings that Flask and its extensions want under their own names."""
    from b2c_web.db import connect_args, refuse_closed

    config = app.config
    if config["B2C_ENV"] == "development" and not config["STRIPE_SECRET_KEY"]:
        config.update(_running_simulator())
    url = config["DATABASE_URL"] or _own_database_url()
    secure = config["B2C_BASE_URL"].startswith("https://")
    config.update(
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS={
            "poolclass": QueuePool,
            "pool_size": config["DB_POOL_SIZE"],
            "max_overflow": 5,
            "pool_use_lifo": True,  # few connections that have prepared what is asked, rather than all a little
            "connect_args": connect_args(url, lock_timeout_ms=config["LOCK_TIMEOUT_MS"]),
            "pool_events": [(refuse_closed, "checkout")],  # a restarted database costs a reconnect, not an error
            "pool_recycle": 1800,
        }
        | config.get("SQLALCHEMY_ENGINE_OPTIONS", {}),
        SECRET_KEY=config["SECRET_KEY"] or _own_secret_key(),
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME="__Host-b2c" if secure else "b2c",
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE="de",
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"),
        RATELIMIT_DEFAULT=f"{config['RATE_LIMIT_PER_MINUTE']} per minute",
        RATELIMIT_HEADERS_ENABLED=False,
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        MAIL_DEFAULT_SENDER=config["MAIL_SENDER"],
        MAIL_BACKEND="smtp" if config["MAIL_SERVER"] else "locmem",
    )


def _own_database_url() -> str:
    """Where our own server listens; it is started by `make run` or `flask db-server start`."""
    from b2c_web.db_server import own_server

    return own_server().url()


def _running_simulator() -> dict[str, str]:
    """How to reach the payment simulator that `make run` started from this folder."""
    from b2c_web.db_places import instance_dir
    from b2c_web.secrets_file import simulator_settings

    return simulator_settings(instance_dir())


def _own_secret_key() -> str:
    """A key kept below instance/, for everything but production."""
    from b2c_web.db_places import instance_dir
    from b2c_web.secrets_file import load_secrets

    return load_secrets(instance_dir())["SECRET_KEY"]
