"""`make run`: its children, its environment and its endings."""

import contextlib
import http.client
import http.server
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from b2c_web import db_places as places
from b2c_web import processes, runner
from b2c_web.db_server import DatabaseServer
from b2c_web.processes import Console, Household, LogTail
from b2c_web.runner import RunError
from tests import ports


def python(code: str) -> list[str]:
    return [sys.executable, "-u", "-c", code]


def gone(pid: int, seconds: float = 60) -> bool:
    """Whether a process ends in time; one that only waits to be reaped has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if not Path(f"/proc/{pid}/cmdline").read_bytes():
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def written() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def household(written: io.StringIO, tmp_path: Path) -> Iterator[Household]:
    made = Household(Console(written), tmp_path)
    yield made
    made.stop(hurry=lambda: True)


def pump_until(household: Household, written: io.StringIO, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in written.getvalue():
        assert time.monotonic() < deadline, written.getvalue()
        household.pump(0.05)


def test_children_speak_under_their_names(household: Household, written: io.StringIO) -> None:
    household.start("web", python("print('first'); import sys; print('second', file=sys.stderr)"), os.environ)
    household.start("pay", python("print('half', end='')"), os.environ)
    pump_until(household, written, "second")
    pump_until(household, written, "half")
    assert "web    | first\n" in written.getvalue()
    assert "web    | second\n" in written.getvalue()
    assert "pay    | half\n" in written.getvalue()


def test_names_are_coloured_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    coloured, bare = Terminal(), Terminal()
    Console(coloured, {}).line("web", "up")
    Console(bare, {"NO_COLOR": "1"}).line("web", "up")
    assert coloured.getvalue() == "\033[32mweb    |\033[0m up\n"
    assert bare.getvalue() == "web    | up\n"


def test_a_reader_that_left_does_not_matter() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        console = Console(out)
        console.plain("nobody hears this")
        console.plain("nor this")


def test_the_fallen_child_is_named_with_its_code(household: Household) -> None:
    household.start("web", python("import time; time.sleep(60)"), os.environ)
    household.start("worker", python("raise SystemExit(3)"), os.environ)
    deadline = time.monotonic() + 60
    while not household.fallen() and time.monotonic() < deadline:
        household.pump(0.05)
    fallen = household.fallen()
    assert fallen is not None
    assert (fallen.name, fallen.process.returncode) == ("worker", 3)


def test_a_child_that_ends_as_it_should_shows_its_last_lines(household: Household, written: io.StringIO) -> None:
    child = household.start("setup", python("print('done')"), os.environ)
    child.process.wait()
    assert household.release(child) == 0
    assert household.fallen() is None
    assert "setup  | done\n" in written.getvalue()


GRANDCHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("grandchild", child.pid, flush=True)
time.sleep(60)
"""


def test_stopping_ends_children_and_grandchildren(household: Household, written: io.StringIO) -> None:
    child = household.start("web", python(GRANDCHILD), os.environ)
    pump_until(household, written, "grandchild")
    grandchild = int(written.getvalue().split()[-1])
    household.stop()
    assert child.process.returncode == -signal.SIGTERM
    assert gone(grandchild)


