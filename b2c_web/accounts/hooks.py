"""What features to the right add to accounts. Filled in their `init_app`."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from b2c_web.hooks import HookList


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


# a code was made and has to be mailed; takes the CodeMail, inside the transaction that made it
code_made = HookList("accounts.code_made")

# each gives a condition on `users` under which a person may not sign in, nor stay signed in; asked for once per
# process, so that no clock may stand in it
barred = HookList("accounts.barred")

ALL = (code_made, barred)
