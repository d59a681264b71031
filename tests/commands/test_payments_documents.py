"""Receipts, fees and refund confirmations: once each, VAT once, the rate kept."""

from datetime import date
from typing import Any

import pytest
from flask import Flask

from b2c_web.bookings.models import Booking
from b2c_web.payments.documents import Line, add_document
from b2c_web.payments.models import DocumentKind
from b2c_web.payments.queries import documents_of
from tests.factories import WINDOWS, make_booking, make_day, make_slot, make_workshop

LINES: list[Line] = [{"label": "Bremsen", "gross_cents": 24900}, {"label": "Concierge", "gross_cents": 3900}]


@pytest.fixture
def booking(session: Any) -> Booking:
    workshop, day = make_workshop(), date(2026, 12, 1)
    make_day(workshop, day)
    return make_booking(make_slot(workshop, day, WINDOWS[0]))


def _add(booking: Booking, kind: DocumentKind = DocumentKind.RECEIPT, lines: list[Line] = LINES, **more: Any) -> Any:
    return add_document(kind, booking.user_id, booking.id, booking.id, lines, **more)


def test_vat_is_contained_in_the_sum_and_its_rate_is_kept(booking: Booking) -> None:
    document = _add(booking)
    assert (document.gross_cents, document.vat_rate_percent, document.vat_cents) == (28800, 19, 4598)
    assert document.lines == LINES
    assert document.number.startswith("BL-")


def test_a_document_is_written_once(booking: Booking) -> None:
    first = _add(booking)
    assert _add(booking, lines=[{"label": "etwas anderes", "gross_cents": 1}]) is first
    fee = _add(booking, DocumentKind.FEE)
    late = _add(booking, DocumentKind.FEE, reference="move")
    assert len({first.number, fee.number, late.number}) == 3
    assert list(documents_of(booking.id)) == [first, fee, late]


def test_a_changed_rate_leaves_old_documents_alone(
    app: Flask, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _add(booking)
    monkeypatch.setitem(app.config, "VAT_RATE_PERCENT", 16)
    after = _add(booking, DocumentKind.FEE)
    assert (before.vat_rate_percent, before.vat_cents) == (19, 4598)
    assert (after.vat_rate_percent, after.vat_cents) == (16, 3972)


def test_a_document_over_nothing_is_refused(booking: Booking) -> None:
    for lines in ([], [{"label": "nichts", "gross_cents": 0}]):
        with pytest.raises(ValueError, match="positive"):
            _add(booking, lines=lines)
