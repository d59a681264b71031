"""Planning what a workshop can promise: weekly template, heat map, what-if, moves with consent, waiting list."""

from flask import Blueprint, Flask

blueprint = Blueprint("capacity", __name__, url_prefix="/workshop/capacity")


def init_app(app: Flask) -> None:
    """Let every page of planning draw the same tabs."""
    from b2c_web.capacity import tabs

    app.jinja_env.globals["capacity_tabs"] = tabs.capacity_tabs
