"""The customer withdraws with the car here, when staff end the booking, or with nothing left to end but the money."""

from dataclasses import replace
from datetime import datetime

from flask import current_app
from flask_babel import lazy_gettext as _l

from b2c_web import audit
from b2c_web.bookings import hooks, lifecycle, messages
from b2c_web.bookings.giving_back import WITHDRAWAL, give_back_fees, withdrawal_cents
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.rules import Refusal, Terms, withdrawal_can_be_of, withdrawal_terms
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict, Invalid
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind

ON_ITS_WAY_BACK = frozenset({BookingStatus.READY_FOR_RETURN, BookingStatus.IN_TRANSIT_TO_CUSTOMER})
WITHDRAWN = _l("Der Kunde hat den Vertrag widerrufen. Machen Sie nichts mehr an dem Auto und beenden Sie die Buchung.")

WITHDRAWN_WHEN_DONE = _l("Der Kunde hat den Vertrag widerrufen. Machen Sie nichts mehr an dem Auto.")


def check_told(booking: Booking, told: str, at: datetime) -> None:
    """Step: can a withdrawal have come like this, said or sent at `at`? Raises Invalid naming what is wrong."""
    if not told.strip():
        raise Invalid(_l("Bitte schreiben Sie auf, wie der Widerruf kam."), field="told")
    if not withdrawal_can_be_of(booking, at, now_utc()):
        raise Invalid(_l("Bitte einen Zeitpunkt nach der Buchung und nicht in der Zukunft."), field="at")
    if withdrawal_terms(booking, at, current_app.config).refusal is Refusal.TOO_LATE_TO_WITHDRAW:
        raise Invalid(
            _l("Da war die Widerrufsfrist vorbei. Bitte prüfen Sie, wann der Kunde widerrufen hat."), field="at"
        )


def withdrawal_now(booking: Booking, at: datetime) -> Terms:
    """As `withdrawal_terms`; a cancelled booking of which nothing was kept, owed or under way is over."""
    terms = withdrawal_terms(booking, at, current_app.config)
    if booking.status is not BookingStatus.CANCELLED or not terms.allowed:
        return terms
    return terms if withdrawal_cents(booking) or hooks.is_due.any(booking) else replace(terms, refusal=Refusal.ENDED)


def give_all_back(booking: Booking) -> None:
    """Step: the withdrawal of a locked booking that is over or whose work is done was noted: all money goes back, and
    the car its way. The message is the receipt."""
    _note(booking)
    back_cents = withdrawal_cents(booking)
    lifecycle.refund(booking, 0, WITHDRAWAL)
    give_back_fees(booking)
    hooks.withdrawn(booking)
    messages.send(
        NotificationKind.BOOKING_WITHDRAWN,
        booking,
        refund_cents=back_cents,
        kept_cents=0,
        was_over=True,
        car_with_us=booking.status in ON_ITS_WAY_BACK,
        return_ahead=lifecycle.is_return_ahead(booking),
    )


def _note(booking: Booking) -> None:
    db.session.flush()
    after = {"withdrawn_at": str(booking.withdrawn_at)}
    audit.record("booking.withdraw", "booking", booking.id, before={"withdrawn_at": None}, after=after)


def declare(booking: Booking) -> None:
    """Step: the withdrawal of a locked booking was noted: its receipt goes to the customer, and staff are told.

    What the workshop offered ends, and money held for it is released.
    """
    _note(booking)
    hooks.withdrawn(booking)
    going_back = withdrawal_cents(booking)
    return_ahead = lifecycle.is_return_ahead(booking)
    messages.send(
        NotificationKind.WITHDRAWAL_RECEIVED,
        booking,
        refund_cents=going_back,
        car_with_us=True,
        return_ahead=return_ahead,
    )
    messages.to_workshop(NotificationKind.WITHDRAWAL_STAFF_ALERT, booking, refund_cents=going_back)


def refuse_withdrawn(booking: Booking) -> None:
    """Step: raises Conflict when the customer has withdrawn: nothing more is done to the car."""
    if booking.withdrawn_at is not None:
        raise Conflict(WITHDRAWN if booking.withdrawal_open else WITHDRAWN_WHEN_DONE, code="withdrawn")
