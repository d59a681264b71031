"""Notifications: the blueprint, and the mailing of login codes."""

from flask import Blueprint, Flask

blueprint = Blueprint("notifications", __name__)


def init_app(app: Flask) -> None:
    """Mail the codes that accounts makes."""
    from b2c_web.accounts import hooks
    from b2c_web.notifications.login_codes import add_code_mail

    hooks.code_made.add(add_code_mail)
