"""What staff see blocked is exactly what customers cannot book, with the reason. On random days, by a real claim."""

import random
import uuid
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from b2c_web.bookings.availability import Question, availability
from b2c_web.bookings.calendar_view import ask
from b2c_web.bookings.claim import BookingRequest, book
from b2c_web.bookings.places import PlaceTaken
from b2c_web.capacity.month import Cell, facts_of, load_of, month_of
from b2c_web.catalog.models import ServiceType
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.vehicles.models import VehicleClass
from b2c_web.workshops.rules import LIMIT_OF, Block, DayState, Limit, Offer
from tests.commands.scene import PLACE
from tests.factories import WINDOWS, make_customer, make_day, make_ronja, make_services, make_slot, make_workshop

pytestmark = pytest.mark.usefixtures("frozen_clock")
FIRST, LAST = date(2026, 11, 23), date(2026, 12, 4)
PRICES = {(False, ServiceType.BRAKE_SERVICE): 28900, (True, ServiceType.BRAKE_SERVICE): 32800}


class RandomWorkshop:
    """Two weeks of days and windows in every state that there is; the last day has no place in any way."""

    def __init__(self, session: Any, seed: int) -> None:
        self.chance = random.Random(seed)
        make_services()
        self.workshop = make_workshop()
        self.ronjas = [make_ronja(self.workshop) for _n in range(self.chance.choice([0, 1, 2]))]
        self.slots: dict[uuid.UUID, tuple[date, datetime]] = {}  # day and start; rows would be read one by one
        for offset in range((LAST - FIRST).days + 1):
            self._add_day(FIRST + timedelta(days=offset))
        session.commit()

    def _add_day(self, day: date) -> None:
        chance = self.chance
        if day.weekday() > 4:
            return
        most, places, rare = ([0, 1, 5, 20], [0, 1, 3], 0.1) if day < LAST else ([0], [0], 0)
        holiday, closed = chance.random() < rare, chance.random() < rare
        row = make_day(self.workshop, day, max_bookings=chance.choice(most), is_holiday=holiday)
        row.is_closed, row.note = closed, chance.choice([None, "Inventur"])
        for window in () if holiday else WINDOWS:
            room = chance.choice([0, 60, 120, 240])
            facts = {"max_bookings": chance.choice(places), "is_available": chance.random() >= rare}
            slot = make_slot(self.workshop, day, window, jockey_minutes_room=room, longest_trip_minutes=room, **facts)
            self.slots[slot.id] = (day, slot.start_time)

    def question(self, concierge: bool) -> Question:
        return Question(self.workshop.id, ServiceType.BRAKE_SERVICE, VehicleClass.MIDSIZE, concierge, 23)

    def later(self, slot_id: uuid.UUID) -> uuid.UUID:
        """Some window after this one, for a claim that has no return to choose."""
        _day, starts = self.slots[slot_id]
        return next((one for one, (_day, at) in self.slots.items() if at > starts), slot_id)

    def book(self, question: Question, slot_id: uuid.UUID, back: uuid.UUID | None) -> uuid.UUID:
        """The customer's own claim. Raises PlaceTaken."""
        request = BookingRequest(
            user_id=make_customer().id,
            draft_id=uuid.uuid4(),
            network="127.0.0.0/24",
            question=question,
            slot_id=slot_id,
            return_slot_id=back,
            place=PLACE,
            customer_name="Person am Beispielweg",
            customer_phone="+4923021234567",
            shown_total_cents=PRICES[question.concierge, question.service],
        )
        return book(request)


@pytest.fixture(params=range(6))
def place(request: pytest.FixtureRequest, session: Any) -> RandomWorkshop:
    return RandomWorkshop(session, request.param)


@pytest.fixture(params=[True, False], ids=["concierge", "drop-off"])
def question(request: pytest.FixtureRequest, place: RandomWorkshop) -> Question:
    return place.question(request.param)


def cells(question: Question) -> dict[date, Cell]:
    months = [month_of(facts_of(question, first)) for first in (date(2026, 11, 1), date(2026, 12, 1))]
    return {cell.day: cell for month in months for cell in month.cells}


def test_every_day_stands_as_in_the_customers_calendar(question: Question) -> None:
    seen = cells(question)
    for day in ask(question).days:
        if day.day <= LAST:
            cell = seen[day.day]
            assert (cell.state, cell.block, cell.places) == (day.state, day.block, day.places), day.day
            assert (cell.load == "5") is (day.state is DayState.FULL)


def test_the_bottleneck_of_a_full_day_is_the_customers_reason_but_bays_when_none_is_left(question: Question) -> None:
    seen = cells(question)
    for cell in seen.values():
        if cell.state is DayState.FULL and cell.day >= today_in(ZONE):
            assert cell.block is not None
            no_bays = cell.block is Block.DAY_FULL and cell.carries[Limit.BAYS] == 0
            assert cell.limit is (Limit.BAYS if no_bays else LIMIT_OF[cell.block])
            assert cell.limit in cell.carries
    assert (seen[LAST].block, seen[LAST].limit) == (Block.DAY_FULL, Limit.BAYS)


def test_what_is_free_books_and_what_is_blocked_does_not(place: RandomWorkshop, question: Question) -> None:
    """Window by window, each judged anew after the claims before it."""
    for slot_id, (day, _starts) in place.slots.items():
        offer = next(o for o in availability(question, day, day).offers() if o.window.slot_id == slot_id)
        if offer.block is None:
            assert place.book(question, slot_id, first_return(offer))
            continue
        back = place.later(slot_id) if question.concierge else None
        with pytest.raises(PlaceTaken) as refusal:
            place.book(question, slot_id, back)
        if offer.block not in (Block.NO_JOCKEY, Block.NO_RONJA) and back != slot_id:
            assert refusal.value.details["block"] in (offer.block, Block.NO_JOCKEY)


def first_return(offer: Offer) -> uuid.UUID | None:
    return offer.returns[0].window.slot_id if offer.returns else None


def test_the_numbers_of_the_bottleneck_never_promise_less_than_the_calendar(question: Question) -> None:
    """A day with places carries at least one booking by every limit alone, and day and bays carry all of its places."""
    for cell in cells(question).values():
        if cell.places:
            assert min(cell.carries.values()) >= 1
            assert cell.places_left >= cell.places


def test_the_heat_follows_the_share_that_is_booked(session: Any) -> None:
    place = RandomWorkshop(session, 1)
    days = availability(place.question(False), FIRST, LAST).days
    free = next(day for day in days if day.state is DayState.FREE)
    assert [load_of(free, booked, 12) for booked in (0, 4, 5, 9, 10)] == ["1", "1", "2", "2", "3"]
