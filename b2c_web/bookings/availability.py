"""The one query that answers what can be promised, for customers and for staff, in at most three statements.

1. service, price and duration; 2. windows with their days; 3. the Ronjas with their reservations.
Whatever the number of bookings: each statement reads only what lies in the range of days.
"""

import uuid
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, overload

from flask import current_app
from sqlalchemy import column, text

from b2c_web.catalog.models import ServiceType
from b2c_web.catalog.queries import Price, price_for
from b2c_web.clock import local_to_utc, now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.queries import Reach
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS, Block, DayState, Judge, Offer, Order, RonjaPlan, Window

FAR_FUTURE = 2**40


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants: where, what and how. Days are asked for separately."""

    workshop_id: uuid.UUID
    service: ServiceType
    vehicle_class: VehicleClass
    concierge: bool
    travel_minutes: int

    @classmethod
    def of(cls, reach: Reach, service: ServiceType, vehicle_class: VehicleClass, concierge: bool) -> "Question":
        """The question of a place that a workshop serves."""
        if reach.workshop is None:
            raise ValueError("nobody serves this place")
        return cls(reach.workshop.id, service, vehicle_class, concierge, reach.travel_minutes)


@dataclass(slots=True)
class Day:
    """One local day: its state as customers see it, its windows, and for staff why it is blocked."""

    day: date
    state: DayState
    places: int = 0
    block: Block | None = None
    note: str | None = None
    offers: list[Offer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Answer:
    """The days asked for in order, the price they were judged with, and the judge for closer questions."""

    days: Sequence[Day]
    price: Price
    total_cents: int
    judge: Judge

    def on(self, day: date) -> Day | None:
        """The day, when it is one of those asked for."""
        number = (day - self.days[0].day).days
        return self.days[number] if 0 <= number < len(self.days) else None

    def offers(self) -> Iterator[Offer]:
        """All windows of the days, in order."""
        return (offer for day in self.days for offer in day.offers)

    def with_returns(self, slot_id: uuid.UUID) -> Offer | None:
        """One window with every return window that can be promised with it; no further statement."""
        for index, window in enumerate(self.judge.windows):
            if window.slot_id == slot_id:
                return self.judge.offer(index, all_returns=True)
        return None

    def free(self, without: uuid.UUID | None = None) -> Iterator[Offer]:
        """The windows that can be promised, in order; not the one of the slot `without`."""
        return (offer for offer in self.offers() if offer.block is None and offer.window.slot_id != without)

    def next_free(self, without: uuid.UUID | None = None) -> Offer | None:
        """The first of `free`, the one offered first."""
        return next(self.free(without), None)

    def alternatives(self, around: int, count: int = 3, without: uuid.UUID | None = None) -> list[Offer]:
        """Those of `free` that are nearest to the instant `around` (epoch seconds), in order of time."""
        free = list(self.free(without))
        nearest = sorted(free, key=lambda offer: abs(offer.window.start - around))[:count]
        return sorted(nearest, key=lambda offer: offer.window.start)


WINDOWS = text(
    """
    SELECT t.id, CAST(extract(epoch FROM t.start_time) AS bigint) AS start,
      CAST(extract(epoch FROM t.end_time) AS bigint) AS end, d.date, t.max_bookings, t.current_bookings,
      t.is_available, t.jockey_minutes_room - t.jockey_minutes_taken, t.longest_trip_minutes,
      d.max_bookings, d.current_bookings, d.is_holiday, d.is_closed, d.note
    FROM workshop_capacity d
    LEFT JOIN time_slots t ON t.workshop_id = d.workshop_id AND t.service_date = d.date
    WHERE d.workshop_id = :workshop AND d.date BETWEEN :first AND :last
    ORDER BY d.date, t.start_time
    """
).columns(*(column(f"c{number}") for number in range(14)))  # so that what it returns is not looked at anew each time

RONJAS = text(
    """
    SELECT r.id, CAST(extract(epoch FROM r.next_service_due) AS bigint) AS due, v.starts, v.ends
    FROM ronja_vehicles r
    LEFT JOIN LATERAL (
      SELECT array_agg(CAST(extract(epoch FROM lower(during)) AS bigint) ORDER BY during) AS starts,
        array_agg(CAST(extract(epoch FROM upper(during)) AS bigint) ORDER BY during) AS ends
      FROM ronja_reservations
      WHERE ronja_id = r.id AND during && tstzrange(:start, :end)
    ) v ON true
    WHERE r.workshop_id = :workshop AND r.status IN ('AVAILABLE', 'IN_USE')
      AND (r.next_service_mileage IS NULL OR r.mileage + :lead_km < r.next_service_mileage)
    ORDER BY r.id
    """
).columns(column("id"), column("due"), column("starts"), column("ends"))


def read_windows(workshop_id: uuid.UUID, first: date, last: date) -> tuple[list[Window], dict[date, Any]]:
    """The windows of the days in order, and each day's (is_holiday, is_closed, note), also of days without windows."""
    rows = db.session.execute(WINDOWS, {"workshop": workshop_id, "first": first, "last": last}).all()
    days = {row[3]: (row[11], row[12], row[13]) for row in rows}
    return [Window(*row[:13]) for row in rows if row[0] is not None], days


def read_ronjas(workshop_id: uuid.UUID, start: datetime, end: datetime) -> list[RonjaPlan]:
    """The workshop's Ronjas that can be planned, each with its reservations between the instants."""
    config = current_app.config
    lead = config["RONJA_SERVICE_LEAD_DAYS"] * 86_400
    facts = {"workshop": workshop_id, "start": start, "end": end, "lead_km": config["RONJA_SERVICE_LEAD_KM"]}
    return [
        RonjaPlan(row.id, tuple(row.starts or ()), tuple(row.ends or ()), row.due - lead if row.due else FAR_FUTURE)
        for row in db.session.execute(RONJAS, facts)
    ]


