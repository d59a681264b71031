"""Big sets of data in a few minutes: workshops, days, and bookings in the past and to come, written with COPY.

What is written is consistent (`flask verify` holds on it): counters, jockey minutes, Ronjas and money agree with the
bookings. Each workshop is written in transactions of its own, several at once.
"""

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import psycopg
from flask import current_app
from sqlalchemy import func, insert, select, text

from b2c_web.catalog.commands import add_service, set_price
from b2c_web.catalog.models import Service
from b2c_web.clock import local_to_utc, today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.demo import bulk_plan
from b2c_web.demo.base import SERVICES
from b2c_web.demo.bulk_rows import COLUMNS, Rows, WorkshopRows, add_users, chunks
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.generation import Template, parse_windows
from b2c_web.workshops.holiday_calendar import holiday_name
from b2c_web.workshops.models import FuelType, Jockey, JockeyShift, RonjaVehicle, Workshop, WorkshopCapacity
from b2c_web.workshops.travel import locate

WRITERS = 2
BOOKINGS_AT_ONCE = 4_500
BOOKINGS_PER_PAST_DAY = 18
BOOKINGS_PER_COMING_DAY = (4, 18)
CUSTOMERS_PER_BOOKING = 20
BULK_MAIL = "@bulk.example.org"

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Order:
    """What is wanted. `history`: all bookings go into the past of the workshops that are there.

    `every_day`: weekends and holidays are open too, so that n days have n times the windows. `past_day`: bookings of
    one past day; with more than usual its windows have the places for them, and a history is shorter.
    """

    workshops: int
    days: int
    bookings: int
    history: bool = False
    every_day: bool = False
    seed: int = 1
    past_day: int = BOOKINGS_PER_PAST_DAY


def load_bulk(order: Order, progress: Progress) -> int:
    """Writes what `order` wants and returns the number of bookings. `progress` is told of each portion written.

    Bookings that do not fit into the coming days (a third to all of their places are taken) lie in the past. Raises
    ValueError when a history is wanted and there is no workshop.
    """
    if not db.session.scalar(select(func.count(Service.id))):
        add_services()
    places = _existing_places() if order.history else _add_workshops(order)
    if not places:
        raise ValueError("there is no workshop yet")
    first_user, last_user, first_number = _reserve_numbers(order.bookings)
    url = current_app.config["SQLALCHEMY_DATABASE_URI"].replace("postgresql+psycopg://", "postgresql://", 1)
    users = _write_users(url, first_user, last_user - first_user)
    db.session.remove()
    jobs = list(_share(order, places, users, first_number))
    with ThreadPoolExecutor(WRITERS) as pool:
        written = sum(pool.map(lambda job: job.write(url, progress), jobs))
    _settle(url)
    return written


def add_services() -> None:
    """The four services with their prices from now on."""
    for service, (minutes, concierge_cents, prices) in SERVICES.items():
        add_service(service, minutes)
        for vehicle_class, base_cents in zip(VehicleClass, prices, strict=True):
            set_price(service, vehicle_class, base_cents, concierge_cents)


