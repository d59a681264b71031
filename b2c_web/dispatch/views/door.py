"""At the customer's door: the handover, and what to do when nobody is there."""

import uuid
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

from flask import Response, current_app, flash, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.bookings.models import AssignmentType
from b2c_web.clock import now_utc
from b2c_web.dispatch import blueprint, commands, photos, rules, tours, words
from b2c_web.dispatch.doubts import ronja_doubt
from b2c_web.dispatch.drivers import is_shown
from b2c_web.dispatch.forms import FailureForm, HandoverForm, NoShowForm
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.steps import CHANGED
from b2c_web.dispatch.views import door_photos
from b2c_web.dispatch.views.door_photos import PLACE
from b2c_web.dispatch.views.jockey import about, elsewhere
from b2c_web.errors import Busy, Conflict, Invalid
from b2c_web.forms import ActionForm, form_page, submitted
from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaPurpose

S = AssignmentStatus
DOORS: Mapping[tuple[AssignmentType, AssignmentStatus], Callable[..., Any]] = {
    (AssignmentType.PICKUP, S.AT_PICKUP_LOCATION): commands.finish_pickup_handover,
    (AssignmentType.RETURN, S.AT_RETURN_LOCATION): commands.complete_return,
}
PRESS: Mapping[AssignmentType, Callable[..., Any]] = {
    AssignmentType.PICKUP: commands.finish_pickup_handover,
    AssignmentType.RETURN: commands.complete_return,
}
SIGNED = ("signature", "signed_typed")  # a name may stand for a drawing; what is sent again is another file
ON_THE_WAY_BACK = (S.EN_ROUTE_TO_CUSTOMER, S.AT_RETURN_LOCATION)


@blueprint.route("/jockey/trips/<uuid:assignment_id>/handover", methods=["GET", "POST"])
@requires("jockey.day")
def handover(assignment_id: uuid.UUID) -> Response:
    tour = tours.own_tour(current_user, assignment_id)
    kind, name, form = tour.type, tour.booking.customer_name, _handover_form(tour)
    if door_photos.only_sent():
        form.names_refused()
    elif submitted(form, lambda: _hand_over(tour, form)):
        return _saved(tours.own_tour(current_user, assignment_id), form)
    tour = tours.own_tour(current_user, assignment_id)
    if (kind, tour.status) not in DOORS and (not is_shown(tour) or not form.errors):
        return elsewhere(tour)
    form.signed_by.data = form.signed_by.data or name
    facts = {"chosen": door_photos.of_views(tour, form), "doubted": form.codes(), "ronja_doubt": ronja_doubt(tour)}
    return form_page("jockeys/handover.html", form, VIEWS=words.VIEWS, **facts, **about(tour))


def _saved(tour: JockeyAssignment, form: HandoverForm) -> Response:
    """It was saved now, or before: then what stands there may be something else than what was sent."""
    kept, sent = tour.handover or {}, {**form.noted(), "photos": door_photos.shown(tour, form)}
    again = (*SIGNED, "photos") if door_photos.came() else SIGNED
    if all(kept.get(name) == value for name, value in sent.items() if name not in again):
        flash(_("Die Übergabe ist gespeichert."), "success")
        return htmx.see_other(url_for("dispatch.my_day"))
    flash(_("Diese Übergabe war schon gespeichert. Was Sie jetzt gesendet haben, ändert nichts mehr daran."), "warning")
    return htmx.see_other(url_for("dispatch.tour", assignment_id=tour.id))


def _handover_form(tour: JockeyAssignment) -> HandoverForm:
    """What is drawn is kept at once, so that nobody signs twice when something else is missing. While the booking is
    busy the form carries it on.
    """
    form = HandoverForm()
    form.filled_in = tour.booking.customer_name
    kept = photos.sent([form.signature_id.data], tour, signature=True)
    form.signature_id.data = str(kept[0].id) if kept else ""
    if form.is_submitted() and (tour.type, tour.status) in DOORS:
        door_photos.take(tour, form, door_photos.fields())
        form.missing_views = [view for view, shown in door_photos.of_views(tour, form).items() if not shown]
        form.asks_signature = current_app.config["HANDOVER_SIGNATURE"]
        try:
            _keep_signature(tour, form)
        except Busy as busy:
            form.unkept = busy.message
        except Conflict as refusal:
            form.unkept, form.signature.data = refusal.message, ""
        except Invalid:  # no picture: the form asks for it as for one that was not drawn
            form.signature.data = ""
    return form


def _keep_signature(tour: JockeyAssignment, form: HandoverForm) -> None:
    drawn = form.picture()
    if drawn:
        about = current_user, MediaPurpose.BOOKING, tour.booking_id
        kept = add_upload(*about, BytesIO(drawn), _("Unterschrift"), is_signature=True)
        form.signature_id.data, form.signature.data = str(kept.id), ""


