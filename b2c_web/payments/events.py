"""Incoming events of the provider: verified, stored once, queued; then the object is fetched anew and settled.

An event only says where to look. What it claims is never believed, so twice, late and out of order do no harm.
"""

import logging
import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from b2c_web import jobs
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments import methods
from b2c_web.payments.disputing import tell_dispute
from b2c_web.payments.gateway import IncomingEvent, PaymentRefused, PaymentSnapshot, gateway
from b2c_web.payments.jobs import handle_event as handle_event_job
from b2c_web.payments.models import Payment, ProviderEvent
from b2c_web.payments.recording import record
from b2c_web.payments.refunding import sync_refunds
from b2c_web.payments.settling import settle_payment
from b2c_web.payments.setup_models import MethodSetup
from b2c_web.payments.setup_settling import settle_setup

log = logging.getLogger(__name__)
MONEY_BACK = ("refund.", "charge.refund")
DISPUTED = "charge.dispute.created"


def receive_event(payload: bytes, signature: str) -> bool:
    """Verify an event, store it once by its id and queue it. True when it is new. Raises EventRejected."""
    event = gateway().parse_event(payload, signature)
    with command_transaction():
        stored = db.session.scalar(
            insert(ProviderEvent)
            .values(
                id=event.id,
                type=event.type[:80],
                object_id=event.object_id,
                payload={"links": event.links, "kind": event.object_kind, "event": event.payload},
                received_at=now_utc(),
            )
            .on_conflict_do_nothing()
            .returning(ProviderEvent.id)
        )
        if stored is not None:
            jobs.defer(handle_event_job, event_id=event.id)
    return stored is not None


def handle_event(event_id: str) -> None:
    """Act on a stored event, if it is about something of ours. Safe to repeat.

    Raises PaymentProviderError or Busy to be tried again.
    """
    event = _unprocessed(event_id)
    if event is None:
        return
    try:
        _act(event)
    except PaymentRefused as refused:
        if refused.code != "resource_missing":
            raise
        log.warning("event %s is about %s, which the provider does not know", event.id, event.object_id)
    with command_transaction():
        db.session.get_one(ProviderEvent, event_id, with_for_update=True).processed_at = now_utc()


def _unprocessed(event_id: str) -> IncomingEvent | None:
    with command_transaction():
        stored = db.session.get_one(ProviderEvent, event_id)
        if stored.processed_at is not None:
            return None
        kept = stored.payload
        return IncomingEvent(stored.id, stored.type, kept["kind"], stored.object_id, kept["links"], kept["event"])


def _act(event: IncomingEvent) -> None:
    if event.object_kind == "payment_method" and event.object_id:
        methods.follow_provider(event.object_id)
        return
    setup_id = _setup_of(event)
    if setup_id is not None:
        settle_setup(setup_id)
        return
    payment_id = _payment_of(event)
    if payment_id is None:
        return
    if event.type == DISPUTED:
        tell_dispute(payment_id, event.object_id or event.id)
        return
    if event.type.startswith(MONEY_BACK):
        sync_refunds(payment_id)
        return
    payment = settle_payment(payment_id)
    if payment.stripe_checkout_session_id is None and payment.stripe_payment_intent_id is None:
        _settle_by_event(payment_id, event)


def _payment_of(event: IncomingEvent) -> uuid.UUID | None:
    """The payment that an event leads to, by the provider's ids that we stored or by ours that it carries."""
    links = event.links
    with command_transaction():
        for column, name in (
            (Payment.stripe_checkout_session_id, "checkout_id"),
            (Payment.stripe_payment_intent_id, "intent_id"),
        ):
            found = db.session.scalar(select(Payment.id).where(column == links[name])) if name in links else None
            if found is not None:
                return found
        return db.session.scalar(select(Payment.id).where(Payment.id == _uuid(links.get("payment_id"))))


def _setup_of(event: IncomingEvent) -> uuid.UUID | None:
    """The setup that an event leads to; it carries our id, whatever it is about."""
    wanted = _uuid(event.links.get("setup_id"))
    if wanted is None:
        return None
    with command_transaction():
        return db.session.scalar(select(MethodSetup.id).where(MethodSetup.id == wanted))


def _uuid(value: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(value) if value else None
    except ValueError:
        return None


def _settle_by_event(payment_id: uuid.UUID, event: IncomingEvent) -> None:
    """The event was quicker than our own record of the page: look where it points, and check that it is ours."""
    seen: PaymentSnapshot | None = None
    if "checkout_id" in event.links:
        seen = gateway().look(checkout_id=event.links["checkout_id"])
    elif "intent_id" in event.links:
        seen = gateway().look(intent_id=event.links["intent_id"])
    if seen is not None and seen.owner is not None and seen.owner.payment_id == payment_id:
        record(payment_id, seen)
