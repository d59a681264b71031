"""Which work stayed open for a car. Pure decisions."""

from collections.abc import Sequence
from datetime import datetime

from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.extensions.rules import name_key

DECIDED = (ExtensionStatus.APPROVED, ExtensionStatus.DECLINED)


def was_declined(extension: Extension, index: int | None) -> bool:
    """Did the customer not want this item: said at the decision, or by objecting to a recorded consent?"""
    return index not in extension.accepted_items or _objected_at(extension) is not None


def decided_at(extension: Extension, index: int | None) -> datetime:
    """When the customer had the last word about this item, or when it was offered while nobody has decided."""
    objected_at = _objected_at(extension) if index in extension.accepted_items else None
    return objected_at or extension.declined_at or extension.approved_at or extension.requested_at


def _objected_at(extension: Extension) -> datetime | None:
    return extension.consent.objected_at if extension.consent else None


def is_left_undone(extension: Extension, index: int | None) -> bool:
    """Was this item wanted, and not done after all? Staff said so, or its money never came."""
    released = extension.authorization_status is AuthorizationStatus.RELEASED
    return not was_declined(extension, index) and (released or index in extension.not_done_items)


def open_items(extensions: Sequence[Extension]) -> list[tuple[Extension, int]]:
    """What was declined, or approved and left undone, and not done later: newest first, each once by its name.

    `extensions`: of one car, oldest first. What is approved and may still be done is not open.
    """
    found: dict[str, tuple[Extension, int]] = {}
    decided = [one for one in extensions if one.status in DECIDED]
    for extension, index in ((one, index) for one in decided for index in range(len(one.items))):
        name = name_key(extension.items[index]["name"])
        found.pop(name, None)
        if was_declined(extension, index) or is_left_undone(extension, index):
            found[name] = (extension, index)
    return list(found.values())[::-1]
