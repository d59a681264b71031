"""Moving with consent: staff ask and see the answers; the customer answers on the page behind the mailed link."""

import uuid
from typing import Any

from flask import Response, current_app, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from itsdangerous import BadSignature, URLSafeSerializer

from b2c_web import htmx
from b2c_web.access import public, requires
from b2c_web.bookings.places import PlaceTaken
from b2c_web.capacity import blueprint, move_asking, moves, offers
from b2c_web.capacity.forms import AnswerForm, AskForm
from b2c_web.capacity.move_models import MoveOffer
from b2c_web.capacity.scope import picked, planned_workshop
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import Conflict
from b2c_web.forms import form_page, submitted

# -- staff


@blueprint.get("/moves")
@requires("capacity.plan")
def asked_moves() -> Response:
    workshop = planned_workshop(current_user, request.args)
    kept, asked = picked(current_user, workshop), move_asking.asked_moves(workshop.id)
    return htmx.render("capacity/moves.html", workshop=workshop, kept=kept, asked=asked, services=TEXTS)


@blueprint.route("/moves/<uuid:booking_id>", methods=["GET", "POST"])
@requires("capacity.plan")
def ask_to_move(booking_id: uuid.UUID) -> Response:
    """What the customer would be offered, with room for a reason; then the question itself."""
    form = AskForm(request.form if request.method == "POST" else request.args)
    ask, how = move_asking.ask_to_move, {"same_day": form.same_day.data}
    if submitted(form, lambda: ask(current_user, booking_id, form.reason.data or "", **how)):
        flash(_("Der Kunde ist gefragt."), "success")
        return htmx.see_other(url_for("capacity.asked_moves", workshop=request.args.get("workshop")))
    question = move_asking.question(current_user, booking_id, **how)
    workshop = question.booking.workshop
    kept = picked(current_user, workshop)
    return form_page("capacity/ask.html", form, question=question, workshop=workshop, kept=kept, services=TEXTS)


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
