"""The customer's own door to an extension: signed in."""

import uuid
from functools import partial

from flask import Response, current_app, flash, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from b2c_web import htmx, live
from b2c_web.access import requires
from b2c_web.bookings.queries import own_booking
from b2c_web.errors import Busy, Conflict
from b2c_web.extensions import blueprint, commands, queries, wishes
from b2c_web.extensions.forms import MethodForm
from b2c_web.extensions.views import deciding
from b2c_web.extensions.views.deciding import Door
from b2c_web.extensions.views.shown import extensions_version
from b2c_web.formatting import language
from b2c_web.forms import ActionForm, form_page, submitted
from b2c_web.payments.commands import Wish, hear_of_setup, settle_payment
from b2c_web.payments.models import PaymentPurpose
from b2c_web.payments.queries import latest_payment, methods_of, saved_method
from b2c_web.payments.reasons import reason_message
from b2c_web.payments.texts import method_name, setup_words


def door(extension_id: uuid.UUID) -> Door:
    """The extension of one of the customer's own bookings. Raises NotFound."""
    return _unread_door(extension_id).checked()


def _unread_door(extension_id: uuid.UUID) -> Door:
    """For a decision, whose command checks whose it is."""
    read = partial(queries.visible_extension, current_user)
    return Door(current_user, extension_id, read, partial(own_booking, current_user))


@blueprint.get("/extensions/<uuid:extension_id>")
@requires("extensions.own")
def show(extension_id: uuid.UUID) -> Response:
    return deciding.look(door(extension_id))


@blueprint.get("/extensions/<uuid:extension_id>/sum")
@requires("extensions.own")
def ticks(extension_id: uuid.UUID) -> Response:
    return deciding.sum_of_ticks(door(extension_id))


@blueprint.post("/extensions/<uuid:extension_id>/approval")
@requires("extensions.own")
def approval(extension_id: uuid.UUID) -> Response:
    return deciding.approve(_unread_door(extension_id), lambda: _outcome(extension_id))


@blueprint.post("/extensions/<uuid:extension_id>/refusal")
@requires("extensions.own")
def refusal(extension_id: uuid.UUID) -> Response:
    return deciding.decline(_unread_door(extension_id), lambda: _outcome(extension_id))


@blueprint.post("/extensions/<uuid:extension_id>/question")
@requires("extensions.own")
def question(extension_id: uuid.UUID) -> Response:
    return deciding.ask(_unread_door(extension_id))


def _outcome(extension_id: uuid.UUID) -> Response:
    """To the extension, or straight to the payment when the bank wants the customer."""
    if queries.needs_customer_for_money(extension_id):
        return htmx.see_other(url_for("extensions.payment", extension_id=extension_id))
    return htmx.see_other(url_for("extensions.show", extension_id=extension_id))


@blueprint.route("/extensions/<uuid:extension_id>/objection", methods=["GET", "POST"])
@requires("extensions.own")
def objection(extension_id: uuid.UUID) -> Response:
    here, form = door(extension_id), ActionForm()
    if submitted(form, lambda: commands.object_to(current_user, extension_id)):
        flash(_("Ihr Widerspruch ist notiert. Davon wird nichts abgebucht."), "success")
        return htmx.see_other(here.url("show"))
    fresh = door(extension_id)
    return form_page("extensions/objection.html", form, door=fresh, extension=fresh.extension)


@blueprint.route("/extensions/<uuid:extension_id>/payment", methods=["GET", "POST"])
@requires("extensions.own")
def payment(extension_id: uuid.UUID) -> Response:
    chosen = request.args.get("method")
    here, form = door(extension_id), MethodForm(data={"method": chosen})
    if not here.extension.needs_customer_for_money:
        return htmx.see_other(here.url("show"))
    methods = methods_of(current_user)
    form.method.choices = [SelectChoice(str(one.id), method_name(one)) for one in methods]
    paying: list[commands.HoldWish] = []
    if submitted(form, lambda: paying.append(_choose(extension_id, form))):
        commands.authorize_now(paying[0])
        return _outcome_of_method(extension_id)
    fresh = door(extension_id)
    facts = {"door": fresh, "extension": fresh.extension, "reason": _reason(fresh)}
    kinds = {one.type for one in methods}
    is_new = any(str(one.id) == chosen for one in methods)
    return form_page("extensions/payment.html", form, **facts, kinds=kinds, is_new=is_new)


