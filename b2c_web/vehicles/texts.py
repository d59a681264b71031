"""The words for the vehicle classes, with examples by which a layman finds the right one."""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

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
