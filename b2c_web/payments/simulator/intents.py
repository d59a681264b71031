"""PaymentIntents, SetupIntents (read only) and Charges (read only)."""

from typing import Any

from . import charging, objects
from .customers import living, usable_method
from .errors import InvalidParams, InvalidState
from .listing import page
from .params import (
    EXPAND,
    LISTING,
    Spec,
    amount,
    fields,
    flag,
    flag_or,
    hash_of_anything,
    items,
    merged_metadata,
    metadata,
    one_of,
    text,
)
from .refunds import give_back
from .routing import Args, Route
from .storage import Record
from .world import World

Body = dict[str, Any]
SMALLEST_CENTS = 50
AUTOMATIC = fields({"enabled": flag, "allow_redirects": one_of("always", "never")}, ("enabled",))
METHOD_TYPES = items(one_of("card", "sepa_debit"))

CREATE: Spec = {
    "amount": amount,
    "automatic_payment_methods": AUTOMATIC,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "confirm": flag,
    "confirmation_method": one_of("automatic", "manual"),
    "currency": one_of("eur"),
    "customer": text(),
    "description": text(1000),
    "error_on_requires_action": flag,
    "mandate_data": hash_of_anything,
    "metadata": metadata,
    "off_session": flag_or("one_off", "recurring"),
    "payment_method": text(),
    "payment_method_options": hash_of_anything,
    "payment_method_types": METHOD_TYPES,
    "receipt_email": text(512),
    "return_url": text(),
    "setup_future_usage": one_of("off_session", "on_session"),
    "statement_descriptor": text(22),
    "statement_descriptor_suffix": text(22),
    "transfer_group": text(),
    **EXPAND,
}
CONFIRM: Spec = {
    name: CREATE[name]
    for name in ("payment_method", "off_session", "return_url", "mandate_data", "error_on_requires_action", "expand")
}
COPIED = (
    "capture_method",
    "confirmation_method",
    "description",
    "receipt_email",
    "setup_future_usage",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
CANCEL_REASONS = one_of("duplicate", "fraudulent", "requested_by_customer", "abandoned")
CANCELABLE = ("requires_payment_method", "requires_capture", "requires_confirmation", "requires_action")


def create(world: World, args: Args) -> Body:
    if args["amount"] < SMALLEST_CENTS:
        raise InvalidParams("Amount must be at least €0.50 eur", code="amount_too_small", param="amount")
    if args.get("off_session") and not args.get("confirm"):
        raise InvalidParams("`off_session` can only be used when `confirm` is `true`.", param="off_session")
    intent = new_intent(world, args)
    if args.get("confirm"):
        _confirm(world, intent, {**args, "payment_method": None})
    return intent.body


def new_intent(world: World, args: Args, session_id: str | None = None) -> Record:
    """An intent that nothing was tried on yet, with its `payment_intent.created`."""
    if args.get("customer"):
        living(world, args["customer"], "customer")
    body = objects.payment_intent(args["amount"], args["currency"])
    body.update({name: args[name] for name in COPIED if args.get(name) is not None})
    body.update(customer=args.get("customer"), metadata=merged_metadata({}, args.get("metadata") or {}))
    if args.get("payment_method_types"):
        body["payment_method_types"] = args["payment_method_types"]
    else:
        chosen = args.get("automatic_payment_methods") or {}
        redirects = chosen.get("allow_redirects", "always")
        body["automatic_payment_methods"] = {"allow_redirects": redirects, "enabled": chosen.get("enabled", True)}
        body["payment_method_types"] = ["card", "sepa_debit"]
    if args.get("payment_method"):
        body.update(payment_method=usable_method(world, args["payment_method"]).id, status="requires_confirmation")
    intent = world.create(body, {"session": session_id, "return_url": args.get("return_url")})
    intent.body["client_secret"] = f"{intent.id}_secret_{world.store.new_id('', 24)}"
    world.store.save(intent)
    world.emit("payment_intent.created", intent)
    return intent


def confirm(world: World, args: Args, intent_id: str) -> Body:
    intent = world.need("payment_intent", intent_id)
    allowed = ("requires_payment_method", "requires_confirmation", "requires_action")
    if intent["status"] not in allowed:
        raise unexpected(intent, "could not be confirmed", "confirmed", allowed)
    if intent.private["session"]:
        raise InvalidState("You cannot perform this action on PaymentIntents created by Checkout.")
    intent.private["return_url"] = args.get("return_url") or intent.private["return_url"]
    _confirm(world, intent, args)
    return intent.body


def _confirm(world: World, intent: Record, args: Args) -> None:
    automatic = intent["automatic_payment_methods"]
    if automatic and automatic["allow_redirects"] == "always" and not intent.private["return_url"]:
        message = (
            "This PaymentIntent accepts payment methods that might redirect your customer: provide a `return_url`, "
            "set `automatic_payment_methods[allow_redirects]` to `never`, or name `payment_method_types`."
        )
        raise InvalidState(message, param="return_url")
    method_id = args.get("payment_method") or intent["payment_method"]
    if not method_id:
        message = "You cannot confirm this PaymentIntent because it's missing a payment method."
        raise InvalidState(message, code="payment_intent_unexpected_state", payment_intent=intent.body)
    method = usable_method(world, method_id)
    if method["type"] not in intent["payment_method_types"]:
        message = f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent."
        raise InvalidState(message, param="payment_method")
    if method["customer"] and method["customer"] != intent["customer"]:
        message = f"The PaymentMethod {method.id} belongs to the Customer {method['customer']}: name it in `customer`."
        raise InvalidState(message, param="payment_method")
    charging.attempt(world, intent, method, off_session=bool(args.get("off_session")))


def capture(world: World, args: Args, intent_id: str) -> Body:
    """Takes what was authorised, or less: the rest is released at once and cannot be taken later."""
    intent = world.need("payment_intent", intent_id)
    if intent["status"] != "requires_capture":
        raise unexpected(intent, "could not be captured", "captured", ("requires_capture",))
    wanted = args.get("amount_to_capture")
    if wanted is None:
        wanted = intent["amount_capturable"]
    if wanted < 1:
        raise InvalidParams("Invalid positive integer", code="parameter_invalid_integer", param="amount_to_capture")
    if wanted > intent["amount_capturable"]:
        message = "The amount to capture cannot be greater than the amount capturable."
        raise InvalidState(message, code="amount_too_large", param="amount_to_capture")
    charge = world.need("charge", intent["latest_charge"])
    charging.book(world, charge, wanted)
    world.store.save(charge)
    if wanted < charge["amount"]:
        give_back(world, charge, charge["amount"] - wanted, "reversal")
    intent.body.update(status="succeeded", amount_capturable=0, amount_received=wanted)
    intent.body["metadata"] = merged_metadata(intent["metadata"], args.get("metadata") or {})
    world.store.save(intent)
    world.store.drop_timer(intent.id, "lapse_authorisation")
    world.emit("charge.captured", charge)
    world.emit("payment_intent.succeeded", intent)
    return intent.body


def cancel(world: World, args: Args, intent_id: str) -> Body:
    """Releases an authorisation. That of an open Checkout Session is refused: expire the session."""
    intent = world.need("payment_intent", intent_id)
    if intent["status"] not in CANCELABLE:
        raise unexpected(intent, "could not be canceled", "canceled", CANCELABLE)
    if intent.private["session"] and intent["status"] != "requires_capture":
        message = "You cannot perform this action on PaymentIntents created by Checkout. Expire the session instead."
        raise InvalidState(message, payment_intent=intent.body)
    release(world, intent, args.get("cancellation_reason"))
    return intent.body


def release(world: World, intent: Record, reason: str | None, lapsed: bool = False) -> None:
    """Cancels the intent; an authorised charge is given back in full (`lapsed`: because its time is over)."""
    if intent["status"] == "requires_capture":
        charge = world.need("charge", intent["latest_charge"])
        give_back(world, charge, charge["amount"], "reversal", reason="expired_uncaptured_charge" if lapsed else None)
        if lapsed:
            world.emit("charge.expired", charge)
    changed = {"status": "canceled", "amount_capturable": 0, "next_action": None, "canceled_at": world.now()}
    intent.body.update(changed, cancellation_reason=reason)
    world.store.save(intent)
    world.store.drop_timer(intent.id, "lapse_authorisation")
    world.emit("payment_intent.canceled", intent)


def unexpected(intent: Record, what: str, done: str, allowed: tuple[str, ...]) -> InvalidState:
    message = (
        f"This PaymentIntent {what} because it has a status of {intent['status']}. "
        f"Only a PaymentIntent with one of the following statuses may be {done}: {', '.join(allowed)}."
    )
    return InvalidState(message, code="payment_intent_unexpected_state", payment_intent=intent.body)


def retrieve(world: World, args: Args, intent_id: str) -> Body:
    return world.need("payment_intent", intent_id).body


def update(world: World, args: Args, intent_id: str) -> Body:
    intent = world.need("payment_intent", intent_id)
    if "metadata" in args:
        intent.body["metadata"] = merged_metadata(intent["metadata"], args["metadata"])
    if "description" in args:
        intent.body["description"] = args["description"]
    world.store.save(intent)
    return intent.body


def listing(world: World, args: Args) -> Body:
    return page(world, "payment_intent", args, "/v1/payment_intents", {"customer": "customer"})


def retrieve_setup(world: World, args: Args, intent_id: str) -> Body:
    return world.need("setup_intent", intent_id).body


def list_setups(world: World, args: Args) -> Body:
    return page(world, "setup_intent", args, "/v1/setup_intents", {"customer": "customer"})


def retrieve_charge(world: World, args: Args, charge_id: str) -> Body:
    return world.need("charge", charge_id).body


def list_charges(world: World, args: Args) -> Body:
    return page(world, "charge", args, "/v1/charges", {"customer": "customer", "payment_intent": "intent"})


BY_CUSTOMER: Spec = {**LISTING, "customer": text(), **EXPAND}
ROUTES = [
    Route("POST", "/v1/payment_intents", create, CREATE, ("amount", "currency")),
    Route("GET", "/v1/payment_intents", listing, BY_CUSTOMER),
    Route("GET", "/v1/payment_intents/<intent_id>", retrieve, EXPAND),
    Route("POST", "/v1/payment_intents/<intent_id>", update, {"metadata": metadata, "description": text(), **EXPAND}),
    Route("POST", "/v1/payment_intents/<intent_id>/confirm", confirm, CONFIRM),
    Route(
        "POST",
        "/v1/payment_intents/<intent_id>/capture",
        capture,
        {"amount_to_capture": amount, "metadata": metadata, **EXPAND},
    ),
    Route("POST", "/v1/payment_intents/<intent_id>/cancel", cancel, {"cancellation_reason": CANCEL_REASONS, **EXPAND}),
    Route("GET", "/v1/setup_intents", list_setups, {**BY_CUSTOMER, "payment_method": text()}),
    Route("GET", "/v1/setup_intents/<intent_id>", retrieve_setup, EXPAND),
    Route("GET", "/v1/charges", list_charges, {**BY_CUSTOMER, "payment_intent": text()}),
    Route("GET", "/v1/charges/<charge_id>", retrieve_charge, EXPAND),
]
