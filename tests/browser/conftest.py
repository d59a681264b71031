"""A real Chromium in front of the real application. Without Chromium these tests are skipped, or fail when required.

The plugin's own fixtures are not used: one of them warns, and warnings are errors here.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from b2c_web.db_server import DatabaseServer
from b2c_web.flask_extensions import db
from tests.browser.person import Person
from tests.browser.site import Site, free_port, furnish, serve
from tests.conftest import TEST_SETTINGS, make_app
from tests.contract.simulator_process import SimulatorProcess

expect.set_options(timeout=30_000)  # a machine that runs all tests at once is slow
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="package")  # what comes after it needs a thread without playwright's event loop
def chromium() -> Iterator[Browser]:
    # the same engine without windows, and much lighter: more tests in the same time
    program = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if program is None:
        missing = "Chromium is missing: apt-get install chromium-headless-shell"
        if os.environ.get("B2C_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(database_server: DatabaseServer, template_database: str, provider_process: SimulatorProcess) -> Iterator[Site]:
    """The application for the tests of one file: its own database, furnished, and an empty simulator."""
    port, name = free_port(), f"site_{os.getpid()}_{os.urandom(3).hex()}"
    address = f"http://127.0.0.1:{port}"
    database_server.create_database(name, template=template_database)
    settings = {"B2C_BASE_URL": address, "STRIPE_API_BASE": provider_process.url, "HOLDS_PER_NETWORK_PER_DAY": "1000"}
    app = make_app(database_server.url(name), **settings, CREDENTIAL_TRIES_PER_NETWORK_PER_HOUR="1000")
    provider_process.control("POST", "reset")
    hook = {"webhook_url": f"{address}/payments/webhook", "webhook_secret": TEST_SETTINGS["STRIPE_WEBHOOK_SECRET"]}
    with app.app_context():
        furnish()
    with serve(app, port):
        provider_process.control("POST", "settings", debit_seconds=600, **hook)
        yield Site(app, address, provider_process)
        provider_process.control("POST", "settings", webhook_url=None)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    database_server.drop_database(name)


@pytest.fixture
def meet(chromium: Browser, site: Site) -> Iterator[Callable[..., Person]]:
    """`meet(language="en", javascript=False)`: somebody with a browser of their own. What it complains about fails."""
    with ExitStack() as browsers:
        met: list[Person] = []

        def meet(*, language: str = "de", javascript: bool = True, **options: Any) -> Person:
            settings = {"locale": {"de": "de-DE", "en": "en-GB"}[language], "java_script_enabled": javascript}
            context = browsers.enter_context(chromium.new_context(**{"viewport": PHONE, **settings, **options}))
            met.append(Person(site, context.new_page(), language, javascript))
            return met[-1]

        yield meet
        for person in met:
            assert person.complaints == []
