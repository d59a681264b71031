"""A customer's bookings and one booking's page."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Response, current_app, make_response, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.bookings import blueprint, coming, drafts, extra_work, giving_back, hooks, now_panel, papers, timeline
from b2c_web.bookings.forms import CarDetailsForm
from b2c_web.bookings.late_move import late_moves_of
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.naming import lacking, model_of, name_car
from b2c_web.bookings.queries import Asked, bookings_of, own_booking
from b2c_web.bookings.returning import may_choose_return
from b2c_web.bookings.rules import (
    Terms,
    cancellation_terms,
    may_ask_for_early_start,
    move_terms,
)
from b2c_web.bookings.views.frame import draft_on_offer
from b2c_web.bookings.withdrawing import withdrawal_now
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.formatting import eur, moment
from b2c_web.forms import form_page, submitted
from b2c_web.media.models import MediaPurpose
from b2c_web.media.queries import count_unfinished
from b2c_web.payments.models import DocumentKind, Payment, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.queries import payments_of
from b2c_web.payments.reasons import reason_message
from b2c_web.payments.rules import is_made_outside
from b2c_web.payments.texts import method_words
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS
from b2c_web.vehicles.texts import lacking_words

PER_PAGE = 10
LAST_PAGE = 100_000  # nobody has more bookings; a number beyond the database's would fail
ENDED = (BookingStatus.CANCELLED, BookingStatus.COMPLETED)
RONJA_AT_HAND = (
    BookingStatus.CONFIRMED,
    BookingStatus.IN_TRANSIT_TO_WORKSHOP,
    BookingStatus.IN_WORKSHOP,
    BookingStatus.READY_FOR_RETURN,
    BookingStatus.IN_TRANSIT_TO_CUSTOMER,
)


@blueprint.get("/bookings")
@requires("bookings.own")
def mine() -> Response:
    asked, number = _asked(), min(max(1, request.args.get("page", 1, type=int)), LAST_PAGE)
    rows, total = bookings_of(current_user, asked, page=number, per_page=PER_PAGE)
    ids = [booking.id for booking in rows]
    return htmx.render(
        "bookings/mine.html",
        "bookings/_list.html",
        asked=asked,
        bookings=rows,
        total=total,
        number=number,
        per_page=PER_PAGE,
        services=TEXTS,
        act_words=now_panel.act_words,
        waiting=set().union(*(ask(ids) for ask in hooks.waits_for.functions)),
        **draft_on_offer(),
    )


def _asked() -> Asked:
    return Asked(
        search=request.args.get("q", "").strip(),
        show=request.args.get("show", ""),
        oldest_first=request.args.get("sort") == "oldest",
    )


@blueprint.get("/bookings/<uuid:booking_id>")
@requires("bookings.own")
def show(booking_id: uuid.UUID) -> Response:
    booking, now = own_booking(current_user, booking_id), now_utc()
    payments = payments_of(PaymentPurpose.BOOKING, booking.id)
    refunds = [*giving_back.refunds_of(booking), *extra_work.late_refunds_of(booking)]
    tours = coming.tours_of(booking)
    unfinished = count_unfinished(MediaPurpose.BOOKING, booking.id)
    extra = extra_work.costs_of(booking)
    fee_paid = request.args.get("fee", type=uuid.UUID)
    late_moves = late_moves_of(booking, now, fee_paid)
    seen = _fingerprint(booking, [*payments, *refunds], tours, now, unfinished, beside=[*extra, *late_moves])
    if htmx.wants_fragment() and request.args.get("seen") == seen:
        return make_response("", 204)
    just_paid = request.args.get("paid") == "1" and booking.status is BookingStatus.CONFIRMED
    template = "bookings/confirmation.html" if just_paid else "bookings/show.html"
    facts = _facts(booking, tours, now) | _money(booking, payments, refunds)
    facts |= extra_work.sum_facts(booking, extra, current_app.config["VAT_RATE_PERCENT"])
    processing = bool(facts["waiting_for_bank"])
    kept = giving_back.kept_cents(booking, giving_back.left_of_cents(payments, refunds), facts["documents"])
    back = _back(booking, refunds, extra, kept)
    state = now_panel.of(booking, tours, now, processing=processing, back=back)
    live = _may_change(booking, refunds, extra) or coming.coming(tours) is not None or unfinished > 0
    shown = facts | {"booking": booking, "state": state, "live": live, "seen": seen}
    shown |= {"late_moves": late_moves, "fee_paid": fee_paid}
    answer = htmx.render(template, "bookings/_now.html", **shown)
    if htmx.wants_fragment():
        answer.headers["HX-Trigger"] = json.dumps({"announce": state.head})
    return answer


def _back(
    booking: Booking, refunds: Sequence[Refund], extra: Sequence[extra_work.ExtraCost], kept_cents: int
) -> now_panel.Back:
    ended = giving_back.by_the_end(booking, refunds)
    cents = sum(one.amount_cents for one in ended) + sum(one.withdrawal_cents for one in extra)
    another_way = any(is_made_outside(one) for one in ended) or any(one.another_way for one in extra)
    return now_panel.Back(cents, another_way, kept_cents)


def _may_change(booking: Booking, refunds: Sequence[Refund], extra: Sequence[extra_work.ExtraCost]) -> bool:
    """Is the car still to come home, or money still on its way?"""
    moving = any(one.going_back_cents or one.standing is extra_work.Standing.TAKING for one in extra)
    moving = moving or any(one.state is RefundState.PENDING for one in refunds)
    return booking.status not in ENDED or booking.cancelled_here or moving


def _fingerprint(
    booking: Booking,
    money: Sequence[Any],
    tours: Sequence[coming.Tour],
    now: datetime,
    unfinished: int,
    *,
    beside: Sequence[Any],
) -> str:
    """Short proof that nothing shown has changed, so that polling answers with nothing.

    `money`: payments and refunds; `unfinished`: how many photos are still being worked on; `beside`: work beyond
    the booking, its late move.
    """
    held = booking.hold_expires_at is not None and booking.hold_expires_at > now
    fee = cancellation_terms(booking, now, current_app.config).fee_cents
    moved = [(one.state, one.failure_code, one.updated_at) for one in money]
    driven = [(one.jockey.name, one.started_at, one.arrived_at, one.departed_at, one.is_coming) for one in tours]
    late = [coming.is_late(one, now) for one in tours]
    standing = (booking.status, booking.updated_at, booking.vehicle_id, held, fee)
    shown = repr((standing, moved, driven, late, unfinished, beside))
    return hashlib.sha256(shown.encode()).hexdigest()[:16]


def _facts(booking: Booking, tours: Sequence[coming.Tour], now: datetime) -> dict[str, Any]:
    rules = current_app.config
    cancelling, withdrawing = cancellation_terms(booking, now, rules), withdrawal_now(booking, now)
    jockey_comes = timeline.comes_by_jockey(booking)
    return {
        "now": now,
        "service": TEXTS[booking.service],
        "classes": CLASS_TEXTS,
        "plate": _plate(booking),
        "car_model": model_of(booking.vehicle, booking.car_details),
        "tours": tours,
        "line": timeline.of(booking, tours),
        "documents": papers.documents_of(booking),
        "document_words": _document_words(),
        "cancelling": cancelling,
        "moving": move_terms(booking, now, rules),
        "withdrawing": withdrawing,
        "may_ask_early": may_ask_for_early_start(booking, now, rules),
        "withdrawal_cents": giving_back.withdrawal_cents(booking) if withdrawing.allowed else 0,
        "may_choose_return": may_choose_return(booking),
        "rule_words": _rule_words(booking, cancelling, now),
        "ahead": timeline.ahead(booking, now),
        "car_lacks": lacking_words(lacking(booking)) if booking.status not in ENDED else "",
        "may_repeat": booking.status not in (BookingStatus.PENDING, *ENDED),
        "shows_ronja": booking.reservation is not None and jockey_comes and _has_a_date(booking),
    }


def _has_a_date(booking: Booking) -> bool:
    """Is there a date on which the Ronja comes, or is it there already? After an end it stays until the car is home."""
    if booking.cancelled_here:
        return True
    return booking.status in RONJA_AT_HAND and (
        booking.new_date_until is None or booking.status is not BookingStatus.CONFIRMED
    )


def _plate(booking: Booking) -> str:
    return booking.vehicle.license_plate if booking.vehicle else str(booking.car_details.get("license_plate", ""))


def _document_words() -> dict[DocumentKind, str]:
    return {
        DocumentKind.RECEIPT: _("Beleg über"),
        DocumentKind.FEE: _("Gebühr"),
        DocumentKind.REFUND: _("Erstattung"),
    }


def _money(booking: Booking, payments: Sequence[Payment], refunds: Sequence[Refund]) -> dict[str, Any]:
    kept = cancellation_terms(booking, now_utc(), current_app.config).fee_cents
    shown, not_needed = giving_back.shown_of(booking, refunds)
    return {
        "decline": reason_message(booking.payment_error) if booking.payment_error else None,
        "waiting_for_bank": _is_processing(booking, payments),
        "paid_with": _paid_with(payments),
        "back_cents": max(0, giving_back.left_of_cents(payments, refunds) - kept),
        "refunds": shown,
        "move_fees_cents": giving_back.move_fees_cents(booking),
        "not_needed": not_needed,
    }


def _is_processing(booking: Booking, payments: Any) -> bool:
    pending = booking.status is BookingStatus.PENDING
    return pending and any(one.state is PaymentState.PROCESSING for one in payments)


def _paid_with(payments: Any) -> str:
    paid: Payment | None = next((one for one in payments if one.state is PaymentState.SUCCEEDED), None)
    return f"{method_words(paid.method_label)}." if paid is not None else ""


def _rule_words(booking: Booking, terms: Terms, now: datetime) -> str:
    """The rule for cancelling and moving, spelt out with its deadline."""
    if booking.status in ENDED or booking.status is BookingStatus.PENDING or booking.new_date_until is not None:
        return ""
    done = booking.status in (BookingStatus.READY_FOR_RETURN, BookingStatus.IN_TRANSIT_TO_CUSTOMER)
    if done or booking.withdrawal_open:
        return ""  # nothing is left to cancel
    if booking.status is not BookingStatus.CONFIRMED or terms.free_until is None:
        return _("Ihr Auto ist schon bei uns. Stornieren geht jetzt nur noch am Telefon.")
    words = {"time": moment(terms.free_until), "fee": eur(terms.fee_cents or current_app.config["LATE_FEE_CENTS"])}
    if booking.no_show_at is not None and now <= terms.free_until:
        kept = _("Beim Stornieren behalten wir %(fee)s, weil wir schon einmal vergeblich bei Ihnen waren.", **words)
        return " ".join((_("Bis %(time)s Uhr kostenlos verschieben.", **words), kept))
    if now <= terms.free_until:
        return _("Bis %(time)s Uhr kostenlos verschieben oder stornieren. Danach behalten wir %(fee)s.", **words)
    return _("Kostenlos ging es bis %(time)s Uhr. Jetzt behalten wir beim Stornieren %(fee)s.", **words)


@blueprint.route("/bookings/<uuid:booking_id>/car", methods=["GET", "POST"])
@requires("bookings.own")
def car_details(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    form = CarDetailsForm(data=booking.car_details)
    if submitted(form, lambda: name_car(current_user, booking_id, _details(form))):
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    booking = own_booking(current_user, booking_id)
    return form_page("bookings/car_details.html", form, booking=booking, fetched=timeline.comes_by_jockey(booking))


def _details(form: CarDetailsForm) -> dict[str, str | int]:
    return {name: form[name].data for name in ("license_plate", "make", "model", "year")}


@blueprint.post("/bookings/<uuid:booking_id>/again")
@requires("bookings.own")
def again(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    kept = booking.vehicle is not None and booking.vehicle.is_active
    draft_id = drafts.start_draft(
        postal_code=booking.pickup_postal_code,
        street=booking.pickup_address,
        city=booking.pickup_city,
        vehicle_id=booking.vehicle_id if kept else None,
        vehicle_class=booking.vehicle_class,
        car_details={} if kept else booking.car_details,
        service=booking.service,
        include_concierge=booking.include_concierge,
        standing_limit_cents=booking.standing_limit_cents,
    )
    return htmx.see_other(url_for("bookings.service", draft_id=draft_id))
