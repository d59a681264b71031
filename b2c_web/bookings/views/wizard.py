"""Steps 1 to 4 of booking. Every step saves what it was told and leads on; back keeps everything."""

import uuid
from typing import Any

from flask import Response, flash, g, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user

from b2c_web import formatting, htmx
from b2c_web.access import public
from b2c_web.accounts import commands as accounts
from b2c_web.accounts import sessions
from b2c_web.accounts.limits import network_here
from b2c_web.accounts.models import Role
from b2c_web.accounts.queries import code_valid_until
from b2c_web.bookings import blueprint, calendar_view, drafts, steps
from b2c_web.bookings.forms import CarForm, CodeForm, ContactForm, DateForm, ServiceForm
from b2c_web.bookings.models import BookingDraft, BookingStatus
from b2c_web.catalog.models import ServiceType
from b2c_web.catalog.queries import Offer as ServiceOffer
from b2c_web.catalog.queries import from_price_cents, price_list
from b2c_web.catalog.texts import TEXTS
from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.forms import Form, form_page, submitted
from b2c_web.vehicles.models import Vehicle, VehicleClass
from b2c_web.vehicles.queries import vehicles_of
from b2c_web.vehicles.texts import TEXTS as CLASS_TEXTS
from b2c_web.workshops.models import TimeSlot
from b2c_web.workshops.queries import Reach, ReachKind, nearest_workshop


def page(template: str, draft: BookingDraft | None, number: int, form: Form, **context: Any) -> Response:
    """A step's page with its progress line; 422 and the reasons when the form was refused."""
    frame = {"draft": draft, "steps": steps.progress(draft), "number": number, "classes": CLASS_TEXTS}
    return form_page(template, form, **frame, car_plate=_car_plate(draft), **context)


def _car_plate(draft: BookingDraft | None) -> str:
    if draft is None:
        return ""
    car = db.session.get(Vehicle, draft.vehicle_id) if draft.vehicle_id else None
    return car.license_plate if car else str(draft.car_details.get("license_plate", ""))


def is_customer() -> bool:
    return bool(current_user.is_authenticated and current_user.role is Role.CUSTOMER)


def step_draft(draft_id: uuid.UUID, endpoint: str) -> tuple[BookingDraft, Response | None]:
    """The draft, and where to go instead when an earlier step still lacks something."""
    draft = drafts.draft_of(draft_id)
    booking = drafts.booking_from(draft_id)
    if booking is not None and booking.status is not BookingStatus.PENDING:
        return draft, htmx.see_other(url_for("bookings.show", booking_id=booking.id))
    if steps.is_past(endpoint, draft, is_customer()):
        return draft, htmx.see_other(url_for(steps.first_open(draft, is_customer()), draft_id=draft.id))
    return draft, None


@blueprint.route("/book", methods=["GET", "POST"])
@public
def start() -> Response:
    form = _car_form(None)
    if request.method == "GET":
        form.postal_code.data = request.args.get("plz", form.postal_code.data)
        session["wanted_service"] = request.args.get("service", "")
    reach = _checked_reach(form)
    if reach is not None:
        draft_id = drafts.start_draft(**_car_facts(form), **_wanted_service())
        return htmx.see_other(url_for("bookings.service", draft_id=draft_id))
    return _car_page(None, form, **draft_on_offer())


def _car_page(draft: BookingDraft | None, form: CarForm, **context: Any) -> Response:
    known = draft.nearby_postal_code if draft else None
    asked = bool(known or form.nearby_postal_code.data or form.nearby_postal_code.errors or g.get("unknown_code"))
    shown = {"cars": _cars(), "ask_nearby": asked, "from_cents": _lowest_total(draft)}
    return page("bookings/car.html", draft, 1, form, **shown, **context)


def _lowest_total(draft: BookingDraft | None) -> int:
    """The price as far as it is known in step 1: what was chosen before, else the cheapest there is."""
    return (_total_of(draft) if draft else 0) or from_price_cents(price_list(now_utc())) or 0


