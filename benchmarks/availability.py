"""The month page's fragment through the web server, against a bare app that renders the same rows.

`availability` reads everything fresh for each request: 50 visitors at 50 workshops, 300 windows each. The floor reads
the same windows with one bare statement and renders them through the same template. Beside it stands what the bare app
does when it need not even read them (`in_memory`). `availability_reused` gives a fragment out again while the database
says that nothing it shows has changed (see `b2c_web.bookings.reuse`); every request still asks.
"""

import os
import pickle
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from b2c_web.bookings import calendar_view, steps
from b2c_web.bookings.availability import Answer, Question
from b2c_web.bookings.models import BookingDraft
from b2c_web.flask_extensions import db
from benchmarks import data, visitors
from benchmarks.house import House, Load, Web, percentile, say, send, web_server

CLIENTS, TURNS, SECONDS, WARM_UP_SECONDS = 16, 4, 4.0, 3.0
RATIO, CPU_MS, P95_MS = 0.25, 8.0, 200.0
AIM = 1.0  # of what is given out again
THREADS = {"WEB_THREADS": "8"}  # the figure is promised for 2 x 8


@dataclass
class Side:
    """One of the two servers and what it has answered."""

    web: Web
    requests: list[str]
    loads: list[Load] = field(default_factory=list)
    cpu_ms: float = 0.0

    def turn(self, seconds: float, *, counts: bool = True) -> None:
        before = self.web.cpu_ms()
        load = send(self.web.port, self.requests, clients=CLIENTS, seconds=seconds)
        if counts:
            self.loads.append(load)
            self.cpu_ms += self.web.cpu_ms() - before

    @property
    def count(self) -> int:
        return sum(load.count for load in self.loads)

    @property
    def per_second(self) -> float:
        return self.count / sum(load.seconds for load in self.loads)

    @property
    def cpu_ms_each(self) -> float:
        return self.cpu_ms / self.count

    @property
    def p95_ms(self) -> float:
        return percentile([ms for load in self.loads for ms in load.latencies_ms], 95)

    @property
    def bytes_each(self) -> int:
        return round(sum(load.bytes_read for load in self.loads) / self.count)

    def check(self) -> None:
        """Raises RuntimeError when anything but pages came back."""
        outcomes = {outcome for load in self.loads for outcome in load.outcomes}
        if outcomes != {"200"}:
            raise RuntimeError(f"answers other than 200: {outcomes}")


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figures `availability` and `availability_reused`."""
    data.big(house)
    with house.app.app_context():
        requests = visitors.at_the_calendar(house.app)
        bare_requests = [visitors.get(f"/{workshop.id}", "") for workshop in data.workshops()]
        given = example()
    house.let_go()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "rows").write_bytes(pickle.dumps(given))
        ours = Side(stack.enter_context(product_server(house, reuse=False)), requests)
        reused = Side(stack.enter_context(product_server(house, reuse=True)), requests)
        bare = stack.enter_context(bare_server(house, folder / "rows"))
        floor, memory = Side(bare, bare_requests), Side(bare, [visitors.get("/", "")])
        take_turns(ours, reused, floor, memory)
    windows = {"windows": sum(1 for _offer in given[1].offers())}
    yield line("availability", ours, floor, memory) | windows
    again = line("availability_reused", reused, floor, memory)
    yield again | windows | {"aim": AIM, "aim_met": again["ratio"] > AIM}


def line(name: str, ours: Side, floor: Side, memory: Side) -> dict[str, Any]:
    """One figure out of what the three sides answered."""
    ratio = ours.per_second / floor.per_second
    return {
        "name": name,
        "ours": round(ours.per_second, 1),
        "floor": round(floor.per_second, 1),
        "ratio": round(ratio, 3),
        "unit": "pages/s",
        "cpu_ms": round(ours.cpu_ms_each, 2),
        "floor_cpu_ms": round(floor.cpu_ms_each, 2),
        "p95_ms": round(ours.p95_ms, 1),
        "in_memory": round(memory.per_second, 1),
        "ratio_to_in_memory": round(ours.per_second / memory.per_second, 3),
        "clients": CLIENTS,
        "bytes": ours.bytes_each,
        "floor_bytes": floor.bytes_each,
        "ok": ratio >= RATIO and ours.cpu_ms_each <= CPU_MS and ours.p95_ms <= P95_MS,
    }


def product_server(house: House, *, reuse: bool) -> Any:
    return web_server({**house.environ(), **THREADS, "CALENDAR_REUSE": "1" if reuse else "0"}, "/health")


def bare_server(house: House, rows: Path) -> Any:
    environ = {
        **os.environ,
        **THREADS,
        "BARE_ROWS": str(rows),
        "BARE_DATABASE": house.server.client_url(house.database),
    }
    application, settings = "benchmarks.bare:create_app()", "benchmarks/bare_gunicorn.conf.py"
    return web_server(environ, "/", application=application, settings=settings)


def example() -> tuple[Question, Answer, date | None]:
    """What one of the visitors asks and is answered, and the day that the page opens."""
    draft = db.session.query(BookingDraft).order_by(BookingDraft.id).first()
    if draft is None:
        raise RuntimeError("there is no visitor")
    question = steps.question_of(draft, steps.reach_of(draft))
    answer = calendar_view.ask(question)
    return question, answer, calendar_view.build(answer, question, calendar_view.Choice()).day


def take_turns(*sides: Side) -> None:
    """A warm-up each, then in turns, so that whatever else the machine does meets all of them."""
    for side in sides:
        side.turn(WARM_UP_SECONDS, counts=False)
    for turn in range(TURNS):
        say(f"turn {turn + 1} of {TURNS}: {SECONDS:g} s for each of {len(sides)} servers")
        for side in sides:
            side.turn(SECONDS)
    for side in sides:
        side.check()
