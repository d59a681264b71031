"""The measuring tools measure what they say: every answer counted, every promise in its place."""

import asyncio
import http.server
import threading
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest

from benchmarks import load
from benchmarks.__main__ import FIGURES, main
from benchmarks.availability import line
from benchmarks.contention import Outcome
from benchmarks.house import Load, percentile


@pytest.fixture
def server():
    """Answers /ok, redirects /book, closes the connection after /close, and says nothing to /silent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            if self.path == "/silent":
                self.close_connection = True
                return
            self.send_response(303 if self.path == "/book" else 200)
            if self.path == "/book":
                self.send_header("Location", "http://x/bookings/1/payment?a=b")
            if self.path == "/close":
                self.send_header("Connection", "close")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_words):
            return

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 64

    found = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found.server_address[1]
    found.shutdown()
    thread.join()
    found.server_close()


def get(path):
    return f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"


def sent(port, paths, **order):
    sending = load.run(load.Order(port, [get(path) for path in paths], **order))
    with ThreadPoolExecutor(1) as pool:  # a thread that saw a browser before has a loop of its own
        return pool.submit(asyncio.run, sending).result()


def test_each_request_is_sent_once_and_its_outcome_counted(server):
    result = sent(server, ["/ok"] * 5 + ["/book"] * 3 + ["/close"] * 2, clients=3)
    assert result.outcomes == {"200": 7, "303 payment": 3}
    assert len(result.latencies_ms) == 10
    assert min(result.latencies_ms) > 0


def test_requests_go_round_until_time_is_up(server):
    result = sent(server, ["/ok", "/book"], clients=2, seconds=0.3)
    assert result.outcomes["200"] > 2
    assert abs(result.outcomes["200"] - result.outcomes["303 payment"]) <= 2
    assert 0.3 <= result.seconds < 3


def test_a_crowd_is_released_together_and_silence_is_no_answer(server):
    result = sent(server, ["/ok"] * 20 + ["/silent"], together=True)
    assert result.outcomes == {"200": 20, "no answer": 1}


@pytest.mark.parametrize(("percent", "value"), [(50, 50.0), (95, 95.0), (99, 99.0)])
def test_percentiles(percent, value):
    assert percentile(list(range(101)), percent) == value
    assert percentile([7.0], percent) == 7.0


def test_what_is_neither_booked_nor_refused_is_an_error_and_so_is_a_breach():
    crowd = Load(1.0, [1.0] * 200, {"303 payment": 20, "303 date": 178, "500": 1, "no answer": 1}, 0)
    outcome = Outcome(crowd, breaches=3, cpu_ms=0.0)
    assert (outcome.booked, outcome.refused, outcome.errors) == (20, 178, 5)


class Side:
    """What one server answered, as the figure reads it."""

    def __init__(self, per_second, cpu_ms_each=5.0, p95_ms=100.0):
        self.per_second, self.cpu_ms_each, self.p95_ms, self.bytes_each = per_second, cpu_ms_each, p95_ms, 1000


@pytest.mark.parametrize(
    ("ours", "good"),
    [(Side(100), True), (Side(99), False), (Side(100, cpu_ms_each=8.1), False), (Side(100, p95_ms=201), False)],
)
def test_the_month_page_is_held_to_all_three_promises(ours, good):
    figure = line("availability", ours, Side(400), Side(1000))
    assert (figure["ok"], figure["unit"]) == (good, "pages/s")
    assert figure["ratio"] == pytest.approx(ours.per_second / 400, abs=0.001)


def test_every_figure_has_its_file_and_unknown_ones_are_named(capsys):
    promised = {"availability", "availability_reused", "availability_growth", "claim", "contention", "start"}
    promised |= {"capacity_month", "capacity_month_reused", "extension_approval", "media", "verify_after_chaos"}
    assert set(FIGURES) == promised
    assert all(hasattr(import_module(f"benchmarks.{module}"), "measure") for module in FIGURES.values())
    with pytest.raises(SystemExit):
        main(["speed"])
    assert "unknown: speed" in capsys.readouterr().err
