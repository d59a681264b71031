"""Somebody at a browser: goes through the booking, pays, signs in, in German or English."""

import itertools
import re

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from b2c_web.accounts.models import User
from b2c_web.accounts.sessions import open_session
from tests.browser.site import PASSWORD, Site
from tests.factories import make_customer

_count = itertools.count(1)
# what a browser says about a form that was refused; everything else that it says is a fault of ours
EXPECTED = re.compile(r"Failed to load resource: the server responded with a status of (404|409|422|429)")
GONE = "the server responded with a status of 410"  # only at a link whose end a test looks at
# what htmx says of a request that was under way when somebody left the page
LEFT = re.compile(r"^htmx:(afterRequest|sendError|sendAbort|timeout)\b")
# what is said of a page's own polls while there is no network
LOST = re.compile(r"^htmx:(afterRequest|sendError)\b|net::ERR_INTERNET_DISCONNECTED")
WORDS = {
    "de": {"pay": "zahlen", "paid": "Bezahlt und bestätigt", "come": "Wir kommen am", "back": "Abbrechen"},
    "en": {"pay": "Pay", "paid": "Paid and confirmed", "come": "We come on", "back": "Cancel"},
}
POLICY = "Content Security Policy"  # what breaks it is told by WATCH, but not what axe does in a page
WATCH = """document.addEventListener("securitypolicyviolation", (event) => window.axe ||
  console.error("forbidden: " + event.violatedDirective + " " + event.blockedURI + " " + event.sample))"""


class Person:
    """One person with one page open. `complaints` collects what the browser objects to."""

    def __init__(self, site: Site, page: Page, language: str, javascript: bool) -> None:
        self.site, self.page, self.words, self.javascript = site, page, WORDS[language], javascript
        self.language = language
        self.email = f"person{next(_count)}@example.org"
        self.complaints: list[str] = []
        self.ended_link = ""  # the one path that may answer 410
        self.was_offline = False
        page.set_default_timeout(30_000)
        page.on("console", self._listen)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.add_init_script(WATCH)

    def _listen(self, message: ConsoleMessage) -> None:
        at_its_end = GONE in message.text and message.location["url"] == f"{self.site.address}{self.ended_link}"
        lost = self.was_offline and LOST.search(message.text)
        known = EXPECTED.search(message.text) or POLICY in message.text or at_its_end or lost
        if message.type in ("error", "warning") and not known:
            self.complaints.append(f"{message.text} at {self.page.url}")

    def forgives_leaving(self) -> None:
        """For who leaves pages that poll, or leaves one faster than it answers."""
        self.complaints[:] = [said for said in self.complaints if not LEFT.search(said)]

    def loses_network(self) -> None:
        self.was_offline = True
        self.page.context.set_offline(True)

    def finds_network(self) -> None:
        self.page.context.set_offline(False)

    def go(self, path: str) -> None:
        self.page.goto(f"{self.site.address}{path}")

    def speak(self, language: str) -> None:
        """What the language switch leaves in the session's cookie; the pages that are asked for next follow it."""
        self._keep(language=language)
        self.language = language

    def _keep(self, **facts: str) -> None:
        """In the cookie of the browser's session."""
        app, cookies = self.site.app, self.page.context
        signer, name = app.session_interface.get_signing_serializer(app), app.config["SESSION_COOKIE_NAME"]  # type: ignore[attr-defined]
        kept = next((one["value"] for one in cookies.cookies(self.site.address) if one["name"] == name), None)
        said = (signer.loads(kept) if kept else {}) | facts
        cookies.add_cookies([{"name": name, "value": signer.dumps(said), "url": self.site.address}])

    def next(self) -> None:
        """The one button of the pinned bar."""
        self.page.locator(".price-bar button").click()

    def choose(self, name: str, number: int) -> None:
        self.page.locator(f"label[for={name}-{number}]").click()

    def windows(self, name: str = "slot") -> Locator:
        """The windows that can be picked, by their labels: "slot" for pickup, "back" for return."""
        return self.page.locator(f".window:has(input[name={name}]:not(:disabled)) label")

    def at(self, step: str) -> None:
        expect(self.page).to_have_url(re.compile(rf"/{step}(\?|#|$)"))

    def refused(self) -> None:
        """The form came back with what is wrong: a click does not wait for the page that it asks for."""
        expect(self.page.locator("#errors")).to_be_visible()

    def begin(self) -> None:
        """From the front page to step 1, through the postal code and the brake service."""
        self.go("/")
        self.page.fill("#plz", "44137")
        self.page.locator(".hero-form button").click()
        self.page.locator("#reach a").click()
        self.at("book")
        self.choose("vehicle_class", 1)
        self.next()
        self.at("service")
        self.choose("service", 2)
        self.next()
        self.at("date")

    def pick(self, which: int = 0) -> None:
        """A pickup window, and the return window that is offered first; without script it is asked for in turn."""
        self.windows().nth(which).click()
        if not self.javascript:
            self.next()
        expect(self.page.locator("input[name=back]:checked")).to_have_count(1)
        self.next()
        self.at("contact")

    def say(self) -> None:
        """Step 4, and the code from the mail."""
        self.say_who()
        self.say_code()

    def say_who(self) -> None:
        self.fill_in()
        self.next()
        self.at("code")

    def fill_in(self) -> None:
        """Where to, who, and the terms."""
        for name, value in {
            "street": "Am Beispielweg 12",
            "city": "Dortmund",
            "name": "Rosa Ahorn",
            "email": self.email,
            "phone": "0231 1234567",
        }.items():
            self.page.fill(f"#{name}", value)
        self.page.check("#terms")

    def say_code(self) -> None:
        self.page.fill("#code", self.site.code_for(self.email))
        self.page.locator("main form .btn-primary").click()
        self.at("summary")

    def book(self) -> None:
        """The button of the summary; the payment page opens."""
        self.next()
        self.page.wait_for_url(f"{self.site.simulator.url}/**")

    def pay(self, number: str = "4242424242424242") -> None:
        self.page.fill("input[name=number]", number)
        self.page.get_by_role("button", name=re.compile(self.words["pay"])).first.click()

    def is_signed_in(self, name: str = "") -> None:
        """Since before this test: as a customer, or as the staff of this name. The journeys go through the doors."""
        with self.site.data() as session:
            email = f"{name}@example.org" if name else self.email
            user = session.query(User).filter_by(email=email).one_or_none() or make_customer(email=email, name=None)
            with self.site.app.test_request_context():
                token = open_session(user)
        self._keep(token=token)

    def sign_in(self) -> None:
        """With a mailed code, as a customer."""
        self.go("/login")
        self.page.fill("#email", self.email)
        self.page.locator("main form .btn-primary").click()
        self.page.fill("#code", self.site.code_for(self.email))
        self.page.locator("main form .btn-primary").click()
        self.page.wait_for_url(re.compile("/account$"))

    def sign_in_as_staff(self, name: str) -> None:
        self.go("/staff/login")
        self.page.fill("#email", f"{name}@example.org")
        self.page.fill("#password", PASSWORD)
        self.page.locator("main form .btn-primary").click()
        self.page.wait_for_url(re.compile("/(workshop|dispatch|jockey)$"))


def text(locator: Locator) -> str:
    """What is to be read there, with plain blanks."""
    return " ".join(locator.inner_text().split())
