"""Decisions about messages, from their facts alone."""

from datetime import datetime, timedelta
from typing import Any

from b2c_web.notifications.models import NotificationKind, NotificationStatus

KEPT_FOR_LATER = timedelta(days=3)
OF_THE_MOMENT = timedelta(hours=2)
MOMENTARY = frozenset({NotificationKind.JOCKEY_UNDER_WAY, NotificationKind.UNDER_WAY_BACK})

# Where `Notification.error` begins; what follows a colon is the detail for a technician.
UNCERTAIN = "unknown whether it was sent"
TOO_LATE = "too late to be of use"
REFUSED = "refused by the mail server"
UNWRITABLE = "could not be written"
NOT_YET = "not sent yet"


def of_use_until(
    kind: NotificationKind, written_at: datetime, context: dict[str, Any], login_code_minutes: int
) -> datetime:
    """Until when sending helps: a code while it is valid, a reminder before the window, most for three days.

    Counted anew from `context["again_at"]` when a person had it sent once more.
    """
    since = datetime.fromisoformat(context["again_at"]) if "again_at" in context else written_at
    if kind is NotificationKind.LOGIN_CODE:
        return written_at + timedelta(minutes=login_code_minutes)
    if kind is NotificationKind.PICKUP_REMINDER and context.get("pickup_start"):
        return datetime.fromisoformat(context["pickup_start"])
    return since + (OF_THE_MOMENT if kind in MOMENTARY else KEPT_FOR_LATER)


def why_not_again(kind: NotificationKind, status: NotificationStatus) -> str | None:
    """Why a person may not have this message sent once more, or None when she may."""
    if status is not NotificationStatus.FAILED:
        return "not_failed"
    if kind is NotificationKind.LOGIN_CODE:
        return "code_forgotten"
    return None
