"""The words for a jockey's next step: on its button, beneath it, and on the page that says what will happen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from babel.lists import format_list
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from b2c_web import formatting
from b2c_web.bookings.models import AssignmentType
from b2c_web.dispatch.models import AssignmentStatus, CancelReason, JockeyAssignment
from b2c_web.dispatch.photos import PLACE, SIGNATURE
from b2c_web.dispatch.placing import Clash
from b2c_web.formatting import language

S = AssignmentStatus
PICKUP, RETURN = AssignmentType.PICKUP, AssignmentType.RETURN
TRIP = {PICKUP: _l("Abholung"), RETURN: _l("Rückgabe")}
# of Ronjas, as staff write them down; any other is shown as it is written
COLOURS = {
    "weiß": _l("weiß"),
    "schwarz": _l("schwarz"),
    "grau": _l("grau"),
    "silber": _l("silber"),
    "blau": _l("blau"),
    "rot": _l("rot"),
    "grün": _l("grün"),
    "gelb": _l("gelb"),
    "orange": _l("orange"),
}


@dataclass(frozen=True, slots=True)
class NextStep:
    """One button. `note` and `happens` may hold %(name)s (the customer) and %(time)s (the arrival estimate).

    `page`: the endpoint that it leads to; a handover has a page of its own.
    """

    button: Any
    note: Any
    happens: Any
    done: Any
    icon: str = "arrow-right"
    page: str = "dispatch.step"


_HANDOVER_DONE = _l("Die Übergabe ist gespeichert.")
_TELLS = _l("%(name)s bekommt Ihre Ankunftszeit")
NEXT: Mapping[tuple[AssignmentType, AssignmentStatus], NextStep] = {
    (PICKUP, S.ASSIGNED): NextStep(
        _l("Ich fahre los"),
        _TELLS,
        _l("%(name)s bekommt jetzt eine Nachricht: Sie sind gegen %(time)s Uhr da."),
        _l("Gute Fahrt. Die Nachricht ist unterwegs."),
        "navigate",
    ),
    (PICKUP, S.EN_ROUTE_TO_PICKUP): NextStep(
        _l("Ich bin da"),
        _l("danach die Übergabe"),
        _l("Ihre Ankunft wird mit der Uhrzeit notiert. Als Nächstes kommt die Übergabe an der Tür."),
        _l("Ankunft notiert."),
        "pin",
    ),
    (PICKUP, S.AT_PICKUP_LOCATION): NextStep(
        _l("Übergabe beginnen"),
        _l("Fotos, Stand, Schlüssel, Unterschrift"),
        "",
        _HANDOVER_DONE,
        "camera",
        "dispatch.handover",
    ),
    (PICKUP, S.IN_TRANSIT_TO_WORKSHOP): NextStep(
        _l("An der Werkstatt"),
        _l("das Auto steht auf dem Hof"),
        _l("Die Werkstatt sieht, dass das Auto auf dem Hof steht, und kann es einchecken."),
        _l("Notiert. Bitte geben Sie noch die Schlüssel ab."),
        "bay",
    ),
    (PICKUP, S.AT_WORKSHOP): NextStep(
        _l("Schlüssel abgegeben"),
        _l("danach ist die Fahrt fertig"),
        _l("Die Abholung ist damit fertig, und Sie sind frei für die nächste Fahrt."),
        _l("Fahrt fertig. Danke."),
        "key",
    ),
    (RETURN, S.ASSIGNED): NextStep(
        _l("Ich fahre los"),
        _TELLS,
        _l(
            "Sie haben das Auto und die Schlüssel. "
            "%(name)s bekommt jetzt eine Nachricht: Sie sind gegen %(time)s Uhr da."
        ),
        _l("Gute Fahrt. Die Nachricht ist unterwegs."),
        "navigate",
    ),
    (RETURN, S.EN_ROUTE_TO_CUSTOMER): NextStep(
        _l("Ich bin da"),
        _l("danach die Übergabe"),
        _l("Ihre Ankunft wird mit der Uhrzeit notiert. Als Nächstes kommt die Übergabe an der Tür."),
        _l("Ankunft notiert."),
        "pin",
    ),
    (RETURN, S.AT_RETURN_LOCATION): NextStep(
        _l("Übergabe beginnen"),
        _l("Fotos, Stand, Schlüssel, Unterschrift"),
        "",
        _HANDOVER_DONE,
        "camera",
        "dispatch.handover",
    ),
}

VIEWS = {
    "front": _l("vorn"),
    "rear": _l("hinten"),
    "left": _l("links"),
    "right": _l("rechts"),
    "dashboard": _l("Tacho"),
}
SHOWN = {**VIEWS, PLACE: _l("Ort"), SIGNATURE: _l("Unterschrift")}
ENDED_BECAUSE = {
    CancelReason.NO_SHOW: _l("niemand angetroffen"),
    CancelReason.REDISPATCHED: _l("umgeplant"),
    CancelReason.BREAKDOWN: _l("Panne"),
    CancelReason.BOOKING_CANCELLED: _l("Buchung beendet"),
}
# of a return that ended on the way: what is to be done now
AFTER_RETURN = {
    CancelReason.BREAKDOWN: _l(
        "Die Panne ist gemeldet, diese Rückgabe ist abgebrochen. Bitte rufen Sie jetzt die Werkstatt an: Dort erfahren"
        " Sie, wie es für Sie und das Auto weitergeht. Der Kunde bekommt eine Nachricht."
    ),
    CancelReason.NO_SHOW: _l(
        "Niemand war da, diese Rückgabe ist abgebrochen. Bitte bringen Sie das Auto zurück in die Werkstatt."
        " Der Kunde bekommt eine Nachricht."
    ),
}
GOES_HOME = _l("Fahren Sie die Ronja %(plate)s jetzt zur Werkstatt.")
# of a pickup that ended on its way because the booking did
CALLED_BACK = _l("Diese Abholung entfällt. Bitte bringen Sie die Ronja %(plate)s zurück in die Werkstatt.")
FLAGGED = {
    Clash.NO_SHIFT: _l("ohne Schicht"),
    Clash.NO_JOCKEY_FREE: _l("überschneidet sich"),
    Clash.OUTSIDE_WINDOW: _l("außerhalb des Fensters"),
}


def listed(shown: Sequence[str]) -> str:
    """ "vorn, hinten und Tacho": views, or what else a handover shows."""
    return format_list([str(SHOWN.get(one, one)) for one in shown], locale="de" if language() == "de" else "en_GB")


def after_return(tour: JockeyAssignment) -> Any:
    """What a jockey does now whose own report ended a return on its way; None for any other trip."""
    has_car = tour.type is RETURN and tour.moved_by is not None and tour.moved_by == tour.jockey.user_id
    has_car = has_car and tour.car_back_at is None
    return AFTER_RETURN.get(tour.cancel_reason) if has_car and tour.cancel_reason else None


def news_of(tour: JockeyAssignment) -> str:
    """One sentence about how a tour stands now, for somebody who saw another state of it."""
    if tour.cancel_reason:
        return _("Diese Fahrt ist nicht mehr Ihre: %(why)s.", why=ENDED_BECAUSE[tour.cancel_reason])
    if tour.completed_at:
        return _("Diese Fahrt ist inzwischen fertig gemeldet.")
    facts = {"time": formatting.clock(tour.scheduled_time), "plate": tour.ronja.license_plate}
    return _("An dieser Fahrt hat sich etwas geändert. Geplant: %(time)s Uhr an der Tür, Ronja %(plate)s.", **facts)


def told(text: Any, *, name: str, time: str) -> str:
    """The words with the customer's name and the arrival estimate put in."""
    return str(text) % {"name": name, "time": time}
