"""`make check`: every check that needs no browser, two at a time, each with its time; all faults are shown."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
CHECKS = {
    "types": ["mypy"],
    "schema": ["tools.check_schema_drift"],
    "format": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "page-format": ["djlint", "templates", "--check", "--quiet"],
    "pages": ["djlint", "templates", "--lint"],
    "texts": ["tools.i18n", "check"],
}


@dataclass(frozen=True)
class Outcome:
    name: str
    code: int
    seconds: float
    output: str


def run(name: str) -> Outcome:
    began = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-m", *CHECKS[name]],
        check=False, cwd=CLONE, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return Outcome(name, result.returncode, time.monotonic() - began, result.stdout)


def main(chosen: list[str]) -> int:
    """Runs the named checks, or all. Exit code 1 when one found something."""
    unknown = set(chosen) - set(CHECKS)
    if unknown:
        print(f"no such check: {', '.join(sorted(unknown))}; there are: {', '.join(CHECKS)}")
        return 2
    failed = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for outcome in pool.map(run, chosen or CHECKS):
            word = "FAILED" if outcome.code else "ok"
            print(f"{word:<6}  {outcome.name:<16} {outcome.seconds:6.1f} s", flush=True)
            if outcome.code:
                print(outcome.output, flush=True)
                failed.append(outcome.name)
    print(f"check: {', '.join(failed)} failed" if failed else "check: all is well")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
