"""Steps 2 and 3: which service, and when."""

import uuid
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext as _
from wtforms.fields.choices import SelectChoice

from b2c_web import formatting, htmx
from b2c_web.access import public
from b2c_web.bookings import blueprint, calendar_view, drafts, steps
from b2c_web.bookings.contacts import is_customer
from b2c_web.bookings.forms import DateForm, ServiceForm
from b2c_web.bookings.models import BookingDraft
from b2c_web.bookings.views.frame import (
    calendar_fragment,
    go_on,
    is_complete,
    offered_work,
    page,
    standing_wishes,
    step_draft,
)
from b2c_web.bookings.wishes import OpenWork, WishGone
from b2c_web.catalog.models import ServiceType
from b2c_web.catalog.queries import Offer, price_list
from b2c_web.clock import now_utc


@blueprint.route("/book/<uuid:draft_id>/service", methods=["GET", "POST"])
@public
def service(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.service")
    if instead:
        return instead
    offers = [offer for offer in price_list(now_utc()) if draft.vehicle_class in offer.prices]
    form = ServiceForm(data={"service": draft.service, "concierge": "1" if draft.include_concierge else "0"})
    form.service.choices = [SelectChoice(offer.service.value) for offer in offers]
    if request.method == "GET" and htmx.wants_fragment():
        return htmx.render("bookings/_service_price.html", shown=_shown_price(offers, draft, form), fragment=True)
    open_work = offered_work(draft)
    if form.validate_on_submit() and _may_wish(form, open_work):
        facts, slot_id, back_id = _service_facts(draft, form), draft.slot_id, draft.return_slot_id
        drafts.save(draft_id, **facts)
        if slot_id and "slot_id" in facts:  # what was chosen stays, where it still fits
            return htmx.see_other(url_for("bookings.date", draft_id=draft_id, slot=slot_id, back=back_id, before=1))
        return go_on(draft_id)
    if not form.is_submitted():
        form.wish.data = [work.key for work in standing_wishes(draft, open_work)]
    facts = {"offers": offers, "shown": _shown_price(offers, draft, form), "open_work": open_work}
    return page("bookings/service.html", draft, 2, form, reach=steps.reach_of(draft), **facts)


def _may_wish(form: ServiceForm, open_work: list[OpenWork]) -> bool:
    """Is everything that was ticked still open for this person and this car? Else the form says what to do."""
    known = {work.key for work in open_work}
    ticked = list(dict.fromkeys(form.wish.data or []))
    form.wish.data = [key for key in ticked if key in known]
    if form.wish.data == ticked:
        return True
    signed_out = _("Bitte melden Sie sich wieder an: Nur dann können wir Ihre Wünsche zu diesem Auto übernehmen.")
    words = WishGone.message if is_customer() else signed_out
    if open_work:
        form.add_error("wish", words)
    else:  # the page has no list to lead to
        form.form_errors.append(words)
    return False


def _service_facts(draft: BookingDraft, form: ServiceForm) -> dict[str, Any]:
    facts: dict[str, Any] = {"service": ServiceType(form.service.data), "include_concierge": form.concierge.data == "1"}
    if is_customer():
        facts["wishes"] = form.wish.data
    if facts["service"] is not draft.service or facts["include_concierge"] is not draft.include_concierge:
        facts |= {"slot_id": None, "return_slot_id": None}
    return facts


def _shown_price(offers: list[Offer], draft: BookingDraft, form: ServiceForm) -> dict[str, Any]:
    """The pinned sum for what is ticked in the form, in the address, or in the draft."""
    service = request.args.get("service") or form.service.data
    concierge = (request.args.get("concierge") or form.concierge.data or "1") == "1"
    chosen = next((offer for offer in offers if offer.service == service), None)
    price = chosen.prices[draft.vehicle_class] if chosen and draft.vehicle_class else None
    if chosen is None or price is None:
        prices = [one for offer in offers for kind, one in offer.prices.items() if kind is draft.vehicle_class]
        lowest = min((one.total_cents(concierge=True) for one in prices), default=0)
        extra = _concierge_span([one.concierge_cents for one in prices])
        return {"total_cents": lowest, "note": _("mindestens, inkl. MwSt. und Abholung"), "concierge_price": extra}
    note = _("%(service)s mit Abholung", service=chosen.name) if concierge else chosen.name
    extra = _concierge_span([price.concierge_cents])
    return {"total_cents": price.total_cents(concierge=concierge), "note": note, "concierge_price": extra}


def _concierge_span(cents: list[int]) -> str:
    """What being collected adds: of the chosen service, or of all of them while none is chosen."""
    low, high = min(cents, default=0), max(cents, default=0)
    if not high:
        return _("inbegriffen")
    if low in (0, high):
        return formatting.eur(high) if low else _("bis %(price)s", price=formatting.eur(high))
    return _("%(low)s bis %(high)s", low=formatting.eur(low), high=formatting.eur(high))


@blueprint.route("/book/<uuid:draft_id>/date", methods=["GET", "POST"])
@public
def date(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.date")
    if instead:
        return instead
    question = steps.question_of(draft, steps.reach_of(draft))
    choice = calendar_view.Choice.read(request.args, draft.slot_id, draft.return_slot_id)
    if htmx.wants_fragment() and request.method == "GET":
        return calendar_fragment(question, choice, waiting=True)
    form = DateForm()
    if form.is_submitted():  # what it says, else the address, and without one what was chosen before
        choice = calendar_view.Choice.read(form.data)
    view = calendar_view.build(calendar_view.ask(question), question, choice, waiting=True)
    if form.validate_on_submit() and is_complete(form, view):
        back = view.back.slot_id if view.back else None
        drafts.save(draft_id, slot_id=view.picked.slot_id if view.picked else None, return_slot_id=back)
        return go_on(draft_id)
    return page("bookings/date.html", draft, 3, form, calendar=view)
