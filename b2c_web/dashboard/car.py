"""What the page of one car shows beside its booking: messages, and what was done to it. Reads only."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web.bookings import desk
from b2c_web.bookings.models import AssignmentType, Booking
from b2c_web.clock import now_utc
from b2c_web.dispatch import handovers
from b2c_web.dispatch.models import JockeyAssignment
from b2c_web.extensions.models import Extension
from b2c_web.extensions.raising import ENDED_WITH_BOOKING, ENDING_WORDS
from b2c_web.extensions.rules import money_shown
from b2c_web.flask_extensions import db
from b2c_web.formatting import day, eur, kilometres
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.workshops.models import RonjaVehicle

WORDS: Mapping[str, Any] = {
    **desk.WORDS,
    "booking.change_ronja": _l("Andere Ronja"),
    "booking.move_asked": _l("Um einen anderen Termin gebeten"),
    "booking.move_accepted": _l("Anderer Termin angenommen"),
    "booking.move_declined": _l("Anderer Termin abgelehnt"),
    "assignment.assign": _l("Fahrt eingeteilt"),
    "assignment.start": _l("Jockey losgefahren"),
    "assignment.arrive": _l("Jockey an der Tür"),
    "assignment.hand_over": _l("Übergabe an der Tür"),
    "assignment.arrive_workshop": _l("Jockey an der Werkstatt"),
    "assignment.ronja_confirmed": _l("Ronja bestätigt, obwohl ein anderer Kunde sie noch hat"),
    "assignment.keys_confirmed": _l("Weniger Schlüssel bestätigt als abgeholt"),
    "assignment.complete": _l("Fahrt erledigt"),
    "assignment.cancel": _l("Fahrt abgesagt"),
    "assignment.car_back": _l("Auto steht wieder in der Werkstatt"),
    "extension.raise": _l("Erweiterung angeboten"),
    "extension.approve": _l("Erweiterung freigegeben"),
    "extension.decline": _l("Erweiterung abgelehnt"),
    "extension.withdraw": _l("Erweiterung zurückgezogen"),
    "extension.question": _l("Frage zur Erweiterung"),
    "extension.answer": _l("Antwort zur Erweiterung"),
    "extension.object": _l("Einspruch gegen die Erweiterung"),
    "extension.not_done": _l("Als nicht gemacht markiert"),
    "extension.money": _l("Zahlung der Erweiterung"),
    "wish.change": _l("Wünsche des Kunden geändert"),
    "wish.set_aside": _l("Wunsch wird nicht angeboten"),
}
# what changed, by the name that the audit log gives it; everything else there is for machines
NAMES: Mapping[str, Any] = {
    "license_plate": _l("Kennzeichen"),
    "make": _l("Marke"),
    "model": _l("Modell"),
    "year": _l("Baujahr"),
    "vin": _l("Fahrgestellnummer"),
    "mileage_km": _l("Kilometerstand"),
    "jockey": _l("Jockey"),
    "ronja": _l("Ronja"),
    "keys_at": _l("Schlüssel"),
    "parked_at": _l("Stellplatz"),
    "keys": _l("Schlüssel"),
    "still_with": _l("Noch eingetragen bei"),
    "wishes": _l("Wünsche"),
    "booked_for": _l("Gebucht für"),
    "items": _l("Punkte"),
    "total_amount": _l("Summe"),
    "approved_amount_cents": _l("Freigegeben"),
    "reason": _l("Grund"),
    "cancellation_reason": _l("Grund"),
    "words": _l("Worte"),
    "status": _l("Stand"),
    "authorization_status": _l("Geld"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed. `kind`: of a state, as `ui.status` knows it, else empty."""

    name: Any
    before: Any
    after: Any
    kind: str = ""


