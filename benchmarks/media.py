"""A 12-megapixel photo from the upload to its three sizes in the store, through the web server and the worker as they
are run; how long the web process answers nobody else meanwhile; and what the worker needs for eight at once.

The floor is the same work on the same photo in a plain script: decode once, make three sizes, encode them.
"""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.models import Booking
from b2c_web.demo.bulk import Order
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaState
from benchmarks import data
from benchmarks.house import ROOT, House, Web, say, web_server
from benchmarks.visitors import cookie_of, signed_in

SECONDS, BLOCKED_MS, WORKER_MB = 1.2, 100.0, 300.0
ROUNDS, AT_ONCE, GIVE_UP_SECONDS = 12, 8, 60
PIXELS = (4000, 3000)
SIZES = (2400, 1080, 320)
NOBODYS = "opens nothing"


@dataclass(frozen=True)
class Sender:
    """A signed-in browser in front of one booking."""

    port: int
    booking_id: uuid.UUID
    cookie: str
    csrf: str

    def upload(self, photo: bytes) -> uuid.UUID:
        """Sends a photo as the page's script does; the id of the file. Raises RuntimeError when it is not taken."""
        headers = {"Content-Type": "application/octet-stream", "Cookie": self.cookie}
        headers |= {"X-CSRFToken": self.csrf, "HX-Request": "true"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=GIVE_UP_SECONDS)
        address = f"/media/booking/{self.booking_id}?key={uuid.uuid4()}"
        connection.request("POST", address, photo, headers)
        answer = connection.getresponse()
        said = answer.read().decode()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the upload was answered {answer.status}: {said[:500]}")
        return uuid.UUID(said.partition('id="media-')[2][:36])


def measure(house: House) -> Iterator[dict[str, Any]]:
    """The figure `media`."""
    house.make_database("media", fill)
    photo = twelve_megapixels()
    floor = min(bare(photo) for _n in range(5))
    with tempfile.TemporaryDirectory() as folder:
        environ = house.environ() | {"MEDIA_DIR": folder, "WEB_PROCESSES": "1"}
        with web_server(environ, "/health") as web, worker(environ) as process, house.app.app_context():
            sender = signed_in_sender(house, web)
            say(f"{ROUNDS} photos of {len(photo) / 1e6:.1f} MB, one after the other")
            to_ready(sender, photo)  # the first one loads the decoders
            with pinged(web) as pauses_ms:
                seconds = sorted(to_ready(sender, photo) for _n in range(ROUNDS))
            with pinged(web) as crowded_ms:
                say(f"{AT_ONCE} at once")
                at_once = all_at_once(sender, photo)
            memory_mb = peak_mb(process.pid)
    more = {"at_once_seconds": round(at_once, 2), "alone_blocked_ms": round(max(pauses_ms), 1)}
    yield figure(seconds, floor, max(*pauses_ms, *crowded_ms), memory_mb) | more


def figure(seconds: list[float], floor: float, blocked_ms: float, worker_mb: float) -> dict[str, Any]:
    """What is printed. The slowest of all rounds is what counts."""
    worst = seconds[-1]
    return {
        "name": "media",
        "ours": round(worst, 3),
        "floor": round(floor, 3),
        "ratio": round(worst / floor, 2),
        "unit": "s",
        "seconds": round(worst, 3),
        "median_seconds": round(seconds[len(seconds) // 2], 3),
        "blocked_ms": round(blocked_ms, 1),
        "worker_mb": round(worker_mb, 1),
        "ok": worst < SECONDS and blocked_ms < BLOCKED_MS and worker_mb < WORKER_MB,
    }


def fill() -> None:
    """A workshop with a few bookings, and somebody who may add photos to them."""
    data.fill(Order(1, 5, 10, every_day=True))
    db.session.add(User(email="pruefstand@example.org", name="Prüfstand", role=Role.ADMIN, password_hash=NOBODYS))
    db.session.commit()


def twelve_megapixels() -> bytes:
    """As a phone makes it: fine detail, some megabytes, lying on its side with a note how it was held."""
    grain = Image.effect_noise((PIXELS[0] // 2, PIXELS[1] // 2), 60).resize(PIXELS, Image.Resampling.BICUBIC)
    shade = Image.linear_gradient("L").resize(PIXELS)
    exif, content = Image.Exif(), BytesIO()
    exif[0x0112] = 6
    Image.merge("RGB", (grain, shade, grain)).save(content, "JPEG", quality=90, exif=exif.tobytes())
    return content.getvalue()


def bare(photo: bytes) -> float:
    """Seconds of the plain work."""
    began = time.perf_counter()
    image = Image.open(BytesIO(photo)).convert("RGB")
    for side in SIZES:
        image = image.resize((side, side * PIXELS[1] // PIXELS[0]), Image.Resampling.BICUBIC, reducing_gap=2.0)
        image.save(BytesIO(), "JPEG", quality=84)
    return time.perf_counter() - began


def signed_in_sender(house: House, web: Web) -> Sender:
    booking_id = db.session.scalars(select(Booking.id).limit(1)).one()
    with house.app.test_request_context():
        person = db.session.scalars(select(User).where(User.role == Role.ADMIN).limit(1)).one()
        session, csrf = signed_in(house.app, person)
        cookie = cookie_of(house.app, session)
    return Sender(web.port, booking_id, cookie, csrf)


def to_ready(sender: Sender, photo: bytes) -> float:
    """Seconds from the first byte sent until the sizes are stored."""
    began = time.perf_counter()
    wait_for({sender.upload(photo)})
    return time.perf_counter() - began


def all_at_once(sender: Sender, photo: bytes) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        wait_for(set(pool.map(sender.upload, [photo] * AT_ONCE)))
    return time.perf_counter() - began


def wait_for(ids: set[uuid.UUID]) -> None:
    """Returns once all are READY. Raises RuntimeError when one never is."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    query = select(MediaFile.state).where(MediaFile.id.in_(ids))
    while set(db.session.scalars(query)) != {MediaState.READY}:
        db.session.rollback()
        if time.monotonic() > deadline:
            raise RuntimeError("a photo did not become READY")
        time.sleep(0.005)
    db.session.rollback()


@contextmanager
def worker(environ: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """`flask worker`, as it is run."""
    command = [sys.executable, "-m", "flask", "--app", "app", "worker"]
    process = subprocess.Popen(command, cwd=ROOT, env=environ, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def peak_mb(pid: int) -> float:
    """The most memory that a process ever had."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


@contextmanager
def pinged(web: Web) -> Iterator[list[float]]:
    """How long somebody else waits for the smallest answer of the same web process, all the while."""
    waits_ms: list[float] = []
    command = [sys.executable, "-c", PING, str(web.port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=os.sep, text=True)
    try:
        yield waits_ms
    finally:
        said, _nothing = process.communicate("stop", timeout=30)
        waits_ms += json.loads(said)


# a process of its own: beside the uploads it would measure them
PING = """
import http.client, json, select, sys, time
connection, waits = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1])), []
while not select.select([sys.stdin], [], [], 0.005)[0]:
    began = time.perf_counter()
    connection.request("GET", "/health")
    connection.getresponse().read()
    waits.append((time.perf_counter() - began) * 1000)
print(json.dumps(waits))
"""
