"""The ground of the demo: services and prices, the Witten workshop with its days, fleet and staff, and customers."""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

from b2c_web.accounts.commands.passwords import HASHER
from b2c_web.accounts.models import Address, Role, User
from b2c_web.catalog.commands import add_service, set_price
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import local_to_utc, now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.demo.logins import FIRST_CUSTOMER, STAFF, DemoLogin
from b2c_web.demo.people import Person, customers, mobile
from b2c_web.demo.usual_work import load_usual_work
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import Vehicle, VehicleClass
from b2c_web.workshops.commands import RETURN_MARGIN_DAYS, default_template, generate_days
from b2c_web.workshops.generation import lock_windows, refresh_jockey_room, working_days
from b2c_web.workshops.holiday_calendar import holiday_name
from b2c_web.workshops.models import FuelType, Jockey, JockeyShift, RonjaVehicle, Workshop

CUSTOMERS = 30
PAST_DAYS = 35

# duration in minutes, what concierge adds in cents, prices in cents by vehicle class
SERVICES: dict[ServiceType, tuple[int, int, tuple[int, int, int, int]]] = {
    ServiceType.OIL_SERVICE: (60, 3900, (14900, 16900, 19900, 22900)),
    ServiceType.INSPECTION: (180, 0, (19900, 24900, 29900, 35900)),
    ServiceType.BRAKE_SERVICE: (120, 3900, (24900, 29900, 37900, 48900)),
    ServiceType.CLIMATE_SERVICE: (90, 3900, (9900, 10900, 12900, 14900)),
}

EARLY = (7 * 60, 16 * 60, 11 * 60 + 30, 12 * 60)  # start, end, break from, to: minutes after midnight
LATE = (9 * 60 + 30, 19 * 60, 13 * 60, 13 * 60 + 30)
JOCKEYS = (
    ("Ronny Habicht", EARLY),
    ("Jule Sperber", EARLY),
    ("Milan Falke", LATE),
    ("Svenja Bussard", LATE),
)

# make, model, colour, fuel, mileage, days and kilometres to the next service
RONJAS = (
    ("Renault", "Zoe", "weiß", FuelType.ELECTRIC, 31_200, 210, 8_800),
    ("Renault", "Zoe", "blau", FuelType.ELECTRIC, 28_450, 190, 11_550),
    ("Opel", "Corsa-e", "orange", FuelType.ELECTRIC, 17_900, 300, 12_100),
    ("Opel", "Corsa-e", "weiß", FuelType.ELECTRIC, 22_340, 240, 7_660),
    ("Volkswagen", "up!", "grau", FuelType.GASOLINE, 54_100, 160, 5_900),
    ("Volkswagen", "up!", "rot", FuelType.GASOLINE, 48_720, 120, 11_280),
    ("Toyota", "Yaris", "silber", FuelType.HYBRID, 39_980, 90, 5_020),
    ("Toyota", "Yaris", "schwarz", FuelType.HYBRID, 58_650, 16, 1_350),  # the one that is nearly due
)


@dataclass(frozen=True)
class Base:
    """What the bookings of the demo build on."""

    workshop_id: uuid.UUID
    people: list[Person]
    staff: dict[str, uuid.UUID]


def load_base() -> Base:
    """Everything but the bookings, from five weeks ago to the end of the calendar. Deterministic but for the ids."""
    for service, (minutes, concierge_cents, prices) in SERVICES.items():
        add_service(service, minutes)
        for vehicle_class, base_cents in zip(VehicleClass, prices, strict=True):
            set_price(service, vehicle_class, base_cents, concierge_cents)
    workshop_id = _add_workshop()
    load_usual_work(workshop_id)
    first = today_in(ZONE) - timedelta(days=1)
    last = first + timedelta(days=PAST_DAYS + 61 + RETURN_MARGIN_DAYS)
    generate_days(workshop_id, first, last, default_template())
    staff = _add_staff(workshop_id, first, last)
    people = customers(CUSTOMERS)
    _add_customers(people)
    return Base(workshop_id, people, staff)


