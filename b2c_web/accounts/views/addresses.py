"""A customer's addresses."""

import uuid

from flask import Response, flash, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.accounts import blueprint, commands, forms, queries
from b2c_web.forms import ActionForm, form_page, submitted


@blueprint.get("/account/addresses")
@requires("account.own")
def addresses() -> str:
    return render_template("accounts/addresses.html", addresses=queries.addresses_of(current_user))


@blueprint.route("/account/addresses/new", methods=["GET", "POST"])
@requires("account.own")
def new_address() -> Response:
    form = forms.AddressForm()
    if submitted(form, lambda: commands.add_address(current_user, **form.facts())):
        flash(_("Die Adresse ist gespeichert."), "success")
        return _back()
    return form_page("accounts/address.html", form, address=None)


@blueprint.route("/account/addresses/<uuid:address_id>", methods=["GET", "POST"])
@requires("account.own")
def address(address_id: uuid.UUID) -> Response:
    found = queries.address_of(current_user, address_id)
    form = forms.AddressForm(obj=found)
    if submitted(form, lambda: commands.edit_address(current_user, address_id, **form.facts())):
        flash(_("Die Adresse ist gespeichert."), "success")
        return _back()
    return form_page("accounts/address.html", form, address=found)


@blueprint.route("/account/addresses/<uuid:address_id>/removal", methods=["GET", "POST"])
@requires("account.own")
def address_removal(address_id: uuid.UUID) -> Response:
    found = queries.address_of(current_user, address_id)
    form = ActionForm()
    if submitted(form, lambda: commands.remove_address(current_user, address_id)):
        flash(_("Die Adresse ist gelöscht."), "success")
        return _back()
    return form_page("accounts/address_removal.html", form, address=found)


def _back() -> Response:
    return htmx.see_other(url_for("accounts.addresses"))
