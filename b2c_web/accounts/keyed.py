"""Keyed hashes: what must be recognised again but never read back from the database."""

import hashlib
import hmac

from flask import current_app


def keyed_hash(purpose: str, text: str) -> str:
    """HMAC-SHA-256 of `text` under the application's key, as 64 hex digits; each purpose gives another one."""
    key = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.new(key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()
