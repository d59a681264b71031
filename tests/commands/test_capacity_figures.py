"""Forecast, utilisation and the export: plain counts that can be checked by hand."""

import csv
import io
import uuid
from datetime import timedelta
from typing import Any

import pytest

from b2c_web import clock
from b2c_web.bookings.availability import availability
from b2c_web.bookings.models import BookingStatus
from b2c_web.capacity.export import DAYS, coming_days, days_csv, harmless
from b2c_web.capacity.forecast import Expected, forecast
from b2c_web.capacity.utilisation import utilisation
from b2c_web.catalog.models import ServiceType
from b2c_web.workshops.models import WorkshopCapacity
from b2c_web.workshops.rules import DayState, Limit
from tests.commands.scene import Scene
from tests.conftest import NOON
from tests.factories import make_booking, make_days, make_ronja, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
TODAY = NOON.date()  # a Tuesday


class Past:
    """A workshop with twelve open Mondays behind it, one of them closed, one a holiday."""

    def __init__(self, session: Any) -> None:
        self.workshop = make_workshop()
        self.mondays = [TODAY - timedelta(days=1 + 7 * week) for week in range(12)]
        self.slots = {day: make_days(self.workshop, day, 1) for day in self.mondays}
        session.commit()

    def brought(self, week: int, times: int, service: ServiceType = ServiceType.INSPECTION, **facts: Any) -> None:
        for _n in range(times):
            make_booking(self.slots[self.mondays[week]][0], service=service, **{"status": DONE, **facts})


DONE = BookingStatus.COMPLETED


@pytest.fixture
def past(session: Any) -> Past:
    return Past(session)


def test_the_mean_of_the_open_days_with_its_spread(past: Past, session: Any) -> None:
    past.brought(0, 4)
    past.brought(1, 2)
    past.brought(1, 1, ServiceType.OIL_SERVICE)
    past.brought(2, 3, status=BookingStatus.CANCELLED)
    past.brought(2, 1, status=BookingStatus.PENDING)
    session.commit()
    found = forecast(past.workshop.id)
    (monday,) = found.weekdays
    assert (monday.number, monday.total.days) == (0, 12)
    assert monday.services[ServiceType.INSPECTION].mean == pytest.approx(6 / 12)
    assert monday.services[ServiceType.OIL_SERVICE].mean == pytest.approx(1 / 12)
    assert monday.total.mean == pytest.approx(7 / 12)
    assert monday.total.spread == pytest.approx(Expected.of([4, 3] + [0] * 10).spread)
    assert found.has_data


def test_closed_days_and_holidays_do_not_count(past: Past, session: Any) -> None:
    past.brought(0, 2)
    days = session.query(WorkshopCapacity).order_by(WorkshopCapacity.date).all()
    days[0].is_closed, days[1].is_holiday = True, True
    session.commit()
    assert forecast(past.workshop.id).weekdays[0].total == Expected(0.2, Expected.of([2] + [0] * 9).spread, 10)


def test_what_lies_outside_the_twelve_weeks_does_not_count(past: Past, session: Any) -> None:
    past.brought(11, 2)
    session.commit()
    assert forecast(past.workshop.id).weekdays[0].total.mean == pytest.approx(2 / 12)
    with clock.frozen(NOON + timedelta(days=7)):
        assert forecast(past.workshop.id).weekdays[0].total == Expected(0.0, 0.0, 11)
    assert not forecast(make_workshop().id).has_data


def test_another_workshops_bookings_do_not_count(past: Past, session: Any) -> None:
    make_booking(make_days(make_workshop(), past.mondays[0], 1)[0], status=DONE)
    session.commit()
    assert forecast(past.workshop.id).weekdays[0].total.mean == 0


def test_one_day_has_no_spread() -> None:
    assert Expected.of([3]) == Expected(3.0, None, 1)
    assert Expected.of([]) == Expected(None, None, 0)


def test_utilisation_by_week(past: Past, session: Any) -> None:
    """One concierge booking in last week's Monday: 1 of 20 places, 152 of 2400 minutes, one Ronja from 8 to 14:38."""
    ronjas = [make_ronja(past.workshop) for _n in range(2)]
    slots = past.slots[past.mondays[1]]
    make_booking(slots[0], slots[2], ronja=ronjas[0], status=BookingStatus.IN_WORKSHOP)
    session.commit()
    bays, jockeys, fleet = utilisation(past.workshop.id)
    week = next(n for n, one in enumerate(bays.weeks) if one.monday == past.mondays[1])
    assert (bays.weeks[week].used, bays.weeks[week].room) == (1, 20)
    assert (jockeys.weeks[week].used, jockeys.weeks[week].room) == (152, 2400)
    assert (fleet.weeks[week].used, fleet.weeks[week].room) == (6 * 60 + 38, 2 * 600)
    assert [one.limit for one in (bays, jockeys, fleet)] == [Limit.BAYS, Limit.JOCKEYS, Limit.RONJAS]
    assert (len(bays.weeks), [one.planned for one in bays.weeks].count(True)) == (16, 4)
    # this week's Monday is planned already, so that eleven Mondays of 20 places count
    assert bays.mean == round(100 * 1 / (11 * 20))
    assert bays.weeks[-1].percent is None


def test_sixty_days_as_customers_meet_them(session: Any) -> None:
    scene = Scene(session, ronjas=1)
    scene.booked(0, 2)
    question = scene.request().question
    cells = coming_days(question)
    answer = availability(question, cells[0].day, cells[-1].day)
    assert len(cells) == DAYS
    assert [(c.day, c.places, c.block) for c in cells] == [(d.day, d.places, d.block) for d in answer.days]
    assert any(day.state is not DayState.CLOSED for day in answer.days)


def test_the_file_opens_in_a_spreadsheet_and_starts_no_formula(session: Any) -> None:
    scene = Scene(session, ronjas=1)
    session.query(WorkshopCapacity).order_by(WorkshopCapacity.date).first().note = '=HYPERLINK("x"); Fest'
    session.commit()
    made = days_csv(coming_days(scene.request().question))
    assert made.startswith("\ufeffDatum;Wochentag;")
    rows = list(csv.reader(io.StringIO(made.removeprefix("\ufeff")), delimiter=";"))
    assert len(rows) == DAYS + 1
    assert {len(row) for row in rows} == {13}
    thursday = next(row for row in rows if row[0] == "2026-11-26")
    assert rows[0][4:6] == ["Plätze frei", "davon mit Abholung, höchstens"]
    assert thursday[1:6] == ["Do", "0", "20", "20", "1"]
    assert thursday[-1] == '\'=HYPERLINK("x"); Fest'


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx"])
def test_what_begins_like_a_formula_is_text(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"a{text}") == f"a{text}"


def test_an_unknown_workshop_has_no_figures(session: Any) -> None:
    assert [use.mean for use in utilisation(uuid.uuid4())] == [None, None, None]
