"""What features on the right add to messages. Filled in their `init_app`."""

from collections.abc import Callable
from dataclasses import dataclass

from b2c_web.hooks import HookList
from b2c_web.notifications.models import Notification, NotificationKind


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a message, such as `text/calendar; method=PUBLISH; charset=utf-8`."""

    filename: str
    content: bytes
    content_type: str


# What goes with a message of this kind, made anew whenever it is needed: it is never stored.
attachments: dict[NotificationKind, Callable[[Notification], list[Attachment]]] = {}

# Takes the Notification, in the transaction that sets it to FAILED; `notification.error` says why.
gave_up = HookList("notifications.gave_up")
