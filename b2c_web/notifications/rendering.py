"""A message in the language of its reader, as subject, text and HTML, from one template body.

A body is written with the blocks of `emails/_blocks.html` (or `_blocks_plain.txt`, which has the same names), so
text and HTML always say the same. Templates of both are escaped; the text is unescaped as a whole at the end.
"""

import html
import re
from dataclasses import dataclass
from typing import Any

from flask import current_app
from flask_babel import force_locale
from jinja2 import Environment, StrictUndefined, TemplateError

from b2c_web.notifications import facts
from b2c_web.notifications.models import Notification

KEPT = "message_templates"


class CannotWrite(Exception):
    """The message lacks facts that its template needs, or the template is broken."""


@dataclass(frozen=True)
class Rendered:
    """`subject` is one line without control characters; `text` has short paragraphs; `html` is a whole document."""

    subject: str
    text: str
    html: str


def render(row: Notification) -> Rendered:
    """Write the message of `row` in its own language. Raises CannotWrite."""
    lacking = facts.missing(row.kind, row.context)
    if lacking:
        raise CannotWrite(f"{row.kind} lacks {', '.join(lacking)}")
    with force_locale(row.language):
        try:
            return _render(row)
        except (TemplateError, ValueError) as error:
            raise CannotWrite(f"{row.kind}: {error}") from error


def _render(row: Notification) -> Rendered:
    folder = f"emails/{row.kind.value.lower()}"
    values = facts.readable(row.context) | {
        "language": row.language,
        "written_at": row.created_at,
        "base_url": facts.page_url(""),
        "page": _page,
    }
    environment = _strict()
    body = environment.get_template(f"{folder}/body.html")
    plain = {"layout": "emails/_layout_plain.txt", "blocks": "emails/_blocks_plain.txt"}
    rich = {"layout": "emails/_layout.html", "blocks": "emails/_blocks.html"}
    return Rendered(
        subject=one_line(environment.get_template(f"{folder}/subject.txt").render(values)),
        text=_tidy(html.unescape(body.render(values | plain))),
        html=body.render(values | rich),
    )


def _strict() -> Environment:
    """The application's templates, but a name that does not exist is an error instead of a gap. Made once: an
    environment keeps what it has compiled.
    """
    made: dict[str, Environment] = current_app.extensions
    if KEPT not in made:
        made[KEPT] = current_app.jinja_env.overlay(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return made[KEPT]


def _page(endpoint: str, **values: Any) -> str:
    """The address of one of our pages; messages are written outside of any request."""
    return facts.page_url(current_app.url_map.bind("").build(endpoint, values))


def one_line(text: str) -> str:
    """`text` without line breaks and control characters, so that nobody's name can start another mail header."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text).split())


def _tidy(text: str) -> str:
    """Without the indentation and the gaps that the template's own lines leave."""
    lines = "\n".join(line.strip(" \t") for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip() + "\n"
