"""The money of extensions: held at approval, taken at completion. Glue onto the holds of payments.

The steps run in the commands of extensions; the rest is called by payments' hooks, in the payment's transaction, with
booking, extension and payment locked in this order. Whatever comes twice, late or out of order changes nothing.
"""

import uuid
from typing import Any

from b2c_web import audit
from b2c_web.bookings import messages as booking_messages
from b2c_web.bookings.commands import finish_settling
from b2c_web.bookings.giving_back import LATE_MONEY, WITHDRAWAL
from b2c_web.bookings.labels import line
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.bookings.papers import add_paper, add_refund_document
from b2c_web.extensions import hooks, messages, rules
from b2c_web.extensions.access import lock_extension
from b2c_web.extensions.items import from_json
from b2c_web.extensions.models import AuthorizationStatus, Extension
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments import hooks as payment_hooks
from b2c_web.payments.documents import Line
from b2c_web.payments.holds import capture_payment, hold_payment, owe, payments_in_line
from b2c_web.payments.models import DocumentKind, Payment, PaymentPurpose, PaymentState, Refund, RefundState
from b2c_web.payments.queries import refundable_cents
from b2c_web.payments.refunding import add_refund, replace_failed
from b2c_web.payments.rules import NOT_CAPTURED
from b2c_web.payments.steps import cancel_payment

Auth = AuthorizationStatus
PURPOSE = PaymentPurpose.EXTENSION
BEING_TAKEN = frozenset({Auth.CAPTURING, Auth.PROCESSING})
OVER = frozenset({Auth.CAPTURED, Auth.RELEASED, Auth.NONE})
NOT_TAKEN = "the hold was gone before the money was taken"
NOT_CHARGED = "nothing of it is charged any more"
# what a person is asked to see to because money of an extension is wanted
WANTED = ("payments.authorize", "payments.hold_lapses", "payments.capture", "payments.debt", "extensions.capture")
LABEL = "Auftragserweiterung"
PROVIDER = "provider"  # who moves the money, in the audit log


def hold(
    extension: Extension, booking: Booking, *, method_id: uuid.UUID | None = None, on_page: bool = False
) -> Payment:
    """Step: the approved sum is to be held, on a saved method (None: the usual one) or on a page."""
    wish = PURPOSE, extension.id, booking.user_id, extension.approved_amount_cents
    description = f"{LABEL} {booking.number}"
    payment = hold_payment(*wish, method_id=method_id, on_page=on_page, description=description)
    extension.by_mandate = payment.by_mandate
    if not on_page:
        extension.failure_code = None
        enter(extension, Auth.PENDING)
    return payment


def release(extension: Extension) -> None:
    """Step: nothing of it will be charged: whatever is or may be held goes back, and nobody is to see to it."""
    attempts = payments_in_line(PURPOSE, extension.id)
    for payment in attempts:
        cancel_payment(payment)
    payment_hooks.settle(WANTED, [extension.id, *(payment.id for payment in attempts)], NOT_CHARGED)
    enter(extension, Auth.RELEASED)


def settle(extension: Extension) -> None:
    """Step: the work is completed: take what was accepted and done, release the rest, once.

    Approved but never held: not done, nothing charged. Done before, and the money failed to come: stays open.
    """
    if extension.authorization_status not in rules.HOLDABLE:
        return
    due_cents, held = rules.due_cents(extension), _held(extension.id)
    if due_cents and is_owed(extension):
        keep_owed(extension)
        return
    if held is None:
        extension.not_done_items = list(extension.accepted_items)
    if held is None or due_cents == 0:
        release(extension)
        return
    enter(extension, Auth.CAPTURING, due_cents=due_cents)
    capture_payment(held, due_cents)


def is_owed(extension: Extension) -> bool:
    """Was this work finished once, and its money asked for, but nothing of it is held any more?"""
    attempts = payments_in_line(PURPOSE, extension.id)
    asked_for = any(one.capture_cents is not None for one in attempts)
    return asked_for and not any(one.state is PaymentState.AUTHORIZED for one in attempts)


def keep_owed(extension: Extension) -> None:
    """Step: the sum stays open; an attempt to pay it otherwise that is still under way ends."""
    for payment in payments_in_line(PURPOSE, extension.id):
        cancel_payment(payment)
    enter(extension, Auth.FAILED)


