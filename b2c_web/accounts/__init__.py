"""Accounts: the blueprint, and who is signed in."""

from flask import Blueprint, Flask

blueprint = Blueprint("accounts", __name__)


def init_app(app: Flask) -> None:
    """Let every request know its user, and send strangers to the right door."""
    from b2c_web.accounts import sessions
    from b2c_web.accounts.views import doors

    sessions.init_app(app)
    doors.init_app(app)
