"""How the demo's customers pay: on the payment simulator, as a browser would, through the application's own gateway."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import current_app
from sqlalchemy import select

from b2c_web import db_places as places
from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.flask_extensions import db
from b2c_web.payments.commands import Wish, open_checkout, open_setup, settle_setup
from b2c_web.payments.models import Payment
from b2c_web.payments.setup_models import MethodKind, MethodSetup
from b2c_web.secrets_file import load_secrets

START_SECONDS = 20


class NoTillError(RuntimeError):
    """Nobody takes demo payments here; the message says what to do."""


class Till:
    """Takes payments at the simulator. Webhooks are held back meanwhile: the demo settles at its own instants."""

    def __init__(self, base_url: str) -> None:
        self._base = base_url

    def __enter__(self) -> "Till":
        self._control("POST", "webhooks", kind="never")
        return self

    def __exit__(self, *_: object) -> None:
        self._control("DELETE", "webhooks")

    def pay(self, payment_id: uuid.UUID, description: str, language: str, card: str = "visa") -> None:
        """Opens the payment page and pays on it with a card of this name. The outcome is the gateway's to tell."""
        home = current_app.config["B2C_BASE_URL"]
        open_checkout(payment_id, description=description, success_url=home, cancel_url=home, language=language)
        with command_transaction():
            page_id = db.session.get_one(Payment, payment_id).stripe_checkout_session_id
        self._control("POST", f"sessions/{page_id}/pay", card=card)

    def save_account(self, email: str, account: str = "sepa") -> None:
        """The customer saves an account of this name on the page for it, as well as the card of the bookings."""
        home = current_app.config["B2C_BASE_URL"]
        with command_transaction():
            user = db.session.scalars(select(User).filter_by(email=email)).one()
        open_setup(user, MethodKind.ACCOUNT, Wish(home, home, user.language))
        with command_transaction():
            setup = db.session.scalars(select(MethodSetup).filter_by(user_id=user.id)).one()
            setup_id, page_id = setup.id, setup.stripe_checkout_session_id
        self._control("POST", f"sessions/{page_id}/pay", account=account)
        settle_setup(setup_id)

    def _control(self, method: str, path: str, **body: Any) -> None:
        request = urllib.request.Request(  # noqa: S310 - the simulator's own address
            f"{self._base}/_simulator/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        try:
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310
        except urllib.error.URLError as error:
            raise NoTillError(f"The payment simulator at {self._base} does not answer: {error}.") from error


@contextmanager
def open_till() -> Iterator[Till]:
    """The simulator of the configuration, or one of our own for as long as this lasts. Raises NoTillError.

    Ours keeps its state where `make run` looks for it, so what was paid here can be refunded there.
    """
    config = current_app.config
    if config["STRIPE_API_BASE"]:
        with Till(config["STRIPE_API_BASE"]) as till:
            yield till
    elif config["STRIPE_SECRET_KEY"] or config["B2C_ENV"] == "production":
        raise NoTillError("Demo payments are made on the payment simulator only: unset STRIPE_SECRET_KEY.")
    else:
        with _own_simulator() as base, Till(base) as till:
            yield till


@contextmanager
def _own_simulator() -> Iterator[str]:
    config, instance = current_app.config, places.instance_dir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    secrets = load_secrets(instance)
    command = [sys.executable, "-m", "b2c_web.payments.simulator", "--port", str(port)]
    command += ["--state", str(instance / "simulator.sqlite"), "--quiet"]
    process = subprocess.Popen(command, cwd=places.CLONE)
    try:
        _wait_for(base, process)
        before = {name: config[name] for name in ("STRIPE_API_BASE", "STRIPE_SECRET_KEY")}
        config.update(STRIPE_API_BASE=base, STRIPE_SECRET_KEY=secrets["STRIPE_SECRET_KEY"])
        current_app.extensions.pop("payment_gateway", None)
        yield base
        config.update(before)
        current_app.extensions.pop("payment_gateway", None)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait_for(base: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{base}/_simulator/", timeout=2).close()  # noqa: S310
            return
        except OSError:
            time.sleep(0.05)
    raise NoTillError("The payment simulator did not start. Does the application run here already? It has its own.")
