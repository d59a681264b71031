"""The customer pays (or saves a card) on the hosted page: what a session becomes."""

from dataclasses import dataclass
from typing import Any, Literal

from . import charging, mandates, objects
from .cards import CARDS, Entry, decline_error
from .checkout import customer_details
from .customers import new_method
from .errors import CardDeclined, InvalidState
from .intents import new_intent
from .storage import Record
from .world import World

Body = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """`url`: where the customer goes next. `decline_code`: the bank's reason, only of a declined attempt."""

    kind: Literal["complete", "requires_action", "declined"]
    url: str | None = None
    decline_code: str | None = None


class SessionClosed(Exception):
    """Somebody paid already, or the session expired."""


def offered(world: World, session: Record) -> list[Record]:
    """The customer's saved methods that the session's filters let the page show, newest first."""
    options = session["saved_payment_method_options"]
    if session["mode"] != "payment" or not session["customer"] or not options:
        return []
    saved = world.store.select("payment_method", " AND customer = ?", (session["customer"],), "ORDER BY seq DESC")
    shown, types = options["allow_redisplay_filters"], session["payment_method_types"]
    return [method for method in saved if method["allow_redisplay"] in shown and method["type"] in types]


def pay(world: World, session: Record, choice: Entry | Record, email: str, name: str) -> Outcome:
    """One attempt with what was typed, or with a saved method. Raises `SessionClosed` when it is not open any more."""
    if session["status"] != "open":
        raise SessionClosed(session["status"])
    if isinstance(choice, Record):
        method = choice
    else:
        method = new_method(world, choice, objects.billing_details(email or None, name or None))
    session.private.update(typed={"email": email, "name": name}, problem=None)
    world.store.save(session)
    if session["mode"] == "setup":
        return _save_method(world, session, method)
    intent = _intent_of(world, session)
    try:
        charging.attempt(world, intent, method, off_session=False)
    except CardDeclined as declined:
        return Outcome("declined", decline_code=declined.error["decline_code"])
    return _after_attempt(world, session, intent)


def _after_attempt(world: World, session: Record, intent: Record) -> Outcome:
    if intent["status"] == "requires_action":
        world.store.save(session)
        return Outcome("requires_action", url=intent["next_action"]["redirect_to_url"]["url"])
    complete(world, session, "unpaid" if intent["status"] == "processing" else "paid")
    return Outcome("complete", url=return_url(session))


def _intent_of(world: World, session: Record) -> Record:
    """The session's intent: made when the customer pays for the first time, kept when a card was declined."""
    if session["payment_intent"]:
        return world.need("payment_intent", session["payment_intent"])
    given = session.private["payment_intent_data"]
    if not session["customer"] and (given.get("setup_future_usage") or session["customer_creation"] == "always"):
        _make_customer(world, session)
    facts = {"amount": session["amount_total"], "currency": session["currency"], "customer": session["customer"]}
    types = {"payment_method_types": session["payment_method_types"]}
    intent = new_intent(world, {**given, **facts, **types}, session.id)
    session.body["payment_intent"] = intent.id
    world.store.save(session)
    return intent


def _make_customer(world: World, session: Record) -> None:
    typed = session.private["typed"]
    body = objects.customer()
    body.update(email=typed["email"] or None, name=typed["name"] or None)
    customer = world.create(body)
    world.emit("customer.created", customer)
    session.body["customer"] = customer.id


def complete(world: World, session: Record, payment_status: str) -> None:
    """The session is complete; the customer's own record learns what was typed, when the session says so."""
    typed = session.private.get("typed") or {}
    known = session["customer_details"] or {}
    details = customer_details(typed.get("email") or known.get("email"), typed.get("name") or known.get("name"))
    nothing = {"business_name": None, "individual_name": None, "shipping_details": None}
    session.body.update(status="complete", payment_status=payment_status, url=None)
    session.body.update(customer_details=details, collected_information=nothing)
    world.store.save(session)
    world.store.drop_timer(session.id, "expire_session")
    if session.private["customer_update"].get("name") == "auto" and session["customer"] and typed.get("name"):
        customer = world.need("customer", session["customer"])
        if customer["name"] != typed["name"]:
            customer.body["name"] = typed["name"]
            world.store.save(customer)
            world.emit("customer.updated", customer)
    world.emit("checkout.session.completed", session)


