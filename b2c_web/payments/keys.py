"""Idempotency keys, made from our own ids: what the provider was asked once under a key, it does once.

The provider also repeats a failure of its own for a key, for a day. Calls that are harmless to repeat (closing a page,
releasing a hold, forgetting a card) therefore carry the minute too, and can be tried again.
"""

import hashlib
import uuid
from datetime import datetime

from b2c_web.clock import now_utc


def once(word: str, thing_id: uuid.UUID, version: object = 1) -> str:
    """For a call that must happen once for this thing and version."""
    return f"{word}-{thing_id}-{version}"


def repeatable(word: str, thing_id: uuid.UUID, at: datetime | None = None) -> str:
    """For a call that may be repeated; `at` names the wish it belongs to, else the running minute does."""
    return f"{word}-{thing_id}-{at or now_utc():%Y%m%d%H%M}" + (f"{at:%S%f}" if at else "")


def digest(*facts: object) -> str:
    """A short fingerprint of a request's parameters, so that one key never meets two of them."""
    text = "\x1f".join(str(fact) for fact in facts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
