"""Everything that other features and views do with payments, in one place.

Steps run inside the caller's transaction (`add_...`, `hold_payment`, `capture_payment`, `cancel_payment`); commands
have their own transactions and call the provider between them.
"""

from b2c_web.payments.authorizing import HoldWish, authorize_payment, wish_of
from b2c_web.payments.capturing import capture_held, retry_capture
from b2c_web.payments.checkout import open_checkout
from b2c_web.payments.closing import close_payment
from b2c_web.payments.customers import ensure_customer
from b2c_web.payments.documents import add_document
from b2c_web.payments.events import handle_event, receive_event
from b2c_web.payments.holds import capture_payment, hold_payment
from b2c_web.payments.methods import make_default, remove_method
from b2c_web.payments.outside import record_refund_outside
from b2c_web.payments.reconciliation import Difference, reconcile
from b2c_web.payments.refunding import add_refund, retry_refund, run_refund, sync_refunds
from b2c_web.payments.settling import settle_payment
from b2c_web.payments.setup_settling import settle_setup
from b2c_web.payments.setups import Wish, hear_of_setup, open_setup
from b2c_web.payments.steps import add_payment, cancel_payment, lock_payment

__all__ = [
    "Difference",
    "HoldWish",
    "Wish",
    "add_document",
    "add_payment",
    "add_refund",
    "authorize_payment",
    "cancel_payment",
    "capture_held",
    "capture_payment",
    "close_payment",
    "ensure_customer",
    "handle_event",
    "hear_of_setup",
    "hold_payment",
    "lock_payment",
    "make_default",
    "open_checkout",
    "open_setup",
    "receive_event",
    "reconcile",
    "record_refund_outside",
    "remove_method",
    "retry_capture",
    "retry_refund",
    "run_refund",
    "settle_payment",
    "settle_setup",
    "sync_refunds",
    "wish_of",
]
