"""The pages of planning, as tabs on each of them."""

from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l

TABS: tuple[tuple[str, str, Any], ...] = (
    ("capacity.month", "calendar", _l("Monat")),
    ("capacity.template", "settings", _l("Wochenvorlage")),
    ("capacity.what_if_page", "filter", _l("Was wäre, wenn?")),
    ("capacity.figures", "trend", _l("Zahlen")),
    ("capacity.asked_moves", "mail", _l("Anfragen")),
    ("capacity.waiting_list", "hourglass", _l("Warteliste")),
)


def capacity_tabs() -> list[tuple[str, str, Any]]:
    """(endpoint, icon, word) of each page that there is."""
    return [tab for tab in TABS if tab[0] in current_app.view_functions]
