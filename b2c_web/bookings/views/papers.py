"""A booking's files: calendar and receipts."""

import uuid

from flask import Response
from flask_login import current_user

from b2c_web.access import requires
from b2c_web.bookings import blueprint, papers
from b2c_web.bookings.queries import own_booking
from b2c_web.formatting import language


def _file(content: bytes, content_type: str, name: str) -> Response:
    answer = Response(content, content_type=content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@blueprint.get("/bookings/<uuid:booking_id>/calendar.ics")
@requires("bookings.own")
def calendar_file(booking_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    return _file(papers.calendar_of(booking), "text/calendar; charset=utf-8", f"{booking.number}.ics")


@blueprint.get("/bookings/<uuid:booking_id>/documents/<uuid:document_id>.pdf")
@requires("bookings.own")
def document(booking_id: uuid.UUID, document_id: uuid.UUID) -> Response:
    booking = own_booking(current_user, booking_id)
    paper = papers.document_of(booking, document_id)
    return _file(papers.pdf_of(booking, paper, language()), "application/pdf", f"{paper.number}.pdf")
