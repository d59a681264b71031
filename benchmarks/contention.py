"""Two hundred customers after one window's last twenty places, and then bookings with places for everybody.

All over HTTP with everything that surrounds a request; a booking is measured from the POST of the summary to its 303,
when the hold is durable. The payment page is made by the next request, as in the product.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text

from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot
from benchmarks import claim, data, visitors
from benchmarks.house import House, Load, flask, say, send, web_server

CUSTOMERS, PLACES = 200, 20
PLENTY, CLIENTS = 1500, 16
FLOOR_CLAIMS = 600
P95_MS, PER_SECOND, BOOKING_P95_MS = 4000.0, 100.0, 400.0
BOOKED, REFUSED = "303 payment", "303 date"


@dataclass
class Outcome:
    """What came of one crowd."""

    load: Load
    breaches: int
    cpu_ms: float

    @property
    def booked(self) -> int:
        return self.load.outcomes.get(BOOKED, 0)

    @property
    def refused(self) -> int:
        return self.load.outcomes.get(REFUSED, 0)

    @property
    def errors(self) -> int:
        """Answers that are neither, and invariants that are broken."""
        return self.load.count - self.booked - self.refused + self.breaches


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `contention`."""
    template = data.big(house)
    few = crowd_after_one_window(house, template)
    plenty = places_for_everybody(house, template)
    per_second, p95 = plenty.booked / plenty.load.seconds, plenty.load.percentile_ms(95)
    floor = bare_claims_per_second(house, template)
    first_ok = (few.booked, few.refused, few.errors) == (PLACES, CUSTOMERS - PLACES, 0)
    few_p95 = few.load.percentile_ms(95)
    yield {
        "name": "contention",
        "ours": round(per_second, 1),
        "floor": round(floor, 1),
        "ratio": round(per_second / floor, 3),
        "unit": "bookings/s",
        "booked": few.booked,
        "refused": few.refused,
        "errors": few.errors + plenty.errors,
        "p95_ms": round(few_p95, 1),
        "bookings_per_s": round(per_second, 1),
        "booking_p95_ms": round(p95, 1),
        "bookings": plenty.booked,
        "cpu_ms": round(plenty.cpu_ms, 2),
        "clients": CLIENTS,
        "outcomes": few.load.outcomes | {f"plenty {name}": n for name, n in plenty.load.outcomes.items()},
        "ok": first_ok
        and few_p95 <= P95_MS
        and plenty.booked == PLENTY
        and plenty.errors == 0
        and per_second >= PER_SECOND
        and p95 <= BOOKING_P95_MS,
    }


def crowd_after_one_window(house: House, template: str) -> Outcome:
    """Everybody wants the same window and presses at the same moment, each on a connection of their own."""
    house.clone_database("crowd", template)
    with house.app.app_context():
        one = next(w for w in data.plan_claims(50) if w.return_slot_id is None)
        make_room(one.slot_id)
        wanted = [replace(one, number=n, user_id=user) for n, user in enumerate(data.customers(CUSTOMERS))]
        requests = visitors.before_the_button(house.app, wanted)
    return play(house, f"{CUSTOMERS} customers after {PLACES} places", requests, together=True)


def make_room(slot_id: Any) -> None:
    """The window has exactly PLACES left, and its day more than enough."""
    with db.session.begin_nested():
        slot = db.session.get_one(TimeSlot, slot_id)
        slot.max_bookings = slot.current_bookings + PLACES
        day = {"workshop": slot.workshop_id, "day": slot.service_date, "more": CUSTOMERS}
        db.session.execute(
            text(
                "UPDATE workshop_capacity SET max_bookings = current_bookings + :more"
                " WHERE workshop_id = :workshop AND date = :day"
            ),
            day,
        )
    db.session.commit()


def places_for_everybody(house: House, template: str) -> Outcome:
    """Each customer wants something that is free, every other one with concierge."""
    house.clone_database("plenty", template)
    with house.app.app_context():
        requests = visitors.before_the_button(house.app, data.plan_claims(PLENTY))
    return play(house, f"{PLENTY} bookings at {CLIENTS} clients", requests, clients=CLIENTS)


def play(house: House, what: str, requests: list[str], **order: Any) -> Outcome:
    """Sends the requests to a web server that has warmed up, and verifies the database afterwards."""
    house.let_go()
    say(what)
    with web_server(house.environ(), "/health") as web:
        with house.app.app_context():
            warm = visitors.at_the_calendar(house.app)
        send(web.port, warm * 4, clients=CLIENTS)
        before = web.cpu_ms()
        load = send(web.port, requests, **order)
        cpu_ms = (web.cpu_ms() - before) / load.count
    return Outcome(load, broken(house), cpu_ms)


def broken(house: House) -> int:
    """Invariants that `flask verify` finds broken."""
    try:
        flask(["verify"], house.environ())
    except RuntimeError as error:
        lines = [line for line in str(error).splitlines() if line.startswith("BROKEN")]
        say("verify: " + "; ".join(lines or [str(error)[-500:]]))
        return max(1, len(lines))
    return 0


def bare_claims_per_second(house: House, template: str) -> float:
    """The same kind of claims as bare statements, for comparison; see the figure `claim`."""
    house.database = template
    with house.app.app_context():
        wanted = data.plan_claims(FLOOR_CLAIMS)
    scripts = claim.record(house, template, wanted)
    house.clone_database(claim.BARE, template)
    url = house.server.client_url(claim.BARE)
    return len(scripts) / claim.race(scripts, lambda: claim.replayer(url))
