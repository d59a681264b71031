"""Bookings: the blueprint, and what it does in its neighbours' hooks."""

from flask import Blueprint, Flask

blueprint = Blueprint("bookings", __name__)


def init_app(app: Flask) -> None:
    """Fill payments' and notifications' hooks."""
    from importlib.util import find_spec

    from b2c_web.bookings import settlement

    settlement.register()
    if find_spec("b2c_web.payments.pdf") and find_spec("b2c_web.bookings.calendar_file"):
        from b2c_web.bookings import papers

        papers.register()
