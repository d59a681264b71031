"""Extensions: the blueprint, and what they do in their neighbours' hooks."""

from flask import Blueprint, Flask

blueprint = Blueprint("extensions", __name__)


def init_app(app: Flask) -> None:
    """Fill bookings', payments' and media's hooks; let pages on the left show extensions. Twice changes nothing."""
    from b2c_web.bookings import hooks
    from b2c_web.extensions import completing, money, queries
    from b2c_web.media.hooks import add_referred

    money.register()
    add_referred(queries.media_in_use)
    hooks.completing.add(completing.complete)
    hooks.undecided.add(completing.is_undecided)
    hooks.cancelled.add(completing.end)
    hooks.ready_for_return.add(completing.end)  # a booking that staff cancelled while the car is here
    app.jinja_env.globals |= {"extensions_of": queries.of_booking, "declined_work_of": queries.declined_for}
