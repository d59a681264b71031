"""The payment simulator as a process of its own, and a receiver for its webhooks."""

import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import stripe

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
SECRET = "whsec_of_the_tests"
START_SECONDS = 20


class SimulatorProcess:
    """`start()` returns when it answers; `kill()` ends it without warning, `stop()` politely. The port stays."""

    def __init__(self, state_path: Path, webhook_url: str | None = None, *options: str) -> None:
        self.state_path = state_path
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        hook = ["--webhook-url", webhook_url] if webhook_url else []
        self.arguments = ["--webhook-secret", SECRET, "--retry-seconds", "0.1", "--quiet", *hook, *options]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "SimulatorProcess":
        command = [sys.executable, "-m", "b2c_web.payments.simulator", "--port", str(self.port)]
        environment = {name: value for name, value in os.environ.items() if name != "B2C_ENV"}
        self._process = subprocess.Popen(
            [*command, "--state", str(self.state_path), *self.arguments], cwd=ROOT, env=environment
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("the payment simulator did not start")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        self._end(subprocess.Popen.terminate)

    def kill(self) -> None:
        self._end(subprocess.Popen.kill)

    def __enter__(self) -> "SimulatorProcess":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def client(self, **options: Any) -> stripe.StripeClient:
        """The official library, unchanged, with no retries of its own unless told."""
        chosen = {"max_network_retries": 0, **options}
        return stripe.StripeClient("sk_test_contract", base_addresses={"api": self.url}, **chosen)

    def control(self, method: str, path: str, /, **body: Any) -> dict[str, Any]:
        """A call of the control API; raises RuntimeError with what it answered when that is no success."""
        status, text = self.request(
            method, f"/_simulator/{path}", json.dumps(body), {"Content-Type": "application/json"}
        )
        if status != 200:
            raise RuntimeError(f"{status}: {text}")
        return dict(json.loads(text))

    def pay(self, session_id: str, **how: Any) -> dict[str, Any]:
        return self.control("POST", f"sessions/{session_id}/pay", **how)

    def advance(self, seconds: int) -> None:
        self.control("POST", "clock", advance_seconds=seconds)

    def request(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
        status, text, _ = self.request_with_headers(method, path, body, headers)
        return status, text

    def request_with_headers(
        self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, str, http.client.HTTPMessage]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body.encode(), headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def _ready(self) -> bool:
        try:
            return self.request("GET", "/_simulator/")[0] == 200
        except OSError:
            return False

    def _end(self, how: Any) -> None:
        if self._process is not None and self._process.poll() is None:
            how(self._process)
        if self._process is not None:
            self._process.wait(timeout=60)


@dataclass
class Received:
    signature: str
    payload: bytes

    @property
    def event(self) -> Any:
        """The event, verified by the official library."""
        return stripe.Webhook.construct_event(self.payload, self.signature, SECRET)


@dataclass
class WebhookReceiver:
    """Takes webhooks on a port of its own. `answers`: statuses for the next ones, then 200."""

    answers: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._changed = threading.Condition()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> "WebhookReceiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def types(self) -> list[str]:
        return [each.event.type for each in self.received]

    def forget(self) -> None:
        self.received.clear()
        self.answers.clear()

    def wait_for(self, count: int, seconds: float = 60) -> list[Received]:
        """Until so many came; raises AssertionError with what came instead."""
        with self._changed:
            arrived = self._changed.wait_for(lambda: len(self.received) >= count, timeout=seconds)
        assert arrived, f"{len(self.received)} of {count} webhooks came: {self.types}"
        return self.received

    def _take(self, received: Received) -> int:
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()
            return self.answers.pop(0) if self.answers else 200

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver._take(Received(self.headers["Stripe-Signature"], payload))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        return Handler
