"""A customer's cars. The blueprint's pages live below the account."""

import uuid

from flask import Response, flash, render_template, send_file, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.forms import ActionForm, form_page, submitted
from b2c_web.vehicles import blueprint, commands, documents, forms, queries
from b2c_web.vehicles.texts import TEXTS


@blueprint.get("/account/cars")
@requires("vehicles.own")
def cars() -> str:
    mine, archived = queries.vehicles_of(current_user), queries.archived_vehicles_of(current_user)
    return render_template("vehicles/cars.html", cars=mine, archived=archived, classes=TEXTS)


@blueprint.route("/account/cars/new", methods=["GET", "POST"])
@requires("vehicles.own")
def new_car() -> Response:
    form = forms.car_form()
    if submitted(form, lambda: commands.add_vehicle(current_user, form.facts())):
        flash(_("Das Auto steht in Ihrer Liste."), "success")
        return _back()
    return form_page("vehicles/new_car.html", form, classes=TEXTS)


@blueprint.route("/account/cars/<uuid:vehicle_id>", methods=["GET", "POST"])
@requires("vehicles.own")
def car(vehicle_id: uuid.UUID) -> Response:
    found = queries.vehicle_of(current_user, vehicle_id)
    form = forms.car_form(found)
    if submitted(form, lambda: commands.edit_vehicle(current_user, vehicle_id, form.facts())):
        flash(_("Gespeichert."), "success")
        return _back()
    return form_page("vehicles/car.html", form, car=found, classes=TEXTS)


@blueprint.post("/account/cars/<uuid:vehicle_id>/primary")
@requires("vehicles.own")
def primary(vehicle_id: uuid.UUID) -> Response:
    commands.make_primary(current_user, vehicle_id)
    flash(_("Dieses Auto schlagen wir ab jetzt zuerst vor."), "success")
    return _back()


@blueprint.route("/account/cars/<uuid:vehicle_id>/archival", methods=["GET", "POST"])
@requires("vehicles.own")
def archival(vehicle_id: uuid.UUID) -> Response:
    found = queries.vehicle_of(current_user, vehicle_id)
    form = ActionForm()
    if submitted(form, lambda: commands.archive_vehicle(current_user, vehicle_id)):
        flash(_("Das Auto ist abgelegt. Sie finden es unten auf dieser Seite wieder."), "success")
        return _back()
    return form_page("vehicles/archival.html", form, car=found)


@blueprint.post("/account/cars/<uuid:vehicle_id>/restoration")
@requires("vehicles.own")
def restoration(vehicle_id: uuid.UUID) -> Response:
    commands.restore_vehicle(current_user, vehicle_id)
    flash(_("Das Auto steht wieder in Ihrer Liste."), "success")
    return _back()


@blueprint.route("/account/cars/<uuid:vehicle_id>/document", methods=["GET", "POST"])
@requires("vehicles.own")
def document(vehicle_id: uuid.UUID) -> Response:
    found = queries.vehicle_of(current_user, vehicle_id)
    form = forms.DocumentForm()
    if submitted(form, lambda: documents.attach_document(current_user, vehicle_id, form.content())):
        flash(_("Der Fahrzeugschein ist hinterlegt."), "success")
        return _to_document(vehicle_id)
    return form_page("vehicles/document.html", form, car=found)


@blueprint.get("/account/cars/<uuid:vehicle_id>/document/file")
@requires("vehicles.own")
def document_file(vehicle_id: uuid.UUID) -> Response:
    found = queries.vehicle_of(current_user, vehicle_id)
    content, kind = documents.open_document(found)
    name = f"{_('Fahrzeugschein')} {found.license_plate}.{kind.extension}"
    answer = send_file(content, kind.content_type, as_attachment=True, download_name=name)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.post("/account/cars/<uuid:vehicle_id>/document/removal")
@requires("vehicles.own")
def remove_document(vehicle_id: uuid.UUID) -> Response:
    documents.remove_document(current_user, vehicle_id)
    flash(_("Der Fahrzeugschein ist gelöscht."), "success")
    return _to_document(vehicle_id)


def _back() -> Response:
    return htmx.see_other(url_for("vehicles.cars"))


def _to_document(vehicle_id: uuid.UUID) -> Response:
    return htmx.see_other(url_for("vehicles.document", vehicle_id=vehicle_id))
