"""Step 4: where to, who, and the mailed code instead of a password."""

import uuid

from flask import Response, flash, session, url_for
from flask_babel import gettext as _

from b2c_web import clock, formatting, htmx
from b2c_web.access import public
from b2c_web.accounts import commands as accounts
from b2c_web.accounts import sessions
from b2c_web.accounts.contact import CodeForm, ContactForm
from b2c_web.accounts.limits import network_here
from b2c_web.accounts.queries import code_valid_until
from b2c_web.bookings import blueprint, contacts, drafts, steps
from b2c_web.bookings.contacts import is_customer
from b2c_web.bookings.models import BookingDraft
from b2c_web.bookings.views.frame import page, step_draft, total_of, when
from b2c_web.errors import TooMany
from b2c_web.forms import submitted


@blueprint.route("/book/<uuid:draft_id>/contact", methods=["GET", "POST"])
@public
def contact(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.contact")
    if instead:
        return instead
    form = contacts.form_of(draft)
    if form.validate_on_submit():
        drafts.save(draft_id, **contacts.facts_of(form))
        if is_customer():
            return htmx.see_other(url_for("bookings.summary", draft_id=draft_id))
        if _send_code(form):
            return htmx.see_other(url_for("bookings.code", draft_id=draft_id))
    bar = {"price": total_of(draft), "note": when(draft)}
    return page("bookings/contact.html", draft, 4, form, signed_in=is_customer(), **bar)


def _send_code(form: ContactForm) -> bool:
    return submitted(form, lambda: accounts.request_code(form.email.data, formatting.language(), network_here()))


@blueprint.route("/book/<uuid:draft_id>/code", methods=["GET", "POST"])
@public
def code(draft_id: uuid.UUID) -> Response:
    draft = drafts.draft_of(draft_id)
    if is_customer() or not draft.email:
        return htmx.see_other(url_for(steps.first_open(draft, is_customer()), draft_id=draft_id))
    form, email = CodeForm(), draft.email
    if submitted(form, lambda: sessions.sign_in(accounts.enter_code(email, form.digits, network_here()))):
        session["proven_at"] = clock.now_utc().timestamp()
        drafts.adopt(draft_id)
        return htmx.see_other(url_for("bookings.summary", draft_id=draft_id))
    return _code_page(draft, form, email)


@blueprint.post("/book/<uuid:draft_id>/code/renewal")
@public
def new_code(draft_id: uuid.UUID) -> Response:
    draft = drafts.draft_of(draft_id)
    if draft.email:
        try:
            accounts.request_code(draft.email, formatting.language(), network_here())
        except TooMany as refusal:
            form = CodeForm(formdata=None)
            form.refuse(refusal)
            return _code_page(draft, form, draft.email)
        flash(_("Ein neuer Code ist unterwegs. Der alte gilt nicht mehr."), "success")
    return htmx.see_other(url_for("bookings.code", draft_id=draft_id))


def _code_page(draft: BookingDraft, form: CodeForm, email: str) -> Response:
    return page("bookings/code.html", draft, 4, form, email=email, valid_until=code_valid_until(email))
