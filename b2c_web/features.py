"""Every feature's part in the application: models, jobs, blueprints, and the hooks between features.

Order matters: a feature on the left never imports one on the right. Where the left must cause something on
the right inside its own transaction, it exposes a named list of hooks that is filled here.
"""

from importlib import import_module
from typing import Any

from flask import Flask

ORDER = (
    "accounts",
    "vehicles",
    "catalog",
    "workshops",
    "media",
    "notifications",
    "payments",
    "bookings",
    "capacity",
    "extensions",
    "jockeys",
    "dispatch",
    "odoo",
    "operations",
    "dashboard",
    "landing",
)


def import_all_models() -> None:
    """Make every table known to SQLAlchemy."""
    import_module("b2c_web.audit")
    for name in ("accounts", "vehicles", "catalog", "workshops", "media", "notifications", "payments", "bookings"):
        import_module(f"b2c_web.{name}.models")
    import_module("b2c_web.payments.setup_models")
    for name in ("move_models", "waiting_models"):
        import_module(f"b2c_web.capacity.{name}")
    for name in ("extensions", "dispatch", "odoo", "operations"):
        import_module(f"b2c_web.{name}.models")


def import_all() -> None:
    """Make every table and every job known, before anything is bound to an app."""
    import_all_models()
    for name in ORDER:
        _import_if_there(f"b2c_web.{name}.jobs")


def _import_if_there(module: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        return None


def init_app(app: Flask) -> None:
    """Register gateways, hooks and blueprints."""
    for name in ORDER:
        feature = import_module(f"b2c_web.{name}")
        if hasattr(feature, "init_app"):
            feature.init_app(app)
        if hasattr(feature, "blueprint"):
            _import_if_there(f"b2c_web.{name}.views")
            app.register_blueprint(feature.blueprint)
