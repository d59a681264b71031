"""Database, web server, worker and simulator, each of which may be killed at any moment and comes back."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from benchmarks import garage
from benchmarks.garage import Simulator
from benchmarks.house import ROOT, House, answers, free_port

WATCH_SECONDS = 0.2


@dataclass
class Service:
    """A process and its children that are started again whenever they end, as a supervisor does."""

    command: Sequence[str]
    environ: dict[str, str]
    log: IO[bytes]
    process: "subprocess.Popen[bytes] | None" = None
    wanted: bool = True
    starts: int = 0

    def keep(self) -> None:
        if self.wanted and (self.process is None or self.process.poll() is not None):
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.environ, stdout=self.log, stderr=self.log, start_new_session=True
            )
            self.starts += 1

    def kill(self) -> None:
        """With -9, children too."""
        if self.process is not None and self.process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def end(self) -> None:
        self.wanted = False
        self.kill()


@dataclass
class Household:
    """Everything that runs. `before_a_person`: operations that failed for good, by name."""

    house: House
    provider: Simulator
    port: int
    environ: dict[str, str]
    log: IO[bytes]
    before_a_person: dict[str, int] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        python = [sys.executable, "-m"]
        web = [*python, "gunicorn", "-c", "gunicorn.conf.py", "app:app"]
        worker = [*python, "flask", "--app", "app", "worker"]
        self.web = Service(web, self.environ, self.log)
        self.worker = Service(worker, self.environ, self.log)
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    def start(self) -> None:
        self._supervisor.start()
        deadline = time.monotonic() + 60
        while not answers(self.port, "/health"):
            if time.monotonic() > deadline:
                raise RuntimeError("the web server did not start")
            time.sleep(0.1)

    def _supervise(self) -> None:
        while not self._over.wait(WATCH_SECONDS):
            self.web.keep()
            self.worker.keep()

    def restart_database(self) -> None:
        self.house.server.stop()
        self.house.server.start()

    def control(self, method: str, path: str, /, **body: Any) -> dict[str, Any] | None:
        """A call of the simulator's control API; None when it was just being killed or refuses."""
        try:
            return self.provider.control(method, path, **body)
        except (urllib.error.URLError, OSError):
            return None

    def calm(self) -> None:
        """The provider behaves; events that it never sent stay unsent."""
        self.control("DELETE", "faults")
        self.control("DELETE", "webhooks")

    def rest(self) -> None:
        self.worker.end()

    def end(self) -> None:
        self._over.set()
        self._supervisor.join()
        self.web.end()
        self.worker.end()


@contextmanager
def household(house: House) -> Iterator[Household]:
    """All of it started; gone at the end."""
    port = free_port()
    with garage.simulator(f"http://127.0.0.1:{port}/payments/webhook") as provider, TemporaryDirectory() as folder:
        provider.control("POST", "settings", debit_seconds=20)
        environ = house.environ() | {
            "PORT": str(port),
            "B2C_BASE_URL": f"http://127.0.0.1:{port}",
            "B2C_ACCESS_LOG": "0",
            "STRIPE_API_BASE": provider.url,
            "PAYMENT_TIMEOUT_SECONDS": "3",
            "RECONCILE_MINUTES": "5",
        }
        log_path = Path(os.environ.get("CHAOS_LOG") or Path(folder) / "household.log")
        with log_path.open("ab") as log:
            home = Household(house, provider, port, environ, log)
            try:
                home.start()
                yield home
            finally:
                home.end()
