"""Dispatch: the blueprint, and what fills the bookings' hooks."""

from flask import Blueprint, Flask

blueprint = Blueprint("dispatch", __name__)


def init_app(app: Flask) -> None:
    """Trips follow their bookings; the photos of handovers are in use; a booking's page shows its handovers."""
    from b2c_web.dispatch import drivers, handovers, photos, reactions, words
    from b2c_web.media import hooks

    reactions.register()
    drivers.register()
    handovers.register()
    hooks.add_referred(photos.in_use)
    app.jinja_env.globals |= {"handed_over": handovers.handed_over, "shown_of_handover": words.listed}
