"""Planning what a workshop can promise: weekly template, heat map, what-if, moves with consent, waiting list."""

from flask import Blueprint, Flask

blueprint = Blueprint("capacity", __name__, url_prefix="/workshop/capacity")
offers = Blueprint("offers", __name__)  # what customers see of it: a request to move, the waiting list


def init_app(app: Flask) -> None:
    """Let every page of planning draw the same tabs."""
    from b2c_web.capacity import tabs

    app.jinja_env.globals["capacity_tabs"] = tabs.capacity_tabs
    _add_offers(app)


def _add_offers(app: Flask) -> None:
    """The customers' pages, and what bookings tell planning."""
    from b2c_web.capacity import reactions
    from b2c_web.capacity.views import figures, moves, waiting, what_if  # noqa: F401 - their routes

    reactions.register(app)
    app.register_blueprint(offers)