def _choose(extension_id: uuid.UUID, form: MethodForm) -> commands.HoldWish:
    return commands.choose_method(current_user, extension_id, uuid.UUID(form.method.data))


def _outcome_of_method(extension_id: uuid.UUID) -> Response:
    if queries.needs_customer_for_money(extension_id):
        flash(_("Auch damit hat es nicht geklappt. Auf der Zahlungsseite können Sie es bestätigen."), "warning")
    return _outcome(extension_id)


def _reason(here: Door) -> str:
    code = here.extension.failure_code
    return str(reason_message(code)) if code else ""


@blueprint.post("/extensions/<uuid:extension_id>/payment/page")
@requires("extensions.own")
def payment_page(extension_id: uuid.UUID) -> Response:
    """To the payment page that holds the money."""
    here, base = door(extension_id), current_app.config["B2C_BASE_URL"]
    pages = {"success_url": f"{base}{here.url('paid')}", "cancel_url": f"{base}{here.url('show')}"}
    try:
        address = commands.pay_link(current_user, extension_id, **pages, language=language())
    except Conflict as gone:
        flash(gone.message, "warning")
        return htmx.see_other(here.url("show"))
    return htmx.see_other(address)


@blueprint.post("/extensions/<uuid:extension_id>/payment/account")
@requires("extensions.own")
def payment_account(extension_id: uuid.UUID) -> Response:
    """To the page that saves a SEPA account; the customer says yes to it here afterwards."""
    here, base = door(extension_id), current_app.config["B2C_BASE_URL"]
    back, given_up = (url_for(f"extensions.{name}", extension_id=extension_id) for name in ("account_saved", "payment"))
    try:
        address = commands.account_page(
            current_user, extension_id, Wish(f"{base}{back}", f"{base}{given_up}", language())
        )
    except Conflict as gone:
        flash(gone.message, "warning")
        return htmx.see_other(here.url("show"))
    return htmx.see_other(address)


@blueprint.get("/extensions/<uuid:extension_id>/payment/account/return")
@requires("extensions.own")
def account_saved(extension_id: uuid.UUID) -> Response:
    door(extension_id)
    setup_id, method = request.args.get("setup", type=uuid.UUID), None
    if setup_id is not None:
        setup = hear_of_setup(current_user, setup_id)
        method = saved_method(setup)
        flash(*setup_words(setup, method))
    chosen = method.id if method else None
    return htmx.see_other(url_for("extensions.payment", extension_id=extension_id, method=chosen))


@blueprint.get("/extensions/<uuid:extension_id>/payment/return")
@requires("extensions.own")
def paid(extension_id: uuid.UUID) -> Response:
    here = door(extension_id)
    _settle_kindly(extension_id)
    return htmx.see_other(here.url("show"))


def _settle_kindly(extension_id: uuid.UUID) -> None:
    """Ask the provider now; when it does not answer, the webhook or the reconciliation will tell."""
    wanted = latest_payment(PaymentPurpose.EXTENSION, extension_id)
    if wanted is None:
        return
    try:
        settle_payment(wanted.id)
    except (Busy, Conflict):
        flash(_("Die Bestätigung Ihrer Bank steht noch aus. Wir schreiben Ihnen, sobald sie da ist."), "warning")


@blueprint.get("/bookings/<uuid:booking_id>/extensions")
@requires("extensions.own")
def on_booking(booking_id: uuid.UUID) -> Response:
    """The part of the booking's page that is about extensions."""
    booking = own_booking(current_user, booking_id)
    if not live.asked():
        return htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    version = extensions_version(queries.of_booking(booking_id), wishes.of_booking(booking))
    return live.answer(version, lambda: render_template("extensions/_on_booking.html", booking=booking))
