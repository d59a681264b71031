"""The heat map's fragment for a workshop's staff, with a million bookings of that one workshop in the database.

Four people at that workshop step through its months, each over a connection of their own; the web server is run as the
product runs it. `statements` counts everything that one such request sends, signing in included, `buffers` what they
read. The floor is the same load on the same web server around an application that does nothing.

`capacity_month` is measured with nothing reused between requests. `capacity_month_reused` is the product as it runs:
the facts are read each time, and a month that they made before is not drawn again.
"""

import os
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import event, func, select

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.demo.bulk import Order
from b2c_web.flask_extensions import db
from benchmarks import data, growth, visitors
from benchmarks.house import House, Load, say, send, web_server

CLIENTS, SECONDS, WARM_UP_SECONDS = 4, 8.0, 3.0
STATEMENTS, P95_MS = 4, 60.0
MONTHS = 3
BOOKINGS, PAST_DAY = 1_000_000, 300  # nine years of a workshop that took in far more cars than it plans for


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figures `capacity_month` and `capacity_month_reused`."""
    house.make_database("one_workshop", lambda: data.fill(one_workshop()))
    with house.app.app_context():
        requests = planners(house.app)
        sent = statements_of(house.app)
        read = [read_by(statements) for statements in sent]
        facts = {
            "statements": max(map(len, sent)),
            "buffers": max(map(sum, read)),
            "bookings": bookings_asked_about(),
        }
    house.let_go()
    for name, reuse in (("capacity_month", "0"), ("capacity_month_reused", "1")):
        load, cpu_ms = run(house, requests, reuse)
        yield figure(name, load, cpu_ms, nothing(), facts)


def figure(name: str, load: Load, cpu_ms: float, floor: Load, facts: dict[str, int]) -> dict[str, Any]:
    p95_ms = load.percentile_ms(95)
    return {
        "name": name,
        "p95_ms": round(p95_ms, 1),
        "median_ms": round(load.percentile_ms(50), 1),
        "floor_p95_ms": round(floor.percentile_ms(95), 1),
        "cpu_ms": round(cpu_ms, 2),
        "unit": "ms",
        **facts,
        "clients": CLIENTS,
        "pages_per_second": round(load.per_second, 1),
        "ok": p95_ms < P95_MS and facts["statements"] <= STATEMENTS,
    }


def one_workshop() -> Order:
    """A single workshop with all the bookings, the coming days as full as usual."""
    return Order(1, data.DAYS, BOOKINGS, every_day=True, past_day=PAST_DAY)


def nothing() -> Load:
    """The same load where nothing is done: what this machine takes for the rest."""
    settings = "benchmarks/bare_gunicorn.conf.py"
    with web_server(dict(os.environ), "/", application="benchmarks.nothing:app", settings=settings) as web:
        say("asking for nothing")
        send(web.port, [visitors.get("/", "")], clients=CLIENTS, seconds=WARM_UP_SECONDS)
        return send(web.port, [visitors.get("/", "")], clients=CLIENTS, seconds=SECONDS)


def run(house: House, requests: list[str], reuse: str) -> tuple[Load, float]:
    """What four people saw, and the web server's CPU time for a page in ms. Raises RuntimeError when anything but
    pages came back.
    """
    with web_server({**house.environ(), "CALENDAR_REUSE": reuse}, "/health") as web:
        say("stepping through the months")
        send(web.port, requests, clients=CLIENTS, seconds=WARM_UP_SECONDS)
        before = web.cpu_ms()
        load = send(web.port, requests, clients=CLIENTS, seconds=SECONDS)
        cpu_ms = (web.cpu_ms() - before) / load.count
    if set(load.outcomes) != {"200"}:
        raise RuntimeError(f"answers other than 200: {load.outcomes}")
    return load, cpu_ms


def months() -> list[str]:
    """The addresses of the months that the calendar reaches."""
    first, found = today_in(ZONE).replace(day=1), list[date]()
    for _n in range(MONTHS):
        found.append(first)
        first = (first + timedelta(days=31)).replace(day=1)
    return [f"/workshop/capacity?month={month.isoformat()}" for month in found]


def planners(app: Flask) -> list[str]:
    """One workshop's staff, each stepping through the months. In the application's context."""
    workshop_id = data.workshops()[0].id
    requests = []
    with app.test_request_context():
        for number in range(CLIENTS):
            mail = f"planung{number}-{workshop_id}@example.org"
            user = User(email=mail, role=Role.WORKSHOP, workshop_id=workshop_id, password_hash="opens nothing")  # noqa: S106 - no hash at all
            db.session.add(user)
            db.session.commit()
            session, _csrf = visitors.signed_in(app, user)
            cookie = visitors.cookie_of(app, session)
            requests += [visitors.get(month, cookie, target="month") for month in months()]
        db.session.commit()
        db.session.remove()
    return requests


def statements_of(app: Flask) -> list[list[tuple[str, Any]]]:
    """What each of the months sends, with its values, through the whole application."""
    user = db.session.query(User).filter(User.email.like("planung%")).first()
    if user is None:
        raise RuntimeError("no planner")
    with app.test_request_context():
        session, _csrf = visitors.signed_in(app, db.session.merge(user))
        db.session.commit()
        db.session.remove()
    return [_statements_of(app, session, month) for month in months()]


def _statements_of(app: Flask, session: dict[str, Any], path: str) -> list[tuple[str, Any]]:
    sent: list[tuple[str, Any]] = []

    def note(*call: Any) -> None:
        sent.append((call[2], call[3]))

    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie.update(session)
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        answer = client.get(path, headers={"HX-Request": "true", "HX-Target": "month"})
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    if answer.status_code != 200:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return sent


def read_by(statements: list[tuple[str, Any]]) -> list[int]:
    """The buffers that each of them reads."""
    raw = db.session.connection().connection.driver_connection
    found = [growth.blocks_read(raw, statement, values) for statement, values in statements]
    db.session.rollback()
    return found


def bookings_asked_about() -> int:
    """How many bookings the workshop has whose months are shown."""
    wanted = select(func.count()).select_from(Booking).where(Booking.workshop_id == data.workshops()[0].id)
    return db.session.scalar(wanted) or 0
