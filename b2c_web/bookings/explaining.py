"""Why days can hold what they hold, in words for staff (`flask capacity explain`)."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import select

from b2c_web.bookings.availability import Day, Question, availability, order_of, read_ronjas, read_windows
from b2c_web.bookings.places import instant
from b2c_web.catalog.queries import price_for
from b2c_web.clock import local_to_utc, now_utc
from b2c_web.config import ZONE
from b2c_web.flask_extensions import db
from b2c_web.formatting import clock
from b2c_web.workshops.ceiling import Ceiling, ceiling
from b2c_web.workshops.models import TimeSlot
from b2c_web.workshops.rules import RETURN_LOOKAHEAD_DAYS, Offer


def most_bookings(question: Question, first: date, last: date) -> Ceiling:
    """The most concierge bookings per open day between two days, taken as empty, and what limits them."""
    windows, _days = read_windows(question.workshop_id, first, last)
    rooms = dict(
        db.session.execute(
            select(TimeSlot.id, TimeSlot.jockey_minutes_room).where(
                TimeSlot.workshop_id == question.workshop_id, TimeSlot.service_date.between(first, last)
            )
        ).all()
    )
    full = [replace(window, jockey_minutes_left=rooms[window.slot_id]) for window in windows]
    start, end = local_to_utc(first, 0, ZONE), local_to_utc(last + timedelta(days=RETURN_LOOKAHEAD_DAYS), 0, ZONE)
    ronjas = len(read_ronjas(question.workshop_id, start, end))
    minutes = price_for(question.service, question.vehicle_class, now_utc()).duration_minutes
    order = replace(order_of(question, minutes), bookable_from=0, bookable_until=2**40)
    return ceiling(full, ronjas, order)


def explanation(question: Question, first: date, last: date) -> Iterator[str]:
    """The ceiling, then every day with its windows as customers and staff see them now."""
    most = most_bookings(question, first, last)
    yield f"An open day holds up to {most.places:.1f} bookings (places of windows and day)."
    yield f"With concierge {most.together:.1f} of them, filled earliest first; the tightest limit is {most.limit}."
    for limit, count in most.alone.items():
        yield f"  with nothing but {limit} to limit them: {count:.1f}"
    for day in availability(question, first, last).days:
        yield _day_line(day)
        yield from (f"  {_offer_line(offer)}" for offer in day.offers)


def _day_line(day: Day) -> str:
    why = f" ({day.block})" if day.block else f", {day.places} places"
    return f"{day.day:%a %Y-%m-%d}: {day.state}{why}{f', {day.note}' if day.note else ''}"


def _offer_line(offer: Offer) -> str:
    window = offer.window
    span = f"{clock(instant(window.start))}-{clock(instant(window.end))}"
    cars = f"{window.current_bookings}/{window.max_bookings} cars"
    left = f"{window.jockey_minutes_left} jockey minutes left"
    return f"{span}  {offer.block or f'{offer.places} places':<10}  {cars}, {left}"
