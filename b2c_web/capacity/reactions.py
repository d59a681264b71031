"""What bookings tell planning, in their own transaction."""

from flask import Flask

from b2c_web.bookings import hooks
from b2c_web.capacity import moves


def register(app: Flask) -> None:
    """Fill bookings' hooks, and let a booking's page find its open request."""
    hooks.moved.add(moves.end_open_offer)
    hooks.cancelled.add(moves.end_open_offer)
    app.jinja_env.globals["open_offer_of"] = moves.open_offer_of
