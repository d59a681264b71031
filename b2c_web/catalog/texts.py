"""What stands about each service on the pages: German here, English in the translations.

The database keeps the German name and description too, for whoever reads it without the application.
"""

from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l

from b2c_web.catalog.models import ServiceType


@dataclass(frozen=True)
class ServiceTexts:
    """`text` is one line, `included` the points that the price covers, `icon` a name in icons.svg."""

    icon: str
    name: Any
    text: Any
    included: tuple[Any, ...]


TEXTS: dict[ServiceType, ServiceTexts] = {
    ServiceType.OIL_SERVICE: ServiceTexts(
        icon="oil",
        name=_l("Ölservice"),
        text=_l("Motoröl und Ölfilter neu"),
        included=(
            _l("Motoröl nach Herstellerfreigabe, bis 6 Liter"),
            _l("Ölfilter und Dichtring neu"),
            _l("Füllstände geprüft und ergänzt"),
            _l("Serviceanzeige zurückgestellt"),
        ),
    ),
    ServiceType.INSPECTION: ServiceTexts(
        icon="inspection",
        name=_l("Inspektion"),
        text=_l("Nach Herstellerplan, mit Eintrag ins Serviceheft"),
        included=(
            _l("Prüfung nach Herstellerplan"),
            _l("Motoröl und Ölfilter neu"),
            _l("Bremsen, Reifen, Fahrwerk und Licht geprüft"),
            _l("Eintrag ins Serviceheft, Garantie bleibt"),
        ),
    ),
    ServiceType.BRAKE_SERVICE: ServiceTexts(
        icon="brake",
        name=_l("Bremsenservice"),
        text=_l("Bremsbeläge einer Achse neu, Bremsflüssigkeit gewechselt"),
        included=(
            _l("Bremsbeläge einer Achse neu"),
            _l("Bremsflüssigkeit gewechselt"),
            _l("Scheiben und Schläuche vermessen und geprüft"),
            _l("Probefahrt und Bremsenprüfstand"),
        ),
    ),
    ServiceType.CLIMATE_SERVICE: ServiceTexts(
        icon="climate",
        name=_l("Klimaservice"),
        text=_l("Prüfen, auffüllen, desinfizieren"),
        included=(
            _l("Kältemittel abgesaugt, getrocknet und aufgefüllt"),
            _l("Dichtheit und Kühlleistung geprüft"),
            _l("Verdampfer desinfiziert"),
        ),
    ),
}
