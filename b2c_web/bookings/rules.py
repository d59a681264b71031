"""A booking's lifecycle as a table, and what cancelling, moving and withdrawing cost. Pure decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from b2c_web.bookings.models import BookingStatus, PaymentStatus
from b2c_web.clock import local_to_utc
from b2c_web.config import ZONE
from b2c_web.workshops.holiday_calendar import FRIDAY, holiday_name

S = BookingStatus


class BookingAction(StrEnum):
    CONFIRM = "CONFIRM"
    EXPIRE = "EXPIRE"
    GIVE_UP = "GIVE_UP"
    PICK_UP = "PICK_UP"
    CHECK_IN = "CHECK_IN"
    FINISH_WORK = "FINISH_WORK"
    LEAVE = "LEAVE"
    RETURN_FAILED = "RETURN_FAILED"
    COMPLETE = "COMPLETE"
    REWORK = "REWORK"
    CANCEL = "CANCEL"
    STAFF_CANCEL = "STAFF_CANCEL"
    REVIVE = "REVIVE"


class HoldEnd(StrEnum):
    """Why a hold ended: the booking's `cancellation_reason`."""

    EXPIRED = "hold_expired"
    GIVEN_UP = "given_up"
    REPLACED = "replaced"  # by another hold of the same customer


A = BookingAction

# (from, action) -> to. Any other move is refused and changes nothing.
TRANSITIONS: Mapping[tuple[BookingStatus, BookingAction], BookingStatus] = {
    (S.PENDING, A.CONFIRM): S.CONFIRMED,
    (S.PENDING, A.EXPIRE): S.CANCELLED,
    (S.PENDING, A.GIVE_UP): S.CANCELLED,
    (S.CANCELLED, A.REVIVE): S.CONFIRMED,  # money came after the hold was released, and the places were free
    (S.CONFIRMED, A.PICK_UP): S.IN_TRANSIT_TO_WORKSHOP,
    (S.CONFIRMED, A.CHECK_IN): S.IN_WORKSHOP,
    (S.CONFIRMED, A.CANCEL): S.CANCELLED,
    (S.CONFIRMED, A.STAFF_CANCEL): S.CANCELLED,
    (S.IN_TRANSIT_TO_WORKSHOP, A.CHECK_IN): S.IN_WORKSHOP,
    (S.IN_TRANSIT_TO_WORKSHOP, A.STAFF_CANCEL): S.CANCELLED,
    (S.IN_WORKSHOP, A.FINISH_WORK): S.READY_FOR_RETURN,
    (S.IN_WORKSHOP, A.STAFF_CANCEL): S.CANCELLED,
    (S.READY_FOR_RETURN, A.LEAVE): S.IN_TRANSIT_TO_CUSTOMER,
    (S.READY_FOR_RETURN, A.COMPLETE): S.COMPLETED,
    (S.READY_FOR_RETURN, A.REWORK): S.IN_WORKSHOP,
    (S.IN_TRANSIT_TO_CUSTOMER, A.RETURN_FAILED): S.READY_FOR_RETURN,
    (S.IN_TRANSIT_TO_CUSTOMER, A.COMPLETE): S.COMPLETED,
}

NOT_DONE = frozenset({S.CONFIRMED, S.IN_TRANSIT_TO_WORKSHOP, S.IN_WORKSHOP})
# the car is with us or on the road: only staff can end such a booking
WITH_US = frozenset({S.IN_TRANSIT_TO_WORKSHOP, S.IN_WORKSHOP, S.READY_FOR_RETURN, S.IN_TRANSIT_TO_CUSTOMER})


def next_status(status: BookingStatus, action: BookingAction) -> BookingStatus | None:
    """Where `action` leads from `status`, or None when it is not allowed."""
    return TRANSITIONS.get((status, action))


class BookingFacts(Protocol):
    """What the terms depend on."""

    status: Any
    pickup_time: Any
    created_at: Any
    no_show_at: Any
    new_date_until: Any


class WithdrawalFacts(Protocol):
    """What the right to withdraw depends on."""

    status: Any
    created_at: Any
    paid_at: Any
    workshop: Any
    pickup_time: Any
    early_start_requested_at: Any
    work_started_at: Any
    service_completed_at: Any
    withdrawn_at: Any


