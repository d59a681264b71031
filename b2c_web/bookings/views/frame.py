"""What the five steps share: the frame with its progress line, the way back to what is missing, the price so far."""

import math
import uuid
from typing import Any

from flask import Response, flash, make_response, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import formatting, htmx
from b2c_web.bookings import blueprint, calendar_view, drafts, reuse, steps, wishes
from b2c_web.bookings.availability import Question
from b2c_web.bookings.contacts import is_customer
from b2c_web.bookings.models import Booking, BookingDraft, BookingStatus
from b2c_web.bookings.naming import model_of
from b2c_web.catalog.queries import NotOffered, price_list
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.forms import Form, form_page
from b2c_web.vehicles.models import Vehicle
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS
from b2c_web.workshops.models import TimeSlot
from b2c_web.workshops.queries import Reach


def page(template: str, draft: BookingDraft | None, number: int, form: Form, **context: Any) -> Response:
    """A step's page with its progress line; 422 and the reasons when the form was refused."""
    frame = {"draft": draft, "steps": steps.progress(draft), "number": number, "classes": CLASS_TEXTS}
    return form_page(template, form, **frame, **car_of(draft), **context)


def car_plate(draft: BookingDraft | None) -> str:
    return car_of(draft)["car_plate"]


def car_of(draft: BookingDraft | None) -> dict[str, str]:
    """Plate and model of the saved car, or as far as they were typed."""
    if draft is None:
        return {"car_plate": "", "car_model": ""}
    car = db.session.get(Vehicle, draft.vehicle_id) if draft.vehicle_id else None
    plate = car.license_plate if car else str(draft.car_details.get("license_plate", ""))
    return {"car_plate": plate, "car_model": model_of(car, draft.car_details)}


def offered_work(draft: BookingDraft) -> list[wishes.OpenWork]:
    """What stayed open on the draft's car, for its signed-in owner alone."""
    return wishes.open_work(current_user.id, draft.vehicle_id) if is_customer() else []


def standing_wishes(draft: BookingDraft, offered: list[wishes.OpenWork]) -> list[wishes.OpenWork]:
    """What was ticked and is still open; the rest leaves the draft, and the page says so."""
    standing = [work for work in offered if work.key in draft.wishes]
    if is_customer() and len(standing) < len(draft.wishes):
        drafts.save(draft.id, wishes=[work.key for work in standing])
        flash(_("Ein Wunsch ist nicht mehr offen. Wir haben ihn aus Ihrer Liste genommen."), "warning")
    return standing


def step_draft(draft_id: uuid.UUID, endpoint: str) -> tuple[BookingDraft, Response | None]:
    """The draft, and where to go instead: to its booking, to a place we reach, or to the step that lacks something."""
    draft, booking_id, status = drafts.draft_with_booking(draft_id)
    if booking_id is not None and status is not BookingStatus.PENDING:
        return draft, htmx.see_other(url_for("bookings.show", booking_id=booking_id))
    if steps.is_past(endpoint, draft, is_customer()):
        return draft, htmx.see_other(url_for(steps.first_open(draft, is_customer()), draft_id=draft.id))
    reach = steps.reach_of(draft)
    if not reach.served:
        flash(too_far(reach), "warning")
        return draft, htmx.see_other(url_for("bookings.car", draft_id=draft.id))
    return draft, None


def go_on(draft_id: uuid.UUID) -> Response:
    """To the next step, or back to the check by who came from there and lacks nothing."""
    first = steps.first_open(drafts.draft_of(draft_id), is_customer())
    return htmx.see_other(url_for(first, draft_id=draft_id))


def calendar_fragment(
    question: Question, choice: calendar_view.Choice, *, waiting: bool = False, moving: Booking | None = None
) -> Response:
    """The calendar alone, for htmx: the same for everybody who asks the same, so it may be given out again.

    `moving`: for this booking, as `calendar_view.ask` has it; what it holds is in the rows that are watched.
    """

    def render() -> str:
        view = calendar_view.build(
            calendar_view.ask(question, moving), question, choice, waiting=waiting, moving=moving
        )
        return render_template("bookings/_date.html", calendar=view, form=None, fragment=True)

    shown = choice, waiting, formatting.language(), moving and (moving.id, moving.slot_id, moving.return_slot_id)
    return make_response(reuse.fragment(question, shown, render))


def is_complete(form: Form, view: calendar_view.CalendarView) -> bool:
    """Is a free window chosen, and with concierge a return window that was shown with it?"""
    if view.picked is None:
        words = _("Bitte wählen Sie ein anderes Zeitfenster.") if view.gone else _("Bitte wählen Sie ein Zeitfenster.")
        form.add_error("slot", words)
        return False
    if not view.concierge or form["back"].data in {str(line.slot_id) for line in view.returns}:
        return True
    view.asks_back = not form["back"].data
    form.add_error("back", _("Bitte prüfen Sie, wann Ihr Auto zurückkommen soll."))
    return False


def too_far(reach: Reach) -> str:
    if reach.workshop is None:
        return _("Zurzeit nimmt keine Werkstatt Aufträge an.")
    return _(
        "Bis %(plz)s sind es %(km)s km ab %(city)s. Wir kommen bis %(radius)s km weit.",
        plz=reach.postal_code,
        km=math.ceil(reach.distance_km),
        city=reach.workshop.city,
        radius=reach.workshop.service_radius,
    )


@blueprint.errorhandler(NotOffered)
def _choose_another_service(refusal: NotOffered) -> Response:
    """A service that is sold no longer: the draft goes back to step 2, which shows what there is."""
    draft_id = (request.view_args or {}).get("draft_id")
    if draft_id is None:
        raise NotFound from refusal
    drafts.save(draft_id, service=None)
    flash(refusal.message, "warning")
    return htmx.see_other(url_for("bookings.service", draft_id=draft_id))


def draft_on_offer() -> dict[str, Any]:
    """What somebody had begun, for "Weitermachen"."""
    latest = drafts.latest_draft()
    if latest is None or latest.postal_code is None:
        return {"latest": None}
    where = url_for(steps.first_open(latest, is_customer()), draft_id=latest.id)
    words = TEXTS[latest.service].name if latest.service else _("Ein Service")
    return {"latest": latest, "latest_href": where, "latest_service": words}


def when(draft: BookingDraft) -> str:
    """The window chosen, for the line below the price."""
    slot = db.session.get(TimeSlot, draft.slot_id) if draft.slot_id else None
    return formatting.day_window(slot.start_time, slot.end_time) if slot else ""


def total_of(draft: BookingDraft) -> int:
    """The price as it stands now for the pinned bar, 0 while it is not known."""
    offers = {offer.service: offer for offer in price_list(now_utc())}
    offer = offers.get(draft.service) if draft.service else None
    price = offer.prices.get(draft.vehicle_class) if offer and draft.vehicle_class else None
    return price.total_cents(concierge=draft.include_concierge) if price else 0


def lowest_total(wanted: str | None, kind: str | None, *, concierge: bool) -> int:
    """The least that somebody will pay, of the service that they came for and the class that they have ticked."""
    offers = price_list(now_utc())
    offers = [offer for offer in offers if offer.service == wanted] or offers
    prices = [(of, price) for offer in offers for of, price in offer.prices.items()]
    of_class = [price for of, price in prices if of == kind] or [price for _of, price in prices]
    return min((price.total_cents(concierge=concierge) for price in of_class), default=0)
