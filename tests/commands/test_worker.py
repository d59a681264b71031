"""`flask worker` works off the queue of its own application."""

import os
from typing import Any

import pytest
from flask import Flask

from b2c_web import jobs
from b2c_web.cli.worker import NICENESS

NICE_BEFORE = os.getpriority(os.PRIO_PROCESS, 0)


@pytest.fixture(autouse=True)
def niceness(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """What the command asks to step back by; the tests' own process keeps its place."""
    asked: list[int] = []
    monkeypatch.setattr(os, "nice", asked.append)
    return asked


@pytest.mark.parametrize(("arguments", "concurrency"), [([], 4), (["--concurrency", "9"], 9)])
def test_the_worker_gets_its_app_and_its_width(
    app: Flask, monkeypatch: pytest.MonkeyPatch, arguments: list[str], concurrency: int
) -> None:
    called: list[tuple[Any, int]] = []
    monkeypatch.setattr(jobs, "run_worker", lambda of, width: not called.append((of, width)))  # type: ignore[func-returns-value]
    result = app.test_cli_runner().invoke(args=["worker", *arguments])
    assert result.exit_code == 0, result.output
    assert called == [(app, concurrency)]


def test_a_worker_steps_back_behind_the_pages(app: Flask, monkeypatch: pytest.MonkeyPatch, niceness: list[int]) -> None:
    monkeypatch.setattr(jobs, "run_worker", lambda of, width: niceness == [NICENESS])
    assert app.test_cli_runner().invoke(args=["worker"]).exit_code == 0
    assert niceness == [NICENESS]
    assert os.getpriority(os.PRIO_PROCESS, 0) == NICE_BEFORE


def test_a_worker_that_ends_by_itself_says_so(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "run_worker", lambda of, width: False)
    assert app.test_cli_runner().invoke(args=["worker"]).exit_code == 1


def test_a_width_of_nothing_is_refused(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["worker", "--concurrency", "0"]).exit_code == 2
