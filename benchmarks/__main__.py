"""Measures the figures named, or all of them."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from benchmarks.house import House, open_house, say

FIGURES = {
    "availability": "availability",
    "availability_reused": "availability",
    "availability_growth": "growth",
    "capacity_month": "capacity_month",
    "capacity_month_reused": "capacity_month",
    "claim": "claim",
    "contention": "contention",
    "extension_approval": "extension_approval",
    "verify_after_chaos": "verify_after_chaos",
    "media": "media",
    "start": "start",
}

Measure = Callable[[House], Iterator[dict[str, Any]]]


def fixed_work_ms() -> float:
    """The same work in plain Python each time: how fast the machine was around a figure that is an absolute time."""
    times = []
    for _turn in range(5):
        began, total = time.perf_counter(), 0
        for number in range(2_000_000):
            total += number * number % 7
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main(argv: list[str]) -> int:
    """One JSON line for each figure. Exit code 1 when one is not what we promise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which figures: {', '.join(FIGURES)} (default: all)")
    names = parser.parse_args(argv).names or list(FIGURES)
    unknown = [name for name in names if name not in FIGURES]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(FIGURES)}")
    good = True
    with open_house() as house:
        for module in dict.fromkeys(FIGURES[name] for name in names):
            say(f"measuring {module}")
            measure: Measure = import_module(f"benchmarks.{module}").measure
            before = fixed_work_ms()
            for figure in measure(house):
                speed = round((before + fixed_work_ms()) / 2)
                print(json.dumps(figure | {"fixed_work_ms": speed}), flush=True)
                good = good and bool(figure["ok"])
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
