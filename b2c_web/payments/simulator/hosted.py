"""The hosted payment page and the bank's page: plain forms that work without JavaScript."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from . import paying, timers
from .cards import ACCOUNTS, CARDS, Entry, EntryError, account_entry, card_entry
from .customers import MAIL
from .storage import Record
from .texts import Words, words_for
from .world import Origin, World

Body = dict[str, Any]
HERE = Path(__file__).parent
FIELDS = ("email", "number", "expiry", "cvc", "name", "holder", "iban")
# The number field starts with the card that works: one click pays, and nobody reaches for a real card.
START = {"number": "4242 4242 4242 4242", "expiry": "12/40", "cvc": "123"}


@dataclass
class View:
    """What the form shows: typed values, one problem, and the field that it belongs to (None: the bank's answer)."""

    values: dict[str, str] = field(default_factory=dict)
    problem: str | None = None
    wrong: str | None = None
    picked: bool = False


class Hosted:
    def __init__(self, world: World) -> None:
        self._world = world
        rules: list[tuple[str, str, Callable[..., Response]]] = [
            ("GET", "/c/pay/<session_id>", self.show),
            ("POST", "/c/pay/<session_id>", self.pay),
            ("GET", "/c/bank/<intent_id>", self.show_bank),
            ("POST", "/c/bank/<intent_id>", self.answer_bank),
            ("GET", "/c/simulator.css", self.stylesheet),
        ]
        self._map = Map([Rule(rule, methods=[method], endpoint=call) for method, rule, call in rules])

    def respond(self, request: Request) -> Response:
        timers.run_due(self._world)
        try:
            call, ids = self._map.bind("", path_info=request.path).match(method=request.method)
        except HTTPException:
            return self._closed(request, None, "missing", 404)
        answer: Response = call(request, **ids)
        return answer

    def show(self, request: Request, session_id: str) -> Response:
        session = self._session(session_id)
        if session is None or session["status"] != "open":
            return self._ended(request, session)
        known = {**(session["customer_details"] or {}), **session.private.get("typed", {})}
        return self._form(request, session, View(_start(known), problem=session.private.get("problem")))

    def pay(self, request: Request, session_id: str) -> Response:
        session = self._session(session_id)
        if session is None or session["status"] != "open":
            return self._ended(request, session)
        view = View({name: request.form.get(name, "").strip()[:200] for name in FIELDS})
        picked = request.form.get("pick", "")
        if picked in CARDS or picked in ACCOUNTS:
            return self._form(request, session, View({**view.values, **_picked(picked)}, picked=True))
        saved = [each for each in paying.offered(self._world, session) if each.id == request.form.get("saved")]
        if saved:
            return self._attempt(request, session_id, saved[0], View(_start(session["customer_details"] or {})))
        try:
            entry = self._entry(view.values, request.form.get("method", "card"))
        except EntryError as mistake:
            view.problem, view.wrong = mistake.code, mistake.field
            return self._form(request, session, view)
        return self._attempt(request, session_id, entry, view)

    def _entry(self, values: dict[str, str], method: str) -> Entry:
        if not MAIL.fullmatch(values["email"]):
            raise EntryError("invalid_email", "email")
        if method == "sepa_debit":
            if not values["holder"]:
                raise EntryError("missing_holder", "holder")
            return account_entry(values["iban"])
        return card_entry(values["number"], values["expiry"], values["cvc"], self._world.now())

    def _attempt(self, request: Request, session_id: str, choice: Entry | Record, view: View) -> Response:
        origin = Origin(method="POST", path=request.path)
        try:
            with self._world.acting(origin):
                session = self._world.need("checkout session", session_id)
                if isinstance(choice, Entry) and choice.kind not in session["payment_method_types"]:
                    view.problem = "generic_decline"
                    return self._form(request, session, view)
                name = view.values["holder" if _is_account(choice) else "name"]
                outcome = paying.pay(self._world, session, choice, view.values["email"], name)
        except paying.SessionClosed:
            return self._ended(request, self._session(session_id))
        if outcome.url:
            return redirect(outcome.url, 303)
        view.problem = outcome.decline_code
        return self._form(request, session, view)

    def show_bank(self, request: Request, intent_id: str) -> Response:
        intent = self._intent(intent_id)
        if intent is None or intent["status"] != "requires_action":
            return self._ended(request, self._session_of(intent))
        session = self._session_of(intent)
        words = _words(request, session)
        back = intent.private.get("return_url")
        return self._page("bank.html", words, _targets(session, back), intent=intent.body)

    def answer_bank(self, request: Request, intent_id: str) -> Response:
        agreed = request.form.get("answer") == "confirm"
        with self._world.acting(Origin(method="POST", path=request.path)):
            intent = self._intent(intent_id)
            if intent is None:
                return self._ended(request, None)
            try:
                outcome = paying.answer_bank(self._world, intent, agreed)
            except paying.SessionClosed:
                return self._ended(request, self._session_of(intent))
        return redirect(outcome.url or "/", 303)

    def stylesheet(self, request: Request) -> Response:
        response = Response(_css(), content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "max-age=300"
        return response

    def _session(self, session_id: str) -> Record | None:
        found = self._world.lookup(session_id)
        return found if found and found["object"] == "checkout.session" else None

    def _intent(self, intent_id: str) -> Record | None:
        found = self._world.lookup(intent_id)
        return found if found and found["object"] in ("payment_intent", "setup_intent") else None

    def _session_of(self, intent: Record | None) -> Record | None:
        return self._session(intent.private.get("session") or "") if intent else None

    def _form(self, request: Request, session: Record, view: View) -> Response:
        words = _words(request, session)
        types = session["payment_method_types"]
        page = self._page(
            "pay.html",
            words,
            _targets(session),
            session=session.body,
            now=self._world.now(),
            lines=list(zip(session.private["line_items"], session.private["line_details"], strict=True)),
            view=view,
            keeps=bool((session.private.get("payment_intent_data") or {}).get("setup_future_usage")),
            cards=CARDS.values() if "card" in types else (),
            saved=paying.offered(self._world, session),
            accounts=ACCOUNTS.values() if "sepa_debit" in types else (),
        )
        page.status_code = 422 if view.problem and request.method == "POST" else 200
        return page

    def _ended(self, request: Request, session: Record | None) -> Response:
        """A paid session leads on to the shop, an expired one says so; both are no error of the customer's."""
        if session is None:
            return self._closed(request, None, "missing", 404)
        if session["status"] == "complete" and request.method == "POST":
            return redirect(paying.return_url(session), 303)
        return self._closed(request, session, session["status"], 200 if session["status"] == "complete" else 410)

    def _closed(self, request: Request, session: Record | None, why: str, status: int) -> Response:
        back = None
        if session:
            back = paying.return_url(session) if why == "complete" else session["cancel_url"]
        page = self._page("closed.html", _words(request, session), (), why=why, back=back)
        page.status_code = status
        return page

    def _page(self, template: str, words: Words, targets: tuple[str, ...], **facts: Any) -> Response:
        html = _templates().get_template(template).render(words=words, **facts)
        response = Response(html, content_type="text/html; charset=utf-8")
        # Browsers hold `form-action` against the redirect that follows a form, so the shop must be in it.
        forms = " ".join(("'self'", *targets))
        policy = f"default-src 'none'; style-src 'self'; form-action {forms}; base-uri 'none'; frame-ancestors 'none'"
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["Cache-Control"] = "no-store"
        return response


def _words(request: Request, session: Record | None) -> Words:
    return words_for(session["locale"] if session else None, request.headers.get("Accept-Language", ""))


def _start(known: Body) -> dict[str, str]:
    name = known.get("name") or ""
    return {**START, "email": known.get("email") or "", "name": name, "holder": name}


def _is_account(choice: Entry | Record) -> bool:
    return isinstance(choice, Entry) and choice.kind == "sepa_debit"


def _picked(name: str) -> dict[str, str]:
    if name in ACCOUNTS:
        return {"iban": spaced(ACCOUNTS[name].iban)}
    return {**START, "number": spaced(CARDS[name].number)}


def _targets(session: Record | None, *more: str | None) -> tuple[str, ...]:
    urls = [*(more or ()), *((session["success_url"], session["cancel_url"]) if session else ())]
    parts = [urlsplit(url) for url in urls if url]
    return tuple(dict.fromkeys(f"{part.scheme}://{part.netloc}" for part in parts))


def spaced(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))


@lru_cache(maxsize=1)
def _css() -> bytes:
    return (HERE / "simulator.css").read_bytes()


@lru_cache(maxsize=1)
def _templates() -> Any:
    # Imported when the first page is shown: a process that only answers the API starts faster.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["spaced"] = spaced
    return environment
