"""What the demo's jockeys do: every step of a trip, as the jockey's phone would send it."""

import functools
import io
import struct
import uuid
import zlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, BinaryIO

from flask import current_app
from sqlalchemy import select

from b2c_web.accounts.models import User
from b2c_web.audit import acting
from b2c_web.bookings.models import AssignmentType
from b2c_web.db import command_transaction
from b2c_web.demo import pictures
from b2c_web.dispatch import commands, whereabouts
from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.dispatch.photos import SIGNATURE
from b2c_web.flask_extensions import db
from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaPurpose
from b2c_web.workshops.models import Jockey, RonjaVehicle

GREY = (0xCB, 0xD2, 0xD9)
CALLS_APART_MINUTES = 6


def by_jockey(step: Callable[..., None]) -> Callable[..., None]:
    """A step of `Drive` that its jockey takes."""

    @functools.wraps(step)
    def taken(drive: "Drive", *arguments: Any) -> None:
        with acting(drive._actor()):
            step(drive, *arguments)

    return taken


class Drive:
    """One trip and its jockey, who set out `early`: what was planned for later happened before the present."""

    def __init__(self, booking_id: uuid.UUID, kind: AssignmentType) -> None:
        query = select(JockeyAssignment, User).join(Jockey, Jockey.id == JockeyAssignment.jockey_id)
        query = query.join(User, User.id == Jockey.user_id).where(JockeyAssignment.booking_id == booking_id)
        newest = query.where(JockeyAssignment.type == kind).order_by(JockeyAssignment.id.desc()).limit(1)
        assignment, self.jockey = db.session.execute(newest).one()
        self.id: uuid.UUID = assignment.id
        self.booking_id = booking_id
        self.ronja_id: uuid.UUID = assignment.vehicle_id
        self.arrival: datetime = assignment.scheduled_time
        self.window_start: datetime = assignment.trip.window_start
        self.travel = timedelta(minutes=assignment.trip.travel_minutes)

    @by_jockey
    def start_pickup(self) -> None:
        commands.start_pickup(self.id, self._actor(), early=True, has_ronja=True)

    @by_jockey
    def arrive_pickup(self) -> None:
        commands.arrive_pickup(self.id, self._actor())

    def photograph(self, number: int) -> dict[str, str]:
        """The car from all sides and the signature; the files' ids by view. The worker makes their sizes."""
        drawn = {view: pictures.car(view, number) for view in current_app.config["HANDOVER_VIEWS"]}
        drawn[SIGNATURE] = pictures.signature()
        return {what: str(self._add(content, is_signature=what == SIGNATURE)) for what, content in drawn.items()}

    def _add(self, content: BinaryIO, *, is_signature: bool = False) -> uuid.UUID:
        about = self._actor(), MediaPurpose.BOOKING, self.booking_id
        return add_upload(*about, content, "foto.jpg", is_signature=is_signature).id

    @by_jockey
    def hand_over(self, mileage_km: int, files: Mapping[str, str]) -> None:
        commands.finish_pickup_handover(self.id, self._noted(mileage_km, files), self._actor())

    @by_jockey
    def call(self) -> None:
        commands.record_call(self.id, self._actor())

    @by_jockey
    def no_show(self) -> None:
        door = self._add(io.BytesIO(plain_png(320, 240)))
        commands.record_no_show(self.id, photo=str(door), actor=self._actor())

    @by_jockey
    def reach_workshop(self) -> None:
        commands.arrive_workshop(self.id, self._actor())
        commands.complete_pickup(self.id, self._actor())

    @by_jockey
    def start_return(self) -> None:
        commands.start_return(self.id, self._actor(), early=True)

    @by_jockey
    def give_back(self, mileage_km: int) -> None:
        commands.arrive_return(self.id, self._actor())
        commands.complete_return(self.id, self._noted(mileage_km, {}), self._actor())

    def _noted(self, mileage_km: int, files: Mapping[str, str]) -> dict[str, Any]:
        """Between two readings the Ronja has been driven a little."""
        ronja = db.session.get_one(RonjaVehicle, self.ronja_id)
        return {**handover(mileage_km, files), "ronja_mileage_km": ronja.mileage + 11, "ronja_fuel": "3/4"}

    def ronja_is_clean(self) -> None:
        with command_transaction():
            whereabouts.ronja_is_ready(self.ronja_id)

    def _actor(self) -> User:
        return db.session.get_one(User, self.jockey.id)


def handover(mileage_km: int, files: Mapping[str, str]) -> dict[str, Any]:
    """A complete protocol. `files` by view; where one lacks, a plain grey picture stands: the car is long home."""
    views = current_app.config["HANDOVER_VIEWS"]
    return {
        "photos": [{"view": view, "file": files.get(view) or picture(view)} for view in views],
        "signature": files.get(SIGNATURE) or picture(SIGNATURE),
        "mileage_km": mileage_km,
        "fuel": "3/4",
        "notes": "",
    }


def picture(what: str) -> str:
    """The store's name of the demo's plain picture of a view; each is kept once for each run."""
    known = current_app.extensions.setdefault("demo_pictures", {})
    if what not in known:
        known[what] = current_app.extensions["media_store"].put(plain_png(320, 240), "png")
    return str(known[what])


def plain_png(width: int, height: int) -> bytes:
    """A picture of one colour, as a PNG file."""
    rows = (b"\0" + bytes(GREY) * width) * height
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 9)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)
