"""Running the same thing many times at once, each in a thread with a session of its own."""

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from flask import Flask
from sqlalchemy import NullPool, create_engine, text

from b2c_web.flask_extensions import db

LOOK_SECONDS = 0.1
PATIENCE_SECONDS = 60
WAITING_FOR_LOCKS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def at_once(app: Flask, works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Release all `works` together; returns each one's result, or the exception that it raised."""
    start, ended = threading.Barrier(len(works)), threading.Lock()

    def run(work: Callable[[], Any]) -> Any:
        with app.app_context():
            start.wait(timeout=60)
            try:
                return work()
            except Exception as error:  # the test looks at what was raised
                return error
            finally:
                db.session.remove()
                with ended:
                    Meeting.done += 1

    try:
        with ThreadPoolExecutor(len(works)) as pool:
            return list(pool.map(run, works))
    finally:
        Meeting.done = 0


class Meeting:
    """Lets `parties` threads pass a point only together, so that a race is sure to happen, however slow the machine.

    The parties are all the works of `at_once`. Whoever waits for a lock in the database, or is done, cannot come: then
    the others go on without them.
    """

    done: ClassVar[int] = 0  # works of `at_once` that have ended

    def __init__(self, parties: int) -> None:
        self._parties = parties
        self._arrived, self._changed, self._over = 0, threading.Condition(), False

    def wait(self) -> None:
        """Past the first meeting nobody waits."""
        with self._changed:
            self._arrived += 1
            self._look()
            deadline = time.monotonic() + PATIENCE_SECONDS
            missed = 0  # looks in a row that found nobody who may still come
            while not self._over and missed < 2 and time.monotonic() < deadline:
                self._changed.wait(LOOK_SECONDS)
                self._look()
                missed = missed + 1 if not self._over and self._nobody_comes() else 0
            assert self._over or missed, "the others never came, so there was no race"
            self._over = True
            self._changed.notify_all()

    def _look(self) -> None:
        if self._arrived >= self._parties:
            self._over = True
            self._changed.notify_all()

    def _nobody_comes(self) -> bool:
        engine = create_engine(db.engine.url, poolclass=NullPool)
        with engine.connect() as connection:
            held_up = connection.scalar(WAITING_FOR_LOCKS)
        return self._arrived + held_up + Meeting.done >= self._parties
