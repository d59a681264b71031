"""The first page of each staff role."""

from datetime import date, timedelta

from flask import Response, request
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.accounts.models import Role
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import today_in
from b2c_web.config import ZONE
from b2c_web.dashboard import blueprint, queries
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS
from b2c_web.workshops.queries import workshop_of


@blueprint.get("/workshop")
@requires("workshop.day")
def day() -> Response:
    today, search = today_in(ZONE), request.args.get("q", "").strip()
    shown = _asked_day(today)
    everywhere = current_user.role is Role.ADMIN
    return htmx.render(
        "dashboard/day.html",
        "dashboard/_day.html",
        day=queries.workshop_day(current_user, shown, today, search),
        search=search,
        today=today,
        before=shown - timedelta(days=1),
        after=shown + timedelta(days=1),
        workshop=None if everywhere else workshop_of(current_user.workshop_id),
        services=TEXTS,
        classes=CLASS_TEXTS,
        plate_of=queries.plate_of,
        is_fetched=queries.is_fetched,
    )


def _asked_day(today: date) -> date:
    """The day in the address, within ten years of today."""
    try:
        asked = date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return today
    return asked if abs(asked - today) < timedelta(days=3650) else today
