"""What the board says of a car's extensions: the one thing that matters most, and what somebody has to look at."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from b2c_web.extensions.models import (
    AuthorizationStatus,
    Extension,
    ExtensionConsent,
    ExtensionMessage,
    ExtensionStatus,
)
from b2c_web.extensions.queries import shows_unreadable
from b2c_web.extensions.rules import is_question_open, needs_customer_for_money
from b2c_web.flask_extensions import db


@dataclass(frozen=True, slots=True)
class MoreWork:
    """What the card says about extensions: "pending", "unpaid", "reserving", "approved", "released" or "declined".

    `asked`: the one about which the customer asked something that the workshop has not answered.
    `unreadable`: one that waits for its customer with a photo that turned out to be none.
    `objected`: the names of the work to whose recorded consent the customer objected.
    """

    state: str
    cents: int
    count: int
    since: datetime
    asked: uuid.UUID | None = None
    unreadable: uuid.UUID | None = None
    objected: str = ""


def more_work_of(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, MoreWork]:
    """Of those of these bookings that have any. One statement."""
    by_booking: dict[uuid.UUID, list[Extension]] = defaultdict(list)
    signs: dict[uuid.UUID, dict[str, Any]] = defaultdict(dict)
    objected: dict[uuid.UUID, list[str]] = defaultdict(list)
    said = select(ExtensionMessage.kind).where(ExtensionMessage.extension_id == Extension.id)
    last = said.order_by(ExtensionMessage.at.desc(), ExtensionMessage.id.desc()).limit(1).scalar_subquery()
    wanted = Extension.booking_id.in_(ids), Extension.status != ExtensionStatus.CANCELLED
    found = select(Extension, last, shows_unreadable(), ExtensionConsent.objected_at).outerjoin(Extension.consent)
    found = found.where(*wanted).order_by(Extension.requested_at)
    for one, kind, is_unreadable, objected_at in db.session.execute(found):
        by_booking[one.booking_id].append(one)
        seen = {
            "asked": one.id if is_question_open(kind, one.status) else None,
            "unreadable": one.id if is_unreadable else None,
        }
        signs[one.booking_id] |= {name: value for name, value in seen.items() if value}
        if objected_at is not None:
            objected[one.booking_id] += [one.items[place]["name"] for place in one.accepted_items]
    return {
        booking_id: _summed_up(rows, signs[booking_id] | {"objected": ", ".join(objected[booking_id])})
        for booking_id, rows in by_booking.items()
    }


def _summed_up(rows: Sequence[Extension], signs: Mapping[str, Any]) -> MoreWork:
    """What matters most of all extensions of one car: somebody is waited for, money is missing, work may begin."""
    said_yes = [one for one in rows if one.status is ExtensionStatus.APPROVED]
    released = [one for one in said_yes if one.authorization_status is AuthorizationStatus.RELEASED]
    approved = [one for one in said_yes if one not in released]
    kinds = {
        "pending": [one for one in rows if one.status is ExtensionStatus.PENDING],
        "unpaid": [one for one in approved if needs_customer_for_money(one)],
        "reserving": [one for one in approved if one.authorization_status is AuthorizationStatus.PENDING],
        "approved": approved,
        "released": released,  # objected to, or none of it is done
        "declined": rows,
    }
    state, found = next((state, found) for state, found in kinds.items() if found)
    cents = sum(one.approved_amount_cents or one.total_amount for one in found)
    since = min(one.approved_at or one.requested_at for one in found)
    return MoreWork(state, cents, len(found), since, **signs)
