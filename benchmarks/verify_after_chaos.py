"""Bookings with extensions while everything around them breaks; afterwards nothing may be wrong, by itself.

Customers book and pay, cars come in, extensions are raised, approved, declined or paid on a page, work is completed -
over HTTP where people do it - while the web server, the worker and the simulator are killed with -9, the database is
restarted, and the provider is slow, silent or wrong and sends its events twice, late, in the opposite order or never.
Then everything is left in peace. What `flask verify` and `flask payments reconcile` find then are `breaches`; what is
still undecided after PEACE_SECONDS is `unsettled`.

CHAOS_BOOKINGS and CHAOS_SEED change how many bookings there are and which misfortunes they meet.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from b2c_web.flask_extensions import db
from benchmarks import data, garage
from benchmarks.contention import broken
from benchmarks.house import House, flask, say
from benchmarks.households import Household, household
from benchmarks.journeys import Journey

CUSTOMERS_AT_ONCE = 6
PEACE_SECONDS = 900
LOOK_SECONDS = 5

# name -> how many are undecided
UNDECIDED = {
    "bookings whose hold is over": "SELECT count(*) FROM bookings WHERE status = 'PENDING' AND hold_expires_at < now()",
    "bookings that are settling": """SELECT count(*) FROM bookings
        WHERE status = 'IN_WORKSHOP' AND service_completed_at IS NOT NULL""",
    "extensions between two states": """SELECT count(*) FROM extensions
        WHERE authorization_status IN ('PENDING', 'CAPTURING')""",
    "holds asked for": "SELECT count(*) FROM payments WHERE state = 'CREATED' AND hold_asked_at IS NOT NULL",
    "captures asked for": """SELECT count(*) FROM payments
        WHERE state = 'AUTHORIZED' AND capture_cents IS NOT NULL AND capture_given_up_at IS NULL""",
    "payments given up and not closed": """SELECT count(*) FROM payments WHERE state = 'CANCELLED'
        AND (checkout_url IS NOT NULL OR authorized_cents > 0 OR provider_asked_at IS NOT NULL)""",
    "refunds": "SELECT count(*) FROM refunds WHERE state = 'PENDING'",
    "events": "SELECT count(*) FROM provider_events WHERE processed_at IS NULL",
    "jobs": """SELECT count(*) FROM procrastinate_jobs
        WHERE task_name LIKE 'payments.%' AND (status = 'doing' OR status = 'todo'
        AND coalesce(scheduled_at, '-infinity') < now() + interval '10 minutes')
        AND task_name NOT IN ('payments.sweep', 'payments.reconcile')""",
}


@dataclass
class Chaos:
    """What goes wrong, one after the other, until `stop` is called."""

    house: Household
    chance: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        misfortunes = (
            (self.kill_web, 1),
            (self.kill_worker, 2),
            (self.restart_database, 1),
            (self.kill_provider, 1),
            (self.fault, 8),
            (self.mix_up_events, 3),
        )
        kinds, weights = zip(*misfortunes, strict=True)
        while not self._over.wait(self.chance.uniform(2.0, 6.0)):
            (misfortune,) = self.chance.choices(kinds, weights)
            self.happened[misfortune.__name__] += 1
            misfortune()

    def stop(self) -> None:
        self._over.set()

    def kill_web(self) -> None:
        self.house.web.kill()

    def kill_worker(self) -> None:
        self.house.worker.kill()

    def restart_database(self) -> None:
        self.house.restart_database()

    def kill_provider(self) -> None:
        """Silent for a moment; it comes back without its faults."""
        self.house.provider.kill()
        time.sleep(self.chance.uniform(0.5, 3))
        self.house.provider.start()

    def fault(self) -> None:
        path = self.chance.choice(["/v1/payment_intents", "/v1/payment_intents/*/capture", "/v1/checkout", "/v1/"])
        times = self.chance.randint(1, 4)
        fault: dict[str, Any] = self.chance.choice(
            [
                {"kind": "drop"},
                {"kind": "delay", "milliseconds": self.chance.choice([300, 1500, 4000])},
                {"kind": "delay", "milliseconds": 4000, "when": "after"},
                {"kind": "error", "status": 500},
                {"kind": "error", "status": 500, "stored": False},
                {"kind": "error", "status": 429},
                {"kind": "decline", "decline_code": "insufficient_funds"},
                {"kind": "decline", "decline_code": "authentication_required"},
            ]
        )
        self.house.control("POST", "faults", method="POST", path=path, times=times, **fault)

    def mix_up_events(self) -> None:
        rule: dict[str, Any] = self.chance.choice(
            [
                {"kind": "twice", "times": 10},
                {"kind": "late", "seconds": 8, "times": 6},
                {"kind": "never", "times": 4},
                {"kind": "out_of_order", "times": 4},
            ]
        )
        self.house.control("POST", "webhooks", **rule)


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `verify_after_chaos`."""
    wanted, seed = int(os.environ.get("CHAOS_BOOKINGS", "500")), int(os.environ.get("CHAOS_SEED", "1"))
    template = garage.garage(house, max(wanted, 300))
    house.clone_database("chaos", template)
    with house.app.app_context():
        plans = data.plan_claims(wanted, seed)
    house.let_go()
    began = time.monotonic()
    with household(house) as home:
        chaos, ends = _live(home, house, plans, seed)
        seconds = time.monotonic() - began
        say(f"{wanted} bookings: {dict(ends)}; misfortunes: {dict(chaos.happened)}")
        left = _peace(home, house)
        settled_after = time.monotonic() - began - seconds
        breaches = _breaches(house, home)
    yield {
        "name": "verify_after_chaos",
        "breaches": breaches,
        "unsettled": sum(left.values()),
        "unit": "",
        "bookings": wanted,
        "ends": dict(ends),
        "misfortunes": dict(chaos.happened),
        "seconds": round(seconds),
        "settled_after_s": round(settled_after),
        "undecided": {name: count for name, count in left.items() if count},
        "before_a_person": home.before_a_person,
        "ok": breaches == 0 and not any(left.values()) and ends["stuck"] == 0,
    }


