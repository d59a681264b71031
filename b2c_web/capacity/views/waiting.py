"""The waiting list: joined from the booking's calendar, seen in the account and by the workshop."""

import uuid
from datetime import date

from flask import Response, flash, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import clock, formatting, htmx
from b2c_web.access import public, requires
from b2c_web.accounts import commands as accounts
from b2c_web.accounts import sessions
from b2c_web.accounts.contact import CodeForm, ContactForm
from b2c_web.accounts.limits import network_here
from b2c_web.accounts.queries import code_valid_until
from b2c_web.bookings import contacts, drafts, steps
from b2c_web.bookings.models import BookingDraft
from b2c_web.bookings.places import Place
from b2c_web.capacity import blueprint, offers, waiting
from b2c_web.capacity.asking import read_day
from b2c_web.capacity.scope import picked, planned_workshop
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import DomainError, Invalid, TooMany
from b2c_web.forms import ActionForm, form_page, submitted
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS


@offers.route("/book/<uuid:draft_id>/waiting", methods=["GET", "POST"])
@public
def join_waiting(draft_id: uuid.UUID) -> Response:
    draft, day = drafts.draft_of(draft_id), read_day(request.values.get("day"))
    instead = _too_early(draft, day)
    if instead or day is None:
        return htmx.see_other(instead)
    form = contacts.form_of(draft)
    if form.validate_on_submit():
        drafts.save(draft_id, **contacts.facts_of(form))
        if contacts.is_customer():
            return _join(draft_id, day, form)
        if submitted(form, lambda: accounts.request_code(form.email.data, formatting.language(), network_here())):
            return htmx.see_other(url_for("offers.waiting_code", draft_id=draft_id, day=day.isoformat()))
    return _page(draft_id, day, form)


def _too_early(draft: BookingDraft, day: date | None) -> str:
    """Where to go instead: to the step that lacks something, or to the calendar when no day is named."""
    if steps.is_past("bookings.date", draft, contacts.is_customer()):
        return url_for(steps.first_open(draft, contacts.is_customer()), draft_id=draft.id)
    if not steps.reach_of(draft).served:
        return url_for("bookings.car", draft_id=draft.id)
    return url_for("bookings.date", draft_id=draft.id) if day is None else ""


def _page(draft_id: uuid.UUID, day: date, form: ContactForm) -> Response:
    draft = drafts.draft_of(draft_id)
    words = {"service": TEXTS[draft.service], "vehicle_class": CLASS_TEXTS[draft.vehicle_class]}  # type: ignore[index]
    return form_page(
        "capacity/waiting_join.html", form, draft=draft, day=day, signed_in=contacts.is_customer(), **words
    )


def _join(draft_id: uuid.UUID, day: date, form: ContactForm | None = None) -> Response:
    """Put the signed-in customer on the list; when the day is not full any more, the calendar offers it."""
    try:
        waiting.join(_wanted(drafts.draft_of(draft_id), day))
    except waiting.NotFull as free:
        flash(free.message, "success")
        return htmx.see_other(url_for("bookings.date", draft_id=draft_id, day=day.isoformat()))
    except DomainError as refusal:
        if form is None:
            flash(refusal.message, "warning")
            return htmx.see_other(url_for("bookings.date", draft_id=draft_id))
        form.refuse(refusal)
        return _page(draft_id, day, form)
    flash(_("Sie stehen für %(day)s auf der Warteliste.", day=formatting.day(day)), "success")
    return htmx.see_other(url_for("offers.my_waiting"))


def _wanted(draft: BookingDraft, day: date) -> waiting.Wanted:
    reach = steps.reach_of(draft)
    if reach.point is None:
        raise Invalid
    if not steps.has_agreed(draft) or draft.terms_version is None:
        raise Invalid(_("Bitte stimmen Sie den AGB zu."), field="terms")
    return waiting.Wanted(
        user_id=current_user.id,
        day=day,
        question=steps.question_of(draft, reach),
        place=Place(draft.street or "", draft.postal_code or "", draft.city or "", reach.point.lat, reach.point.lng),
        customer_name=draft.name or "",
        customer_phone=draft.phone or "",
        vehicle_id=draft.vehicle_id,
        car_details=draft.car_details,
        standing_limit_cents=draft.standing_limit_cents,
        early_start=draft.early_start,
        terms_version=draft.terms_version,
    )


@offers.route("/book/<uuid:draft_id>/waiting/code", methods=["GET", "POST"])
@public
def waiting_code(draft_id: uuid.UUID) -> Response:
    draft, day = drafts.draft_of(draft_id), read_day(request.values.get("day"))
    instead = _too_early(draft, day)
    if instead or day is None:
        return htmx.see_other(instead)
    if contacts.is_customer() or not (draft.email and draft.street and draft.name):
        return htmx.see_other(url_for("offers.join_waiting", draft_id=draft_id, day=day.isoformat()))
    form, email = CodeForm(), draft.email
    if submitted(form, lambda: sessions.sign_in(accounts.enter_code(email, form.digits, network_here()))):
        session["proven_at"] = clock.now_utc().timestamp()
        drafts.adopt(draft_id)
        return _join(draft_id, day)
    facts = {"draft": draft, "day": day, "email": email, "valid_until": code_valid_until(email)}
    return form_page("capacity/waiting_code.html", form, **facts)


@offers.post("/book/<uuid:draft_id>/waiting/code/renewal")
@public
def new_waiting_code(draft_id: uuid.UUID) -> Response:
    draft = drafts.draft_of(draft_id)
    if draft.email:
        try:
            accounts.request_code(draft.email, formatting.language(), network_here())
            flash(_("Ein neuer Code ist unterwegs. Der alte gilt nicht mehr."), "success")
        except TooMany as refusal:
            flash(refusal.message, "warning")
    return htmx.see_other(url_for("offers.waiting_code", draft_id=draft_id, day=request.form.get("day")))


# -- the customer's own list


@offers.get("/account/waiting")
@requires("bookings.own")
def my_waiting() -> Response:
    return _my_page(ActionForm(formdata=None))


@offers.post("/account/waiting/<uuid:entry_id>/leaving")
@requires("bookings.own")
def leave_waiting(entry_id: uuid.UUID) -> Response:
    form = ActionForm()
    if submitted(form, lambda: waiting.leave(current_user, entry_id)):
        flash(_("Sie warten nicht mehr auf diesen Tag."), "success")
        return htmx.see_other(url_for("offers.my_waiting"))
    return _my_page(form)


def _my_page(form: ActionForm) -> Response:
    return form_page("capacity/waiting_mine.html", form, entries=waiting.entries_of(current_user), services=TEXTS)


# -- the workshop


@blueprint.get("/waiting")
@requires("capacity.plan")
def waiting_list() -> Response:
    workshop = planned_workshop(current_user, request.args)
    lines, kept = waiting.waiting_at(workshop.id), picked(current_user, workshop)
    return htmx.render("capacity/waiting.html", workshop=workshop, kept=kept, lines=lines, services=TEXTS)
