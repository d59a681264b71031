"""Signs and sends webhooks from a few threads of its own, and drives the timers."""

import hashlib
import hmac
import http.client
import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from . import deliveries, timers
from .world import World

Body = dict[str, Any]
Due = tuple[int, Body, int, float | None]
log = logging.getLogger(__name__)
TIMEOUT_SECONDS = 20
BEAT_SECONDS = 0.25
SENDERS = 4


def signature(secret: str, payload: bytes, instant: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 over "<instant>.<payload>", as documented."""
    digest = hmac.new(secret.encode(), f"{instant}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={instant},v1={digest}"


def send(url: str, secret: str, event: Body) -> tuple[bool, str]:
    """Posts the event once. Returns whether it was accepted (2xx), and what was answered."""
    payload = json.dumps(event, indent=2).encode()
    parts = urlsplit(url)
    connector = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = connector(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "payment-simulator",
        # The receiver checks the age of the signature against its own clock, so never the shifted one here.
        "Stripe-Signature": signature(secret, payload, int(time.time())),
    }
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", path, payload, headers)
        answer = connection.getresponse()
        answer.read()
        return 200 <= answer.status < 300, str(answer.status)
    except (OSError, http.client.HTTPException) as error:
        return False, type(error).__name__
    finally:
        connection.close()


class Postman:
    """One thread that looks what is due, a few that send. `stop()` leaves what is owed for the next start."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._in_flight: set[int] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._thread = threading.Thread(target=self._run, name="postman", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._world.wake.set()
        self._thread.join(timeout=2)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def flush(self, withheld: bool, timeout_seconds: float = 20) -> int:
        """Sends everything open now, whatever its time; returns how many deliveries stay open (failed or withheld)."""
        deliveries.release_everything(self._world, withheld)
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            ready = self._claim()
            for each in ready:
                self._deliver(each)
            if not ready and not self._busy():
                break
            if not ready:
                time.sleep(0.01)
        return deliveries.open_count(self._world)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._world.wake.wait(BEAT_SECONDS)
            self._world.wake.clear()
            if self._stopped.is_set():
                return
            timers.run_due(self._world)
            if self._world.settings.webhook_url:
                for each in self._claim():
                    self._pool.submit(self._deliver, each)

    def _claim(self) -> list[Due]:
        with self._lock:
            found = [each for each in deliveries.due(self._world, 200) if each[0] not in self._in_flight]
            self._in_flight.update(each[0] for each in found)
        return found

    def _release(self, delivery_id: int) -> None:
        with self._lock:
            self._in_flight.discard(delivery_id)

    def _busy(self) -> bool:
        with self._lock:
            return bool(self._in_flight)

    def _deliver(self, due: Due) -> None:
        delivery_id, event, attempts, first_at = due
        settings = self._world.settings
        try:
            delivered, answer = send(settings.webhook_url or "", settings.webhook_secret, event)
            begun = first_at or time.time()
            deliveries.record(
                self._world, delivery_id, attempts=attempts + 1, first_at=begun, delivered=delivered, answer=answer
            )
            log.info("webhook %s %s: %s", event["type"], event["id"], answer)
        finally:
            self._release(delivery_id)
        self._world.wake.set()
