"""Stripe's objects, as plain dicts, read into ours. The one place that knows Stripe's field names and states."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from b2c_web.payments.gateway import Outcome, Owner, PaymentSnapshot, RefundOutcome, RefundResult
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.setup_gateway import SavedMethod, SetupOutcome, SetupSnapshot

Body = dict[str, Any]

BY_INTENT_STATUS = {
    "succeeded": Outcome.PAID,
    "requires_capture": Outcome.AUTHORIZED,
    "processing": Outcome.PROCESSING,
    "canceled": Outcome.CLOSED,
    "requires_action": Outcome.ACTION_NEEDED,
    "requires_confirmation": Outcome.WAITING,
}


def metadata_of(owner: Owner) -> dict[str, str]:
    """What every object of ours carries at Stripe."""
    return {
        "payment_id": str(owner.payment_id),
        "purpose": owner.purpose.value,
        "purpose_id": str(owner.purpose_id),
    }


def owner_of(body: Body) -> Owner | None:
    """Whose object it is; None when it is not ours or was written by another installation."""
    data = body.get("metadata") or {}
    try:
        return Owner(uuid.UUID(data["payment_id"]), PaymentPurpose(data["purpose"]), uuid.UUID(data["purpose_id"]))
    except (KeyError, ValueError):
        return None


def instant(seconds: int | None) -> datetime | None:
    """Stripe's seconds as an aware instant."""
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None


def read_session(session: Body) -> PaymentSnapshot:
    """A Checkout Session with its intent expanded; a bare intent id leaves the money out."""
    intent = session.get("payment_intent")
    is_open = session["status"] == "open"
    if not isinstance(intent, dict):
        return PaymentSnapshot(
            outcome=_bare_outcome(session),
            owner=owner_of(session),
            amount_cents=session["amount_total"] or 0,
            checkout_id=session["id"],
            page_url=session["url"] if is_open else None,
            intent_id=intent,
        )
    outcome = Outcome.WAITING if is_open else _closed_outcome(session, intent)
    seen = read_intent(intent, outcome)
    return replace(seen, checkout_id=session["id"], page_url=session["url"] if is_open else None)


def _bare_outcome(session: Body) -> Outcome:
    if session["status"] == "complete":
        return Outcome.PAID if session["payment_status"] == "paid" else Outcome.PROCESSING
    return Outcome.WAITING if session["status"] == "open" else Outcome.CLOSED


def _closed_outcome(session: Body, intent: Body) -> Outcome:
    """A page that is over: paid on, or expired (its intent, if a card was declined, is cancelled with it)."""
    outcome = BY_INTENT_STATUS.get(intent["status"], Outcome.FAILED)
    settled = (Outcome.PAID, Outcome.AUTHORIZED, Outcome.PROCESSING)
    return Outcome.CLOSED if session["status"] == "expired" and outcome not in settled else outcome


def read_intent(intent: Body, outcome: Outcome | None = None) -> PaymentSnapshot:
    """A PaymentIntent with `latest_charge` and `payment_method` expanded, where they are there."""
    charge = _expanded(intent.get("latest_charge"))
    error = intent.get("last_payment_error") or {}
    took_money = bool(charge.get("captured"))
    return PaymentSnapshot(
        outcome=outcome or _intent_outcome(intent),
        owner=owner_of(intent),
        amount_cents=intent["amount"],
        intent_id=intent["id"],
        charge_id=charge.get("id"),
        authorized_cents=intent.get("amount_capturable") or 0,
        captured_cents=charge.get("amount_captured", 0) if took_money else 0,
        charged_at=instant(charge.get("created")),
        capture_before=instant(_card_of(charge).get("capture_before")),
        method=_method_of(intent, charge),
        failure_code=(error.get("decline_code") or error.get("code")) if error else None,
        failure_reference=_failure_reference(intent, error),
        action_url=((intent.get("next_action") or {}).get("redirect_to_url") or {}).get("url"),
    )


def _intent_outcome(intent: Body) -> Outcome:
    if intent["status"] == "requires_payment_method":
        return Outcome.FAILED if intent.get("last_payment_error") else Outcome.WAITING
    return BY_INTENT_STATUS[intent["status"]]


def _failure_reference(intent: Body, error: Body) -> str | None:
    """Names the attempt: its failed charge, or the method that failed before a charge was made."""
    if not error:
        return None
    method = error.get("payment_method") or {}
    return error.get("charge") or method.get("id") or intent["id"]


