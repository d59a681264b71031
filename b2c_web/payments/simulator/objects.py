"""The provider's objects with all their fields, as they are when nothing is set. `World.create` gives ids and times.

The contract test holds them to the shapes of the provider's own examples.
"""

from typing import Any

Body = dict[str, Any]


def address(given: Body | None = None) -> Body:
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: (given or {}).get(name) for name in names}


def billing_details(email: str | None = None, name: str | None = None) -> Body:
    return {"address": address(), "email": email, "name": name, "phone": None, "tax_id": None}


def customer() -> Body:
    return {
        "id": "",
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": 0,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": None,
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def payment_method(kind: str, details: Body, billing: Body) -> Body:
    return {
        "id": "",
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing,
        kind: details,
        "created": 0,
        "customer": None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": kind,
    }


UNSET_OF_INTENT = (
    "application",
    "application_fee_amount",
    "automatic_payment_methods",
    "canceled_at",
    "cancellation_reason",
    "client_secret",
    "customer",
    "customer_account",
    "description",
    "excluded_payment_method_types",
    "last_payment_error",
    "latest_charge",
    "managed_payments",
    "next_action",
    "on_behalf_of",
    "payment_method",
    "payment_method_configuration_details",
    "processing",
    "receipt_email",
    "review",
    "setup_future_usage",
    "shipping",
    "source",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_data",
    "transfer_group",
)


def payment_intent(amount: int, currency: str) -> Body:
    return {
        **dict.fromkeys(UNSET_OF_INTENT),
        "id": "",
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "created": 0,
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    }


def setup_intent() -> Body:
    return {
        "id": "",
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": None,
        "created": 0,
        "customer": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }


UNSET_OF_CHARGE = (
    "application",
    "application_fee",
    "application_fee_amount",
    "balance_transaction",
    "calculated_statement_descriptor",
    "failure_balance_transaction",
    "failure_code",
    "failure_message",
    "on_behalf_of",
    "payment_method_details",
    "receipt_number",
    "receipt_url",
    "review",
    "shipping",
    "source",
    "source_transfer",
    "transfer_data",
)


def charge(intent: Body, method: Body) -> Body:
    return {
        **dict.fromkeys(UNSET_OF_CHARGE),
        "id": "",
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": 0,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "captured": False,
        "created": 0,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(intent["metadata"]),
        "outcome": outcome("authorized", "approved_by_network"),
        "paid": False,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "refunds": {"object": "list", "data": [], "has_more": False, "url": ""},
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded",
        "transfer_group": intent["transfer_group"],
    }


def charged_card(card: Body, amount: int, authenticated: bool) -> Body:
    """`payment_method_details.card` of a charge, from the card of its payment method."""
    secure = {
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "exemption_indicator": None,
        "result": "authenticated",
        "result_reason": None,
        "transaction_id": None,
        "version": "2.2.0",
    }
    shown = (
        "brand",
        "checks",
        "country",
        "exp_month",
        "exp_year",
        "fingerprint",
        "funding",
        "last4",
        "regulated_status",
    )
    return {
        **{name: card[name] for name in shown},
        "amount_authorized": amount,
        "authorization_code": None,
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": {"status": "unavailable"},
        "installments": None,
        "mandate": None,
        "multicapture": {"status": "unavailable"},
        "network": card["brand"],
        "network_token": {"used": False},
        "network_transaction_id": None,
        "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
        "three_d_secure": secure if authenticated else None,
        "transaction_link_id": None,
        "wallet": None,
    }


def charged_account(account: Body) -> Body:
    """`payment_method_details.sepa_debit` of a charge."""
    shown = ("bank_code", "branch_code", "country", "fingerprint", "last4")
    return {**{name: account[name] for name in shown}, "expected_debit_date": None, "mandate": None}


def outcome(kind: str, network_status: str, reason: str | None = None) -> Body:
    messages = {
        "authorized": "Payment complete.",
        "issuer_declined": "The bank did not return any further details.",
    }
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": network_status,
        "reason": reason,
        "seller_message": messages.get(kind),
        "type": kind,
    }


def refund(charge: Body, amount: int) -> Body:
    return {
        "id": "",
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": 0,
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": None,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def event(event_type: str, body: Body, api_version: str, request_id: str | None, key: str | None) -> Body:
    return {
        "id": "",
        "object": "event",
        "api_version": api_version,
        "created": 0,
        "data": {"object": body},
        "livemode": False,
        "pending_webhooks": 0,
        "request": {"id": request_id, "idempotency_key": key},
        "type": event_type,
    }


def listing(data: list[Body], has_more: bool, url: str) -> Body:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}
