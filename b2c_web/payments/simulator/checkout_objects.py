"""A Checkout Session with all its fields, and its line items."""

import copy
from typing import Any

Body = dict[str, Any]
TEXTS = ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")


BLANK: Body = {
    "id": "",
    "object": "checkout.session",
    "adaptive_pricing": {"enabled": False},
    "after_expiration": None,
    "allow_promotion_codes": None,
    "amount_subtotal": None,
    "amount_total": None,
    "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
    "billing_address_collection": None,
    "cancel_url": None,
    "client_reference_id": None,
    "client_secret": None,
    "collected_information": None,
    "consent": None,
    "consent_collection": None,
    "created": 0,
    "currency": None,
    "currency_conversion": None,
    "custom_fields": [],
    "custom_text": dict.fromkeys(TEXTS),
    "customer": None,
    "customer_account": None,
    "customer_creation": None,
    "customer_details": None,
    "customer_email": None,
    "discounts": None,
    "expires_at": 0,
    "integration_identifier": None,
    "invoice": None,
    "invoice_creation": None,
    "livemode": False,
    "locale": None,
    "managed_payments": None,
    "metadata": {},
    "mode": "payment",
    "origin_context": None,
    "payment_intent": None,
    "payment_link": None,
    "payment_method_collection": "if_required",
    "payment_method_configuration_details": None,
    "payment_method_options": {},
    "payment_method_types": ["card"],
    "payment_status": "unpaid",
    "permissions": None,
    "phone_number_collection": {"enabled": False},
    "recovered_from": None,
    "saved_payment_method_options": None,
    "setup_intent": None,
    "shipping_address_collection": None,
    "shipping_cost": None,
    "shipping_options": [],
    "status": "open",
    "submit_type": None,
    "subscription": None,
    "success_url": None,
    "total_details": None,
    "ui_mode": "hosted_page",
    "url": None,
    "wallet_options": None,
}


def blank_session() -> Body:
    return copy.deepcopy(BLANK)


def line_item(item_id: str, given: Body) -> Body:
    """A line of what is sold, from its `price_data` and `quantity`."""
    price = given["price_data"]
    unit = price.get("unit_amount")
    if unit is None:
        unit = price.get("unit_amount_decimal") or 0
    quantity = given.get("quantity") or 1
    return {
        "id": item_id,
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": unit * quantity,
        "amount_tax": 0,
        "amount_total": unit * quantity,
        "currency": price["currency"],
        "description": price["product_data"]["name"],
        "metadata": {},
        "price": None,
        "quantity": quantity,
    }
