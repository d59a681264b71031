"""Codes and links with a secret in them, in what admins and the outbox see of messages: hidden once mail is delivered.

Whoever reads a code that is still good signs in as somebody else. Where mail is only kept, reading it here is the only
way in, so nothing is hidden.
"""

from dataclasses import replace
from typing import Any, cast

from flask import current_app

from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.notifications.queries import Page

HIDDEN = "••••••"


def delivers() -> bool:
    """Is there a mail server that messages are handed to?"""
    return bool(current_app.config["MAIL_SERVER"])


def masked(row: Notification) -> Notification:
    """The message as it may be shown to somebody else than its reader; never to be written to."""
    return cast(Notification, _Masked(row)) if delivers() else row


def masked_page(page: Page) -> Page:
    """The same for a page of a list."""
    return replace(page, rows=[masked(row) for row in page.rows])


class _Masked:
    """A message whose secrets are replaced, in all that its templates and papers read."""

    def __init__(self, row: Notification) -> None:
        self._row, context = row, row.context
        self._swaps: dict[str, str] = {}
        if context.get("code"):
            self._swaps[context["code"]] = HIDDEN
        if context.get("link_path"):
            self._swaps[context["link_path"]] = context.get("booking_url_path") or "/"
        # a code that the facts do not name any more cannot be found in the words
        self._unknown = row.kind is NotificationKind.LOGIN_CODE and not context.get("code")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)

    @property
    def is_masked(self) -> bool:
        """Is something hidden, so that the page says so?"""
        return bool(self._swaps) and self._row.body_text is not None

    @property
    def subject(self) -> str | None:
        return self._without(self._row.subject)

    @property
    def body_text(self) -> str | None:
        return self._without(self._row.body_text)

    @property
    def body_html(self) -> str | None:
        return self._without(self._row.body_html)

    @property
    def context(self) -> dict[str, Any]:
        hidden = {key: self._swaps[text] for key, text in self._row.context.items() if _is_key(text, self._swaps)}
        return self._row.context | hidden

    def _without(self, text: str | None) -> str | None:
        if text is None or self._unknown:
            return None
        for secret, instead in self._swaps.items():
            text = text.replace(secret, instead)
        return text


def _is_key(value: Any, swaps: dict[str, str]) -> bool:
    return isinstance(value, str) and value in swaps
