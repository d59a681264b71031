"""The month as a heat map, with the chosen day beside it."""

from datetime import date
from typing import Any

from flask import Response, request
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.accounts.models import Role
from b2c_web.capacity import blueprint
from b2c_web.capacity.asking import TRAVEL_MINUTES, Asked, read_day
from b2c_web.capacity.month import month_of
from b2c_web.capacity.scope import asked_workshop_id, picked, planned_workshop, workshops_to_pick
from b2c_web.capacity.words import BLOCKS, LIMIT_ICONS, LIMITS
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import today_in
from b2c_web.config import ZONE


@blueprint.get("")
@requires("capacity.plan")
def month() -> Response:
    wants_month = htmx.wants_fragment() and request.headers.get("HX-Target") == "month"
    return _month_alone() if wants_month else _page()


def _month_alone() -> Response:
    """Stepping through the months, without a statement for the workshop: its id is all that is needed."""
    asked = Asked.read(request.args)
    workshop_id = asked_workshop_id(current_user, request.args) or planned_workshop(current_user, request.args).id
    kept = asked.query() | ({"workshop": workshop_id} if current_user.role is Role.ADMIN else {})
    shown = month_of(asked.question(workshop_id), _first_of_month(None))
    return htmx.render("capacity/_month.html", month=shown, chosen=None, kept=kept, **_words())


def _page() -> Response:
    asked, workshop = Asked.read(request.args), planned_workshop(current_user, request.args)
    day = read_day(request.args.get("day"))
    return htmx.render(
        "capacity/month.html",
        "capacity/_capacity.html",
        workshop=workshop,
        workshops=workshops_to_pick(current_user),
        asked=asked,
        travel_choices=TRAVEL_MINUTES,
        services=TEXTS,
        month=month_of(asked.question(workshop.id), _first_of_month(day)),
        chosen=day,
        kept=asked.query() | picked(current_user, workshop),
        **_words(),
    )


def _first_of_month(day: date | None) -> date:
    """The month asked for, else that of the chosen day, else this one."""
    return (read_day(request.args.get("month")) or day or today_in(ZONE)).replace(day=1)


def _words() -> dict[str, Any]:
    return {"BLOCKS": BLOCKS, "LIMITS": LIMITS, "LIMIT_ICONS": LIMIT_ICONS, "today": today_in(ZONE)}
