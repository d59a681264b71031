"""Moving with consent: staff ask and see the answers; the customer answers on the page behind the mailed link."""

import uuid
from typing import Any

from flask import Response, current_app, flash, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer

from b2c_web import htmx
from b2c_web.access import public, requires
from b2c_web.bookings.places import PlaceTaken
from b2c_web.capacity import blueprint, moves, offers
from b2c_web.capacity.forms import AnswerForm, AskForm
from b2c_web.capacity.move_models import MoveOffer
from b2c_web.capacity.scope import picked, planned_workshop
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import Conflict, DomainError, Invalid
from b2c_web.forms import form_page
from b2c_web.workshops.models import Workshop

# -- staff


@blueprint.get("/moves")
@requires("capacity.plan")
def asked_moves() -> Response:
    return _list_page(AskForm(formdata=None), planned_workshop(current_user, request.args))


@blueprint.post("/moves")
@requires("capacity.plan")
def ask_to_move() -> Response:
    form, workshop = AskForm(), planned_workshop(current_user, request.values)
    kept: dict[str, Any] = {**picked(current_user, workshop)}
    if not form.validate_on_submit():
        return _list_page(form, workshop)
    asked, refusals = _ask_all(form)
    if not asked:
        form.refuse(refusals[-1])
        return _list_page(form, workshop)
    flash(ngettext("Ein Kunde ist gefragt.", "%(num)s Kunden sind gefragt.", asked), "success")
    for refusal in refusals:
        flash(refusal.message, "warning")
    return htmx.see_other(url_for("capacity.asked_moves", **kept))


def _ask_all(form: AskForm) -> tuple[int, list[DomainError]]:
    """Ask one customer after the other; each is a command of its own. How many were asked, and why others were not."""
    asked, refusals, staff = 0, list[DomainError](), current_user._get_current_object()
    for booking_id in form.booking_ids:
        try:
            moves.ask_to_move(staff, booking_id, form.reason.data or "", same_day=form.same_day.data)
            asked += 1
        except (Conflict, Invalid) as refusal:
            refusals.append(refusal)
    return asked, refusals


def _list_page(form: AskForm, workshop: Workshop) -> Response:
    asked = moves.asked_moves(workshop.id)
    kept = picked(current_user, workshop)
    return form_page("capacity/moves.html", form, workshop=workshop, kept=kept, asked=asked, services=TEXTS)


# -- the customer


@offers.route("/move/<token>", methods=["GET", "POST"])
@public
def move(token: str) -> Response:
    return _answer(moves.offer_by_token(token), url_for("offers.move", token=token))


@offers.route("/bookings/moves/<uuid:offer_id>", methods=["GET", "POST"])
@requires("bookings.own")
def own_move(offer_id: uuid.UUID) -> Response:
    return _answer(moves.offer_of_customer(current_user, offer_id), url_for("offers.own_move", offer_id=offer_id))


def _answer(offer: MoveOffer, here: str) -> Response:
    form, offer_id, gone = AnswerForm(), offer.id, False
    if form.validate_on_submit():
        try:
            if _act(offer_id, form):
                return htmx.see_other(here)
        except PlaceTaken:
            gone = True
        except Conflict as refusal:
            form.refuse(refusal)
    shown = moves.shown(moves.offer_by_id(offer_id))
    answer = form_page("capacity/move.html", form, **_facts(shown, here, gone))
    answer.headers["Cache-Control"] = "no-store"
    if gone:
        answer.status_code = 409
    return answer


def _act(offer_id: uuid.UUID, form: AnswerForm) -> bool:
    """Carry out what was pressed. False when no window was chosen."""
    if form.keep.data:
        moves.decline(offer_id)
        return True
    pair = _pair(offer_id, form.choice.data or "")
    if pair is None:
        form.add_error("choice", _("Bitte wählen Sie ein Fenster."))
        return False
    moves.accept(offer_id, pair)
    return True


def _facts(shown: moves.Shown, here: str, gone: bool) -> dict[str, Any]:
    signer = _signer(shown.offer.id)
    options = [(signer.dumps([str(part) if part else None for part in one.pair]), one) for one in shown.options]
    service = TEXTS[shown.booking.service].name
    return {"shown": shown, "options": options, "here": here, "gone": gone, "service": service}


def _signer(offer_id: uuid.UUID) -> URLSafeSerializer:
    """Only windows that this page has shown for this request can be chosen on it."""
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt=f"move-offer:{offer_id}")


def _pair(offer_id: uuid.UUID, value: str) -> moves.Pair | None:
    try:
        slot, back = _signer(offer_id).loads(value)
    except (BadSignature, ValueError):
        return None
    return uuid.UUID(slot), uuid.UUID(back) if back else None
