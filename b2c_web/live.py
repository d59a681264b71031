"""Regions of a page that follow what others do: the page asks every 2.5 s and says which version it shows.

The region itself is a partial with `{{ ui.live(href, version) }}` among its attributes; static/js/live.js decides
when it may be replaced. See docs/decisions/17-live-regions.md.
"""

from collections.abc import Callable
from hashlib import blake2b
from typing import Any

from flask import Response, make_response, request

from b2c_web import htmx


def version_of(*parts: Any) -> str:
    """A short name of a state. Same parts, same name; parts are compared by their `repr`."""
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def asked() -> bool:
    """Does a live region ask, and not a person who opened the page?"""
    return "v" in request.args and htmx.wants_fragment()


def answer(version: str, render: Callable[[], str]) -> Response:
    """204 while the region shows `version` already, else the fragment.

    Ask for `version` before reading what `render` shows: what changes in between is only drawn once more.
    """
    if request.args.get("v") == version:
        return make_response("", 204)
    return make_response(render())
