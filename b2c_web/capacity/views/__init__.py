"""The pages of planning: month, day, weekly template."""

from typing import Any

from flask import Response, flash, request, url_for
from flask_babel import gettext as _

from b2c_web import htmx
from b2c_web.capacity import blueprint
from b2c_web.capacity.asking import ASKED_CLASS
from b2c_web.capacity.views import day, month, template
from b2c_web.catalog.queries import NotOffered, price_list
from b2c_web.clock import now_utc
from b2c_web.request_cycle import error_page

__all__ = ["day", "month", "template"]


@blueprint.errorhandler(NotOffered)
def _seen_for_another_service(refusal: NotOffered) -> Response:
    """The calendar is seen for a service that nobody can book: show it for one that is sold."""
    sold = [offer.service.value for offer in price_list(now_utc()) if ASKED_CLASS in offer.prices]
    if request.method != "GET" or not sold or request.endpoint is None:
        return error_page(refusal.status, refusal.message)
    flash(_("Dieser Service ist zurzeit nicht im Verkauf. Der Kalender zeigt, was für einen anderen frei ist."), "info")
    values: dict[str, Any] = {**request.args, "service": sold[0]}
    return htmx.see_other(url_for(request.endpoint, **values))