def draft_on_offer() -> dict[str, Any]:
    """What somebody had begun, for "Weitermachen"."""
    latest = drafts.latest_draft()
    if latest is None or latest.postal_code is None:
        return {"latest": None}
    where = url_for(steps.first_open(latest, is_customer()), draft_id=latest.id)
    words = TEXTS[latest.service].name if latest.service else _("Ein Service")
    return {"latest": latest, "latest_href": where, "latest_service": words}


@blueprint.route("/book/<uuid:draft_id>/car", methods=["GET", "POST"])
@public
def car(draft_id: uuid.UUID) -> Response:
    draft = drafts.draft_of(draft_id)
    form = _car_form(draft)
    reach = _checked_reach(form)
    if reach is not None:
        drafts.save(draft_id, **_car_facts(form), **_what_falls(draft, reach))
        return htmx.see_other(url_for("bookings.service", draft_id=draft_id))
    return _car_page(draft, form)


def _wanted_service() -> dict[str, Any]:
    wanted = session.pop("wanted_service", "")
    return {"service": ServiceType(wanted)} if wanted in ServiceType.__members__ else {}


def _cars() -> list[Vehicle]:
    return vehicles_of(current_user) if is_customer() else []


def _car_form(draft: BookingDraft | None) -> CarForm:
    cars = _cars()
    known = {"postal_code": draft.postal_code, "nearby_postal_code": draft.nearby_postal_code} if draft else {}
    if draft:
        known |= {"vehicle": str(draft.vehicle_id or "new"), "vehicle_class": draft.vehicle_class, **draft.car_details}
    elif is_customer():
        place = drafts.address_in(current_user, None)
        known = {"vehicle": str(cars[0].id) if cars else "new", "postal_code": place.postal_code if place else None}
    form = CarForm(data=known)
    form.vehicle.choices = [(str(one.id), one.license_plate) for one in cars] + [("new", _("Ein anderes Auto"))]
    form.vehicle_class.choices = [(one.value, CLASS_TEXTS[one].name) for one in VehicleClass]
    if not cars:
        form.vehicle.data = "new"
    return form


def _checked_reach(form: CarForm) -> Reach | None:
    """The workshop that serves the place, or None with a kind, exact answer in the form."""
    if not form.validate_on_submit():
        return None
    reach = nearest_workshop(form.postal_code.data, form.nearby_postal_code.data or None)
    g.unknown_code = reach.kind is ReachKind.UNKNOWN_CODE
    if reach.served:
        return reach
    if reach.kind == "UNKNOWN_CODE" and form.nearby_postal_code.data:
        _add_error(
            form, "nearby_postal_code", _("Auch diese Postleitzahl kennen wir nicht. Bitte nennen Sie eine andere.")
        )
    elif reach.kind == "UNKNOWN_CODE":
        words = _("Diese Postleitzahl kennen wir nicht. Bitte nennen Sie darunter eine Postleitzahl in der Nähe.")
        _add_error(form, "postal_code", words)
    else:
        _add_error(form, "postal_code", _too_far(reach))
    return None


def _too_far(reach: Reach) -> str:
    if reach.workshop is None:
        return _("Zurzeit nimmt keine Werkstatt Aufträge an.")
    return _(
        "Bis %(plz)s sind es %(km)s km ab %(city)s. Wir kommen bis %(radius)s km weit.",
        plz=reach.postal_code,
        km=round(reach.distance_km),
        city=reach.workshop.city,
        radius=reach.workshop.service_radius,
    )


def _add_error(form: Form, name: str, words: str) -> None:
    form[name].errors = [*form[name].errors, words]


def _car_facts(form: CarForm) -> dict[str, Any]:
    chosen = next((one for one in _cars() if str(one.id) == form.vehicle.data), None)
    facts: dict[str, Any] = {
        "postal_code": form.postal_code.data,
        "nearby_postal_code": form.nearby_postal_code.data or None,
        "vehicle_id": chosen.id if chosen else None,
        "vehicle_class": chosen.vehicle_class if chosen else VehicleClass(form.vehicle_class.data),
        "car_details": {} if chosen else form.details(),
    }
    return facts