def settled(world: World, intent: Record) -> None:
    """A SEPA debit was answered: the completed session that started it learns so."""
    if not intent.private["session"]:
        return
    session = world.need("checkout session", intent.private["session"])
    if intent["status"] == "succeeded":
        session.body["payment_status"] = "paid"
        world.store.save(session)
        world.emit("checkout.session.async_payment_succeeded", session)
    else:
        world.emit("checkout.session.async_payment_failed", session)


def _save_method(world: World, session: Record, method: Record) -> Outcome:
    """Setup mode: nothing is charged. A card may ask its customer first; one that cannot be saved is declined."""
    intent = world.need("setup_intent", session["setup_intent"])
    card = CARDS.get(method.private["behaviour"])
    if card and card.decline and not card.attaches:
        code, message = decline_error(card.decline[1])
        declined = CardDeclined(message, code=code, decline_code=card.decline[1], payment_method=dict(method.body))
        intent.body["last_setup_error"] = declined.error
        world.store.save(intent)
        world.emit("setup_intent.setup_failed", intent)
        return Outcome("declined", decline_code=card.decline[1])
    intent.body["payment_method"] = method.id
    if card and card.authentication != "never":
        url = f"{world.settings.public_url}/c/bank/{intent.id}"
        action = {"type": "redirect_to_url", "redirect_to_url": {"return_url": None, "url": url}}
        intent.body.update(status="requires_action", next_action=action)
        world.store.save(intent)
        world.store.save(session)
        return Outcome("requires_action", url=url)
    return _finish_setup(world, session, intent, method)


def _finish_setup(world: World, session: Record, intent: Record, method: Record) -> Outcome:
    if session["customer"] and not method["customer"]:
        charging.attach(world, method, session["customer"])
    method.private["set_up"] = True
    world.store.save(method)
    intent.body.update(status="succeeded", next_action=None, last_setup_error=None)
    if method["type"] == "sepa_debit":
        intent.body["mandate"] = mandates.grant(world, method)
    world.store.save(intent)
    world.emit("setup_intent.succeeded", intent)
    complete(world, session, "no_payment_required")
    return Outcome("complete", url=return_url(session))


def answer_bank(world: World, intent: Record, agreed: bool) -> Outcome:
    """The customer confirms or refuses on the bank's page. Raises `SessionClosed` when nothing waits for it."""
    session = world.lookup(intent.private.get("session"))
    if intent["status"] != "requires_action" or (session and session["status"] != "open"):
        raise SessionClosed(session["status"] if session else intent["status"])
    method = world.need("PaymentMethod", intent["payment_method"])
    if not agreed:
        _refused_at_bank(world, intent, method)
        return _back_to_the_form(world, session, intent, "authentication_refused")
    if session and intent["object"] == "setup_intent":
        return _finish_setup(world, session, intent, method)
    try:
        charging.attempt(world, intent, method, off_session=False, authenticated=True)
    except CardDeclined as declined:
        return _back_to_the_form(world, session, intent, declined.error["decline_code"])
    if session:
        return _after_attempt(world, session, intent)
    return Outcome("complete", url=intent.private.get("return_url"))


def _back_to_the_form(world: World, session: Record | None, intent: Record, decline_code: str) -> Outcome:
    if session is None:
        return Outcome("declined", url=intent.private.get("return_url"), decline_code=decline_code)
    session.private["problem"] = decline_code
    world.store.save(session)
    return Outcome("declined", url=f"/c/pay/{session.id}", decline_code=decline_code)


def _refused_at_bank(world: World, intent: Record, method: Record) -> None:
    if intent["object"] == "payment_intent":
        charging.refuse_authentication(world, intent, method)
        return
    code = "setup_intent_authentication_failure"
    error = InvalidState("The latest attempt to set up the payment method has failed.", code=code).error
    changed = {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    intent.body.update(changed, last_setup_error=error)
    world.store.save(intent)
    world.emit("setup_intent.setup_failed", intent)


def return_url(session: Record) -> str:
    return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session.id)
