"""Checkout Sessions as the API sees them: create, retrieve, list, expire."""

from typing import Any

from . import intents, objects
from .checkout_objects import blank_session, line_item
from .customers import MAIL, living
from .errors import InvalidParams, InvalidState
from .listing import line_items, page
from .params import (
    EXPAND,
    LISTING,
    Spec,
    decimal_cents,
    fields,
    hash_of_anything,
    integer,
    items,
    merged_metadata,
    metadata,
    one_of,
    text,
)
from .routing import Args, Route
from .storage import Record
from .world import World

Body = dict[str, Any]
SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 3600
# The client computes `expires_at` before its request travels, and clocks cut off fractions.
TOLERANCE_SECONDS = 3

LOCALES = ("auto", "cs", "da", "de", "en", "en-GB", "es", "fr", "it", "nl", "pl", "pt", "sv", "tr")
PRODUCT = fields(
    {"name": text(), "description": text(), "images": items(text()), "metadata": metadata}, required=("name",)
)
PRICE = fields(
    {
        "currency": one_of("eur"),
        "product_data": PRODUCT,
        "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
        "unit_amount": integer,
        "unit_amount_decimal": decimal_cents,
    },
    required=("currency", "product_data"),
)
INTENT_DATA = fields(
    {
        name: intents.CREATE[name]
        for name in (
            "capture_method",
            "description",
            "metadata",
            "receipt_email",
            "setup_future_usage",
            "statement_descriptor",
            "statement_descriptor_suffix",
            "transfer_group",
        )
    }
)
AUTO = one_of("auto", "never")
MESSAGE = fields({"message": text(1200)})
CREATE: Spec = {
    "billing_address_collection": one_of("auto", "required"),
    "cancel_url": text(),
    "client_reference_id": text(200),
    "currency": one_of("eur"),
    "custom_text": fields(dict.fromkeys(("after_submit", "submit", "terms_of_service_acceptance"), MESSAGE)),
    "customer": text(),
    "customer_creation": one_of("always", "if_required"),
    "customer_email": text(800),
    "customer_update": fields({"address": AUTO, "name": AUTO, "shipping": AUTO}),
    "expires_at": integer,
    "line_items": items(fields({"price_data": PRICE, "quantity": integer}, required=("price_data",))),
    "locale": one_of(*LOCALES),
    "metadata": metadata,
    "mode": one_of("payment", "setup"),
    "payment_intent_data": INTENT_DATA,
    "payment_method_options": hash_of_anything,
    "payment_method_types": intents.METHOD_TYPES,
    "saved_payment_method_options": fields(
        {
            "allow_redisplay_filters": items(one_of("always", "limited", "unspecified")),
            "payment_method_save": one_of("disabled", "enabled"),
        }
    ),
    "setup_intent_data": fields({"description": text(1000), "metadata": metadata}),
    "submit_type": one_of("auto", "book", "donate", "pay"),
    "success_url": text(),
    "ui_mode": one_of("hosted_page"),
    **EXPAND,
}
COPIED = (
    "billing_address_collection",
    "cancel_url",
    "client_reference_id",
    "customer",
    "customer_email",
    "locale",
    "mode",
    "payment_method_options",
    "payment_method_types",
    "submit_type",
    "success_url",
)


def create(world: World, args: Args) -> Body:
    _check(args)
    expires_at = _expiry(world, args)
    body = blank_session()
    body.update({name: args[name] for name in COPIED if args.get(name) is not None})
    body.update(expires_at=expires_at, metadata=merged_metadata({}, args.get("metadata") or {}))
    customer = living(world, args["customer"], "customer") if args.get("customer") else None
    email = customer["email"] if customer else args.get("customer_email")
    if email:
        body["customer_details"] = customer_details(email, customer["name"] if customer else None)
    body["custom_text"].update(args.get("custom_text") or {})
    if args.get("saved_payment_method_options"):
        blank = {"allow_redisplay_filters": ["always"], "payment_method_remove": None, "payment_method_save": None}
        body["saved_payment_method_options"] = {**blank, **args["saved_payment_method_options"]}
    private: Body = {name: args.get(name) or {} for name in ("customer_update", "setup_intent_data")}
    lines = args.get("line_items") or []
    private["line_items"] = [line_item(world.store.new_id("li_"), line) for line in lines]
    private["line_details"] = [line["price_data"]["product_data"].get("description") for line in lines]
    if args["mode"] == "payment":
        _prepare_payment(body, private, args)
    session = world.create(body, private)
    session.body["url"] = f"{world.settings.public_url}/c/pay/{session.id}"
    if args["mode"] == "setup":
        _prepare_setup(world, session)
    world.store.save(session)
    world.store.set_timer(session.id, "expire_session", expires_at)
    return session.body


