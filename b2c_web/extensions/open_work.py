"""Which work stayed open for a car. Pure decisions."""

from collections.abc import Sequence

from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.extensions.rules import name_key

DECIDED = (ExtensionStatus.APPROVED, ExtensionStatus.DECLINED)


def is_left_undone(extension: Extension, index: int | None) -> bool:
    """Was this item approved, and not done after all? Staff said so, or its money never came."""
    released = extension.authorization_status is AuthorizationStatus.RELEASED
    return index in extension.accepted_items and (released or index in extension.not_done_items)


def open_items(extensions: Sequence[Extension]) -> list[tuple[Extension, int]]:
    """What was declined, or approved and left undone, and not done later: newest first, each once by its name.

    `extensions`: of one car, oldest first. What is approved and may still be done is not open.
    """
    found: dict[str, tuple[Extension, int]] = {}
    decided = [one for one in extensions if one.status in DECIDED]
    for extension, index in ((one, index) for one in decided for index in range(len(one.items))):
        name = name_key(extension.items[index]["name"])
        found.pop(name, None)
        if index not in extension.accepted_items or is_left_undone(extension, index):
            found[name] = (extension, index)
    return list(found.values())[::-1]
