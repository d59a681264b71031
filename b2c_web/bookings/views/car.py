"""Step 1: which car, and where it stands."""

import uuid
from typing import Any

from flask import Response, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from b2c_web import htmx
from b2c_web.access import public
from b2c_web.bookings import blueprint, drafts, steps
from b2c_web.bookings.contacts import is_customer
from b2c_web.bookings.forms import CarForm
from b2c_web.bookings.models import BookingDraft
from b2c_web.bookings.views.frame import draft_on_offer, lowest_total, page, too_far
from b2c_web.catalog.models import ServiceType
from b2c_web.vehicles.models import Vehicle, VehicleClass
from b2c_web.vehicles.queries import vehicles_of
from b2c_web.workshops.queries import Reach, ReachKind, nearest_workshop


@blueprint.route("/book", methods=["GET", "POST"])
@public
def start() -> Response:
    if request.method == "GET" and htmx.wants_fragment():
        return _price_shown(None)
    form = _form(None)
    if request.method == "GET":
        form.postal_code.data = request.args.get("plz", form.postal_code.data)
        form.service.data = request.args.get("service")
    reach = _checked_reach(form)
    if reach is not None:
        draft_id = drafts.start_draft(**_facts(form), **_wanted_service(form))
        return htmx.see_other(url_for("bookings.service", draft_id=draft_id))
    return _page(None, form, **draft_on_offer())


@blueprint.route("/book/<uuid:draft_id>/car", methods=["GET", "POST"])
@public
def car(draft_id: uuid.UUID) -> Response:
    draft = drafts.draft_of(draft_id)
    if request.method == "GET" and htmx.wants_fragment():
        return _price_shown(draft)
    form = _form(draft)
    reach = _checked_reach(form)
    if reach is not None:
        facts = _facts(form)
        drafts.save(draft_id, **facts, **_what_falls(draft, facts), **_wishes_fall(draft, facts))
        if steps.first_open(drafts.draft_of(draft_id), is_customer()) == steps.SUMMARY:  # where "ändern" was pressed
            return htmx.see_other(url_for(steps.SUMMARY, draft_id=draft_id))
        return htmx.see_other(url_for("bookings.service", draft_id=draft_id))
    return _page(draft, form)


def _page(draft: BookingDraft | None, form: CarForm, **context: Any) -> Response:
    cars = _cars()
    shown = _price(draft, cars, form.service.data, form.vehicle.data, form.vehicle_class.data)
    return page("bookings/car.html", draft, 1, form, cars=cars, shown=shown, **context)


def _price_shown(draft: BookingDraft | None) -> Response:
    """The pinned sum for the car that is ticked on the page."""
    ticked = (request.args.get(name) for name in ("service", "vehicle", "vehicle_class"))
    return htmx.render("bookings/_service_price.html", shown=_price(draft, _cars(), *ticked))


def _price(
    draft: BookingDraft | None, cars: list[Vehicle], service: str | None, car_id: str | None, kind: str | None
) -> dict[str, Any]:
    car = next((one for one in cars if str(one.id) == car_id), None)
    wanted = service or (draft.service if draft else None)
    concierge = draft is None or draft.include_concierge
    cents = lowest_total(wanted, car.vehicle_class if car else kind, concierge=concierge)
    note = _("mindestens, inkl. MwSt. und Abholung") if concierge else _("mindestens, inkl. MwSt.")
    return {"total_cents": cents, "note": note}


def _cars() -> list[Vehicle]:
    return vehicles_of(current_user) if is_customer() else []


def _form(draft: BookingDraft | None) -> CarForm:
    cars = _cars()
    form = CarForm(data=_known(draft, cars))
    form.car_ids = frozenset(str(one.id) for one in cars)
    form.vehicle.choices = [SelectChoice(key) for key in (*form.car_ids, "new")]
    form.vehicle_class.choices = [SelectChoice(one.value) for one in VehicleClass]
    if not cars:
        form.vehicle.data = "new"
    return form


def _known(draft: BookingDraft | None, cars: list[Vehicle]) -> dict[str, Any]:
    """What was said before; without a draft the customer's usual car and place."""
    if draft is not None:
        places = {"postal_code": draft.postal_code, "nearby_postal_code": draft.nearby_postal_code}
        car = {"vehicle": str(draft.vehicle_id or "new"), "vehicle_class": draft.vehicle_class}
        return places | car | draft.car_details
    if not is_customer():
        return {}
    place = drafts.address_in(current_user, None)
    return {"vehicle": str(cars[0].id) if cars else "new", "postal_code": place.postal_code if place else None}


def _checked_reach(form: CarForm) -> Reach | None:
    """The workshop that serves the place, or None with a kind, exact answer in the form."""
    if not form.validate_on_submit():
        return None
    nearby = form.nearby_postal_code.data or None
    reach = nearest_workshop(form.postal_code.data, nearby)
    if reach.served:
        return reach
    if reach.kind is not ReachKind.UNKNOWN_CODE:
        form.add_error("postal_code", too_far(reach))
    elif nearby:
        words = _("Auch diese Postleitzahl kennen wir nicht. Bitte nennen Sie eine andere.")
        form.add_error("nearby_postal_code", words)
    else:
        form.asks_nearby = True
        words = _("Diese Postleitzahl kennen wir nicht. Bitte nennen Sie darunter eine Postleitzahl in der Nähe.")
        form.add_error("postal_code", words)
    return None


def _facts(form: CarForm) -> dict[str, Any]:
    chosen = next((one for one in _cars() if str(one.id) == form.vehicle.data), None)
    return {
        "postal_code": form.postal_code.data,
        "nearby_postal_code": form.nearby_postal_code.data or None,
        "vehicle_id": chosen.id if chosen else None,
        "vehicle_class": chosen.vehicle_class if chosen else VehicleClass(form.vehicle_class.data),
        "car_details": {} if chosen else form.details(),
    }


def _wanted_service(form: CarForm) -> dict[str, Any]:
    wanted = form.service.data
    return {"service": ServiceType(wanted)} if wanted in ServiceType.__members__ else {}


def _wishes_fall(draft: BookingDraft, facts: dict[str, Any]) -> dict[str, Any]:
    """What was wished for one car is not wished for another."""
    return {} if facts["vehicle_id"] == draft.vehicle_id else {"wishes": []}


def _what_falls(draft: BookingDraft, facts: dict[str, Any]) -> dict[str, Any]:
    """What another place undoes: the date, since the way there may take longer, and with its own code the street."""
    falls = {"slot_id": None, "return_slot_id": None}
    if draft.postal_code == facts["postal_code"]:
        return {} if draft.nearby_postal_code == facts["nearby_postal_code"] else falls
    place = drafts.address_in(current_user, facts["postal_code"]) if is_customer() else None
    return falls | {"street": place.street if place else None, "city": place.city if place else None}
