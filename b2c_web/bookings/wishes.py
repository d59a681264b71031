"""What the customer would like done beside the service: work that stayed open when the car was here before.

Which work that is, and what becomes of a wish, is known further right: `hooks.open_work`, `wished`, `wishes_of`.
A draft keeps the keys that were ticked; the claim turns them into wishes of the booking.
"""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from flask_babel import lazy_gettext as _l

from b2c_web.bookings import hooks
from b2c_web.bookings.models import Booking
from b2c_web.errors import Conflict


class OpenWork(Protocol):
    """Recommended work that was declined, or approved and left undone, and not done since.

    `key` tells it apart; prices are those of then.
    """

    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def price_cents(self) -> int: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def sum_cents(self) -> int: ...
    @property
    def decided_at(self) -> datetime: ...
    @property
    def was_approved(self) -> bool: ...


class WishGone(Conflict):
    """What was ticked is not open any more, or never was this person's and this car's."""

    code = "wish_gone"
    message = _l("Etwas davon ist nicht mehr offen. Bitte sehen Sie sich die Liste noch einmal an.")


def open_work(user_id: uuid.UUID, vehicle_id: uuid.UUID | None) -> list[OpenWork]:
    """What can be wished for this car of this person, newest first; nothing without a car."""
    if vehicle_id is None:
        return []
    return [work for ask in hooks.open_work.functions for work in ask(user_id, vehicle_id)]


def told_of(booking: Booking) -> list[dict[str, Any]]:
    """The booking's wishes as messages name them, as JSON: name, quantity, cents as then."""
    return [told for ask in hooks.wishes_of.functions for told in ask(booking)]
