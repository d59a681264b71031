"""An extension that nobody answered: the customer is asked again, then the workshop is told. Each once."""

import uuid

from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.extensions import messages, rules
from b2c_web.extensions.access import lock_extension
from b2c_web.extensions.models import Extension, ExtensionStatus
from b2c_web.notifications.models import NotificationKind


def remind(extension_id: uuid.UUID) -> bool:
    """Ask the customer again, with a new link. False when there is nothing to ask any more."""
    with command_transaction():
        booking, extension = lock_extension(extension_id)
        if not _waits(booking, extension):
            return False
        messages.to_customer(NotificationKind.EXTENSION_REMINDER, booking, extension, link=True)
        return True


def alert(extension_id: uuid.UUID) -> bool:
    """Tell the workshop that nobody answered. False when somebody has."""
    with command_transaction():
        booking, extension = lock_extension(extension_id)
        if not _waits(booking, extension):
            return False
        hours = round((now_utc() - extension.requested_at).total_seconds() / 3600)
        messages.to_workshop(NotificationKind.EXTENSION_STAFF_ALERT, booking, extension, waiting_hours=hours)
        return True


def _waits(booking: Booking, extension: Extension) -> bool:
    return extension.status is ExtensionStatus.PENDING and rules.work_refusal(booking) is None
