"""Password and sessions of whoever is signed in."""

import uuid
from datetime import timedelta

from flask import Response, current_app, flash, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from b2c_web import clock, htmx
from b2c_web.access import requires, signed_in
from b2c_web.accounts import blueprint, commands, forms, limits
from b2c_web.accounts import sessions as user_sessions
from b2c_web.accounts.browsers import browser_words
from b2c_web.forms import form_page, submitted

PROVEN_FOR = timedelta(minutes=10)


def _proven() -> bool:
    """Signed in with a mailed code just now: as good as knowing the password."""
    age = clock.now_utc().timestamp() - session.get("proven_at", 0)
    return 0 <= age < PROVEN_FOR.total_seconds()


@blueprint.route("/account/password", methods=["GET", "POST"])
@signed_in
def password() -> Response:
    form = forms.PasswordForm()
    if submitted(form, lambda: _set_password(form)):
        flash(_("Ihr neues Passwort gilt. Auf anderen Geräten sind Sie jetzt abgemeldet."), "success")
        return htmx.see_other(url_for("accounts.account"))
    facts = {"min_length": current_app.config["PASSWORD_MIN_LENGTH"], "asks_current": _asks_current()}
    return form_page("accounts/password.html", form, **facts)


def _asks_current() -> bool:
    return current_user.password_hash is not None and not _proven()


def _set_password(form: forms.PasswordForm) -> None:
    commands.set_password(current_user, form.password.data, form.current.data, limits.network_here(), proven=_proven())
    user_sessions.sign_in(current_user._get_current_object())  # with a new token here too


@blueprint.route("/account/password/removal", methods=["GET", "POST"])
@requires("account.own")
def password_removal() -> Response:
    form = forms.PasswordRemovalForm()
    if submitted(form, lambda: _remove_password(form)):
        flash(_("Ihr Passwort ist gelöscht. Sie melden sich wieder mit einem Code an."), "success")
        return htmx.see_other(url_for("accounts.account"))
    return form_page("accounts/password_removal.html", form, asks_current=_asks_current())


def _remove_password(form: forms.PasswordRemovalForm) -> None:
    here = limits.network_here()
    commands.remove_password(current_user, form.current.data, here, proven=_proven())


@blueprint.get("/account/sessions")
@signed_in
def sessions() -> str:
    mine = [(row, browser_words(row.user_agent)) for row in user_sessions.sessions_of(current_user)]
    return render_template("accounts/sessions.html", sessions=mine, this_id=user_sessions.this_session_id())


@blueprint.post("/account/sessions/<uuid:session_id>/revocation")
@signed_in
def revoke_session(session_id: uuid.UUID) -> Response:
    user_sessions.revoke(current_user, session_id)
    flash(_("Das Gerät ist abgemeldet."), "success")
    return htmx.see_other(url_for("accounts.sessions"))


@blueprint.post("/account/sessions/revocation")
@signed_in
def revoke_sessions() -> Response:
    keep_this = request.form.get("scope") == "others"
    ended = user_sessions.sign_out_everywhere(current_user, keep_this=keep_this)
    words = ngettext("Ein Gerät ist abgemeldet.", "%(num)s Geräte sind abgemeldet.", ended)
    flash(words, "success")
    return htmx.see_other(url_for("accounts.sessions" if keep_this else "landing.index"))
