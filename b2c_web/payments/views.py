"""The provider's webhook, and a customer's saved cards."""

import uuid

from flask import Response, current_app, flash, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import public, requires
from b2c_web.flask_extensions import csrf, limiter
from b2c_web.formatting import language
from b2c_web.forms import ActionForm, form_page, submitted
from b2c_web.payments import blueprint, commands, queries
from b2c_web.payments.forms import KindForm
from b2c_web.payments.setup_models import MethodKind
from b2c_web.payments.texts import method_name, setup_words


@blueprint.post("/payments/webhook")
@csrf.exempt
@limiter.exempt
@public
def webhook() -> Response:
    commands.receive_event(request.get_data(), request.headers.get("Stripe-Signature", ""))
    return Response(status=200)


@blueprint.get("/account/cards")
@requires("payment_methods.own")
def methods() -> Response:
    return _list(KindForm())


def _list(form: KindForm) -> Response:
    return form_page("payments/methods.html", form, methods=queries.methods_of(current_user), name_of=method_name)


@blueprint.post("/account/cards/new")
@requires("payment_methods.own")
def new() -> Response:
    """To the page where a card or an account is saved; nothing is charged there."""
    form, pages = KindForm(), list[str]()
    if submitted(form, lambda: pages.append(commands.open_setup(current_user, MethodKind(form.kind.data), _wish()))):
        return htmx.see_other(pages[0])
    return _list(form)


def _wish() -> commands.Wish:
    base = current_app.config["B2C_BASE_URL"]
    back, given_up = url_for("payments.returned"), url_for("payments.methods")
    return commands.Wish(f"{base}{back}", f"{base}{given_up}", language())


@blueprint.get("/account/cards/return")
@requires("payment_methods.own")
def returned() -> Response:
    setup_id = request.args.get("setup", type=uuid.UUID)
    if setup_id is not None:
        setup = commands.hear_of_setup(current_user, setup_id)
        flash(*setup_words(setup, queries.saved_method(setup)))
    return _back()


@blueprint.post("/account/cards/<uuid:method_id>/default")
@requires("payment_methods.own")
def default(method_id: uuid.UUID) -> Response:
    commands.make_default(current_user, method_id)
    flash(_("Diese Zahlungsart nehmen wir ab jetzt zuerst."), "success")
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
