"""Signing in and out, and the language switch."""

from flask import Response, current_app, flash, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import clock, formatting, htmx
from b2c_web.access import public
from b2c_web.accounts import blueprint, commands, doors, forms, limits, queries, rules, sessions
from b2c_web.accounts.contact import CodeForm
from b2c_web.accounts.models import User
from b2c_web.errors import TooMany
from b2c_web.forms import form_page, submitted
from b2c_web.request_cycle import LANGUAGES


@blueprint.route("/login", methods=["GET", "POST"])
@public
def login() -> Response:
    if current_user.is_authenticated:
        return htmx.see_other(doors.way_on(current_user, request.args.get("next")))
    form = forms.EmailForm(data={"next": request.args.get("next"), "email": session.get("pending_email")})
    if submitted(form, lambda: commands.request_code(form.address, formatting.language(), limits.network_here())):
        session["pending_email"] = form.address
        session["next"] = rules.safe_next(form.next.data)
        return htmx.see_other(url_for("accounts.code"))
    return form_page("accounts/login.html", form)


@blueprint.route("/login/code", methods=["GET", "POST"])
@public
def code() -> Response:
    email, target = session.get("pending_email"), session.get("next")
    if email is None:
        return htmx.see_other(url_for("accounts.login"))
    form = CodeForm()
    if submitted(form, lambda: sessions.sign_in(commands.enter_code(email, form.digits, limits.network_here()))):
        session["proven_at"] = clock.now_utc().timestamp()
        return htmx.see_other(doors.way_on(current_user, target))
    return _code_page(form, email)


@blueprint.post("/login/code/renewal")
@public
def new_code() -> Response:
    email = session.get("pending_email")
    if email is None:
        return htmx.see_other(url_for("accounts.login"))
    try:
        commands.request_code(email, formatting.language(), limits.network_here())
    except TooMany as refusal:
        form = CodeForm(formdata=None)
        form.refuse(refusal)
        return _code_page(form, email)
    flash(_("Ein neuer Code ist unterwegs. Der alte gilt nicht mehr."), "success")
    return htmx.see_other(url_for("accounts.code"))


def _code_page(form: CodeForm, email: str) -> Response:
    valid_until = queries.code_valid_until(email)
    return form_page("accounts/code.html", form, email=email, valid_until=valid_until, outbox_url=_outbox_url())


def _outbox_url() -> str | None:
    """Where a demo without a mail server shows what it would have mailed."""
    kept = current_app.config["DEMO_MODE"] and not current_app.config["MAIL_SERVER"]
    return url_for("notifications.outbox") if kept and "notifications.outbox" in current_app.view_functions else None


@blueprint.route("/login/password", methods=["GET", "POST"])
@public
def password_login() -> Response:
    return _sign_in_by_password("accounts/password_login.html")


@blueprint.route("/staff/login", methods=["GET", "POST"])
@public
def staff_login() -> Response:
    return _sign_in_by_password("accounts/staff_login.html")


def _sign_in_by_password(page: str) -> Response:
    if current_user.is_authenticated:
        return htmx.see_other(doors.way_on(current_user, request.args.get("next")))
    form = forms.PasswordLoginForm(data={"next": request.args.get("next"), "email": session.get("pending_email")})
    if submitted(form, lambda: sessions.sign_in(_checked(form))):
        return htmx.see_other(doors.way_on(current_user, form.next.data))
    return form_page(page, form)


def _checked(form: forms.PasswordLoginForm) -> User:
    return commands.check_password(form.address, form.password.data, limits.network_here())


@blueprint.post("/logout")
@public
def logout() -> Response:
    sessions.sign_out()
    flash(_("Sie sind abgemeldet."), "success")
    return htmx.see_other(url_for("landing.index"))


@blueprint.post("/language")
@public
def set_language() -> Response:
    language = request.form.get("language")
    if language in LANGUAGES:
        session["language"] = language
        if current_user.is_authenticated:
            commands.set_language(current_user, language)
    return htmx.see_other(rules.safe_next(request.form.get("next")) or url_for("landing.index"))
