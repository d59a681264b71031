"""What features to the right add to accounts. Filled in their init_app; keyed, so that filling twice is once."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement


@dataclass(frozen=True)
class CodeMail:
    """A code that has to reach `recipient`. `code_id` is new for every code."""

    code_id: uuid.UUID
    user_id: uuid.UUID | None
    recipient: str
    language: str
    code: str
    valid_minutes: int
    expires_at: datetime


# called inside the transaction that made the code
code_made: dict[str, Callable[[CodeMail], None]] = {}

# each gives a condition on `users` under which a person may not sign in, nor stay signed in
barred: dict[str, Callable[[], ColumnElement[bool]]] = {}
