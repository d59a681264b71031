"""Step 4: where to, who, and the mailed code instead of a password."""

import uuid
from typing import Any

from flask import Response, flash, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import clock, formatting, htmx
from b2c_web.access import public
from b2c_web.accounts import commands as accounts
from b2c_web.accounts import sessions
from b2c_web.accounts.contact import CodeForm, ContactForm
from b2c_web.accounts.limits import network_here
from b2c_web.accounts.queries import code_valid_until
from b2c_web.bookings import blueprint, drafts, steps
from b2c_web.bookings.models import BookingDraft
from b2c_web.bookings.views.frame import is_customer, page, step_draft, total_of, when
from b2c_web.errors import TooMany
from b2c_web.forms import submitted


@blueprint.route("/book/<uuid:draft_id>/contact", methods=["GET", "POST"])
@public
def contact(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.contact")
    if instead:
        return instead
    form = ContactForm(data=_known(draft))
    if is_customer():
        form.email.data = current_user.email
    if form.validate_on_submit():
        drafts.save(draft_id, **_facts(form))
        if is_customer():
            return htmx.see_other(url_for("bookings.summary", draft_id=draft_id))
        if _send_code(form):
            return htmx.see_other(url_for("bookings.code", draft_id=draft_id))
    bar = {"price": total_of(draft), "note": when(draft)}
    return page("bookings/contact.html", draft, 4, form, signed_in=is_customer(), **bar)


def _known(draft: BookingDraft) -> dict[str, Any]:
    """What was said before; what is missing comes from the account."""
    names = ("name", "phone", "street", "city", "email")
    known = {name: getattr(draft, name) for name in names}
    if is_customer():
        place = drafts.address_in(current_user, draft.postal_code)
        account = {"name": current_user.name, "phone": formatting.phone(current_user.phone or "")}
        account |= {"street": place.street, "city": place.city} if place else {}
        known |= {name: value for name, value in account.items() if not known[name]}
    return known | {"standing_limit": draft.standing_limit_cents, "early_start": draft.early_start}


def _facts(form: ContactForm) -> dict[str, Any]:
    names = ("name", "email", "phone", "street", "city", "early_start")
    facts = {name: form[name].data for name in names} | {"standing_limit_cents": form.standing_limit.data}
    return facts | ({"user_id": current_user.id} if is_customer() else {})


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