def _check(args: Args) -> None:
    for name in ("success_url", "cancel_url"):
        if args.get(name) and not args[name].startswith(("http://", "https://")):
            message = "Not a valid URL: it must begin with http:// or https://"
            raise InvalidParams(message, code="url_invalid", param=name)
    if args.get("customer") and args.get("customer_email"):
        raise InvalidParams("You may only specify one of these parameters: customer, customer_email.")
    if args.get("customer_email") and not MAIL.fullmatch(args["customer_email"]):
        message = f"Invalid email address: {args['customer_email']}"
        raise InvalidParams(message, code="email_invalid", param="customer_email")
    if args["mode"] == "payment" and not args.get("line_items"):
        raise InvalidParams("Missing required param: line_items.", code="parameter_missing", param="line_items")
    if args["mode"] == "setup" and not (args.get("payment_method_types") or args.get("currency")):
        message = "`currency` is required in `setup` mode when `payment_method_types` is not set."
        raise InvalidParams(message, code="parameter_missing", param="currency")
    wrong = "payment_intent_data" if args["mode"] == "setup" else "setup_intent_data"
    if args.get(wrong):
        raise InvalidParams(f"You can not pass `{wrong}` in `{args['mode']}` mode.", param=wrong)
    if args.get("customer_update") and not args.get("customer"):
        raise InvalidParams("`customer_update` can only be used with `customer`.", param="customer_update")


def _expiry(world: World, args: Args) -> int:
    now = world.now()
    expires_at = args.get("expires_at") or now + LONGEST_SECONDS
    if expires_at < now + SHORTEST_SECONDS - TOLERANCE_SECONDS:
        message = "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."
        raise InvalidParams(message, param="expires_at")
    if expires_at > now + LONGEST_SECONDS + TOLERANCE_SECONDS:
        message = "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."
        raise InvalidParams(message, param="expires_at")
    return int(expires_at)


def _prepare_payment(body: Body, private: Body, args: Args) -> None:
    total = sum(item["amount_total"] for item in private["line_items"])
    if total < intents.SMALLEST_CENTS:
        message = "The Checkout Session's total amount due must add up to at least €0.50 eur"
        raise InvalidParams(message, code="amount_too_small")
    body.update(amount_subtotal=total, amount_total=total, currency="eur")
    body["total_details"] = {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0}
    body["customer_creation"] = args.get("customer_creation") or ("if_required" if not args.get("customer") else None)
    private["payment_intent_data"] = args.get("payment_intent_data") or {}


def _prepare_setup(world: World, session: Record) -> None:
    given = session.private["setup_intent_data"]
    body = objects.setup_intent()
    body.update(customer=session["customer"], description=given.get("description"))
    body["metadata"] = merged_metadata({}, given.get("metadata") or {})
    body["payment_method_types"] = session["payment_method_types"]
    intent = world.create(body, {"session": session.id})
    intent.body["client_secret"] = f"{intent.id}_secret_{world.store.new_id('', 24)}"
    world.store.save(intent)
    world.emit("setup_intent.created", intent)
    session.body.update(setup_intent=intent.id, payment_status="no_payment_required")


def customer_details(email: str | None, name: str | None) -> Body:
    return {
        "address": None,
        "business_name": None,
        "email": email,
        "individual_name": None,
        "name": name,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }


def retrieve(world: World, args: Args, session_id: str) -> Body:
    return world.need("checkout session", session_id).body


def list_line_items(world: World, args: Args, session_id: str) -> Body:
    return line_items(world, world.need("checkout session", session_id))


def listing(world: World, args: Args) -> Body:
    filters = {"customer": "customer", "payment_intent": "intent", "status": "label"}
    return page(world, "checkout.session", args, "/v1/checkout/sessions", filters)


def expire(world: World, args: Args, session_id: str) -> Body:
    """Ends an open session. A completed one is an error: then the payment won."""
    session = world.need("checkout session", session_id)
    if session["status"] != "open":
        message = (
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
        raise InvalidState(message)
    close(world, session)
    return session.body


def close(world: World, session: Record) -> None:
    """The session expires; an intent that a declined attempt left behind, or that saves a method, is cancelled too."""
    session.body.update(status="expired", url=None)
    world.store.save(session)
    world.store.drop_timer(session.id, "expire_session")
    if session["payment_intent"]:
        intent = world.need("payment_intent", session["payment_intent"])
        if intent["status"] in intents.CANCELABLE:
            intents.release(world, intent, "automatic")
    if session["setup_intent"]:
        _abandon_setup(world, world.need("setup_intent", session["setup_intent"]))
    world.emit("checkout.session.expired", session)


def _abandon_setup(world: World, intent: Record) -> None:
    intent.body.update(status="canceled", next_action=None, cancellation_reason="abandoned")
    world.store.save(intent)
    world.emit("setup_intent.canceled", intent)


ROUTES = [
    Route("POST", "/v1/checkout/sessions", create, CREATE, ("mode", "success_url")),
    Route(
        "GET",
        "/v1/checkout/sessions",
        listing,
        {
            **LISTING,
            "customer": text(),
            "payment_intent": text(),
            "status": one_of("open", "complete", "expired"),
            **EXPAND,
        },
    ),
    Route("GET", "/v1/checkout/sessions/<session_id>", retrieve, EXPAND),
    Route("GET", "/v1/checkout/sessions/<session_id>/line_items", list_line_items, {**LISTING, **EXPAND}),
    Route("POST", "/v1/checkout/sessions/<session_id>/expire", expire, EXPAND),
]
