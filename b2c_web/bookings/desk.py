"""What staff see of a booking when they act on it, and what was done to it last. Reads only."""

import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from b2c_web import live
from b2c_web.accounts.models import User
from b2c_web.audit import AuditEntry
from b2c_web.bookings.giving_back import price_left_cents, withdrawal_cents
from b2c_web.bookings.lifecycle import STATE_CHANGED
from b2c_web.bookings.models import Booking, BookingStatus, RonjaReservation
from b2c_web.bookings.queries import visible_to
from b2c_web.bookings.rules import (
    WITH_US,
    BookingAction,
    next_status,
    staff_refund_cents,
    withdrawal_until,
)
from b2c_web.bookings.withdrawing import withdrawal_now
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.errors import Conflict, NotFound
from b2c_web.flask_extensions import db

# what was done, as staff call it; features to the right bring the words for what they do (dashboard.history)
WORDS: Mapping[str, Any] = {
    "booking.book": _l("Gebucht"),
    "booking.confirm": _l("Bezahlt und bestätigt"),
    "booking.expire": _l("Zeit zum Bezahlen abgelaufen"),
    "booking.give_up": _l("Vor dem Bezahlen aufgegeben"),
    "booking.revive": _l("Spät bezahlt, Termin war noch frei"),
    "booking.late_money": _l("Geld kam nach dem Ende"),
    "booking.name_car": _l("Auto benannt"),
    "booking.other_car": _l("Anderes Auto als gebucht"),
    "booking.car_corrected": _l("Angaben zum Auto berichtigt"),
    "booking.move": _l("Termin verschoben"),
    "booking.move_given_up": _l("Verschieben aufgegeben"),
    "booking.no_show": _l("Niemand angetroffen"),
    "booking.pick_up": _l("Beim Kunden abgeholt"),
    "booking.check_in": _l("Eingecheckt"),
    "booking.early": _l("Vor dem gebuchten Tag angenommen"),
    "booking.brought": _l("Vom Kunden selbst gebracht"),
    "booking.start_work": _l("Arbeit begonnen"),
    "booking.finish_work": _l("Fertig gemeldet"),
    "booking.rework": _l("Zurück in die Werkstatt"),
    "booking.rework_reason": _l("Grund für die Nacharbeit"),
    "booking.replan_return": _l("Rückgabe neu geplant"),
    "booking.ronja_kept": _l("Ronja bleibt länger beim Kunden"),
    "booking.leave": _l("Rückfahrt begonnen"),
    "booking.return_failed": _l("Rückgabe nicht geglückt"),
    "booking.complete": _l("Abgeschlossen"),
    "booking.withdraw": _l("Vertrag widerrufen"),
    "booking.withdrawal_told": _l("Widerruf eingetragen"),
    "booking.cancel": _l("Storniert"),
    "booking.staff_cancel": _l("Von uns storniert"),
}
AFTER_WITHDRAWAL: Mapping[str, Any] = {"booking.staff_cancel": _l("Beendet nach Widerruf")}
ACTORS: Mapping[str, Any] = {
    "customer": _l("Kunde"),
    "workshop": _l("Werkstatt"),
    "dispatcher": _l("Disposition"),
    "jockey": _l("Jockey"),
    "admin": _l("Verwaltung"),
    "system": _l("von selbst"),
    "provider": _l("Zahlungsdienst"),
}
ENTITIES = ("booking", "assignment", "extension")
OPEN_TO_CHECK_IN = (BookingStatus.CONFIRMED, BookingStatus.IN_TRANSIT_TO_WORKSHOP)


@dataclass(frozen=True, slots=True)
class Done:
    """One entry of the audit log in words; `before` and `after` hold what changed, by name.

    `entity`: what it was done to, "booking", "assignment" or "extension", with its id.
    """

    at: datetime
    entity: str
    entity_id: uuid.UUID
    words: Any
    who: Any
    before: dict[str, Any]
    after: dict[str, Any]


def desk_booking(user: User, booking_id: uuid.UUID) -> Booking:
    """A booking of this person's workshop with all that its car's page shows, read anew. Raises NotFound."""
    statement = (
        visible_to(user)
        .where(Booking.id == booking_id, Booking.status != BookingStatus.PENDING)
        .options(
            joinedload(Booking.slot),
            joinedload(Booking.return_slot),
            joinedload(Booking.workshop),
            joinedload(Booking.vehicle),
            joinedload(Booking.user),
            joinedload(Booking.reservation).joinedload(RonjaReservation.ronja),
        )
        .execution_options(populate_existing=True)
    )
    booking = db.session.scalars(statement).one_or_none()
    if booking is None:
        raise NotFound
    return booking


