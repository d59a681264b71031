"""StripeGateway: the payment provider through Stripe's official library, against Stripe or the simulator."""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import stripe

from b2c_web.payments import stripe_reading as read
from b2c_web.payments.gateway import (
    CheckoutOrder,
    CheckoutPage,
    Dispute,
    EventRejected,
    IncomingEvent,
    OffSessionOrder,
    Outcome,
    Owner,
    PaymentRefused,
    PaymentSnapshot,
    RefundResult,
)
from b2c_web.payments.setup_gateway import SavedMethod, SetupOrder, SetupOutcome, SetupSnapshot
from b2c_web.payments.stripe_client import build_client, reading, writing

PAGE = 100  # the most that Stripe lists at once
INTENT_PARTS = ["latest_charge", "payment_method"]
SESSION_PARTS = [f"payment_intent.{part}" for part in INTENT_PARTS]
SETUP_PARTS = ["setup_intent.payment_method", "setup_intent.mandate"]
LATER = {"capture_method": "manual"}
WITH_MONEY = (Outcome.PAID, Outcome.AUTHORIZED, Outcome.PROCESSING)


def _keyed(key: str) -> Any:
    return {"idempotency_key": key}


class StripeGateway:
    """See `PaymentGateway` for what each method promises."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._stripe = build_client(config)
        self._client = self._stripe.v1
        self._webhook_secret = config["STRIPE_WEBHOOK_SECRET"]

    def create_customer(self, *, user_id: uuid.UUID, email: str, name: str | None, key: str) -> str:
        params: Any = {"email": email, "metadata": {"user_id": str(user_id)}}
        if name:
            params["name"] = name
        with writing():
            return self._client.customers.create(params, _keyed(key)).id

    def open_checkout(self, order: CheckoutOrder) -> CheckoutPage:
        with writing():
            session = self._client.checkout.sessions.create(_session_params(order), _keyed(order.key))
        return CheckoutPage(session.id, session.url or "", datetime.fromtimestamp(session.expires_at, UTC))

    def expire_checkout(self, checkout_id: str, key: str) -> PaymentSnapshot:
        try:
            with writing():
                self._client.checkout.sessions.expire(checkout_id, {}, _keyed(key))
        except PaymentRefused as refused:
            if refused.code == "resource_missing":
                raise
            # it is paid or expired already; what it became is the answer
        return self.look(checkout_id=checkout_id)

    def find_checkout(self, customer_id: str, payment_id: uuid.UUID) -> PaymentSnapshot | None:
        found = [
            each
            for each in self._sessions({"customer": customer_id})
            if each.owner and each.owner.payment_id == payment_id
        ]
        found.sort(key=lambda each: each.outcome is Outcome.CLOSED)
        return self.look(checkout_id=found[0].checkout_id) if found else None

    def find_intent(self, customer_id: str, payment_id: uuid.UUID) -> PaymentSnapshot | None:
        found = [each for each in self._intents({"customer": customer_id}) if _belongs_to(each, payment_id)]
        found.sort(key=lambda each: each.outcome not in WITH_MONEY)
        return found[0] if found else None

    def look(self, *, checkout_id: str | None = None, intent_id: str | None = None) -> PaymentSnapshot:
        with reading():
            if checkout_id:
                session = self._client.checkout.sessions.retrieve(checkout_id, {"expand": SESSION_PARTS})
                return read.read_session(session.to_dict())
            return self._intent(intent_id or "")

    def _intent(self, intent_id: str) -> PaymentSnapshot:
        intent = self._client.payment_intents.retrieve(intent_id, {"expand": INTENT_PARTS})
        return read.read_intent(intent.to_dict())

    def authorize_off_session(self, order: OffSessionOrder) -> PaymentSnapshot:
        params: Any = {
            "amount": order.amount_cents,
            "currency": "eur",
            "customer": order.customer_id,
            "payment_method": order.method_id,
            "payment_method_types": ["card"] if order.capture_later else ["card", "sepa_debit"],
            "description": order.description,
            "metadata": read.metadata_of(order.owner),
            "off_session": True,
            "confirm": True,
            "expand": INTENT_PARTS,
        } | (LATER if order.capture_later else {})
        with writing():  # raw: the library's objects, which become dicts again, cost two fifths of it
            answer = self._stripe.raw_request("post", "/v1/payment_intents", **params, **_keyed(order.key))
        return read.read_intent(answer.data)

    def capture(self, intent_id: str, amount_cents: int, key: str) -> PaymentSnapshot:
        params: Any = {"amount_to_capture": amount_cents, "expand": INTENT_PARTS}
        with writing():
            return read.read_intent(self._client.payment_intents.capture(intent_id, params, _keyed(key)).to_dict())

    def release(self, intent_id: str, key: str) -> PaymentSnapshot:
        try:
            with writing():
                self._client.payment_intents.cancel(intent_id, {}, _keyed(key))
        except PaymentRefused as refused:
            if refused.code == "resource_missing":
                raise
            # captured, or cancelled before: what it became is the answer
        return self.look(intent_id=intent_id)

    def refund(self, intent_id: str, amount_cents: int, *, reference: str, owner: Owner, key: str) -> RefundResult:
        params: Any = {
            "payment_intent": intent_id,
            "amount": amount_cents,
            "metadata": {**read.metadata_of(owner), "refund_id": reference},
        }
        with writing():
            return read.read_refund(self._client.refunds.create(params, _keyed(key)).to_dict())

    def refunds_of(self, intent_id: str) -> list[RefundResult]:
        return list(self._refunds({"payment_intent": intent_id}))[::-1]

    def list_methods(self, customer_id: str) -> list[SavedMethod]:
        with reading():
            listing = self._client.payment_methods.list({"customer": customer_id, "limit": PAGE})
            return [read.read_method(each.to_dict()) for each in listing.auto_paging_iter()]

    def look_method(self, method_id: str) -> SavedMethod:
        with reading():
            return read.read_method(self._client.payment_methods.retrieve(method_id).to_dict())

    def detach_method(self, method_id: str, key: str) -> None:
        try:
            with writing():
                self._client.payment_methods.detach(method_id, {}, _keyed(key))
        except PaymentRefused as refused:
            # not attached any more, or unknown there: that is what was wanted
            if refused.code != "resource_missing" and self.look_method(method_id).customer_id:
                raise

    def set_default(self, customer_id: str, method_id: str | None, key: str) -> None:
        params: Any = {"invoice_settings": {"default_payment_method": method_id or ""}}
        with writing():
            self._client.customers.update(customer_id, params, _keyed(key))

    def open_setup(self, order: SetupOrder) -> SetupSnapshot:
        with writing():
            session = self._client.checkout.sessions.create(_setup_params(order), _keyed(order.key))
        return read.read_setup_session(session.to_dict())

    def look_setup(self, checkout_id: str) -> SetupSnapshot:
        with reading():
            session = self._client.checkout.sessions.retrieve(checkout_id, {"expand": SETUP_PARTS})
        return read.read_setup_session(session.to_dict())

    def find_setup(self, customer_id: str, setup_id: uuid.UUID) -> SetupSnapshot | None:
        expand = [f"data.{part}" for part in SETUP_PARTS]
        found = [
            read.read_setup_session(session)
            for session in self._all_sessions({"customer": customer_id, "expand": expand})
            if session["mode"] == "setup" and read.setup_id_of(session) == setup_id
        ]
        found.sort(key=lambda each: each.outcome is SetupOutcome.CLOSED)
        return found[0] if found else None

    def expire_setup(self, checkout_id: str, key: str) -> SetupSnapshot:
        try:
            with writing():
                self._client.checkout.sessions.expire(checkout_id, {}, _keyed(key))
        except PaymentRefused as refused:
            if refused.code == "resource_missing":
                raise
            # it is complete or expired already; what it became is the answer
        return self.look_setup(checkout_id)

    def recent_setups(self, since: datetime) -> Iterator[SetupSnapshot]:
        with reading():
            params: Any = {**_since(since), "expand": ["data.payment_method"]}
            for intent in self._client.setup_intents.list(params).auto_paging_iter():
                yield read.read_setup_intent(intent.to_dict())

    def recent_intents(self, since: datetime) -> Iterator[PaymentSnapshot]:
        return self._intents(_since(since))

    def _intents(self, filters: Any) -> Iterator[PaymentSnapshot]:
        params: Any = {**filters, "limit": PAGE, "expand": [f"data.{part}" for part in INTENT_PARTS]}
        with reading():
            for intent in self._client.payment_intents.list(params).auto_paging_iter():
                yield read.read_intent(intent.to_dict())

    def recent_checkouts(self, since: datetime) -> Iterator[PaymentSnapshot]:
        return self._sessions(_since(since))

    def recent_refunds(self, since: datetime) -> Iterator[RefundResult]:
        return self._refunds(_since(since))

    def _sessions(self, filters: Any) -> Iterator[PaymentSnapshot]:
        for session in self._all_sessions(filters):
            if session["mode"] == "payment":
                yield read.read_session(session)

    def _all_sessions(self, filters: Any) -> Iterator[dict[str, Any]]:
        with reading():
            for session in self._client.checkout.sessions.list({**filters, "limit": PAGE}).auto_paging_iter():
                yield session.to_dict()

    def _refunds(self, filters: Any) -> Iterator[RefundResult]:
        with reading():
            for refund in self._client.refunds.list({**filters, "limit": PAGE}).auto_paging_iter():
                body = refund.to_dict()
                if read.moved_money(body):
                    yield read.read_refund(body)

    def recent_disputes(self, since: datetime) -> Iterator[Dispute]:
        with reading():
            for dispute in self._client.disputes.list(_since(since)).auto_paging_iter():
                yield Dispute(dispute.id, dispute.to_dict().get("payment_intent"), dispute.amount)

    def parse_event(self, payload: bytes, signature: str) -> IncomingEvent:
        try:
            stripe.WebhookSignature.verify_header(payload, signature, self._webhook_secret, tolerance=300)
            event = json.loads(payload)
            body = event["data"]["object"]
            kind = body.get("object", "")
            return IncomingEvent(event["id"], event["type"], kind, body.get("id"), read.links_of(body), event)
        except (stripe.SignatureVerificationError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise EventRejected(code="event_rejected") from error


def _belongs_to(seen: PaymentSnapshot, payment_id: uuid.UUID) -> bool:
    return seen.owner is not None and seen.owner.payment_id == payment_id


def _since(since: datetime) -> Any:
    return {"created": {"gte": int(since.timestamp())}, "limit": PAGE}


def _session_params(order: CheckoutOrder) -> Any:
    metadata = read.metadata_of(order.owner)
    line = {
        "quantity": 1,
        "price_data": {
            "currency": "eur",
            "unit_amount": order.amount_cents,
            "product_data": {"name": order.description},
        },
    }
    return {
        "mode": "payment",
        "customer": order.customer_id,
        "client_reference_id": str(order.owner.payment_id),
        # a returning customer is offered the cards that we kept, whatever consent the provider noted with them
        "saved_payment_method_options": {"allow_redisplay_filters": ["always", "limited", "unspecified"]},
        "payment_method_types": ["card"],  # wallets come with it; SEPA cannot confirm a booking in time
        "line_items": [line],
        "payment_intent_data": {
            "setup_future_usage": "off_session",
            "description": order.description,
            "metadata": metadata,
        }
        | (LATER if order.capture_later else {}),
        "metadata": metadata,
        "locale": order.language,
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.expires_at.timestamp()),
    }


def _setup_params(order: SetupOrder) -> Any:
    metadata = {"setup_id": str(order.setup_id)}
    return {
        "mode": "setup",
        "customer": order.customer_id,
        "client_reference_id": str(order.setup_id),
        "payment_method_types": [order.kind.value],
        "setup_intent_data": {"metadata": metadata},
        "metadata": metadata,
        "custom_text": {"submit": {"message": order.note}},
        "locale": order.language,
        "success_url": order.success_url,
        "cancel_url": order.cancel_url,
        "expires_at": int(order.expires_at.timestamp()),
    }