def _held(extension_id: uuid.UUID) -> Payment | None:
    """The attempt that holds the money; with a renewal under way the older one."""
    held = [one for one in payments_in_line(PURPOSE, extension_id) if one.state is PaymentState.AUTHORIZED]
    return held[-1] if held else None


def enter(extension: Extension, status: AuthorizationStatus, *, actor: str | None = None, **facts: Any) -> None:
    """Step: the money's next state, with before and after in the audit log."""
    before, extension.authorization_status = extension.authorization_status, status
    promised = {"by_mandate": True} if extension.by_mandate else {}
    db.session.flush()
    if before is not status:
        audit.record(
            "extension.money",
            "extension",
            extension.id,
            before={"authorization_status": before.value, **promised},
            after={"authorization_status": status.value, **promised, **facts},
            actor=actor,
        )


def lock(extension_id: uuid.UUID) -> tuple[Booking, Extension]:
    """Lock booking and extension before the payment."""
    return lock_extension(extension_id)


def _locked(payment: Payment) -> tuple[Booking, Extension]:
    """What `lock` has locked and read anew in this transaction, before the payment."""
    extension = db.session.get_one(Extension, payment.purpose_id)
    return db.session.get_one(Booking, extension.booking_id), extension


def authorized(payment: Payment) -> None:
    """Money is held, or a mandate promises it: work may begin. What nobody wants any more goes back at once."""
    booking, extension = _locked(payment)
    if rules.work_refusal(booking) or extension.authorization_status not in rules.HOLDABLE:
        if extension.authorization_status not in BEING_TAKEN:
            cancel_payment(payment)
        return
    extension.failure_code, extension.by_mandate = None, payment.by_mandate
    extension.stripe_payment_intent_id = payment.stripe_payment_intent_id
    enter(extension, Auth.AUTHORIZED, actor=PROVIDER)


def processing(payment: Payment) -> None:
    """A debit is under way, perhaps after taking it was given up: that counts as decided, and may still fail."""
    booking, extension = lock_extension(payment.purpose_id)
    if extension.authorization_status is Auth.CAPTURING or _is_given_up(extension):
        extension.failure_code = None
        enter(extension, Auth.PROCESSING, actor=PROVIDER)
        _go_on(booking)


def _is_given_up(extension: Extension) -> bool:
    """Is the money held or promised still, and taking it failed for good?"""
    return extension.authorization_status is Auth.FAILED and extension.failure_code == NOT_CAPTURED


def paid(payment: Payment) -> None:
    """The money came: receipt, accounting, and the car is ready when this was the last one. A second one goes back."""
    booking, extension = lock_extension(payment.purpose_id)
    if extension.authorization_status in OVER:
        _give_back(booking, extension, payment)
        return
    extension.captured_amount_cents = payment.captured_cents
    extension.payment_captured_at = payment.succeeded_at
    extension.stripe_payment_intent_id = payment.stripe_payment_intent_id
    extension.failure_code = None
    enter(extension, Auth.CAPTURED, actor=PROVIDER, captured_cents=payment.captured_cents)
    add_paper(DocumentKind.RECEIPT, booking, payment.id, _lines(extension, payment.captured_cents))
    hooks.captured(booking, extension)
    if booking.all_goes_back and (back_cents := give_back(extension)):
        _tell_returned(booking, payment, back_cents)
    _go_on(booking)


def give_back(extension: Extension) -> int:
    """Step: what was captured and is not on its way back goes back, once. Returns the cents."""
    back_cents = 0
    for payment in payments_in_line(PURPOSE, extension.id):
        if not _is_captured(extension, payment):
            continue
        replace_failed(payment)
        if left := refundable_cents(payment):
            made = add_refund(payment, left, WITHDRAWAL)
            back_cents += made.amount_cents if made is not None else 0
    return back_cents


def _give_back(booking: Booking, extension: Extension, payment: Payment) -> None:
    """Money that nobody waits for, unless it is the money that came already, told once more."""
    if _is_captured(extension, payment):
        return
    if made := add_refund(payment, payment.captured_cents, LATE_MONEY):
        _tell_returned(booking, payment, made.amount_cents)


def _tell_returned(booking: Booking, payment: Payment, cents: int) -> None:
    told: dict[str, Any] = {"refund_cents": cents, "paid_for": "extension"}
    booking_messages.send(NotificationKind.MONEY_RETURNED, booking, once=str(payment.id), **told)


