"""Staff accounts from the command line: the first people of an installation, and forgotten passwords."""

import uuid

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web import audit
from b2c_web.accounts import rules, sessions
from b2c_web.accounts.commands.passwords import HASHER
from b2c_web.accounts.models import Role, User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid
from b2c_web.flask_extensions import db


def add_staff(*, email: str, name: str, role: Role, workshop_id: uuid.UUID | None, password: str) -> uuid.UUID:
    """A member of staff who may sign in at once. Raises Invalid naming the field, Conflict for a known address."""
    address = rules.normalized_email(email)
    if address is None:
        raise Invalid(_l("So sieht eine Adresse aus: name@example.org"), field="email")
    hashed = _hashed(password, address)
    with command_transaction():
        if db.session.scalar(select(User.id).where(User.email == address)):
            raise Conflict(_l("Zu dieser Adresse gibt es schon ein Konto."), field="email")
        user = User(
            email=address,
            email_verified=now_utc(),
            name=name,
            role=role,
            workshop_id=workshop_id,
            password_hash=hashed,
        )
        db.session.add(user)
        db.session.flush()
        audit.record("user.add_staff", "user", user.id, after={"role": role.value})
        return user.id


def set_staff_password(user_id: uuid.UUID, password: str) -> None:
    """A new password for a member of staff; all their sessions end. Raises Invalid for a weak one."""
    email = db.session.get_one(User, user_id).email
    hashed = _hashed(password, email)
    with command_transaction():
        db.session.get_one(User, user_id, with_for_update=True).password_hash = hashed
        sessions.end_sessions(user_id, keep_this=False)
        audit.record("password.set", "user", user_id)


def _hashed(password: str, email: str) -> str:
    refusal = rules.password_refusal(password, email, current_app.config["PASSWORD_MIN_LENGTH"])
    if refusal:
        raise Invalid(refusal, code="password_weak", field="password")
    return HASHER.hash(password)
