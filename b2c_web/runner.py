"""`make run`: the whole product on one machine, for a newcomer. Starts everything, shows it, stops it."""

import fcntl
import http.client
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

from b2c_web import db_places as places
from b2c_web.config import ConfigError, load_settings
from b2c_web.db_server import DatabaseServer, DatabaseServerError
from b2c_web.processes import Child, Console, Household, LogTail
from b2c_web.schema_state import NoDatabaseError, column, is_empty, is_half_made, schema_is_current
from b2c_web.secrets_file import load_secrets, note_simulator

READY_SECONDS = 90


class RunError(RuntimeError):
    """It cannot start, or cannot go on; the message says why."""


class StopAskedError(Exception):
    """Somebody asked us to stop while we were starting."""


def main() -> int:
    """Runs everything until Ctrl-C. Exit code 0 after that, 1 when something was missing or died."""
    console = Console()
    logging.basicConfig(format="setup  | %(message)s", level=logging.WARNING)
    try:
        load_settings({name: os.environ[name] for name in os.environ.keys() & {"B2C_INSTANCE_DIR"}})  # written to now
        with only_one(os.environ) as lock:
            environ, simulator_port = prepare_environment(os.environ)
            lock.write(f"process {os.getpid()} at {environ.get('B2C_BASE_URL')}")
            lock.flush()
            return Run(environ, simulator_port, console).go()
    except (RunError, ConfigError, DatabaseServerError) as error:
        console.plain(f"Cannot run: {error}")
        return 1


@contextmanager
def only_one(environ: Mapping[str, str]) -> Iterator[IO[str]]:
    """Holds the instance folder for us alone; the kernel gives it back however we end."""
    folder = places.instance_dir(environ)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "run.lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise RunError(f"it runs here already: {file.read().strip()}. Stop that one first.") from None
        file.truncate(0)
        yield file


