"""Reads about people."""

import uuid
from datetime import datetime

from sqlalchemy import func, select

from b2c_web.accounts.models import Address, LoginCode, User
from b2c_web.clock import now_utc
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db


def code_valid_until(email: str) -> datetime | None:
    """Until when the code last mailed to `email` is good; None when there is none. Says nothing of accounts."""
    live = select(LoginCode.expires_at).where(LoginCode.email == email, LoginCode.tries_left > 0)
    return db.session.scalar(live.where(LoginCode.expires_at > now_utc()))


def addresses_of(user: User) -> list[Address]:
    """A person's addresses: the default first, then the ones used last."""
    used = func.coalesce(Address.last_used_at, Address.created_at)
    mine = select(Address).where(Address.user_id == user.id)
    return list(db.session.scalars(mine.order_by(Address.is_default.desc(), used.desc(), Address.id.desc())))


def address_of(user: User, address_id: uuid.UUID) -> Address:
    """One address of this person. Raises NotFound for anybody else's."""
    mine = select(Address).where(Address.id == address_id, Address.user_id == user.id)
    address = db.session.scalars(mine).one_or_none()
    if address is None:
        raise NotFound
    return address
