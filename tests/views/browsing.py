"""Filling in forms as a browser does: with the token that the page carries."""

import re
from typing import Any

from flask.testing import FlaskClient

TOKEN = re.compile(r'name="csrf_token"[^>]*?value="([^"]+)"')


def token_on(client: FlaskClient, page: str = "/login") -> str:
    """The CSRF token that `page` carries for this browser."""
    found = TOKEN.search(client.get(page, follow_redirects=True).text)
    assert found, f"{page} has no form"
    return found[1]


def send(client: FlaskClient, path: str, page: str | None = None, **fields: Any) -> Any:
    """POST `fields` to `path` with the token of `page` (default: of `path`); redirects are not followed."""
    return client.post(path, data={"csrf_token": token_on(client, page or path), **fields})
