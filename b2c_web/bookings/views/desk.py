"""The workshop's desk: check in, start, rework, hand over to the customer. Each page says what will happen."""

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx, live
from b2c_web.access import requires
from b2c_web.bookings import blueprint, commands, desk, hooks
from b2c_web.bookings.arrival import last_mileage
from b2c_web.bookings.desk_forms import (
    CheckInForm,
    CollectionForm,
    ReworkForm,
    StaffCancelForm,
    StartForm,
    WithdrawalForm,
    check_in_form,
    staff_cancel_form,
)
from b2c_web.bookings.giving_back import move_fees_cents, withdrawal_cents
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.naming import model_and_year_of
from b2c_web.bookings.returning import may_be_collected
from b2c_web.bookings.rules import may_withdraw_until
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict
from b2c_web.forms import Form, form_page, submitted
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS

BOARD = "board"


def _plate(booking: Booking) -> str:
    return booking.vehicle.license_plate if booking.vehicle else booking.number


def _back_to(booking: Booking) -> Response:
    """To where the button was pressed: the board or the car."""
    if request.form.get("from") == BOARD:
        return htmx.see_other(url_for("dashboard.day"))
    return htmx.see_other(url_for("dashboard.car", booking_id=booking.id))


def _page(template: str, form: Form, booking: Booking, allowed: bool, **context: Any) -> Response:
    """The page that asks, or, when somebody else was faster or the state does not allow it, the page that tells."""
    if allowed and not isinstance(form.refusal, Conflict):
        return form_page(template, form, booking=booking, service=TEXTS[booking.service], **context)
    return _told(booking)


def _told(booking: Booking) -> Response:
    last, on_the_road = desk.last_done(booking), hooks.on_the_road.any(booking)
    return htmx.render("bookings/desk_refused.html", status=409, booking=booking, last=last, on_the_road=on_the_road)


def _act(booking_id: uuid.UUID, form: Form, act: Callable[[], Any]) -> Booking | None:
    """The booking after `act` was done; None when the form has to be shown (again)."""
    return desk.desk_booking(current_user, booking_id) if submitted(form, act) else None


@blueprint.route("/workshop/bookings/<uuid:booking_id>/check-in", methods=["GET", "POST"])
@requires("workshop.work")
def check_in(booking_id: uuid.UUID) -> Response:
    booking = desk.desk_booking(current_user, booking_id)
    form = check_in_form(booking, asks_brought=desk.is_brought(booking))
    done = _act(booking_id, form, lambda: _check_in(booking_id, form))
    if done:
        flash(_("%(plate)s ist eingecheckt.", plate=_plate(done)), "success")
        return htmx.see_other(url_for("dashboard.car", booking_id=booking_id))
    booking = desk.desk_booking(current_user, booking_id)
    return _page(
        "bookings/desk_check_in.html",
        form,
        booking,
        booking.status in desk.OPEN_TO_CHECK_IN,
        car_known=model_and_year_of(booking.vehicle, booking.car_details),
        known=last_mileage(booking),
        doubted=form.refusal is not None and form.refusal.code == "mileage_doubt",
        classes=CLASS_TEXTS,
        version=_standing_version(booking),
        possible=True,
        last=None,
    )


def _check_in(booking_id: uuid.UUID, form: CheckInForm) -> None:
    commands.check_in(
        current_user,
        booking_id,
        mileage_km=form.mileage_km.data or 0,
        seen=form.seen(),
        keys_at=form.keys_at.data or "",
        parked_at=form.parked_at.data or "",
        mileage_confirmed=form.mileage_confirmed.data,
        early=form.early.data,
        brought=form.brought.data,
    )


def _standing_version(booking: Booking) -> str:
    return live.version_of(booking.status, booking.updated_at)


@blueprint.get("/workshop/bookings/<uuid:booking_id>/standing")
@requires("workshop.work")
def standing(booking_id: uuid.UUID) -> Response:
    """How the booking stands, for somebody who fills in the check-in meanwhile."""
    booking = desk.desk_booking(current_user, booking_id)
    version = _standing_version(booking)
    return live.answer(
        version,
        lambda: render_template(
            "bookings/_desk_standing.html",
            booking=booking,
            possible=booking.status in desk.OPEN_TO_CHECK_IN,
            last=desk.last_done(booking),
            version=version,
        ),
    )


