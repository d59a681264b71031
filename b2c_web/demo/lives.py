"""The demo's bookings as they live: each is a generator that names the instant of its next step and then takes it.

Whoever plays them holds the clock at that instant, so everything is dated as if it had happened then.
"""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from flask import current_app

from b2c_web.bookings import commands
from b2c_web.bookings.models import AssignmentType, Booking
from b2c_web.clock import frozen, local_to_utc
from b2c_web.config import ZONE
from b2c_web.demo import desk, findings
from b2c_web.demo.base import SERVICES
from b2c_web.demo.road import CALLS_APART_MINUTES, Drive
from b2c_web.demo.stories import FOUND_MORE, Fate, Story
from b2c_web.demo.till import Till
from b2c_web.flask_extensions import db
from b2c_web.workshops.generation import local_day

Steps = Iterator[datetime]

OPEN_PAYMENT = (Fate.PENDING, Fate.DECLINED)
NOT_BROUGHT = (Fate.CONFIRMED, Fate.MOVED, *OPEN_PAYMENT)
STILL_HERE = (Fate.ON_THE_WAY_IN, Fate.CHECKED_IN, Fate.WORK_STARTED, *FOUND_MORE, Fate.READY)
MILEAGE_KM = 48_210
IN_VAIN = timedelta(minutes=25)  # at a door that nobody opens, with all calls


