"""A customer's bookings and one booking's page."""

import uuid

from flask import Response, current_app, request, url_for
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.bookings import blueprint, drafts, papers, timeline
from b2c_web.bookings.forms import CarDetailsForm
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.naming import name_car
from b2c_web.bookings.queries import bookings_of, own_booking
from b2c_web.bookings.rules import cancellation_terms, move_terms, withdrawal_terms
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.forms import form_page, submitted
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import payments_of
from b2c_web.payments.reasons import reason_message

PER_PAGE = 10


@blueprint.get("/bookings")
@requires("bookings.own")
def mine() -> Response:
    number = max(1, request.args.get("page", 1, type=int))
    rows, total = bookings_of(current_user, page=number, per_page=PER_PAGE)
    return htmx.render(
        "bookings/mine.html",
        "bookings/_list.html",
        bookings=rows,
        total=total,
        number=number,
        per_page=PER_PAGE,
        services=TEXTS,
        draft=drafts.latest_draft(),
    )


@blueprint.get("/bookings/<uuid:booking_id>")
@requires("bookings.own")
def show(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    now, rules = now_utc(), current_app.config
    just_paid = request.args.get("paid") == "1" and booking.status is BookingStatus.CONFIRMED
    template = "bookings/confirmation.html" if just_paid else "bookings/show.html"
    return htmx.render(
        template,
        "bookings/_now.html",
        booking=booking,
        now=now,
        service=TEXTS[booking.service],
        line=timeline.of(booking),
        documents=papers.documents_of(booking),
        payments=payments_of(PaymentPurpose.BOOKING, booking.id),
        decline=reason_message(booking.payment_error) if booking.payment_error else None,
        cancelling=cancellation_terms(booking, now, rules),
        moving=move_terms(booking, now, rules),
        withdrawing=withdrawal_terms(booking, now, rules),
        car_missing=_car_missing(booking),
    )


def _car_missing(booking: Booking) -> bool:
    ended = booking.status in (BookingStatus.CANCELLED, BookingStatus.COMPLETED)
    return booking.vehicle_id is None and not ended


@blueprint.route("/bookings/<uuid:booking_id>/car", methods=["GET", "POST"])
@requires("bookings.own")
def car_details(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    form = CarDetailsForm(data=booking.car_details)
    if submitted(form, lambda: name_car(current_user, booking_id, _details(form))):
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    return form_page("bookings/car_details.html", form, booking=booking)


def _details(form: CarDetailsForm) -> dict[str, str | int]:
    return {name: form[name].data for name in ("license_plate", "make", "model", "year")}


@blueprint.post("/bookings/<uuid:booking_id>/again")
@requires("bookings.own")
def again(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    draft_id = drafts.start_draft(
        postal_code=booking.pickup_postal_code,
        street=booking.pickup_address,
        city=booking.pickup_city,
        vehicle_id=booking.vehicle_id,
        vehicle_class=booking.vehicle_class,
        car_details=booking.car_details,
        service=booking.service,
        include_concierge=booking.include_concierge,
    )
    return htmx.see_other(url_for("bookings.service", draft_id=draft_id))
