"""Who decides an extension: the signed-in customer, or whoever holds a link that we mailed to the customer."""

import uuid
from dataclasses import dataclass

from b2c_web.accounts.models import User
from b2c_web.errors import NotFound


@dataclass(frozen=True, slots=True)
class Link:
    """A mailed link that opened: it allows to view and decide this one extension, nothing else."""

    link_id: uuid.UUID
    extension_id: uuid.UUID


class LinkEnded(NotFound):
    """No such link, or its time is over, or its extension is decided. `details['extension_id']` when it is known."""

    code = "link_ended"


Decider = User | Link


def open_link(token: str) -> Link:
    """What a mailed link opens. Reads only: a GET never decides anything. Raises LinkEnded."""
    raise LinkEnded
