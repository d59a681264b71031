"""A garage to measure in: empty calendars, customers with saved cards at the simulator, cars that are worked on."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from sqlalchemy import select

from b2c_web.accounts.models import Role, User
from b2c_web.bookings.claim import book
from b2c_web.bookings.commands import cancel_by_staff, check_in, start_work
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.demo.bulk import BULK_MAIL, Order
from b2c_web.extensions import queries
from b2c_web.extensions.commands import Item, raise_extension
from b2c_web.extensions.commands import Offer as Found
from b2c_web.extensions.models import ExtensionStatus
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import Workshop
from benchmarks import data
from benchmarks.claim import requests_for
from benchmarks.house import ROOT, SETTINGS, House, free_port

WORKSHOPS = 10
FOUND = Found(
    "Die Beläge sind fast durch, die Scheiben haben Riefen.",
    (Item("Bremsbeläge vorn", 8990), Item("Bremsscheiben vorn", 14900), Item("Bremsflüssigkeit", 4990)),
)
CAR = {"license_plate": "WIT ME 1", "make": "Ahorn", "model": "Kombi", "year": 2020}
ROLE_MAIL = "werkstatt-{number}" + BULK_MAIL


def garage(house: House, people: int) -> str:
    """Workshops that are open every day, each with one of its staff, and customers. Returns the database's name."""
    house.make_database(f"garage_{people}", lambda: _fill(people))
    return f"garage_{people}"


def _fill(people: int) -> None:
    data.fill(Order(WORKSHOPS, data.DAYS, 0, every_day=True))
    with command_transaction():
        for number in range(people):
            mail = f"kunde-g{number}{BULK_MAIL}"
            db.session.add(User(email=mail, email_verified=now_utc(), name=f"Person {number}"))
        for number, workshop in enumerate(db.session.scalars(select(Workshop)).all()):
            mail = ROLE_MAIL.format(number=number)
            staff = User(email=mail, email_verified=now_utc(), role=Role.WORKSHOP, workshop_id=workshop.id)
            staff.password_hash = "none fits"  # noqa: S105 - no hash, so no password fits
            db.session.add(staff)


def claim(wanted: data.Wanted) -> UUID:
    """The hold of one booking."""
    return book(requests_for([wanted])[0])


def staff_of(workshop_id: UUID) -> User:
    return db.session.scalars(select(User).filter_by(workshop_id=workshop_id, role=Role.WORKSHOP)).one()


def take_in(workshop_id: UUID, booking_id: UUID, number: int) -> None:
    """The customer brings the car, and work begins."""
    staff = staff_of(workshop_id)
    car = {**CAR, "license_plate": f"WIT ME {number % 9000 + 100}"}
    check_in(staff, booking_id, mileage_km=52_000, car=car, early=True, brought=True)
    start_work(staff, booking_id, unasked=True)


def begin(workshop_id: UUID, booking_id: UUID) -> None:
    """Work begins on a car that is checked in."""
    start_work(staff_of(workshop_id), booking_id, unasked=True)


def call_off(workshop_id: UUID, booking_id: UUID) -> bool:
    """Staff cancel while the car is with them, and give all of the money back. Done once, however often it is asked."""
    booking = db.session.get_one(Booking, booking_id)
    done = booking.status is BookingStatus.CANCELLED
    db.session.rollback()
    if not done:
        staff = staff_of(workshop_id)
        cancel_by_staff(staff, booking_id, keep_cents=0, reason="Der Motor ist nicht zu retten.")
    return True


def bill(booking_id: UUID, leaves_out: bool) -> tuple[list[str], int]:
    """What staff tick as not done on the completion page ("extension:item"), and the sum that its button names."""
    undone, cents = [], 0
    for one in (each for each in queries.of_booking(booking_id) if each.status is ExtensionStatus.APPROVED):
        accepted = [item for item in one.items if item.accepted]
        left_out = {accepted[-1].index} if leaves_out else set()
        undone += [f"{one.id}:{index}" for index in left_out]
        if one.safe_to_begin:
            cents += sum(item.sum_cents for item in accepted if item.index not in left_out)
    return undone, cents


def find_more(workshop_id: UUID, booking_id: UUID) -> UUID:
    """The workshop raises an extension of three items."""
    return raise_extension(staff_of(workshop_id), booking_id, FOUND)


@dataclass
class Simulator:
    """The payment simulator as a process; killed and started again it knows everything it has answered."""

    state: Path
    port: int
    hook: str | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-m", "b2c_web.payments.simulator", "--port", str(self.port)]
        command += ["--state", str(self.state), "--quiet", "--webhook-secret", SETTINGS["STRIPE_WEBHOOK_SECRET"]]
        command += ["--webhook-url", self.hook] if self.hook else []
        self.process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)  # it tells of every broken pipe
        deadline = time.monotonic() + 20
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the payment simulator did not start")
            time.sleep(0.05)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def control(self, method: str, path: str, /, **body: Any) -> dict[str, Any]:
        """A call of the control API. Raises urllib.error.URLError when it refuses or is away."""
        address, sent = f"{self.url}/_simulator/{path}", json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - the simulator's own address
            address, sent, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return dict(json.loads(answer.read()))

    def _answers(self) -> bool:
        try:
            self.control("GET", "")
        except (urllib.error.URLError, ConnectionError):
            return False
        return True


@contextmanager
def simulator(hook: str | None = None) -> Iterator[Simulator]:
    with TemporaryDirectory(prefix="b2c-pay-") as folder:
        one = Simulator(Path(folder) / "state.sqlite", free_port(), hook)
        one.start()
        try:
            yield one
        finally:
            one.kill()
