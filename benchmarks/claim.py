"""Holds per second through the command, against the very same statements issued by bare psycopg.

The statements are recorded below SQLAlchemy, on the driver's cursors, so that savepoints, the audit row and the job
are among them. They are then replayed, with the same values in the same order, on a fresh copy of the same database.
"""

import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from flask import Flask
from sqlalchemy import event

from b2c_web.bookings.availability import Question
from b2c_web.bookings.claim import BookingRequest, book
from b2c_web.bookings.places import Place
from b2c_web.flask_extensions import db
from benchmarks import data
from benchmarks.house import House, say

CLAIMS, PROCESSES, CONNECTIONS = 2000, 2, 8
RATIO = 0.4

Script = list[tuple[str, Any, Any]]


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `claim`."""
    template = data.big(house)
    with house.app.app_context():
        wanted = data.plan_claims(CLAIMS)
    scripts = record(house, template, wanted)
    ours = through_the_command(house, template, wanted)
    floor = replayed(house, template, scripts)
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


def through_the_command(house: House, template: str, wanted: list[data.Wanted]) -> float:
    """Holds per second of the application's own command."""
    say(f"claiming {len(wanted)} times through the command")
    house.clone_database("claims_ours", template)
    app = house.app
    rate = race(requests_for(wanted), lambda share: _claim_all(app, share))
    with app.app_context():
        held = data.count_rows("bookings WHERE status = 'PENDING'")
    if held != len(wanted):
        raise RuntimeError(f"{len(wanted)} holds were wanted, {held} were made")
    return rate


def _claim_all(app: Flask, share: Iterator[BookingRequest]) -> None:
    with app.app_context():
        for request in share:
            book(request)
            db.session.remove()


def replayed(house: House, template: str, scripts: list[Script]) -> float:
    """Transactions per second of the same statements without us."""
    say("replaying the same statements with bare psycopg")
    house.clone_database("claims_bare", template)
    url = house.server.client_url(house.database)
    rate = race(scripts, lambda share: _replay_all(url, share))
    with house.app.app_context():
        held = data.count_rows("bookings WHERE status = 'PENDING'")
    if held != len(scripts):
        raise RuntimeError(f"the replay made {held} holds of {len(scripts)}")
    return rate


def _replay_all(url: str, share: Iterator[Script]) -> None:
    with psycopg.connect(url) as connection:
        for script in share:
            for how, query, params in script:
                with connection.cursor() as cursor:
                    getattr(cursor, how)(query, params)
                    if cursor.description:
                        cursor.fetchall()
            connection.commit()


def race(work: list[Any], each: Callable[[Iterator[Any]], None]) -> float:
    """Shares `work` among two processes with eight threads each, and says how many pieces a second are done.

    `each` does a share. The clock runs from the moment when all are ready until the last one ends.
    """
    processes = multiprocessing.get_context("fork")
    ready, finished = processes.Barrier(PROCESSES + 1), processes.Queue()
    shares = [work[index::PROCESSES] for index in range(PROCESSES)]
    running = [processes.Process(target=_process, args=(share, each, ready, finished)) for share in shares]
    for process in running:
        process.start()
    with _all_ended(running):
        ready.wait(60)
        began = time.perf_counter()
        for _one in running:
            failure = finished.get(timeout=600)
            if failure:
                raise RuntimeError(failure)
        return len(work) / (time.perf_counter() - began)


@contextmanager
def _all_ended(running: list[Any]) -> Iterator[None]:
    try:
        yield
    finally:
        for process in running:
            process.join(10)
            if process.is_alive():
                process.terminate()


def _process(share: list[Any], each: Callable[[Iterator[Any]], None], ready: Any, finished: Any) -> None:
    failures: list[str] = []
    lock, source = threading.Lock(), iter(share)

    def locked() -> Iterator[Any]:
        while True:
            with lock:
                piece = next(source, None)
            if piece is None:
                return
            yield piece

    def thread() -> None:
        try:
            each(locked())
        except Exception as error:
            failures.append(f"{type(error).__name__}: {error}")
            raise

    threads = [threading.Thread(target=thread) for _number in range(CONNECTIONS)]
    ready.wait(60)
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    finished.put("; ".join(itertools.islice(failures, 3)))
