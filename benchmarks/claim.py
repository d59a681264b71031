"""Holds per second through the command, against the very same statements issued by bare psycopg.

The statements are recorded below SQLAlchemy, on the driver's cursors, so that savepoints, the audit row and the job
are among them. They are then replayed, with the same values in the same order, on a fresh copy of the same database.
"""

import gc
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import event, text

from b2c_web.bookings.availability import Question
from b2c_web.bookings.claim import BookingRequest, book
from b2c_web.bookings.places import Place
from b2c_web.flask_extensions import db
from benchmarks import data
from benchmarks.house import House, say

CLAIMS, WARM_UP, TURNS, PROCESSES, CONNECTIONS = 2000, 40, 4, 2, 8
RATIO = 0.4
OURS, BARE = "claims_ours", "claims_bare"

Script = list[tuple[str, Any, Any]]


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `claim`. Ours and the floor take turns, so that whatever else the machine does meets both."""
    template = data.big(house)
    with house.app.app_context():
        wanted = data.plan_claims(WARM_UP + CLAIMS)
    scripts = record(house, template, wanted)
    house.clone_database(BARE, template)
    house.clone_database(OURS, template)
    requests = requests_for(wanted)
    warm_up(house, requests[:WARM_UP], scripts[:WARM_UP])
    ours_seconds, floor_seconds = take_turns(house, requests[WARM_UP:], scripts[WARM_UP:])
    check_held(house, len(wanted))
    ours, floor = CLAIMS / ours_seconds, CLAIMS / floor_seconds
    yield {
        "name": "claim",
        "ours": round(ours, 1),
        "floor": round(floor, 1),
        "ratio": round(ours / floor, 3),
        "unit": "holds/s",
        "claims": CLAIMS,
        "statements_per_claim": round(sum(map(len, scripts)) / len(scripts), 1),
        "processes": PROCESSES,
        "connections": PROCESSES * CONNECTIONS,
        "ok": ours / floor >= RATIO,
    }


def warm_up(house: House, requests: list[BookingRequest], scripts: list[Script]) -> None:
    """The first claims compile their statements: neither side is measured on that."""
    app = house.app
    with claimer(app) as claim:
        for request in requests:
            claim(request)
    with replayer(house.server.client_url(BARE)) as replay:
        for script in scripts:
            replay(script)
    house.let_go()


def take_turns(house: House, requests: list[BookingRequest], scripts: list[Script]) -> tuple[float, float]:
    """Seconds that our command and the bare statements took, each for all of them."""
    app, url = house.app, house.server.client_url(BARE)
    ours = floor = 0.0
    for turn in range(TURNS):
        say(f"turn {turn + 1} of {TURNS}: {CLAIMS // TURNS} claims through the command, then as bare statements")
        ours += race(requests[turn::TURNS], lambda: claimer(app))
        floor += race(scripts[turn::TURNS], lambda: replayer(url))
    return ours, floor


def check_held(house: House, claims: int) -> None:
    """Both databases hold what was claimed. Raises RuntimeError when the figure would be of something else."""
    for name in (OURS, BARE):
        with psycopg.connect(house.server.client_url(name)) as connection:
            row = connection.execute("SELECT count(*) FROM bookings WHERE status = 'PENDING'").fetchone()
        if row != (claims,):
            raise RuntimeError(f"{claims} holds were wanted in {name}, there are {row}")


def request_for(wanted: data.Wanted, question: Question) -> BookingRequest:
    place = Place("Am Beispielweg 12", wanted.postal_code, "Musterort", wanted.lat, wanted.lng)
    return BookingRequest(
        user_id=wanted.user_id,
        draft_id=wanted.user_id,  # no draft has this id: a claim of its own
        network=f"10.{wanted.number // 200}.{wanted.number % 200}.0/24",
        question=question,
        slot_id=wanted.slot_id,
        return_slot_id=wanted.return_slot_id,
        place=place,
        customer_name="Person am Beispielweg",
        customer_phone="+491713920000",
        shown_total_cents=wanted.total_cents,
    )


def requests_for(wanted: list[data.Wanted]) -> list[BookingRequest]:
    questions = (
        Question(w.workshop_id, w.service, w.vehicle_class, w.return_slot_id is not None, w.travel_minutes)
        for w in wanted
    )
    return [request_for(w, question) for w, question in zip(wanted, questions, strict=True)]


# -- recording


class Recorder:
    """Keeps what is sent over the connections of an engine, claim by claim."""

    def __init__(self) -> None:
        self.scripts: list[Script] = []

    def next_script(self) -> None:
        self.scripts.append([])

    def cursor_class(self) -> type[psycopg.Cursor[Any]]:
        recorder = self

        class Recording(psycopg.Cursor[Any]):
            def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
                recorder.keep("execute", query, params)
                return super().execute(query, params, **options)

            def executemany(self, query: Any, params_seq: Any, **options: Any) -> Any:
                params = list(params_seq)
                recorder.keep("executemany", query, params)
                return super().executemany(query, params, **options)

        return Recording

    def keep(self, how: str, query: Any, params: Any) -> None:
        if self.scripts:
            self.scripts[-1].append((how, query, params))


def record(house: House, template: str, wanted: list[data.Wanted]) -> list[Script]:
    """What each claim sends, one list of statements each."""
    say("recording the statements of each claim")
    house.clone_database("claims_recorded", template)
    recorder = Recorder()
    with house.app.app_context():
        event.listen(db.engine, "connect", lambda raw, _record: setattr(raw, "cursor_factory", recorder.cursor_class()))
        for request in requests_for(wanted):
            recorder.next_script()
            book(request)
            db.session.remove()
    return recorder.scripts


# -- measuring

Worker = Callable[[], AbstractContextManager[Callable[[Any], None]]]


@contextmanager
def claimer(app: Flask) -> Iterator[Callable[[BookingRequest], None]]:
    """A connection's worth of the application."""
    with app.app_context():
        db.session.execute(text("SELECT 1"))
        db.session.remove()

        def claim(request: BookingRequest) -> None:
            book(request)
            db.session.remove()

        yield claim


