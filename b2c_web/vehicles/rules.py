"""Pure decisions about cars: what a plate, a chassis number, a year and a document may be."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l

FIRST_YEAR = 1900
PLATE_MAX_LENGTH = 12
DOCUMENT_MAX_BYTES = 10 * 1024 * 1024

LETTERS = "A-ZÄÖÜ"
GERMAN = re.compile(rf"([{LETTERS}]{{1,3}})[ \-]+([A-Z]{{1,2}})[ \-]*([1-9][0-9]{{0,3}})[ ]?([EH]?)")
JOINED = re.compile(rf"([{LETTERS}]{{2,5}})[ \-]?([1-9][0-9]{{0,3}})([EH]?)")
SEASON = re.compile(r"[ ]+(0[1-9]|1[0-2])[ ]?[\-/–][ ]?(0[1-9]|1[0-2])$")
FOREIGN = re.compile(rf"[{LETTERS}0-9][{LETTERS}0-9 \-]{{0,10}}[{LETTERS}0-9]")
GERMAN_MAX_SIGNS = 8
SPLIT = {2: 1, 5: 3}  # so many letters can be split in one way only: so many belong to the district

PLATE_FORM = _l("Bitte so, wie es auf dem Schild steht, zum Beispiel WIT XY 207.")
PLATE_GAP = _l("Bitte mit Abstand nach dem Ort, wie auf dem Schild, zum Beispiel WIT XY 207.")


def check_plate(text: str) -> tuple[str, Any]:
    """(plate as we store it, refusal or None).

    German plates become "WIT XY 207" with H or E behind the number; a season ("04-10") is not part of the
    number. Written in one word, "HHA123" may be HH A 123 or H HA 123: then the gap is asked for. Anything else
    that looks like a plate is taken as a foreign one, as it was typed ("ABC 123" is one in Sweden).
    """
    plate = SEASON.sub("", " ".join(text.upper().split()))
    german = GERMAN.fullmatch(plate)
    if german:
        return _german(*german.groups())
    joined = JOINED.fullmatch(plate)
    if joined and (len(joined[1]) in SPLIT or plate.isalnum()):
        return _joined(*joined.groups())
    if len(plate) <= PLATE_MAX_LENGTH and FOREIGN.fullmatch(plate) and re.search("[0-9]", plate):
        return plate, None
    return plate, PLATE_FORM


def _german(district: str, letters: str, number: str, kind: str) -> tuple[str, Any]:
    plate = f"{district} {letters} {number}{kind}"
    too_long = len(district + letters + number + kind) > GERMAN_MAX_SIGNS
    return plate, PLATE_FORM if too_long else None


def _joined(word: str, number: str, kind: str) -> tuple[str, Any]:
    split = SPLIT.get(len(word))
    if split is None:
        return f"{word} {number}{kind}", PLATE_GAP
    return _german(word[:split], word[split:], number, kind)


VIN_FORM = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
VIN_LENGTH = _l("Die Fahrgestellnummer hat 17 Zeichen und kein I, O oder Q (Feld E im Fahrzeugschein).")
# One answer for a number that cannot be right and for one that is taken: nobody learns whose car we know.
VIN_REFUSED = _l(
    "Diese Nummer können wir nicht übernehmen. Bitte vergleichen Sie sie mit Feld E im Fahrzeugschein, "
    "oder lassen Sie das Feld leer: Die Werkstatt trägt sie bei der Annahme ein."
)

# ISO 3779: values of letters, weights of places; North America demands that the ninth sign is the check digit
VIN_VALUES = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
VIN_CHECKED = ("1", "2", "4", "5")


def check_vin(text: str) -> tuple[str, Any]:
    """(chassis number as we store it, refusal or None). The check digit counts where the law demands one."""
    vin = re.sub(r"[\s\-]", "", text.upper())
    if not VIN_FORM.fullmatch(vin):
        return vin, VIN_LENGTH
    if len(set(vin)) < 5 or (vin.startswith(VIN_CHECKED) and vin[8] != vin_check_digit(vin)):
        return vin, VIN_REFUSED
    return vin, None


def vin_check_digit(vin: str) -> str:
    """The ninth sign by ISO 3779: the weighted sum modulo 11, 10 written as X."""
    values = (VIN_VALUES.get(sign) or int(sign) for sign in vin)
    rest = sum(value * weight for value, weight in zip(values, VIN_WEIGHTS, strict=True)) % 11
    return "X" if rest == 10 else str(rest)


def year_refusal(year: int, today: date) -> Any:
    """Why a car cannot be of this year, or None. Next year's models are sold already."""
    if FIRST_YEAR <= year <= today.year + 1:
        return None
    return _l("Das Baujahr liegt zwischen %(first)s und %(last)s.", first=FIRST_YEAR, last=today.year + 1)


def registration_refusal(first_registration: date, year: int, today: date) -> Any:
    """Why the first registration cannot be on this day, or None."""
    if first_registration > today:
        return _l("Die Erstzulassung liegt in der Zukunft.")
    if first_registration.year < year - 1:
        return _l("Die Erstzulassung liegt vor dem Baujahr.")
    return None


@dataclass(frozen=True)
class DocumentKind:
    extension: str
    content_type: str
    beginnings: tuple[bytes, ...]


DOCUMENT_KINDS = (
    DocumentKind("pdf", "application/pdf", (b"%PDF-",)),
    DocumentKind("jpg", "image/jpeg", (b"\xff\xd8\xff",)),
    DocumentKind("png", "image/png", (b"\x89PNG\r\n\x1a\n",)),
)


def document_kind(content: bytes) -> DocumentKind | None:
    """What a file is by its content, whatever its name says; None for anything that we do not take."""
    return next((kind for kind in DOCUMENT_KINDS if content.startswith(kind.beginnings)), None)


def kind_of_name(name: str) -> DocumentKind:
    """The kind of a document that we keep, by the extension that we gave it."""
    return next(kind for kind in DOCUMENT_KINDS if name.endswith("." + kind.extension))


def document_refusal(content: bytes) -> Any:
    """Why we do not take this file, or None."""
    if not content:
        return _l("Die Datei ist leer.")
    if len(content) > DOCUMENT_MAX_BYTES:
        return _l("Die Datei ist größer als 10 MB. Ein Foto in normaler Qualität genügt.")
    if document_kind(content) is None:
        return _l("Bitte als PDF, JPEG oder PNG.")
    return None
