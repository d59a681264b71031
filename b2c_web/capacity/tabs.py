"""The pages of planning, as tabs on each of them."""

from typing import Any

from flask import current_app, request
from flask_babel import lazy_gettext as _l

TABS: tuple[tuple[str, str, Any], ...] = (
    ("capacity.month", "calendar", _l("Monat")),
    ("capacity.template", "settings", _l("Wochenvorlage")),
    ("capacity.what_if_page", "filter", _l("Was wäre, wenn?")),
    ("capacity.figures", "trend", _l("Zahlen")),
    ("capacity.asked_moves", "mail", _l("Anfragen")),
    ("capacity.waiting_list", "hourglass", _l("Warteliste")),
)


# a page that comes back refused, or one beneath a tab's page -> the tab
PARTS = {
    "capacity.change_day": "capacity.month",
    "capacity.change_window": "capacity.month",
    "capacity.new_window": "capacity.month",
    "capacity.save": "capacity.template",
    "capacity.generate": "capacity.template",
    "capacity.coming_days": "capacity.figures",
    "capacity.ask_to_move": "capacity.asked_moves",
}


def capacity_tabs() -> list[tuple[str, str, Any, bool]]:
    """(endpoint, icon, word, active) of each page that there is."""
    here = PARTS.get(request.endpoint or "", request.endpoint)
    return [(*tab, tab[0] == here) for tab in TABS if tab[0] in current_app.view_functions]
