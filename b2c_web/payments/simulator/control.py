"""The control API below /_simulator/: how a test makes the provider misbehave. The package documents it."""

import hmac
import json
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from . import deliveries, disputes, mandates, objects, paying, timers
from .cards import ACCOUNTS, CARDS, Entry, EntryError, account_details, account_entry, card_entry, named_card
from .charging import attach
from .customers import living, new_method
from .errors import ApiError
from .faults import Fault, WebhookRule
from .webhooks import Postman
from .world import Origin, World

Body = dict[str, Any]
LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
SETTINGS = {"webhook_url": str, "webhook_secret": str, "debit_seconds": int, "retry_seconds": float}


class Refused(Exception):
    """An answer of the control API that is not a success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    def __init__(self, world: World, postman: Postman) -> None:
        self._world = world
        self._postman = postman
        rules: list[tuple[str, str, Callable[..., Body]]] = [
            ("GET", "/_simulator/", self.state),
            ("POST", "/_simulator/reset", self.reset),
            ("POST", "/_simulator/clock", self.clock),
            ("POST", "/_simulator/settings", self.settings),
            ("POST", "/_simulator/faults", self.add_fault),
            ("DELETE", "/_simulator/faults", self.clear_faults),
            ("POST", "/_simulator/webhooks", self.add_rule),
            ("DELETE", "/_simulator/webhooks", self.clear_rules),
            ("POST", "/_simulator/webhooks/flush", self.flush),
            ("GET", "/_simulator/deliveries", self.list_deliveries),
            ("POST", "/_simulator/events/<event_id>/delivery", self.deliver_again),
            ("POST", "/_simulator/sessions/<session_id>/pay", self.pay),
            ("POST", "/_simulator/payment_methods", self.save_method),
            ("POST", "/_simulator/payment_intents/<intent_id>/dispute", self.dispute),
        ]
        self._map = Map([Rule(rule, methods=[method], endpoint=call) for method, rule, call in rules])

    def respond(self, request: Request) -> Response:
        try:
            self._admit(request)
            call, ids = self._map.bind("", path_info=request.path).match(method=request.method)
            body, status = call(_json(request), **ids), 200
        except Refused as refused:
            body, status = {"error": str(refused)}, refused.status
        except EntryError as mistake:
            body, status = {"error": mistake.code, "field": mistake.field}, 422
        except ApiError as error:
            body, status = error.body, error.status
        except HTTPException as unknown:
            body, status = {"error": unknown.name}, unknown.code or 404
        return Response(json.dumps(body), status, content_type="application/json")

    def _admit(self, request: Request) -> None:
        given, token = request.headers.get("X-Simulator-Token", ""), self._world.settings.control_token
        if request.remote_addr not in LOOPBACK and not (token and hmac.compare_digest(given, token)):
            raise Refused(403, "The control API is open to this machine only, or with the header X-Simulator-Token.")
        # A page of another site cannot send this content type without asking first.
        if request.method == "POST" and request.mimetype != "application/json":
            raise Refused(415, "Send JSON, with the content type application/json.")

    def state(self, given: Body) -> Body:
        kinds = self._world.store.rows("SELECT kind, count(*) FROM objects GROUP BY kind")
        return {
            "ready": True,
            "now": self._world.now(),
            "clock_offset": self._world.clock.offset,
            "objects": dict(kinds),
            "open_deliveries": deliveries.open_count(self._world),
            "faults": self._world.faults.listed(),
            "webhook_rules": self._world.rules.listed(),
            "webhook_url": self._world.settings.webhook_url,
        }

    def reset(self, given: Body) -> Body:
        """Forgets everything: objects, keys, deliveries, faults, rules, and the clock's offset."""
        with self._world.acting():
            self._world.store.clear()
            self._world.clock.offset = 0
            self._world.rules.clear()
        self._world.faults.clear()
        return {}

    def clock(self, given: Body) -> Body:
        seconds = given.get("advance_seconds")
        if not isinstance(seconds, int) or seconds < 0:
            raise Refused(422, "advance_seconds: a whole number of seconds, not negative")
        with self._world.acting():
            self._world.clock.advance(seconds)
        return {"now": self._world.now(), "timers_run": timers.run_due(self._world)}

    def settings(self, given: Body) -> Body:
        for name, value in given.items():
            if name not in SETTINGS:
                raise Refused(422, f"Unknown setting {name}: one of {', '.join(SETTINGS)}")
            setattr(self._world.settings, name, None if value is None else SETTINGS[name](value))
        return {}

    def add_fault(self, given: Body) -> Body:
        self._world.faults.add(_made(Fault, given, ("delay", "drop", "error", "decline")))
        return {"faults": self._world.faults.listed()}

    def clear_faults(self, given: Body) -> Body:
        self._world.faults.clear()
        return {}

    def add_rule(self, given: Body) -> Body:
        rule = _made(WebhookRule, given, ("twice", "late", "out_of_order", "never"))
        if rule.kind == "out_of_order" and not rule.times:
            raise Refused(422, "out_of_order needs times: how many events to turn round")
        with self._world.acting():
            rule.batch = self._world.store.new_id("batch_", 12)
            self._world.rules.add(rule)
        return {"webhook_rules": self._world.rules.listed()}

    def clear_rules(self, given: Body) -> Body:
        with self._world.acting():
            self._world.rules.clear()
        return {}

    def flush(self, given: Body) -> Body:
        return {"open": self._postman.flush(withheld=bool(given.get("withheld", True)))}

    def list_deliveries(self, given: Body) -> Body:
        return {"deliveries": deliveries.listed(self._world)}

    def deliver_again(self, given: Body, event_id: str) -> Body:
        event = self._world.lookup(event_id)
        if event is None or event["object"] != "event":
            raise Refused(404, "No such event")
        with self._world.acting():
            deliveries.owe_again(self._world, event_id)
        self._world.wake.set()
        return {}

    def pay(self, given: Body, session_id: str) -> Body:
        """Pays as the customer would on the hosted page, the bank's question included."""
        timers.run_due(self._world)
        origin = Origin(method="POST", path=f"/c/pay/{session_id}")
        with self._world.acting(origin):
            session = self._world.lookup(session_id)
            if session is None or session["object"] != "checkout.session":
                raise Refused(404, "No such session")
            entry = _entry(given, self._world.now())
            try:
                outcome = paying.pay(
                    self._world, session, entry, given.get("email", "demo@example.com"), given.get("name", "Demo")
                )
                if outcome.kind == "requires_action" and "confirm" in given:
                    intent = self._world.lookup(session["payment_intent"] or session["setup_intent"])
                    outcome = paying.answer_bank(self._world, intent, bool(given["confirm"])) if intent else outcome
            except paying.SessionClosed as closed:
                raise Refused(409, f"The session is {closed}.") from None
        body = self._world.lookup(session_id)
        answer = {"outcome": outcome.kind, "url": outcome.url, "decline_code": outcome.decline_code}
        return {**answer, "session": body.body if body else None}

    def save_method(self, given: Body) -> Body:
        """A payment method attached to `customer` as if it had been set up on the hosted page."""
        with self._world.acting():
            customer = living(self._world, str(given.get("customer")))
            billing = objects.billing_details(customer["email"], customer["name"])
            method = new_method(self._world, _entry(given, self._world.now()), billing)
            method.private["set_up"] = True
            if method["type"] == "sepa_debit":
                mandates.grant(self._world, method)
            attach(self._world, method, customer.id)
        return method.body

    def dispute(self, given: Body, intent_id: str) -> Body:
        """The customer's bank takes the money back."""
        with self._world.acting():
            return disputes.open_on(self._world, self._world.need("payment_intent", intent_id)).body


def _json(request: Request) -> Body:
    text = request.get_data(as_text=True)
    if not text:
        return {}
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise Refused(400, f"Not JSON: {error}") from None
    if not isinstance(body, dict):
        raise Refused(400, "Send a JSON object.")
    return body


def _made(cls: type[Any], given: Body, kinds: tuple[str, ...]) -> Any:
    if given.get("kind") not in kinds:
        raise Refused(422, f"kind: one of {', '.join(kinds)}")
    try:
        return cls(**given)
    except TypeError as error:
        raise Refused(422, str(error)) from None


def _entry(given: Body, now: int) -> Entry:
    """`card` or `account`: a name of cards.py; else `number` or `iban` as typed."""
    if given.get("account") in ACCOUNTS:
        account = ACCOUNTS[given["account"]]
        return Entry("sepa_debit", account.name, account_details(account))
    if given.get("card", "visa") in CARDS and not given.get("number") and not given.get("iban"):
        return named_card(given.get("card", "visa"), now)
    if given.get("iban"):
        return account_entry(given["iban"])
    return card_entry(str(given.get("number")), given.get("expiry", "12/40"), given.get("cvc", "123"), now)
