"""Commands of a booking's life after the claim: each is one transaction and locks the booking's row first."""

import uuid
from collections.abc import Callable
from datetime import datetime

from flask import current_app
from flask_babel import lazy_gettext as _l

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings import hooks, lifecycle, messages, moving
from b2c_web.bookings.access import lock_as_staff, lock_as_workshop, lock_own
from b2c_web.bookings.arrival import check_in  # noqa: F401 - part of a booking's commands, in a file of its own
from b2c_web.bookings.giving_back import price_left_cents
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.returning import may_be_collected
from b2c_web.bookings.rules import (
    BookingAction,
    HoldEnd,
    Refusal,
    Terms,
    cancellation_terms,
    may_withdraw_until,
)
from b2c_web.bookings.waiting import end_waiting_moves
from b2c_web.bookings.withdrawing import check_told, declare, give_all_back, refuse_withdrawn, withdrawal_now
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Conflict, Invalid
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind

NOT_HERE = _l("Ihr Auto ist schon bei uns. Das geht jetzt nur noch am Telefon.")
REFUSED = {
    Refusal.ENDED: _l("Die Buchung ist schon zu Ende."),
    Refusal.TOO_LATE_TO_WITHDRAW: _l("Die Widerrufsfrist ist zu Ende."),
    Refusal.WORK_BEGAN: _l("Auf Ihren Wunsch haben wir schon begonnen."),
    Refusal.SETTLING: _l("Wir rechnen gerade ab. Bitte widerrufen Sie in ein paar Minuten noch einmal."),
    Refusal.DONE_AS_ASKED: _l("Die Arbeit an Ihrem Auto ist schon getan."),
}
ON_THE_ROAD = _l("Das Auto hat gerade ein Jockey.")
NOT_BEGUN = _l("Die Arbeit ist noch nicht begonnen. Bitte beginnen Sie sie zuerst.")
UNASKED = _l("Bitte bestätigen: Wir beginnen, obwohl der Kunde noch widerrufen kann.")


def expire_hold(booking_id: uuid.UUID) -> bool:
    """Release a hold whose time is over. False when there was nothing to do: paid, ended, or still in time."""
    with command_transaction():
        booking = lock_booking(booking_id)
        # a PENDING booking has one: the constraint hold_only_while_pending
        if booking.status is not BookingStatus.PENDING or booking.hold_expires_at > now_utc():  # type: ignore[operator]
            return False
        lifecycle.end_hold(booking, BookingAction.EXPIRE, HoldEnd.EXPIRED)
        lifecycle.release(booking)
        return True


def give_up(user: User, booking_id: uuid.UUID) -> None:
    """The customer gives up before paying: the hold is released, the payment page closed. Raises Conflict."""
    with command_transaction():
        booking = lock_own(user, booking_id)
        lifecycle.end_hold(booking, BookingAction.GIVE_UP, HoldEnd.GIVEN_UP)
        lifecycle.release(booking)


def _check(terms: Terms, accepted_fee_cents: int) -> None:
    if not terms.allowed:
        raise Conflict(REFUSED.get(terms.refusal, NOT_HERE), code=str(terms.refusal))  # type: ignore[arg-type]
    moving.check_fee(terms, accepted_fee_cents)


def cancel(user: User, booking_id: uuid.UUID, *, accepted_fee_cents: int, reason: str = "customer") -> None:
    """A customer cancels a confirmed booking, having seen the fee that is kept. Raises Conflict when it changed."""
    with command_transaction():
        booking = lock_own(user, booking_id)
        terms = cancellation_terms(booking, now_utc(), current_app.config)
        _check(terms, accepted_fee_cents)
        lifecycle.cancel(booking, keep_cents=terms.fee_cents, reason=reason, kind=NotificationKind.BOOKING_CANCELLED)


def withdraw(user: User, booking_id: uuid.UUID) -> bool:
    """Withdrawal by consumer law: everything is refunded. False, and nothing changes, when that was declared before.

    A confirmed booking ends with it; with the car on its way to us or here it is declared, and staff end the booking.
    When the work is done, or the booking was cancelled and something kept, the money goes back at once and nothing else
    changes. Raises Conflict past the period, while the extra work is being charged, or when work began on the
    customer's request.
    """
    with command_transaction():
        return _withdraw(lock_own(user, booking_id), now_utc())


