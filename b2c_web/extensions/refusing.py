"""Refusals in words."""

from collections.abc import Collection
from typing import Any

from flask_babel import lazy_gettext as _l

from b2c_web.bookings.models import Booking
from b2c_web.errors import Conflict, Invalid
from b2c_web.extensions import rules
from b2c_web.extensions.access import replacement_of
from b2c_web.extensions.models import Extension, ExtensionStatus
from b2c_web.extensions.rules import Refusal

WORDS = {
    Refusal.WITHDRAWN: _l("Die Werkstatt hat diese Erweiterung zurückgezogen. Es wurde nichts freigegeben."),
    Refusal.REPLACED: _l("Die Werkstatt hat diese Erweiterung durch eine neue ersetzt. Es wurde nichts freigegeben."),
    Refusal.DECIDED: _l("Über diese Erweiterung ist schon entschieden."),
    Refusal.NOT_SHOWN: _l("Was Sie gesehen haben, ist nicht mehr aktuell. Bitte sehen Sie es sich noch einmal an."),
    Refusal.NOT_IN_WORKSHOP: _l("Das geht nur, während das Auto in der Werkstatt ist."),
    Refusal.CONTRACT_WITHDRAWN: _l(
        "Der Vertrag ist widerrufen. Es wird nichts mehr angeboten, freigegeben oder gemacht."
    ),
    Refusal.SETTLING: _l("Die Arbeit ist schon abgeschlossen."),
    Refusal.OVER_LIMIT: _l("Das ist mehr, als der Kunde ohne Rückfrage erlaubt hat."),
    Refusal.NEEDS_CUSTOMER: _l("Die neue Rückgabezeit braucht die Zustimmung des Kunden."),
    Refusal.NOTHING_TICKED: _l("Bitte kreuzen Sie mindestens eine Position an."),
    Refusal.UNKNOWN_ITEM: _l("Diese Position gibt es hier nicht."),
    Refusal.OTHER_SUM: _l("Die Summe passt nicht zu den angekreuzten Positionen. Es wurde nichts freigegeben."),
    Refusal.RETURN_GONE: _l("Das neue Rückgabefenster ist inzwischen vergeben. Es wurde nichts freigegeben."),
    Refusal.NOTHING_TO_PAY: _l("Hier ist gerade nichts zu bezahlen."),
    Refusal.NOTHING_TO_OBJECT: _l("Hier gibt es keine Zustimmung, der Sie widersprechen können."),
    Refusal.STILL_PENDING: _l(
        "Eine Erweiterung wartet noch auf den Kunden. Ziehen Sie sie zurück, oder warten Sie ab."
    ),
    Refusal.CAR_IS_HERE: _l("Wünsche lassen sich ändern, bis das Auto in der Werkstatt ist. Rufen Sie dort gern an."),
    Refusal.BOOKING_OVER: _l("Diese Buchung ist nicht mehr offen."),
    Refusal.WISH_GONE: _l("Diesen Wunsch gibt es nicht mehr: Der Kunde hat ihn zurückgenommen."),
    Refusal.WISH_TAKEN_UP: _l("Dieser Wunsch ist schon in einem Angebot."),
    Refusal.WISH_SET_ASIDE: _l("Dieser Wunsch ist schon beantwortet: Er wird diesmal nicht angeboten."),
}


def refuse(refusal: Refusal | None, **details: Any) -> None:
    """Raises Conflict when there is a refusal."""
    if refusal is not None:
        raise Conflict(WORDS[refusal], code=refusal.value, **details)


def refuse_field(found: tuple[str, Any] | None) -> None:
    """Raises Invalid when a field cannot be taken."""
    if found is not None:
        field, words = found
        raise Invalid(words, field=field)


def need_words(words: str, message: Any, field: str) -> str:
    """The words without what surrounds them. Raises Invalid when nothing is left."""
    if not words.strip():
        raise Invalid(message, field=field)
    return words.strip()


def check_decision(booking: Booking, extension: Extension, shown: str) -> None:
    """Raises Conflict unless what was shown can be decided now."""
    replaced_by = replacement_of(extension) if extension.status is ExtensionStatus.CANCELLED else None
    refuse(rules.decision_refusal(booking, extension, shown, replaced=replaced_by is not None), replaced_by=replaced_by)


def check_ticks(extension: Extension, ticked: Collection[int]) -> None:
    """Raises Conflict unless these items can be approved."""
    refuse(rules.ticks_refusal(extension, ticked))