@contextmanager
def replayer(url: str) -> Iterator[Callable[[Script], None]]:
    """A connection's worth of bare psycopg."""
    with psycopg.connect(url) as connection:

        def replay(script: Script) -> None:
            for how, query, params in script:
                with connection.cursor() as cursor:
                    getattr(cursor, how)(query, params)
                    if cursor.description:
                        cursor.fetchall()
            connection.commit()

        yield replay


def race(work: list[Any], worker: Worker) -> float:
    """Shares `work` among two processes with eight connections each; the seconds from the moment when all are
    connected until the last piece is done.
    """
    gc.collect()
    gc.freeze()  # as the web server does before it forks
    processes = multiprocessing.get_context("fork")
    ready, finished = processes.Barrier(PROCESSES * CONNECTIONS + 1), processes.Queue()
    shares = [work[index::PROCESSES] for index in range(PROCESSES)]
    running = [processes.Process(target=_process, args=(share, worker, ready, finished)) for share in shares]
    for process in running:
        process.start()
    gc.unfreeze()
    with _all_ended(running):
        ready.wait(60)
        began = time.perf_counter()
        failures = [finished.get(timeout=600) for _one in running]
        seconds = time.perf_counter() - began
    if any(failures):
        raise RuntimeError("; ".join(failures))
    return seconds


@contextmanager
def _all_ended(running: list[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in running:
            process.join(10)
            if process.is_alive():
                process.terminate()


def _process(share: list[Any], worker: Worker, ready: Any, finished: Any) -> None:
    failures: list[str] = []
    source, lock = iter(share), threading.Lock()

    def take() -> Any:
        with lock:
            return next(source, None)

    def thread() -> None:
        with worker() as do:
            ready.wait(60)
            try:
                for piece in iter(take, None):
                    do(piece)
            except Exception as error:  # told to the parent, which fails
                failures.append(f"{type(error).__name__}: {error}")

    threads = [threading.Thread(target=thread) for _number in range(CONNECTIONS)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    finished.put("; ".join(failures[:3]))
