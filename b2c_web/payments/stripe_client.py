"""Stripe's library, built from our settings, and its errors in our words."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
import stripe
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies
from urllib3.exceptions import NewConnectionError

from b2c_web.payments.gateway import (
    PaymentDeclined,
    PaymentProviderError,
    PaymentRefused,
    PaymentUnavailable,
    PaymentUncertain,
)

CONNECT_SECONDS = 5
MOST_CONNECTIONS = 64  # that are kept: as many as a process may have threads
NOTHING_HAPPENED: dict[type[stripe.StripeError], str] = {
    stripe.RateLimitError: "rate_limit",
    stripe.AuthenticationError: "not_configured",
    stripe.PermissionError: "not_configured",
}


def build_client(config: Mapping[str, Any]) -> stripe.StripeClient:
    """A client with our timeout that keeps its connections, for all threads.

    The library's own retries are off: a person waits for the answer, and what is uncertain is finished by jobs
    with the same key. Raises PaymentUnavailable without a key.
    """
    if not config["STRIPE_SECRET_KEY"]:
        raise PaymentUnavailable("STRIPE_SECRET_KEY is not set", code="not_configured")
    stripe.enable_telemetry = False  # it would write a file into the user's home and tell timings to Stripe
    seconds = float(config["PAYMENT_TIMEOUT_SECONDS"])
    base = config["STRIPE_API_BASE"]
    return stripe.StripeClient(
        config["STRIPE_SECRET_KEY"],
        http_client=stripe.RequestsClient(timeout=(min(CONNECT_SECONDS, seconds), seconds), session=_session(base)),
        max_network_retries=0,
        base_addresses={"api": base} if base else None,
    )


def _session(base: str) -> requests.Session:
    """Reads the environment's proxies once, where `requests` does it at each call; no `.netrc` replaces our key."""
    session = requests.Session()
    session.trust_env = False
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_CONNECTIONS))
    session.proxies.update(get_environ_proxies(base or stripe.DEFAULT_API_BASE))
    return session


@contextmanager
def reading() -> Iterator[None]:
    """Around a call that changes nothing: whatever goes wrong on the way, nothing happened."""
    try:
        yield
    except stripe.StripeError as error:
        raise _translated(error, changes=False) from error


@contextmanager
def writing() -> Iterator[None]:
    """Around a call that changes something: a lost answer leaves us uncertain."""
    try:
        yield
    except stripe.StripeError as error:
        raise _translated(error, changes=True) from error


def _translated(error: stripe.StripeError, *, changes: bool) -> PaymentProviderError:
    text = str(error)
    if isinstance(error, stripe.CardError):
        return _declined(error, text)
    if isinstance(error, stripe.IdempotencyError):
        return PaymentRefused(text, code="idempotency_mismatch")
    if isinstance(error, stripe.InvalidRequestError):
        return PaymentRefused(text, code=error.code or "invalid_request", param=error.param)
    return _unfinished(error, text, changes)


def _unfinished(error: stripe.StripeError, text: str, changes: bool) -> PaymentProviderError:
    for kind, code in NOTHING_HAPPENED.items():
        if isinstance(error, kind):
            return PaymentUnavailable(text, code=code)
    if not changes or _never_sent(error):
        return PaymentUnavailable(text, code="not_reached")
    if error.http_status == 409:
        return PaymentUncertain(text, code="in_progress")
    return PaymentUncertain(text, answered=error.http_status is not None)


def _declined(error: stripe.CardError, text: str) -> PaymentDeclined:
    body: Any = error.json_body
    facts = body.get("error", {}) if isinstance(body, dict) else {}
    intent = facts.get("payment_intent") or {}
    code = facts.get("decline_code") or error.code or "generic_decline"
    return PaymentDeclined(code, intent_id=intent.get("id"), technical=text)


def _never_sent(error: stripe.StripeError) -> bool:
    """True when no connection was made, so the provider cannot have seen the request."""
    cause = error.__cause__
    if isinstance(cause, requests.ConnectTimeout):
        return True
    reason = getattr(cause.args[0], "reason", None) if cause and cause.args else None
    return isinstance(reason, NewConnectionError)
