"""The heat map: a month of a workshop, judged by the function that answers customers.

At most three statements, whatever the number of bookings; the rest is counted in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from b2c_web.bookings.availability import Answer, Day, Facts, Question, judged, read_facts
from b2c_web.capacity.words import note_words
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.workshops.rules import LIMIT_OF, Block, DayState, Limit, bottleneck

NOT_SCARCE = (Block.LEAD_TIME, Block.HORIZON)


@dataclass(frozen=True, slots=True)
class Cell:
    """One day: its `load` is "closed", "past" or a step from "1" to "5" (full); `block` as customers meet it.

    `limit` is the bottleneck, named from "well filled" on. `carries`: what each limit alone would still leave.
    """

    day: date
    load: str
    state: DayState
    booked: int
    maximum: int
    places: int
    block: Block | None
    limit: Limit | None
    carries: dict[Limit, int]
    note: str | None

    @property
    def places_left(self) -> int:
        """Free places for bookings of any kind."""
        return min(self.carries[Limit.DAY], self.carries[Limit.BAYS])

    @property
    def with_pickup(self) -> int | None:
        """So many of them at most with a pickup, as the scarcest resource has it; None when none is asked about."""
        return min(self.places, *self.carries.values()) if Limit.RONJAS in self.carries else None


@dataclass(frozen=True, slots=True)
class Month:
    """The first of the month and its weeks, Monday to Sunday, None outside the month."""

    first: date
    weeks: list[list[Cell | None]]

    @property
    def before(self) -> date:
        return (self.first - timedelta(days=1)).replace(day=1)

    @property
    def after(self) -> date:
        return (self.first + timedelta(days=31)).replace(day=1)

    @property
    def cells(self) -> list[Cell]:
        return [cell for week in self.weeks for cell in week if cell is not None]


def facts_of(question: Question, first: date) -> Facts:
    """What the month that begins on `first` is made of, for the customers that `question` stands for; read in at
    most three statements. Raises NotOffered.
    """
    return read_facts(question, first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))


def month_of(facts: Facts) -> Month:
    """The month that these facts make."""
    first = facts.first
    cells: list[Cell | None] = [None] * first.weekday()
    cells += cells_of(judged(facts))
    cells += [None] * (-len(cells) % 7)
    return Month(first, [cells[n : n + 7] for n in range(0, len(cells), 7)])


def cells_of(answer: Answer) -> Sequence[Cell]:
    """Every day of the answer as staff see it."""
    today, cells = today_in(ZONE), []
    for day in answer.days:
        carries = answer.judge.carries(answer.judge.numbers(day.day))
        cells.append(_cell(day, carries, past=day.day < today))
    return cells


def _cell(day: Day, carries: dict[Limit, int], *, past: bool) -> Cell:
    window = day.offers[0].window if day.offers else None
    booked, maximum = (window.day_current_bookings, window.day_max_bookings) if window else (0, 0)
    load = "past" if past and window and window.is_open else load_of(day, booked, maximum)
    named = load in ("3", "4", "5") and (day.block is None or day.block in LIMIT_OF)
    limit = bottleneck(carries, day.block) if named else None
    return Cell(day.day, load, day.state, booked, maximum, day.places, day.block, limit, carries, note_words(day.note))


def load_of(day: Day, booked: int, maximum: int) -> str:
    """The step of the heat map: full and few left as customers see them, else by how much of the day is booked."""
    if day.state is DayState.FULL:
        return "5"
    if day.state is DayState.FEW:
        return "4"
    if day.state is DayState.CLOSED and day.block not in NOT_SCARCE:
        return "closed"
    share = booked / maximum if maximum else 1
    return "1" if share <= 1 / 3 else "2" if share <= 3 / 4 else "3"
