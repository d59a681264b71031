"""Fragment or page: the same partial answers both, so they cannot drift."""

from typing import Any

from flask import Response, make_response, redirect, render_template, request


def wants_fragment() -> bool:
    """True when htmx asks for a part of the page (not a history restore, not a boosted page)."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-History-Restore-Request") != "true"
        and headers.get("HX-Boosted") != "true"
    )


def render(page: str, partial: str | None = None, status: int = 200, **context: Any) -> Response:
    """The whole `page`, or only `partial` when htmx asks for a fragment. 422 bodies are swapped too."""
    template = partial if partial and wants_fragment() else page
    return make_response(render_template(template, **context), status)


def see_other(location: str) -> Response:
    """303 after a mutation; htmx is told by header so that the address bar is right."""
    if wants_fragment():
        answer = make_response("", 204)
        answer.headers["HX-Redirect"] = location
        return answer
    return make_response(redirect(location, 303))
