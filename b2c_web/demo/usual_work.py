"""The demo workshop's catalogue of usual work."""

import uuid

from b2c_web.catalog.models import ServiceType
from b2c_web.extensions.cataloguing import put_work_item

# by service (None: with every one): name, gross price in cents, what it says to the customer
USUAL_WORK: dict[ServiceType | None, tuple[tuple[str, int, str], ...]] = {
    ServiceType.BRAKE_SERVICE: (
        ("Bremsbeläge vorn", 12900, "beide Seiten, mit Einbau"),
        ("Bremsscheiben vorn", 21900, "beide Seiten, mit Einbau"),
        ("Bremsbeläge hinten", 11900, "beide Seiten, mit Einbau"),
        ("Bremsscheiben hinten", 19900, "beide Seiten, mit Einbau"),
        ("Bremsflüssigkeit wechseln", 6900, ""),
        ("Bremsschlauch ersetzen", 8900, "je Stück"),
    ),
    ServiceType.OIL_SERVICE: (
        ("Luftfilter", 3490, "mit Einbau"),
        ("Innenraumfilter", 3990, "mit Einbau"),
        ("Ölablassschraube mit Dichtring", 990, ""),
        ("Öl nachfüllen", 1490, "je Liter"),
    ),
    ServiceType.INSPECTION: (
        ("Zündkerzen", 8900, "ein Satz, mit Einbau"),
        ("Luftfilter", 3490, "mit Einbau"),
        ("Innenraumfilter", 3990, "mit Einbau"),
        ("Keilrippenriemen", 11900, "mit Einbau"),
        ("Stoßdämpfer vorn", 32900, "beide Seiten, mit Einbau"),
        ("Querlenker", 18900, "je Seite, mit Einbau"),
    ),
    ServiceType.CLIMATE_SERVICE: (
        ("Kältemittel auffüllen", 1290, "je 100 g"),
        ("Klimaanlage desinfizieren", 4900, ""),
        ("Trocknerpatrone", 12900, "mit Einbau"),
        ("Innenraumfilter mit Aktivkohle", 4990, "mit Einbau"),
    ),
    None: (
        ("Wischerblätter vorn", 3490, "ein Satz"),
        ("Starterbatterie", 18900, "mit Einbau und Anlernen"),
        ("Leuchtmittel", 1290, "je Stück, mit Einbau"),
        ("Scheibenfrostschutz", 790, "je Liter"),
        ("Reifen wuchten", 1490, "je Rad"),
        ("Arbeitszeit", 9900, "je Stunde"),
    ),
}
# what English customers read of it
IN_ENGLISH = {
    "Bremsbeläge vorn": "Front brake pads",
    "Bremsscheiben vorn": "Front brake discs",
    "Bremsbeläge hinten": "Rear brake pads",
    "Bremsscheiben hinten": "Rear brake discs",
    "Bremsflüssigkeit wechseln": "Change the brake fluid",
    "Bremsschlauch ersetzen": "Replace a brake hose",
    "Luftfilter": "Air filter",
    "Innenraumfilter": "Cabin filter",
    "Ölablassschraube mit Dichtring": "Oil drain plug with sealing ring",
    "Öl nachfüllen": "Top up the oil",
    "Zündkerzen": "Spark plugs",
    "Keilrippenriemen": "Ribbed V-belt",
    "Stoßdämpfer vorn": "Front shock absorbers",
    "Querlenker": "Control arm",
    "Kältemittel auffüllen": "Top up the refrigerant",
    "Klimaanlage desinfizieren": "Disinfect the air conditioning",
    "Trocknerpatrone": "Receiver drier",
    "Innenraumfilter mit Aktivkohle": "Cabin filter with activated carbon",
    "Wischerblätter vorn": "Front wiper blades",
    "Starterbatterie": "Starter battery",
    "Leuchtmittel": "Bulb",
    "Scheibenfrostschutz": "Screenwash with antifreeze",
    "Reifen wuchten": "Balance a wheel",
    "Arbeitszeit": "Labour",
    "beide Seiten, mit Einbau": "both sides, fitted",
    "je Stück": "each",
    "mit Einbau": "fitted",
    "je Liter": "per litre",
    "ein Satz, mit Einbau": "one set, fitted",
    "je Seite, mit Einbau": "per side, fitted",
    "je 100 g": "per 100 g",
    "ein Satz": "one set",
    "mit Einbau und Anlernen": "fitted and registered",
    "je Stück, mit Einbau": "each, fitted",
    "je Rad": "per wheel",
    "je Stunde": "per hour",
}


def load_usual_work(workshop_id: uuid.UUID) -> None:
    """Fill the workshop's catalogue. Doing it twice changes nothing."""
    for service, works in USUAL_WORK.items():
        for position, (name, price_cents, description) in enumerate(works):
            put_work_item(
                workshop_id,
                service,
                name,
                price_cents,
                description=description,
                position=position,
                name_en=IN_ENGLISH[name],
                description_en=IN_ENGLISH.get(description, ""),
            )
