"""The waiting list: who asked first is told first, with a place that is really held for them."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload
from uuid_utils.compat import uuid7

from b2c_web import audit, jobs
from b2c_web.accounts.models import User
from b2c_web.bookings.availability import Question, availability
from b2c_web.bookings.counters import Held
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import Place
from b2c_web.bookings.rules import HoldEnd
from b2c_web.capacity.waiting_models import WaitingEntry, WaitingState
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.db import command_transaction, table_of
from b2c_web.errors import Conflict, Invalid, NotFound
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot
from b2c_web.workshops.rules import DayState

LIVE = (WaitingState.WAITING, WaitingState.TOLD)
LIVE_SQL = text("state IN ('WAITING', 'TOLD')")
MOST_PER_PERSON = 10
KEPT = timedelta(days=30)
GIVEN_UP = (HoldEnd.GIVEN_UP, HoldEnd.REPLACED)  # by the customer


class NotFull(Conflict):
    """There is a place on that day: it can be booked right away."""

    code = "not_full"
    message = _l("An diesem Tag ist gerade etwas frei. Sie können gleich buchen.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that a claim will need when a place frees."""

    user_id: uuid.UUID
    day: date
    question: Question
    place: Place
    customer_name: str
    customer_phone: str
    terms_version: str  # that was agreed to
    vehicle_id: uuid.UUID | None = None
    car_details: dict[str, Any] = field(default_factory=dict)
    standing_limit_cents: int = 0
    early_start: bool = False


def join(wanted: Wanted) -> uuid.UUID:
    """Wait for a full day; returns the entry's id. Joining twice joins once and keeps the place in the line.

    Raises NotFull, Invalid (closed, out of sight, address not verified), Conflict (waits for too many days).
    """
    with command_transaction():
        _check_person(wanted)
        _check_day(wanted)
        values = _values(wanted)
        kept = {name: value for name, value in values.items() if name not in ("id", "joined_at", "state", "created_at")}
        added = insert(table_of(WaitingEntry)).values(values)
        once = added.on_conflict_do_update(
            index_elements=["user_id", "workshop_id", "day"],
            index_where=LIVE_SQL,
            set_=kept,
            where=table_of(WaitingEntry).c.state == WaitingState.WAITING,
        ).returning(table_of(WaitingEntry).c.id)
        entry_id: uuid.UUID | None = db.session.execute(once).scalar_one_or_none()
        if entry_id == values["id"]:
            audit.record("waiting.join", "waiting_entry", values["id"], after={"day": wanted.day.isoformat()})
        return entry_id or _told_entry(wanted)


def _check_person(wanted: Wanted) -> None:
    """Locks the user, so that the number of other days is counted right. Raises Invalid, Conflict."""
    verified = text("SELECT email_verified IS NOT NULL FROM users WHERE id = :user AND is_active FOR NO KEY UPDATE")
    if not db.session.execute(verified, {"user": wanted.user_id}).scalar_one_or_none():
        raise Invalid(_l("Bitte bestätigen Sie zuerst Ihre E-Mail-Adresse."), field="email")
    live = select(func.count()).where(WaitingEntry.user_id == wanted.user_id, WaitingEntry.state.in_(LIVE))
    live = live.where((WaitingEntry.workshop_id != wanted.question.workshop_id) | (WaitingEntry.day != wanted.day))
    if (db.session.scalar(live) or 0) >= MOST_PER_PERSON:
        raise Conflict(_l("Sie warten schon auf zehn Tage. Bitte verlassen Sie erst eine andere Warteliste."))


def _check_day(wanted: Wanted) -> None:
    last = today_in(ZONE) + timedelta(days=current_app.config["HORIZON_DAYS"])
    if not today_in(ZONE) <= wanted.day <= last:
        raise Invalid(_l("Auf diesen Tag kann man nicht warten."), field="day")
    day = availability(wanted.question, wanted.day, wanted.day).days[0]
    if day.state is DayState.CLOSED:
        raise Invalid(_l("Auf diesen Tag kann man nicht warten."), field="day")
    if day.state is not DayState.FULL:
        raise NotFull


def _values(wanted: Wanted) -> dict[str, Any]:
    question, place, now = wanted.question, wanted.place, now_utc()
    return {
        "id": uuid7(),
        "workshop_id": question.workshop_id,
        "user_id": wanted.user_id,
        "day": wanted.day,
        "joined_at": now,
        "state": WaitingState.WAITING,
        "service": question.service,
        "vehicle_class": question.vehicle_class,
        "include_concierge": question.concierge,
        "travel_minutes": question.travel_minutes,
        "vehicle_id": wanted.vehicle_id,
        "car_details": wanted.car_details,
        "customer_name": wanted.customer_name,
        "customer_phone": wanted.customer_phone,
        "address": place.address,
        "postal_code": place.postal_code,
        "city": place.city,
        "lat": place.lat,
        "lng": place.lng,
        "standing_limit_cents": wanted.standing_limit_cents,
        "early_start": wanted.early_start,
        "terms_version": wanted.terms_version,
        "created_at": now,
        "updated_at": now,
    }


def _told_entry(wanted: Wanted) -> uuid.UUID:
    """The entry of somebody who is told already: a place is held, there is nothing to change."""
    same = WaitingEntry.user_id == wanted.user_id, WaitingEntry.workshop_id == wanted.question.workshop_id
    told = select(WaitingEntry.id).where(*same, WaitingEntry.day == wanted.day, WaitingEntry.state.in_(LIVE))
    return db.session.execute(told).scalar_one()