def record_withdrawal(staff: User, booking_id: uuid.UUID, told: str, at: datetime) -> bool:
    """Staff write down a withdrawal that came by phone, mail or letter; it counts as `withdraw` does.

    `at`: when it was said or sent, which has to be in time by consumer law (§ 355 BGB); `withdrawn_at` is when it was
    written down. `told` says how it came, for the audit log. Raises Invalid naming what is missing or cannot be, and
    Conflict as `withdraw` does.
    """
    with command_transaction():
        booking = lock_as_staff(staff, booking_id)
        check_told(booking, told, at)
        new = _withdraw(booking, at)
        facts = {"told": told.strip(), "at": at.isoformat(), "was_new": new}
        audit.record("booking.withdrawal_told", "booking", booking.id, after=facts)
        return new


def _withdraw(booking: Booking, at: datetime) -> bool:
    if booking.withdrawn_at is not None:
        return False
    _check(withdrawal_now(booking, at), 0)
    booking.withdrawn_at = now_utc()
    if booking.status is BookingStatus.CONFIRMED:
        lifecycle.cancel(booking, keep_cents=0, reason="withdrawal", kind=NotificationKind.BOOKING_WITHDRAWN)
    elif booking.withdrawal_open:
        declare(booking)
    else:
        give_all_back(booking)
    return True


def cancel_by_staff(
    staff: User, booking_id: uuid.UUID, *, keep_cents: int, reason: str, check: Callable[[Booking], None] | None = None
) -> None:
    """Staff cancel, also with the car here, and state what is kept (0 to what was paid). Raises Conflict, Invalid.

    The customer is told the reason; after a withdrawal nothing is kept. `check` runs under the booking's lock, and
    may refuse what the person did not see.
    """
    with command_transaction():
        booking = lock_as_staff(staff, booking_id)
        if check is not None:
            check(booking)
        if not 0 <= keep_cents <= price_left_cents(booking):
            raise Invalid(_l("Der Betrag liegt nicht zwischen 0 und dem, was noch bezahlt ist."), field="keep_cents")
        if not reason.strip():
            raise Invalid(_l("Bitte nennen Sie den Grund."), field="reason")
        if booking.withdrawn_at is not None and keep_cents:
            raise Invalid(_l("Nach einem Widerruf geht alles zurück."), field="keep_cents")
        code, kind = "staff_cancelled", NotificationKind.BOOKING_CANCELLED
        if booking.withdrawn_at is not None:
            code, kind = "withdrawal", NotificationKind.BOOKING_WITHDRAWN
        lifecycle.cancel(booking, keep_cents=keep_cents, reason=code, kind=kind, words=reason.strip())


def end_no_show(booking_id: uuid.UUID) -> bool:
    """24 h after a no-show without a new date: cancelled, the fee is kept. False when there is nothing to do."""
    with command_transaction():
        booking = lock_booking(booking_id)
        until = booking.new_date_until
        if booking.status is not BookingStatus.CONFIRMED or until is None or until > now_utc():
            return False
        terms = cancellation_terms(booking, now_utc(), current_app.config)
        kind = NotificationKind.BOOKING_CANCELLED
        lifecycle.cancel(booking, keep_cents=terms.fee_cents, reason="no_show", kind=kind)
        return True


def move(
    user: User,
    booking_id: uuid.UUID,
    slot_id: uuid.UUID,
    return_slot_id: uuid.UUID | None,
    *,
    accepted_fee_cents: int,
    check: Callable[[Booking], None] | None = None,
) -> moving.MoveResult:
    """A customer moves a booking: at once when free, else `payment_id` of the fee that has to be paid first.

    `check` runs under the booking's lock, and may refuse what the person did not see. Raises Conflict, PlaceTaken.
    """
    with command_transaction():
        booking = lock_own(user, booking_id)
        if check is not None:
            check(booking)
        return moving.begin(booking, slot_id, return_slot_id, accepted_fee_cents)


def move_by_staff(
    staff: User,
    booking_id: uuid.UUID,
    slot_id: uuid.UUID,
    return_slot_id: uuid.UUID | None,
    *,
    check: Callable[[Booking], None] | None = None,
) -> None:
    """Staff move a confirmed booking with the customer's consent, without a fee and without lead time. As `move`."""
    with command_transaction():
        booking = lock_as_staff(staff, booking_id)
        if booking.status is not BookingStatus.CONFIRMED:
            raise Conflict(lifecycle.STATE_CHANGED, code="wrong_state")
        if check is not None:
            check(booking)
        end_waiting_moves(booking)
        moving.carry_out(booking, moving.plan(booking, slot_id, return_slot_id, fee_cents=0), lead_time=False)


