"""Work that is approved and held, or promised by a mandate, for tests of what becomes of the money."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from b2c_web import clock
from b2c_web.db import command_transaction
from b2c_web.payments.checks import CHECKS
from b2c_web.payments.commands import capture_payment
from b2c_web.payments.gateway import gateway
from b2c_web.payments.models import LedgerEntry, Payment
from tests.paying import Provider

SUM = 18900
DONE = 12900
CAPTURES = "/v1/payment_intents/*/capture"
INTENTS = "/v1/payment_intents"
Hold = Callable[..., Payment]


def done(payment: Payment, cents: int = DONE) -> Payment:
    """The work is done: so much of it shall be taken."""
    with command_transaction():
        capture_payment(payment, cents)
    return payment


def taken(provider: Provider) -> list[int]:
    """What the provider took, per charge."""
    since = clock.now_utc() - timedelta(days=30)
    return [each.captured_cents for each in gateway().recent_intents(since) if each.captured_cents]


def booked(session: Any) -> list[int]:
    return list(session.scalars(select(LedgerEntry.amount_cents)))


def breaches() -> dict[str, int]:
    return {breach.name: breach.count for breach in (check() for check in CHECKS) if breach.count}