def _is_captured(extension: Extension, payment: Payment) -> bool:
    """Is this the money that counts as the extension's, with its receipt and its invoice?"""
    same = extension.stripe_payment_intent_id == payment.stripe_payment_intent_id
    return extension.authorization_status is Auth.CAPTURED and same


def refunded(refund: Refund) -> None:
    """Money went back: of what was captured, each refund has its document and its credit note.

    `captured_amount_cents` stays what was captured. Money that never counted goes back without papers.
    """
    booking, extension = _locked(refund.payment)
    if refund.state is RefundState.SUCCEEDED and _is_captured(extension, refund.payment):
        add_refund_document(booking, refund)
        hooks.refunded(booking, extension)


def _lines(extension: Extension, captured_cents: int) -> list[Line]:
    """The work that was done, when its sum is what was charged; else the sum alone."""
    if rules.due_cents(extension) != captured_cents:
        return [line(LABEL, captured_cents)]
    done = [from_json(extension.items[index]) for index in rules.due_items(extension)]
    return [line(item.name, rules.item_cents(item.price_cents, item.quantity)) for item in done]


def failed(payment: Payment) -> None:
    """A no. Before completion the customer pays otherwise; after it the sum is open and people are told, unless the
    contract is withdrawn from. What nobody wants is not kept held."""
    booking, extension = lock_extension(payment.purpose_id)
    if extension.authorization_status in OVER:
        cancel_payment(payment)
    elif extension.authorization_status in BEING_TAKEN and booking.withdrawn_at is not None:
        extension.failure_code = payment.failure_code
        release(extension)
    elif extension.authorization_status in BEING_TAKEN:
        extension.failure_code = payment.failure_code
        _leave_open(booking, extension, payment)
    elif extension.authorization_status in rules.UNPAID | {Auth.PENDING} and not rules.work_refusal(booking):
        extension.failure_code = payment.failure_code
        status = rules.waits_for_customer(payment.failure_code)
        enter(extension, status, actor=PROVIDER, failure_code=payment.failure_code)
        is_at_page = payment.hold_asked_at is None  # which says it, and was written of when it was needed
        if not _is_given_up(extension) and not is_at_page:
            once = f"{payment.attempt}:{payment.failure_reference or ''}"
            messages.payment_needed(booking, extension, payment.failure_code, once)
    if extension.authorization_status is Auth.FAILED:
        owe(payment)


def closed(payment: Payment) -> None:
    """A page ended unpaid, which changes nothing; or a hold ended, also unheard of: held again, or the sum is open."""
    booking, extension = lock_extension(payment.purpose_id)
    if _held(extension.id) is not None:
        return
    if extension.authorization_status is Auth.CAPTURING and booking.withdrawn_at is not None:
        release(extension)
    elif extension.authorization_status is Auth.CAPTURING:
        payment_hooks.give_up("extensions.capture", {"extension_id": str(extension.id)}, NOT_TAKEN)
        _leave_open(booking, extension, payment)
    elif extension.authorization_status in (Auth.AUTHORIZED, Auth.PENDING):
        enter(extension, Auth.FAILED, actor=PROVIDER)
        messages.payment_needed(booking, extension, None, f"lapsed:{payment.attempt}")
    elif _is_given_up(extension):
        extension.failure_code = None  # nothing is left that could be taken after all


def _leave_open(booking: Booking, extension: Extension, payment: Payment) -> None:
    """The work is done and its money was not taken: the workshop hears of it, too."""
    enter(extension, Auth.FAILED, actor=PROVIDER, failure_code=payment.failure_code)
    messages.left_open(booking, extension, once=f"{payment.attempt}:{payment.key_version}")
    _go_on(booking)


def _go_on(booking: Booking) -> None:
    """The car is ready for its return when this was the last thing undecided."""
    if booking.status is BookingStatus.IN_WORKSHOP:
        finish_settling(booking)


def register() -> None:
    """Fill payments' hooks for extensions. Doing it twice changes nothing."""
    payment_hooks.lock[PURPOSE] = lock
    payment_hooks.authorized[PURPOSE] = authorized
    payment_hooks.processing[PURPOSE] = processing
    payment_hooks.paid[PURPOSE] = paid
    payment_hooks.failed[PURPOSE] = failed
    payment_hooks.closed[PURPOSE] = closed
    payment_hooks.refunded[PURPOSE] = refunded
