"""`flask` commands, one file per group."""

from importlib import import_module

from flask import Flask

GROUPS = ("db_server", "staff", "schema", "config", "verify", "worker", "demo", "capacity", "ronja", "payments")


def init_app(app: Flask) -> None:
    """Register every group; each module exposes `commands`, a list of click commands."""
    for name in GROUPS:
        for command in import_module(f"b2c_web.cli.{name}").commands:
            app.cli.add_command(command)
