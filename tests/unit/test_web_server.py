"""How the web server shares connections between its processes."""

import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.workers.gthread import ThreadWorker

SETTINGS = Path(__file__).resolve().parents[2] / "gunicorn.conf.py"


@pytest.fixture
def taking(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """What a process with so many connections does when another one comes: its pauses (ms) and what it takes."""

    def act(connections: int, *, resting: int = 0, processes: int = 2) -> list[Any]:
        done: list[Any] = []
        monkeypatch.setattr(ThreadWorker, "accept", lambda _self, listener: done.append(listener))
        monkeypatch.setattr("time.sleep", lambda seconds: done.append(seconds * 1000))
        kind = runpy.run_path(str(SETTINGS))["worker_class"]
        worker = kind.__new__(kind)
        worker.cfg = SimpleNamespace(workers=processes)
        worker.nr_conns, worker.keepalived_conns, worker.pending_conns = connections, [None] * resting, []
        worker.accept("the next one")
        return done

    return act


def test_a_process_without_work_takes_the_next_connection_at_once(taking: Callable[..., list[Any]]) -> None:
    assert taking(0) == taking(3, resting=3) == ["the next one"]
    assert taking(5, processes=1) == ["the next one"]


def test_a_process_with_work_gives_the_other_one_the_more_time_the_more_it_has(
    taking: Callable[..., list[Any]],
) -> None:
    assert taking(1) == [0.25, "the next one"]
    assert taking(5, resting=1) == [1, "the next one"]
    assert taking(100) == [2, "the next one"]
