"""Cancelling, withdrawing and moving: each page says what will happen before the click."""

import uuid

from flask import Response, current_app, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.bookings import blueprint, calendar_view, commands, moving, now_panel
from b2c_web.bookings.availability import Question
from b2c_web.bookings.claim import question_of
from b2c_web.bookings.early_start import ask_for_early_start
from b2c_web.bookings.forms import EarlyStartForm, FeeForm
from b2c_web.bookings.giving_back import move_fees_cents, price_left_cents, withdrawal_cents
from b2c_web.bookings.lifecycle import STATE_CHANGED
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import own_booking
from b2c_web.bookings.rules import (
    Terms,
    cancellation_terms,
    may_ask_for_early_start,
    move_terms,
    withdrawal_terms,
    withdrawal_until,
)
from b2c_web.bookings.views.frame import calendar_fragment, is_complete
from b2c_web.bookings.withdrawing import withdrawal_now
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.errors import Invalid
from b2c_web.forms import form_page, submitted


def _consequences(booking: Booking, terms: Terms) -> dict[str, int]:
    """What goes back and what is kept, in cents."""
    left = price_left_cents(booking)
    kept = min(terms.fee_cents, left)
    return {"refund_cents": left - kept, "kept_cents": kept, "move_fees_cents": move_fees_cents(booking)}


@blueprint.route("/bookings/<uuid:booking_id>/cancellation", methods=["GET", "POST"])
@requires("bookings.own")
def cancellation(booking_id: uuid.UUID) -> Response:
    booking, form = own_booking(current_user, booking_id), FeeForm()
    fee = form.fee_cents.data or 0
    if submitted(form, lambda: commands.cancel(current_user, booking_id, accepted_fee_cents=fee)):
        flash(_("Ihre Buchung ist storniert. Die Bestätigung ist unterwegs."), "success")
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    booking, now = own_booking(current_user, booking_id), now_utc()
    terms = cancellation_terms(booking, now, current_app.config)
    facts = _consequences(booking, terms) | {"withdrawing": withdrawal_terms(booking, now, current_app.config)}
    return form_page(
        "bookings/cancellation.html", form, booking=booking, terms=terms, service=TEXTS[booking.service], **facts
    )


@blueprint.route("/bookings/<uuid:booking_id>/withdrawal", methods=["GET", "POST"])
@requires("bookings.own")
def withdrawal(booking_id: uuid.UUID) -> Response:
    booking, form = own_booking(current_user, booking_id), FeeForm()
    if submitted(form, lambda: commands.withdraw(current_user, booking_id)):
        flash(_("Ihr Widerruf ist bei uns. Sie bekommen alles zurück, die Bestätigung ist unterwegs."), "success")
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    booking, now = own_booking(current_user, booking_id), now_utc()
    terms = withdrawal_now(booking, now)
    return form_page(
        "bookings/withdrawal.html",
        form,
        booking=booking,
        terms=terms,
        service=TEXTS[booking.service],
        refund_cents=withdrawal_cents(booking),
        still_with_us=now_panel.still_with_us(booking, now),
    )


@blueprint.route("/bookings/<uuid:booking_id>/early-start", methods=["GET", "POST"])
@requires("bookings.own")
def early_start(booking_id: uuid.UUID) -> Response:
    form = EarlyStartForm()
    if submitted(form, lambda: ask_for_early_start(current_user, booking_id)):
        flash(_("Danke, die Werkstatt kann beginnen, sobald Ihr Auto da ist."), "success")
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    booking, now = own_booking(current_user, booking_id), now_utc()
    if not may_ask_for_early_start(booking, now, current_app.config):
        if form.is_submitted():
            flash(STATE_CHANGED, "warning")
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    until = withdrawal_until(booking, current_app.config)
    return form_page("bookings/early_start.html", form, booking=booking, service=TEXTS[booking.service], until=until)


@blueprint.route("/bookings/<uuid:booking_id>/move", methods=["GET", "POST"])
@requires("bookings.own")
def move(booking_id: uuid.UUID) -> Response:
    booking, form = own_booking(current_user, booking_id), FeeForm()
    terms = move_terms(booking, now_utc(), current_app.config)
    if not terms.allowed and htmx.wants_fragment():
        return htmx.see_other(url_for("bookings.move", booking_id=booking_id))  # another window ended it: show all
    if not terms.allowed:
        return form_page("bookings/move.html", form, booking=booking, terms=terms, calendar=None)
    question = question_of(booking)
    choice = calendar_view.Choice.read(form.data if form.is_submitted() else request.args)
    choice = choice.with_return_of(booking.slot_id, booking.return_slot_id)
    if htmx.wants_fragment() and request.method == "GET":
        return calendar_fragment(question, choice, moving=booking)
    view = _calendar(booking, question, choice)
    if form.validate_on_submit() and is_complete(form, view):
        if submitted(form, lambda: _move(booking, form, view)):
            return htmx.see_other(form.next_url)
        booking = own_booking(current_user, booking_id)
        view = _calendar(booking, question, choice)
    shown = moving.shown_of(booking)
    return form_page("bookings/move.html", form, booking=booking, terms=terms, calendar=view, shown=shown)


def _calendar(booking: Booking, question: Question, choice: calendar_view.Choice) -> calendar_view.CalendarView:
    return calendar_view.build(calendar_view.ask(question, booking), question, choice, moving=booking)


def _move(booking: Booking, form: FeeForm, view: calendar_view.CalendarView) -> None:
    if view.picked is None:
        raise Invalid(field="slot")
    back, fee_cents = view.back.slot_id if view.back else None, form.fee_cents.data or 0
    check = moving.as_shown(form.seen.data or "")
    result = commands.move(
        current_user, booking.id, view.picked.slot_id, back, accepted_fee_cents=fee_cents, check=check
    )
    if result.payment_id:
        form.next_url = url_for("bookings.move_payment", booking_id=booking.id, move_id=result.move_id)
        return
    flash(_("Ihr Termin ist verschoben. Die Bestätigung ist unterwegs."), "success")
    form.next_url = url_for("bookings.show", booking_id=booking.id)
