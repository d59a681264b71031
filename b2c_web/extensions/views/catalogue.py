"""The workshop's catalogue of usual work: looked through, added to, changed, archived."""

import uuid
from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.capacity.scope import picked, planned_workshop, workshops_to_pick
from b2c_web.catalog.texts import TEXTS
from b2c_web.extensions import blueprint, cataloguing, queries
from b2c_web.extensions.catalogue_forms import WorkItemForm
from b2c_web.extensions.models import WorkItem
from b2c_web.extensions.views.offer import ONE, typed_price
from b2c_web.extensions.views.shown import quantity
from b2c_web.forms import form_page, submitted
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.queries import workshop_of


@blueprint.get("/workshop/catalogue")
@requires("extensions.workshop")
def catalogue() -> Response:
    workshop, search = planned_workshop(current_user, request.args), request.args.get("q", "").strip()
    archived = request.args.get("show") == "archived"
    return htmx.render(
        "extensions/catalogue.html",
        "extensions/_usual_work.html",
        works=queries.usual_work(workshop.id, search, archived=archived),
        search=search,
        archived=archived,
        **_frame(workshop),
    )


def _frame(workshop: Workshop) -> dict[str, Any]:
    return {
        "workshop": workshop,
        "workshops": workshops_to_pick(current_user),
        "kept": picked(current_user, workshop),
        "services": TEXTS,
    }


@blueprint.route("/workshop/catalogue/new", methods=["GET", "POST"])
@requires("extensions.workshop")
def new_work_item() -> Response:
    workshop = planned_workshop(current_user, request.args)
    form = WorkItemForm(data={"quantity": ONE, "service": request.args.get("service", "")})
    if submitted(form, lambda: cataloguing.add_work_item(current_user, workshop.id, form.work())):
        return _done(_("%(name)s ist im Katalog.", name=form.name.data), workshop)
    return form_page("extensions/work_item.html", form, work=None, **_frame(workshop))


@blueprint.route("/workshop/catalogue/<uuid:item_id>", methods=["GET", "POST"])
@requires("extensions.workshop")
def work_item(item_id: uuid.UUID) -> Response:
    work = queries.work_item_of(current_user, item_id)
    workshop, form = workshop_of(work.workshop_id), WorkItemForm(data=_typed(work))
    if submitted(form, lambda: cataloguing.change_work_item(current_user, item_id, form.work())):
        return _done(_("%(name)s ist geändert.", name=form.name.data), workshop)
    work = queries.work_item_of(current_user, item_id)
    return form_page("extensions/work_item.html", form, work=work, **_frame(workshop_of(work.workshop_id)))


def _typed(work: WorkItem) -> dict[str, str]:
    """One entry as a person would type it."""
    return {
        "name": work.name,
        "service": work.service.value if work.service else "",
        "quantity": quantity(work.quantity),
        "price": typed_price(work.price),
        "description": work.description,
        "name_en": work.name_en,
        "description_en": work.description_en,
    }


def _done(words: str, workshop: Workshop) -> Response:
    flash(words, "success")
    return htmx.see_other(url_for("extensions.catalogue", **picked(current_user, workshop)))


@blueprint.post("/workshop/catalogue/<uuid:item_id>/archival")
@requires("extensions.workshop")
def work_item_archival(item_id: uuid.UUID) -> Response:
    cataloguing.archive_work_item(current_user, item_id)
    work = queries.work_item_of(current_user, item_id)
    words = _("%(name)s ist im Archiv. Angebote, die es gibt, bleiben, wie sie sind.", name=work.name)
    return _done(words, workshop_of(work.workshop_id))


@blueprint.post("/workshop/catalogue/<uuid:item_id>/restoration")
@requires("extensions.workshop")
def work_item_restoration(item_id: uuid.UUID) -> Response:
    cataloguing.restore_work_item(current_user, item_id)
    work = queries.work_item_of(current_user, item_id)
    return _done(_("%(name)s ist wieder im Katalog.", name=work.name), workshop_of(work.workshop_id))
