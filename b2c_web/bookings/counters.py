"""The counters of days and windows: what a booking holds, locking in one order, giving back exactly that.

Everything here runs inside a command's transaction, after the booking rows are locked. Keys are locked in one
order everywhere: days by (workshop, date), then windows by start.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Integer, bindparam, delete, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, UUID

from b2c_web.bookings import hooks
from b2c_web.bookings.models import AssignmentType, RonjaReservation, Trip, TripMinutes
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.workshops.models import TimeSlot, WorkshopCapacity

DayKey = tuple[uuid.UUID, date]
UNSYNCED = {"synchronize_session": False}  # rows of these tables are read anew by whoever needs them


@dataclass(slots=True)
class Held:
    """What a booking holds now: the counters to lower and the rows to end. Built by `held_by`."""

    booking_id: uuid.UUID
    workshop_id: uuid.UUID
    place_slot_id: uuid.UUID | None = None  # None when day and window were given back already
    place_day: date | None = None
    minutes: dict[uuid.UUID, int] = field(default_factory=dict)
    slot_ids: set[uuid.UUID] = field(default_factory=set)
    ends: bool = True  # False: the booking lives on elsewhere (a move)


_HELD = text(
    """
    SELECT b.id, b.workshop_id, b.slot_id, s.service_date, b.places_released_at IS NULL AS holds_place,
      (SELECT coalesce(jsonb_object_agg(m.slot_id, m.minutes), '{}') FROM
        (SELECT tm.slot_id, sum(tm.minutes) AS minutes FROM trips t JOIN trip_minutes tm ON tm.trip_id = t.id
         WHERE t.booking_id = b.id AND t.released_at IS NULL AND (CAST(:kind AS text) IS NULL OR t.type::text = :kind)
         GROUP BY tm.slot_id) m) AS minutes
    FROM bookings b JOIN time_slots s ON s.id = b.slot_id WHERE b.id = ANY(:ids)
    """
).bindparams(bindparam("ids", type_=ARRAY(UUID)))

_RELEASE_PLACES = text("UPDATE bookings SET places_released_at = :now WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(UUID))
)

_LOCK_DAYS = (
    select(WorkshopCapacity.workshop_id, WorkshopCapacity.date, WorkshopCapacity.max_bookings)
    .add_columns(WorkshopCapacity.current_bookings, WorkshopCapacity.is_holiday, WorkshopCapacity.is_closed)
    .where(tuple_(WorkshopCapacity.workshop_id, WorkshopCapacity.date).in_(bindparam("days", expanding=True)))
    .order_by(WorkshopCapacity.workshop_id, WorkshopCapacity.date)
    .with_for_update(key_share=True)
)

_LOCK_SLOTS = (
    select(TimeSlot.id, TimeSlot.end_time, TimeSlot.max_bookings, TimeSlot.current_bookings, TimeSlot.is_available)
    .add_columns(
        (TimeSlot.jockey_minutes_room - TimeSlot.jockey_minutes_taken).label("left"), TimeSlot.longest_trip_minutes
    )
    .where(TimeSlot.id == func.any(bindparam("slots", type_=ARRAY(UUID))))
    .order_by(TimeSlot.start_time, TimeSlot.id)
    .with_for_update(key_share=True)
)


def held_by(booking_ids: Sequence[uuid.UUID], kind: AssignmentType | None = None) -> list[Held]:
    """What these bookings hold. `kind` limits the trips to one type (then no place is given back)."""
    if not booking_ids:
        return []
    rows = db.session.execute(_HELD, {"ids": list(booking_ids), "kind": kind.value if kind else None}).all()
    return [_held(row, places=kind is None) for row in rows]


def _held(row: Any, places: bool) -> Held:
    minutes = {uuid.UUID(slot_id): count for slot_id, count in row.minutes.items()}
    held = Held(row.id, row.workshop_id, minutes=minutes, slot_ids=set(minutes))
    if places and row.holds_place:
        held.place_slot_id, held.place_day = row.slot_id, row.service_date
        held.slot_ids.add(row.slot_id)
    return held


def lock_keys(days: Iterable[DayKey], slot_ids: Iterable[uuid.UUID]) -> tuple[dict[DayKey, Any], dict[uuid.UUID, Any]]:
    """Lock days, then windows, each in order. Returns the fresh rows by (workshop, date) and by window.

    Not their keys: who moves has a row that refers to the new window before coming here.
    """
    day_rows = db.session.execute(_LOCK_DAYS, {"days": sorted(set(days))}).all()
    slot_rows = db.session.execute(_LOCK_SLOTS, {"slots": list(set(slot_ids))}).all()
    return {(row.workshop_id, row.date): row for row in day_rows}, {row.id: row for row in slot_rows}


def give_back(held: Sequence[Held]) -> None:
    """Give back exactly what was taken, all of it. The keys of `held` must be locked by the caller."""
    for one in held:
        _lower_counters(one)
    ids = [one.booking_id for one in held]
    ended = [one.booking_id for one in held if one.ends and one.place_slot_id]
    if ended:
        db.session.execute(_RELEASE_PLACES, {"ids": ended, "now": now_utc()})
    release_trips(ids)
    db.session.execute(
        delete(RonjaReservation).where(RonjaReservation.booking_id.in_(ids)).execution_options(**UNSYNCED)
    )
    hooks.places_freed(held)


def _lower_counters(held: Held) -> None:
    if held.place_day is not None:
        change_day(held.workshop_id, held.place_day, -1)
    change_slots({slot_id: -minutes for slot_id, minutes in held.minutes.items()}, held.place_slot_id, -1)


def release_trips(booking_ids: Sequence[uuid.UUID], kind: AssignmentType | None = None) -> None:
    """Mark live trips (of one type, or both) as released and drop their minutes; counters are the caller's."""
    which: list[ColumnElement[bool]] = [Trip.booking_id.in_(booking_ids), Trip.released_at.is_(None)]
    if kind is not None:
        which.append(Trip.type == kind)
    ended = update(Trip).where(*which).values(released_at=now_utc()).returning(Trip.id)
    trip_ids = db.session.execute(ended.execution_options(**UNSYNCED)).scalars().all()
    if trip_ids:
        db.session.execute(delete(TripMinutes).where(TripMinutes.trip_id.in_(trip_ids)).execution_options(**UNSYNCED))