@blueprint.post("/workshop/bookings/<uuid:booking_id>/work")
@requires("workshop.work")
def start_work(booking_id: uuid.UUID) -> Response:
    form, begun = StartForm(), []
    unasked = form.unasked.data
    booking = _act(
        booking_id, form, lambda: begun.append(commands.start_work(current_user, booking_id, unasked=unasked))
    )
    if booking is None:
        booking = desk.desk_booking(current_user, booking_id)
        until = may_withdraw_until(booking, now_utc(), current_app.config)
        return _page("bookings/desk_start.html", form, booking, until is not None, withdrawable=until)
    if begun == [True]:
        flash(_("Arbeit begonnen: %(plate)s.", plate=_plate(booking)), "success")
    else:
        flash(_("Die Arbeit an %(plate)s läuft schon.", plate=_plate(booking)), "info")
    return _back_to(booking)


@blueprint.route("/workshop/bookings/<uuid:booking_id>/rework", methods=["GET", "POST"])
@requires("workshop.work")
def rework(booking_id: uuid.UUID) -> Response:
    form = ReworkForm()
    done = _act(booking_id, form, lambda: commands.rework(current_user, booking_id, form.reason.data or ""))
    if done:
        flash(_("%(plate)s ist wieder in Arbeit.", plate=_plate(done)), "success")
        return _back_to(done)
    booking = desk.desk_booking(current_user, booking_id)
    return _page("bookings/desk_rework.html", form, booking, booking.status is BookingStatus.READY_FOR_RETURN)


@blueprint.route("/workshop/bookings/<uuid:booking_id>/collection", methods=["GET", "POST"])
@requires("workshop.work")
def collection(booking_id: uuid.UUID) -> Response:
    booking, form = desk.desk_booking(current_user, booking_id), CollectionForm()
    form.asks_ronja = booking.include_concierge and booking.reservation is not None
    done = _act(booking_id, form, lambda: commands.collect(current_user, booking_id))
    if done:
        flash(_("%(plate)s ist beim Kunden.", plate=_plate(done)), "success")
        return _back_to(done)
    booking = desk.desk_booking(current_user, booking_id)
    return _page("bookings/desk_collection.html", form, booking, may_be_collected(booking))


@blueprint.route(
    "/workshop/bookings/<uuid:booking_id>/cancellation", methods=["GET", "POST"], endpoint="staff_cancellation"
)
@requires("bookings.cancel")
def cancel(booking_id: uuid.UUID) -> Response:
    form = staff_cancel_form(desk.ending_of(desk.desk_booking(current_user, booking_id)))
    done = _act(booking_id, form, lambda: _cancel(booking_id, form))
    if done:
        if done.withdrawn_at is not None:
            flash(_("%(number)s ist beendet. Der Kunde bekommt eine Nachricht.", number=done.number), "success")
        else:
            flash(_("%(number)s ist storniert. Der Kunde bekommt eine Nachricht.", number=done.number), "success")
        return htmx.see_other(url_for("dashboard.car", booking_id=booking_id))
    booking = desk.desk_booking(current_user, booking_id)
    ending = desk.ending_of(booking)
    if not ending.is_allowed:
        return _told(booking)
    form.show(ending)
    return form_page(
        "bookings/desk_cancellation.html", form, booking=booking, ending=ending, service=TEXTS[booking.service]
    )


def _cancel(booking_id: uuid.UUID, form: StaffCancelForm) -> None:
    commands.cancel_by_staff(
        current_user,
        booking_id,
        keep_cents=form.kept_cents,
        reason=form.reason.data or "",
        check=desk.as_seen(form.seen.data or ""),
    )


@blueprint.route("/workshop/bookings/<uuid:booking_id>/withdrawal", methods=["GET", "POST"], endpoint="told_withdrawal")
@requires("bookings.cancel")
def told_withdrawal(booking_id: uuid.UUID) -> Response:
    form, new = WithdrawalForm(), list[bool]()
    done = _act(booking_id, form, lambda: new.append(_record_withdrawal(booking_id, form)))
    if done:
        if new == [True]:
            flash(_("Der Widerruf ist eingetragen. Der Kunde bekommt eine Nachricht mit Tag und Uhrzeit."), "success")
        else:
            flash(_("Der Widerruf war schon eingetragen."), "info")
        if done.withdrawal_open:
            flash(_("Das Auto ist bei uns: Beenden Sie jetzt die Buchung, damit das Geld zurückgeht."), "warning")
        return htmx.see_other(url_for("dashboard.car", booking_id=booking_id))
    booking = desk.desk_booking(current_user, booking_id)
    ending = desk.ending_of(booking)
    facts = {"ending": ending, "refund_cents": withdrawal_cents(booking), "move_fees_cents": move_fees_cents(booking)}
    if not ending.in_time and not form.is_submitted():
        form.at.data = None  # now is not when it was said
    return _page("bookings/desk_withdrawal.html", form, booking, ending.withdrawable is not None, **facts)


def _record_withdrawal(booking_id: uuid.UUID, form: WithdrawalForm) -> bool:
    return commands.record_withdrawal(current_user, booking_id, form.told.data or "", form.at.instant)
