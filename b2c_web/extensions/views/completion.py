"""The work is done: what will be charged, what was not done, and the button that says both."""

import uuid
from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from b2c_web import formatting, htmx
from b2c_web.access import requires
from b2c_web.bookings.commands import NOT_BEGUN, complete_work
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.withdrawing import WITHDRAWN
from b2c_web.errors import Conflict
from b2c_web.extensions import blueprint, commands, queries, rules
from b2c_web.extensions.forms import NotDoneForm
from b2c_web.extensions.models import ExtensionStatus
from b2c_web.extensions.reading import ExtensionView
from b2c_web.extensions.views.shown import car_url, frame, visible_booking
from b2c_web.forms import form_page, submitted
from b2c_web.payments.rules import NOT_CAPTURED

NOT_AT_WORK = _l("Dieses Auto ist nicht (mehr) in Arbeit. Fertig melden geht hier nicht.")
Undone = dict[uuid.UUID, set[int]]


@blueprint.route("/workshop/bookings/<uuid:booking_id>/completion", methods=["GET", "POST"])
@requires("extensions.workshop")
def completion(booking_id: uuid.UUID) -> Response:
    booking, form = visible_booking(booking_id), NotDoneForm()
    approved = _approved(booking_id)
    asked = "sum" in request.args or form.is_submitted()
    undone = _undone(approved, asked=asked)
    cents = _due_cents(approved, undone)
    if htmx.wants_fragment() and "sum" in request.args:
        return htmx.render("extensions/_completion_sum.html", None, due_cents=cents, **frame(booking))
    if form.is_submitted() and form.amount_cents.data != str(cents):
        _refuse_sum(form, booking, cents)
    elif submitted(form, lambda: _complete(booking_id, approved, undone)):
        flash(_done_words(booking_id), "success")
        return htmx.see_other(car_url(visible_booking(booking_id)))
    return form_page("extensions/completion.html", form, **_facts(booking_id, asked=asked))


def _refuse_sum(form: NotDoneForm, booking: Booking, cents: int) -> None:
    """Another sum than the button named: asked back while it can be charged, else the way to the car is all."""
    refusal = _not_at_work(booking)
    if refusal:
        form.refuse(Conflict(refusal, code="wrong_state"))
    else:
        form.form_errors.append(_("Eingezogen würden %(sum)s. Stimmt das so?", sum=formatting.eur(cents)))


def _not_at_work(booking: Booking) -> Any:
    """Why nothing can be reported done, or None when it can."""
    if booking.withdrawal_open:
        return WITHDRAWN
    if rules.work_refusal(booking):
        return NOT_AT_WORK
    return NOT_BEGUN if booking.work_started_at is None else None


def _approved(booking_id: uuid.UUID) -> list[ExtensionView]:
    return _still_due(queries.of_booking(booking_id))


def _still_due(extensions: list[ExtensionView]) -> list[ExtensionView]:
    """Approved, not charged before (a car can be completed a second time), and nobody has objected."""
    approved = (one for one in extensions if one.status is ExtensionStatus.APPROVED and not _is_objected_to(one))
    return [one for one in approved if one.authorization_status not in rules.TAKEN]


def _is_objected_to(extension: ExtensionView) -> bool:
    return extension.consent is not None and extension.consent.objected_at is not None


def _undone(approved: list[ExtensionView], *, asked: bool) -> Undone:
    """What was not done, as the form says; before anybody ticked anything, as it was said before."""
    if not asked:
        return {one.id: {item.index for item in one.items if item.not_done} for one in approved}
    said = set(request.values.getlist("not_done"))
    return {
        one.id: {item.index for item in one.items if item.accepted and f"{one.id}:{item.index}" in said}
        for one in approved
    }


def _due_cents(approved: list[ExtensionView], undone: Undone) -> int:
    """What will be charged: what is held, also when taking it failed once. What never could be held is not done."""
    return sum(
        item.sum_cents
        for one in approved
        if one.safe_to_begin or one.failure_code == NOT_CAPTURED
        for item in one.items
        if item.accepted and item.index not in undone[one.id]
    )


def _complete(booking_id: uuid.UUID, approved: list[ExtensionView], undone: Undone) -> None:
    cents = _due_cents(approved, undone)
    complete_work(current_user, booking_id, lambda booking: commands.note_undone(booking, undone, cents))


def _done_words(booking_id: uuid.UUID) -> str:
    if visible_booking(booking_id).status is BookingStatus.READY_FOR_RETURN:
        return _("Fertig gemeldet. Der Kunde weiß Bescheid.")
    return _("Fertig gemeldet. Das Geld wird eingezogen, danach steht das Auto auf „Fertig“.")


def _facts(booking_id: uuid.UUID, *, asked: bool) -> dict[str, Any]:
    booking, extensions = visible_booking(booking_id), queries.of_booking(booking_id)
    approved = _still_due(extensions)  # read anew: one more may have been approved meanwhile
    undone = _undone(approved, asked=asked)
    return {
        **frame(booking),
        "approved": approved,
        "objected": [one for one in extensions if _is_objected_to(one)],
        "pending": [one for one in extensions if one.is_pending],
        "undone": undone,
        "due_cents": _due_cents(approved, undone),
        "not_at_work": _not_at_work(booking),
        "back_url": url_for("extensions.completion", booking_id=booking_id),
    }
