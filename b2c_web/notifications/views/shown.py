"""What the pages of admins and of the outbox share: how a list is asked for and how a message is shown."""

from enum import StrEnum
from typing import Any, TypeVar

from flask import Response, request, url_for

from b2c_web.errors import NotFound
from b2c_web.notifications import sending, words
from b2c_web.notifications.models import Notification, NotificationKind, NotificationStatus
from b2c_web.notifications.queries import Page, Wanted

# A message's own HTML: nothing but its own styles, wherever its words came from.
MESSAGE_ONLY = {
    "default-src": "'none'",
    "style-src": "'unsafe-inline'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "sandbox": "",
}

Choice = TypeVar("Choice", bound=StrEnum)


def wanted() -> Wanted:
    """What the address asks for; anything unknown counts as not given."""
    page = request.args.get("page", "1")
    return Wanted(
        search=request.args.get("q", "").strip()[:100],
        kind=_choice(NotificationKind, "kind"),
        status=_choice(NotificationStatus, "status"),
        oldest_first=request.args.get("sort") == "oldest",
        page=int(page) if page.isdecimal() and len(page) < 7 else 1,
    )


def _choice(kind: type[Choice], name: str) -> Choice | None:
    return kind.__members__.get(request.args.get(name, ""))


def address(endpoint: str, asked: Wanted, **changes: Any) -> str:
    """The list again with some of what was asked for changed; defaults stay out of the address."""
    values = {
        "q": asked.search,
        "kind": asked.kind,
        "status": asked.status,
        "sort": "oldest" if asked.oldest_first else None,
    }
    return url_for(endpoint, **{key: value for key, value in (values | changes).items() if value})


def list_context(endpoint: str, asked: Wanted, page: Page) -> dict[str, Any]:
    """Everything that `notifications/_list.html` needs."""
    return {
        "listing": page,
        "asked": asked,
        "kinds": words.KINDS,
        "statuses": words.STATUSES,
        "list_href": url_for(endpoint),
        "item_endpoint": f"{endpoint}_message",
        "sort_href": address(endpoint, asked, sort=None if asked.oldest_first else "oldest"),
        "previous_href": address(endpoint, asked, page=page.number - 1) if page.has_previous else "",
        "next_href": address(endpoint, asked, page=page.number + 1) if page.has_next else "",
    }


def message_context(endpoint: str, row: Notification) -> dict[str, Any]:
    """Everything that `notifications/_message.html` needs."""
    return {
        "message": row,
        "is_masked": getattr(row, "is_masked", False),
        "kind_word": words.KINDS[row.kind],
        "error_word": words.error_word(row.error),
        "attachments": sending.attachments_of(row),
        "endpoint": endpoint,
    }


def html_of(row: Notification) -> Response:
    """The message as its reader sees it. The view that answers with it sets MESSAGE_ONLY as its policy."""
    if row.body_html is None:
        raise NotFound
    return Response(row.body_html, content_type="text/html; charset=utf-8")


def attachment_of(row: Notification, index: int) -> Response:
    """One file of the message, to be saved and never shown in place."""
    files = sending.attachments_of(row)
    if index >= len(files):
        raise NotFound
    answer = Response(files[index].content, content_type=files[index].content_type)
    answer.headers.set("Content-Disposition", "attachment", filename=files[index].filename)
    return answer
