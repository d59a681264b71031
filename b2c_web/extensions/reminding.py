"""An extension that nobody answered: the customer is asked again, then the workshop is told. Each once.

A job of its own does each at its time; a sweep finds what a job that was lost or gave up has left undone.
"""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from flask import current_app
from sqlalchemy import Select, func, select

from b2c_web import jobs
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.extensions import messages, rules
from b2c_web.extensions.access import lock_extension
from b2c_web.extensions.models import Extension, ExtensionStatus
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import Notification, NotificationKind

ASKED, TOLD = NotificationKind.EXTENSION_REMINDER, NotificationKind.EXTENSION_STAFF_ALERT
# under which key each message is written, once (`messages.to_customer`, `messages.to_workshop`)
KEYS = {
    ASKED: func.concat(ASKED.value, ":", Extension.booking_id, ":", Extension.id, ":"),
    TOLD: func.concat(TOLD.value, ":", Extension.id, ":"),
}
SLACK = timedelta(minutes=2)  # by then the job has done it
AT_ONCE = 200


def remind(extension_id: uuid.UUID) -> bool:
    """Ask the customer again, with a new link. False when there is nothing to ask any more, or it was asked again."""
    with command_transaction():
        booking, extension = lock_extension(extension_id)
        if not _waits(booking, extension, ASKED):
            return False
        messages.to_customer(ASKED, booking, extension, link=True)
        return True


def alert(extension_id: uuid.UUID) -> bool:
    """Tell the workshop that nobody answered. False when somebody has, or it was told."""
    with command_transaction():
        booking, extension = lock_extension(extension_id)
        if not _waits(booking, extension, TOLD):
            return False
        hours = round((now_utc() - extension.requested_at).total_seconds() / 3600)
        messages.to_workshop(TOLD, booking, extension, waiting_hours=hours)
        return True


def catch_up() -> None:
    """Ask and tell where the time for it is over and no job did. Safe to run at any time."""
    config = current_app.config
    try:
        jobs.for_each(_late(ASKED, config["EXTENSION_REMINDER_MINUTES"]), remind)
    finally:  # one that cannot be asked keeps no workshop from hearing of it
        jobs.for_each(_late(TOLD, config["EXTENSION_STAFF_ALERT_MINUTES"]), alert)


def _late(kind: NotificationKind, minutes: int) -> Sequence[uuid.UUID]:
    due = now_utc() - timedelta(minutes=minutes) - SLACK
    late = _untold(kind).where(Extension.requested_at < due).order_by(Extension.requested_at)
    return db.session.scalars(late.limit(AT_ONCE)).all()


def _untold(kind: NotificationKind) -> Select[uuid.UUID]:
    told = select(Notification.id).where(Notification.dedupe_key == KEYS[kind]).exists()
    return select(Extension.id).where(Extension.status == ExtensionStatus.PENDING, ~told)


def _waits(booking: Booking, extension: Extension, kind: NotificationKind) -> bool:
    if extension.status is not ExtensionStatus.PENDING or rules.work_refusal(booking) is not None:
        return False
    return db.session.scalar(_untold(kind).where(Extension.id == extension.id)) is not None
