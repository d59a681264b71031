"""A browser's long name in two words, so that people recognise their own devices."""

from flask_babel import gettext as _

# the first that fits counts: Edge says Chrome too, Chrome says Safari too
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def browser_words(user_agent: str | None) -> str:
    """ "Firefox, Windows"; what cannot be told is left out."""
    words = [_first(BROWSERS, user_agent or ""), _first(SYSTEMS, user_agent or "")]
    return ", ".join(word for word in words if word) or _("Unbekannter Browser")


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((word for mark, word in table if mark in text), "")
