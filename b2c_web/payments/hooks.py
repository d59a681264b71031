"""What happens on the right when money moves: filled by the features that something is paid for.

All of them run inside the payment's own transaction, with the rows locked in the order purpose, payment.
A raise rolls everything back; the job or the next event tries again.
"""

import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from b2c_web.flask_extensions import db
from b2c_web.payments.models import Payment, PaymentPurpose, Refund

OnPayment = Callable[[Payment], None]

# lock the purpose's own row first, so that everybody locks in one order; returns what it read
lock: dict[PaymentPurpose, Callable[[uuid.UUID], object]] = {}
# the money is here, once per payment; also after the payment was given up (late money): keep it or give it back
paid: dict[PaymentPurpose, OnPayment] = {}
# a debit is under way: it counts as decided, and may still fail
processing: dict[PaymentPurpose, OnPayment] = {}
# money is held and waits to be captured
authorized: dict[PaymentPurpose, OnPayment] = {}
# an attempt was declined (`payment.failure_code`), once per attempt; while OPEN the customer can try again
failed: dict[PaymentPurpose, OnPayment] = {}
# the provider ended it unpaid (the page expired, a hold lapsed); not called for our own `cancel_payment`
closed: dict[PaymentPurpose, OnPayment] = {}
# a refund arrived (SUCCEEDED), or came back or failed for good (FAILED)
refunded: dict[PaymentPurpose, Callable[[Refund], None]] = {}
# something was given up and needs a person: (operation, payload, error)
gave_up: list[Callable[[str, dict[str, Any], str], None]] = []
# what was put before a person is over: (operations, ids in their payload, how it ended, who ended it if anybody)
settled: list[Callable[[Collection[str], Collection[uuid.UUID], str, uuid.UUID | None], None]] = []

Thing = TypeVar("Thing", Payment, Refund)


def lock_purpose(purpose: PaymentPurpose, purpose_id: uuid.UUID) -> None:
    """Lock what is paid for, when anything registered for it. The session keeps what was read, for who is told."""
    if purpose in lock:
        db.session.info["locked"] = lock[purpose](purpose_id)  # it forgets rows that nobody holds


def tell(listeners: Mapping[PaymentPurpose, Callable[[Thing], None]], purpose: PaymentPurpose, thing: Thing) -> None:
    """Call what is registered for the purpose, if anything is."""
    if purpose in listeners:
        listeners[purpose](thing)


def give_up(operation: str, payload: dict[str, Any], error: str) -> None:
    """Put something before a person, inside the running transaction."""
    for listener in gave_up:
        listener(operation, payload, error)


def settle(operations: Collection[str], ids: Collection[uuid.UUID], how: str, *, by: uuid.UUID | None = None) -> None:
    """Nobody needs to see to these operations about these ids any more; inside the running transaction."""
    for listener in settled:
        listener(operations, ids, how, by)


def registered() -> dict[str, list[str]]:
    """Everything that is filled in, by hook and purpose, for the test that prints all hooks."""
    plain: dict[str, list[Any]] = {"payments.gave_up": gave_up, "payments.settled": settled}
    found = {name: [_name(listener) for listener in listeners] for name, listeners in plain.items()}
    by_purpose: dict[str, Mapping[PaymentPurpose, Callable[..., object]]] = {
        "lock": lock,
        "paid": paid,
        "processing": processing,
        "authorized": authorized,
        "failed": failed,
        "closed": closed,
        "refunded": refunded,
    }
    for word, listeners in by_purpose.items():
        for purpose, listener in listeners.items():
            found[f"payments.{word}[{purpose.value}]"] = [_name(listener)]
    return found


def _name(listener: Callable[..., object]) -> str:
    return f"{listener.__module__}.{listener.__qualname__}"
