"""What staff read about a day or a window: the reason why nobody can book it, and the bottleneck."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from flask_babel import lazy_gettext as _l

from b2c_web.workshops.rules import Block, Limit

BLOCKS: dict[Block, Any] = {
    Block.CLOSED: _l("geschlossen"),
    Block.HOLIDAY: _l("Feiertag"),
    Block.LEAD_TIME: _l("zu kurzfristig"),
    Block.HORIZON: _l("noch nicht offen"),
    Block.DAY_FULL: _l("Tag voll"),
    Block.SLOT_FULL: _l("Fenster voll"),
    Block.NO_JOCKEY: _l("kein Jockey frei"),
    Block.NO_RONJA: _l("keine Ronja frei"),
}
LIMITS: dict[Limit, Any] = {
    Limit.BAYS: _l("Bühnen"),
    Limit.DAY: _l("Tageslimit"),
    Limit.JOCKEYS: _l("Jockeys"),
    Limit.RONJAS: _l("Ronjas"),
}
HOLIDAYS: dict[str, Any] = {  # as the days' notes name them, in German
    "Neujahr": _l("Neujahr"),
    "Heilige Drei Könige": _l("Heilige Drei Könige"),
    "Frauentag": _l("Frauentag"),
    "Karfreitag": _l("Karfreitag"),
    "Ostersonntag": _l("Ostersonntag"),
    "Ostermontag": _l("Ostermontag"),
    "Erster Mai": _l("Erster Mai"),
    "Christi Himmelfahrt": _l("Christi Himmelfahrt"),
    "Pfingstsonntag": _l("Pfingstsonntag"),
    "Pfingstmontag": _l("Pfingstmontag"),
    "Fronleichnam": _l("Fronleichnam"),
    "Augsburger Hohes Friedensfest": _l("Augsburger Hohes Friedensfest"),
    "Mariä Himmelfahrt": _l("Mariä Himmelfahrt"),
    "Weltkindertag": _l("Weltkindertag"),
    "Tag der Deutschen Einheit": _l("Tag der Deutschen Einheit"),
    "Reformationstag": _l("Reformationstag"),
    "Allerheiligen": _l("Allerheiligen"),
    "Buß- und Bettag": _l("Buß- und Bettag"),
    "Erster Weihnachtstag": _l("Erster Weihnachtstag"),
    "Zweiter Weihnachtstag": _l("Zweiter Weihnachtstag"),
    "75. Jahrestag des Aufstandes vom 17. Juni 1953": _l("75. Jahrestag des Aufstandes vom 17. Juni 1953"),
}
LIMIT_ICONS = {Limit.BAYS: "bay", Limit.DAY: "calendar", Limit.JOCKEYS: "key", Limit.RONJAS: "car"}


def limit_words(limits: Iterable[Limit]) -> str:
    """ "Jockeys, Ronjas"."""
    return ", ".join(str(LIMITS[limit]) for limit in limits)


def note_words(note: str | None) -> str | None:
    """A day's note: the name of a holiday in the reader's language, what staff wrote as they wrote it."""
    return str(HOLIDAYS.get(note, note)) if note else note


def signed(count: int) -> str:
    """ "+3", "−3" or "±0": what was gained or lost."""
    return f"{'+' if count > 0 else '−' if count < 0 else '±'}{abs(count)}"


# Where a long word breaks in a narrow cell: a browser without a German dictionary would break it anywhere.
_PARTED = (
    *("Weih-nachts-tag", "Him-mel-fahrt", "Fron-leich-nam", "Aller-heili-gen", "Refor-mations-tag"),
    *("Tages-limit", "Oster-montag", "Pfingst-montag", "Kar-freitag", "Deut-schen", "Ein-heit"),
)


@lru_cache(maxsize=512)  # a month asks for the same few words in each of its cells
def with_soft_hyphens(note: str) -> str:
    """A text with a soft hyphen at each place where one of the long words that we know may break."""
    for parted in _PARTED:
        note = note.replace(parted.replace("-", ""), parted.replace("-", "\N{SOFT HYPHEN}"))
    return note