def _expanded(value: Any) -> Body:
    return value if isinstance(value, dict) else {}


def _card_of(charge: Body) -> Body:
    return (charge.get("payment_method_details") or {}).get("card") or {}


def _method_of(intent: Body, charge: Body) -> SavedMethod | None:
    method = _expanded(intent.get("payment_method"))
    if method:
        return read_method(method)
    if not charge.get("payment_method"):
        return None
    details = charge.get("payment_method_details") or {}
    kind = details.get("type", "card")
    return read_method({"id": charge["payment_method"], "type": kind, kind: details.get(kind) or {}})


def read_method(method: Body) -> SavedMethod:
    """A PaymentMethod; of a SEPA account the last four digits are shown like a card's."""
    facts = method.get(method["type"]) or {}
    return SavedMethod(
        id=method["id"],
        type=method["type"],
        customer_id=method.get("customer"),
        brand=facts.get("brand"),
        last4=facts.get("last4"),
        exp_month=facts.get("exp_month"),
        exp_year=facts.get("exp_year"),
        fingerprint=facts.get("fingerprint"),
    )


def setup_id_of(body: Body) -> uuid.UUID | None:
    """Which setup of ours it belongs to; None when it is not ours."""
    try:
        return uuid.UUID((body.get("metadata") or {})["setup_id"])
    except (KeyError, ValueError):
        return None


def read_setup_session(session: Body) -> SetupSnapshot:
    """A Checkout Session that saves a method, with its SetupIntent expanded, and that one's method and mandate."""
    intent = _expanded(session.get("setup_intent"))
    method = _expanded(intent.get("payment_method"))
    is_open = session["status"] == "open"
    seen = read_setup_intent(intent) if intent else None
    outcome = seen.outcome if seen and session["status"] == "complete" else SetupOutcome.CLOSED
    return SetupSnapshot(
        outcome=SetupOutcome.WAITING if is_open else outcome,
        setup_id=setup_id_of(session),
        customer_id=session.get("customer"),
        checkout_id=session["id"],
        page_url=session["url"] if is_open else None,
        method=read_method(method) if method else None,
        mandate=_mandate_of(intent),
    )


def read_setup_intent(intent: Body) -> SetupSnapshot:
    """A SetupIntent alone, with its method expanded: what became of it. A method that was removed is not saved."""
    removed = not _expanded(intent.get("payment_method")).get("customer")
    saved = SetupOutcome.CLOSED if removed else SetupOutcome.SAVED
    known = {"succeeded": saved, "canceled": SetupOutcome.CLOSED}
    outcome = known.get(intent["status"], SetupOutcome.WAITING)
    return SetupSnapshot(outcome, setup_id_of(intent), intent.get("customer"))


def _mandate_of(intent: Body) -> str | None:
    details = _expanded(intent.get("mandate")).get("payment_method_details") or {}
    reference = (details.get("sepa_debit") or {}).get("reference")
    return str(reference)[:64] if reference else None


REFUND_STATUS = {
    "succeeded": RefundOutcome.SUCCEEDED,
    "failed": RefundOutcome.FAILED,
    "canceled": RefundOutcome.FAILED,
}


def read_refund(refund: Body) -> RefundResult:
    """A Refund in our words; `reference` is our own id, where it was given."""
    return RefundResult(
        id=refund["id"],
        intent_id=refund.get("payment_intent"),
        amount_cents=refund["amount"],
        outcome=REFUND_STATUS.get(refund["status"], RefundOutcome.PENDING),
        reference=(refund.get("metadata") or {}).get("refund_id"),
        created_at=datetime.fromtimestamp(refund["created"], UTC),
        failure_code=refund.get("failure_reason"),
    )


def moved_money(refund: Body) -> bool:
    """False for a released hold: Stripe lists it as a refund, but it was never in our balance."""
    ours = (refund.get("metadata") or {}).get("refund_id")
    return bool(ours) or refund.get("balance_transaction") is not None or refund["status"] != "succeeded"


def links_of(body: Body) -> dict[str, str]:
    """Ids in an event's object that may lead to a payment of ours."""
    data = body.get("metadata") or {}
    found = {
        "payment_id": data.get("payment_id"),
        "setup_id": data.get("setup_id"),
        "intent_id": body["id"] if body.get("object") == "payment_intent" else body.get("payment_intent"),
        "checkout_id": body["id"] if body.get("object") == "checkout.session" else None,
    }
    return {name: value for name, value in found.items() if isinstance(value, str)}
