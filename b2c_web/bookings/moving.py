"""Moving a booking to another date: the new is claimed and the old released in one transaction.

Price, number and payment stay. Late, the fee is charged first; nothing moves before it is paid.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from uuid_utils.compat import uuid7

from b2c_web import audit
from b2c_web.bookings import hooks, messages
from b2c_web.bookings.availability import order_of
from b2c_web.bookings.claim import place_of, question_of, service_minutes, times_of
from b2c_web.bookings.counters import Held, held_by
from b2c_web.bookings.giving_back import MOVE_NOT_POSSIBLE
from b2c_web.bookings.labels import MOVE_FEE, line
from b2c_web.bookings.models import Booking, BookingMove, MoveState
from b2c_web.bookings.overdue import end_overdue
from b2c_web.bookings.papers import add_paper, add_refund_document
from b2c_web.bookings.places import PlaceTaken, Wish, add_trips, count_in, find_wish, reserve_ronja, take
from b2c_web.bookings.queries import lock_booking
from b2c_web.bookings.rules import Terms, move_terms
from b2c_web.bookings.waiting import end_waiting_moves, page_ends_after
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.models import DocumentKind, Payment, PaymentPurpose, Refund, RefundState
from b2c_web.payments.refunding import add_refund
from b2c_web.payments.steps import add_payment


@dataclass(frozen=True, slots=True)
class MoveResult:
    """`payment_id` is set when a fee has to be paid first."""

    move_id: uuid.UUID
    payment_id: uuid.UUID | None


def terms_now(booking: Booking) -> Terms:
    """What moving costs now."""
    return move_terms(booking, now_utc(), current_app.config)


def shown_of(booking: Booking) -> str:
    """Names the date that a page shows of a booking."""
    return f"{booking.slot_id}/{booking.return_slot_id}"


def as_shown(seen: str) -> Callable[[Booking], None]:
    """A check that raises Conflict when the booking has another date by now; `seen`: its `shown_of`, or nothing."""

    def check(booking: Booking) -> None:
        if seen and seen != shown_of(booking):
            raise Conflict(_l("Ihr Termin ist inzwischen ein anderer. Bitte sehen Sie ihn sich an."), code="changed")

    return check


def begin(
    booking: Booking, slot_id: uuid.UUID, return_slot_id: uuid.UUID | None, accepted_fee_cents: int
) -> MoveResult:
    """Step: move at once when it is free, else write the move and the fee's payment. Raises Conflict, PlaceTaken.

    `accepted_fee_cents` is what the page said; when it is another one by now the customer is asked again.
    """
    terms = terms_now(booking)
    _check(terms, accepted_fee_cents)
    if (slot_id, return_slot_id) == (booking.slot_id, booking.return_slot_id):
        raise Conflict(_l("Das ist schon Ihr Termin. Bitte wählen Sie einen anderen."), code="same_date")
    end_waiting_moves(booking)
    _rehearse(booking, slot_id, return_slot_id)
    move = plan(booking, slot_id, return_slot_id, terms.fee_cents)
    if not terms.fee_cents:
        carry_out(booking, move)
        return MoveResult(move.id, None)
    until = now_utc() + timedelta(minutes=current_app.config["HOLD_MINUTES"])
    payment = add_payment(PaymentPurpose.MOVE_FEE, move.id, booking.user_id, terms.fee_cents, expires_at=until)
    return MoveResult(move.id, payment.id)


def plan(booking: Booking, slot_id: uuid.UUID, return_slot_id: uuid.UUID | None, fee_cents: int) -> BookingMove:
    """Step: the move is written down; nothing has moved yet."""
    move = BookingMove(
        id=uuid7(),
        booking_id=booking.id,
        from_slot_id=booking.slot_id,
        to_slot_id=slot_id,
        to_return_slot_id=return_slot_id,
        fee_cents=fee_cents,
        state=MoveState.AWAITING_FEE,
    )
    db.session.add(move)
    db.session.flush()
    return move


def _check(terms: Terms, accepted_fee_cents: int) -> None:
    if not terms.allowed:
        raise Conflict(_l("Diese Buchung lässt sich nicht mehr verschieben."), code="not_movable")
    check_fee(terms, accepted_fee_cents)


def check_fee(terms: Terms, accepted_fee_cents: int) -> None:
    """Step: raises Conflict when the fee is not the one that the page said."""
    if terms.fee_cents > accepted_fee_cents:
        raise Conflict(
            _l("Die kostenlose Frist ist inzwischen vorbei. Bitte sehen Sie sich die Gebühr an."), code="fee_changed"
        )
    if terms.fee_cents != accepted_fee_cents:
        raise Conflict(_l("Die Gebühr ist inzwischen kleiner. Bitte sehen Sie sie sich an."), code="fee_changed")


class _Rehearsed(Exception):
    """Undoes a rehearsal."""


def _rehearse(booking: Booking, slot_id: uuid.UUID, return_slot_id: uuid.UUID | None) -> None:
    """Could the booking go there now? Claims it for real inside a savepoint that is undone. Raises PlaceTaken."""
    wish, held = _wish_for(booking, slot_id, return_slot_id)
    try:
        with db.session.begin_nested():
            _swap(booking, wish, held)
            raise _Rehearsed
    except _Rehearsed:
        db.session.refresh(booking)


def _wish_for(
    booking: Booking, slot_id: uuid.UUID, return_slot_id: uuid.UUID | None, *, lead_time: bool = True
) -> tuple[Wish, list[Held]]:
    question = question_of(booking)
    order = order_of(question, service_minutes(booking), for_staff=not lead_time)
    held = held_by([booking.id])
    for one in held:
        one.ends = False
    return find_wish(question, order, slot_id, return_slot_id), held


def carry_out(booking: Booking, move: BookingMove, *, lead_time: bool = True) -> None:
    """Step: claim the new, release the old, all keys of both in one order. Raises PlaceTaken.

    `lead_time`: not for a date that staff chose, or that was in time when it was asked for.
    """
    before = messages.facts_of(booking)
    wish, held = _wish_for(booking, move.to_slot_id, move.to_return_slot_id, lead_time=lead_time)
    _swap(booking, wish, held)
    move.state, move.moved_at = MoveState.DONE, now_utc()
    booking.new_date_until = None  # that nobody was there stays known: its fee is kept should the booking end
    db.session.flush()
    db.session.refresh(booking)
    _tell(booking, move, before)


def _swap(booking: Booking, wish: Wish, held: list[Held]) -> None:
    promise, parts = take(wish, [*held, *end_overdue(wish)])
    for name, value in times_of(promise).items():
        setattr(booking, name, value)
    db.session.flush()
    count_in(wish, parts)
    add_trips(booking.id, promise, parts, place_of(booking), wish.order)
    reserve_ronja(booking.id, wish, promise)


def _tell(booking: Booking, move: BookingMove, before: dict[str, object]) -> None:
    audit.record(
        "booking.move",
        "booking",
        booking.id,
        before={"pickup_time": before["pickup_start"]},
        after={"pickup_time": booking.pickup_time.isoformat(), "fee_cents": move.fee_cents},
    )
    hooks.moved(booking)
    messages.send(
        NotificationKind.BOOKING_MOVED,
        booking,
        once=str(move.id),
        old_pickup_start=before["pickup_start"],
        old_pickup_end=before["pickup_end"],
        fee_cents=move.fee_cents,
    )
    messages.remind(booking)


def _move_and_booking(move_id: uuid.UUID) -> tuple[BookingMove, Booking]:
    move = db.session.get_one(BookingMove, move_id)
    booking = lock_booking(move.booking_id)
    db.session.refresh(move, with_for_update=True)
    return move, booking


def lock_move(purpose_id: uuid.UUID) -> object:
    """Lock the booking, then the move, before the fee's payment."""
    return _move_and_booking(purpose_id)


