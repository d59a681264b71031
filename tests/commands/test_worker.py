"""`flask worker` works off the queue of its own application."""

import logging
import os
from typing import Any

import pytest
from flask import Flask
from procrastinate.testing import InMemoryConnector

from b2c_web import jobs
from b2c_web.cli.worker import NICENESS, is_news

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


def test_of_the_clocks_jobs_only_what_goes_wrong_is_a_line(
    session: Any, app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(jobs, "_declared", {})
    monkeypatch.setattr(jobs, "_periodic", {})

    @jobs.job("test.queued")
    def queued() -> None:
        pass

    @jobs.periodic("test.beat", cron="0 0 29 2 *")
    def beat(well: bool) -> None:
        if not well:
            raise ArithmeticError("out of beat")

    queue = jobs._build(app, InMemoryConnector())

    def lines_of(name: str, **arguments: Any) -> list[str]:
        caplog.clear()
        with caplog.at_level(logging.INFO), caplog.filtering(is_news):  # type: ignore[arg-type]
            queue.tasks[name].defer(**arguments)
            queue.run_worker(wait=False, install_signal_handlers=False, listen_notify=False)
        of_jobs = [one.__dict__ for one in caplog.records if {"job", "jobs"} & set(one.__dict__)]
        return [one["action"] for one in of_jobs]

    assert lines_of("test.beat", timestamp=1, well=True) == []
    assert lines_of("test.beat", timestamp=1, well=False) == ["job_error"]
    assert lines_of("test.queued") == ["jobs_deferred", "start_job", "job_success"]


@pytest.mark.parametrize(
    ("words", "is_line"),
    [
        ("message='Request to Stripe api' method=get", False),
        ("message='Stripe API response' response_code=200", False),
        ("error_code=None error_message='No such refund'", True),
        ("message='Encountered a retryable error'", True),
    ],
)
def test_of_requests_to_stripe_only_errors_are_lines(words: str, is_line: bool) -> None:
    assert is_news(logging.LogRecord("stripe", logging.INFO, "", 0, words, None, None)) is is_line
