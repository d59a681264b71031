"""The API under /v1: authorisation, routing, parameters, idempotency, errors."""

import base64
import binascii
import hashlib
import json
import threading
import time
from dataclasses import dataclass
from typing import Any

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from . import checkout, customers, disputes, events, intents, mandates, refunds, timers
from .errors import ApiError, KeyInUse, KeyMismatch, Unauthorized, UnknownRoute
from .faults import Fault
from .listing import expand
from .params import checked, parse_form
from .routing import Route
from .world import API_VERSION, Origin, World

Body = dict[str, Any]
ROUTES: list[Route] = [
    *checkout.ROUTES,
    *customers.ROUTES,
    *intents.ROUTES,
    *mandates.ROUTES,
    *refunds.ROUTES,
    *disputes.ROUTES,
    *events.ROUTES,
]
KEY_SECONDS = 24 * 3600


class Drop(Exception):
    """Told by a fault: close the connection without an answer."""


@dataclass(frozen=True)
class Call:
    """A request that was understood so far."""

    route: Route
    ids: dict[str, str]
    tree: Body
    origin: Origin

    @property
    def endpoint(self) -> str:
        return f"{self.origin.method} {self.origin.path}"

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps(self.tree, sort_keys=True).encode()).hexdigest()


@dataclass
class Answer:
    status: int
    body: str
    replayed_from: str | None = None
    should_retry: bool | None = None


class Api:
    def __init__(self, world: World) -> None:
        self._world = world
        self._map = Map(
            [Rule(route.rule, methods=[route.method], endpoint=route) for route in ROUTES], strict_slashes=False
        )
        self._running: set[str] = set()
        self._lock = threading.Lock()

    def respond(self, request: Request) -> Response:
        """Answers a request in the provider's shape. Raises `Drop` after acting when a fault says so."""
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        origin = Origin(self._world.store.new_id("req_", 14), key, request.method, request.path)
        drop = self._world.faults.take("drop", origin.method, origin.path)  # not one that is told while it is delayed
        try:
            answer = self._answer(request, origin)
        except ApiError as error:
            answer = _error_answer(error)
        if drop:
            raise Drop
        return _response(answer, origin, request.headers.get("Stripe-Version"))

    def _answer(self, request: Request, origin: Origin) -> Answer:
        form = request.get_data(as_text=True)
        _authorise(request.headers.get("Authorization", ""))
        call = self._understand(request, form, origin)
        if origin.key is None:
            return self._slowly(call)
        with self._lock:
            if origin.key in self._running:
                raise KeyInUse(origin.key)
            self._running.add(origin.key)
        try:
            return self._replayed(call, origin.key) or self._slowly(call)
        finally:
            with self._lock:
                self._running.discard(origin.key)

    def _understand(self, request: Request, form: str, origin: Origin) -> Call:
        try:
            route, ids = self._map.bind("", path_info=request.path).match(method=request.method)
        except HTTPException:
            raise UnknownRoute(request.method, request.path) from None
        query = request.query_string.decode()
        return Call(route, dict(ids), parse_form(form if request.method == "POST" else query), origin)

    def _slowly(self, call: Call) -> Answer:
        """Runs the call at the end or at the beginning of the delay that a fault asks for."""
        fault = self._world.faults.take("delay", call.origin.method, call.origin.path) or Fault("delay")
        time.sleep(fault.milliseconds / 1000 if fault.when == "before" else 0)
        answer = self._run(call)
        time.sleep(fault.milliseconds / 1000 if fault.when == "after" else 0)
        return answer

    def _run(self, call: Call) -> Answer:
        timers.run_due(self._world)
        args = checked(call.tree, call.route.spec, call.route.required)
        try:
            return self._execute(call, args)
        except ApiError as error:
            answer = _error_answer(error)
            if error.stored and call.origin.key:
                with self._world.store.transaction():
                    self._remember(call, answer)
            return answer

    def _execute(self, call: Call, args: Body) -> Answer:
        fault = self._world.faults.take("error", call.origin.method, call.origin.path)
        if fault:
            raise fault.error()
        if call.route.method == "GET":
            return Answer(200, self._rendered(call, args))
        with self._world.acting(call.origin):
            try:
                answer = Answer(200, self._rendered(call, args))
            except ApiError as error:
                if not error.commits:
                    raise
                answer = _error_answer(error)
            if call.origin.key:
                self._remember(call, answer)
        return answer

    def _rendered(self, call: Call, args: Body) -> str:
        paths = args.pop("expand", None) or []
        body = call.route.handler(self._world, args, **call.ids)
        return json.dumps(expand(self._world, body, paths) if paths else body)

    def _replayed(self, call: Call, key: str) -> Answer | None:
        sql = "SELECT endpoint, digest, status, body, request_id, created FROM answers WHERE key = ?"
        found = self._world.store.rows(sql, (key,))
        if not found or self._world.now() - found[0][5] >= KEY_SECONDS:
            return None
        endpoint, digest, status, body, request_id, _ = found[0]
        if endpoint != call.endpoint:
            same = f"for the same endpoint they were first used for ('{call.endpoint}' vs '{endpoint}')"
        elif digest != call.digest:
            same = "with the same parameters they were first used with"
        else:
            return Answer(status, body, replayed_from=request_id, should_retry=False if status >= 500 else None)
        hint = f"Try using a key other than '{key}' if you meant to execute a different request."
        raise KeyMismatch(f"Keys for idempotent requests can only be used {same}. {hint}")

    def _remember(self, call: Call, answer: Answer) -> None:
        origin = call.origin
        values = (
            origin.key,
            call.endpoint,
            call.digest,
            answer.status,
            answer.body,
            origin.request_id,
            self._world.now(),
        )
        self._world.store.write("INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", values)


def _authorise(header: str) -> None:
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            value = ""
    if not value:
        raise Unauthorized(
            "You did not provide an API key. Use it as a bearer token: 'Authorization: Bearer sk_test_...'."
        )
    if not value.startswith("sk_test_"):
        raise Unauthorized("Invalid API Key provided: the simulator only takes test keys (sk_test_...).")


def _error_answer(error: ApiError) -> Answer:
    return Answer(error.status, json.dumps(error.body), should_retry=error.should_retry)


def _response(answer: Answer, origin: Origin, version: str | None) -> Response:
    response = Response(answer.body, answer.status, content_type="application/json")
    response.headers["Request-Id"] = origin.request_id or ""
    response.headers["Stripe-Version"] = version or API_VERSION
    if origin.key:
        response.headers["Idempotency-Key"] = origin.key
        response.headers["Original-Request"] = answer.replayed_from or origin.request_id or ""
    if answer.replayed_from:
        response.headers["Idempotent-Replayed"] = "true"
    if answer.should_retry is not None:
        response.headers["Stripe-Should-Retry"] = "true" if answer.should_retry else "false"
    return response
