"""Child processes whose output is shown line by line under their names, and which never outlive us."""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO

COLOURS = {"db": 90, "setup": 33, "pay": 35, "worker": 34, "web": 32, "demo": 36}
PR_SET_PDEATHSIG = 1
STOP_SECONDS = 25.0  # the worker lets running jobs end for 20 s


class Console:
    """Prints lines under a name, coloured on a terminal. A reader that went away is no reason to fail."""

    def __init__(self, out: IO[str] = sys.stdout, environ: Mapping[str, str] = os.environ) -> None:
        self._out = out
        self._coloured = out.isatty() and not environ.get("NO_COLOR")

    def line(self, name: str, text: str) -> None:
        prefix = f"{name:<6} |"
        if self._coloured:
            prefix = f"\033[{COLOURS.get(name, 37)}m{prefix}\033[0m"
        self.plain(f"{prefix} {text}")

    def plain(self, text: str) -> None:
        try:
            print(text, file=self._out, flush=True)
        except BrokenPipeError:
            # What is still buffered is written once more when the process ends.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._out.fileno())
            os.close(nowhere)


class Child:
    """One running child, in a process group of its own."""

    def __init__(self, name: str, command: list[str], environ: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=folder, env=dict(environ), start_new_session=True, preexec_fn=_end_with_parent(os.getpid()),  # noqa: PLW1509 - we run no threads
        )  # fmt: skip
        assert self.process.stdout is not None  # noqa: S101 - it was asked for
        self.output = self.process.stdout
        os.set_blocking(self.output.fileno(), False)
        self._rest = b""

    def lines(self) -> tuple[list[str], bool]:
        """The whole lines that it wrote since the last call, and whether that was all: its output is closed."""
        chunk = self.output.read()
        if chunk == b"":
            rest, self._rest = self._rest, b""
            return ([rest.decode(errors="replace")] if rest else []), True
        *whole, self._rest = (self._rest + (chunk or b"")).split(b"\n")
        return [line.decode(errors="replace") for line in whole], False

    def signal(self, number: int) -> None:
        """Sends a signal to it and to the processes that it started itself."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _end_with_parent(parent: int) -> Callable[[], None]:
    """For the child before its program starts: the kernel ends it when we are killed and cannot."""
    if not sys.platform.startswith("linux"):
        return lambda: None
    prctl = ctypes.CDLL(None).prctl

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask_kernel


class LogTail:
    """What others append to a file from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = path.stat().st_size if path.exists() else 0

    def lines(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            if file.seek(0, os.SEEK_END) < self._position:
                self._position = 0  # begun anew meanwhile
            file.seek(self._position)
            whole = file.read().rpartition(b"\n")[0]
        self._position += len(whole) + 1 if whole else 0
        return whole.decode(errors="replace").splitlines()


class Household:
    """All children and watched logs together."""

    def __init__(self, console: Console, folder: Path) -> None:
        self._console = console
        self._folder = folder
        self._selector = selectors.DefaultSelector()
        self._logs: list[tuple[str, LogTail]] = []
        self.children: list[Child] = []

    def watch(self, name: str, log: LogTail) -> None:
        self._logs.append((name, log))

    def start(self, name: str, command: list[str], environ: Mapping[str, str]) -> Child:
        """Starts a child that is expected to stay."""
        child = Child(name, command, environ, self._folder)
        self.children.append(child)
        self._selector.register(child.output, selectors.EVENT_READ, child)
        return child

    def pump(self, seconds: float) -> None:
        """Shows what children and logs have written; waits so long for the first of it."""
        if not self._selector.get_map():
            time.sleep(seconds)
        for key, _ in self._selector.select(seconds):
            self._show(key.data)
        for name, log in self._logs:
            for line in log.lines():
                self._console.line(name, line)

    def _show(self, child: Child) -> None:
        lines, closed = child.lines()
        for line in lines:
            self._console.line(child.name, line)
        if closed:
            self._selector.unregister(child.output)
            child.output.close()

    def fallen(self) -> Child | None:
        """The first child that has ended."""
        return next((child for child in self.children if child.process.poll() is not None), None)

    def release(self, child: Child) -> int:
        """Takes a child that ended as it should off the list, its last lines shown. Returns its exit code."""
        self._drain(child)
        self.children.remove(child)
        return child.process.wait()

    def _drain(self, child: Child) -> None:
        """Shows what an ended child still has to say; a process that it left behind may hold its output open."""
        while not child.output.closed:
            lines, closed = child.lines()
            for line in lines:
                self._console.line(child.name, line)
            if closed or not lines:
                self._selector.unregister(child.output)
                child.output.close()

    def stop(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """Asks every child to end, waits up to 25 s (or until `hurry` says so), then ends what is left."""
        for child in self.children:
            child.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._alive() and time.monotonic() < deadline and not hurry():
            self.pump(0.05)
        for child in self.children:
            child.signal(signal.SIGKILL)
            child.process.wait()
            self._drain(child)
        self.children.clear()

    def _alive(self) -> bool:
        return any(child.process.poll() is None for child in self.children)