@dataclass(frozen=True, slots=True)
class Ending:
    """What it means when staff cancel a booking as it stands now.

    `left_cents`: what is still here of the price, and after a withdrawal of all that goes back; `refund_cents`: what
    of it goes back by the rules, None when staff have to say it; `withdrawable`: until when the customer may withdraw
    and get everything, also when that time is over (`in_time` False): what was sent before can come later.
    `withdrawn_at`: when that was declared. `is_near`: it is the day of the pickup, so that a
    jockey may be under way already.
    """

    is_allowed: bool
    car_with_us: bool
    is_near: bool
    return_ahead: bool
    left_cents: int
    refund_cents: int | None
    withdrawable: datetime | None
    in_time: bool
    withdrawn_at: datetime | None
    seen: str


def ending_of(booking: Booking) -> Ending:
    """What cancelling by staff would mean; `seen` changes with the booking's state, its date and the money."""
    now, rules = now_utc(), current_app.config
    left = withdrawal_cents(booking) if booking.withdrawn_at is not None else price_left_cents(booking)
    until = withdrawal_until(booking, rules)
    withdrawing = withdrawal_now(booking, min(now, until))
    return Ending(
        is_allowed=next_status(booking.status, BookingAction.STAFF_CANCEL) is not None,
        car_with_us=booking.status in WITH_US,
        is_near=booking.slot.start_time.astimezone(ZONE).date() <= today_in(ZONE),
        return_ahead=booking.estimated_return_time > now,
        left_cents=left,
        refund_cents=left if booking.withdrawal_open else staff_refund_cents(booking, left, now, rules),
        withdrawable=until if withdrawing.allowed else None,
        in_time=now <= until,
        withdrawn_at=booking.withdrawn_at,
        seen=live.version_of(booking.status, booking.pickup_time, booking.no_show_at, booking.withdrawn_at, left),
    )


LETTERS_COME = timedelta(days=14)  # what was sent in time may reach us so much later


def may_note_withdrawal(booking: Booking) -> bool:
    """Is there nothing to cancel any more, but something to withdraw from, which may have come by phone or letter?"""
    until = withdrawal_until(booking, current_app.config)
    is_over = next_status(booking.status, BookingAction.STAFF_CANCEL) is None
    return is_over and now_utc() <= until + LETTERS_COME and withdrawal_now(booking, min(now_utc(), until)).allowed


def as_seen(seen: str) -> Callable[[Booking], None]:
    """A check for `cancel_by_staff`: raises Conflict when state, date or money are not what the page showed."""

    def check(booking: Booking) -> None:
        if ending_of(booking).seen != seen:
            raise Conflict(STATE_CHANGED, code="changed")

    return check


def still_missed(booking: Booking) -> None:
    """A check for `move_by_staff`: raises Conflict when the new date after a no-show has been taken meanwhile."""
    if booking.new_date_until is None:
        raise Conflict(STATE_CHANGED, code="changed")


def done_to(ids: Collection[uuid.UUID], words: Mapping[str, Any] = WORDS, *, at_most: int = 200) -> list[Done]:
    """What was done to these things, the newest first. Actions without words are left out."""
    statement = (
        select(AuditEntry, User.name)
        .outerjoin(User, User.id == AuditEntry.actor_user_id)
        .where(AuditEntry.entity_type.in_(ENTITIES), AuditEntry.entity_id.in_(ids))  # both: they share an index
        .where(AuditEntry.action.in_(list(words)))
        .order_by(AuditEntry.at.desc(), AuditEntry.id.desc())
        .limit(at_most)
    )
    return [
        Done(
            at=entry.at,
            entity=entry.entity_type,
            entity_id=entry.entity_id,
            words=words[entry.action],
            who=name or ACTORS.get(entry.actor, entry.actor),
            before=entry.before or {},
            after=entry.after or {},
        )
        for entry, name in db.session.execute(statement)
    ]


def words_for(booking: Booking, words: Mapping[str, Any] = WORDS) -> Mapping[str, Any]:
    """Rule: what is done to this booking is called so; staff only end what its customer withdrew from."""
    return {**words, **AFTER_WITHDRAWAL} if booking.ended_by_withdrawal else words


def last_done(booking: Booking) -> Done | None:
    """What was done to a booking last."""
    return next(iter(done_to([booking.id], words_for(booking), at_most=1)), None)


def is_brought(booking: Booking) -> bool:
    """Was a pickup booked, and does the car come without one? True means: checking in ends the concierge."""
    return booking.status is BookingStatus.CONFIRMED and booking.include_concierge
