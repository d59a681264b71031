"""Dispatch: fills the bookings' hooks."""

from flask import Flask


def init_app(app: Flask) -> None:
    """Trips follow their bookings."""
    from b2c_web.dispatch import reactions

    reactions.register()
