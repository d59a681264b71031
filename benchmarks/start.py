"""How long a newcomer waits: from `make run` on a set-up machine to the first page.

The first start makes the database, brings it to the newest schema and loads the demo beside the first page; the
second finds everything. The floor is a bare web server's start.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from benchmarks.house import ROOT, House, answers, free_port, say, web_server

SECONDS = 8.0
GIVE_UP_SECONDS = 120
STOP_SECONDS = 60


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `start`."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # the database's user must be able to enter
        say("first start, on an empty folder")
        first = from_make_run(folder)
        say("second start")
        again = from_make_run(folder)
    floor = bare_start()
    yield {
        "name": "start",
        "ours": round(first, 2),
        "floor": round(floor, 2),
        "ratio": round(first / floor, 2),
        "unit": "s",
        "first_start_s": round(first, 2),
        "again_s": round(again, 2),
        "ok": max(first, again) <= SECONDS,
    }


def from_make_run(instance: str) -> float:
    """Seconds until the front page is there; returns once all is ready and stopped again."""
    port = free_port()
    with running(instance, port) as (process, ready):
        began = time.monotonic()
        while not answers(port, "/"):
            if process.poll() is not None or time.monotonic() - began > GIVE_UP_SECONDS:
                raise RuntimeError("`make run` brought no page")
            time.sleep(0.02)
        seconds = time.monotonic() - began
        if not ready.wait(GIVE_UP_SECONDS):
            raise RuntimeError("`make run` did not become ready")
    return seconds


@contextmanager
def running(instance: str, port: int) -> Iterator[tuple["subprocess.Popen[str]", threading.Event]]:
    """`make run` with a folder of its own; the event is set when it says that it is ready."""
    ours = {"DATABASE_URL", "STRIPE_SECRET_KEY", "STRIPE_API_BASE", "B2C_BASE_URL", "B2C_ENV"}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    environ |= {"B2C_INSTANCE_DIR": instance, "PORT": str(port)}
    process = subprocess.Popen(
        [shutil.which("make") or "make", "--no-print-directory", "run"], cwd=ROOT, env=environ, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip
    ready = threading.Event()
    assert process.stdout is not None  # noqa: S101 - it was asked for
    reader = threading.Thread(target=_read, args=(process.stdout, ready), daemon=True)
    reader.start()
    try:
        yield process, ready
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(STOP_SECONDS)
        reader.join(5)


def _read(output: IO[str], ready: threading.Event) -> None:
    for line in output:
        if "Ready after" in line:
            ready.set()


def bare_start() -> float:
    """Seconds until the same web server answers with an app that does nothing."""
    began = time.monotonic()
    with web_server(
        dict(os.environ), "/", application="benchmarks.nothing:app", settings="benchmarks/bare_gunicorn.conf.py"
    ):
        return time.monotonic() - began
