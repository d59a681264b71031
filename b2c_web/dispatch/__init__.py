"""Dispatch: the blueprint, and what fills the bookings' hooks."""

from flask import Blueprint, Flask

blueprint = Blueprint("dispatch", __name__)


def init_app(app: Flask) -> None:
    """Trips follow their bookings."""
    from b2c_web.dispatch import drivers, reactions

    reactions.register()
    drivers.register()
