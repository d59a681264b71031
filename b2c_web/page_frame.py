"""What the templates' frame asks for: addresses of icons, the language, the staff's navigation."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import SplitResult, urlsplit

from flask import Flask, current_app, request
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from b2c_web.access import may

# permission -> (endpoint, icon, label) of one entry; shown when the endpoint exists and the person may call it
STAFF_NAVIGATION: tuple[tuple[str, tuple[str, str, Any]], ...] = (
    ("workshop.day", ("dashboard.day", "bay", _l("Heute"))),
    ("workshop.day", ("dashboard.cars", "car", _l("Autos"))),
    ("capacity.plan", ("capacity.month", "calendar", _l("Kapazität"))),
    ("dispatch.plan", ("dispatch.day", "route", _l("Fahrten"))),
    ("extensions.workshop", ("extensions.catalogue", "list", _l("Arbeiten"))),
    ("jockey.day", ("dispatch.my_day", "key", _l("Mein Tag"))),
    ("messages.kept", ("notifications.kept", "mail", _l("Nachrichten"))),
)


# entry -> the addresses below which pages belong to it, whichever feature shows them
AREAS = {
    "dashboard.day": ("/workshop/bookings/", "/workshop/extensions/", "/workshop/list"),
    "dispatch.day": ("/dispatch/",),
}
_BLUEPRINTS = [endpoint.partition(".")[0] for _permission, (endpoint, *_rest) in STAFF_NAVIGATION]


def icon_href(name: str) -> str:
    """Address of one symbol of icons.svg, for <use>. Built by hand: a page asks for dozens of them."""
    return f"{request.script_root}{current_app.static_url_path}/icons.svg#icon-{name}"


def staff_nav() -> list[tuple[str, str, Any, bool, int]]:
    """(endpoint, icon, label, active, count) of each area that the signed-in person may enter."""
    return [
        (endpoint, icon, label, _is_here(endpoint), 0)
        for permission, (endpoint, icon, label) in STAFF_NAVIGATION
        if endpoint in current_app.view_functions and may(permission)
    ]


def _is_here(endpoint: str) -> bool:
    """Is this page the entry's, or another one of its area: that of a car, or of what has this entry only?"""
    owner = next((entry for entry, addresses in AREAS.items() if request.path.startswith(addresses)), None)
    if owner:
        return endpoint == owner
    area = endpoint.partition(".")[0]
    return request.endpoint == endpoint or (request.blueprint == area and _BLUEPRINTS.count(area) == 1)


def sender() -> SplitResult:
    """The page that this request comes from, as the browser says; empty when it says nothing that can be read."""
    return split_address(request.referrer)


def split_address(address: str | None) -> SplitResult:
    """The parts of an address that somebody sent; all empty when it is none."""
    try:
        return urlsplit(address or "")
    except ValueError:
        return urlsplit("")


def address_here() -> str:
    """Where to come back to: this page, or the one that sent a form to an address which shows nothing by itself."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    came_from = sender() if sender().netloc == request.host else split_address("")
    way = _first_shown([request.path, came_from.path]) or page_above()
    query = came_from.query if way == came_from.path else request.query_string.decode() if way == request.path else ""
    return f"{way}?{query}" if query else way


def page_above() -> str:
    """The nearest page above the address that was asked for: its path, cut until something can be shown there."""
    parts = request.path.split("/")
    return _first_shown(["/".join(parts[:end]) for end in range(len(parts) - 1, 1, -1)]) or "/"


def _first_shown(ways: Iterable[str]) -> str:
    routes = current_app.url_map.bind("")
    return next((one for one in ways if one and routes.test(one, "GET")), "")


def init_app(app: Flask) -> None:
    """Give every template these functions, imported macros included."""
    app.jinja_env.globals.update(
        address_here=address_here, icon_href=icon_href, staff_nav=staff_nav, get_locale=get_locale
    )
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