def mileage_at_the_door(booking: Booking) -> list[tuple[int, datetime]]:
    """What the jockey read off at the pickup. Registered in `bookings.hooks.known_mileage`."""
    statement = select(JockeyAssignment).where(JockeyAssignment.booking_id == booking.id)
    tours = db.session.scalars(statement.where(JockeyAssignment.type == AssignmentType.PICKUP)).all()
    read = [(handovers.mileage_of(tour), tour.departed_at or now_utc()) for tour in tours]
    return [(km, at) for km, at in read if km is not None]


def messages_about(booking_id: uuid.UUID) -> Sequence[Notification]:
    """What the customer was told about a booking, the newest first; what the workshop was told is left out."""
    statement = select(Notification).where(Notification.booking_id == booking_id, Notification.user_id.is_not(None))
    statement = statement.where(Notification.kind != NotificationKind.LOGIN_CODE)
    return db.session.scalars(statement.order_by(Notification.created_at.desc(), Notification.id.desc())).all()


def done_to(booking: Booking, tours: Sequence[JockeyAssignment]) -> list[desk.Done]:
    """What was done to a booking, its trips and its extensions, the newest first."""
    extensions = db.session.scalars(select(Extension.id).where(Extension.booking_id == booking.id))
    ids = [booking.id, *(tour.id for tour in tours), *extensions]
    entries = [_of_itself(one) for one in desk.done_to(ids, desk.words_for(booking, WORDS))]
    names = {tour.id: tour.jockey.name for tour in tours}
    return _with_plates([_with_jockey(one, names) for one in entries])


def _with_jockey(done: desk.Done, names: Mapping[uuid.UUID, str]) -> desk.Done:
    """Of a trip that was given to a jockey or taken off the plan: whose it is, or was."""
    if not done.after.keys() & {"jockey_id", "cancel_reason"}:
        return done
    return replace(done, after={**done.after, "jockey": names.get(done.entity_id)})


def _with_plates(entries: Sequence[desk.Done]) -> list[desk.Done]:
    """Of another Ronja for a booking the log holds the ids: both get their plates."""
    sides = [side for one in entries if "ronja_id" in one.before for side in (one.before, one.after)]
    ids = {uuid.UUID(side["ronja_id"]) for side in sides}
    statement = select(RonjaVehicle.id, RonjaVehicle.license_plate).where(RonjaVehicle.id.in_(ids))
    plates = {str(one): plate for one, plate in db.session.execute(statement)} if ids else {}

    def read(side: Mapping[str, Any]) -> dict[str, Any]:
        return {**side, "ronja": plates.get(side["ronja_id"])}

    return [
        replace(one, before=read(one.before), after=read(one.after)) if "ronja_id" in one.before else one
        for one in entries
    ]


def _of_itself(done: desk.Done) -> desk.Done:
    """An offer that ended with its booking was taken back by nobody."""
    if done.entity != "extension" or done.after.get("reason") not in ENDED_WITH_BOOKING:
        return done
    return replace(done, words=_l("Angebot beendet"), who=desk.ACTORS["system"])


def _shown(name: str, facts: Mapping[str, Any]) -> Any:
    """What the log holds under this name; of money, what its state is called; of an offer's items, their names."""
    value = facts.get(name)
    if name == "items" and value:
        return ", ".join(item["name"] for item in value)
    if name in ("total_amount", "approved_amount_cents") and value:
        return eur(value)
    if name == "reason":
        return ENDING_WORDS.get(value, value)
    if name == "authorization_status" and value:
        return money_shown(value, by_mandate=facts.get("by_mandate", False))
    return value


def changes(done: desk.Done) -> Iterator[Change]:
    """What an entry changed, in words; what stayed is left out."""
    for name in NAMES:
        before, after = _shown(name, done.before), _shown(name, done.after)
        if before == after or (not before and not after):
            continue
        if name == "mileage_km":
            before, after = (km and kilometres(km) for km in (before, after))
        if name == "booked_for":
            after = day(date.fromisoformat(str(after)))
        kind = "authorization" if name == "authorization_status" else done.entity
        yield Change(NAMES[name], before, after, kind if name.endswith("status") else "")
