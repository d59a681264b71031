"""The provider's webhook, and a customer's saved cards."""

import uuid

from flask import Response, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import public, requires
from b2c_web.flask_extensions import csrf, limiter
from b2c_web.forms import ActionForm, form_page, submitted
from b2c_web.payments import blueprint, commands, queries
from b2c_web.payments.texts import method_name


@blueprint.post("/payments/webhook")
@csrf.exempt
@limiter.exempt
@public
def webhook() -> Response:
    commands.receive_event(request.get_data(), request.headers.get("Stripe-Signature", ""))
    return Response(status=200)


@blueprint.get("/account/cards")
@requires("payment_methods.own")
def methods() -> str:
    return render_template("payments/methods.html", methods=queries.methods_of(current_user), name_of=method_name)


@blueprint.post("/account/cards/<uuid:method_id>/default")
@requires("payment_methods.own")
def default(method_id: uuid.UUID) -> Response:
    commands.make_default(current_user, method_id)
    flash(_("Diese Karte nehmen wir ab jetzt zuerst."), "success")
    return _back()


@blueprint.route("/account/cards/<uuid:method_id>/removal", methods=["GET", "POST"])
@requires("payment_methods.own")
def removal(method_id: uuid.UUID) -> Response:
    found = queries.method_of(current_user, method_id)
    name = method_name(found)
    form = ActionForm()
    if submitted(form, lambda: commands.remove_method(current_user, method_id)):
        flash(_("%(name)s ist gelöscht, bei uns und beim Zahlungsdienst.", name=name), "success")
        return _back()
    return form_page("payments/removal.html", form, method=found, name=name)


def _back() -> Response:
    return htmx.see_other(url_for("payments.methods"))
