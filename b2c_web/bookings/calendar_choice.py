"""What somebody looks at in the calendar and has chosen there, as the address says it."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any


@dataclass(frozen=True, slots=True)
class Choice:
    """What the address bar says: month shown, day and windows chosen.

    `before`: the windows were chosen for something else, and the page looks whether they still fit.
    """

    month: date | None = None
    day: date | None = None
    slot: uuid.UUID | None = None
    back: uuid.UUID | None = None
    before: bool = False

    @classmethod
    def read(
        cls, arguments: Mapping[str, Any], slot: uuid.UUID | None = None, back: uuid.UUID | None = None
    ) -> "Choice":
        """From query arguments; what cannot be read counts as not given. `slot`, `back`: chosen before."""
        month, day, chosen = _date(arguments.get("month")), _date(arguments.get("day")), _uuid(arguments.get("slot"))
        if chosen is None and day is None:
            return cls(month, None, slot, _uuid(arguments.get("back")) or back)
        return cls(month, day, chosen, _uuid(arguments.get("back")), arguments.get("before") == "1")

    def with_return_of(self, slot: uuid.UUID, back: uuid.UUID | None) -> "Choice":
        """With `back` ticked when `slot`, to which it belongs, is chosen and no return is."""
        return replace(self, back=back) if self.slot == slot and self.back is None else self


def _uuid(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError:
        return None


def _date(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None
