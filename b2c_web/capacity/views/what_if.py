"""What if: the effect of a change is shown; nothing is saved."""

from datetime import date, timedelta
from typing import Any

from flask import Response, current_app, request
from flask_login import current_user

from b2c_web.access import requires
from b2c_web.bookings.places import instant
from b2c_web.capacity import blueprint, what_if
from b2c_web.capacity.asking import TRAVEL_MINUTES, Asked
from b2c_web.capacity.forms import WhatIfForm
from b2c_web.capacity.scope import picked, planned_workshop
from b2c_web.capacity.words import BLOCKS, LIMITS, limit_words, signed
from b2c_web.catalog.queries import price_for
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc, today_in
from b2c_web.config import ZONE
from b2c_web.errors import Invalid
from b2c_web.forms import form_page
from b2c_web.workshops.models import Workshop
from b2c_web.workshops.template_store import weeks_of
from b2c_web.workshops.weekly import clock_of


@blueprint.get("/what-if")
@requires("capacity.plan")
def what_if_page() -> Response:
    workshop, asked = planned_workshop(current_user, request.args), Asked.read(request.args)
    is_asked = "first" in request.args
    form = WhatIfForm(request.args) if is_asked else WhatIfForm(None, data=_usual())
    effect = _effect(form, asked, workshop) if is_asked and form.validate() else None
    return form_page(
        "capacity/what_if.html",
        form,
        workshop=workshop,
        kept=asked.query() | picked(current_user, workshop),
        asked=asked,
        effect=effect,
        windows=weeks_of(workshop.id).week_on(form.first.data or today_in(ZONE)).spans,
        clock_of=clock_of,
        instant=instant,
        signed=signed,
        services=TEXTS,
        travel_choices=TRAVEL_MINUTES,
        BLOCKS=BLOCKS,
        LIMITS=LIMITS,
        limit_words=limit_words,
    )


def _usual() -> dict[str, Any]:
    """The next working day, with nothing changed."""
    day = today_in(ZONE) + timedelta(days=1)
    while day.weekday() > 4:
        day += timedelta(days=1)
    return {"first": day, "last": day, "jockeys": 0, "ronjas": 0}


def _effect(form: WhatIfForm, asked: Asked, workshop: Workshop) -> what_if.Effect | None:
    try:
        change = _change(form)
    except Invalid as refusal:
        form.refuse(refusal)
        return None
    question = asked.question(workshop.id)
    minutes = price_for(question.service, question.vehicle_class, now_utc()).duration_minutes
    return what_if.effect_of(change, question, minutes)


def _change(form: WhatIfForm) -> what_if.Change:
    """What is tried. Raises Invalid for days that lie behind us or out of sight."""
    today: date = today_in(ZONE)
    if not today <= form.first.data <= today + timedelta(days=current_app.config["HORIZON_DAYS"]):
        raise Invalid(field="first")
    return what_if.Change(
        form.first.data,
        form.last.data,
        jockeys=form.jockeys.data or 0,
        ronjas=form.ronjas.data or 0,
        places_per_window=form.places.data,
        day_maximum=form.maximum.data,
        closed=frozenset(form.closed.data or ()),
        opened=form.opened.data,
    )