def _hand_over(tour: JockeyAssignment, form: HandoverForm) -> None:
    whole = {**form.noted(), "photos": door_photos.shown(tour, form)}
    confirmed = {"mileage_confirmed": form.mileage_confirmed.data, "ronja_confirmed": form.ronja_confirmed.data}
    own = "has_ronja" if tour.type is AssignmentType.PICKUP else "keys_confirmed"
    confirmed[own] = form[own].data
    PRESS[tour.type](tour.id, whole, current_user, **confirmed)


@blueprint.route("/jockey/trips/<uuid:assignment_id>/no-show", methods=["GET", "POST"])
@requires("jockey.day")
def no_show(assignment_id: uuid.UUID) -> Response:
    tour, form = tours.own_tour(current_user, assignment_id), NoShowForm()
    if form.is_submitted() and tour.status is S.AT_PICKUP_LOCATION:
        door_photos.take(tour, form, [PLACE])
    form.lacks, form.calls_missing = _lacks(tour, form), current_app.config["NO_SHOW_CALLS"] - len(_calls(tour))
    if door_photos.only_sent():
        form.names_refused()
    elif submitted(form, lambda: _record_no_show(tour, form)):
        flash(_("Notiert. Der Kunde bekommt eine Nachricht und kann einen neuen Termin wählen."), "success")
        return htmx.see_other(url_for("dispatch.my_day"))
    tour = tours.own_tour(current_user, assignment_id)
    if tour.status is not S.AT_PICKUP_LOCATION and (not is_shown(tour) or not form.errors):
        return elsewhere(tour)
    facts = {"chosen": door_photos.place(tour, form), **_waiting(tour)}
    return form_page("jockeys/no_show.html", form, **facts, **about(tour))


def _waiting(tour: JockeyAssignment) -> dict[str, Any]:
    """The calls so far, and when the waiting is over."""
    config, start = current_app.config, tour.trip.window_start
    waits_from = max(tour.arrived_at or start, start)
    return {
        "calls": [datetime.fromisoformat(at) for at in _calls(tour)],
        "calls_needed": config["NO_SHOW_CALLS"],
        "waits_from": waits_from,
        "waits_until": waits_from + timedelta(minutes=config["NO_SHOW_WAIT_MINUTES"]),
    }


def _calls(tour: JockeyAssignment) -> list[str]:
    return list((tour.handover or {}).get("calls", []))


def _lacks(tour: JockeyAssignment, form: NoShowForm) -> list[rules.NoShowLack]:
    """What the page can tell before the command does."""
    if tour.status is not S.AT_PICKUP_LOCATION:
        return []
    waited = rules.waited_minutes(tour.arrived_at, tour.trip.window_start, now_utc())
    has_photo = bool(door_photos.of_field(tour, PLACE, form))
    return rules.no_show_lacks(
        calls=len(_calls(tour)), waited_minutes=waited, has_photo=has_photo, rules=current_app.config
    )


def _record_no_show(tour: JockeyAssignment, form: NoShowForm) -> None:
    shown = door_photos.of_field(tour, PLACE, form)
    commands.record_no_show(tour.id, photo=str(shown[0].id) if shown else "", actor=current_user)


@blueprint.post("/jockey/trips/<uuid:assignment_id>/calls")
@requires("jockey.day")
def call(assignment_id: uuid.UUID) -> Response:
    tour, form, sent = tours.own_tour(current_user, assignment_id), ActionForm(), NoShowForm()
    door_photos.take(tour, sent, [PLACE])
    for why in sent.refused.get(PLACE, ()):
        flash(why, "danger")
    noted: list[bool] = []
    if submitted(form, lambda: noted.append(commands.record_call(tour.id, current_user))):
        flash(*_noted(is_new=noted[0]))
    else:
        flash(form.refusal.message if form.refusal else CHANGED, "warning")
    kept = [str(file.id) for file in door_photos.of_field(tour, PLACE, sent)]
    return htmx.see_other(url_for("dispatch.no_show", assignment_id=assignment_id, photo=kept or None))


def _noted(*, is_new: bool) -> tuple[str, str]:
    if is_new:
        return _("Anruf notiert."), "success"
    return _("Das zählt als derselbe Anruf. Bitte versuchen Sie es in ein paar Sekunden noch einmal."), "info"


@blueprint.route("/jockey/trips/<uuid:assignment_id>/failure", methods=["GET", "POST"])
@requires("jockey.day")
def failure(assignment_id: uuid.UUID) -> Response:
    tour, form = tours.own_tour(current_user, assignment_id), FailureForm()
    if submitted(form, lambda: _fail(tour, form)):
        return htmx.see_other(url_for("dispatch.tour", assignment_id=assignment_id))
    tour = tours.own_tour(current_user, assignment_id)
    if tour.status not in ON_THE_WAY_BACK and (not is_shown(tour) or not form.errors):
        return elsewhere(tour)
    return form_page("jockeys/failure.html", form, **about(tour))


def _fail(tour: JockeyAssignment, form: FailureForm) -> None:
    if tour.type is not AssignmentType.RETURN:
        raise Conflict(CHANGED, code="wrong_state")
    commands.return_failed(tour.id, CancelReason(form.reason.data), form.note.data or "", current_user)
