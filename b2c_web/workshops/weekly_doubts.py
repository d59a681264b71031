"""What in a weekly template is probably a slip of the pen: windows with more places than a day could ever use.

It warns and refuses nothing: who plans knows more than we do.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import Numeric, cast, func, select

from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot
from b2c_web.workshops.template_store import default_template
from b2c_web.workshops.weekly import PlannedWindow, Week

FAR_BEYOND = 3  # so many times what bays and jockeys carry


@dataclass(frozen=True, slots=True)
class Carried:
    """What the workshop carries as it is planned now: places of the windows an hour, and jockeys at once at most.

    `pickup_minutes`: the least that a pickup takes of a jockey, without any way.
    """

    places_per_hour: float
    jockeys: float
    pickup_minutes: int

    def bays_in(self, window: PlannedWindow) -> int:
        return round(self.places_per_hour * (window.ends - window.starts) / 60)

    def pickups_in(self, window: PlannedWindow) -> int:
        return int(self.jockeys * (window.ends - window.starts)) // max(1, self.pickup_minutes)


@dataclass(frozen=True, slots=True)
class Doubt:
    """A window of a weekday with more places than its day takes, or far more than `bays` and `pickups` carry."""

    weekday: int
    window: PlannedWindow
    maximum: int
    bays: int
    pickups: int

    @property
    def is_over_the_day(self) -> bool:
        return self.window.places > self.maximum

    @property
    def is_far_beyond(self) -> bool:
        return self.window.places > FAR_BEYOND * max(self.bays, self.pickups)


def doubts_of(week: Week, carried: Carried) -> list[Doubt]:
    """Rule: the windows that somebody should look at again, by weekday and time."""
    return [one for one in _looked_at(week, carried) if one.is_over_the_day or one.is_far_beyond]


def _looked_at(week: Week, carried: Carried) -> Iterator[Doubt]:
    for weekday, plan in sorted(week.days.items()):
        for window in plan.windows:
            yield Doubt(weekday, window, plan.maximum, carried.bays_in(window), carried.pickups_in(window))


def carried_by(workshop_id: uuid.UUID) -> Carried:
    """What most coming windows of this workshop have, or the settings when there are none. One statement."""
    minutes = func.extract("epoch", TimeSlot.end_time - TimeSlot.start_time) / 60
    hourly = cast(TimeSlot.max_bookings * 60 / minutes, Numeric(10, 2))
    coming = TimeSlot.workshop_id == workshop_id, TimeSlot.service_date >= today_in(ZONE)
    wanted = select(func.mode().within_group(hourly), func.max(TimeSlot.jockey_minutes_room / minutes)).where(*coming)
    places, jockeys = db.session.execute(wanted).one()
    if places is None:
        usual = default_template().plan.windows[0]
        places = usual.places * 60 / (usual.ends - usual.starts)
    return Carried(float(places), float(jockeys or 0), current_app.config["PICKUP_HANDOVER_MINUTES"])