def prepare_environment(given: Mapping[str, str]) -> tuple[dict[str, str], int | None]:
    """The children's environment, and the simulator's port when payments go to the simulator.

    Fills in what a newcomer has not set; production gets nothing filled in. Raises ConfigError for a wrong
    setting and RunError for a wrong or taken port.
    """
    environ = dict(given) | {"PYTHONUNBUFFERED": "1"}
    port = web_port(environ)
    environ["PORT"] = str(port)
    simulator_port = None
    if environ.get("B2C_ENV") != "production":
        environ.setdefault("B2C_BASE_URL", f"http://{bind_address(environ)}:{port}")
        secrets = load_secrets(places.instance_dir(environ))
        environ.setdefault("SECRET_KEY", secrets["SECRET_KEY"])
        if not environ.get("STRIPE_SECRET_KEY"):
            simulator_port = next_free_port(port + 1)
            environ |= {name: secrets[name] for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")}
            environ["STRIPE_API_BASE"] = f"http://127.0.0.1:{simulator_port}"
            note_simulator(places.instance_dir(environ), environ["STRIPE_API_BASE"])
    return environ, simulator_port


def bind_address(environ: Mapping[str, str]) -> str:
    return environ.get("B2C_BIND") or "127.0.0.1"


def web_port(environ: Mapping[str, str]) -> int:
    text = environ.get("PORT") or "8000"
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise RunError(f"PORT={text} is no port; use a number from 1 to 65535.")
    if not is_free(bind_address(environ), int(text)):
        raise RunError(f"port {text} is taken by another program. Choose one: PORT={int(text) + 10} make run")
    return int(text)


def is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def next_free_port(first: int) -> int:
    """The same one at each start if it can be: payment pages that are still open stay valid."""
    for port in range(first, min(first + 50, 65536)):
        if is_free("127.0.0.1", port):
            return port
    raise RunError(f"no free port from {first} on for the payment simulator.")


class Run:
    """One run: its children, its database and the wish to stop."""

    def __init__(self, environ: dict[str, str], simulator_port: int | None, console: Console) -> None:
        self.settings: dict[str, Any] = load_settings(environ)
        self.environ = environ
        self.simulator_port = simulator_port
        self.console = console
        self.household = Household(console, places.CLONE)
        self.database: DatabaseServer | None = None
        self.stop_asked = 0
        self.began = time.monotonic()
        self.worker_began = 0.0

    def go(self) -> int:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._ask_to_stop)
        try:
            self.start_web()
            self.start_database()
            self.start_simulator()
            self.wait_for_schema()
            self.load_demo()
            self.start_worker()
            self.wait_until_ready()
            self.announce()
            return self.attend()
        except StopAskedError:
            return 0
        except (RunError, DatabaseServerError, NoDatabaseError) as error:
            if not self.stop_asked:
                self.console.plain(f"\nCannot go on: {error}")
            return 0 if self.stop_asked else 1
        finally:
            self.shut_down()

    def _ask_to_stop(self, number: int, frame: object) -> None:
        self.stop_asked += 1

    # -- starting

    def start_web(self) -> None:
        """First, since it takes longest to load. It waits for the database, ours unless DATABASE_URL names another,
        and brings it to the newest schema before it serves.
        """
        if not self.environ.get("DATABASE_URL"):
            self.database = DatabaseServer(places.instance_dir(self.environ) / "postgres", environ=self.environ)
            self.environ["DATABASE_URL"] = self.database.url()
        self._start("web", "-m", "gunicorn", "-c", "gunicorn.conf.py", "app:app", B2C_BRINGS_UP="1")

    def start_database(self) -> None:
        if self.database:
            self.household.watch("db", LogTail(self.database.log_file))
            self.database.start()

    def start_simulator(self) -> None:
        if self.simulator_port is None:
            return
        state = places.instance_dir(self.environ) / "simulator.sqlite"
        hook = f"http://{bind_address(self.environ)}:{self.environ['PORT']}/payments/webhook"
        arguments = ["--port", str(self.simulator_port), "--state", str(state), "--webhook-url", hook]
        secret = ["--webhook-secret", self.environ["STRIPE_WEBHOOK_SECRET"]]
        self._start("pay", "-m", "b2c_web.payments.simulator", *arguments, *secret)

    def wait_for_schema(self) -> None:
        url = self.environ["DATABASE_URL"]
        if not schema_is_current(url):
            self.console.line("setup", "bringing the database to the newest schema")
        while not schema_is_current(url):
            self._look_around()

    def load_demo(self) -> None:
        url = self.environ["DATABASE_URL"]
        if self.settings["DEMO_MODE"] and is_half_made(url):
            begin_anew = f"Delete {places.instance_dir(self.environ)} and start again."
            if self.database is None:
                begin_anew = f"Empty the database of DATABASE_URL too. {begin_anew}"
            raise RunError(f"an earlier start ended before the demo data were whole. {begin_anew}")
        if self.settings["DEMO_MODE"] and is_empty(url):
            self.console.line("setup", "loading the demo data, this once")
            self._finish("demo", "-m", "flask", "demo", "load")

    def start_worker(self) -> None:
        """After the demo data, which do their own jobs at the times that they play at."""
        self.worker_began = time.time()
        self._start("worker", "-m", "flask", "worker")

    def _start(self, name: str, *arguments: str, **environ: str) -> Child:
        return self.household.start(name, [sys.executable, *arguments], self.environ | environ)

    def _finish(self, name: str, *arguments: str) -> None:
        """Runs a child to its end, with the others going on. Raises RunError when it fails."""
        child = self._start(name, *arguments)
        while child.process.poll() is None:
            self._look_around()
        code = self.household.release(child)
        if code:
            raise RunError(f"{name} ended with code {code}; its last lines stand above.")

    def _look_around(self) -> None:
        self.household.pump(0.05)
        if self.stop_asked:
            raise StopAskedError
        fallen = self.household.fallen()
        if fallen and fallen.name != "demo":
            self.household.pump(0.1)
            raise RunError(f"{fallen.name} ended with code {fallen.process.returncode}; its last lines stand above.")

    # -- ready

    def wait_until_ready(self) -> None:
        """Until web server, simulator and worker are at work. Raises RunError when they are not, or with a fault."""
        deadline = time.monotonic() + READY_SECONDS
        pending = [self._web_answers, self._simulator_answers, self._worker_works]
        while pending := [probe for probe in pending if not probe()]:
            pause = time.monotonic() + 0.1
            while time.monotonic() < pause:
                self._look_around()
            if time.monotonic() > deadline:
                raise RunError(f"not ready after {READY_SECONDS} s; see the lines above.")

    def _web_answers(self) -> bool:
        status = answers(bind_address(self.environ), int(self.environ["PORT"]), "/health")
        if status not in {None, 200}:
            raise RunError(f"the web server answers /health with {status}; its last lines stand above.")
        return status == 200

    def _simulator_answers(self) -> bool:
        return self.simulator_port is None or answers("127.0.0.1", self.simulator_port, "/") is not None

    def _worker_works(self) -> bool:
        question = "SELECT id FROM procrastinate_workers WHERE last_heartbeat > to_timestamp(%s)"
        url = self.environ["DATABASE_URL"]
        return bool(column(url, question, "procrastinate_workers", self.worker_began))

    def announce(self) -> None:
        seconds = time.monotonic() - self.began
        for line in announcement(self.settings, seconds, self.simulator_port):
            self.console.plain(line)

    def attend(self) -> int:
        """Shows the logs until somebody asks to stop. Raises RunError when a child or the database ends."""
        while not self.stop_asked:
            self.household.pump(0.5)
            if self.household.fallen():
                self._look_around()
            if self.database and not self.database.status().running:
                raise RunError("the database server ended; its last lines stand above.")
        return 0

    # -- stopping

    def shut_down(self) -> None:
        """Ends the children, then the database, which they may be writing to until their end."""
        asked = self.stop_asked
        self.console.plain("\nStopping ...")
        self.household.stop(hurry=lambda: self.stop_asked > asked)
        if self.database:
            self.database.stop()
            self.household.pump(0)
        self.console.plain("Stopped.")


def answers(host: str, port: int, path: str) -> int | None:
    """The status that a server on this machine gives for a page, None while nobody listens."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def announcement(settings: Mapping[str, Any], seconds: float, simulator_port: int | None) -> list[str]:
    """The one block that a newcomer needs."""
    address = settings["B2C_BASE_URL"]
    lines = ["", "=" * 72, f"  Ready after {seconds:.1f} s:  {address}", ""]
    if settings["DEMO_MODE"]:
        lines += [*_demo_lines(), "", f"  Messages that were sent:  {address}/dev/outbox"]
    if simulator_port:
        lines += ["  Demo payments: card 4242 4242 4242 4242, any date to come, any three digits"]
    return [*lines, "  Stop with Ctrl-C.", "=" * 72, ""]


def _demo_lines() -> list[str]:
    from b2c_web.demo.logins import demo_logins

    rows = demo_logins()
    role_width = max(len(role) for role, _, _ in rows)
    mail_width = max(len(email) for _, email, _ in rows)
    shown = [f"    {role:<{role_width}}  {email:<{mail_width}}  {password}" for role, email, password in rows]
    return ["  Demo logins (role, address, password):", *shown]


if __name__ == "__main__":
    sys.exit(main())
