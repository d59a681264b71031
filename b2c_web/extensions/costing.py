"""What approved work comes to and where its money is, for the sum on the customer's page."""

import uuid
from collections.abc import Sequence

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, func, literal, select

from b2c_web.bookings.extra_work import ExtraCost, Standing
from b2c_web.bookings.giving_back import LATE_MONEY, WITHDRAWAL
from b2c_web.bookings.models import Booking
from b2c_web.extensions import rules
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.rules import MADE_ELSEWHERE, OUTSIDE

Auth = AuthorizationStatus
STANDINGS = {
    Auth.PENDING: Standing.NOT_HELD,
    Auth.REQUIRES_ACTION: Standing.NOT_HELD,
    Auth.FAILED: Standing.NOT_HELD,
    Auth.AUTHORIZED: Standing.HELD,
    Auth.CAPTURING: Standing.TAKING,
    Auth.PROCESSING: Standing.TAKING,
    Auth.CAPTURED: Standing.PAID,
}
DUE = (Auth.CAPTURING, Auth.PROCESSING, Auth.FAILED)
# the payment that counts as an extension's, with its receipt and its invoice
CAPTURED = (
    Payment.purpose == PaymentPurpose.EXTENSION,
    Payment.purpose_id == Extension.id,
    Payment.stripe_payment_intent_id == Extension.stripe_payment_intent_id,
)


def refundable_cents(booking: Booking) -> int:
    """In `bookings.cents_beside`: what was captured and is not on its way back. One statement."""
    going_back = select(func.coalesce(func.sum(Refund.amount_cents), 0)).where(
        Refund.payment_id == Payment.id, Refund.state != RefundState.FAILED
    )
    left = select(func.coalesce(func.sum(Payment.captured_cents - going_back.scalar_subquery()), 0))
    mine = Extension.booking_id == booking.id, Extension.authorization_status == Auth.CAPTURED
    return int(db.session.scalar(left.join(Extension, and_(*CAPTURED)).where(*mine)) or 0)


def is_due(booking: Booking) -> bool:
    """In `bookings.is_due`: is approved work still owed, or its money on its way to us? One statement."""
    due = select(Extension.id).where(Extension.booking_id == booking.id, Extension.authorization_status.in_(DUE))
    return db.session.scalar(select(due.exists())) is True


def extra_costs_of(booking: Booking) -> list[ExtraCost]:
    """In `bookings.extra_costs_of`: nothing of what was declined, withdrawn, released or not done. One statement."""
    back = select(func.coalesce(func.sum(Payment.refunded_cents), 0)).where(*CAPTURED).scalar_subquery()
    under_way = _refunds(Refund.state == RefundState.PENDING)
    by_the_end = _is_by_the_end(booking)
    withdrawn, outside = _refunds(by_the_end), _refunds(by_the_end, Refund.reference.startswith(OUTSIDE))
    approved = Extension.booking_id == booking.id, Extension.status == ExtensionStatus.APPROVED
    wanted = select(Extension, back, under_way, withdrawn, outside, _is_owed(), _is_held()).where(*approved)
    ordered = wanted.order_by(Extension.requested_at, Extension.id).execution_options(populate_existing=True)
    work_over = booking.service_completed_at is not None
    rows = [row for row in db.session.execute(ordered) if _counts(row[0])]
    costs = [
        _cost(extension, back, _standing(extension, is_asked_for=is_owed or work_over, is_held=is_held))
        for extension, *back, is_owed, is_held in rows
    ]
    return [cost for cost in costs if cost.cents]


def late_refunds_of(booking: Booking) -> Sequence[Refund]:
    """In `bookings.late_refunds_of`: of money that nobody waited for any more, oldest first. One statement."""
    own = Payment.purpose == PaymentPurpose.EXTENSION, Extension.booking_id == booking.id
    late = select(Refund).join(Payment).join(Extension, Payment.purpose_id == Extension.id)
    return db.session.scalars(late.where(*own, Refund.reason == LATE_MONEY).order_by(Refund.id)).all()


def _is_by_the_end(booking: Booking) -> ColumnElement[bool]:
    """As `giving_back.by_the_end`."""
    ended_at = literal(booking.cancelled_at, Refund.created_at.type)
    by_hand = (Refund.reason == MADE_ELSEWHERE) & (Refund.created_at > ended_at)
    return (Refund.state != RefundState.FAILED) & ((Refund.reason == WITHDRAWAL) | by_hand)


def _refunds(*which: ColumnElement[bool]) -> ScalarSelect[int]:
    """The sum of some refunds of an extension's captured money."""
    total = select(func.coalesce(func.sum(Refund.amount_cents), 0))
    return total.join(Payment).where(*CAPTURED, *which).scalar_subquery()


def _is_owed() -> ColumnElement[bool]:
    """As `money.is_owed`: finished once, its money asked for, and nothing of it held any more."""
    asked_for = _attempts().where(Payment.capture_cents.is_not(None)).exists()
    return asked_for & ~_is_held()


def _is_held() -> ColumnElement[bool]:
    """Held, or promised by a mandate; also after taking it failed."""
    return _attempts().where(Payment.state == PaymentState.AUTHORIZED).exists()


def _attempts() -> Select[uuid.UUID]:
    return select(Payment.id).where(Payment.purpose == PaymentPurpose.EXTENSION, Payment.purpose_id == Extension.id)


def _counts(extension: Extension) -> bool:
    return extension.authorization_status in STANDINGS


def _cost(extension: Extension, back: Sequence[int], standing: Standing) -> ExtraCost:
    """`back`: what went back of it, what is on its way back, what of both the end gives back, and of that outside."""
    is_paid = extension.authorization_status is Auth.CAPTURED
    return ExtraCost(
        names=", ".join(extension.items[index]["name"] for index in rules.due_items(extension)),
        cents=extension.captured_amount_cents if is_paid else rules.due_cents(extension),
        standing=standing,
        vat_rate_percent=extension.vat_rate_percent,
        back_cents=int(back[0]) if is_paid else 0,
        going_back_cents=int(back[1]) if is_paid else 0,
        withdrawal_cents=int(back[2]) if is_paid else 0,
        another_way=is_paid and bool(back[3]),
    )


def _standing(extension: Extension, *, is_asked_for: bool, is_held: bool) -> Standing:
    standing = STANDINGS[extension.authorization_status]
    if is_asked_for and standing is Standing.NOT_HELD:
        return Standing.OWED
    if extension.authorization_status is Auth.FAILED and is_held:
        standing = Standing.HELD  # only taking it failed
    return Standing.AGREED if extension.by_mandate and standing is Standing.HELD else standing
