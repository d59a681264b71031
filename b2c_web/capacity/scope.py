"""Whose capacity a person plans: staff their own workshop's, an admin the one that they picked."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web.accounts.models import Role, User
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Workshop


class NoWorkshop(Conflict):
    """An admin plans, and there is no active workshop yet."""

    code = "no_workshop"
    message = _l("Es gibt noch keine Werkstatt, die geplant werden könnte.")


def planned_workshop(user: User, arguments: Mapping[str, str]) -> Workshop:
    """The workshop that this request is about: an admin names it as `workshop`, default the first active one by name.

    One statement. Raises NotFound, also for staff who name another workshop than their own; NoWorkshop.
    """
    asked = asked_workshop_id(user, arguments)
    query = select(Workshop) if asked is None else select(Workshop).where(Workshop.id == asked)
    if asked is None:
        query = query.where(Workshop.is_active).order_by(Workshop.name, Workshop.id).limit(1)
    workshop = db.session.scalars(query).one_or_none()
    if workshop is None:
        raise NotFound if asked else NoWorkshop
    return workshop


def asked_workshop_id(user: User, arguments: Mapping[str, str]) -> uuid.UUID | None:
    """The id alone, without a statement; None for an admin who named none. Raises NotFound as above."""
    asked = _id(arguments.get("workshop"))
    if user.role is Role.ADMIN:
        return asked
    if user.workshop_id is None or asked not in (None, user.workshop_id):
        raise NotFound
    return user.workshop_id


def may_plan(user: User, workshop_id: uuid.UUID) -> bool:
    """May this person change that workshop's capacity?"""
    own = user.role in (Role.WORKSHOP, Role.DISPATCHER) and user.workshop_id == workshop_id
    return own or user.role is Role.ADMIN


def workshops_to_pick(user: User) -> Sequence[Workshop]:
    """The workshops that an admin chooses between, by name; nothing for anybody else, who has no choice."""
    if user.role is not Role.ADMIN:
        return []
    return db.session.scalars(select(Workshop).where(Workshop.is_active).order_by(Workshop.name, Workshop.id)).all()


def picked(user: User, workshop: Workshop) -> dict[str, Any]:
    """What addresses must carry so that the next page is about the same workshop: nothing for staff."""
    return {"workshop": workshop.id} if user.role is Role.ADMIN else {}


def _id(text: str | None) -> uuid.UUID | None:
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise NotFound from error
