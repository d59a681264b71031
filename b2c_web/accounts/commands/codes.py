"""Signing in with a code that is mailed."""

import uuid
from datetime import datetime

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from b2c_web import formatting
from b2c_web.accounts import codes, limits, sessions
from b2c_web.accounts.models import Role, User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import DomainError, NotAllowed
from b2c_web.flask_extensions import db

CODE_REQUEST = "CODE_REQUEST"
CODE_ENTRY = "CODE_ENTRY"
SIGN_IN = "sign-in"

STAFF_HAVE_PASSWORDS = _l("Dieses Konto gehört zum Team. Bitte melden Sie sich mit Ihrem Passwort an.")
BARRED = _l("Dieses Konto ist gesperrt. Bitte rufen Sie uns an.")


def request_code(email: str, language: str, network: str) -> datetime:
    """Mail a sign-in code to `email` (normalised). Returns until when it is good.

    The answer, and the work for it, is the same whether an account exists or not. A newer code replaces an
    older one. Raises TooMany by address and by network.
    """
    with command_transaction():
        count_code_request(email, network)
        mail = codes.add_code(email, SIGN_IN, language)
    return mail.expires_at


def enter_code(email: str, code: str, network: str, language: str | None = None) -> User:
    """The customer whose mailed `code` this is; made on first use, its address verified by it.

    `language` of a new account: that of the request when not given.

    Raises Invalid (wrong, used, expired, too many tries), NotAllowed (staff, or a barred account: told only to
    somebody who has the mail) and TooMany. A wrong entry uses up one try, for good.
    """
    with command_transaction():
        attempt = count_code_entry(email, network)
        refusal: DomainError | None = codes.spend_try(email, SIGN_IN, code)
        if refusal is None:
            limits.forgive(attempt)
            user = _customer(email, language or formatting.language())
            refusal = _refusal_of(user)
    if refusal is not None:
        raise refusal
    return user


def count_code_request(email: str, network: str) -> None:
    """Step: one more code for `email`. Raises TooMany."""
    limits.serialise(email, network)
    limits.count_attempt(
        CODE_REQUEST,
        email,
        network,
        per_subject=current_app.config["LOGIN_CODES_PER_ADDRESS_PER_HOUR"],
        per_network=current_app.config["CREDENTIAL_TRIES_PER_NETWORK_PER_HOUR"],
    )


def count_code_entry(email: str, network: str) -> uuid.UUID:
    """Step: one more entry of a code; as many per hour as the codes of an hour have tries. Raises TooMany."""
    settings = current_app.config
    limits.serialise(email, network)
    return limits.count_attempt(
        CODE_ENTRY,
        email,
        network,
        per_subject=settings["LOGIN_CODES_PER_ADDRESS_PER_HOUR"] * settings["LOGIN_CODE_TRIES"],
        per_network=settings["CREDENTIAL_TRIES_PER_NETWORK_PER_HOUR"],
    )


def _customer(email: str, language: str) -> User:
    """Step: the account of a proven address."""
    now = now_utc()
    new = insert(User).values(id=uuid7(), email=email, language=language, email_verified=now)
    db.session.execute(new.on_conflict_do_nothing(index_elements=["email"]))
    user = db.session.scalars(select(User).where(User.email == email)).one()
    if user.email_verified is None:
        user.email_verified = now
    return user


def _refusal_of(user: User) -> NotAllowed | None:
    if user.role is not Role.CUSTOMER:
        return NotAllowed(STAFF_HAVE_PASSWORDS, code="staff_password", field="code")
    allowed = select(User.id).where(User.id == user.id, *sessions.not_barred())
    if db.session.scalar(allowed) is None:
        return NotAllowed(BARRED, code="barred", field="code")
    return None
