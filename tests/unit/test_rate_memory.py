"""The coarse limit's counters: fixed windows, no thread, no endless growth."""

import threading
import time

import pytest
from flask import Flask
from flask_limiter import Limiter
from limits import RateLimitItemPerMinute
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter

from b2c_web import rate_memory


@pytest.fixture
def at(monkeypatch):
    """Sets the time of day that the counters see."""
    moment = [1_000.0]
    monkeypatch.setattr(rate_memory.time, "time", lambda: moment[0])

    def go(seconds):
        moment[0] = seconds

    return go


@pytest.fixture
def memory():
    found = storage_from_string("process://")
    assert isinstance(found, rate_memory.ProcessMemory)
    return found


def test_a_window_counts_up_and_begins_anew_when_it_is_over(memory, at):
    assert [memory.incr("a", 60) for _again in range(3)] == [1, 2, 3]
    at(1_059.9)
    assert (memory.incr("a", 60), memory.get("a"), memory.get_expiry("a")) == (4, 4, 1_060.0)
    at(1_060.0)
    assert memory.get("a") == 0
    assert (memory.incr("a", 60, 5), memory.get_expiry("a")) == (5, 1_120.0)


def test_keys_do_not_know_each_other(memory, at):
    memory.incr("a", 60)
    assert (memory.get("b"), memory.get_expiry("b"), memory.check()) == (0, 1_000.0, True)
    memory.clear("a")
    memory.clear("never there")
    assert memory.get("a") == 0
    memory.incr("b", 60)
    assert (memory.reset(), memory.get("b")) == (1, 0)


def test_what_is_over_is_forgotten_when_many_have_gathered(memory, at, monkeypatch):
    monkeypatch.setattr(rate_memory, "MANY", 10)
    for number in range(10):
        memory.incr(f"old {number}", 60)
    at(1_100.0)
    memory.incr("new", 60)
    assert list(memory._counts) == ["new"]


def test_threads_lose_no_count_and_none_is_started(memory):
    before = threading.active_count()
    counting = [threading.Thread(target=lambda: [memory.incr("a", 600) for _n in range(500)]) for _t in range(8)]
    for thread in counting:
        thread.start()
    for thread in counting:
        thread.join()
    assert memory.get("a") == 4_000
    assert threading.active_count() == before


def test_the_library_limits_with_it(memory):
    limiter, limit = FixedWindowRateLimiter(memory), RateLimitItemPerMinute(2)
    assert [limiter.hit(limit, "somebody") for _again in range(3)] == [True, True, False]
    assert limiter.hit(limit, "somebody else")
    assert limiter.get_window_stats(limit, "somebody").reset_time > time.time()


def test_a_page_asked_for_too_often_is_refused():
    app = Flask(__name__)
    limiter = Limiter(lambda: "one", default_limits=["3 per minute"], storage_uri="process://")
    limiter.init_app(app)
    app.add_url_rule("/", "page", lambda: "here")
    client = app.test_client()
    assert [client.get("/").status_code for _again in range(4)] == [200, 200, 200, 429]
