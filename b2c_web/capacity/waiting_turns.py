"""Whose turn it is: places that are free on a full day go to those who wait for it, in order, each with a real hold."""

import uuid
from datetime import date

from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError

from b2c_web import audit
from b2c_web.bookings import messages
from b2c_web.bookings.availability import Question, order_of
from b2c_web.bookings.claim import BookingRequest, PriceChanged, hold
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.places import Place, PlaceTaken
from b2c_web.bookings.plan_rows import Rows
from b2c_web.capacity.waiting_models import WaitingEntry, WaitingState
from b2c_web.catalog.queries import NotOffered, Price, price_for
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid, TooMany
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.workshops.rules import Judge, Offer

MOST_JUDGED = 200
TRIES = 3  # when somebody else took the place between looking and claiming


class _PassOver(Exception):
    """This person cannot be told now and keeps the place in the line."""


QUEUE_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:queue, 0))")
LOCK_USER = text("SELECT 1 FROM users WHERE id = :user FOR NO KEY UPDATE")


def tell_waiting(workshop_id: uuid.UUID) -> list[uuid.UUID]:
    """Tell everybody whose turn it is at a workshop, day by day; returns the entries' ids in order.

    Safe to run twice and at the same time: an entry is told once. Raises Busy.
    """
    waiting = WaitingEntry.workshop_id == workshop_id, WaitingEntry.state == WaitingState.WAITING
    coming = select(WaitingEntry.day).where(*waiting, WaitingEntry.day >= today_in(ZONE)).distinct()
    days = db.session.scalars(coming.order_by(WaitingEntry.day)).all()
    db.session.rollback()
    return [entry_id for day in days for entry_id in tell_day(workshop_id, day)]


def tell_day(workshop_id: uuid.UUID, day: date) -> list[uuid.UUID]:
    """The same for one day: the first in the line whose wish is free now gets it, then the next, until nothing fits."""
    told: list[uuid.UUID] = []
    passed: set[uuid.UUID] = set()
    tries = 0
    while tries < TRIES:
        turn = _Turn(workshop_id, day, passed)
        try:
            with command_transaction():
                entry_id = turn.take()
        except (_PassOver, TooMany, Invalid):
            passed.add(turn.entry_id)
            continue
        except (PlaceTaken, PriceChanged, IntegrityError):
            tries += 1
            continue
        if entry_id is None:
            break
        told.append(entry_id)
    return told


class _Turn:
    """One transaction: look at the line and at the places, and hold one place for the first whom it suits."""

    def __init__(self, workshop_id: uuid.UUID, day: date, passed: set[uuid.UUID]) -> None:
        self.workshop_id, self.day, self.passed = workshop_id, day, passed
        self.entry_id = uuid.UUID(int=0)

    def take(self) -> uuid.UUID | None:
        """The id of who was told, or None when nothing fits anybody.

        Locks: the day's line, then as a claim does, then the entry. All are judged on one look at the places, so
        that what frees in between goes to nobody before those who were ahead have been asked.
        """
        lock_queue(self.workshop_id, self.day)
        rows = Rows.read(self.workshop_id, self.day, self.day)
        found: dict[Question, tuple[Price, Offer] | None] = {}
        for entry in self._line():
            question = question_of(entry)
            if question not in found:
                found[question] = _judged(rows, question, self.day)
            place = found[question]
            if place is not None:
                self.entry_id = entry.id
                return self._hold(entry, question, *place)
        return None

    def _line(self) -> list[WaitingEntry]:
        waiting = WaitingEntry.workshop_id == self.workshop_id, WaitingEntry.state == WaitingState.WAITING
        line = select(WaitingEntry).where(*waiting, WaitingEntry.day == self.day)
        if self.passed:
            line = line.where(WaitingEntry.id.notin_(self.passed))
        line = line.order_by(WaitingEntry.joined_at, WaitingEntry.id).limit(MOST_JUDGED)
        return list(db.session.scalars(line.execution_options(populate_existing=True)))

    def _hold(self, entry: WaitingEntry, question: Question, price: Price, offer: Offer) -> uuid.UUID:
        _check_no_other_hold(entry.user_id)
        booking_id = hold(_request(entry, question, price, offer))
        if not claim_entry(entry.id, booking_id):
            raise _PassOver
        booking = db.session.get_one(Booking, booking_id)
        messages.send(NotificationKind.PLACE_FREE, booking, once=str(entry.id))
        audit.record("waiting.told", "waiting_entry", entry.id, after={"booking_id": str(booking_id)})
        return entry.id


def lock_queue(workshop_id: uuid.UUID, day: date) -> None:
    """Step: one turn of a day's line after the other, until the commit."""
    db.session.execute(QUEUE_LOCK, {"queue": f"waiting:{workshop_id}:{day.isoformat()}"})


def claim_entry(entry_id: uuid.UUID, booking_id: uuid.UUID) -> bool:
    """Step: WAITING -> TOLD, once. False when the entry no longer waits."""
    waits = WaitingEntry.id == entry_id, WaitingEntry.state == WaitingState.WAITING
    told = {"state": WaitingState.TOLD, "booking_id": booking_id, "told_at": now_utc(), "updated_at": now_utc()}
    change = update(WaitingEntry).where(*waits).values(told).returning(WaitingEntry.id)
    return db.session.execute(change.execution_options(synchronize_session=False)).scalar_one_or_none() is not None


def _check_no_other_hold(user_id: uuid.UUID) -> None:
    """A customer has one hold, and what they are paying for right now is not taken from them; nor what they may have
    paid for in time while the news of it is still on its way."""
    db.session.execute(LOCK_USER, {"user": user_id})
    held = Booking.user_id == user_id, Booking.status == BookingStatus.PENDING
    if db.session.scalar(select(Booking.id).where(*held)):
        raise _PassOver


def question_of(entry: WaitingEntry) -> Question:
    """What the entry asks of the workshop."""
    return Question(
        entry.workshop_id, entry.service, entry.vehicle_class, entry.include_concierge, entry.travel_minutes
    )


def _judged(rows: Rows, question: Question, day: date) -> tuple[Price, Offer] | None:
    """The price and the first window of the day that customers could book, or None."""
    try:
        price = price_for(question.service, question.vehicle_class, now_utc())
    except NotOffered:
        return None
    judge = Judge(rows.windows, rows.plans, order_of(question, price.duration_minutes))
    offers = (judge.offer(index) for index, window in enumerate(judge.windows) if window.day == day)
    first = next((offer for offer in offers if offer.block is None), None)
    return (price, first) if first is not None else None


def _request(entry: WaitingEntry, question: Question, price: Price, offer: Offer) -> BookingRequest:
    """The claim in the customer's name. The entry's id stands for the draft: one entry is one booking."""
    return BookingRequest(
        user_id=entry.user_id,
        draft_id=entry.id,
        network=f"waiting:{entry.id}",  # nobody's network counts against others on the list
        question=question,
        slot_id=offer.window.slot_id,
        return_slot_id=offer.returns[0].window.slot_id if offer.returns else None,
        place=Place(entry.address, entry.postal_code, entry.city, entry.lat, entry.lng),
        customer_name=entry.customer_name,
        customer_phone=entry.customer_phone,
        shown_total_cents=price.total_cents(concierge=question.concierge),
        vehicle_id=entry.vehicle_id,
        car_details=entry.car_details,
        standing_limit_cents=entry.standing_limit_cents,
        early_start=entry.early_start,
        terms_version=entry.terms_version,
    )
