"""The mailed link's door: this extension only, decided by POST only. It ends with the decision or with its time.

Whoever has just decided here sees the outcome for a while, in the same browser. The payment page keeps a card and
shows those that are kept: it is for the signed-in customer only.
"""

import uuid
from datetime import datetime, timedelta

from flask import Response, make_response, render_template
from flask import session as cookie

from b2c_web import htmx, live
from b2c_web.access import public
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.extensions import blueprint, commands, queries
from b2c_web.extensions.deciders import LinkEnded
from b2c_web.extensions.views import deciding
from b2c_web.extensions.views.deciding import Door
from b2c_web.flask_extensions import db

OUTCOME_SHOWN = timedelta(hours=1)
DECIDED = "decided_extensions"


def door(token: str) -> Door:
    """What the link opens, or the outcome for the browser that decided. Raises LinkEnded."""
    try:
        link = commands.open_link(token)
    except LinkEnded as ended:
        extension_id = ended.details.get("extension_id")
        if extension_id is None or not _decided_here(extension_id):
            raise
        return _door(None, extension_id, token)
    return _door(link, link.extension_id, token)


def _door(link: commands.Link | None, extension_id: uuid.UUID, token: str) -> Door:
    return Door(link, extension_id, queries.view_of, lambda booking_id: db.session.get_one(Booking, booking_id), token)


def _decided_here(extension_id: uuid.UUID) -> bool:
    decided_at = cookie.get(DECIDED, {}).get(str(extension_id))
    return bool(decided_at) and now_utc() < datetime.fromisoformat(decided_at) + OUTCOME_SHOWN


def _ended(ended: LinkEnded) -> Response:
    extension_id = ended.details.get("extension_id")
    known = queries.view_of(extension_id) if extension_id else None
    return htmx.render("extensions/link_ended.html", None, 410 if known else 404, extension=known)


def _quiet(answer: Response) -> Response:
    """The address is a key: it is kept out of caches and search engines; no page of ours tells it to other sites."""
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


@blueprint.errorhandler(LinkEnded)
def link_ended(ended: LinkEnded) -> Response:
    if live.asked():
        return _quiet(make_response(render_template("extensions/_ended.html")))
    return _quiet(make_response(_ended(ended)))


@blueprint.get("/e/<token>")
@public
def link_show(token: str) -> Response:
    return _quiet(deciding.look(door(token)))


@blueprint.get("/e/<token>/sum")
@public
def link_ticks(token: str) -> Response:
    return _quiet(deciding.sum_of_ticks(door(token)))


@blueprint.post("/e/<token>/approval")
@public
def link_approval(token: str) -> Response:
    here = door(token)
    return _quiet(deciding.approve(here, lambda: _outcome(here)))


@blueprint.post("/e/<token>/refusal")
@public
def link_refusal(token: str) -> Response:
    here = door(token)
    return _quiet(deciding.decline(here, lambda: _outcome(here)))


@blueprint.post("/e/<token>/question")
@public
def link_question(token: str) -> Response:
    return _quiet(deciding.ask(door(token)))


def _outcome(here: Door) -> Response:
    cookie[DECIDED] = {**cookie.get(DECIDED, {}), str(here.extension_id): now_utc().isoformat()}
    return htmx.see_other(here.url("show"))
