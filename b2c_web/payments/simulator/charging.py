"""One payment attempt: what the bank says to a card or an account, and what that makes of the intent.

Every function expects to run inside `World.acting()`.
"""

from typing import Any

from . import mandates, objects
from .cards import ACCOUNTS, CARDS, Card, decline_error
from .errors import CardDeclined, InvalidState
from .storage import Record
from .world import World

Body = dict[str, Any]
# docs.stripe.com/payments/place-a-hold-on-a-payment-method: 7 days, for Visa without the customer 4 days 18 hours.
HOLD_SECONDS = 7 * 24 * 3600
HOLD_SECONDS_VISA_OFF_SESSION = (4 * 24 + 18) * 3600


def attempt(world: World, intent: Record, method: Record, *, off_session: bool, authenticated: bool = False) -> None:
    """Tries to pay. Afterwards the intent is succeeded, requires_capture, processing or requires_action.

    Raises `CardDeclined` when the bank refuses: the failed charge and the intent's new state are kept.
    """
    intent.body.update(payment_method=method.id, last_payment_error=None, next_action=None)
    if method["type"] == "sepa_debit":
        _start_debit(world, intent, method)
        return
    card = CARDS[method.private["behaviour"]]
    fault = world.faults.take("decline", world.origin.method, world.origin.path)
    if fault:
        decline(world, intent, method, fault.decline_code)
    if card.decline:
        decline(world, intent, method, card.decline[1])
    if _must_authenticate(card, method, off_session, authenticated):
        if off_session:
            decline(world, intent, method, "authentication_required")
        _ask_the_customer(world, intent)
        return
    _authorise(world, intent, method, off_session, authenticated)


def _must_authenticate(card: Card, method: Record, off_session: bool, authenticated: bool) -> bool:
    if authenticated or card.authentication == "never":
        return False
    return not (off_session and card.authentication == "unless_set_up" and method.private.get("set_up"))


def _ask_the_customer(world: World, intent: Record) -> None:
    url = f"{world.settings.public_url}/c/bank/{intent.id}"
    redirect = {"return_url": intent.private.get("return_url"), "url": url}
    intent.body.update(status="requires_action", next_action={"type": "redirect_to_url", "redirect_to_url": redirect})
    world.store.save(intent)
    world.emit("payment_intent.requires_action", intent)


def _authorise(world: World, intent: Record, method: Record, off_session: bool, authenticated: bool) -> None:
    manual = intent["capture_method"] == "manual"
    charge = _charge(world, intent, method, authenticated)
    charge.body["paid"] = True
    if manual:
        brief = off_session and method["card"]["brand"] == "visa"
        until = world.now() + (HOLD_SECONDS_VISA_OFF_SESSION if brief else HOLD_SECONDS)
        charge.body["payment_method_details"]["card"]["capture_before"] = until
        world.store.set_timer(intent.id, "lapse_authorisation", until)
        intent.body.update(status="requires_capture", amount_capturable=intent["amount"])
    else:
        book(world, charge, intent["amount"])
        intent.body.update(status="succeeded", amount_received=intent["amount"])
    intent.body["latest_charge"] = charge.id
    keep_method(world, intent, method)
    world.store.save(charge)
    world.store.save(intent)
    world.emit("charge.succeeded", charge)
    world.emit("payment_intent.amount_capturable_updated" if manual else "payment_intent.succeeded", intent)


def book(world: World, charge: Record, amount: int) -> None:
    """Money moves: the charge is captured."""
    charge.body.update(captured=True, amount_captured=amount, balance_transaction=world.store.new_id("txn_"))


def _charge(world: World, intent: Record, method: Record, authenticated: bool = False) -> Record:
    charge = world.create(objects.charge(intent.body, method.body))
    kind = method["type"]
    if kind == "card":
        details = objects.charged_card(method["card"], intent["amount"], authenticated)
    else:
        details = objects.charged_account(method["sepa_debit"]) | {"mandate": mandates.grant(world, method)}
    charge.body["payment_method_details"] = {kind: details, "type": kind}
    charge.body["refunds"]["url"] = f"/v1/charges/{charge.id}/refunds"
    charge.private["behaviour"] = method.private["behaviour"]
    return charge