def change_day(workshop_id: uuid.UUID, day: date, bookings: int) -> bool:
    """Conditional: a day never goes above its maximum nor below zero."""
    changed = db.session.execute(
        text(
            "UPDATE workshop_capacity SET current_bookings = current_bookings + :n, updated_at = now()"
            " WHERE workshop_id = :workshop AND date = :day AND current_bookings + :n BETWEEN 0 AND max_bookings"
        ),
        {"n": bookings, "workshop": workshop_id, "day": day},
    )
    return bool(changed.rowcount)  # type: ignore[attr-defined]


CHANGE_SLOTS = text(
    """
    UPDATE time_slots t SET current_bookings = t.current_bookings + c.n,
      jockey_minutes_taken = t.jockey_minutes_taken + c.minutes,
      jockey_minutes_short = greatest(0, t.jockey_minutes_taken + c.minutes - t.jockey_minutes_room), updated_at = now()
    FROM unnest(:slots, :bookings, :minutes) AS c(slot, n, minutes)
    WHERE t.id = c.slot
      AND (c.n <= 0 OR t.current_bookings + c.n <= t.max_bookings)
      AND (c.minutes <= 0 OR t.jockey_minutes_taken + c.minutes <= t.jockey_minutes_room)
    """
).bindparams(
    bindparam("slots", type_=ARRAY(UUID)),
    bindparam("bookings", type_=ARRAY(Integer)),
    bindparam("minutes", type_=ARRAY(Integer)),
)


def change_slots(minutes: Mapping[uuid.UUID, int], place_slot_id: uuid.UUID | None = None, bookings: int = 0) -> bool:
    """Conditional: a window never takes more cars or minutes than it has room for. False when one had none.

    `minutes`: what each window's jockey minutes change by; `bookings`: what the cars of `place_slot_id` change by.
    """
    if place_slot_id is not None:
        minutes = {place_slot_id: 0, **minutes}
    facts = {
        "slots": list(minutes),
        "bookings": [bookings if slot_id == place_slot_id else 0 for slot_id in minutes],
        "minutes": list(minutes.values()),
    }
    changed = db.session.execute(CHANGE_SLOTS, facts)
    return bool(changed.rowcount == len(minutes))  # type: ignore[attr-defined]
