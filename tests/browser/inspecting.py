"""Looking at pages as everybody may meet them, and the proof that none is left out.

A case says with `@looks_at("extensions.show", ...)` which pages it looks at, by the names of their routes; when it is
over it must really have looked at them, in both languages, and found nothing. `tests/unit/test_looked_at.py` compares
what all cases say with the routes that there are.
"""

import functools
import importlib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import Rule

from b2c_web.access import PERMISSIONS, SIGNED_IN, access_of
from b2c_web.accounts.models import Role
from b2c_web.request_cycle import LANGUAGES
from tests.browser.person import Person
from tests.browser.site import AXE, AXE_PATH

# As a script of the page itself, where it has any: a browser keeps what it has compiled of it.
BRING_AXE = """(path) => "axe" in window || new Promise((go, no) => {
  const own = document.querySelector("script[nonce]");
  if (!own) return go(false);
  const one = Object.assign(document.createElement("script"), {src: path, onload: () => go(true), onerror: no});
  one.nonce = own.nonce;
  document.head.append(one); })"""
FINDINGS = """async (rules) => (await axe.run(document, {preload: false, resultTypes: ["violations"], ...rules}))
  .violations.map((one) => one.id + ": " + one.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(", "))"""
SETTLED = """() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(() => {
  for (const one of document.getAnimations()) if (one.effect.getComputedTiming().endTime < Infinity) one.finish();
  go(); })))"""
# a label, an error's link or a swap would find the first one only
TWICE = """() => [...document.querySelectorAll("[id]")].map((one) => one.id)
  .filter((id, n, all) => all.indexOf(id) !== n)"""
ANSWERED = "performance.getEntriesByType('navigation')[0].responseStatus"
NARROWEST = 320
# Every page in both languages, in light and dark, narrow and wide. Which width goes with which colours changes from
# page to page: what pages share is seen in all four. How far words reach is measured in both languages, always.
COLOURS = {"de": "light", "en": "dark"}
WIDTHS = (NARROWEST, 1280)
TALLEST = 6000

# GET routes that show no page, each with its reason. A page never belongs here.
NOT_PAGES = {
    "static": "files",
    "health": "one word for a monitor",
    "capacity.coming_days_csv": "a file",
    "capacity.forecast_csv": "a file",
    "capacity.utilisation_csv": "a file",
    "capacity.day_itself": "leads to its month",
    "bookings.calendar_file": "a file",
    "bookings.document": "a file",
    "vehicles.document_file": "a file",
    "media.file": "a file",
    "notifications.outbox_message_attachment": "a file",
    "notifications.kept_message_attachment": "a file",
    "notifications.outbox_message_html": "a mail inside its page, in the language of its recipient",
    "notifications.kept_message_html": "a mail inside its page, in the language of its recipient",
    "media.state": "a fragment of whatever page shows the photo",
    "bookings.standing": "a fragment of the check-in",
    "extensions.ticks": "a fragment of the extension: the sum",
    "extensions.link_ticks": "a fragment of the extension: the sum",
    "bookings.payment": "leads to the payment page",
    "bookings.payment_return": "leads back from the payment page",
    "bookings.move_payment": "leads to the payment page",
    "bookings.move_return": "leads back from the payment page",
    "extensions.on_booking": "a fragment of the booking",
    "extensions.paid": "leads back from the payment page",
    "extensions.account_saved": "leads back from the page that saves an account",
    "payments.returned": "leads back from the page that saves a card or an account",
    "dispatch.standing": "a fragment of the jockey's tour",
    "dispatch.trip_standing": "a fragment of the dispatcher's trip",
}


def pages(app: Flask) -> Iterator[Rule]:
    """The rule of every page."""
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and rule.endpoint not in NOT_PAGES:
            yield rule


def found_by_itself(app: Flask, declared: set[str]) -> dict[str, str]:
    """Pages without arguments for whoever has one of these rights, path by endpoint, unless a case declares them."""
    elsewhere = set().union(*all_declared().values())
    plain = (rule for rule in pages(app) if not rule.arguments and rule.endpoint not in elsewhere)
    return {rule.endpoint: rule.rule for rule in plain if access_of(app, rule.endpoint) in declared}


def permissions_of(role: Role) -> set[str]:
    return {SIGNED_IN, *(name for name, roles in PERMISSIONS.items() if role in roles)}


def all_declared() -> dict[str, frozenset[str]]:
    """What every case says that it looks at, by the case's name."""
    found = {}
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        module = importlib.import_module(f"tests.browser.{file.stem}")
        for name, case in vars(module).items():
            if name.startswith("test_") and callable(case) and hasattr(case, "looks_at"):
                found[f"{file.stem}.{name}"] = case.looks_at
    return found


