"""What approved work comes to and where its money is, for the sum on the customer's page."""

from sqlalchemy import func, select

from b2c_web.bookings.extra_work import ExtraCost, Standing
from b2c_web.bookings.models import Booking
from b2c_web.extensions import rules
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment, PaymentPurpose

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


def extra_costs_of(booking: Booking) -> list[ExtraCost]:
    """In `bookings.extra_costs_of`: nothing of what was declined, withdrawn, released or not done. One statement."""
    back = (
        select(func.coalesce(func.sum(Payment.refunded_cents), 0))
        .where(
            Payment.purpose == PaymentPurpose.EXTENSION,
            Payment.purpose_id == Extension.id,
            Payment.stripe_payment_intent_id == Extension.stripe_payment_intent_id,
        )
        .scalar_subquery()
    )
    approved = Extension.booking_id == booking.id, Extension.status == ExtensionStatus.APPROVED
    wanted = select(Extension, back).where(*approved).order_by(Extension.requested_at, Extension.id)
    rows = db.session.execute(wanted.execution_options(populate_existing=True)).all()
    work_over = booking.service_completed_at is not None
    costs = [_cost(extension, back_cents, work_over) for extension, back_cents in rows if _counts(extension)]
    return [cost for cost in costs if cost.cents]


def _counts(extension: Extension) -> bool:
    return extension.authorization_status in STANDINGS


def _cost(extension: Extension, back_cents: int, work_over: bool) -> ExtraCost:
    is_paid = extension.authorization_status is Auth.CAPTURED
    return ExtraCost(
        names=", ".join(extension.items[index]["name"] for index in rules.due_items(extension)),
        cents=extension.captured_amount_cents if is_paid else rules.due_cents(extension),
        standing=_standing(extension, work_over),
        vat_rate_percent=extension.vat_rate_percent,
        back_cents=back_cents if is_paid else 0,
    )


def _standing(extension: Extension, work_over: bool) -> Standing:
    if extension.by_mandate and extension.authorization_status is Auth.AUTHORIZED:
        return Standing.AGREED
    if work_over and extension.authorization_status in rules.UNPAID:
        return Standing.OWED
    return STANDINGS[extension.authorization_status]
