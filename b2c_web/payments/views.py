"""The provider's webhook, and a customer's saved cards."""

import uuid

from flask import Response, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import public, requires
from b2c_web.flask_extensions import csrf, limiter
from b2c_web.payments import blueprint, commands, queries


@blueprint.post("/payments/webhook")
@csrf.exempt
@limiter.exempt
@public
def webhook() -> Response:
    commands.receive_event(request.get_data(), request.headers.get("Stripe-Signature", ""))
    return Response(status=200)


@blueprint.get("/account/cards")
@requires("payment_methods.own")
def cards() -> Response:
    return htmx.render("payments/cards.html", "payments/_cards.html", methods=queries.methods_of(current_user))


@blueprint.post("/account/cards/<uuid:method_id>/default")
@requires("payment_methods.own")
def default_card(method_id: uuid.UUID) -> Response:
    commands.make_default(current_user, method_id)
    flash(_("Diese Karte nehmen wir ab jetzt zuerst."), "good")
    return htmx.see_other(url_for("payments.cards"))


@blueprint.get("/account/cards/<uuid:method_id>/removal")
@requires("payment_methods.own")
def card_removal(method_id: uuid.UUID) -> Response:
    method = queries.method_of(current_user, method_id)
    return htmx.render("payments/removal.html", "payments/_removal.html", method=method)


@blueprint.post("/account/cards/<uuid:method_id>/removal")
@requires("payment_methods.own")
def remove_card(method_id: uuid.UUID) -> Response:
    commands.remove_method(current_user, method_id)
    flash(_("Die Karte ist gelöscht, auch beim Zahlungsdienst."), "good")
    return htmx.see_other(url_for("payments.cards"))