def _add_workshop() -> uuid.UUID:
    with command_transaction():
        workshop = Workshop(
            name="Werkstatt Witten",
            address="Am Prüfstand 1",
            postal_code="58452",
            city="Witten",
            lat=51.4436,
            lng=7.3353,
            phone="+492302000100",
            email="werkstatt-witten@example.org",
            service_radius=60,
            federal_state="NW",
        )
        db.session.add(workshop)
        db.session.flush()
        db.session.add_all(_ronja(workshop.id, number) for number in range(len(RONJAS)))
        return workshop.id


def _ronja(workshop_id: uuid.UUID, number: int) -> RonjaVehicle:
    make, model, color, fuel, mileage, days_left, km_left = RONJAS[number]
    # counted from today, though the demo's books begin five weeks earlier
    due = local_to_utc(today_in(ZONE) + timedelta(days=PAST_DAYS + days_left), 8 * 60, ZONE)
    return RonjaVehicle(
        workshop_id=workshop_id,
        license_plate=f"WIT RN {number + 1}",
        make=make,
        model=model,
        year=2023 - number % 3,
        color=color,
        fuel_type=fuel,
        current_location="Am Prüfstand 1, 58452 Witten",
        mileage=mileage,
        last_service_date=due - timedelta(days=365),
        next_service_due=due,
        next_service_mileage=mileage + km_left,
    )


def _add_staff(workshop_id: uuid.UUID, first: date, last: date) -> dict[str, uuid.UUID]:
    with command_transaction():
        found = {login.role: _add_user(login, workshop_id).id for login in STAFF if login.role != "JOCKEY"}
        for number, (name, hours) in enumerate(JOCKEYS, 1):
            login = DemoLogin("JOCKEY", f"jockey{number}@example.org", f"demo-jockey-{number}")
            user = _add_user(login, workshop_id, name)
            jockey = Jockey(
                workshop_id=workshop_id, user_id=user.id, name=name, email=login.email,
                phone=mobile(90 + number), employee_id=f"J-{number:03d}",
            )  # fmt: skip
            db.session.add(jockey)
            db.session.flush()
            days = [day for day in working_days(first, last) if holiday_name("NW", day) is None]
            db.session.add_all(_shift(jockey.id, day, hours) for day in days)
        db.session.flush()
        lock_windows(workshop_id, first, last)
        refresh_jockey_room(workshop_id, first, last)
    return found


def _shift(jockey_id: uuid.UUID, day: date, hours: tuple[int, int, int, int]) -> JockeyShift:
    starts, ends, break_starts, break_ends = (local_to_utc(day, minutes, ZONE) for minutes in hours)
    return JockeyShift(
        jockey_id=jockey_id, starts_at=starts, ends_at=ends, break_starts_at=break_starts, break_ends_at=break_ends
    )


NAMES = {"WORKSHOP": "Werkstatt am Prüfstand", "DISPATCHER": "Disposition", "ADMIN": "Verwaltung"}


def _add_user(login: DemoLogin, workshop_id: uuid.UUID, name: str | None = None) -> User:
    user = User(
        email=login.email,
        name=name or NAMES[login.role],
        role=Role(login.role),
        workshop_id=None if login.role == "ADMIN" else workshop_id,
        password_hash=HASHER.hash(login.password),
        email_verified=now_utc(),
    )
    db.session.add(user)
    db.session.flush()
    return user


def _add_customers(people: list[Person]) -> None:
    with command_transaction():
        for person in people:
            user = User(
                email=person.email,
                name=person.name,
                phone=person.phone,
                language=person.language,
                email_verified=now_utc(),
            )
            if person.email == FIRST_CUSTOMER.email:
                user.password_hash = HASHER.hash(FIRST_CUSTOMER.password)
            db.session.add(user)
            db.session.flush()
            _add_belongings(user, person)


def _add_belongings(user: User, person: Person) -> None:
    db.session.add(
        Address(
            user_id=user.id,
            street=person.street,
            postal_code=person.postal_code,
            city=person.city,
            is_default=True,
        )
    )
    db.session.add(
        Vehicle(
            user_id=user.id,
            license_plate=person.plate,
            make=person.make,
            model=person.model,
            year=person.year,
            vehicle_class=person.vehicle_class,
            is_primary=True,
        )
    )
