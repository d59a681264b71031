"""What happens to each booking of the demo: which fate, whose car, how long ago or ahead. Pure, from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from b2c_web.catalog.models import ServiceType
from b2c_web.demo.people import Person
from b2c_web.workshops.generation import working_days
from b2c_web.workshops.holiday_calendar import holiday_name


class Fate(StrEnum):
    """How far a booking has come. The order is that of a booking's life."""

    PENDING = "PENDING"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    CONFIRMED = "CONFIRMED"
    MOVED = "MOVED"
    CANCELLED = "CANCELLED"
    CANCELLED_LATE = "CANCELLED_LATE"
    WITHDRAWN = "WITHDRAWN"
    NO_SHOW = "NO_SHOW"
    ON_THE_WAY_IN = "ON_THE_WAY_IN"
    CHECKED_IN = "CHECKED_IN"
    WORK_STARTED = "WORK_STARTED"
    ASKED = "ASKED"  # more was found, the customer has not answered yet
    AGREED = "AGREED"
    REFUSED = "REFUSED"
    READY = "READY"
    ON_THE_WAY_BACK = "ON_THE_WAY_BACK"
    COMPLETED = "COMPLETED"


@dataclass(frozen=True)
class Story:
    """One booking: `day` and `window` (0 to 4) are what the customer would like best."""

    number: int
    fate: Fate
    person: Person
    service: ServiceType
    concierge: bool
    day: date
    window: int
    lead_hours: int


# fate, with concierge, working days from today (0: the last one up to today, negative: before it), window
NOW = (
    (Fate.ON_THE_WAY_IN, True, 0, 0),
    (Fate.CHECKED_IN, True, 0, 0),
    (Fate.CHECKED_IN, False, 0, 0),
    (Fate.WORK_STARTED, False, 0, 0),
    (Fate.ASKED, True, 0, 0),
    (Fate.AGREED, False, 0, 0),
    (Fate.REFUSED, False, 0, 0),
    (Fate.READY, False, -1, 2),
    (Fate.READY, True, 0, 0),
    (Fate.ON_THE_WAY_BACK, True, -1, 0),
    (Fate.NO_SHOW, True, 0, 0),
)
ENDED_EARLY = (
    (Fate.CANCELLED, True, 6, 1),
    (Fate.CANCELLED, False, -4, 3),
    (Fate.CANCELLED_LATE, True, -2, 1),
    (Fate.WITHDRAWN, True, 9, 2),
    (Fate.EXPIRED, False, 4, 0),
)
FOUND_MORE = (Fate.ASKED, Fate.AGREED, Fate.REFUSED)
OPEN_PAYMENTS = ((Fate.PENDING, True, 5, 2), (Fate.DECLINED, False, 7, 1))
MOVED = ((Fate.MOVED, True, 8, 0),)
# the next working day: today as long as its first cars are not in
NEXT = (
    (Fate.CONFIRMED, True, 1, 0),
    (Fate.CONFIRMED, False, 1, 0),
    (Fate.CONFIRMED, True, 1, 1),
    (Fate.CONFIRMED, False, 1, 3),
)
# later on the last working day: still expected while that is today, over when it is gone by
LATER = ((Fate.CONFIRMED, False, 0, 3), (Fate.CONFIRMED, False, 0, 4))
FIRST_OF_ALL_HOURS = 160  # ahead: the wanted window is free, so that waiting there in vain is over by now
COMPLETED_DAYS, COMING_DAYS = range(-14, -2), range(2, 20)


def tell(people: list[Person], today: date, seed: int = 1, *, present: date | None = None) -> list[Story]:
    """The stories of the demo, about sixty; the first customer has one that is over and one to come.

    `today` is the last day that counts. When the last working day up to it is before `present`, what is on its way
    back by now was fetched on that day, and not on the one before.
    """
    chance = random.Random(seed)  # noqa: S311 - a demo needs no secure randomness
    plots = list(_plots(chance))
    days = _day_finder(today)
    is_over = days[0] < (present or today)
    customers = _dealt(people, plots)
    stories = []
    for number, ((fate, concierge, plotted, window), person) in enumerate(zip(plots, customers, strict=True)):
        service = chance.choice(list(ServiceType))
        lead = chance.randrange(30, 150)
        if fate is Fate.NO_SHOW:
            lead = FIRST_OF_ALL_HOURS
        offset = plotted + (is_over and fate is Fate.ON_THE_WAY_BACK)
        stories.append(Story(number, fate, person, service, concierge, days[offset], window, lead))
    return stories


def _plots(chance: random.Random) -> Iterator[tuple[Fate, bool, int, int]]:
    """The first customer's two, then the rest."""
    yield Fate.COMPLETED, True, -8, 0
    yield Fate.CONFIRMED, True, 3, 1
    yield from NOW + LATER + NEXT + ENDED_EARLY + OPEN_PAYMENTS + MOVED
    for offset in COMPLETED_DAYS:
        yield Fate.COMPLETED, chance.random() < 0.6, offset, chance.randrange(2)
    for offset in COMING_DAYS:
        yield Fate.CONFIRMED, chance.random() < 0.5, offset, chance.randrange(4)
        if offset % 2:
            yield Fate.CONFIRMED, chance.random() < 0.5, offset, chance.randrange(4)


def _dealt(people: list[Person], plots: list[tuple[Fate, bool, int, int]]) -> list[Person]:
    """Who books what: the first two are the first customer's, the others go round the table."""
    others = people[1:]
    return [people[0], people[0], *(others[n % len(others)] for n in range(len(plots) - 2))]


def _day_finder(today: date) -> dict[int, date]:
    """Working days counted from the last one up to today (0), without the holidays of the workshop's state."""
    span = [
        day
        for day in working_days(today - timedelta(days=45), today + timedelta(days=45))
        if holiday_name("NW", day) is None
    ]
    zero = max(index for index, day in enumerate(span) if day <= today)
    return {index - zero: day for index, day in enumerate(span)}