def looks_at(*endpoints: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Says which pages a case looks at, and holds it to that. Pages that are found by themselves need no name."""

    def declare(case: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(case)
        def looking(**fixtures: Any) -> None:
            Inspector.at_work.clear()
            case(**fixtures)
            wrong = [finding for one in Inspector.at_work for finding in one.wrong]
            seen = {(page, word) for one in Inspector.at_work for page, words in one.seen.items() for word in words}
            named = itertools.product(endpoints, LANGUAGES)
            wrong += [f"{page} was not looked at in {word}" for page, word in named if (page, word) not in seen]
            assert not wrong, "\n".join(wrong)

        looking.looks_at = frozenset(endpoints)  # type: ignore[attr-defined]
        return looking

    return declare


def findings(page: Page, rules: dict[str, Any] | None = None) -> list[str]:
    """What axe has to say about the page as it is; `rules`: axe's options that choose some of its rules."""
    if not page.evaluate(BRING_AXE, AXE_PATH):
        page.evaluate(AXE.read_text())
    return list(page.evaluate(FINDINGS, rules or {}))


class Inspector:
    """Looks at one page after the other, and remembers which it saw, in which language, and what is wrong."""

    at_work: ClassVar[list["Inspector"]] = []

    def __init__(self, person: Person) -> None:
        self.person, self.page, self.wrong = person, person.page, list[str]()
        self.scheme = ""
        self.turns = itertools.cycle((WIDTHS, WIDTHS[::-1]))
        self.seen: dict[str, set[str]] = defaultdict(set)
        self.at_work.append(self)

    def look_at(self, *paths: str, status: int = 200) -> None:
        """Each in both languages, the person's own last. A page that answers otherwise or leads elsewhere is wrong."""
        own = self.person.language
        for path in paths:
            for language, width in zip(sorted(LANGUAGES, key=own.__eq__), next(self.turns), strict=True):
                self.person.speak(language)
                self._colour(COLOURS[language])
                self.person.ended_link = path if status == 410 else ""
                self.person.go(path)
                answered, there = self.page.evaluate(ANSWERED), self._endpoint(self.page.url)
                if answered != status or there != self._endpoint(path):
                    self.wrong.append(f"{path} led to {self.page.url} ({answered})")
                self._look(width)

    def look(self) -> None:
        """The page as it is open now, in its language: what a POST has made cannot be asked for again."""
        for scheme, width in zip(COLOURS.values(), next(self.turns), strict=True):
            self._colour(scheme)
            self._look(width)

    def _look(self, width: int) -> None:
        where, language = self.page.url.removeprefix(self.person.site.address), self.person.language
        if self.page.evaluate("document.documentElement.lang") != language:
            self.wrong.append(f"{where} is not in {language}")
        self._widen(width)
        found = findings(self.page)
        self.wrong += [f"{where} {language} {width} {self.scheme}: {one}" for one in found]
        self.wrong += [f"{where} has the id {one} twice" for one in self.page.evaluate(TWICE)]
        for room in sorted({width, NARROWEST}, reverse=True):
            self.page.set_viewport_size({"width": room, "height": self._height()})
            reached = self.page.evaluate("document.documentElement.scrollWidth")
            if reached > room:
                self.wrong.append(f"{where} {language} is {reached} wide at {room}")
        if self.page.evaluate(ANSWERED) < 300:
            self.seen[self._endpoint(self.page.url)].add(language)

    def _endpoint(self, address: str) -> str:
        """The route behind an address, also when only a POST leads there; "" when there is none."""
        routes = self.person.site.app.url_map.bind("localhost")
        path = urlsplit(address).path
        try:
            return str(routes.match(path, method="GET")[0])
        except MethodNotAllowed:
            return str(routes.match(path, method="POST")[0])
        except HTTPException:
            return ""

    def _colour(self, scheme: Any) -> None:
        if scheme != self.scheme:
            self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            self.scheme = scheme

    def _height(self) -> int:
        return self.page.viewport_size["height"] if self.page.viewport_size else 800

    def _widen(self, width: int) -> None:
        """At its full height: what is scrolled under a pinned bar would be reported as too small."""
        self.page.set_viewport_size({"width": width, "height": self._height()})
        height = self.page.evaluate("document.documentElement.scrollHeight")
        if height > self._height():
            self.page.set_viewport_size({"width": width, "height": min(height, TALLEST)})
        self.page.evaluate(SETTLED)