def order_of(question: Question, service_minutes: int, *, for_staff: bool = False) -> Order:
    """The question in the rules' terms, with the settings of this installation."""
    config, now = current_app.config, now_utc()
    last_day = today_in(ZONE) + timedelta(days=config["HORIZON_DAYS"])
    return Order(
        concierge=question.concierge,
        service_minutes=service_minutes,
        travel_minutes=question.travel_minutes,
        pickup_handover_minutes=config["PICKUP_HANDOVER_MINUTES"],
        return_handover_minutes=config["RETURN_HANDOVER_MINUTES"],
        return_buffer_minutes=config["RETURN_BUFFER_MINUTES"],
        cleaning_minutes=config["RONJA_CLEANING_MINUTES"],
        return_offer_days=config["RETURN_OFFER_DAYS"],
        bookable_from=int(now.timestamp()) + (0 if for_staff else config["LEAD_TIME_HOURS"] * 3600),
        bookable_until=int(local_to_utc(last_day + timedelta(days=1), 0, ZONE).timestamp()),
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """The rows that the days from `first` to `last` are judged by, as they were read."""

    first: date
    last: date
    price: Price
    order: Order
    windows: list[Window]
    days: dict[date, Any]
    plans: list[RonjaPlan]

    def key(self) -> Hashable:
        """Equal keys of one day mean equal answers: of the clock only which windows the lead time has passed counts."""
        passed = sum(window.start < self.order.bookable_from for window in self.windows)
        rows = tuple(self.windows), tuple(self.days.items()), tuple(self.plans)
        return self.first, self.last, self.price, replace(self.order, bookable_from=0), passed, rows


def read_facts(question: Question, first: date, last: date) -> Facts:
    """Everything that limits the days, read fresh in at most three statements. Raises NotOffered."""
    price = price_for(question.service, question.vehicle_class, now_utc())
    behind = last + timedelta(days=RETURN_LOOKAHEAD_DAYS)
    windows, days = read_windows(question.workshop_id, first, behind)
    plans: list[RonjaPlan] = []
    if question.concierge:
        start, end = local_to_utc(first - timedelta(days=1), 0, ZONE), local_to_utc(behind + timedelta(days=2), 0, ZONE)
        plans = read_ronjas(question.workshop_id, start, end)
    return Facts(first, last, price, order_of(question, price.duration_minutes), windows, days, plans)


def availability(question: Question, first: date, last: date) -> Answer:
    """Each day's state, each window's remaining places and the reason when blocked, for `first` to `last`.

    At most three statements. Raises NotOffered when the service is not sold for this class of car now.
    """
    return judged(read_facts(question, first, last))


def judged(facts: Facts) -> Answer:
    """The answer that these facts give; no statement."""
    days = Days(facts, Judge(facts.windows, facts.plans, facts.order))
    return Answer(days, facts.price, facts.price.total_cents(concierge=facts.order.concierge), days.judge)


class Days(Sequence[Day]):
    """The days that were asked for, each judged when it is first looked at: a page shows one month of the horizon."""

    def __init__(self, facts: Facts, judge: Judge) -> None:
        self.judge = judge
        self._facts, self._few_places = facts, current_app.config["FEW_LEFT_PLACES"]
        self._judged: list[Day | None] = [None] * ((facts.last - facts.first).days + 1)

    def __len__(self) -> int:
        return len(self._judged)

    @overload
    def __getitem__(self, number: int) -> Day: ...
    @overload
    def __getitem__(self, number: slice) -> list[Day]: ...
    def __getitem__(self, number: int | slice) -> Day | list[Day]:
        if isinstance(number, slice):
            return [self[n] for n in range(len(self))[number]]
        found = self._judged[number]
        if found is None:
            day = self._facts.first + timedelta(days=number % len(self))
            offers = [self.judge.offer(index) for index in self.judge.numbers(day)]
            found = self._judged[number] = _day(day, offers, self._facts.days.get(day), self._few_places)
        return found


def _day(day: date, offers: list[Offer], facts: Any, few_places: int) -> Day:
    """A day's state out of its windows: free, few (so many places), full, or closed to everybody."""
    note = facts[2] if facts else None
    open_offers = [offer for offer in offers if offer.block is None]
    if open_offers:
        window = offers[0].window
        left_today = window.day_max_bookings - window.day_current_bookings
        places = min(left_today, sum(offer.places for offer in open_offers))
        return Day(day, DayState.FEW if places <= few_places else DayState.FREE, places, None, note, offers)
    block = _day_block(offers, facts)
    shut = block in (Block.CLOSED, Block.HOLIDAY, Block.LEAD_TIME, Block.HORIZON)
    return Day(day, DayState.CLOSED if shut else DayState.FULL, 0, block, note, offers)


def _day_block(offers: list[Offer], facts: Any) -> Block:
    """The reason that stands for a whole day: the bottleneck that blocks most of its windows."""
    if facts and facts[0]:
        return Block.HOLIDAY
    blocks = [offer.block for offer in offers if offer.block is not None]
    scarce = [block for block in blocks if block not in (Block.CLOSED, Block.LEAD_TIME, Block.HORIZON)]
    candidates = Counter[Block](scarce or blocks)
    return candidates.most_common(1)[0][0] if candidates else Block.CLOSED
