"""What a card of the board says about the extensions of its car. Reads only."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionMessage, ExtensionStatus, MessageKind
from b2c_web.extensions.queries import shows_unreadable
from b2c_web.extensions.rules import needs_customer_for_money
from b2c_web.flask_extensions import db


@dataclass(frozen=True, slots=True)
class MoreWork:
    """What the card says about extensions: "pending", "unpaid", "reserving", "approved", "released" or "declined".

    `asked`: the one about which the customer asked something that the workshop has not answered.
    `unreadable`: one that waits for its customer with a photo that turned out to be none.
    """

    state: str
    cents: int
    count: int
    since: datetime
    asked: uuid.UUID | None
    unreadable: uuid.UUID | None


def more_work_of(ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, MoreWork]:
    """The extensions of these bookings, each booking's summed up. One statement."""
    by_booking: dict[uuid.UUID, list[Extension]] = defaultdict(list)
    asked: dict[uuid.UUID, uuid.UUID] = {}
    unreadable: dict[uuid.UUID, uuid.UUID] = {}
    said = select(ExtensionMessage.kind).where(ExtensionMessage.extension_id == Extension.id)
    last = said.order_by(ExtensionMessage.at.desc(), ExtensionMessage.id.desc()).limit(1).scalar_subquery()
    wanted = Extension.booking_id.in_(ids), Extension.status != ExtensionStatus.CANCELLED
    statement = select(Extension, last, shows_unreadable()).where(*wanted).order_by(Extension.requested_at)
    for one, kind, is_unreadable in db.session.execute(statement):
        by_booking[one.booking_id].append(one)
        if kind is MessageKind.QUESTION:
            asked[one.booking_id] = one.id
        if is_unreadable:
            unreadable[one.booking_id] = one.id
    return {
        booking_id: _summed_up(rows, asked.get(booking_id), unreadable.get(booking_id))
        for booking_id, rows in by_booking.items()
    }


def _summed_up(rows: Sequence[Extension], asked: uuid.UUID | None, unreadable: uuid.UUID | None) -> MoreWork:
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
    return MoreWork(state, cents, len(found), since, asked, unreadable)
