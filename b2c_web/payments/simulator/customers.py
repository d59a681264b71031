"""Customers and their payment methods."""

import re
from typing import Any

from . import objects
from .cards import CARDS, TOKENS, Entry, named_card
from .charging import attach as attach_method
from .errors import CardDeclined, InvalidParams, InvalidState
from .listing import page
from .params import (
    ADDRESS,
    EXPAND,
    LISTING,
    Spec,
    fields,
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
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

CUSTOMER: Spec = {
    "address": ADDRESS,
    "description": text(),
    "email": text(512),
    "invoice_settings": fields({"default_payment_method": text()}),
    "metadata": metadata,
    "name": text(256),
    "phone": text(20),
    "preferred_locales": items(text()),
    "shipping": fields({"address": ADDRESS, "name": text(), "phone": text()}),
    "tax_exempt": one_of("none", "exempt", "reverse"),
    **EXPAND,
}
BILLING = fields({"address": ADDRESS, "email": text(), "name": text(), "phone": text(), "tax_id": text()})
METHOD: Spec = {
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "billing_details": BILLING,
    "card": fields({"exp_month": integer, "exp_year": integer}),
    "metadata": metadata,
    **EXPAND,
}
METHOD_TYPE = one_of("card", "sepa_debit")


def create(world: World, args: Args) -> Body:
    method_id = args.pop("payment_method", None)
    body = objects.customer()
    body["invoice_prefix"] = world.store.new_id("", 8).upper()
    _write(body, args)
    customer = world.create(body)
    world.emit("customer.created", customer)
    if method_id:
        _attach(world, usable_method(world, method_id), customer.id)
    return customer.body


def _write(body: Body, args: Args) -> None:
    if args.get("email") and not MAIL.fullmatch(args["email"]):
        raise InvalidParams(f"Invalid email address: {args['email']}", code="email_invalid", param="email")
    for name, value in args.items():
        if name == "metadata":
            body["metadata"] = merged_metadata(body["metadata"], value)
        elif name == "address":
            body["address"] = objects.address(value) if value else None
        elif name == "invoice_settings":
            body["invoice_settings"].update(value or {})
        elif name == "preferred_locales":
            body[name] = value or []
        elif name != "expand":
            body[name] = value


def retrieve(world: World, args: Args, customer_id: str) -> Body:
    return world.need("customer", customer_id).body


def update(world: World, args: Args, customer_id: str) -> Body:
    customer = living(world, customer_id)
    default = (args.get("invoice_settings") or {}).get("default_payment_method")
    if default and world.need("PaymentMethod", default)["customer"] != customer.id:
        raise InvalidState("The payment method must be attached to the customer first.", param="invoice_settings")
    _write(customer.body, args)
    world.store.save(customer)
    world.emit("customer.updated", customer)
    return customer.body


def delete(world: World, args: Args, customer_id: str) -> Body:
    """What remains is `{id, object, deleted}`; the payment methods are detached for good."""
    customer = living(world, customer_id)
    world.emit("customer.deleted", customer)
    for method in world.store.select("payment_method", " AND customer = ?", (customer_id,)):
        _unlink(world, method)
    customer.body = {"id": customer_id, "object": "customer", "deleted": True}
    world.store.save(customer)
    return customer.body


def listing(world: World, args: Args) -> Body:
    return page(world, "customer", args, "/v1/customers", {"email": "$.email"})


def living(world: World, customer_id: str, param: str = "id") -> Record:
    """The customer, or the provider's error when it does not exist or was deleted."""
    customer = world.need("customer", customer_id, param)
    if customer.body.get("deleted"):
        raise InvalidState(f"No such customer: '{customer_id}'", code="resource_missing", param=param)
    return customer


def new_method(world: World, entry: Entry, billing: Body) -> Record:
    """A payment method from what was typed on the hosted page, attached to nobody."""
    body = objects.payment_method(entry.kind, dict(entry.details), billing)
    return world.create(body, {"behaviour": entry.behaviour})


def usable_method(world: World, method_id: str) -> Record:
    """The payment method, or a new one for a ready-made test token (`pm_card_visa`)."""
    if method_id in TOKENS:
        return new_method(world, named_card(TOKENS[method_id], world.now()), objects.billing_details())
    method = world.need("PaymentMethod", method_id, "payment_method")
    if method.private.get("used_up"):
        message = (
            "The provided PaymentMethod was previously used without being attached to a Customer, or was detached "
            "from one. It may not be used again. Attach a PaymentMethod to a Customer first to use it several times."
        )
        raise InvalidState(message, param="payment_method")
    return method


def _attach(world: World, method: Record, customer_id: str) -> None:
    if method["customer"]:
        raise InvalidState("The payment method you provided has already been attached to a customer.")
    behaviour = method.private["behaviour"]
    card = CARDS.get(behaviour)
    if card and card.decline and not card.attaches:
        reason = card.decline[1]
        raise CardDeclined("Your card was declined.", code=card.decline[0], decline_code=reason)
    attach_method(world, method, customer_id)


def _unlink(world: World, method: Record) -> None:
    method.body["customer"] = None
    method.private["used_up"] = True
    world.store.save(method)


def retrieve_method(world: World, args: Args, method_id: str, customer_id: str | None = None) -> Body:
    method = world.need("PaymentMethod", method_id)
    if customer_id and method["customer"] != customer_id:
        raise InvalidState(f"No such PaymentMethod: '{method_id}' of this customer", code="resource_missing")
    return method.body


def list_methods(world: World, args: Args, customer_id: str | None = None) -> Body:
    if customer_id:
        living(world, customer_id, "customer")
        args["customer"] = customer_id
    if not args.get("customer"):
        message = "The `customer` parameter is needed: payment methods of nobody cannot be listed."
        raise InvalidParams(message, code="parameter_missing", param="customer")
    url = f"/v1/customers/{customer_id}/payment_methods" if customer_id else "/v1/payment_methods"
    return page(world, "payment_method", args, url, {"customer": "customer", "type": "label"})


def attach(world: World, args: Args, method_id: str) -> Body:
    customer = living(world, args["customer"], "customer")
    method = usable_method(world, method_id)
    _attach(world, method, customer.id)
    return method.body


def detach(world: World, args: Args, method_id: str) -> Body:
    """A detached method can never be used again; it stops being the customer's default."""
    method = world.need("PaymentMethod", method_id)
    if not method["customer"]:
        raise InvalidState("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = world.need("customer", method["customer"])
    _unlink(world, method)
    if customer["invoice_settings"]["default_payment_method"] == method.id:
        customer["invoice_settings"]["default_payment_method"] = None
        world.store.save(customer)
        world.emit("customer.updated", customer)
    world.emit("payment_method.detached", method)
    return method.body


def update_method(world: World, args: Args, method_id: str) -> Body:
    method = world.need("PaymentMethod", method_id)
    if not method["customer"]:
        raise InvalidState("You must save this PaymentMethod to a customer before you can update it.")
    billing = args.get("billing_details") or {}
    if "address" in billing:
        billing["address"] = objects.address(billing["address"])
    method["billing_details"].update(billing)
    if args.get("card"):
        method["card"].update(args["card"])
    if args.get("allow_redisplay"):
        method.body["allow_redisplay"] = args["allow_redisplay"]
    if "metadata" in args:
        method.body["metadata"] = merged_metadata(method["metadata"], args["metadata"])
    world.store.save(method)
    world.emit("payment_method.updated", method)
    return method.body


METHOD_LISTING: Spec = {**LISTING, "type": METHOD_TYPE, **EXPAND}
ROUTES = [
    Route("POST", "/v1/customers", create, {**CUSTOMER, "payment_method": text()}),
    Route("GET", "/v1/customers", listing, {**LISTING, "email": text(), **EXPAND}),
    Route("GET", "/v1/customers/<customer_id>", retrieve, EXPAND),
    Route("POST", "/v1/customers/<customer_id>", update, CUSTOMER),
    Route("DELETE", "/v1/customers/<customer_id>", delete),
    Route("GET", "/v1/customers/<customer_id>/payment_methods", list_methods, METHOD_LISTING),
    Route("GET", "/v1/customers/<customer_id>/payment_methods/<method_id>", retrieve_method, EXPAND),
    Route("GET", "/v1/payment_methods", list_methods, {**METHOD_LISTING, "customer": text()}),
    Route("GET", "/v1/payment_methods/<method_id>", retrieve_method, EXPAND),
    Route("POST", "/v1/payment_methods/<method_id>", update_method, METHOD),
    Route("POST", "/v1/payment_methods/<method_id>/attach", attach, {"customer": text(), **EXPAND}, ("customer",)),
    Route("POST", "/v1/payment_methods/<method_id>/detach", detach, EXPAND),
]
