"""Passwords: argon2 hashes, brought up to date when somebody signs in."""

import uuid

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web import audit
from b2c_web.accounts import limits, rules, sessions
from b2c_web.accounts.models import Role, User
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid, NotAllowed
from b2c_web.flask_extensions import db

PASSWORD = "PASSWORD"  # noqa: S105 - the name of a kind of attempt

# RFC 9106's shape with 32 MiB, so that all web threads at once stay below a small machine's memory.
HASHER = PasswordHasher(time_cost=3, memory_cost=32 * 1024, parallelism=1)
# Compared with when there is no account or no password, so that the answer takes as long. Of a random word that nobody
# wrote down; a fixed one, because to make one takes a tenth of a second at every start.
NOBODYS_HASH = "$argon2id$v=19$m=32768,t=3,p=1$Z/T7stkPya90P+ljzN398g$nPAbzfXSJnzfQIuoSKAlAqEFPCFvdKLsjGWgRJzNQiM"

WRONG = _l("E-Mail-Adresse oder Passwort stimmt nicht.")
WRONG_CURRENT = _l("Das bisherige Passwort stimmt nicht.")


def check_password(email: str, password: str, network: str) -> User:
    """Who signs in with this address and password, customer or staff.

    One answer for an unknown address, an account without password, a barred one and a wrong password, after
    the same work. Raises Invalid and, by account and by network, TooMany.
    """
    attempt = _count(email, network)
    user = db.session.scalars(select(User).where(User.email == email, *sessions.not_barred())).one_or_none()
    stored = user.password_hash if user else None
    right = _matches(stored, password)
    if user is None or not right:
        raise Invalid(WRONG, code="password_wrong", field="password")
    with command_transaction():
        limits.forgive(attempt)
        if HASHER.check_needs_rehash(stored or NOBODYS_HASH):
            user.password_hash = HASHER.hash(password)
    return user


def set_password(user: User, new: str, current: str | None, network: str, *, proven: bool = False) -> None:
    """Set the password of `user`; all their other sessions end.

    Who has one gives it as `current`, unless `proven`: signed in with a mailed code just now.
    Raises Invalid naming the field, and TooMany.
    """
    user_id, email = user.id, user.email
    refusal = rules.password_refusal(new, email, current_app.config["PASSWORD_MIN_LENGTH"])
    if refusal:
        raise Invalid(refusal, code="password_weak", field="password")
    if not proven:
        _confirm(user, current, network)
    hashed = HASHER.hash(new)
    with command_transaction():
        _locked(user_id).password_hash = hashed
        sessions.end_sessions(user_id, keep_this=True)
        audit.record("password.set", "user", user_id)


def remove_password(user: User, current: str | None, network: str, *, proven: bool = False) -> None:
    """A customer goes back to mailed codes alone. Raises NotAllowed for staff, Invalid and TooMany as above."""
    user_id = user.id
    if user.role is not Role.CUSTOMER:
        raise NotAllowed
    if not proven:
        _confirm(user, current, network)
    with command_transaction():
        _locked(user_id).password_hash = None
        sessions.end_sessions(user_id, keep_this=True)
        audit.record("password.removed", "user", user_id)


def _confirm(user: User, current: str | None, network: str) -> None:
    """The person at this session knows the password that is in force; nothing to know when there is none."""
    stored, email = user.password_hash, user.email
    if stored is None:
        return
    attempt = _count(email, network)
    if not _matches(stored, current or ""):
        raise Invalid(WRONG_CURRENT, code="password_wrong", field="current")
    with command_transaction():
        limits.forgive(attempt)


def _count(email: str, network: str) -> uuid.UUID:
    """Every try counts before it is looked at; a right one is forgiven afterwards."""
    settings = current_app.config
    with command_transaction():
        limits.serialise(email, network)
        return limits.count_attempt(
            PASSWORD,
            email,
            network,
            per_subject=settings["PASSWORD_TRIES_PER_ACCOUNT_PER_HOUR"],
            per_network=settings["CREDENTIAL_TRIES_PER_NETWORK_PER_HOUR"],
        )


def _matches(stored: str | None, password: str) -> bool:
    try:
        return HASHER.verify(stored or NOBODYS_HASH, password[: rules.PASSWORD_MAX_LENGTH + 1]) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def _locked(user_id: uuid.UUID) -> User:
    return db.session.scalars(select(User).where(User.id == user_id).with_for_update(key_share=True)).one()
