"""Invented people, streets and cars out of word lists: trees and plants, addresses in real towns around Witten.

Mobile numbers are of the range that the Bundesnetzagentur keeps for films; mail addresses end in example.org.
"""

import random
import unicodedata
from dataclasses import dataclass

from b2c_web.vehicles.models import VehicleClass

FAMILIES = (
    "Ahorn", "Birke", "Buche", "Eiche", "Erle", "Esche", "Espe", "Fichte", "Ginster", "Hasel", "Holunder",
    "Kastanie", "Kiefer", "Lärche", "Linde", "Lorbeer", "Mandel", "Pappel", "Quitte", "Robinie", "Schlehe",
    "Tanne", "Ulme", "Wacholder", "Weide", "Weißdorn", "Zeder", "Zypresse", "Eibe", "Platane",
)  # fmt: skip
GIVEN = (
    "Rosa", "Florian", "Viola", "Silvan", "Iris", "Laurin", "Jasmin", "Linus", "Erika", "Oliver", "Malva",
    "Basil", "Heidi", "Robin", "Salvia", "Narziss", "Kamilla", "Enzian", "Linnea", "Veit",
)  # fmt: skip
STREETS = ("Am Beispielweg", "Musterallee", "Probestraße", "Zum Vorzeigen", "An der Attrappe", "Schaugasse")
# postal code, town, letters on the plates; the first are near enough for one tour in a window
TOWNS = (
    ("58452", "Witten", "WIT"), ("58453", "Witten", "WIT"), ("58455", "Witten", "WIT"), ("58456", "Witten", "WIT"),
    ("44892", "Bochum", "BO"), ("44801", "Bochum", "BO"), ("44787", "Bochum", "BO"), ("58313", "Herdecke", "EN"),
    ("58300", "Wetter", "EN"), ("44137", "Dortmund", "DO"), ("44225", "Dortmund", "DO"), ("45525", "Hattingen", "EN"),
    ("58095", "Hagen", "HA"), ("44339", "Dortmund", "DO"), ("58239", "Schwerte", "UN"), ("45136", "Essen", "E"),
)  # fmt: skip
CARS = (
    ("Opel", "Corsa", VehicleClass.COMPACT), ("Volkswagen", "Polo", VehicleClass.COMPACT),
    ("Renault", "Clio", VehicleClass.COMPACT), ("Volkswagen", "Golf", VehicleClass.MIDSIZE),
    ("Skoda", "Octavia", VehicleClass.MIDSIZE), ("Ford", "Focus", VehicleClass.MIDSIZE),
    ("Opel", "Astra", VehicleClass.MIDSIZE), ("Hyundai", "Tucson", VehicleClass.SUV),
    ("Ford", "Kuga", VehicleClass.SUV), ("Volvo", "S90", VehicleClass.LUXURY),
)  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A customer who does not exist, with one car and one address."""

    name: str
    email: str
    phone: str
    street: str
    postal_code: str
    city: str
    plate: str
    make: str
    model: str
    year: int
    vehicle_class: VehicleClass
    language: str


def plain(name: str) -> str:
    """A name as the front part of a mail address: lower case, ASCII, dots for gaps."""
    for german, ascii_form in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss")):
        name = name.lower().replace(german, ascii_form)
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return ascii_only.replace(" ", ".")


def mobile(number: int) -> str:
    """The `number`-th of the hundred mobile numbers that belong to nobody."""
    return f"+4917139200{number % 100:02d}"


def customers(count: int, seed: int = 1) -> list[Person]:
    """`count` different people, the same ones for the same seed; the first is Rosa Ahorn of Witten."""
    chance = random.Random(seed)  # noqa: S311 - invented people need no secure randomness
    return [_person(number, chance) for number in range(count)]


def _person(number: int, chance: random.Random) -> Person:
    name = f"{GIVEN[number % len(GIVEN)]} {FAMILIES[number % len(FAMILIES)]}"
    code, city, letters = TOWNS[number % len(TOWNS)]
    make, model, vehicle_class = CARS[chance.randrange(len(CARS))]
    return Person(
        name=name,
        email=f"{plain(name)}@example.org",
        phone=mobile(number),
        street=f"{chance.choice(STREETS)} {chance.randrange(1, 90)}",
        postal_code=code,
        city=city,
        plate=f"{letters} XY {101 + number}",
        make=make,
        model=model,
        year=chance.randrange(2009, 2025),
        vehicle_class=vehicle_class,
        language="en" if number % 7 == 6 else "de",
    )