class Refusal(StrEnum):
    """Why a customer cannot cancel, move or withdraw here."""

    ENDED = "ENDED"
    CAR_IS_WITH_US = "CAR_IS_WITH_US"
    NOT_PAID = "NOT_PAID"
    OFFER_ENDED = "OFFER_ENDED"
    TOO_LATE_TO_WITHDRAW = "TOO_LATE_TO_WITHDRAW"
    WORK_BEGAN = "WORK_BEGAN"
    SETTLING = "SETTLING"  # what the extra work costs is being charged
    DONE_AS_ASKED = "DONE_AS_ASKED"
    WITHDRAWN = "WITHDRAWN"


@dataclass(frozen=True, slots=True)
class Terms:
    """What an action costs now: `fee_cents` kept (or charged for a move), free until `free_until`."""

    refusal: Refusal | None
    fee_cents: int = 0
    free_until: datetime | None = None

    @property
    def allowed(self) -> bool:
        return self.refusal is None


def _open_to_customer(booking: BookingFacts | WithdrawalFacts) -> Refusal | None:
    if booking.status in (S.CANCELLED, S.COMPLETED):
        return Refusal.ENDED
    if booking.status in WITH_US:
        return Refusal.CAR_IS_WITH_US
    return None


def cancellation_terms(booking: BookingFacts, now: datetime, rules: Mapping[str, Any]) -> Terms:
    """Free up to 24 elapsed hours before pickup; later a fee is kept; after pickup staff only.

    A no-show's fee is kept whenever the booking ends, also after a new date; the two are never added up, and while a
    new date is offered there is no date to cancel late.
    """
    free_until = booking.pickup_time - timedelta(hours=rules["FREE_CANCEL_HOURS"])
    refusal = _open_to_customer(booking)
    if refusal is not None or booking.status is S.PENDING:
        return Terms(refusal, 0, free_until)
    late = now > free_until and booking.new_date_until is None
    missed = booking.no_show_at is not None
    fees = (rules["LATE_FEE_CENTS"] if late else 0, rules["NO_SHOW_FEE_CENTS"] if missed else 0)
    return Terms(None, max(fees), free_until)


def staff_refund_cents(booking: BookingFacts, left_cents: int, now: datetime, rules: Mapping[str, Any]) -> int | None:
    """What goes back by the policy when staff cancel: what is left of the money less the fee of cancelling now.

    None with the car here: then no policy holds, and staff say it.
    """
    terms = cancellation_terms(booking, now, rules)
    return max(0, left_cents - terms.fee_cents) if terms.allowed else None


def move_terms(booking: BookingFacts, now: datetime, rules: Mapping[str, Any]) -> Terms:
    """Free up to 24 elapsed hours before pickup; later the fee is charged first, else nothing moves.

    After a no-show a new date is free while it is offered, and not to be had later.
    """
    if booking.status is S.PENDING:
        return Terms(Refusal.NOT_PAID)
    terms = cancellation_terms(booking, now, rules)
    if booking.new_date_until is not None:
        ended = Refusal.OFFER_ENDED if now > booking.new_date_until else None
        return Terms(terms.refusal or ended, 0, terms.free_until)
    is_free = not terms.allowed or terms.free_until is None or now <= terms.free_until
    return Terms(terms.refusal, 0 if is_free else rules["LATE_FEE_CENTS"], terms.free_until)


def withdrawal_ends(since: datetime, federal_state: str, rules: Mapping[str, Any]) -> datetime:
    """The last moment in which a contract made at `since` can be withdrawn from.

    The day of the contract does not count, the last day counts whole, and one that is a Saturday, a Sunday or a public
    holiday moves to the next working day (sections 187, 188 and 193 BGB).
    """
    last = since.astimezone(ZONE).date() + timedelta(days=rules["WITHDRAWAL_DAYS"])
    while last.weekday() > FRIDAY or holiday_name(federal_state, last):
        last += timedelta(days=1)
    return local_to_utc(last + timedelta(days=1), 0, ZONE) - timedelta(microseconds=1)


def withdrawal_terms(booking: WithdrawalFacts, now: datetime, rules: Mapping[str, Any]) -> Terms:
    """Consumer law: within 14 days of the contract without a fee, unless work began on the customer's recorded request.

    Then the right is gone once all is done, the car's way home too. Before the pickup a withdrawal ends the booking;
    with the car here it is declared, and staff end it. Once the work is done, unasked, all that came goes back at once,
    as does what was kept of a cancelled booking; while the extra work is being charged the answer is "in a moment".
    """
    until = withdrawal_until(booking, rules)
    return Terms(_not_to_be_withdrawn(booking, late=now > until), 0, until)


