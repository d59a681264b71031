"""A new return window, chosen by the customer: after a return that failed, or because another day suits better."""

import uuid
from collections.abc import Iterable
from itertools import groupby

from flask import Response, flash, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.bookings import blueprint
from b2c_web.bookings.forms import ReturnForm
from b2c_web.bookings.places import instant
from b2c_web.bookings.queries import own_booking
from b2c_web.bookings.returning import may_choose_return, replan_return, return_options
from b2c_web.errors import NotFound
from b2c_web.formatting import day, window
from b2c_web.forms import form_page, submitted
from b2c_web.workshops.rules import Window


@blueprint.route("/bookings/<uuid:booking_id>/return", methods=["GET", "POST"])
@requires("bookings.own")
def return_window(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    if not may_choose_return(booking):
        raise NotFound
    form = ReturnForm()
    form.back.choices = _by_day(return_options(booking))
    if submitted(form, lambda: replan_return(current_user, booking_id, uuid.UUID(form.back.data))):
        flash(_("Wir bringen Ihr Auto zum neuen Termin."), "success")
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    return form_page("bookings/return_window.html", form, booking=own_booking(current_user, booking_id))


def _by_day(options: Iterable[Window]) -> dict[str, list[tuple[str, str]]]:
    return {
        day(on): [(str(one.slot_id), window(instant(one.start), instant(one.end))) for one in windows]
        for on, windows in groupby(options, key=lambda one: one.day)
    }
