"""The button that says that the car of a return that failed is at the workshop again."""

import uuid

from flask import Response, flash, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.accounts.models import Role
from b2c_web.bookings.models import AssignmentType
from b2c_web.dispatch import blueprint, car_back
from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.dispatch.queries import live_trip


@blueprint.post("/trips/<uuid:assignment_id>/car-back", endpoint="car_back")
@requires("trips.car_back")
def said(assignment_id: uuid.UUID) -> Response:
    assignment = car_back.bring_back(assignment_id, current_user)
    flash(_("Notiert: Das Auto steht wieder in der Werkstatt."), "success")
    return htmx.see_other(_back(assignment))


def _back(assignment: JockeyAssignment) -> str:
    if current_user.role is Role.JOCKEY:
        return url_for("dispatch.my_day")
    if current_user.role is Role.WORKSHOP:
        return url_for("dashboard.car", booking_id=assignment.booking_id)
    trip = live_trip(assignment.booking_id, AssignmentType.RETURN)
    return url_for("dispatch.trip", trip_id=trip.id) if trip else url_for("dispatch.day")
