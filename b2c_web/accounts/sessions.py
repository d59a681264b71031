"""Who is signed in. The signed cookie holds a random token, the database its hash, so a session can be ended here.

A session ends by itself without use (idle) and at an age (absolute), sooner for staff than for customers.
"""

import hashlib
import secrets
import uuid
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from flask import Flask, Request, Response, after_this_request, current_app, g, has_request_context, request, session
from flask_login import AnonymousUserMixin
from sqlalchemy import Select, bindparam, delete, not_, or_, select, update

from b2c_web import audit
from b2c_web.accounts import hooks, rules
from b2c_web.accounts.models import User, UserSession
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Busy, NotFound
from b2c_web.flask_extensions import db, login_manager

TOUCHED_EVERY = timedelta(minutes=5)
KEPT_AFTER_END = timedelta(days=1)
SURVIVES_SIGN_IN = ("language", "browser")
SURVIVES_SIGN_OUT = ("language",)  # not the browser's drafts: the next person at this device may be another one


class SeenSession(NamedTuple):
    """The session of this request, as it was when the request came."""

    id: uuid.UUID
    last_seen_at: datetime


def keep_sessions(app: Flask) -> None:
    """Load the user of every request from its session; keep the cookie as long as a session may live."""
    app.config["PERMANENT_SESSION_LIFETIME"] = timedelta(hours=app.config["SESSION_ABSOLUTE_HOURS"])
    app.config["SESSION_REFRESH_EACH_REQUEST"] = False
    app.after_request(_touch)
    login_manager.session_protection = None  # it guards ids in the cookie; ours holds a token that can be ended


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def open_session(user: User) -> str:
    """Command: a new session for `user`; the one that this browser had before ends. Returns the new token."""
    token, now = secrets.token_urlsafe(32), now_utc()
    agent = request.user_agent.string[:200] if has_request_context() else None
    with command_transaction():
        _end_this()
        db.session.add(
            UserSession(
                user_id=user.id,
                token_hash=_hash(token),
                created_at=now,
                last_seen_at=now,
                expires_at=now + rules.whole_time(user.role, current_app.config),
                user_agent=agent,
            )
        )
    return token


def sign_in(user: User) -> None:
    """Command: sign `user` in on this browser. The cookie's content is renewed, so a planted one is worth nothing.

    The chosen language and the browser's booking drafts stay.
    """
    token = open_session(user)
    _renew_cookie(SURVIVES_SIGN_IN)
    session["token"] = token
    session.permanent = True
    g._login_user = user  # where Flask-Login looks for the user of this request


def sign_out() -> None:
    """Command: end this browser's session."""
    with command_transaction():
        _end_this()
    _leave()


def sign_out_everywhere(user: User, *, keep_this: bool = False) -> int:
    """Command: end all sessions of `user`, or all but this browser's. Returns how many ended."""
    user_id = user.id
    with command_transaction():
        ended = end_sessions(user_id, keep_this=keep_this)
        audit.record("sessions.revoked", "user", user_id, after={"sessions": ended})
    if not keep_this:
        _leave()
    return ended


def end_sessions(user_id: uuid.UUID, *, keep_this: bool) -> int:
    """Step: end the sessions of a user, for example because the password changed. Returns how many ended."""
    mine = _hash(session.get("token", "")) if keep_this else ""
    return _end(UserSession.user_id == user_id, UserSession.token_hash != mine)


def revoke(user: User, session_id: uuid.UUID) -> None:
    """Command: end one session of `user`. Raises NotFound when it is not theirs or has ended."""
    user_id = user.id
    with command_transaction():
        if not _end(UserSession.id == session_id, UserSession.user_id == user_id):
            raise NotFound
        audit.record("session.revoked", "user_session", session_id)


def sessions_of(user: User) -> list[UserSession]:
    """The live sessions of `user`, the one used last first."""
    now = now_utc()
    found = db.session.scalars(
        select(UserSession)
        .where(UserSession.user_id == user.id, UserSession.revoked_at.is_(None), UserSession.expires_at > now)
        .where(UserSession.last_seen_at > now - rules.idle_time(user.role, current_app.config))
        .order_by(UserSession.last_seen_at.desc(), UserSession.id.desc())
    )
    return list(found)


def this_session_id() -> uuid.UUID | None:
    """Which of the sessions is this browser's."""
    seen: SeenSession | None = g.get("seen_session")
    return seen.id if seen else None


def purge_sessions() -> int:
    """Step: forget sessions that ended a day ago. Returns how many."""
    before = now_utc() - KEPT_AFTER_END
    idle = now_utc() - KEPT_AFTER_END - timedelta(hours=current_app.config["SESSION_IDLE_HOURS"])
    over = or_(UserSession.expires_at < before, UserSession.revoked_at < before, UserSession.last_seen_at < idle)
    return int(db.session.execute(delete(UserSession).where(over)).rowcount)  # type: ignore[attr-defined]


def not_barred() -> list[Any]:
    """Conditions on `users` for everybody who may sign in: active, and no other feature objects."""
    return [User.is_active, *(not_(condition()) for condition in hooks.barred.functions)]


@cache  # built once, by when all features have said whom they bar: every page asks
def _whose_session() -> Select[User, uuid.UUID, datetime]:
    return (
        select(User, UserSession.id, UserSession.last_seen_at)
        .join(UserSession, UserSession.user_id == User.id)
        .where(UserSession.token_hash == bindparam("token_hash"), UserSession.revoked_at.is_(None))
        .where(UserSession.expires_at > bindparam("now"), *not_barred())
    )


@login_manager.request_loader
def _load_user(_request: Request) -> User | None:
    """The user of this request: one statement, none without a token."""
    token = session.get("token")
    if not token:
        return None
    now = now_utc()
    found = db.session.execute(_whose_session(), {"token_hash": _hash(token), "now": now}).one_or_none()
    if found is None:
        return None
    user, session_id, last_seen_at = found
    if last_seen_at <= now - rules.idle_time(user.role, current_app.config):
        return None
    g.seen_session = SeenSession(session_id, last_seen_at)
    return user


def _touch(response: Response) -> Response:
    """Note that the session is in use; after the view, so that it costs the page nothing."""
    seen: SeenSession | None = g.pop("seen_session", None)
    now = now_utc()
    if seen and seen.last_seen_at <= now - TOUCHED_EVERY and response.status_code < 500:
        with suppress(Busy), command_transaction():  # what the view did is done
            row = update(UserSession).where(UserSession.id == seen.id).values(last_seen_at=now)
            db.session.execute(row)
    return response


def _leave() -> None:
    """Nobody is signed in on this browser any more; it forgets what it keeps: photos, forms that were refused."""
    _renew_cookie(SURVIVES_SIGN_OUT)
    g._login_user = AnonymousUserMixin()
    after_this_request(_forget_pages)


def _forget_pages(response: Response) -> Response:
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _end_this() -> None:
    if "token" in session:
        _end(UserSession.token_hash == _hash(session["token"]))


def _end(*which: Any) -> int:
    ended = update(UserSession).where(UserSession.revoked_at.is_(None), *which).values(revoked_at=now_utc())
    return int(db.session.execute(ended).rowcount)  # type: ignore[attr-defined]


def _renew_cookie(survivors: tuple[str, ...]) -> None:
    kept = {name: session[name] for name in survivors if name in session}
    session.clear()
    session.update(kept)
    g.pop("csrf_token", None)  # Flask-WTF keeps the old one for the rest of the request
