"""A person's own page and data."""

from typing import Any, NamedTuple

from flask import Response, current_app, flash, render_template, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import formatting, htmx
from b2c_web.access import requires, signed_in
from b2c_web.accounts import blueprint, commands, forms, limits, queries
from b2c_web.accounts.contact import CodeForm
from b2c_web.accounts.models import Role
from b2c_web.forms import form_page, submitted


class Way(NamedTuple):
    """One line of the overview; shown only when its page exists."""

    endpoint: str
    icon: str
    title: Any
    more: Any = ""


@blueprint.get("/account")
@signed_in
def account() -> str:
    ways = _customers_ways() if current_user.role is Role.CUSTOMER else []
    shown = [way for way in ways + _everybodys_ways() if way.endpoint in current_app.view_functions]
    return render_template("accounts/account.html", ways=shown)


def _customers_ways() -> list[Way]:
    return [
        Way("bookings.mine", "calendar", _("Buchungen"), _("Termine, Verlauf, Belege")),
        Way("vehicles.cars", "car", _("Autos"), _("Kennzeichen, Fahrzeugschein")),
        Way("payments.methods", "card", _("Zahlungsarten"), _("Karten und SEPA-Mandate")),
        Way("accounts.addresses", "pin", _("Adressen"), _("Wo wir Ihr Auto abholen")),
        Way("notifications.mine", "message", _("Nachrichten"), _("Alles, was wir Ihnen geschrieben haben")),
        Way("accounts.profile", "user", _("Name, Telefon, Sprache"), current_user.name or _("Noch nichts eingetragen")),
        Way("accounts.email", "mail", _("E-Mail-Adresse"), current_user.email),
    ]


def _everybodys_ways() -> list[Way]:
    has_one = current_user.password_hash is not None
    return [
        Way("accounts.password", "lock", _("Passwort"), _("Gesetzt") if has_one else _("Keins, Sie bekommen Codes")),
        Way("accounts.sessions", "shield", _("Angemeldete Geräte"), _("Ansehen und abmelden")),
    ]


@blueprint.route("/account/profile", methods=["GET", "POST"])
@requires("account.own")
def profile() -> Response:
    phone = formatting.phone(current_user.phone) if current_user.phone else None
    form = forms.ProfileForm(name=current_user.name, phone=phone, language=current_user.language)
    if submitted(form, lambda: _save(form)):
        flash(_("Gespeichert."), "success")
        return htmx.see_other(url_for("accounts.account"))
    return form_page("accounts/profile.html", form)


def _save(form: forms.ProfileForm) -> None:
    language = form.language.data
    commands.update_profile(current_user, name=form.name.data, phone=form.phone_number, language=language)
    session["language"] = language


@blueprint.route("/account/email", methods=["GET", "POST"])
@requires("account.own")
def email() -> Response:
    form = forms.EmailForm()
    if submitted(form, lambda: _mail_code(form.address)):
        session["new_email"] = form.address
        return htmx.see_other(url_for("accounts.email_code"))
    return form_page("accounts/email.html", form)


def _mail_code(address: str) -> None:
    commands.request_email_code(current_user, address, formatting.language(), limits.network_here())


@blueprint.route("/account/email/code", methods=["GET", "POST"])
@requires("account.own")
def email_code() -> Response:
    address = session.get("new_email")
    if address is None:
        return htmx.see_other(url_for("accounts.email"))
    form = CodeForm()
    if submitted(form, lambda: commands.confirm_email(current_user, address, form.digits, limits.network_here())):
        session.pop("new_email")
        flash(_("Ihre Adresse ist jetzt %(address)s.", address=address), "success")
        return htmx.see_other(url_for("accounts.account"))
    valid_until = queries.code_valid_until(address)
    return form_page("accounts/email_code.html", form, email=address, valid_until=valid_until)
