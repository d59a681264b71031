"""Regions that follow what others do (static/js/live.js), in a real browser, on a page made for it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask, Response, render_template_string, request
from flask_babel import Babel
from markupsafe import Markup
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug.serving import make_server

from b2c_web import ROOT, formatting, live, page_frame
from tests.browser.site import in_one_piece

REGION = """{% import "macros/ui.html" as ui %}
<section id="board" {{ ui.live("/board?day=1", version) }}>
  <p id="car" data-said="Auto {{ state }}">Stand {{ state }}</p>
  <details id="more"><summary>mehr</summary>{{ state }}</details>
  <form><input id="note" name="note"><input id="agree" type="checkbox"></form>
  <a id="link" href="#x">weiter</a>
</section>"""
PAGE = """{% import "macros/ui.html" as ui %}<!doctype html>
<html lang="de"><head><title>x</title>{% include "_htmx_config.html" %}
<script src="/static/vendor/htmx.min.js" defer></script><script src="/static/js/app.js" type="module"></script>
{% include "_live.html" %}</head>
<body>{{ region }}<button id="elsewhere">x</button><div id="live" role="status"></div>{% include "_offline.html" %}
</body></html>"""


@dataclass
class Site:
    """A running server with one state, and what it was asked."""

    address: str = ""
    state: str = "eins"
    asked: list[str] = field(default_factory=list)
    signed_out: bool = False


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    server = make_server("127.0.0.1", 0, in_one_piece(_app(made)), threaded=True)
    made.address = f"http://127.0.0.1:{server.server_port}"
    worker = threading.Thread(target=server.serve_forever)
    worker.start()
    yield made
    server.shutdown()
    worker.join()


def _app(site: Site) -> Flask:
    app = Flask("live", root_path=str(ROOT))
    Babel(app, default_locale="de")
    formatting.init_app(app)
    page_frame.init_app(app)
    app.jinja_env.globals["csp_nonce"] = lambda: ""

    def region() -> str:
        return render_template_string(REGION, state=site.state, version=live.version_of(site.state))

    def board() -> Response:
        if site.signed_out:
            return Response("", 204, {"HX-Redirect": "/door"})
        site.asked.append(request.args["v"])
        return live.answer(live.version_of(site.state), region)

    app.add_url_rule("/", "page", lambda: render_template_string(PAGE, region=Markup(region())))
    app.add_url_rule("/board", "board", board)
    app.add_url_rule("/door", "door", lambda: "<h1>Bitte anmelden</h1>")
    return app


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    with chromium.new_context() as context:
        page = context.new_page()
        page.clock.install()
        page.goto(site.address)
        yield page


def stop_the_clock(page: Page) -> None:
    """From now on the page's time passes with `page.clock.run_for` only, however slow this machine is."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)


def test_a_change_is_seen_and_said_within_three_seconds(page: Page, site: Site) -> None:
    page.click("#more summary")
    page.focus("#link")
    stop_the_clock(page)
    for state in ("zwei", "drei"):
        site.state = state
        page.clock.run_for(3000)
        expect(page.locator("#car")).to_have_text(f"Stand {state}")
        expect(page.locator("#live")).to_have_text(f"Auto {state}")
        page.clock.run_for(100)  # htmx settles what it has put in
        expect(page.locator("#link")).to_be_focused()
        assert page.locator("#more").get_attribute("open") is not None


def test_nothing_new_is_answered_with_nothing(page: Page, site: Site) -> None:
    page.evaluate("document.querySelector('#car').marked = true")
    stop_the_clock(page)
    for _ask in range(2):
        with page.expect_response("**/board*") as answer:
            page.clock.run_for(2500)
        assert answer.value.status == 204
    assert set(site.asked) == {live.version_of("eins")}
    assert page.evaluate("document.querySelector('#car').marked")


def test_what_somebody_types_stays_until_they_are_done(page: Page, site: Site) -> None:
    page.locator("#note").press_sequentially("wichtig")
    site.state = "zwei"
    expect(page.locator("#live")).to_contain_text("Hier hat sich etwas geändert")
    page.click("#elsewhere")
    stop_the_clock(page)
    page.clock.run_for(3000)
    expect(page.locator("#note")).to_have_value("wichtig")
    expect(page.locator("#car")).to_have_text("Stand eins")
    page.fill("#note", "")
    page.clock.run_for(100)
    expect(page.locator("#car")).to_have_text("Stand eins")
    page.click("#elsewhere")
    page.clock.run_for(100)  # long before it would ask by itself
    expect(page.locator("#car")).to_have_text("Stand zwei")


def test_a_tick_not_yet_sent_stays(page: Page, site: Site) -> None:
    page.check("#agree")
    site.state = "zwei"
    expect(page.locator("#live")).to_contain_text("Hier hat sich etwas geändert")
    expect(page.locator("#agree")).to_be_checked()
    stop_the_clock(page)
    page.uncheck("#agree")
    page.clock.run_for(100)
    expect(page.locator("#car")).to_have_text("Stand zwei")


def test_no_connection_is_said_once_and_forgotten_when_it_is_back(page: Page, site: Site) -> None:
    def cut(route: Route) -> None:
        route.abort()

    page.route("**/board*", cut)
    expect(page.locator("#live")).to_contain_text("Gerade keine Verbindung")
    page.evaluate("document.querySelector('#live').replaceChildren()")
    with page.expect_event("requestfailed"):
        page.clock.fast_forward(3000)
    expect(page.locator("#live")).to_be_empty()
    page.unroute("**/board*")
    site.state = "zwei"
    expect(page.locator("#car")).to_have_text("Stand zwei")


def test_signed_out_while_typing_keeps_what_was_typed(page: Page, site: Site) -> None:
    page.locator("#note").press_sequentially("wichtig")
    site.signed_out = True
    expect(page.locator("#live")).to_contain_text("Sie sind nicht mehr angemeldet")
    expect(page.locator("#note")).to_have_value("wichtig")


def test_a_hidden_tab_does_not_ask(page: Page, site: Site) -> None:
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    page.evaluate("window.sent = 0; document.addEventListener('htmx:beforeSend', () => { window.sent += 1; })")
    stop_the_clock(page)
    site.state = "zwei"
    page.clock.run_for(3000)
    assert page.evaluate("window.sent") == 0
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#car")).to_have_text("Stand zwei")
