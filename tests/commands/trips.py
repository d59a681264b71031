"""A booked trip and the people around it, for tests of dispatch."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from sqlalchemy import func, select

from b2c_web.accounts.models import Role, User
from b2c_web.bookings import commands as bookings
from b2c_web.bookings.models import AssignmentType, Booking
from b2c_web.clock import now_utc
from b2c_web.demo.road import plain_png
from b2c_web.dispatch import commands
from b2c_web.dispatch.models import JockeyAssignment, JockeyBusyRange
from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaPurpose
from b2c_web.workshops.generation import refresh_jockey_room
from b2c_web.workshops.models import Jockey
from tests.commands.scene import FIRST, Scene
from tests.factories import make_jockey, make_shift, make_user

PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
VIEWS = ("front", "rear", "left", "right", "dashboard")
HANDOVER = {"photos": [{"view": view, "file": f"{view}.jpg"} for view in VIEWS], "signature": "signature.png"}
PNG = plain_png(40, 30)
CAR = {"license_plate": "WIT XY 207", "make": "Ahorn", "model": "Kombi", "year": 2020}


class Trips(Scene):
    """The scene with signed-up people: a jockey's user, a dispatcher, the workshop's staff."""

    def __init__(self, session: Any, at: Callable[[datetime], AbstractContextManager[None]], **facts: Any) -> None:
        super().__init__(session, **facts)
        self.at = at
        self.driver = self.user_of(self.jockey)
        self.dispatcher = make_user(Role.DISPATCHER, workshop_id=self.workshop.id)
        self.staff = make_user(Role.WORKSHOP, workshop_id=self.workshop.id)
        session.commit()

    def user_of(self, jockey: Jockey) -> User:
        user = make_user(Role.JOCKEY, workshop_id=self.workshop.id)
        jockey.user_id = user.id
        self.session.commit()
        return user

    def second_jockey(self) -> Jockey:
        jockey = make_jockey(self.workshop)
        make_shift(jockey, FIRST)
        make_shift(jockey, FIRST.replace(day=27))
        refresh_jockey_room(self.workshop.id, FIRST)
        self.session.commit()
        return jockey

    def assignments(self, booking: Booking, kind: AssignmentType = PICKUP) -> list[JockeyAssignment]:
        self.session.expire_all()
        rows = self.session.query(JockeyAssignment).filter_by(booking_id=booking.id, type=kind)
        return rows.order_by(JockeyAssignment.created_at, JockeyAssignment.id).all()

    def assignment(self, booking: Booking, kind: AssignmentType = PICKUP) -> JockeyAssignment:
        """The newest one of a type."""
        return self.assignments(booking, kind)[-1]

    def busy(self, assignment_id: uuid.UUID) -> tuple[datetime, datetime] | None:
        self.session.expire_all()
        row = self.session.query(JockeyBusyRange).filter_by(assignment_id=assignment_id).one_or_none()
        return (row.during.lower, row.during.upper) if row else None

    def drive_in(self, booking: Booking) -> JockeyAssignment:
        """The whole pickup, pressed by its jockey, from half past seven on."""
        pickup = self.assignment(booking)
        start = booking.pickup_time
        steps: list[tuple[int, Callable[[], Any]]] = [
            (-23, lambda: commands.start_pickup(pickup.id, self.driver)),
            (0, lambda: commands.arrive_pickup(pickup.id, self.driver)),
            (20, lambda: commands.finish_pickup_handover(pickup.id, HANDOVER, self.driver)),
            (45, lambda: commands.arrive_workshop(pickup.id, self.driver)),
            (50, lambda: commands.complete_pickup(pickup.id, self.driver)),
        ]
        for minutes, press in steps:
            with self.at(start + timedelta(minutes=minutes)):
                press()
        self.session.expire_all()
        return pickup

    def at_the_door(self, booking: Booking) -> JockeyAssignment:
        """The jockey stands at the customer's door at the window's start: the PICKUP."""
        pickup = self.assignment(booking)
        with self.at(booking.pickup_time - timedelta(minutes=23)):
            commands.start_pickup(pickup.id, self.driver)
        with self.at(booking.pickup_time):
            commands.arrive_pickup(pickup.id, self.driver)
        return self.assignment(booking)

    def call_three_times(self, pickup: JockeyAssignment) -> None:
        """Two, six and ten minutes after the window's start."""
        start = pickup.trip.window_start
        for minutes in (2, 6, 10):
            with self.at(start + timedelta(minutes=minutes)):
                commands.record_call(pickup.id, self.driver)

    def upload(self, booking: Booking, content: bytes = PNG, **options: Any) -> str:
        """The id of a photo that the jockey took on the trip: now, or when it began where the clock stands before."""
        mine = select(func.max(JockeyAssignment.started_at)).filter_by(booking_id=booking.id)
        with self.at(max(now_utc(), self.session.scalar(mine) or now_utc())):
            sent = BytesIO(content)
            return str(add_upload(self.driver, MediaPurpose.BOOKING, booking.id, sent, "foto.png", **options).id)

    def miss(self, booking: Booking) -> JockeyAssignment:
        """Nobody is there, and the jockey has waited a quarter of an hour: the PICKUP that ended."""
        pickup = self.at_the_door(booking)
        self.call_three_times(pickup)
        with self.at(booking.pickup_time + timedelta(minutes=15)):
            commands.record_no_show(pickup.id, photo=self.upload(booking), actor=self.driver)
        return self.assignment(booking)

    def make_ready(self, booking: Booking) -> JockeyAssignment:
        """Picked up, checked in, worked on, ready at eleven: the RETURN assignment."""
        self.drive_in(booking)
        with self.at(booking.pickup_time + timedelta(minutes=60)):
            bookings.check_in(self.staff, booking.id, mileage_km=52_000, car=CAR)
        with self.at(booking.pickup_time + timedelta(minutes=180)):
            bookings.start_work(self.staff, booking.id, unasked=True)
            bookings.complete_work(self.staff, booking.id)
        return self.assignment(booking, RETURN)

    def on_the_way_back(self, booking: Booking) -> tuple[JockeyAssignment, datetime]:
        """The RETURN has begun; and when that was."""
        back = self.make_ready(booking)
        began = back.scheduled_time - timedelta(minutes=23)
        with self.at(began):
            commands.start_return(back.id, self.driver)
        self.session.expire_all()
        return back, began
