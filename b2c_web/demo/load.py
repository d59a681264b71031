"""Loads the demo: the ground first, then its bookings, played in the order in which they happened."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from uuid_utils.compat import uuid7

from b2c_web import audit
from b2c_web.clock import frozen, local_to_utc, now_utc
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.demo import desk
from b2c_web.demo.base import PAST_DAYS, load_base
from b2c_web.demo.lives import Life, Steps
from b2c_web.demo.logins import FIRST_CUSTOMER
from b2c_web.demo.people import Person
from b2c_web.demo.stories import tell
from b2c_web.demo.till import Till, open_till
from b2c_web.demo.worker import work_off
from b2c_web.dispatch import jobs as dispatch_jobs
from b2c_web.flask_extensions import db
from b2c_web.schema_state import DEMO_BEGUN, DEMO_LOADED
from b2c_web.workshops.generation import local_day
from b2c_web.workshops.models import Workshop

FIRST_CARS_IN = 11 * 60  # when the first window's cars are in, in minutes after midnight

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Loaded:
    """How much there is now."""

    customers: int
    bookings: int


def load_demo(seed: int = 1, progress: Progress = lambda done, total: None) -> Loaded | None:
    """The whole demo; None when there is a workshop already, then nothing is changed.

    The same seed and day give the same demo. `progress` hears of the stories begun, of how many. Raises NoTillError
    when demo payments cannot be made.
    """
    if db.session.scalar(select(func.count(Workshop.id))):
        return None
    _note(DEMO_BEGUN)
    with open_till() as till:
        now = now_utc()
        begins = now - timedelta(days=PAST_DAYS)
        with frozen(begins):
            people = load_base().people
        lives = _lives(people, till, seed, begins=begins, now=now)
        _play(lives, progress)
        desk.save_account(till, FIRST_CUSTOMER.email)
        work_off(now)
    dispatch_jobs.shifts()
    _note(DEMO_LOADED)
    return Loaded(len(people), len(lives))


def _note(what: str) -> None:
    """So that half of a demo is known as that (`is_half_made`)."""
    with command_transaction():
        audit.record(what, "demo", uuid7())


def _lives(people: list[Person], till: Till, seed: int, *, begins: datetime, now: datetime) -> list[Life]:
    stories = tell(people, _last_busy_day(now), seed, present=local_day(now))
    return [Life(story, till, begins=begins, now=now) for story in stories]


def _last_busy_day(now: datetime) -> date:
    """Today once its first cars are in, before that yesterday: what is in the workshop came on this day."""
    today = local_day(now)
    return today if now >= local_to_utc(today, FIRST_CARS_IN, ZONE) else today - timedelta(days=1)


def _play(lives: list[Life], progress: Progress) -> None:
    """Takes the steps of all lives in the order of their instants, each with the clock held there; jobs that come due
    meanwhile are done as a worker would have done them.
    """
    waiting: list[tuple[datetime, int, Steps]] = []
    for number, life in enumerate(lives):
        steps = life.steps()
        heapq.heappush(waiting, (next(steps), number, steps))
    done = 0
    while waiting:
        at, number, steps = heapq.heappop(waiting)
        work_off(at)
        with frozen(at):
            following = next(steps, None)
        db.session.remove()
        work_off(at)
        if following is None:
            done += 1
            progress(done, len(lives))
        else:
            heapq.heappush(waiting, (following, number, steps))