def fee_paid(payment: Payment) -> None:
    """The fee is here: move now; when the new date is gone meanwhile, the fee goes back and nothing moves."""
    move, booking = _move_and_booking(payment.purpose_id)
    if move.state is not MoveState.AWAITING_FEE or not terms_now(booking).allowed:
        _fee_back(move, booking, payment)
        return
    try:
        with db.session.begin_nested():
            carry_out(booking, move, lead_time=now_utc() > move.created_at + page_ends_after())
    except PlaceTaken:
        db.session.refresh(booking)
        db.session.refresh(move)
        _fee_back(move, booking, payment)
        return
    add_paper(DocumentKind.FEE, booking, move.id, [line(MOVE_FEE, payment.captured_cents)])
    hooks.fee_paid(booking)


def _fee_back(move: BookingMove, booking: Booking, payment: Payment) -> None:
    if move.state is MoveState.AWAITING_FEE:
        move.state = MoveState.FAILED
    add_refund(payment, payment.captured_cents, MOVE_NOT_POSSIBLE)
    db.session.flush()
    told: dict[str, Any] = {"refund_cents": payment.captured_cents, "paid_for": "move"}
    messages.send(NotificationKind.MONEY_RETURNED, booking, once=str(payment.id), **told)


def fee_closed(payment: Payment) -> None:
    """The page ended unpaid: the move is off, the old date stands."""
    move, booking = _move_and_booking(payment.purpose_id)
    if move.state is MoveState.AWAITING_FEE:
        move.state = MoveState.FAILED
        db.session.flush()
        audit.record("booking.move_given_up", "booking", booking.id, after={"move_id": str(move.id)}, actor="provider")


def fee_failed(payment: Payment) -> None:
    """A decline: the payment page stays open for another try; nothing moves."""


def fee_refunded(refund: Refund) -> None:
    """The fee went back; its refund has a document of its own."""
    if refund.state is not RefundState.SUCCEEDED:
        return
    move = db.session.get_one(BookingMove, refund.payment.purpose_id)
    booking = db.session.get_one(Booking, move.booking_id)
    add_refund_document(booking, refund)
    hooks.refunded(booking)
