"""Steps with mailed codes: make one, spend a try. The commands around them say what a code is good for."""

import hmac
import secrets
import uuid
from datetime import timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_ngettext
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from b2c_web.accounts import hooks
from b2c_web.accounts.keyed import keyed_hash
from b2c_web.accounts.models import LoginCode, User
from b2c_web.clock import now_utc
from b2c_web.errors import Invalid
from b2c_web.flask_extensions import db

OVER = _l("Der Code gilt nicht mehr. Lassen Sie sich einfach einen neuen schicken.")
LAST_TRY_SPENT = _l("Der Code stimmt nicht und gilt jetzt nicht mehr. Lassen Sie sich einen neuen schicken.")


def add_code(email: str, purpose: str, language: str) -> hooks.CodeMail:
    """Step: a new code for `email`, good for `purpose` only, replaces the one before; its mail is queued.

    Does the same work whether an account exists or not.
    """
    code, now = f"{secrets.randbelow(1_000_000):06}", now_utc()
    minutes = current_app.config["LOGIN_CODE_MINUTES"]
    facts = {
        "id": uuid7(),
        "code_hash": _code_hash(email, purpose, code),
        "tries_left": current_app.config["LOGIN_CODE_TRIES"],
        "created_at": now,
        "expires_at": now + timedelta(minutes=minutes),
    }
    row = insert(LoginCode).values(email=email, **facts)
    db.session.execute(row.on_conflict_do_update(index_elements=["email"], set_=facts))
    user_id: uuid.UUID | None = db.session.scalar(select(User.id).where(User.email == email))
    mail = hooks.CodeMail(facts["id"], user_id, email, language, code, minutes, facts["expires_at"])
    hooks.code_made(mail)
    return mail


def spend_try(email: str, purpose: str, code: str) -> Invalid | None:
    """Step: take one try of the code of `email`; a right one ends the code. Returns the refusal, or None if right.

    It does not raise, since the spent try must be committed. Taking the try is one conditional update, so
    no number of requests side by side has more tries than the code.
    """
    row = db.session.execute(
        update(LoginCode)
        .where(LoginCode.email == email, LoginCode.tries_left > 0, LoginCode.expires_at > now_utc())
        .values(tries_left=LoginCode.tries_left - 1)
        .returning(LoginCode.id, LoginCode.code_hash, LoginCode.tries_left)
    ).one_or_none()
    expected = row.code_hash if row else ""
    right = hmac.compare_digest(expected, _code_hash(email, purpose, code))
    if row is None:
        return Invalid(OVER, code="code_over", field="code")
    if not right:
        return _wrong(row.tries_left)
    db.session.execute(delete(LoginCode).where(LoginCode.id == row.id))
    return None


def _wrong(tries_left: int) -> Invalid:
    if tries_left == 0:
        return Invalid(LAST_TRY_SPENT, code="code_over", field="code")
    words = lazy_ngettext(
        "Der Code stimmt nicht. Sie haben noch einen Versuch.",
        "Der Code stimmt nicht. Sie haben noch %(num)s Versuche.",
        tries_left,
    )
    return Invalid(words, code="code_wrong", field="code")


def _code_hash(email: str, purpose: str, code: str) -> str:
    return keyed_hash(f"code:{purpose}", f"{email}\0{code}")