def keep_method(world: World, intent: Record, method: Record) -> None:
    """With `setup_future_usage` the method is attached for later; otherwise an unattached one is used up."""
    if method["customer"]:
        return
    if intent["setup_future_usage"] and intent["customer"]:
        attach(world, method, intent["customer"])
        method.private["set_up"] = True
        if intent.private["session"]:
            method.body["allow_redisplay"] = "limited"  # may be offered again, when a later session asks for it
    else:
        method.private["used_up"] = True
    world.store.save(method)


def attach(world: World, method: Record, customer_id: str) -> None:
    method.body["customer"] = customer_id
    world.store.save(method)
    world.emit("payment_method.attached", method)


def decline(world: World, intent: Record, method: Record, decline_code: str) -> None:
    """Keeps the failed charge, puts the intent back to `requires_payment_method` and raises `CardDeclined`."""
    code, message = decline_error(decline_code)
    charge = _charge(world, intent, method)
    outcome = objects.outcome("issuer_declined", "declined_by_network", decline_code)
    charge.body.update(status="failed", failure_code=code, failure_message=message, outcome=outcome)
    world.store.save(charge)
    intent.body["latest_charge"] = charge.id
    error = CardDeclined(
        message, code=code, charge=charge.id, decline_code=decline_code, payment_method=dict(method.body)
    )
    fail(world, intent, dict(error.error))
    world.emit("charge.failed", charge)
    world.emit("payment_intent.payment_failed", intent)
    error.error["payment_intent"] = dict(intent.body)
    raise error


def fail(world: World, intent: Record, error: Body) -> None:
    intent.body.update(
        status="requires_payment_method", payment_method=None, next_action=None, last_payment_error=error
    )
    world.store.save(intent)


def refuse_authentication(world: World, intent: Record, method: Record) -> None:
    """The customer said no to their bank: no charge, the intent wants another method."""
    code = "payment_intent_authentication_failure"
    message = "The provided PaymentMethod has failed authentication. You can provide another one to try again."
    error = InvalidState(message, code=code, payment_method=dict(method.body)).error
    fail(world, intent, error)
    world.emit("payment_intent.payment_failed", intent)


def _start_debit(world: World, intent: Record, method: Record) -> None:
    if intent["capture_method"] == "manual":
        raise InvalidState(
            "The payment method type sepa_debit does not support manual capture.", param="capture_method"
        )
    if intent["currency"] != "eur":
        raise InvalidState("The currency provided is invalid for sepa_debit: it must be eur.", param="currency")
    charge = _charge(world, intent, method)
    charge.body["status"] = "pending"
    world.store.save(charge)
    intent.body.update(status="processing", latest_charge=charge.id)
    keep_method(world, intent, method)
    world.store.save(intent)
    world.store.set_timer(intent.id, "settle_debit", world.now() + world.settings.debit_seconds)
    world.emit("payment_intent.processing", intent)


def settle_debit(world: World, intent: Record) -> None:
    """The bank's answer to a SEPA debit, days later in the real world."""
    charge = world.need("charge", intent["latest_charge"])
    method = world.need("PaymentMethod", intent["payment_method"])
    if ACCOUNTS[charge.private["behaviour"]].succeeds:
        book(world, charge, intent["amount"])
        charge.body.update(status="succeeded", paid=True)
        intent.body.update(status="succeeded", amount_received=intent["amount"])
        world.store.save(intent)
    else:
        charge.body.update(status="failed", failure_code="generic_could_not_process")
        charge.body["failure_message"] = "The bank could not process this payment."
        charge.body["outcome"] = objects.outcome("issuer_declined", "declined_by_network")
        message = "The payment failed."
        code = "payment_intent_payment_attempt_failed"
        fail(world, intent, InvalidState(message, code=code, charge=charge.id, payment_method=dict(method.body)).error)
    world.store.save(charge)
    failed = charge["status"] == "failed"
    world.emit("charge.failed" if failed else "charge.succeeded", charge)
    world.emit("payment_intent.payment_failed" if failed else "payment_intent.succeeded", intent)
