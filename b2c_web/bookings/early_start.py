"""The customer asks for the work to begin within the withdrawal period, after the booking."""

import uuid

from flask import current_app

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import lifecycle
from b2c_web.bookings.access import lock_own
from b2c_web.bookings.rules import may_ask_for_early_start
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db


def ask_for_early_start(user: User, booking_id: uuid.UUID) -> bool:
    """As the tick when booking (§ 356 (4) BGB): the workshop need not ask any more. False when it was asked before.

    Raises Conflict when there is nothing to ask for: the period is over, the work begun, the booking ended.
    """
    with command_transaction():
        booking, now = lock_own(user, booking_id), now_utc()
        if booking.early_start_requested_at is not None:
            return False
        if not may_ask_for_early_start(booking, now, current_app.config):
            raise Conflict(lifecycle.STATE_CHANGED, code="wrong_state", status=booking.status.value)
        booking.early_start_requested_at = now
        db.session.flush()
        audit.record("booking.early_start_asked", "booking", booking.id, after={"at": now.isoformat()})
        return True
