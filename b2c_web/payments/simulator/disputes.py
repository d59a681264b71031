"""Disputes: a bank takes a captured charge back. Opened by the control API, as banks do it: at any time."""

from typing import Any

from .errors import InvalidState
from .listing import page
from .params import EXPAND, LISTING, Spec, text
from .routing import Args, Route
from .storage import Record
from .world import World

Body = dict[str, Any]
ANSWER_SECONDS = 9 * 24 * 3600
CASE = {"card": {"case_type": "chargeback", "network_reason_code": "10.4"}, "sepa_debit": {}}
PLACES = {"payment_intent": "intent", "charge": "$.charge"}
LISTED: Spec = {**LISTING, **dict.fromkeys(PLACES, text()), **EXPAND}
EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def open_on(world: World, intent: Record) -> Record:
    """The bank disputes the payment's charge. Runs inside `World.acting()`."""
    charge = world.lookup(intent["latest_charge"])
    if charge is None or not charge["captured"] or charge["disputed"]:
        raise InvalidState(f"Nothing to dispute on {intent.id}.")
    dispute = world.create(_dispute(charge.body, world.now()))
    charge.body["disputed"] = True
    world.store.save(charge)
    world.emit("charge.dispute.created", dispute)
    return dispute


def _dispute(charge: Body, now: int) -> Body:
    kind = charge["payment_method_details"]["type"]
    details = dict(CASE[kind])
    if kind == "card":
        brand = charge["payment_method_details"]["card"]["brand"]
        details |= {"brand": brand, "network": brand}
    facts = {"enhanced_eligibility": {}, "has_evidence": False, "past_due": False, "submission_count": 0}
    return {
        "id": "",
        "object": "dispute",
        "amount": charge["amount_captured"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": 0,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {"due_by": now + ANSWER_SECONDS, **facts},
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {kind: details, "type": kind},
        "reason": "fraudulent",
        "status": "needs_response",
    }


def listing(world: World, args: Args) -> Body:
    return page(world, "dispute", args, "/v1/disputes", PLACES)


def retrieve(world: World, args: Args, dispute_id: str) -> Body:
    return world.need("dispute", dispute_id).body


ROUTES = [
    Route("GET", "/v1/disputes", listing, LISTED),
    Route("GET", "/v1/disputes/<dispute_id>", retrieve, EXPAND),
]
