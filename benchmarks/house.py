"""The house in which figures are measured: a database server of its own with fsync on, the web server as it is run,
and the load beside it.
"""

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask

from b2c_web.db_server import DatabaseServer, ephemeral_server

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 60
# as `make run` serves, but for the limits that a hundred customers from one address would meet
SETTINGS = {
    "B2C_ENV": "development",
    "DEMO_MODE": "0",
    "SECRET_KEY": "for measuring only, long enough to be a key",
    "STRIPE_SECRET_KEY": "sk_test_for_measuring",
    "STRIPE_WEBHOOK_SECRET": "whsec_for_measuring",
    "STRIPE_API_BASE": "http://127.0.0.1:9",
    "RATE_LIMIT_PER_MINUTE": "10000000",
    "HOLDS_PER_NETWORK_PER_DAY": "1000000",
    "HOLDS_PER_ADDRESS_PER_DAY": "1000",
}


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


@dataclass
class House:
    """A running database server and what is measured on it."""

    server: DatabaseServer
    database: str = "measured"
    _apps: dict[str, Flask] = field(default_factory=dict)

    def environ(self) -> dict[str, str]:
        return {**os.environ, **SETTINGS, "DATABASE_URL": self.server.url(self.database)}

    @property
    def app(self) -> Flask:
        """The application in this process, on the database that is measured now."""
        from b2c_web import create_app

        if self.database not in self._apps:
            self._apps[self.database] = create_app(self.environ())
        return self._apps[self.database]

    def make_database(self, name: str, fill: Callable[[], Any]) -> None:
        """A migrated database that `fill` (called in the application's context) puts data into. Becomes the measured
        one; made once.
        """
        self.database = name
        if name in self._apps:
            return
        self.server.create_database(name)
        say(f"database {name}: building")
        flask(["db", "upgrade"], self.environ())
        with self.app.app_context():
            fill()
        self.let_go()

    def clone_database(self, name: str, template: str) -> None:
        """A copy of a database; replaces an earlier one of this name."""
        self.let_go()
        self.server.drop_database(name)
        self._apps.pop(name, None)
        self.server.create_database(name, template=template)
        self.database = name

    def let_go(self) -> None:
        """Close this process's connections, so that databases can be copied and dropped."""
        from b2c_web.flask_extensions import db

        for app in self._apps.values():
            with app.app_context():
                db.session.remove()
                db.engine.dispose()


def flask(arguments: Sequence[str], environ: dict[str, str]) -> str:
    """Runs a `flask` command; its output. Raises RuntimeError with what it said when it fails."""
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"flask {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def open_house() -> Iterator[House]:
    """A house with an empty database server on disk, gone at the end."""
    say("starting a database server (fsync on)")
    with ephemeral_server(fsync=True) as server:
        house = House(server)
        try:
            yield house
        finally:
            house.let_go()


@dataclass
class Web:
    """A running web server: `cpu_ms` is what its worker processes have used."""

    port: int
    process: "subprocess.Popen[bytes]"

    @cached_property
    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children]

    def cpu_ms(self) -> float:
        ticks = 0
        for pid in self.workers:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks * 1000 / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def web_server(
    environ: dict[str, str], path: str, *, application: str = "app:app", settings: str = "gunicorn.conf.py"
) -> Iterator[Web]:
    """gunicorn as the product runs it (how, stands in gunicorn.conf.py), once it answers at `path`."""
    port = free_port()
    given = {**environ, "PORT": str(port), "B2C_BASE_URL": f"http://127.0.0.1:{port}", "B2C_ACCESS_LOG": "0"}
    command = [sys.executable, "-m", "gunicorn", "-c", settings, application]
    process = subprocess.Popen(command, cwd=ROOT, env=given, stderr=subprocess.PIPE, start_new_session=True)
    try:
        _wait_until(lambda: answers(port, path), process)
        yield Web(port, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def answers(port: int, path: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _wait_until(ready: Callable[[], bool], process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            said = process.stderr.read() if process.stderr and process.poll() is not None else b""
            raise RuntimeError(f"the web server did not start: {said.decode()[-2000:]}")
        time.sleep(0.05)


@dataclass
class Load:
    """What the load saw."""

    seconds: float
    latencies_ms: list[float]
    outcomes: dict[str, int]
    bytes_read: int

    @property
    def count(self) -> int:
        return len(self.latencies_ms)

    @property
    def per_second(self) -> float:
        return self.count / self.seconds

    def percentile_ms(self, percent: int) -> float:
        return percentile(self.latencies_ms, percent)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many percent stay below or at."""
    if len(values) < 2:
        return float(values[0]) if values else float("nan")
    return float(statistics.quantiles(values, n=100, method="inclusive")[percent - 1])


def send(port: int, requests: list[str], **order: Any) -> Load:
    """Sends requests from a process of its own; see `load.Order`."""
    given = json.dumps({"port": port, "requests": requests, **order})
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load"], input=given, cwd=ROOT, capture_output=True, text=True, check=True
    )
    return Load(**json.loads(done.stdout))
