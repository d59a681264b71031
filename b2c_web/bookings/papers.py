"""A booking's papers: calendar file and receipts, for its page and for its mails."""

import uuid
from collections.abc import Sequence

from sqlalchemy import select

from b2c_web.bookings.labels import REFUND, line
from b2c_web.bookings.messages import booking_of, facts_of
from b2c_web.bookings.models import Booking, BookingMove, BookingStatus, MoveState
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.notifications import hooks as notification_hooks
from b2c_web.notifications.hooks import Attachment
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.documents import add_document
from b2c_web.payments.models import Document, DocumentKind, Payment, PaymentPurpose, Refund
from b2c_web.payments.queries import succeeded_payment
from b2c_web.payments.rules import is_made_outside


def calendar_of(booking: Booking) -> bytes:
    """The booking's dates as a calendar file; each move raises its sequence, so calendars replace the old one."""
    from b2c_web.bookings.calendar_file import booking_calendar  # slow to load, and no start needs it

    moves = select(BookingMove.id).where(BookingMove.booking_id == booking.id, BookingMove.state == MoveState.DONE)
    sequence = len(db.session.scalars(moves).all())
    ended = booking.status is BookingStatus.CANCELLED
    return booking_calendar(facts_of(booking), uid=str(booking.id), sequence=sequence + int(ended), cancelled=ended)


def calendar_type(booking: Booking) -> str:
    """The content type that tells calendars to add the dates, or to take them away."""
    method = "CANCEL" if booking.status is BookingStatus.CANCELLED else "PUBLISH"
    return f"text/calendar; method={method}; charset=utf-8"


def add_refund_document(booking: Booking, refund: Refund) -> None:
    """Step: the document of a refund that arrived, whatever of a locked booking it was paid for. Once per refund."""
    add_document(
        DocumentKind.REFUND,
        user_id=booking.user_id,
        booking_id=booking.id,
        purpose_id=refund.id,
        lines=[line(REFUND, refund.amount_cents)],
    )


def documents_of(booking: Booking) -> Sequence[Document]:
    """Receipts, fees and refunds of a booking, oldest first."""
    statement = select(Document).where(Document.booking_id == booking.id)
    return db.session.scalars(statement.order_by(Document.issued_at, Document.number)).all()


def document_of(booking: Booking, document_id: uuid.UUID) -> Document:
    """One document of this booking. Raises NotFound."""
    document = db.session.get(Document, document_id)
    if document is None or document.booking_id != booking.id:
        raise NotFound
    return document


def pdf_of(booking: Booking, document: Document, language: str) -> bytes:
    """The document as a PDF in this language. It names the method of the very payment that it is about."""
    from b2c_web.payments.pdf import receipt_pdf  # likewise

    fee = succeeded_payment(PaymentPurpose.MOVE_FEE, document.purpose_id)
    refund = _refund_of(document)
    payment = refund.payment if refund else fee or db.session.get(Payment, document.purpose_id)
    facts = facts_of(booking) | {
        "method_label": payment.method_label if payment else None,
        "charged": fee is not None,
        "credited": _is_credited(booking, refund),
        "made_outside": refund is not None and is_made_outside(refund),
    }
    return receipt_pdf(document, facts, language)


def _refund_of(document: Document) -> Refund | None:
    return db.session.get(Refund, document.purpose_id) if document.kind is DocumentKind.REFUND else None


def _is_credited(booking: Booking, refund: Refund | None) -> bool:
    """Was the money of this refund invoiced, so that a credit note follows? Late money was not, nor the fee of a move
    that was not made.
    """
    if refund is None or booking.paid_at is None:
        return refund is None
    if refund.payment.purpose is not PaymentPurpose.MOVE_FEE:
        return True
    return db.session.get_one(BookingMove, refund.payment.purpose_id).state is MoveState.DONE


def attachments(notification: Notification) -> list[Attachment]:
    """Calendar file and, when confirmed, the receipt."""
    booking = booking_of(notification)
    if booking is None:
        return []
    papers = [Attachment(f"{booking.number}.ics", calendar_of(booking), calendar_type(booking))]
    if notification.kind is NotificationKind.BOOKING_CONFIRMED:
        receipts = [one for one in documents_of(booking) if one.kind is DocumentKind.RECEIPT]
        papers += [
            Attachment(f"{one.number}.pdf", pdf_of(booking, one, notification.language), "application/pdf")
            for one in receipts
        ]
    return papers


def register() -> None:
    """Fill notifications' hooks for the messages that carry papers."""
    for kind in (
        NotificationKind.BOOKING_CONFIRMED,
        NotificationKind.BOOKING_MOVED,
        NotificationKind.BOOKING_CANCELLED,
        NotificationKind.BOOKING_WITHDRAWN,
    ):
        notification_hooks.attachments[kind] = attachments