def test_a_child_that_will_not_end_is_ended(
    household: Household, written: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf'); time.sleep(60)"
    child = household.start("web", python(stubborn), os.environ)
    pump_until(household, written, "deaf")
    monkeypatch.setattr(processes, "STOP_SECONDS", 0.3)
    household.stop()
    assert child.process.returncode == -signal.SIGKILL


PARENT = """
import os, sys, time
from pathlib import Path
from b2c_web.processes import Console, Household
household = Household(Console(), Path("."))
child = household.start("web", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ)
print(child.process.pid, flush=True)
time.sleep(60)
"""


def test_children_end_with_a_parent_that_is_killed() -> None:
    with subprocess.Popen(python(PARENT), stdout=subprocess.PIPE, cwd=places.CLONE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert gone(child)


def test_a_log_is_shown_from_now_on(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("old\n")
    tail = LogTail(path)
    assert tail.lines() == []
    with path.open("a") as log:
        log.write("new\nhal")
    assert tail.lines() == ["new"]
    with path.open("a") as log:
        log.write("f\n")
    assert tail.lines() == ["half"]
    path.write_text("anew\n")
    assert tail.lines() == ["anew"]
    path.unlink()
    assert tail.lines() == []


@pytest.fixture
def environ(tmp_path: Path, free_port: int) -> dict[str, str]:
    return {"B2C_INSTANCE_DIR": str(tmp_path), "PORT": str(free_port)}


@pytest.fixture
def free_port() -> int:
    return ports.free_port()


def test_a_newcomer_gets_secrets_and_a_simulator(environ: dict[str, str], tmp_path: Path, free_port: int) -> None:
    made, port = runner.prepare_environment(environ)
    assert made["B2C_BASE_URL"] == f"http://127.0.0.1:{free_port}"
    assert made["STRIPE_API_BASE"] == f"http://127.0.0.1:{port}"
    assert made["STRIPE_SECRET_KEY"].startswith("sk_test_")
    assert made["STRIPE_WEBHOOK_SECRET"].startswith("whsec_")
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    again, same_port = runner.prepare_environment(environ)
    assert (again, same_port) == (made, port)


def test_ones_own_stripe_key_means_no_simulator(environ: dict[str, str]) -> None:
    made, port = runner.prepare_environment(environ | {"STRIPE_SECRET_KEY": "sk_test_mine"})
    assert port is None
    assert made["STRIPE_SECRET_KEY"] == "sk_test_mine"
    assert "STRIPE_API_BASE" not in made


def test_a_relative_folder_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: io.StringIO
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "Console", lambda: Console(written))
    monkeypatch.setenv("B2C_INSTANCE_DIR", "relative")
    monkeypatch.setattr(runner, "Run", None)  # nothing is started, whatever happens
    assert runner.main() == 1
    assert "Cannot run: B2C_INSTANCE_DIR='relative': must be a folder's whole path" in written.getvalue()
    assert list(tmp_path.iterdir()) == []


def test_production_gets_nothing_filled_in(environ: dict[str, str], tmp_path: Path) -> None:
    made, port = runner.prepare_environment(environ | {"B2C_ENV": "production"})
    assert port is None
    assert not {"SECRET_KEY", "STRIPE_SECRET_KEY", "STRIPE_API_BASE", "B2C_BASE_URL"} & set(made)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("port", ["http", "0", "70000", "-1"])
def test_a_wrong_port_is_named(environ: dict[str, str], port: str) -> None:
    with pytest.raises(RunError, match=f"PORT={port} "):
        runner.prepare_environment(environ | {"PORT": port})


def test_a_taken_port_is_named(environ: dict[str, str], free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        with pytest.raises(RunError, match=rf"port {free_port} is taken.*PORT=\d+ make run"):
            runner.prepare_environment(environ)
        assert runner.next_free_port(free_port) > free_port


def test_one_run_at_a_time(environ: dict[str, str]) -> None:
    with runner.only_one(environ) as lock:
        lock.write("process 7 at http://127.0.0.1:1")
        lock.flush()
        with pytest.raises(RunError, match=r"already: process 7 at http://127\.0\.0\.1:1"), runner.only_one(environ):
            pass
    with runner.only_one(environ) as lock:
        lock.seek(0)
        assert lock.read() == ""


@pytest.mark.parametrize("is_ours", [True, False])
def test_half_a_demo_is_refused_with_what_to_delete(
    environ: dict[str, str], tmp_path: Path, written: io.StringIO, monkeypatch: pytest.MonkeyPatch, is_ours: bool
) -> None:
    monkeypatch.setattr(runner, "is_half_made", lambda url: url == "postgresql://half")
    run = runner.Run({**environ, "DATABASE_URL": "postgresql://half"}, None, Console(written))
    run.database = DatabaseServer(tmp_path / "postgres", environ=environ) if is_ours else None
    with pytest.raises(RunError, match=f"Delete {re.escape(str(tmp_path))} and start again") as refused:
        run.load_demo()
    assert ("Empty the database of DATABASE_URL too" in str(refused.value)) is not is_ours


def test_knows_whether_a_page_answers(free_port: int) -> None:
    assert runner.answers("127.0.0.1", free_port, "/") is None

    class Quiet(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, *arguments: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", free_port), Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        assert runner.answers("127.0.0.1", free_port, "/health") == 503
        thread.join()


class Started:
    """`python app.py` as a newcomer would start it, with an instance folder of its own."""

    def __init__(self, home: Path, port: int) -> None:
        # Not the shell's own settings: another database or Stripe account must not get into a test.
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self.environ = kept | {"B2C_INSTANCE_DIR": str(home), "PORT": str(port), "DEMO_MODE": "0"}
        self.port = port
        self.log = home / "run.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "app.py"], cwd=places.CLONE, env=self.environ, stdout=log, stderr=log
            )

    def until(self, words: str, seconds: float = 180) -> None:
        deadline = time.monotonic() + seconds
        while words not in self.said():
            assert time.monotonic() < deadline, self.said()
            assert self.process.poll() is None or words in self.said(), self.said()
            time.sleep(0.05)

    def first_page(self, seconds: int = 60) -> int:
        """The status of the front page, however long a busy machine takes to draw it for the first time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        with contextlib.closing(connection):
            connection.request("GET", "/")
            return connection.getresponse().status

    def said(self) -> str:
        return self.log.read_text()

    def end(self) -> None:
        self.process.kill()  # its children end with it
        self.process.wait()

    def children(self) -> dict[str, int]:
        """The process ids of its children by what they run."""
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        words = {pid: Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in pids}
        return {command[2]: int(pid) for pid, command in words.items()}


@pytest.fixture
def home() -> Iterator[Path]:
    # Not tmp_path: its parents are closed to the unprivileged user that root hands the database to.
    folder = Path(tempfile.mkdtemp(prefix="b2c-run-"))
    folder.chmod(0o755)
    yield folder
    DatabaseServer(folder / "postgres").stop()
    shutil.rmtree(folder)


@pytest.fixture
def start(home: Path, free_port: int) -> Iterator[Callable[[], Started]]:
    """`start()`: a run like a newcomer's; what a failed test leaves of it ends with the test."""
    with contextlib.ExitStack() as runs:

        def start() -> Started:
            run = Started(home, free_port)
            runs.callback(run.end)
            return run

        yield start


def test_a_run_serves_refuses_a_second_and_ends_on_ctrl_c(
    home: Path, free_port: int, start: Callable[[], Started]
) -> None:
    run = start()
    run.until("Stop with Ctrl-C")
    assert run.first_page() == 200
    children = run.children()
    assert set(children) == {"b2c_web.payments.simulator", "gunicorn", "flask"}
    second = subprocess.run(
        [sys.executable, "app.py"], cwd=places.CLONE, env=run.environ, capture_output=True, text=True, check=False
    )
    assert second.returncode == 1
    assert f"runs here already: process {run.process.pid} at http://127.0.0.1:{free_port}" in second.stdout
    run.process.send_signal(signal.SIGINT)
    assert run.process.wait(60) == 0, run.said()
    assert all(gone(pid) for pid in children.values())
    assert not DatabaseServer(home / "postgres").status().running
    assert "Traceback" not in run.said()


def test_a_killed_run_leaves_no_orphans_and_the_next_one_takes_over(home: Path, start: Callable[[], Started]) -> None:
    first = start()
    first.until("Stop with Ctrl-C")
    children = first.children()
    first.process.kill()
    first.process.wait()
    assert all(gone(pid) for pid in children.values())
    left = DatabaseServer(home / "postgres").status().pid
    assert left is not None
    first.log.unlink()
    second = start()
    second.until("Stop with Ctrl-C")
    assert DatabaseServer(home / "postgres").status().pid == left
    os.kill(second.children()["flask"], signal.SIGKILL)
    assert second.process.wait(60) == 1
    assert "Cannot go on: worker ended with code -9" in second.said()
    assert not DatabaseServer(home / "postgres").status().running


def test_the_block_names_address_logins_and_payments(monkeypatch: pytest.MonkeyPatch) -> None:
    from b2c_web.demo import logins

    monkeypatch.setattr(logins, "demo_logins", lambda: [("admin", "ada@example.org", "pass word")])
    settings = {"B2C_BASE_URL": "http://127.0.0.1:8000", "DEMO_MODE": True}
    block = "\n".join(runner.announcement(settings, 2.5, 8001))
    assert "Ready after 2.5 s:  http://127.0.0.1:8000" in block
    assert "admin  ada@example.org  pass word" in block
    assert "/dev/outbox" in block
    assert "4242 4242 4242 4242" in block
    plain = "\n".join(runner.announcement(settings | {"DEMO_MODE": False}, 2.5, None))
    assert "ada@example.org" not in plain
    assert "4242" not in plain
