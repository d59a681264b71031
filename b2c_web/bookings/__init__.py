"""Bookings: the blueprint, and what it does in its neighbours' hooks."""

from flask import Blueprint, Flask

blueprint = Blueprint("bookings", __name__)


def init_app(app: Flask) -> None:
    """Fill payments', notifications' and media's hooks; make room for calendar fragments."""
    from b2c_web.bookings import access, papers, reuse, settlement

    settlement.register()
    papers.register()
    access.register()
    reuse.init_app(app)
