"""Changing one day and its windows. Refused, the month comes back with the reason and the way on."""

import uuid
from datetime import date
from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.capacity import blueprint
from b2c_web.capacity.asking import Asked, read_day
from b2c_web.capacity.day import in_the_way
from b2c_web.capacity.plan_forms import NewWindowForm, PlanForm, keep_typed, numbered
from b2c_web.capacity.scope import asked_workshop_id, picked, planned_workshop
from b2c_web.capacity.views.month import show, standing
from b2c_web.errors import NotFound
from b2c_web.forms import submitted
from b2c_web.workshops.commands import BelowBooked
from b2c_web.workshops.editing import ChangedMeanwhile, add_window, edit_day, edit_window
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.queries import window_of, workshop_of


@blueprint.get("/days/<day>")
@requires("capacity.plan")
def day_itself(day: str) -> Response:
    """Where a refused form leaves the browser: the day stands beside its month."""
    return _back(planned_workshop(current_user, request.args), _day(day))


@blueprint.post("/days/<day>")
@requires("capacity.plan")
def change_day(day: str) -> Response:
    on, workshop, form = _day(day), planned_workshop(current_user, request.args), PlanForm()
    if submitted(form, lambda: edit_day(workshop.id, on, form.edit())):
        flash(_("Gespeichert. Kunden sehen es ab sofort."), "success")
        return _back(workshop, on)
    return _refused(workshop, on, form)


@blueprint.post("/windows/<uuid:slot_id>")
@requires("capacity.plan")
def change_window(slot_id: uuid.UUID) -> Response:
    slot = window_of(asked_workshop_id(current_user, request.args), slot_id)
    on, workshop, form = slot.service_date, workshop_of(slot.workshop_id), numbered(PlanForm(), str(slot_id))
    if submitted(form, lambda: edit_window(workshop.id, slot_id, form.edit())):
        flash(_("Gespeichert. Kunden sehen es ab sofort."), "success")
        return _back(workshop, on)
    return _refused(workshop, on, form, slot_id)


@blueprint.post("/days/<day>/windows")
@requires("capacity.plan")
def new_window(day: str) -> Response:
    on, workshop, form = _day(day), planned_workshop(current_user, request.args), NewWindowForm()
    if submitted(form, lambda: add_window(workshop.id, on, form.window())):
        flash(_("Das Fenster ist offen."), "success")
        return _back(workshop, on)
    return show(workshop, on, form.status_code(), new_window=form)


def _refused(workshop: Workshop, day: date, form: PlanForm, slot_id: uuid.UUID | None = None) -> Response:
    """What was sent stays in its form; when somebody was quicker, beside what stands now."""
    if isinstance(form.refusal, ChangedMeanwhile):
        keep_typed(form, standing(workshop.id, day, slot_id))
    sent: dict[str, Any] = {"day_form": form} if slot_id is None else {"window_forms": {slot_id: form}}
    if isinstance(form.refusal, BelowBooked):
        sent["in_the_way"] = in_the_way(workshop.id, day, slot_id)
        sent["too_many"] = form.refusal.details["booked"] - (form.max_bookings.data or 0)
        sent["same_day"] = slot_id is not None
    return show(workshop, day, form.status_code(), **sent)


def _back(workshop: Workshop, day: date) -> Response:
    kept = Asked.read(request.args).query() | picked(current_user, workshop)
    return htmx.see_other(url_for("capacity.month", day=day.isoformat(), _anchor="day", **kept))


def _day(text: str) -> date:
    day = read_day(text)
    if day is None:
        raise NotFound
    return day
