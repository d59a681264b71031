"""A booking's papers: calendar file and receipts, for its page and for its mails."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select

from b2c_web.bookings.labels import REFUND, line
from b2c_web.bookings.messages import booking_of, facts_of
from b2c_web.bookings.models import AssignmentType, Booking, BookingMove, BookingStatus, MoveState, Trip
from b2c_web.errors import NotFound
from b2c_web.flask_extensions import db
from b2c_web.notifications import hooks as notification_hooks
from b2c_web.notifications.hooks import Attachment
from b2c_web.notifications.models import Notification, NotificationKind
from b2c_web.payments.documents import Line, add_document
from b2c_web.payments.models import Document, DocumentKind, Payment, PaymentPurpose, Refund
from b2c_web.payments.queries import succeeded_payment
from b2c_web.payments.rules import is_made_outside


def calendar_of(booking: Booking) -> bytes:
    """The booking's dates as a calendar file; whatever changes them raises its sequence, so calendars replace the old
    one.
    """
    return _calendar(booking, facts_of(booking), cancelled=booking.status is BookingStatus.CANCELLED)


def _calendar(booking: Booking, facts: dict[str, Any], *, cancelled: bool) -> bytes:
    from b2c_web.bookings.calendar_file import booking_calendar  # slow to load, and no start needs it

    moves = select(func.count(BookingMove.id)).filter_by(booking_id=booking.id, state=MoveState.DONE)
    returns = select(func.count(Trip.id)).filter_by(booking_id=booking.id, type=AssignmentType.RETURN)
    changes = db.session.scalars(moves.union_all(returns)).all()
    ended = cancelled or booking.status is BookingStatus.CANCELLED
    return booking_calendar(facts, uid=str(booking.id), sequence=sum(changes) + int(ended), cancelled=cancelled)


def calendar_type(booking: Booking) -> str:
    """The content type that tells calendars to add the dates, or to take them away."""
    return _type_of(cancelled=booking.status is BookingStatus.CANCELLED)


def _type_of(*, cancelled: bool) -> str:
    return f"text/calendar; method={'CANCEL' if cancelled else 'PUBLISH'}; charset=utf-8"


PRINTED = ("name", "address", "postal_code", "city", "service", "car", "plate", "pickup_start", "pickup_end")


def add_paper(
    kind: DocumentKind, booking: Booking, purpose_id: uuid.UUID, lines: list[Line], *, reference: str = ""
) -> Document:
    """Step: a numbered document of a locked booking, which says for good what stands in it now. See `add_document`."""
    facts = facts_of(booking)
    about = {name: facts[name] for name in PRINTED}
    return add_document(kind, booking.user_id, booking.id, purpose_id, lines, reference=reference, about=about)


def add_refund_document(booking: Booking, refund: Refund) -> None:
    """Step: the document of a refund that arrived, whatever of a locked booking it was paid for. Once per refund."""
    add_paper(DocumentKind.REFUND, booking, refund.id, [line(REFUND, refund.amount_cents)])


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
    facts = (
        facts_of(booking)
        | document.about
        | {
            "method_label": payment.method_label if payment else None,
            "charged": fee is not None,
            "credited": _is_credited(booking, refund),
            "made_outside": refund is not None and is_made_outside(refund),
        }
    )
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
    """Calendar file and the paper of what was paid or kept: when confirmed, moved for a fee, cancelled for a fee."""
    booking = booking_of(notification)
    if booking is None:
        return []
    dates = Attachment(f"{booking.number}.ics", calendar_of(booking), calendar_type(booking))
    enclosed = [one for one in documents_of(booking) if _is_about(notification, one)]
    return [dates, *(_as_pdf(booking, one, notification.language) for one in enclosed)]


def _is_about(notification: Notification, document: Document) -> bool:
    if notification.kind is NotificationKind.BOOKING_CONFIRMED:
        return document.kind is DocumentKind.RECEIPT
    of_what = {NotificationKind.BOOKING_MOVED: 2, NotificationKind.BOOKING_CANCELLED: 1}  # its key: kind, booking, move
    part = of_what.get(notification.kind)
    return part is not None and notification.dedupe_key.split(":")[part] == str(document.purpose_id)


def _as_pdf(booking: Booking, document: Document, language: str) -> Attachment:
    return Attachment(f"{document.number}.pdf", pdf_of(booking, document, language), "application/pdf")


def new_dates(notification: Notification) -> list[Attachment]:
    """The return has another window: it stands in the calendar, also that of a booking which staff cancelled here."""
    booking = booking_of(notification)
    if booking is None:
        return []
    dates = _calendar(booking, facts_of(booking), cancelled=False)
    return [Attachment(f"{booking.number}.ics", dates, _type_of(cancelled=False))]


def no_dates_at_the_door(notification: Notification) -> list[Attachment]:
    """The customer brought a concierge car: pickup and return leave the calendar."""
    booking = booking_of(notification) if notification.context.get("brought") else None
    if booking is None:
        return []
    gone = _calendar(booking, facts_of(booking) | {"concierge": True}, cancelled=True)
    return [Attachment(f"{booking.number}.ics", gone, _type_of(cancelled=True))]


def register() -> None:
    """Fill notifications' hooks for the messages that carry papers."""
    for kind in (
        NotificationKind.BOOKING_CONFIRMED,
        NotificationKind.BOOKING_MOVED,
        NotificationKind.BOOKING_CANCELLED,
        NotificationKind.BOOKING_WITHDRAWN,
    ):
        notification_hooks.attachments[kind] = attachments
    notification_hooks.attachments[NotificationKind.RETURN_MOVED] = new_dates
    notification_hooks.attachments[NotificationKind.IN_WORKSHOP] = no_dates_at_the_door
