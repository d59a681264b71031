"""Name, phone, language, mail address."""

import uuid
from datetime import datetime

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from b2c_web import audit, formatting
from b2c_web.accounts import codes, limits
from b2c_web.accounts.commands.codes import count_code_entry, count_code_request
from b2c_web.accounts.models import User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, DomainError
from b2c_web.flask_extensions import db

TAKEN = _l("Zu dieser Adresse gibt es schon ein Konto. Melden Sie sich damit an, oder nehmen Sie eine andere.")


def update_profile(user: User, *, name: str | None, phone: str | None, language: str) -> None:
    """Set name, phone (E.164 or None) and language ("de" or "en") of `user`."""
    user_id = user.id
    with command_transaction():
        row = db.session.get_one(User, user_id, with_for_update={"key_share": True})
        row.name, row.phone, row.language = name or None, phone, language
        audit.record("profile.changed", "user", user_id)


def set_language(user: User, language: str) -> None:
    """Remember the language chosen on the switch for messages and the next visit."""
    user_id = user.id
    with command_transaction():
        db.session.get_one(User, user_id).language = language


def request_email_code(user: User, email: str, language: str, network: str) -> datetime:
    """Mail a code to the new address of `user`. Same answer whether that address has an account or not.

    Raises TooMany by address and by network.
    """
    purpose = _purpose(user.id)
    with command_transaction():
        count_code_request(email, network)
        mail = codes.add_code(email, purpose, language)
    return mail.expires_at


def confirm_email(user: User, email: str, code: str, network: str) -> None:
    """Make `email` the address of `user`, proven by the code that went there.

    Raises Invalid and TooMany as signing in does, and Conflict when the address has an account of its own:
    told only to somebody who reads its mail.
    """
    user_id = user.id
    with command_transaction():
        attempt = count_code_entry(email, network)
        refusal: DomainError | None = codes.spend_try(email, _purpose(user_id), code)
        if refusal is None:
            limits.forgive(attempt)
            refusal = _change(user_id, email)
    if refusal is not None:
        raise refusal


def _change(user_id: uuid.UUID, email: str) -> Conflict | None:
    """Step: the new address, unless somebody has it."""
    row = db.session.scalars(select(User).where(User.id == user_id).with_for_update(key_share=True)).one()
    before = row.email
    try:
        with db.session.begin_nested():
            row.email, row.email_verified = email, now_utc()
    except IntegrityError:
        return Conflict(TAKEN, code="email_taken", field="code")
    masked = [{"email": formatting.masked_email(address)} for address in (before, email)]
    audit.record("email.changed", "user", user_id, before=masked[0], after=masked[1])
    return None


def _purpose(user_id: uuid.UUID) -> str:
    return f"email-of:{user_id}"
