"""Between the summary and the confirmation: to the payment page, and back from it."""

import uuid

from flask import Response, current_app, flash, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.bookings import blueprint, commands
from b2c_web.bookings.late_move import fee_of
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.queries import own_booking
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import Busy, Conflict
from b2c_web.formatting import language
from b2c_web.payments.commands import open_checkout, settle_payment
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment
from b2c_web.payments.rules import UNPAID


def _absolute(path: str) -> str:
    return f"{current_app.config['B2C_BASE_URL']}{path}"


def _words_for(booking: Booking) -> str:
    return f"{TEXTS[booking.service].name}, {booking.number}"


@blueprint.get("/bookings/<uuid:booking_id>/payment")
@requires("bookings.own")
def payment(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    wanted = latest_payment(PaymentPurpose.BOOKING, booking.id)
    if booking.status is not BookingStatus.PENDING or wanted is None:
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    back = _absolute(url_for("bookings.show", booking_id=booking_id))
    done = _absolute(url_for("bookings.payment_return", booking_id=booking_id))
    return _to_page(wanted.id, _words_for(booking), done, back)


def _to_page(payment_id: uuid.UUID, words: str, done: str, back: str) -> Response:
    try:
        page = open_checkout(payment_id, description=words, success_url=done, cancel_url=back, language=language())
    except Conflict as gone:
        flash(gone.message, "warning")
        return htmx.see_other(back)
    except Busy:
        flash(
            _(
                "Die Zahlungsseite antwortet gerade nicht. Ihr Termin bleibt gehalten, "
                "bitte versuchen Sie es gleich noch einmal."
            ),
            "warning",
        )
        return htmx.see_other(back)
    return htmx.see_other(page)


@blueprint.get("/bookings/<uuid:booking_id>/payment/return")
@requires("bookings.own")
def payment_return(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    wanted = latest_payment(PaymentPurpose.BOOKING, booking.id)
    if wanted is not None and booking.paid_at is None:
        _settle_kindly(wanted.id)
    return htmx.see_other(url_for("bookings.show", booking_id=booking_id, paid=1))


def _settle_kindly(payment_id: uuid.UUID) -> None:
    """Ask the provider now; when it does not answer, the webhook or the reconciliation will tell."""
    try:
        settle_payment(payment_id)
    except Busy:
        flash(_("Die Bestätigung Ihrer Bank steht noch aus. Wir schreiben Ihnen, sobald sie da ist."), "warning")


@blueprint.post("/bookings/<uuid:booking_id>/release")
@requires("bookings.own")
def give_up(booking_id: uuid.UUID) -> Response:
    commands.give_up(current_user, booking_id)
    flash(_("Ihr Termin ist wieder frei. Bezahlt wurde nichts."), "success")
    return htmx.see_other(url_for("bookings.mine"))


@blueprint.get("/bookings/<uuid:booking_id>/move/<uuid:move_id>/payment")
@requires("bookings.own")
def move_payment(booking_id: uuid.UUID, move_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    wanted = fee_of(booking, move_id)
    back = _absolute(url_for("bookings.show", booking_id=booking_id))
    if wanted is None:
        return htmx.see_other(back)
    done = _absolute(url_for("bookings.move_return", booking_id=booking_id, move_id=move_id))
    return _to_page(wanted.id, _("Gebühr fürs Verschieben, %(number)s", number=booking.number), done, back)


@blueprint.get("/bookings/<uuid:booking_id>/move/<uuid:move_id>/return")
@requires("bookings.own")
def move_return(booking_id: uuid.UUID, move_id: uuid.UUID) -> Response:
    wanted = fee_of(own_booking(current_user, booking_id), move_id)
    if wanted is None:
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    try:
        is_known = settle_payment(wanted.id).state not in UNPAID
    except Busy:
        is_known = True  # as far as the customer knows: the booking says that it is being confirmed
    return htmx.see_other(url_for("bookings.show", booking_id=booking_id, fee=move_id if is_known else None))
