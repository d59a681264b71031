"""Big sets: as many as asked for, consistent in every invariant, and to be built upon."""

import random
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text

from b2c_web import checks
from b2c_web.bookings.availability import Question, availability
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.demo import bulk, bulk_plan
from b2c_web.flask_extensions import db
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.generation import Template, parse_windows
from b2c_web.workshops.models import JockeyStatus, RonjaVehicle, TimeSlot, Workshop, WorkshopCapacity

TEMPLATE = Template(parse_windows("08-10,10-12,12-14,14-16,16-18"))


@pytest.fixture
def app(committed_app):
    """COPY writes over connections of its own: a database for this test alone."""
    with committed_app.app_context():
        yield committed_app


def load(*order, **options):
    portions = []
    written = bulk.load_bulk(bulk.Order(*order, **options), portions.append)
    assert sum(portions) == written
    return written


def count(kind, *conditions):
    return db.session.scalar(select(func.count()).select_from(kind).where(*conditions))


def past():
    return Booking.pickup_time < func.now() - timedelta(days=1)


def test_a_big_set_is_whole_and_keeps_every_invariant(app):
    assert load(3, 30, 1500) == 1500
    assert (count(Booking), count(Workshop), count(RonjaVehicle)) == (1500, 3, 24)
    assert count(Booking, past()) > 300
    assert count(Booking, Booking.include_concierge) > 300
    assert set(db.session.scalars(select(Booking.status))) == {
        BookingStatus.CONFIRMED,
        BookingStatus.COMPLETED,
        BookingStatus.CANCELLED,
    }
    assert checks.breaches() == []


def test_a_full_history_lies_in_few_days_of_one_workshop(app):
    assert load(1, 5, 400, every_day=True, past_day=60) == 400
    assert db.session.scalar(select(func.max(WorkshopCapacity.max_bookings))) == 60
    assert count(WorkshopCapacity, WorkshopCapacity.date < today_in(ZONE)) <= 7
    assert checks.breaches() == []


def test_history_grows_below_the_same_future(app):
    load(2, 20, 400)
    coming = count(Booking, Booking.status == BookingStatus.CONFIRMED)
    windows = count(TimeSlot, TimeSlot.service_date >= today_in(ZONE))
    assert load(0, 0, 900, history=True) == 900
    assert count(Booking) == 1300
    assert count(Booking, Booking.status == BookingStatus.CONFIRMED) == coming
    assert count(TimeSlot, TimeSlot.service_date >= today_in(ZONE)) == windows
    load(0, 0, 300, history=True, seed=2)
    assert checks.breaches() == []


def test_history_without_workshops_is_refused(app):
    with pytest.raises(ValueError, match="no workshop"):
        load(0, 0, 10, history=True)


def test_numbers_go_on_after_the_block_of_a_big_set(app):
    load(1, 5, 120)
    load(1, 5, 120, seed=2)
    numbers = db.session.scalars(select(Booking.number)).all()
    assert len(set(numbers)) == 240
    following = db.session.scalar(text("SELECT nextval('booking_number_seq')"))
    assert following > max(int(number.rsplit("-", 1)[1]) for number in numbers)


def test_numbers_above_a_million_are_not_cut(app):
    db.session.execute(text("SELECT setval('booking_number_seq', 1234566)"))
    made = db.session.scalar(text("SELECT to_char(nextval('booking_number_seq'), 'FM999999000000')"))
    assert made == "1234567"
    default = Booking.__table__.c.number.server_default.arg.text
    assert "FM999999000000" in default


def test_the_calendar_answers_on_a_big_set(app):
    load(1, 40, 200, every_day=True)
    workshop = db.session.scalars(select(Workshop)).one()
    today = today_in(ZONE)
    question = Question(workshop.id, ServiceType.OIL_SERVICE, VehicleClass.SUV, True, 12)
    answer = availability(question, today, today + timedelta(days=20))
    assert sum(len(day.offers) for day in answer.days) == 21 * 5
    assert answer.next_free() is not None


def test_jockeys_are_in_their_shifts_not_on_the_road(app):
    load(1, 3, 30)
    states = set(db.session.scalars(text("SELECT status FROM jockeys")))
    assert states == {JockeyStatus.ACTIVE}


def test_the_command_loads_a_big_set_and_says_so(app):
    runner = app.test_cli_runner()
    result = runner.invoke(args=["demo", "load", "--workshops", "2", "--days", "5", "--bookings", "90"])
    assert result.exit_code == 0, result.output
    assert "90 bookings written in" in result.output
    result = runner.invoke(args=["demo", "load", "--bookings", "40", "--history", "--seed", "7"])
    assert "40 bookings written in" in result.output
    assert count(Booking) == 130


def test_the_command_refuses_a_history_of_nothing(app):
    result = app.test_cli_runner().invoke(args=["demo", "load", "--bookings", "40", "--history"])
    assert (result.exit_code, result.output) == (1, "Error: there is no workshop yet.\n")


# -- the plan of one day


def filled(wanted, seed=1):
    ids = iter(f"{number}" for number in range(10_000))
    plan = bulk_plan.empty_day(date(2027, 3, 26), TEMPLATE.windows, ids)
    bulk_plan.fill(plan, wanted, TEMPLATE, random.Random(seed))
    return plan


@pytest.mark.parametrize("seed", range(20))
def test_a_day_never_promises_more_than_it_has(seed):
    plan = filled(99, seed)
    assert len(plan.bookings) == TEMPLATE.day_maximum
    concierge = [booking for booking in plan.bookings if booking.back]
    assert len({booking.ronja for booking in concierge}) == len(concierge) <= bulk_plan.RONJAS
    for slot in plan.slots:
        mine = [booking for booking in plan.bookings if booking.slot is slot]
        minutes = sum(b.pickup_minutes for b in concierge if b.slot is slot)
        minutes += sum(b.return_minutes for b in concierge if b.back is slot)
        assert slot.bookings == len(mine) <= TEMPLATE.places_per_window
        assert slot.jockey_minutes == minutes <= slot.room
        jockeys = [b.jockey for b in concierge if b.slot is slot]
        assert len(set(jockeys)) == len(jockeys)


def test_a_day_takes_what_is_wanted_when_there_is_room():
    assert len(filled(7).bookings) == 7
    assert filled(0).bookings == []
