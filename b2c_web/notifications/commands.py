"""Writing messages down, and what people do with them."""

import re
import uuid
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from uuid_utils.compat import uuid7

from b2c_web import audit, jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction, table_of
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db
from b2c_web.notifications import rules
from b2c_web.notifications.jobs import send
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from b2c_web.notifications.queries import belongs_to

ONE_ADDRESS = re.compile(r"[^\s<>,;:\"()@\x00-\x1f\x7f]+@[^\s<>,;:\"()@\x00-\x1f\x7f]+")

_TABLE = table_of(Notification)
ADD_ONCE = insert(_TABLE).on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(_TABLE.c.id)


def add_notification(
    kind: NotificationKind,
    *,
    user_id: uuid.UUID | None,
    recipient: str,
    language: str,
    dedupe_key: str,
    booking_id: uuid.UUID | None = None,
    context: dict[str, Any] | None = None,
) -> None:
    """Step: write a message to one address and queue its sending, in the caller's transaction.

    Once per `dedupe_key`; a second call changes nothing. `context` are facts as in `notifications/facts.py`.
    Raises ValueError when `recipient` is not exactly one mail address.
    """
    if not ONE_ADDRESS.fullmatch(recipient):
        raise ValueError("a message goes to exactly one mail address")
    now = now_utc()
    row = {
        "id": uuid7(),
        "kind": kind,
        "user_id": user_id,
        "booking_id": booking_id,
        "recipient": recipient,
        "language": language,
        "dedupe_key": dedupe_key,
        "context": context or {},
        "created_at": now,
        "updated_at": now,
    }
    inserted = db.session.execute(ADD_ONCE, row).scalar_one_or_none()
    if inserted is not None:
        jobs.defer(send, notification_id=str(inserted))


def mark_read(user_id: uuid.UUID, notification_id: uuid.UUID) -> None:
    """Note that this customer has read the message; the first time counts. Raises NotFound for others' messages."""
    with command_transaction():
        row = db.session.execute(
            select(Notification).where(Notification.id == notification_id, *belongs_to(user_id)).with_for_update()
        ).scalar_one_or_none()
        if row is None:
            raise NotFound
        row.read_at = row.read_at or now_utc()


def mark_all_read(user_id: uuid.UUID) -> None:
    """Note that this customer has read everything that there is."""
    with command_transaction():
        db.session.execute(
            update(Notification).where(Notification.read_at.is_(None), *belongs_to(user_id)).values(read_at=now_utc())
        )


def send_again(notification_id: uuid.UUID) -> None:
    """A person decides that a failed message goes out once more. Locks the row.

    Raises NotFound, or Conflict when it has not failed or was a login code (its code is forgotten).
    """
    with command_transaction():
        row = db.session.get(Notification, notification_id, with_for_update=True, populate_existing=True)
        if row is None:
            raise NotFound
        refusal = rules.why_not_again(row.kind, row.status)
        if refusal == "code_forgotten":
            raise Conflict(_("Ein Anmeldecode wird nur einmal verschickt. Ein neuer entsteht beim Anmelden."))
        if refusal:
            raise Conflict(_("Diese Nachricht ist nicht fehlgeschlagen, sie wird kein zweites Mal gesendet."))
        row.status, row.updated_at = NotificationStatus.QUEUED, now_utc()
        row.context = row.context | {"again_at": now_utc().isoformat()}
        audit.record(
            "notification.send_again", "notification", row.id, before={"status": "FAILED"}, after={"status": "QUEUED"}
        )
        jobs.defer(send, notification_id=str(row.id))
