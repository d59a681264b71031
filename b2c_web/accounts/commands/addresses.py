"""A customer's addresses. One of them is the default; the first one becomes it by itself."""

import uuid

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, select, text, update
from uuid_utils.compat import uuid7

from b2c_web.accounts.models import Address, User
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db

AT_MOST = 20
FULL = _l("Mehr als %(num)s Adressen heben wir nicht auf. Löschen Sie eine, die Sie nicht mehr brauchen.", num=AT_MOST)


def add_address(user: User, *, street: str, postal_code: str, city: str, is_default: bool = False) -> uuid.UUID:
    """Add an address; one that is there already is taken instead. Returns its id. Raises Conflict past 20."""
    user_id = user.id
    with command_transaction():
        address = _same_or_new(user_id, street, postal_code, city)
        if is_default:
            _make_default(address)
        return address.id


_REMEMBER = text("""
    WITH mine AS (SELECT street, postal_code, city FROM addresses WHERE user_id = :user),
    used AS (
        UPDATE addresses SET last_used_at = :now, updated_at = :now
        WHERE user_id = :user AND lower(street) = lower(:street) AND postal_code = :postal_code
            AND lower(city) = lower(:city)
        RETURNING id
    ),
    named AS (
        UPDATE users SET name = coalesce(name, :name), phone = coalesce(phone, :phone), updated_at = :now
        WHERE id = :user AND (name IS NULL OR phone IS NULL)
    )
    INSERT INTO addresses (id, user_id, street, postal_code, city, is_default, last_used_at)
    SELECT :id, :user, :street, :postal_code, :city, NOT EXISTS (SELECT FROM mine), :now
    WHERE NOT EXISTS (SELECT FROM used) AND (SELECT count(*) FROM mine) < :at_most
""")


def remember_contact(user_id: uuid.UUID, *, name: str, phone: str, street: str, postal_code: str, city: str) -> None:
    """Step: a booking uses this contact. The address is offered first next time (past 20 it is simply not kept); name
    and phone go to an account that has none.

    The caller has locked the user's row. One statement.
    """
    facts = {"name": name, "phone": phone, "street": street, "postal_code": postal_code, "city": city}
    db.session.execute(_REMEMBER, {"id": uuid7(), "user": user_id, "now": now_utc(), "at_most": AT_MOST, **facts})


def edit_address(
    user: User, address_id: uuid.UUID, *, street: str, postal_code: str, city: str, is_default: bool
) -> None:
    """Change an address; bookings keep their own copy. Raises NotFound when it is not this person's.

    The default one stays it until another one is made it: unticking changes nothing.
    """
    user_id = user.id
    with command_transaction():
        address = _own(user_id, address_id)
        address.street, address.postal_code, address.city = street, postal_code, city
        if is_default:
            _make_default(address)


def remove_address(user: User, address_id: uuid.UUID) -> None:
    """Forget an address; the one used last becomes the default in its place. Raises NotFound."""
    user_id = user.id
    with command_transaction():
        address = _own(user_id, address_id)
        was_default = address.is_default
        db.session.delete(address)
        db.session.flush()
        heir = db.session.scalars(_newest_first(user_id).limit(1)).one_or_none() if was_default else None
        if heir is not None:
            heir.is_default = True


def _same_or_new(user_id: uuid.UUID, street: str, postal_code: str, city: str) -> Address:
    _lock(user_id)
    mine = list(db.session.scalars(_newest_first(user_id)))
    wanted = (street.casefold(), postal_code, city.casefold())
    for address in mine:
        if (address.street.casefold(), address.postal_code, address.city.casefold()) == wanted:
            return address
    if len(mine) >= AT_MOST:
        raise Conflict(FULL, code="too_many_addresses")
    address = Address(user_id=user_id, street=street, postal_code=postal_code, city=city, is_default=not mine)
    db.session.add(address)
    db.session.flush()
    return address


def _own(user_id: uuid.UUID, address_id: uuid.UUID) -> Address:
    _lock(user_id)
    mine = select(Address).where(Address.id == address_id, Address.user_id == user_id)
    address = db.session.scalars(mine).one_or_none()
    if address is None:
        raise NotFound
    return address


def _make_default(address: Address) -> None:
    """The old default gives way first: an index allows one."""
    others = update(Address).where(Address.user_id == address.user_id, Address.id != address.id)
    db.session.execute(others.where(Address.is_default).values(is_default=False))
    address.is_default = True


def _newest_first(user_id: uuid.UUID) -> Select[Address]:
    used = func.coalesce(Address.last_used_at, Address.created_at)
    return select(Address).where(Address.user_id == user_id).order_by(used.desc(), Address.id.desc())


def _lock(user_id: uuid.UUID) -> None:
    """One change at a time per person, so that there is one default and no address twice."""
    db.session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))
