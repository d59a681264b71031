"""The words for the vehicle classes, with examples by which a layman finds the right one, and for a car's facts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from babel.lists import format_list
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from b2c_web.formatting import language
from b2c_web.vehicles.models import VehicleClass


@dataclass(frozen=True)
class ClassTexts:
    """`name` of the class, and `text`: how to recognise a car of it."""

    name: Any
    text: Any


TEXTS: dict[VehicleClass, ClassTexts] = {
    VehicleClass.COMPACT: ClassTexts(_l("Kleinwagen"), _l("Stadtauto oder Kompaktwagen, bis etwa 4,30 m")),
    VehicleClass.MIDSIZE: ClassTexts(_l("Mittelklasse"), _l("Limousine, Kombi oder Familienvan")),
    VehicleClass.SUV: ClassTexts(_l("SUV"), _l("Geländewagen, Pick-up oder Transporter bis 3,5 t")),
    VehicleClass.LUXURY: ClassTexts(_l("Oberklasse"), _l("Große Limousine, Sportwagen oder Cabrio der Oberklasse")),
}

FACTS: dict[str, Any] = {
    "license_plate": _l("das Kennzeichen"),
    "make": _l("die Marke"),
    "model": _l("das Modell"),
    "year": _l("das Baujahr"),
}


def lacking_words(names: Sequence[str]) -> str:
    """ "Uns fehlen noch die Marke und das Modell." of what lacks of a car, by the names in FACTS; "" of nothing."""
    if not names:
        return ""
    what = format_list([str(FACTS[name]) for name in names], locale="de" if language() == "de" else "en_GB")
    return ngettext("Uns fehlt noch %(what)s.", "Uns fehlen noch %(what)s.", len(names), what=what)
