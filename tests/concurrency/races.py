"""Running the same thing many times at once, each in a thread with a session of its own."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from b2c_web.flask_extensions import db


def at_once(app: Flask, works: Sequence[Callable[[], Any]]) -> list[Any]:
    """Release all `works` together; returns each one's result, or the exception that it raised."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        with app.app_context():
            start.wait(timeout=20)
            try:
                return work()
            except Exception as error:  # the test looks at what was raised
                return error
            finally:
                db.session.remove()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


class Meeting:
    """Lets `parties` threads pass a point only together, so that a race is sure to happen."""

    def __init__(self, parties: int, seconds: float = 2) -> None:
        self._barrier, self._seconds = threading.Barrier(parties), seconds

    def wait(self) -> None:
        """Past the first meeting, or when the others never come, nobody waits."""
        try:
            self._barrier.wait(timeout=self._seconds)
        except threading.BrokenBarrierError:
            return