def withdrawal_can_be_of(booking: WithdrawalFacts, at: datetime, now: datetime) -> bool:
    """Forms know whole minutes: the minute of the contract counts."""
    contract = booking.paid_at or booking.created_at
    return contract.replace(second=0, microsecond=0) <= at <= now


def withdrawal_until(booking: WithdrawalFacts, rules: Mapping[str, Any]) -> datetime:
    """The contract is made when the money arrives: a hold may have waited for it, also for days."""
    return withdrawal_ends(booking.paid_at or booking.created_at, booking.workshop.federal_state, rules)


def _not_to_be_withdrawn(booking: WithdrawalFacts, *, late: bool) -> Refusal | None:
    asked = booking.early_start_requested_at is not None
    began = asked and booking.work_started_at is not None
    settling = booking.status is S.IN_WORKSHOP and booking.service_completed_at is not None
    in_time = booking.paid_at is not None and booking.withdrawn_at is None and not late and not began
    reasons = {
        Refusal.NOT_PAID: booking.status is S.PENDING,
        Refusal.ENDED: booking.status is S.CANCELLED and not in_time,
        Refusal.WITHDRAWN: booking.withdrawn_at is not None,
        Refusal.TOO_LATE_TO_WITHDRAW: late,
        Refusal.DONE_AS_ASKED: asked and booking.status is S.COMPLETED,
        Refusal.SETTLING: settling and not asked,
        Refusal.WORK_BEGAN: began,
    }
    return next((refusal for refusal, holds in reasons.items() if holds), None)


def may_withdraw_until(booking: WithdrawalFacts, now: datetime, rules: Mapping[str, Any]) -> datetime | None:
    """Until when the customer may withdraw, while nobody asked for the work to begin before; None otherwise."""
    until = withdrawal_until(booking, rules)
    return None if booking.early_start_requested_at is not None or now > until else until


def may_ask_for_early_start(booking: WithdrawalFacts, now: datetime, rules: Mapping[str, Any]) -> bool:
    """Does the work, not begun yet, fall into a period in which the customer may withdraw and has asked for nothing?"""
    until, starts = may_withdraw_until(booking, now, rules), max(booking.pickup_time, now)
    is_ahead = booking.status in NOT_DONE and booking.work_started_at is None and booking.withdrawn_at is None
    return is_ahead and until is not None and starts <= until


def settled_payment_status(charged_cents: int, refunded_cents: int) -> PaymentStatus:
    """PAID -> REFUNDED when all is refunded; a partial refund stays PAID and shows the amount."""
    return PaymentStatus.REFUNDED if charged_cents and refunded_cents >= charged_cents else PaymentStatus.PAID


class ArrivalDoubt(StrEnum):
    """What is unusual about a car that is to be checked in, so that somebody has to say yes to it."""

    EARLY = "EARLY"
    BROUGHT = "BROUGHT"


class ArrivalFacts(Protocol):
    """What the doubts depend on."""

    status: Any
    include_concierge: Any


def arrival_doubts(booking: ArrivalFacts, booked_on: date, today: date) -> list[ArrivalDoubt]:
    """A car before its booked day (local dates), or one that came by itself though a jockey was to fetch it."""
    brought = booking.status is S.CONFIRMED and booking.include_concierge
    doubts = {ArrivalDoubt.EARLY: booked_on > today, ArrivalDoubt.BROUGHT: brought}
    return [doubt for doubt, holds in doubts.items() if holds]


MILEAGE_SLACK_KM = 1_000
MILEAGE_PER_DAY_KM = 500


class MileageDoubt(StrEnum):
    """Why a mileage should be looked at again before it is believed."""

    LOWER = "LOWER"
    HIGHER = "HIGHER"


def mileage_doubt(km: int, known_km: int, days: int) -> MileageDoubt | None:
    """Is `km` strange for a car that had `known_km` some `days` ago? Less than then, or more than anybody drives."""
    if km < known_km:
        return MileageDoubt.LOWER
    return MileageDoubt.HIGHER if km > known_km + MILEAGE_SLACK_KM + MILEAGE_PER_DAY_KM * max(days, 0) else None