class Life:
    """One booking from the customer's click to wherever its fate leaves it."""

    def __init__(self, story: Story, till: Till, *, begins: datetime, now: datetime) -> None:
        self.story, self.till, self.begins, self.now = story, till, begins, now
        self.at = begins
        self.booking_id = uuid.UUID(int=0)

    def _begun_by(self) -> datetime:
        """Whoever waited in vain has waited long enough by now."""
        return self.now - IN_VAIN if self.story.fate is Fate.NO_SHOW else datetime.max.replace(tzinfo=UTC)

    @property
    def _mileage_km(self) -> int:
        """At the customer's door."""
        return MILEAGE_KM + self.story.number * 613

    def _next(self, planned: datetime) -> datetime:
        """The planned instant, but after the last step and before the present."""
        latest = self.now - timedelta(seconds=30)
        self.at = max(self.at + timedelta(seconds=5), min(planned, latest))
        return self.at

    def _after(self, minutes: float) -> datetime:
        return self._next(self.at + timedelta(minutes=minutes))

    def steps(self) -> Steps:
        """Book, pay, and what follows."""
        fate = self.story.fate
        yield self._next(self._booked_at())
        with desk.holding_until_now(self.at) if fate is not Fate.EXPIRED else frozen(self.at):
            self.booking_id = desk.book_for(self.story, self._back_from(), self._begun_by())
        if fate is Fate.EXPIRED:
            yield self._after(31)
            commands.expire_hold(self.booking_id)
        elif fate is not Fate.PENDING:
            yield self._after(4)
            self._pay("declined" if fate is Fate.DECLINED else "visa")
        if fate not in (Fate.EXPIRED, *OPEN_PAYMENT):
            yield from self._paid_for()

    def _back_from(self) -> datetime:
        """A car that is still here is promised for a time to come; one on its way, for about now."""
        if self.story.fate in STILL_HERE:
            return self.now + timedelta(hours=1)
        return self.now - timedelta(hours=1) if self.story.fate is Fate.ON_THE_WAY_BACK else self.begins

    def _booked_at(self) -> datetime:
        if self.story.fate in OPEN_PAYMENT:
            return self.now - timedelta(minutes=6)
        # a customer's second hold would end the first: in two hours, each story has a minute of its own
        apart = timedelta(minutes=self.story.number)
        wanted = local_to_utc(self.story.day, 8 * 60, ZONE) - timedelta(hours=self.story.lead_hours)
        if wanted > self.now - timedelta(hours=2):
            wanted = self.now - timedelta(hours=self.story.lead_hours)
        wanted = max(wanted, self.begins + timedelta(hours=2))
        return wanted.replace(hour=wanted.hour // 2 * 2, minute=0, second=0, microsecond=0) + apart

    def _pay(self, card: str) -> None:
        at = self.at
        with frozen(datetime.now(UTC)):
            desk.pay(self.till, self.booking_id, at, card)

    def _paid_for(self) -> Steps:
        fate = self.story.fate
        if fate is Fate.CONFIRMED and local_day(self._booking().pickup_time) >= local_day(self.now):
            return
        if fate is Fate.MOVED:
            yield self._after(90)
            desk.move(self.booking_id)
        elif fate in (Fate.CANCELLED, Fate.CANCELLED_LATE, Fate.WITHDRAWN):
            yield from self._called_off()
        elif self.story.concierge:
            yield from self._fetched()
        else:
            yield self._next(self._booking().pickup_time + timedelta(minutes=12))
            yield from self._in_the_workshop()

    def _called_off(self) -> Steps:
        pickup, late = self._booking().pickup_time, self.story.fate is Fate.CANCELLED_LATE
        yield self._next(pickup - timedelta(hours=5) if late else min(pickup - timedelta(hours=26), self._thought()))
        if self.story.fate is Fate.WITHDRAWN:
            desk.withdraw(self.booking_id)
        else:
            desk.cancel(self.booking_id)

    def _thought(self) -> datetime:
        """A night after booking."""
        return self.at + timedelta(hours=20)

    def _fetched(self) -> Steps:
        drive = Drive(self.booking_id, AssignmentType.PICKUP)
        is_in_vain = self.story.fate is Fate.NO_SHOW
        arrival = min(drive.arrival, self.now - IN_VAIN) if is_in_vain else drive.arrival
        yield self._next(arrival - drive.travel)
        drive.start_pickup()
        yield self._next(arrival)
        drive.arrive_pickup()
        if is_in_vain:
            yield from self._nobody_came(drive)
            return
        yield self._after(12)
        files = {} if self.story.fate is Fate.COMPLETED else drive.photograph(self.story.number)
        yield self._after(2)
        drive.hand_over(self._mileage_km, files)
        if self.story.fate is Fate.ON_THE_WAY_IN:
            return
        yield self._next(self.at + drive.travel)
        drive.reach_workshop()
        yield from self._in_the_workshop()

    def _nobody_came(self, drive: Drive) -> Steps:
        """The jockey rings and leaves; at a window that has only just begun they still wait. The offer of a new date
        ends unused, when that is already over.
        """
        if drive.window_start > self.now - IN_VAIN:
            return
        for _call in range(current_app.config["NO_SHOW_CALLS"]):
            yield self._after(CALLS_APART_MINUTES)
            drive.call()
        drive.no_show()
        offer_ends = self._booking().new_date_until
        if offer_ends is not None and offer_ends < self.now:
            yield self._next(offer_ends)
            commands.end_no_show(self.booking_id)

    def _in_the_workshop(self) -> Steps:
        yield from self._worked_on()
        # a car that was left over is promised anew; the one whose work has begun is late, so that lateness shows
        is_left = self.story.fate in STILL_HERE and self.story.fate not in (Fate.WORK_STARTED, Fate.READY)
        if is_left and not self.story.concierge and self._booking().estimated_return_time < self.now:
            yield self._next(self.now)
            desk.promise_anew(self.booking_id)

    def _worked_on(self) -> Steps:
        fate = self.story.fate
        yield self._after(5)
        desk.by_staff(commands.check_in, self.booking_id, mileage_km=self._mileage_km + 4)
        if fate is Fate.CHECKED_IN:
            return
        yield self._after(10)
        desk.by_staff(commands.start_work, self.booking_id, unasked=True)
        if fate is Fate.WORK_STARTED:
            return
        if fate in FOUND_MORE or self._found_more_then():
            yield from self._found_more()
        if fate in FOUND_MORE:
            return
        yield self._after(SERVICES[self.story.service][0])
        desk.by_staff(commands.complete_work, self.booking_id)
        yield self._after(1)  # the money of what was found is taken meanwhile
        if fate is not Fate.READY:
            yield from self._brought_back() if self.story.concierge else self._collected()

    def _found_more_then(self) -> bool:
        """Now and then a car that is long home had more to do."""
        return self.story.fate is Fate.COMPLETED and self.story.number % 4 == 0

    def _found_more(self) -> Steps:
        finding = findings.finding_for(self.story.number)
        yield self._after(10)
        photo_id = desk.by_staff(findings.photograph, self.booking_id, self.story.number)
        yield self._after(2)
        extension_id = desk.by_staff(findings.report, self.booking_id, finding, photo_id)
        if self.story.fate is Fate.ASKED:
            return
        yield self._after(17)
        if self.story.fate is Fate.REFUSED:
            findings.say_no(extension_id)
        else:
            findings.say_yes(extension_id, finding)

    def _brought_back(self) -> Steps:
        drive = Drive(self.booking_id, AssignmentType.RETURN)
        yield self._next(drive.arrival - drive.travel)
        drive.start_return()
        if self.story.fate is Fate.ON_THE_WAY_BACK:
            return
        yield self._next(drive.arrival + timedelta(minutes=10))
        drive.give_back(self._mileage_km + 9)
        yield self._next(self.at + drive.travel + timedelta(minutes=16))
        drive.ronja_is_clean()

    def _collected(self) -> Steps:
        yield self._after(50)
        desk.by_staff(commands.collect, self.booking_id)

    def _booking(self) -> Booking:
        return db.session.get_one(Booking, self.booking_id)