def leave(user: User, entry_id: uuid.UUID) -> None:
    """The customer waits no longer. Locks the entry. Raises NotFound, Conflict when a place is held already."""
    with command_transaction():
        mine = select(WaitingEntry).where(WaitingEntry.id == entry_id, WaitingEntry.user_id == user.id)
        entry = db.session.scalars(mine.with_for_update()).one_or_none()
        if entry is None:
            raise NotFound
        if entry.state is not WaitingState.WAITING:
            raise Conflict(_l("Für Sie wird schon ein Platz gehalten, oder das Warten ist vorbei."))
        entry.state, entry.ended_at = WaitingState.LEFT, now_utc()
        db.session.flush()
        audit.record("waiting.leave", "waiting_entry", entry.id, after={"state": "LEFT"})


# -- what happens to bookings; steps in their transactions


def note_freed(held: Sequence[Held]) -> None:
    """Step: who was told and let the hold end has missed it; who gave it up has left. A job tells who waits next."""
    ended = [one.booking_id for one in held if one.ends]
    if ended:
        told = WaitingEntry.booking_id.in_(ended), WaitingEntry.state == WaitingState.TOLD
        given_up = select(Booking.id).where(Booking.id.in_(ended), Booking.cancellation_reason.in_(GIVEN_UP))
        in_time = WaitingEntry.told_at > now_utc() - timedelta(minutes=current_app.config["HOLD_MINUTES"])
        _set_state([*told, in_time, WaitingEntry.booking_id.in_(given_up)], WaitingState.LEFT)
        _set_state(told, WaitingState.MISSED)
    _queue_turns({one.workshop_id for one in held})


def note_room(workshop_id: uuid.UUID) -> None:
    """Step: staff changed what a workshop can promise; whoever waits there is told by a job, if there is room now."""
    _queue_turns({workshop_id})


def _queue_turns(workshops: Collection[uuid.UUID]) -> None:
    waiting = WaitingEntry.state == WaitingState.WAITING, WaitingEntry.workshop_id.in_(workshops)
    for workshop_id in db.session.scalars(select(WaitingEntry.workshop_id).where(*waiting).distinct()):
        jobs.defer("capacity.tell_waiting", workshop_id=str(workshop_id))


def note_confirmed(booking: Booking) -> None:
    """Step: who was told has paid, also when the money came after the hold had ended.

    Who found a place on that day without the list waits for it no longer: nothing is held for them later.
    """
    open_again = (WaitingState.TOLD, WaitingState.MISSED, WaitingState.LEFT)
    told = WaitingEntry.booking_id == booking.id, WaitingEntry.state.in_(open_again)
    _set_state(told, WaitingState.TAKEN)
    day = select(TimeSlot.service_date).where(TimeSlot.id == booking.slot_id).scalar_subquery()
    same = WaitingEntry.user_id == booking.user_id, WaitingEntry.workshop_id == booking.workshop_id
    wish = WaitingEntry.day == day, WaitingEntry.service == booking.service
    _set_state([*same, *wish, WaitingEntry.state == WaitingState.WAITING], WaitingState.LEFT)


def _set_state(which: Collection[Any], state: WaitingState) -> None:
    change = update(WaitingEntry).where(*which).values(state=state, ended_at=now_utc(), updated_at=now_utc())
    db.session.execute(change.execution_options(synchronize_session=False))


def end_past_days() -> None:
    """Days that came without a place: nobody waits for them any more."""
    with command_transaction():
        past = WaitingEntry.state == WaitingState.WAITING, WaitingEntry.day < today_in(ZONE)
        _set_state(past, WaitingState.MISSED)


def forget_old() -> None:
    """Entries hold personal data: what ended is deleted 30 days after its day."""
    with command_transaction():
        old = WaitingEntry.day < today_in(ZONE) - KEPT, WaitingEntry.state.notin_(LIVE)
        db.session.execute(delete(WaitingEntry).where(*old))


# -- what is read


def workshops_waited_for() -> Sequence[uuid.UUID]:
    """Workshops at which somebody waits for a coming day."""
    waiting = WaitingEntry.state == WaitingState.WAITING, WaitingEntry.day >= today_in(ZONE)
    return db.session.scalars(select(WaitingEntry.workshop_id).where(*waiting).distinct()).all()


def entries_of(user: User) -> Sequence[WaitingEntry]:
    """A customer's entries: those that wait or are told first, by day; then what ended lately."""
    mine = select(WaitingEntry).where(WaitingEntry.user_id == user.id)
    order = WaitingEntry.state.in_(LIVE).desc(), WaitingEntry.day, WaitingEntry.joined_at
    shown = mine.options(joinedload(WaitingEntry.booking), joinedload(WaitingEntry.workshop))
    return db.session.scalars(shown.order_by(*order).limit(50)).all()


def has_entries(user: User) -> bool:
    """Does this customer wait, or did they lately?"""
    return bool(db.session.scalar(select(WaitingEntry.id).where(WaitingEntry.user_id == user.id).limit(1)))


def waiting_at(workshop_id: uuid.UUID) -> dict[date, list[WaitingEntry]]:
    """The line of each coming day, in order, with how those ended who were told."""
    coming = WaitingEntry.workshop_id == workshop_id, WaitingEntry.day >= today_in(ZONE)
    order = WaitingEntry.day, WaitingEntry.joined_at, WaitingEntry.id
    lines: dict[date, list[WaitingEntry]] = {}
    for entry in db.session.scalars(select(WaitingEntry).where(*coming).order_by(*order).limit(500)):
        lines.setdefault(entry.day, []).append(entry)
    return lines
