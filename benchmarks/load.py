"""The load: a process of its own that sends prepared HTTP requests as fast as they are answered, and little else.

    python -m benchmarks.load < order.json > result.json

It speaks just enough HTTP/1.1 to send ready-made bytes over kept connections and to read a status, a Location and a
body of known length, so that it takes a small part of the two cores.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

END_OF_HEAD = b"\r\n\r\n"


@dataclass
class Order:
    """What to send. With `seconds`, the requests go round until time is up; without, each is sent once.

    `together`: every request gets a connection of its own, all are opened first and released at once.
    """

    port: int
    requests: list[str]
    clients: int = 16
    seconds: float | None = None
    together: bool = False


@dataclass
class Result:
    """Latencies in milliseconds in the order of their ends; how often each outcome came."""

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    bytes_read: int = 0


class Answer:
    """One response as far as it is of interest."""

    def __init__(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ", 2)[1])
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        self.length = int(fields.get("content-length", "0"))
        self.location = fields.get("location", "")
        self.stays_open = fields.get("connection", "keep-alive").lower() != "close"

    @property
    def outcome(self) -> str:
        """The status, and of a redirection where it leads (its last word)."""
        return f"{self.status} {self.location.split('?')[0].rsplit('/', 1)[-1]}".strip()


class Connection(asyncio.Protocol):
    """One kept connection with one request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: Answer | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._transport: asyncio.Transport | None = None
        self.bytes_read = 0

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("closed without an answer"))

    def send(self, request: bytes) -> "asyncio.Future[Answer]":
        self._waiting = asyncio.get_running_loop().create_future()
        if self._transport:
            self._transport.write(request)
        return self._waiting

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self.bytes_read += len(data)
        if self._answer is None:
            head, found, rest = self._buffer.partition(END_OF_HEAD)
            if not found:
                return
            self._answer, self._buffer = Answer(head), rest
        if len(self._buffer) >= self._answer.length:
            self._finish(self._answer)

    def _finish(self, answer: Answer) -> None:
        self._buffer, self._answer = self._buffer[answer.length :], None
        if not answer.stays_open:
            self.close()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(answer)


async def connect(port: int) -> Connection:
    _transport, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
    return connection


async def one(connection: Connection, request: bytes, result: Result) -> None:
    began = time.perf_counter()
    try:
        outcome = (await connection.send(request)).outcome
    except ConnectionError:
        outcome = "no answer"
    result.latencies_ms.append((time.perf_counter() - began) * 1000)
    result.outcomes[outcome] += 1


async def client(order: Order, requests: list[bytes], until: float, result: Result) -> None:
    """Takes the next request, waits for its answer, and so on."""
    connection = await connect(order.port)
    while requests and time.perf_counter() < until:
        request = requests.pop()
        if order.seconds is not None:
            requests.insert(0, request)
        if not connection.is_open:
            result.bytes_read += connection.bytes_read
            connection = await connect(order.port)
        await one(connection, request, result)
    result.bytes_read += connection.bytes_read
    connection.close()


async def run(order: Order) -> Result:
    result, requests = Result(), [text.encode() for text in reversed(order.requests)]
    if order.together:
        connections = [await connect(order.port) for _request in requests]
        began = time.perf_counter()
        await asyncio.gather(*(one(c, r, result) for c, r in zip(connections, requests, strict=True)))
        for connection in connections:
            connection.close()
    else:
        began = time.perf_counter()
        until = began + (order.seconds if order.seconds is not None else 3600)
        await asyncio.gather(*(client(order, requests, until, result) for _number in range(order.clients)))
    result.seconds = time.perf_counter() - began
    await asyncio.sleep(0)  # connections close in the loop's next round
    return result


def main() -> None:
    result = asyncio.run(run(Order(**json.load(sys.stdin))))
    json.dump(result.__dict__, sys.stdout)


if __name__ == "__main__":
    main()
