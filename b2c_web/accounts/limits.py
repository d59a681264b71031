"""Limits on everything that can be guessed or flooded, counted in our own table, over all processes.

An attempt that is refused is not counted, so a limit opens again exactly when its oldest attempt is a window
old. Attempts that succeeded (see `forgive`) do not count against anybody.
"""

import ipaddress
import math
import uuid
from datetime import datetime, timedelta

from flask import request
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import Uuid, bindparam, delete, text, update
from uuid_utils.compat import uuid7

from b2c_web import formatting
from b2c_web.accounts.keyed import keyed_hash
from b2c_web.accounts.models import CredentialAttempt
from b2c_web.clock import now_utc
from b2c_web.db import UtcDateTime
from b2c_web.errors import TooMany
from b2c_web.flask_extensions import db

HOUR = timedelta(hours=1)
KEPT = timedelta(days=2)  # longer than the longest window, which is a day
SAID_IN_MINUTES = timedelta(minutes=90)

# One statement: the n-th youngest attempt of the subject or of the network blocks; else this one is added.
_COUNT = text(
    """
    WITH blocking AS (
        SELECT max(created_at) AS at FROM (
            (SELECT created_at FROM credential_attempts
             WHERE kind = :kind AND subject = :subject AND created_at > :since AND NOT succeeded
             ORDER BY created_at DESC OFFSET CAST(:per_subject AS int) - 1 LIMIT 1)
            UNION ALL
            (SELECT created_at FROM credential_attempts
             WHERE kind = :kind AND network = :network AND created_at > :since AND NOT succeeded
             AND CAST(:per_network AS int) IS NOT NULL
             ORDER BY created_at DESC OFFSET CAST(:per_network AS int) - 1 LIMIT 1)
        ) AS youngest
    ), added AS (
        INSERT INTO credential_attempts (id, kind, subject, network, created_at)
        SELECT :id, :kind, :subject, :network, :now FROM blocking WHERE at IS NULL
    )
    SELECT at FROM blocking
    """
).bindparams(bindparam("id", type_=Uuid), bindparam("now", type_=UtcDateTime), bindparam("since", type_=UtcDateTime))
_LOCK = text(
    "SELECT pg_advisory_xact_lock(key) FROM unnest(ARRAY[hashtextextended(:a, 0), hashtextextended(:b, 0)])"
    " AS key ORDER BY key"
)


def network_of(remote_addr: str | None) -> str:
    """The network that an address belongs to for counting: /24 of IPv4, /56 of IPv6."""
    try:
        address = ipaddress.ip_address(remote_addr or "")
    except ValueError:
        return "unknown"
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    width = 24 if address.version == 4 else 56
    return str(ipaddress.ip_network(f"{address}/{width}", strict=False))


def network_here() -> str:
    """The network that this request comes from."""
    return network_of(request.remote_addr)


def count_attempt(
    kind: str,
    subject: str,
    network: str,
    *,
    per_subject: int,
    per_network: int | None,
    window: timedelta = HOUR,
) -> uuid.UUID:
    """Step: count one attempt of `subject` (plain text; stored as a keyed hash) from `network`.

    At most `per_subject` attempts of one kind in `window`, and `per_network` (None: any number) from one network.
    Callers that run side by side may each pass when a single place is left; call `serialise` first where that
    matters. Raises TooMany with `retry_after_seconds`. One statement; returns the attempt's id.
    """
    attempt_id, now = uuid7(), now_utc()
    facts = {"id": attempt_id, "kind": kind, "subject": keyed_hash("attempt", subject), "network": network}
    limits = {"per_subject": per_subject, "per_network": per_network, "now": now, "since": now - window}
    blocking: datetime | None = db.session.execute(_COUNT, {**facts, **limits}).scalar_one()
    if blocking is not None:
        raise too_many(blocking + window - now)
    return attempt_id


def serialise(subject: str, network: str) -> None:
    """Step: let attempts of one subject, and of one network, pass one after the other until the commit."""
    db.session.execute(_LOCK, {"a": f"attempt:{keyed_hash('attempt', subject)}", "b": f"attempt:{network}"})


def forgive(attempt_id: uuid.UUID) -> None:
    """Step: the attempt was a success and counts no longer."""
    db.session.execute(update(CredentialAttempt).where(CredentialAttempt.id == attempt_id).values(succeeded=True))


def too_many(wait: timedelta) -> TooMany:
    """The refusal that says when to come back."""
    seconds = max(1, math.ceil(wait.total_seconds()))
    if wait <= SAID_IN_MINUTES:
        minutes = math.ceil(seconds / 60)
        words = ngettext(
            "Das waren viele Versuche. In einer Minute geht es weiter.",
            "Das waren viele Versuche. In %(num)s Minuten geht es weiter.",
            minutes,
        )
    else:
        words = _("Das waren viele Versuche. Ab %(moment)s geht es weiter.", moment=formatting.moment(now_utc() + wait))
    return TooMany(words, retry_after_seconds=seconds)


def purge_attempts() -> int:
    """Step: forget attempts that no limit looks at any more. Returns how many."""
    old = delete(CredentialAttempt).where(CredentialAttempt.created_at < now_utc() - KEPT)
    return int(db.session.execute(old).rowcount)  # type: ignore[attr-defined]
