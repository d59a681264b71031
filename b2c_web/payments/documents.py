"""Receipts, kept fees and refund confirmations: rows with VAT computed once, drawn as PDF elsewhere."""

import uuid
from typing import Any, TypedDict

from flask import current_app
from sqlalchemy import select

from b2c_web.clock import now_utc
from b2c_web.flask_extensions import db
from b2c_web.money import contained_vat_cents
from b2c_web.payments.models import Document, DocumentKind


class Line(TypedDict):
    """One line: `label` is a text of ours in German (a msgid, translated when drawn), the gross sum in cents."""

    label: str
    gross_cents: int


def add_document(
    kind: DocumentKind,
    user_id: uuid.UUID,
    booking_id: uuid.UUID,
    purpose_id: uuid.UUID,
    lines: list[Line],
    *,
    reference: str = "",
    about: dict[str, Any] | None = None,
) -> Document:
    """Step: a numbered document over `lines`, once per (kind, purpose_id, reference); repeated: the first one.

    `about`: what else is printed on it, as it is now: a paper that was given out does not change.
    VAT is contained in the sum and computed once, at today's VAT_RATE_PERCENT, which the document keeps. Whoever
    calls has locked the booking. Raises ValueError unless the sum is positive.
    """
    known = select(Document).filter_by(kind=kind, purpose_id=purpose_id, reference=reference)
    document = db.session.scalar(known)
    if document is not None:
        return document
    gross_cents = sum(line["gross_cents"] for line in lines)
    if gross_cents <= 0:
        raise ValueError("a document needs a positive sum")
    rate_percent = current_app.config["VAT_RATE_PERCENT"]
    document = Document(
        kind=kind,
        user_id=user_id,
        booking_id=booking_id,
        purpose_id=purpose_id,
        reference=reference,
        lines=[dict(line) for line in lines],
        about=about or {},
        gross_cents=gross_cents,
        vat_rate_percent=rate_percent,
        vat_cents=contained_vat_cents(gross_cents, rate_percent),
        issued_at=now_utc(),
    )
    db.session.add(document)
    db.session.flush()
    return document