def end_late_wish(booking_id: uuid.UUID) -> None:
    """A late move whose fee nobody paid in time is off. Locks the booking."""
    with command_transaction():
        end_waiting_moves(lock_booking(booking_id))


def start_work(staff: User, booking_id: uuid.UUID, *, unasked: bool = False) -> bool:
    """Work begins; asked for by the customer, it ends the free withdrawal. False when it had begun already.

    `unasked` is the yes to begin though the customer may still withdraw and asked for nothing; the audit log keeps it.
    Raises Conflict, and Invalid (`unasked`) when nobody said that yes.
    """
    with command_transaction():
        booking = lock_as_workshop(staff, booking_id)
        if booking.status is not BookingStatus.IN_WORKSHOP:
            raise Conflict(lifecycle.STATE_CHANGED, code="wrong_state")
        refuse_withdrawn(booking)
        if booking.work_started_at is not None:
            return False
        until = may_withdraw_until(booking, now_utc(), current_app.config)
        if until is not None and not unasked:
            raise Invalid(UNASKED, field="unasked")
        booking.work_started_at = now_utc()
        db.session.flush()
        after = {"work_started_at": str(booking.work_started_at), "unasked": until is not None}
        audit.record("booking.start_work", "booking", booking.id, before={"work_started_at": None}, after=after)
        return True


def complete_work(staff: User, booking_id: uuid.UUID, check: Callable[[Booking], None] | None = None) -> bool:
    """The work is done. True when the car is READY_FOR_RETURN at once, False while captures are still settling.

    `check` runs under the booking's lock before anything is taken, and may refuse what the person did not see; it may
    note what was not done, which counts only with the completion. Raises Conflict, also "not_begun", and
    "extension_pending" while an extension waits for the customer.
    """
    with command_transaction():
        booking = lock_as_workshop(staff, booking_id)
        if booking.status is not BookingStatus.IN_WORKSHOP:
            raise Conflict(lifecycle.STATE_CHANGED, code="wrong_state")
        refuse_withdrawn(booking)
        if booking.work_started_at is None:
            raise Conflict(NOT_BEGUN, code="not_begun")
        if check is not None:
            check(booking)
        if booking.service_completed_at is None:
            hooks.completing(booking)
            booking.service_completed_at = now_utc()
            db.session.flush()
            audit.record(
                "booking.complete_work",
                "booking",
                booking.id,
                before={"service_completed_at": None},
                after={"service_completed_at": booking.service_completed_at.isoformat()},
            )
        return finish_settling(booking)


def finish_settling(booking: Booking) -> bool:
    """Step: READY_FOR_RETURN once the work is complete and every capture is decided. The RETURN is assigned."""
    if booking.service_completed_at is None or hooks.undecided.any(booking):
        return False
    lifecycle.advance(booking, BookingAction.FINISH_WORK)
    hooks.ready_for_return(booking)
    extra_work = [item for ask in hooks.extra_work_of.functions for item in ask(booking)]
    messages.send(NotificationKind.READY, booking, once=str(booking.service_completed_at), extra_work=extra_work)
    return True


def rework(staff: User, booking_id: uuid.UUID, reason: str) -> None:
    """READY_FOR_RETURN -> IN_WORKSHOP with a reason; the return is planned anew when the work is done again."""
    if not reason.strip():
        raise Invalid(_l("Bitte nennen Sie den Grund."), field="reason")
    with command_transaction():
        booking = lock_as_workshop(staff, booking_id)
        refuse_withdrawn(booking)
        booking.return_failed_at = None
        lifecycle.advance(booking, BookingAction.REWORK, service_completed_at=None)
        audit.record("booking.rework_reason", "booking", booking.id, after={"reason": reason})
        hooks.rework(booking)


def collect(staff: User, booking_id: uuid.UUID) -> None:
    """The customer collects the car at the workshop: COMPLETED. An open RETURN assignment ends.

    A booking that staff cancelled with the car here stays CANCELLED and gives back what it still held.
    Raises Conflict, also while a jockey has the car.
    """
    with command_transaction():
        booking = lock_as_workshop(staff, booking_id)
        if not may_be_collected(booking):
            words = ON_THE_ROAD if hooks.on_the_road.any(booking) else lifecycle.STATE_CHANGED
            raise Conflict(words, code="wrong_state")
        hooks.collected(booking)
        lifecycle.complete(booking)