def _live(home: Household, house: House, plans: list[data.Wanted], seed: int) -> tuple[Chaos, Counter[str]]:
    chaos = Chaos(home, random.Random(seed))
    done = Counter[str]()

    def one(wanted: data.Wanted) -> None:
        end = Journey(home, house.app, wanted, random.Random(seed * 1_000_003 + wanted.number)).run()
        done[end] += 1
        if done.total() % 50 == 0:
            say(f"{done.total()} bookings are through: {dict(done)}; {dict(chaos.happened)}")

    with ThreadPoolExecutor(CUSTOMERS_AT_ONCE + 1) as pool:
        breaking = pool.submit(chaos.run)
        for each in [pool.submit(one, plan) for plan in plans]:
            each.result()
        chaos.stop()
        breaking.result()
    return chaos, done


def _peace(home: Household, house: House) -> dict[str, int]:
    """Nothing breaks any more: wait until nothing is undecided. Returns what still is."""
    home.calm()
    deadline = time.monotonic() + PEACE_SECONDS
    while True:
        left = _undecided(house)
        if not any(left.values()) or time.monotonic() > deadline:
            return left
        time.sleep(LOOK_SECONDS)


def _undecided(house: House) -> dict[str, int]:
    with house.app.app_context():
        try:
            return {name: db.session.scalar(text(query)) or 0 for name, query in UNDECIDED.items()}
        except SQLAlchemyError as error:
            return {str(error)[:80]: 1}
        finally:
            db.session.remove()


def _breaches(house: House, home: Household) -> int:
    """What the two commands find. The worker is at rest, so that nobody mends while they look."""
    home.rest()
    found = broken_with(house, home)
    try:
        flask(["payments", "reconcile"], home.environ)
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if ": payment " in line or "no payment of ours" in line]
        say("reconcile: " + "; ".join(lines or [str(error)[-500:]]))
        found += max(1, len(lines))
    return found


def broken_with(house: House, home: Household) -> int:
    with house.app.app_context():
        home.before_a_person = dict(
            db.session.execute(text("SELECT operation, count(*) FROM failed_operations GROUP BY 1")).tuples().all()
        )
        db.session.remove()
    return broken(house)