def _what_falls(draft: BookingDraft, reach: Reach) -> dict[str, Any]:
    """What another place undoes: the street and, since windows belong to a workshop, perhaps the date."""
    if draft.postal_code == reach.postal_code:
        return {}
    before = steps.reach_of(draft) if draft.postal_code else None
    same = before is not None and before.workshop is not None and before.workshop is reach.workshop
    place = drafts.address_in(current_user, reach.postal_code) if is_customer() else None
    where = {"street": place.street if place else None, "city": place.city if place else None}
    return where if same else where | {"slot_id": None, "return_slot_id": None}


@blueprint.route("/book/<uuid:draft_id>/service", methods=["GET", "POST"])
@public
def service(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.service")
    if instead:
        return instead
    offers = [offer for offer in price_list(now_utc()) if draft.vehicle_class in offer.prices]
    form = ServiceForm(data={"service": draft.service, "concierge": "1" if draft.include_concierge else "0"})
    form.service.choices = [(offer.service.value, offer.name) for offer in offers]
    if form.validate_on_submit():
        drafts.save(draft_id, **_service_facts(draft, form))
        return htmx.see_other(url_for("bookings.date", draft_id=draft_id))
    shown = _shown_price(offers, draft, form)
    fragment = "bookings/_service_price.html" if request.method == "GET" and htmx.wants_fragment() else None
    if fragment:
        return htmx.render(fragment, fragment, draft=draft, shown=shown)
    return page("bookings/service.html", draft, 2, form, offers=offers, shown=shown, reach=steps.reach_of(draft))


def _service_facts(draft: BookingDraft, form: ServiceForm) -> dict[str, Any]:
    facts: dict[str, Any] = {"service": ServiceType(form.service.data), "include_concierge": form.concierge.data == "1"}
    if facts["service"] is not draft.service or facts["include_concierge"] is not draft.include_concierge:
        facts |= {"slot_id": None, "return_slot_id": None}
    return facts


def _shown_price(offers: list[ServiceOffer], draft: BookingDraft, form: ServiceForm) -> dict[str, Any]:
    """The pinned sum for what is ticked in the form, in the address, or in the draft."""
    service = request.args.get("service") or form.service.data
    concierge = (request.args.get("concierge") or form.concierge.data or "1") == "1"
    chosen = next((offer for offer in offers if offer.service == service), None)
    price = chosen.prices[draft.vehicle_class] if chosen and draft.vehicle_class else None
    if chosen is None or price is None:
        return {"total_cents": _lowest_total(None), "note": _("mindestens, inkl. MwSt."), "concierge_price": ""}
    note = _("%(service)s mit Abholung", service=chosen.name) if concierge else chosen.name
    extra = formatting.eur(price.concierge_cents) if price.concierge_cents else _("inbegriffen")
    return {"total_cents": price.total_cents(concierge=concierge), "note": note, "concierge_price": extra}


@blueprint.route("/book/<uuid:draft_id>/date", methods=["GET", "POST"])
@public
def date(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.date")
    if instead:
        return instead
    question = steps.question_of(draft, steps.reach_of(draft))
    form = DateForm()
    view = calendar_view.build(calendar_view.ask(question), question, _choice(form, draft))
    if form.validate_on_submit() and _date_complete(form, view):
        back = view.back.slot_id if view.back else None
        drafts.save(draft_id, slot_id=view.picked.slot_id if view.picked else None, return_slot_id=back)
        return htmx.see_other(url_for("bookings.contact", draft_id=draft_id))
    if htmx.wants_fragment() and request.method == "GET":
        return htmx.render("bookings/_date.html", "bookings/_date.html", calendar=view, form=form, fragment=True)
    return page("bookings/date.html", draft, 3, form, calendar=view)


def _choice(form: DateForm, draft: BookingDraft) -> calendar_view.Choice:
    """What the form says when it was sent; else the address, and without one what was chosen before."""
    if form.is_submitted():
        return calendar_view.Choice.read(form.data)
    return calendar_view.Choice.read(request.args, draft.slot_id, draft.return_slot_id)


def _date_complete(form: DateForm, view: calendar_view.CalendarView) -> bool:
    """Is a free window chosen, and with concierge a return window that was shown with it?"""
    if view.picked is None:
        words = _("Ihr Fenster ist gerade vergeben worden. Bitte wählen Sie ein anderes.")
        _add_error(form, "slot", words if form.slot.data else _("Bitte wählen Sie ein Zeitfenster."))
        return False
    shown = {str(line.slot_id) for line in view.returns}
    if view.concierge and (not form.back.data or form.back.data not in shown):
        _add_error(form, "back", _("Bitte prüfen Sie, wann Ihr Auto zurückkommen soll."))
        return False
    return True


@blueprint.route("/book/<uuid:draft_id>/contact", methods=["GET", "POST"])
@public
def contact(draft_id: uuid.UUID) -> Response:
    draft, instead = step_draft(draft_id, "bookings.contact")
    if instead:
        return instead
    known = {"name": draft.name, "email": draft.email, "phone": draft.phone, "street": draft.street, "city": draft.city}
    form = ContactForm(data={**known, "standing_limit": draft.standing_limit_cents, "early_start": draft.early_start})
    if is_customer():
        form.email.data = current_user.email
    if form.validate_on_submit():
        drafts.save(draft_id, **_contact_facts(form))
        if is_customer():
            return htmx.see_other(url_for("bookings.summary", draft_id=draft_id))
        if _send_code(form):
            return htmx.see_other(url_for("bookings.code", draft_id=draft_id))
    return page(
        "bookings/contact.html", draft, 4, form, signed_in=is_customer(), price=_total_of(draft), note=_when(draft)
    )


def _contact_facts(form: ContactForm) -> dict[str, Any]:
    names = ("name", "email", "phone", "street", "city", "early_start")
    return {name: form[name].data for name in names} | {"standing_limit_cents": form.standing_limit.data}


def _send_code(form: ContactForm) -> bool:
    return submitted(form, lambda: accounts.request_code(form.email.data, formatting.language(), network_here()))


def _when(draft: BookingDraft) -> str:
    slot = db.session.get(TimeSlot, draft.slot_id) if draft.slot_id else None
    return formatting.day_window(slot.start_time, slot.end_time) if slot else ""


def _total_of(draft: BookingDraft) -> int:
    """The price as it stands now for the pinned bar."""
    offers = {offer.service: offer for offer in price_list(now_utc())}
    offer = offers.get(draft.service) if draft.service else None
    price = offer.prices.get(draft.vehicle_class) if offer and draft.vehicle_class else None
    return price.total_cents(concierge=draft.include_concierge) if price else 0


@blueprint.route("/book/<uuid:draft_id>/code", methods=["GET", "POST"])
@public
def code(draft_id: uuid.UUID) -> Response:
    draft = drafts.draft_of(draft_id)
    if is_customer() or not draft.email:
        return htmx.see_other(url_for(steps.first_open(draft, is_customer()), draft_id=draft_id))
    form, email = CodeForm(), draft.email
    if submitted(form, lambda: sessions.sign_in(accounts.enter_code(email, form.digits, network_here()))):
        drafts.adopt(draft_id)
        return htmx.see_other(url_for("bookings.summary", draft_id=draft_id))
    return page("bookings/code.html", draft, 4, form, email=email, valid_until=code_valid_until(email))


@blueprint.post("/book/<uuid:draft_id>/code/renewal")
@public
def new_code(draft_id: uuid.UUID) -> Response:
    draft = drafts.draft_of(draft_id)
    if draft.email:
        accounts.request_code(draft.email, formatting.language(), network_here())
        flash(_("Ein neuer Code ist unterwegs. Der alte gilt nicht mehr."), "success")
    return htmx.see_other(url_for("bookings.code", draft_id=draft_id))
