"""What one setting is, and how the text of each kind is read. A reader raises ValueError in words for the operator."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

ADDRESS = r"[^@\s,;<>]+@[^@\s,;<>]+"
VIEWS = ("front", "rear", "left", "right", "dashboard")  # of a car, at every handover


@dataclass(frozen=True)
class Setting:
    """One setting: `name` in the environment and in app.config, how to read it, its unit and meaning."""

    name: str
    default: str
    read: Callable[[str], Any]
    unit: str
    meaning: str
    secret: bool = False


def whole(low: int, high: int) -> Callable[[str], int]:
    """A whole number from `low` to `high`, both included."""

    def read(text: str) -> int:
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return read


def decimal(low: float, high: float) -> Callable[[str], float]:
    """A number from `low` to `high`, both included."""

    def read(text: str) -> float:
        value = float(text)
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return read


def one_of(*words: str) -> Callable[[str], str]:
    """One of `words`, as it is written there."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError("must be one of " + ", ".join(words))
        return text

    return read


def flag(text: str) -> bool:
    """1 or 0."""
    return one_of("0", "1")(text) == "1"


def views(text: str) -> tuple[str, ...]:
    """What photos show, with commas between; the four sides and the dashboard are among it."""
    found = tuple(word.strip() for word in text.split(",") if word.strip())
    if not all(word.isidentifier() for word in found) or not set(VIEWS) <= set(found):
        raise ValueError(f"must be words with commas between them, among them {', '.join(VIEWS)}")
    return found


def url(text: str) -> str:
    """A web address without its last slash, or nothing."""
    if text and not re.match(r"https?://[^\s/?#]", text):
        raise ValueError("must be a web address, beginning with http:// or https://")
    return text.rstrip("/")


def site(text: str) -> str:
    """A web address of nothing but a host and perhaps a port, without its last slash."""
    if not re.fullmatch(r"https?://([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?/?", text):
        raise ValueError("must be a web address without a path, such as https://example.org")
    return text.rstrip("/")


def address(text: str) -> str:
    """A mail address."""
    if not re.fullmatch(ADDRESS, text):
        raise ValueError("must be a mail address such as hilfe@example.org")
    return text


def sender(text: str) -> str:
    """A mail address, perhaps with a name before it."""
    if not re.fullmatch(ADDRESS, parseaddr(text)[1]):
        raise ValueError("must be a mail address, perhaps with a name: Ronja <buchung@example.org>")
    return text


def stripe_key(text: str) -> str:
    """A key of Stripe's that its library can use, or nothing."""
    if text and not text.startswith(("sk_", "rk_")):
        raise ValueError("must be a secret or restricted key, beginning with sk_ or rk_")
    return text


def folder(text: str) -> str:
    """A folder's whole path without its last slash, or nothing."""
    if text and not text.startswith("/"):
        raise ValueError("must be a folder's whole path, beginning with /")
    return text.rstrip("/")


def bucket(text: str) -> str:
    """The name of a bucket of an S3 store, or nothing."""
    if text and not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", text):
        raise ValueError("must be a bucket's name: 3 to 63 small letters, digits, dots, hyphens")
    return text


def region(text: str) -> str:
    """A region of an S3 store."""
    if not re.fullmatch(r"[a-z0-9-]{1,40}", text):
        raise ValueError("must be a region such as eu-central-1")
    return text


def database_url(text: str) -> str:
    """PostgreSQL's address as SQLAlchemy wants it, for psycopg 3."""
    if not text.startswith(("postgresql://", "postgresql+psycopg://", "postgres://")):
        raise ValueError("must be a PostgreSQL address such as postgresql://user@host/database")
    rest = text.split("://", 1)[1]
    return f"postgresql+psycopg://{rest}"


def hour_pairs(text: str) -> str:
    """Hours of a day such as 08-10,10-12: in order, and no hour twice."""
    ended = 0
    for part in text.split(","):
        low, high = (int(hour) for hour in part.split("-"))
        if not ended <= low < high <= 24:
            raise ValueError("must be hours such as 08-10,10-12, in order, and no hour twice")
        ended = high
    return text
