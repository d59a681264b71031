"""Accounts: the blueprint, and who is signed in."""

from flask import Blueprint, Flask

blueprint = Blueprint("accounts", __name__)


def init_app(app: Flask) -> None:
    """Let every request know its user, and send strangers to the right door."""
    from b2c_web.accounts.doors import home_of, person_mark, send_strangers_to_a_door
    from b2c_web.accounts.sessions import keep_sessions

    keep_sessions(app)
    send_strangers_to_a_door()
    app.jinja_env.globals.update(home_of=home_of, person_mark=person_mark)
