"""Dashboard: the blueprint, and what the desk asks of everything to its left."""

from flask import Blueprint, Flask

blueprint = Blueprint("dashboard", __name__)


def init_app(app: Flask) -> None:
    """Tell bookings' desk what jockeys read off."""
    from b2c_web.bookings import hooks
    from b2c_web.dashboard.car import mileage_at_the_door

    hooks.known_mileage.add(mileage_at_the_door)
