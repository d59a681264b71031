"""What the commands of this feature share: locks in the one order, and the words of the audit log."""

import uuid
from datetime import date
from typing import Any, TypeVar

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from b2c_web import audit
from b2c_web.db import Base
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops import hooks
from b2c_web.workshops.models import WorkshopCapacity

Row = TypeVar("Row", bound=Base)


class BelowBooked(Conflict):
    """A maximum below what is already promised; `details['booked']` says how much that is."""

    code = "below_booked"


def locked_or_none(kind: type[Row], *conditions: Any) -> Row | None:
    """The one row that fits, locked and read anew, or None."""
    # not the key: rows that only refer to this one need not wait
    query = select(kind).where(*conditions).with_for_update(key_share=True)
    return db.session.scalar(query.execution_options(populate_existing=True))


def locked(kind: type[Row], *conditions: Any) -> Row:
    """The same. Raises NotFound."""
    row = locked_or_none(kind, *conditions)
    if row is None:
        raise NotFound
    return row


def lock_day(workshop_id: uuid.UUID, day: date) -> WorkshopCapacity:
    """One day, locked. Raises NotFound."""
    return locked(WorkshopCapacity, WorkshopCapacity.workshop_id == workshop_id, WorkshopCapacity.date == day)


def lock_days(workshop_id: uuid.UUID, first: date, last: date) -> None:
    """Step: locks the days between two dates, in order of date; windows come after them."""
    query = select(WorkshopCapacity.id).where(WorkshopCapacity.workshop_id == workshop_id)
    query = query.where(WorkshopCapacity.date.between(first, last)).order_by(WorkshopCapacity.date)
    db.session.execute(query.with_for_update()).all()


def check_places(maximum: int) -> None:
    """Raises Invalid for a number of places that nobody means."""
    if not 0 <= maximum <= 1000:
        raise Invalid(_("Bitte eine Zahl von 0 bis 1000 angeben."), field="max_bookings")


def refuse_below(booked: int, maximum: int) -> None:
    """Raises BelowBooked."""
    if maximum < booked:
        message = ngettext(
            "%(num)s Buchung ist hier schon zugesagt. Verlegen Sie sie zuerst.",
            "%(num)s Buchungen sind hier schon zugesagt. Verlegen Sie zuerst, was keinen Platz mehr hat.",
            booked,
        )
        raise BelowBooked(message, booked=booked, field="max_bookings")


def record_change(
    row: Any, action: str, workshop_id: uuid.UUID, changed: dict[str, tuple[Any, Any]], **facts: Any
) -> None:
    """Writes into the audit log what changed in `row`, as name -> (before, after), and tells who waits for room."""
    audit.record(
        action,
        type(row).__tablename__,
        row.id,
        before={name: old for name, (old, _new) in changed.items()},
        after={name: new for name, (_old, new) in changed.items()} | {"workshop_id": str(workshop_id)} | facts,
    )
    hooks.room_changed(workshop_id)
