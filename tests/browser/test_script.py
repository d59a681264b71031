"""What static/js/app.js adds to a page, in a real browser, on pages made for it."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask, render_template, render_template_string, request
from flask_babel import Babel
from playwright.sync_api import Browser, Page, Route, expect
from werkzeug.serving import make_server

from b2c_web import ROOT, formatting, page_frame
from tests.browser.site import in_one_piece

PAGE = """{% import "macros/ui.html" as ui %}<!doctype html>
<html lang="de"><head><title>x</title><meta name="csrf-token" content="the-token">{% include "_htmx_config.html" %}
<script src="/static/vendor/htmx.min.js" defer></script><script src="/static/js/app.js" type="module"></script></head>
<body>
<form id="ask" novalidate hx-post="/refused" hx-target="#out"><button name="choice" value="7">Senden</button></form>
<form id="plain" method="post" action="/slow"><button id="go" name="choice" value="8">Los</button></form>
<input id="plz" name="plz"><a id="carry" data-carry="plz" href="/?service=OIL">Mit</a>
<a id="wait" class="btn" href="/slow" hx-get="/slow" hx-target="#out">Warten</a>
<button id="broken" hx-get="/broken" hx-target="#out">x</button>
<button id="news" hx-get="/news" hx-target="#out">x</button>
<button id="same" hx-get="/same" hx-target="#out">x</button>
<div id="out">vorher</div>
<p>{{ ui.hold_countdown(at, 302) }}</p>
<div id="live" role="status"></div>{% include "_offline.html" %}
</body></html>"""
REFUSED = """<div class="error-summary" role="alert" tabindex="-1" id="errors"><a href="#street">Straße</a></div>
<input id="street">"""


@dataclass
class Site:
    """A running server and what it was asked. While `may_answer` is not set, what takes long goes on."""

    address: str = ""
    may_answer: threading.Event = field(default_factory=threading.Event)
    posts: list[tuple[str, str | None, dict[str, str]]] = field(default_factory=list)


@pytest.fixture(scope="module")
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
    app = Flask("script", root_path=str(ROOT))
    app.config["OPERATOR_PHONE"] = "+492302000000"
    Babel(app, default_locale="de")
    formatting.init_app(app)
    page_frame.init_app(app)
    app.before_request(lambda: _remember(site))
    app.add_url_rule("/", "page", lambda: render_template_string(PAGE, at=datetime(2026, 11, 24, tzinfo=UTC)))
    app.add_url_rule("/refused", "refused", _slowly(site, (REFUSED, 422)), methods=["POST"])
    app.add_url_rule("/slow", "slow", _slowly(site, "<h1>angekommen</h1>"), methods=["GET", "POST"])
    app.add_url_rule("/broken", "broken", lambda: (render_template("errors/_fragment.html", error_code=500), 500))
    app.add_url_rule("/news", "news", lambda: ("neu", {"HX-Trigger": '{"announce": "Der Stand ist neu."}'}))
    app.add_url_rule("/same", "same", lambda: ("", 204))
    return app


def _remember(site: Site) -> None:
    if request.method == "POST":
        site.posts.append((request.path, request.headers.get("X-CSRFToken"), request.form.to_dict()))


def _slowly(site: Site, answer: Any) -> Any:
    def view() -> Any:
        assert site.may_answer.wait(30), "nobody let it end"
        return answer

    return view


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    with chromium.new_context() as context:
        yield context.new_page()


@pytest.fixture
def opened(page: Page, site: Site) -> Page:
    site.posts.clear()
    site.may_answer.set()
    page.goto(site.address)
    return page


def test_a_refused_form_gets_the_focus_on_its_errors(opened: Page, site: Site) -> None:
    opened.click("#ask button")
    expect(opened.locator("#errors")).to_be_focused()
    opened.click("#errors a")
    expect(opened.locator("#street")).to_be_focused()
    assert site.posts == [("/refused", "the-token", {"choice": "7"})]


def test_a_wait_is_shown_and_the_second_click_ignored(opened: Page, site: Site) -> None:
    site.may_answer.clear()
    at_once = opened.evaluate("""() => { const button = document.querySelector("#ask button");
      for (let n = 0; n < 3; n++) button.click();
      return button.getAttribute("aria-busy"); }""")
    assert at_once is None
    button = opened.locator("#ask button")
    expect(button).to_have_attribute("aria-busy", "true")
    site.may_answer.set()
    expect(opened.locator("#errors")).to_be_visible()
    expect(button).not_to_have_attribute("aria-busy", "true")
    assert len(site.posts) == 1


def test_a_plain_form_is_sent_once_and_again_after_the_back_button(opened: Page, site: Site) -> None:
    site.may_answer.clear()
    opened.evaluate("for (const ms of [0, 150, 300]) setTimeout(() => document.querySelector('#go').click(), ms)")
    threading.Timer(0.8, site.may_answer.set).start()  # on the way to another page nothing can be asked of this one
    expect(opened.locator("h1")).to_have_text("angekommen")
    assert site.posts == [("/slow", None, {"choice": "8"})]
    opened.go_back()
    expect(opened.locator("#go")).not_to_have_attribute("aria-busy", "true")
    opened.click("#go")
    expect(opened.locator("h1")).to_have_text("angekommen")
    assert len(site.posts) == 2


def test_a_link_of_htmx_shows_its_wait(opened: Page, site: Site) -> None:
    site.may_answer.clear()
    opened.click("#wait")
    expect(opened.locator("#wait")).to_have_attribute("aria-busy", "true")
    site.may_answer.set()
    expect(opened.locator("#out")).to_have_text("angekommen")
    expect(opened.locator("#wait")).not_to_have_attribute("aria-busy", "true")


def test_an_error_is_told_beside_what_stands_there(opened: Page) -> None:
    opened.click("#broken")
    expect(opened.locator("#live")).to_contain_text("Bei uns ist etwas schiefgegangen")
    expect(opened.locator("#out")).to_have_text("vorher")
    opened.click("#live [data-dismiss]")
    expect(opened.locator("#live")).to_be_empty()


def test_no_connection_is_told(opened: Page) -> None:
    def cut(route: Route) -> None:
        route.abort()

    opened.route("**/news", cut)
    opened.click("#news")
    expect(opened.locator("#live")).to_contain_text("Gerade keine Verbindung")


def test_news_are_announced_and_no_change_changes_nothing(opened: Page) -> None:
    opened.click("#same")
    expect(opened.locator("#out")).to_have_text("vorher")
    opened.click("#news")
    expect(opened.locator("#live")).to_have_text("Der Stand ist neu.")
    expect(opened.locator("#out")).to_have_text("neu")


def test_a_hold_counts_down_and_warns_once(page: Page, site: Site) -> None:
    page.clock.install()
    page.goto(site.address)
    expect(page.locator(".countdown")).to_have_text("noch 6 Minuten")
    page.clock.run_for(5000)
    expect(page.locator(".countdown")).to_have_text("noch 5 Minuten")
    expect(page.locator("#live")).to_have_text("Wir halten Ihren Termin noch fünf Minuten.")
    page.clock.run_for(300_000)
    expect(page.locator(".countdown")).to_have_text("Die Zeit ist um.")
    expect(page.locator("#live")).to_have_text("Die Zeit ist um.")


def test_what_was_typed_goes_along_with_a_link(opened: Page, site: Site) -> None:
    opened.fill("#plz", " 44137 ")
    opened.click("#carry")
    expect(opened).to_have_url(f"{site.address}/?service=OIL&plz=44137")
    opened.click("#carry")
    expect(opened).to_have_url(f"{site.address}/?service=OIL")
