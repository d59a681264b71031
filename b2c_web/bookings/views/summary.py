"""Step 5: what was chosen, once more, and the button that books it."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Response, current_app, flash, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import htmx
from b2c_web.access import requires
from b2c_web.accounts.limits import network_here
from b2c_web.bookings import blueprint, calendar_view, drafts, steps
from b2c_web.bookings.claim import BookingRequest, PriceChanged, book
from b2c_web.bookings.forms import SummaryForm
from b2c_web.bookings.models import Booking, BookingDraft
from b2c_web.bookings.places import Place, PlaceTaken, drop_off_ready_at, instant
from b2c_web.bookings.queries import open_twin
from b2c_web.bookings.rules import withdrawal_ends
from b2c_web.bookings.views.frame import car_plate, offered_work, page, standing_wishes, step_draft
from b2c_web.bookings.wishes import WishGone
from b2c_web.catalog.queries import Price, price_for
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.errors import Conflict, TooMany
from b2c_web.flask_extensions import db
from b2c_web.money import contained_vat_cents
from b2c_web.workshops.models import TimeSlot, Workshop
from b2c_web.workshops.queries import Reach
from b2c_web.workshops.rules import Block


@blueprint.route("/book/<uuid:draft_id>/summary", methods=["GET", "POST"])
@requires("bookings.own")
def summary(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.summary")
    if instead:
        return instead
    form, reach = SummaryForm(), steps.reach_of(draft)
    if form.validate_on_submit():
        return _book(draft, reach, form)
    return _summary_page(draft, reach, form)


def _summary_page(draft: BookingDraft, reach: Reach, form: SummaryForm) -> Response:
    wished = standing_wishes(draft, offered_work(draft))
    price, held = _price(draft), drafts.hold_of(draft.id)
    if held:  # ordered already, at the price of then
        price = replace(price, base_cents=held.base_price, concierge_cents=held.concierge_price)
    total = price.total_cents(concierge=draft.include_concierge)
    form.shown_total_cents.data, form.shown.data = str(total), drafts.digest(draft)
    facts = {"price": price, "total_cents": total, "reach": reach, "wished": wished}
    facts["service"] = TEXTS[draft.service]  # type: ignore[index]
    facts["twin"], facts["held"] = _twin(draft), held
    return page("bookings/summary.html", draft, 5, form, **facts, **_dates(draft, reach), **_rules(draft, total))


def _twin(draft: BookingDraft) -> Booking | None:
    """A booking like this one that is still open: perhaps it was forgotten."""
    return open_twin(current_user, draft.service, draft.vehicle_id, car_plate(draft)) if draft.service else None


def _dates(draft: BookingDraft, reach: Reach) -> dict[str, Any]:
    slot = db.session.get_one(TimeSlot, draft.slot_id)
    back = db.session.get(TimeSlot, draft.return_slot_id) if draft.return_slot_id else None
    free_until = slot.start_time - timedelta(hours=current_app.config["FREE_CANCEL_HOURS"])
    ready_at = None if draft.include_concierge else _ready_at(draft, reach)
    workshop = db.session.get_one(Workshop, slot.workshop_id)
    early = slot.start_time <= withdrawal_ends(now_utc(), workshop.federal_state, current_app.config)
    return {"slot": slot, "back": back, "free_until": free_until, "ready_at": ready_at, "early": early}


def _ready_at(draft: BookingDraft, reach: Reach) -> datetime | None:
    """Also of a window that is taken by now, perhaps by this draft's own hold: the claim decides, and tells."""
    answer = calendar_view.ask(steps.question_of(draft, reach))
    offer = answer.with_returns(draft.slot_id) if draft.slot_id else None
    if offer is None:
        return None
    return instant(drop_off_ready_at(answer.judge.windows, offer.window, answer.judge.order))


def _rules(draft: BookingDraft, total_cents: int) -> dict[str, Any]:
    config = current_app.config
    vat = contained_vat_cents(total_cents, config["VAT_RATE_PERCENT"])
    return {"vat_cents": vat, "fee_cents": config["LATE_FEE_CENTS"]}


def _price(draft: BookingDraft) -> Price:
    question = steps.question_of(draft, steps.reach_of(draft))
    return price_for(question.service, question.vehicle_class, now_utc())


def _book(draft: BookingDraft, reach: Reach, form: SummaryForm) -> Response:
    if form.shown.data != drafts.digest(draft):
        flash(_("In einem anderen Fenster hat sich etwas geändert. Bitte sehen Sie es sich noch einmal an."), "warning")
        return htmx.see_other(url_for("bookings.summary", draft_id=draft.id))
    draft_id, wanted = draft.id, _request(draft, reach, form)
    try:
        booking_id = book(wanted)
    except PlaceTaken as taken:
        return _offer_others(draft_id, wanted, taken)
    except PriceChanged as changed:
        flash(changed.message, "warning")
        return htmx.see_other(url_for("bookings.summary", draft_id=draft_id))
    except WishGone:  # the summary takes it out, and says so
        return htmx.see_other(url_for("bookings.summary", draft_id=draft_id))
    except (Conflict, TooMany) as refusal:
        form.refuse(refusal)
        return _summary_page(drafts.draft_of(draft_id), reach, form)
    return htmx.see_other(url_for("bookings.payment", booking_id=booking_id))


def _request(draft: BookingDraft, reach: Reach, form: SummaryForm) -> BookingRequest:
    shown, point = form.shown_total_cents.data or "", reach.point
    if point is None or draft.slot_id is None:
        raise Conflict(_("Bitte wählen Sie Ihren Termin noch einmal."))
    return BookingRequest(
        user_id=current_user.id,
        draft_id=draft.id,
        network=network_here(),
        question=steps.question_of(draft, reach),
        slot_id=draft.slot_id,
        return_slot_id=draft.return_slot_id if draft.include_concierge else None,
        place=Place(draft.street or "", draft.postal_code or "", draft.city or "", point.lat, point.lng),
        customer_name=draft.name or "",
        customer_phone=draft.phone or "",
        shown_total_cents=int(shown) if shown.isdecimal() and len(shown) < 10 else -1,
        vehicle_id=draft.vehicle_id,
        car_details=draft.car_details,
        standing_limit_cents=draft.standing_limit_cents,
        early_start=draft.early_start,
        terms_version=draft.terms_version,
        wishes=tuple(draft.wishes),
    )


def _offer_others(draft_id: uuid.UUID, wanted: BookingRequest, taken: PlaceTaken) -> Response:
    """The window is gone: back to the calendar, which says so and names the nearest ones that are free."""
    drafts.save(draft_id, slot_id=None, return_slot_id=None)
    if wanted.return_slot_id and str(taken.details.get("block")) == Block.NO_RONJA:
        flash(taken.message, "warning")
    return htmx.see_other(url_for("bookings.date", draft_id=draft_id, slot=wanted.slot_id))
