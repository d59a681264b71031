"""Bookings: the blueprint, and what it does in its neighbours' hooks."""

from flask import Blueprint, Flask

blueprint = Blueprint("bookings", __name__)


def init_app(app: Flask) -> None:
    """Fill payments' and notifications' hooks; make room for calendar fragments."""
    from b2c_web.bookings import papers, reuse, settlement

    settlement.register()
    papers.register()
    reuse.init_app(app)
