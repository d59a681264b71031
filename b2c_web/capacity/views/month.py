"""The month as a heat map, with the chosen day beside it."""

import uuid
from datetime import date, timedelta
from typing import Any

from flask import Response, make_response, render_template, request
from flask_login import current_user

from b2c_web import formatting, htmx
from b2c_web.access import requires
from b2c_web.accounts.models import Role
from b2c_web.bookings import reuse
from b2c_web.capacity import blueprint
from b2c_web.capacity.asking import TRAVEL_MINUTES, Asked, read_day
from b2c_web.capacity.day import DayPanel, panel_of, with_alternatives
from b2c_web.capacity.month import facts_of, month_of
from b2c_web.capacity.plan_forms import NewWindowForm, PlanForm, day_form, window_form
from b2c_web.capacity.scope import asked_workshop_id, picked, planned_workshop, workshops_to_pick
from b2c_web.capacity.words import BLOCKS, HOLIDAYS, LIMIT_ICONS, LIMITS, with_soft_hyphens
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.workshops.models import Workshop


@blueprint.get("")
@requires("capacity.plan")
def month() -> Response:
    wants_month = htmx.wants_fragment() and request.headers.get("HX-Target") == "month"
    if wants_month:
        return _month_alone()
    return show(planned_workshop(current_user, request.args), read_day(request.args.get("day")))


def _month_alone() -> Response:
    """Stepping through the months, without a statement for the workshop: its id is all that is needed.

    Whoever reads the same facts gets the same month, drawn once.
    """
    asked = Asked.read(request.args)
    workshop_id = asked_workshop_id(current_user, request.args) or planned_workshop(current_user, request.args).id
    kept = asked.query() | ({"workshop": workshop_id} if current_user.role is Role.ADMIN else {})
    facts = facts_of(asked.question(workshop_id), _first_of_month(None))

    def draw() -> str:
        return render_template("capacity/_month.html", month=month_of(facts), chosen=None, kept=kept, **_words())

    shown = (facts.key(), tuple(kept.items()), today_in(ZONE), formatting.language())
    return make_response(reuse.drawn("month_fragments", shown, draw))


def show(workshop: Workshop, day: date | None, status: int = 200, **refused: Any) -> Response:
    """The page around a day; `refused` has the form that was sent (day_form, window_forms, new_window) and why."""
    asked = Asked.read(request.args)
    month = month_of(facts_of(asked.question(workshop.id), _first_of_month(day)))
    facts = {
        "workshop": workshop,
        "workshops": workshops_to_pick(current_user),
        "asked": asked,
        "travel_choices": TRAVEL_MINUTES,
        "services": TEXTS,
        "month": month,
        "chosen": day,
        "kept": asked.query() | picked(current_user, workshop),
    }
    if day is not None:
        cell = next((cell for cell in month.cells if cell.day == day), None)
        panel = panel_of(workshop.id, day, cell)
        facts |= _forms(panel)
        if panel.keeps_bookings and "in_the_way" not in refused:
            facts["in_the_way"] = with_alternatives(panel.bookings)
    window_forms = facts.pop("window_forms", {}) | refused.pop("window_forms", {})
    facts |= _words() | refused
    return htmx.render(
        "capacity/month.html", "capacity/_capacity.html", status=status, window_forms=window_forms, **facts
    )


def _forms(panel: DayPanel) -> dict[str, Any]:
    return {
        "panel": panel,
        "day_form": day_form(panel),
        "window_forms": {window.slot.id: window_form(window) for window in panel.windows},
        "new_window": NewWindowForm(formdata=None, data={"places": 4}),
    }


def standing(workshop_id: uuid.UUID, day: date, slot_id: uuid.UUID | None = None) -> PlanForm:
    """The day's or one window's form as it stands now."""
    panel = panel_of(workshop_id, day, None)
    return day_form(panel) if slot_id is None else window_form(panel.window(slot_id))


def _first_of_month(day: date | None) -> date:
    """The month asked for, else that of the chosen day, else tomorrow's: of today hardly anything is left to plan."""
    tomorrow = today_in(ZONE) + timedelta(days=1)
    return (read_day(request.args.get("month")) or day or tomorrow).replace(day=1)


def _words() -> dict[str, Any]:
    words: dict[str, Any] = {"BLOCKS": BLOCKS, "LIMITS": LIMITS, "LIMIT_ICONS": LIMIT_ICONS}
    words["HOLIDAY_NAMES"] = [str(name) for name in HOLIDAYS.values()]
    return words | {"with_soft_hyphens": with_soft_hyphens, "today": today_in(ZONE)}
