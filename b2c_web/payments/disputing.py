"""Disputes: the customer's bank took money back, or wants to. An open debt, for a person."""

import uuid
from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import select

from b2c_web import audit
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments import hooks
from b2c_web.payments.comparing import Difference, Kind
from b2c_web.payments.gateway import gateway
from b2c_web.payments.models import Payment
from b2c_web.payments.steps import lock_payment

TOLD = "payment.disputed"


def tell_dispute(payment_id: uuid.UUID, dispute_id: str) -> None:
    """Put a dispute before a person, once however often it is heard of. Locks the payment."""
    with command_transaction():
        lock_payment(payment_id)
        if dispute_id in _told_of([payment_id]):
            return
        audit.record(TOLD, "payment", payment_id, after={"dispute": dispute_id}, actor="provider")
        facts = {"payment_id": str(payment_id), "dispute": dispute_id}
        hooks.give_up("payments.dispute", facts, "the customer's bank disputes the charge")


def untold_disputes(since: datetime) -> Iterator[Difference]:
    """Disputes opened since then over charges of ours, of which nobody was told: their events were lost."""
    disputes = list(gateway().recent_disputes(since))
    with command_transaction():
        wanted = Payment.stripe_payment_intent_id.in_([seen.intent_id for seen in disputes])
        rows = db.session.execute(select(Payment.id, Payment.stripe_payment_intent_id).where(wanted))
        ours = {row.stripe_payment_intent_id: row.id for row in rows}
        told = _told_of(list(ours.values()))
    for seen in disputes:
        if seen.intent_id in ours and seen.id not in told:
            there = f"{seen.amount_cents} cents disputed"
            yield Difference(Kind.DISPUTE_UNTOLD, ours[seen.intent_id], seen.id, "nothing", there)


def _told_of(payment_ids: list[uuid.UUID]) -> set[str]:
    entries = select(audit.AuditEntry.after).where(
        audit.AuditEntry.entity_type == "payment",
        audit.AuditEntry.entity_id.in_(payment_ids),
        audit.AuditEntry.action == TOLD,
    )
    return {after["dispute"] for after in db.session.scalars(entries) if after}
