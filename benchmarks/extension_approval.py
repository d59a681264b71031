"""From the customer's click that approves an extension to the money held on the saved card, in the database.

The POST goes over HTTP through gunicorn; the simulator is a process on loopback. The answer comes after the state is
committed, which is looked up afterwards for each of them. `ours_p95_ms` leaves out the provider's time.
"""

import http.client
import queue
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy import select

from b2c_web.accounts.models import User
from b2c_web.db import command_transaction
from b2c_web.extensions import queries
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.flask_extensions import db
from b2c_web.payments.commands import ensure_customer
from b2c_web.payments.gateway import Outcome, PaymentSnapshot
from b2c_web.payments.methods import keep_method
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment
from b2c_web.payments.recording import record
from b2c_web.payments.stripe_reading import read_method
from benchmarks import data, garage, visitors
from benchmarks.garage import Simulator
from benchmarks.house import House, percentile, say, web_server

CLICKS, WARM_UP, CLIENTS = 200, 24, 1
P95_MS, OURS_P95_MS = 250.0, 60.0
PROVIDER = re.compile(r"provider;dur=([\d.]+)")


@dataclass(frozen=True)
class Click:
    extension_id: UUID
    path: str
    cookie: str
    body: str


@dataclass(frozen=True)
class Answer:
    status: int
    all_ms: float
    provider_ms: float


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `extension_approval`."""
    template = garage.garage(house, CLICKS + WARM_UP)
    house.clone_database("approvals", template)
    with garage.simulator() as provider:
        environ = {**house.environ(), "STRIPE_API_BASE": provider.url}
        house.app.config["STRIPE_API_BASE"] = provider.url
        say(f"{CLICKS} cars in the workshop, each with an extension that waits")
        with house.app.app_context():
            clicks = [_prepare(house.app, provider, wanted) for wanted in data.plan_claims(CLICKS + WARM_UP)]
        house.let_go()
        with web_server(environ, "/health", application="benchmarks.timed:app") as web:
            press(web.port, clicks[:WARM_UP])
            answers = press(web.port, clicks[WARM_UP:])
        with house.app.app_context():
            authorized = _authorized([click.extension_id for click in clicks[WARM_UP:]])
    p95 = percentile([one.all_ms for one in answers], 95)
    ours_p95 = percentile([one.all_ms - one.provider_ms for one in answers], 95)
    yield {
        "name": "extension_approval",
        "p95_ms": round(p95, 1),
        "ours_p95_ms": round(ours_p95, 1),
        "p50_ms": round(percentile([one.all_ms for one in answers], 50), 1),
        "ours_p50_ms": round(percentile([one.all_ms - one.provider_ms for one in answers], 50), 1),
        "unit": "ms",
        "clicks": len(answers),
        "authorized": authorized,
        "clients": CLIENTS,
        "ok": p95 < P95_MS and ours_p95 < OURS_P95_MS and authorized == len(answers) == CLICKS,
    }


def _prepare(app: Flask, provider: Simulator, wanted: data.Wanted) -> Click:
    """A paid booking of a customer with a saved card, the car in the workshop, and the page that waits."""
    booking_id = garage.claim(wanted)
    _pay(booking_id)
    ensure_customer(wanted.user_id)
    with command_transaction():
        user = db.session.get_one(User, wanted.user_id)
        made = provider.control("POST", "payment_methods", customer=user.stripe_customer_id, card="visa")
        keep_method(user.id, read_method(made))
    garage.take_in(wanted.workshop_id, booking_id, wanted.number)
    extension_id = garage.find_more(wanted.workshop_id, booking_id)
    return click_for(app, wanted.user_id, extension_id, (0, 1))


def _pay(booking_id: UUID) -> None:
    """The base price came, as the webhook would record it: its own page is measured elsewhere."""
    payment = latest_payment(PaymentPurpose.BOOKING, booking_id)
    if payment is None:
        raise RuntimeError(f"booking {booking_id} has no payment")
    paid = PaymentSnapshot(
        outcome=Outcome.PAID,
        owner=None,
        amount_cents=payment.amount_cents,
        intent_id=f"pi_{payment.id.hex}",
        charge_id=f"ch_{payment.id.hex}",
        captured_cents=payment.amount_cents,
    )
    payment_id = payment.id
    db.session.rollback()
    record(payment_id, paid)


def click_for(app: Flask, user_id: UUID, extension_id: UUID, ticked: tuple[int, ...]) -> Click:
    """What the browser of the signed-in customer sends who ticks these items and presses the button."""
    with app.test_request_context():
        session, csrf = visitors.signed_in(app, db.session.get_one(User, user_id))
        extension = db.session.get_one(Extension, extension_id)
        cents = sum(one.sum_cents for one in queries.view_of(extension_id).items if one.index in ticked)
        items = "&".join(f"item={index}" for index in ticked)
        body = f"csrf_token={csrf}&{items}&amount_cents={cents}&shown={queries.digest_of(extension)}"
        db.session.commit()
        return Click(extension_id, f"/extensions/{extension_id}/approval", visitors.cookie_of(app, session), body)


def press(port: int, clicks: list[Click]) -> list[Answer]:
    """Sends all clicks, from CLIENTS browsers that keep their connections."""
    waiting: queue.SimpleQueue[Click] = queue.SimpleQueue()
    for click in clicks:
        waiting.put(click)
    answers: list[Answer] = []
    threads = [threading.Thread(target=_press_all, args=(port, waiting, answers)) for _one in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _press_all(port: int, waiting: "queue.SimpleQueue[Click]", answers: list[Answer]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    while not waiting.empty():
        try:
            click = waiting.get_nowait()
        except queue.Empty:
            break
        answers.append(_press(connection, click))
    connection.close()


def _press(connection: http.client.HTTPConnection, click: Click) -> Answer:
    head = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": click.cookie, "Accept-Language": "de"}
    began = time.perf_counter()
    connection.request("POST", click.path, click.body, head)
    answer = connection.getresponse()
    answer.read()
    taken = (time.perf_counter() - began) * 1000
    found = PROVIDER.search(answer.headers.get("Server-Timing", ""))
    return Answer(answer.status, taken, float(found[1]) if found else 0.0)


def _authorized(ids: list[UUID]) -> int:
    wanted = select(Extension.id).where(Extension.id.in_(ids))
    held = wanted.where(Extension.authorization_status == AuthorizationStatus.AUTHORIZED)
    return len(db.session.scalars(held).all())
