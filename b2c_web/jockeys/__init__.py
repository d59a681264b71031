"""Jockeys: what a jockey's status means for signing in."""

from flask import Flask
from sqlalchemy import ColumnElement, and_, exists


def init_app(app: Flask) -> None:
    """Bar the accounts of jockeys who are INACTIVE."""
    from b2c_web.accounts import hooks

    hooks.barred.add(inactive_jockey)


def inactive_jockey() -> ColumnElement[bool]:
    """A condition on `users`: this person is a jockey who is INACTIVE."""
    from b2c_web.accounts.models import Role, User
    from b2c_web.workshops.models import Jockey, JockeyStatus

    inactive = exists().where(Jockey.user_id == User.id, Jockey.status == JockeyStatus.INACTIVE)
    return and_(User.role == Role.JOCKEY, inactive)