@dataclass
class _Job:
    """The bookings of one workshop: `coming` days of its own calendar and as many past ones as it takes."""

    order: Order
    place: dict[str, Any]
    users: list[str]
    first_number: int
    bookings: int
    template: Template
    seed: int

    def write(self, url: str, progress: Progress) -> int:
        rows = Rows()
        numbers = iter(range(self.first_number, self.first_number + self.bookings))
        today = today_in(ZONE)
        workshop = WorkshopRows(rows, self.place, users=self.users, numbers=numbers, today=today, seed=self.seed)
        written = 0
        with psycopg.connect(url) as connection:
            for group in chunks(self._plans(rows.ids, today), max(1, BOOKINGS_AT_ONCE // self.order.past_day)):
                portion = sum(workshop.add_day(plan, self._template_on(plan.day, today)) for plan in group)
                rows.write(connection)
                connection.commit()
                written += portion
                progress(portion)
        return written

    def _plans(self, ids: Iterator[str], today: date) -> Iterator[bulk_plan.DayPlan]:
        """Coming days first, filled unevenly; then the past, day by day backwards, until all bookings are placed."""
        chance = random.Random(self.seed)  # noqa: S311 - chance, not secrets
        left = self.bookings
        for offset in range(0 if self.order.history else self.order.days):
            plan = self._plan(today + timedelta(days=offset), ids)
            if plan:
                bulk_plan.fill(plan, min(left, chance.randint(*BOOKINGS_PER_COMING_DAY)), self.template, chance)
                left -= len(plan.bookings)
                yield plan
        day = self.place["oldest"]
        while left > 0:
            day -= timedelta(days=1)
            plan = self._plan(day, ids)
            if plan:
                bulk_plan.fill(plan, min(left, self.order.past_day), self._template_on(day, today), chance)
                left -= len(plan.bookings)
                yield plan

    def _plan(self, day: date, ids: Iterator[str]) -> bulk_plan.DayPlan | None:
        closed = day.weekday() > 4 or holiday_name(self.place["state"], day)
        if closed and not self.order.every_day:
            return None
        return bulk_plan.empty_day(day, self.template.windows, ids)

    def _template_on(self, day: date, today: date) -> Template:
        """The usual places; on a past day with more bookings than they hold as many as it takes."""
        wanted, usual = self.order.past_day, self.template
        if day >= today or wanted <= usual.day_maximum:
            return usual
        return replace(usual, day_maximum=wanted, places_per_window=-(-wanted // len(usual.windows)))


def _share(order: Order, places: list[dict[str, Any]], users: list[str], first_number: int) -> Iterator[_Job]:
    template = Template(parse_windows(current_app.config["WINDOW_HOURS"]))
    for index, place in enumerate(places):
        low, high = (order.bookings * (index + step) // len(places) for step in (0, 1))
        seed = order.seed * 1_000_003 + index
        yield _Job(order, place, users, first_number + low, high - low, template, seed)


# -- what the bookings build on


def _add_workshops(order: Order) -> list[dict[str, Any]]:
    before = db.session.scalar(select(func.count(Workshop.id))) or 0
    codes = _spread_codes(order.workshops)
    places = []
    for number, code in enumerate(codes, before + 1):
        with command_transaction():
            places.append(_add_workshop(number, code, order))
    return places


def _spread_codes(count: int) -> list[str]:
    """`count` postal codes all over the country, always the same ones."""
    known = [code for code in (f"{number:05d}" for number in range(1000, 100_000)) if locate(code)]
    return [known[index * len(known) // count] for index in range(count)]


def _add_workshop(number: int, code: str, order: Order) -> dict[str, Any]:
    point = locate(code)
    assert point is not None  # noqa: S101 - the codes were chosen for being known
    workshop = Workshop(
        name=f"Werkstatt {number}", address="Am Prüfstand 1", postal_code=code, city=f"Ort {code}", lat=point.lat,
        lng=point.lng, phone="+492302000100", email=f"werkstatt{number}{BULK_MAIL}",
    )  # fmt: skip
    db.session.add(workshop)
    db.session.flush()
    ronjas = [_ronja(workshop, number, index) for index in range(bulk_plan.RONJAS)]
    jockeys = [_jockey(workshop, number, index) for index in range(bulk_plan.JOCKEYS)]
    db.session.add_all([*ronjas, *jockeys])
    db.session.flush()
    _add_shifts(jockeys, order.days)
    return _place(workshop, ronjas, jockeys, today_in(ZONE))


def _ronja(workshop: Workshop, number: int, index: int) -> RonjaVehicle:
    return RonjaVehicle(
        workshop_id=workshop.id, license_plate=f"RN {number} {index + 1}", make="Renault", model="Zoe", year=2023,
        color="weiß", fuel_type=FuelType.ELECTRIC,
    )  # fmt: skip


def _jockey(workshop: Workshop, number: int, index: int) -> Jockey:
    email = f"jockey{number}-{index + 1}{BULK_MAIL}"
    return Jockey(workshop_id=workshop.id, name=f"Jockey {index + 1}", email=email, phone="+491713920000")


def _add_shifts(jockeys: list[Jockey], days: int) -> None:
    today = today_in(ZONE)
    rows = [
        {"jockey_id": jockey.id, "starts_at": at(bulk_plan.SHIFT[0]), "ends_at": at(bulk_plan.SHIFT[1])}
        for offset in range(days)
        for at in [_clock_of(today + timedelta(days=offset))]
        for jockey in jockeys
    ]
    if rows:
        db.session.execute(insert(JockeyShift), rows)


def _clock_of(day: date) -> Callable[[int], Any]:
    return lambda minutes: local_to_utc(day, minutes, ZONE)


def _place(workshop: Workshop, ronjas: list[RonjaVehicle], jockeys: list[Jockey], oldest: date) -> dict[str, Any]:
    """What the rows of a workshop need of it. `oldest`: history goes on before this day."""
    return {
        "id": workshop.id,
        "postal_code": workshop.postal_code,
        "city": workshop.city,
        "lat": workshop.lat,
        "lng": workshop.lng,
        "state": workshop.federal_state,
        "ronjas": [ronja.id for ronja in ronjas],
        "jockeys": [jockey.id for jockey in jockeys],
        "oldest": oldest,
    }


def _existing_places() -> list[dict[str, Any]]:
    """The workshops of earlier big sets, each with the day before which its history goes on."""
    oldest = func.min(WorkshopCapacity.date)
    query = (
        select(Workshop, func.least(oldest, today_in(ZONE)))
        .outerjoin(WorkshopCapacity, WorkshopCapacity.workshop_id == Workshop.id)
        .where(Workshop.email.endswith(BULK_MAIL))
        .group_by(Workshop.id)
        .order_by(Workshop.id)
    )
    return [
        _place(workshop, list(_of(RonjaVehicle, workshop)), list(_of(Jockey, workshop)), day)
        for workshop, day in db.session.execute(query).all()
    ]


def _of(kind: Any, workshop: Workshop) -> Any:
    return db.session.scalars(select(kind).where(kind.workshop_id == workshop.id).order_by(kind.id))


def _reserve_numbers(bookings: int) -> tuple[int, int, int]:
    """First and last number of the new customers, and the first booking number of a block that is ours."""
    with command_transaction():
        users = db.session.scalar(text("SELECT count(*) FROM users")) or 0
        first = db.session.scalar(text("SELECT nextval('booking_number_seq')")) or 1
        db.session.execute(text("SELECT setval('booking_number_seq', :last)"), {"last": first + bookings})
    return users, users + max(50, bookings // CUSTOMERS_PER_BOOKING), first


def _write_users(url: str, first: int, count: int) -> list[str]:
    rows = Rows()
    ids = add_users(rows, first, count)
    with psycopg.connect(url) as connection:
        rows.write(connection)
    return ids


def _settle(url: str) -> None:
    """Fresh statistics and visibility, so that the first reads find the tables as they will stay."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in COLUMNS:
            connection.execute(psycopg.sql.SQL("VACUUM (ANALYZE) {}").format(psycopg.sql.Identifier(table)))
