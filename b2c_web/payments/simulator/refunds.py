"""Refunds: money given back, and authorised money released."""

from typing import Any

from . import objects
from .cards import CARDS
from .errors import InvalidParams, InvalidState
from .listing import page
from .params import EXPAND, LISTING, Spec, amount, metadata, one_of, text
from .routing import Args, Route
from .storage import Record
from .world import World

Body = dict[str, Any]
LATER_SECONDS = 5
CREATE: Spec = {
    "charge": text(),
    "payment_intent": text(),
    "amount": amount,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    "metadata": metadata,
    **EXPAND,
}


def create(world: World, args: Args) -> Body:
    charge = _charge_of(world, args)
    if charge["status"] != "succeeded" or not charge["captured"]:
        raise InvalidState(f"Charge {charge.id} was not captured: there is nothing to refund.", param="charge")
    left = charge["amount"] - charge["amount_refunded"]
    if left <= 0:
        raise InvalidState(f"Charge {charge.id} has already been refunded.", code="charge_already_refunded")
    wanted = left if args.get("amount") is None else args["amount"]
    if wanted <= 0:
        raise InvalidParams("Invalid positive integer", code="parameter_invalid_integer", param="amount")
    if wanted > left:
        message = f"Refund amount (€{wanted / 100:.2f}) is greater than unrefunded amount on charge (€{left / 100:.2f})"
        raise InvalidState(message, param="amount")
    given = {"metadata": args.get("metadata") or {}, "reason": args.get("reason")}
    return give_back(world, charge, wanted, "refund", **given).body


def give_back(world: World, charge: Record, wanted: int, how: str, **given: Any) -> Record:
    """Records the refund on the charge. `how`: "refund" of captured money, or "reversal" of an authorisation."""
    body = {**objects.refund(charge.body, wanted), **given}
    later = _later(charge) if how == "refund" else None
    if charge["payment_method_details"]["type"] == "card":
        body["destination_details"] = {"card": {"type": how}, "type": "card"}
    if how == "refund":
        body["balance_transaction"] = world.store.new_id("txn_")
    if later == "later":
        body["status"] = "pending"
    refund = world.create(body)
    if later:
        world.store.set_timer(refund.id, "settle_refund", world.now() + LATER_SECONDS)
    charge.body["amount_refunded"] += wanted
    _show_on_charge(world, charge)
    world.emit("refund.created", refund)
    if how == "refund" or charge["refunded"]:
        world.emit("charge.refunded", charge)
    return refund


def _later(charge: Record) -> str | None:
    """Bank debits are given back later; some test cards show how a refund of a card changes afterwards."""
    if charge["payment_method_details"]["type"] == "sepa_debit":
        return "later"
    kind = CARDS[charge.private["behaviour"]].refund
    return None if kind == "succeeds" else kind


def _show_on_charge(world: World, charge: Record) -> None:
    found = world.store.select("refund", " AND intent = ?", (charge["payment_intent"],), "ORDER BY seq DESC")
    mine = [refund.body for refund in found if refund["charge"] == charge.id]
    charge.body["refunds"].update(data=mine[:10], has_more=len(mine) > 10)
    charge.body["refunded"] = charge["amount_refunded"] >= charge["amount"]
    world.store.save(charge)


def settle(world: World, refund: Record) -> None:
    """A pending refund arrives; one of the card whose refunds fail comes back."""
    charge = world.need("charge", refund["charge"])
    if refund["status"] == "pending":
        refund.body["status"] = "succeeded"
    else:
        failure = {
            "failure_reason": "expired_or_canceled_card",
            "failure_balance_transaction": world.store.new_id("txn_"),
        }
        refund.body.update(status="failed", **failure)
        charge.body["amount_refunded"] -= refund["amount"]
    world.store.save(refund)
    _show_on_charge(world, charge)
    world.emit("refund.updated", refund)
    if refund["status"] == "failed":
        world.emit("refund.failed", refund)


def retrieve(world: World, args: Args, refund_id: str) -> Body:
    return world.need("refund", refund_id).body


def listing(world: World, args: Args) -> Body:
    return page(world, "refund", args, "/v1/refunds", {"payment_intent": "intent", "charge": "$.charge"})


def _charge_of(world: World, args: Args) -> Record:
    if args.get("charge"):
        return world.need("charge", args["charge"], "charge")
    if not args.get("payment_intent"):
        message = "One of the following params should be provided for this request: payment_intent or charge."
        raise InvalidParams(message, code="parameter_missing")
    intent = world.need("payment_intent", args["payment_intent"], "payment_intent")
    if intent["status"] != "succeeded":
        message = f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
        raise InvalidState(message, param="payment_intent")
    return world.need("charge", intent["latest_charge"])


ROUTES = [
    Route("POST", "/v1/refunds", create, CREATE),
    Route("GET", "/v1/refunds", listing, {**LISTING, "payment_intent": text(), "charge": text(), **EXPAND}),
    Route("GET", "/v1/refunds/<refund_id>", retrieve, EXPAND),
]
