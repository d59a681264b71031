"""The weekly template: seen, tried out, saved; and the days that follow from it."""

from collections.abc import Sequence

from flask import Response, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from b2c_web import formatting, htmx
from b2c_web.access import requires
from b2c_web.capacity import blueprint
from b2c_web.capacity.asking import read_day
from b2c_web.capacity.plan_forms import OverbookingForm, overbooking_form
from b2c_web.capacity.scope import picked, planned_workshop
from b2c_web.capacity.template_grid import Grid, grid_of, read_grid, shown, tomorrow
from b2c_web.capacity.template_words import change_words, doubt_words, obstacle_words
from b2c_web.errors import Invalid
from b2c_web.forms import submitted
from b2c_web.workshops.commands import roll_on, set_overbooking
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.template_changes import ChangeKind, DayChange
from b2c_web.workshops.template_commands import Draft, TemplateChanged, preview, save_template
from b2c_web.workshops.template_store import state_of, templates_of, weeks_of
from b2c_web.workshops.weekly_doubts import carried_by, doubts_of


@blueprint.get("/template")
@requires("capacity.plan")
def template() -> Response:
    return _as_it_stands(planned_workshop(current_user, request.args))


def _as_it_stands(workshop: Workshop, overbooking: OverbookingForm | None = None) -> Response:
    since = max(read_day(request.args.get("since")) or tomorrow(), tomorrow())
    seen = state_of(workshop.id)  # before the weeks: what is saved in between is told, not written over
    grid = grid_of(weeks_of(workshop.id).week_on(since), since)
    status = overbooking.status_code() if overbooking else 200
    return _page(workshop, grid, seen, status, overbooking=overbooking)


@blueprint.post("/template")
@requires("capacity.plan")
def save() -> Response:
    workshop, grid, seen = planned_workshop(current_user, request.args), read_grid(request.form), _seen()
    draft = grid.draft(seen)
    if draft is None:
        return _page(workshop, grid, seen, 422)
    try:
        return _seen_or_saved(workshop, grid, draft)
    except Invalid as refusal:
        grid.errors += refusal.details["refusals"]
        return _page(workshop, grid, seen, refusal.status)
    except TemplateChanged as refusal:
        flash(refusal.message, "warning")
        now = state_of(workshop.id)
        grid = grid_of(weeks_of(workshop.id).week_on(draft.valid_from), draft.valid_from)
        return _page(workshop, grid, now, refusal.status)


def _seen() -> str:
    return request.form.get("seen", "")


def _seen_or_saved(workshop: Workshop, grid: Grid, draft: Draft) -> Response:
    """Saves exactly what the page showed; anything else is shown first."""
    changes = preview(workshop.id, draft)
    digest = shown(draft, changes)
    if request.form.get("action") != "save" or request.form.get("shown") != digest:
        doubts = doubt_words(doubts_of(draft.week, carried_by(workshop.id)))
        return _page(workshop, grid, draft.seen, changes=changes, digest=digest, doubts=doubts)
    _say(save_template(workshop.id, draft))
    return htmx.see_other(url_for("capacity.template", since=draft.valid_from, **picked(current_user, workshop)))


def _say(changes: Sequence[DayChange]) -> None:
    changed = sum(change.kind is ChangeKind.CHANGES for change in changes)
    kept = len(changes) - changed
    words = ngettext("Gespeichert: %(num)s Tag ist umgestellt.", "Gespeichert: %(num)s Tage sind umgestellt.", changed)
    flash(words, "success")
    if kept:
        flash(ngettext("%(num)s Tag bleibt, wie er war.", "%(num)s Tage bleiben, wie sie waren.", kept), "info")


def _page(
    workshop: Workshop,
    grid: Grid,
    seen: str,
    status: int = 200,
    *,
    changes: Sequence[DayChange] | None = None,
    digest: str = "",
    doubts: Sequence[str] = (),
    overbooking: OverbookingForm | None = None,
) -> Response:
    return htmx.render(
        "capacity/template.html",
        status=status,
        workshop=workshop,
        kept=picked(current_user, workshop),
        grid=grid,
        seen=seen,
        tomorrow=tomorrow(),
        templates=templates_of(workshop.id),
        changes=None if changes is None else {kind: [c for c in changes if c.kind is kind] for kind in ChangeKind},
        digest=digest,
        doubts=doubts,
        change_words=change_words,
        obstacle_words=obstacle_words,
        overbooking=overbooking or overbooking_form(workshop),
    )


@blueprint.post("/overbooking")
@requires("capacity.plan")
def overbook() -> Response:
    workshop, form = planned_workshop(current_user, request.args), OverbookingForm()
    if submitted(form, lambda: set_overbooking(workshop.id, form.jockey_overbooking_percent.data or 0)):
        flash(_("Gespeichert. Kunden sehen es ab sofort."), "success")
        return htmx.see_other(url_for("capacity.template", **picked(current_user, workshop)))
    return _as_it_stands(workshop, form)


@blueprint.post("/generation")
@requires("capacity.plan")
def generate() -> Response:
    workshop = planned_workshop(current_user, request.args)
    made = roll_on(workshop.id)
    days = len(made.open_days)
    if days:
        words = ngettext("%(num)s Tag ist dazugekommen.", "%(num)s Tage sind dazugekommen.", days)
        flash(words, "success")
    else:
        flash(_("Alle Tage bis zum Ende des Kalenders sind schon da."), "info")
    for day, name in made.holidays.items():
        flash(_("%(day)s bleibt zu: %(name)s.", day=formatting.day(day), name=name), "info")
    return htmx.see_other(url_for("capacity.template", **picked(current_user, workshop)))
