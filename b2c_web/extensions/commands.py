"""Everything that is done with extensions. Each is one transaction that locks the booking's row first.

All raise NotFound for what is not this person's, Busy when rows stay locked, and Conflict (with a `rules.Refusal` as
code) when the state does not allow it any more; then nothing has changed.
"""

import uuid
from collections.abc import Collection
from typing import Any

from b2c_web.accounts.models import User
from b2c_web.extensions.deciders import Decider, Link, LinkEnded, open_link
from b2c_web.extensions.items import Consent, Item, Offer

__all__ = ["Consent", "Decider", "Item", "Link", "LinkEnded", "Offer", "open_link"]


def save_draft(staff: User, booking_id: uuid.UUID, content: dict[str, Any]) -> None:
    """Keep what staff have typed so far; the last one to save wins. `content` is the form's own shape."""


def drop_draft(staff: User, booking_id: uuid.UUID) -> None:
    """Forget the draft, if there is one."""


def raise_extension(staff: User, booking_id: uuid.UUID, offer: Offer, replaces: uuid.UUID | None = None) -> uuid.UUID:
    """PENDING extension; the customer gets a mailed link, reminders are queued, the draft goes. Returns its id.

    `replaces`: the PENDING one that is corrected: it is withdrawn in the same transaction, the history stays.
    Raises Invalid (with `field`: description, items, items-<n>, delay_reason, new_return_slot_id), Conflict.
    """
    return booking_id


def withdraw_extension(staff: User, extension_id: uuid.UUID, reason: str) -> None:
    """PENDING -> CANCELLED with a reason; the customer is told. Raises Invalid, Conflict when decided meanwhile."""


def approve(decider: Decider, extension_id: uuid.UUID, accepted: Collection[int], shown: str) -> uuid.UUID:
    """The customer approves the ticked items: PENDING -> APPROVED, their sum is to be held, the return moves.

    Returns the payment's id: call `authorize_now(payment_id)` after it, so that the answer is on the page; a job
    does it anyway. `shown` is the digest that the page showed. Raises Conflict: withdrawn, replaced (with
    `details["replaced_by"]`), decided, not_shown, not_in_workshop, settling, nothing_ticked, unknown_item, return_gone
    (the new return window is taken meanwhile: nothing was approved).
    """
    return extension_id


def authorize_now(payment_id: uuid.UUID) -> None:
    """Ask the provider at once, with no transaction open. A silent provider is no error here: the job goes on."""


def decline(decider: Decider, extension_id: uuid.UUID, reason: str, shown: str) -> None:
    """PENDING -> DECLINED; the reason may be empty. What was declined stays on the car's record. As `approve`."""


def ask(decider: Decider, extension_id: uuid.UUID, words: str) -> None:
    """The customer asks; the workshop is told. Only while PENDING. Raises Invalid (`words`), Conflict."""


def answer(staff: User, extension_id: uuid.UUID, words: str) -> None:
    """The workshop answers; the customer is told, with a link. Only while PENDING. Raises Invalid, Conflict."""


def object_to(customer: User, extension_id: uuid.UUID) -> None:
    """The customer objects to a recorded consent, until the work is completed: nothing of it is charged.

    The hold is released, its items count as not done, the workshop is told. Raises Conflict.
    """


def approve_within_limit(staff: User, extension_id: uuid.UUID, accepted: Collection[int], shown: str) -> uuid.UUID:
    """Staff approve under the customer's standing limit, which is used up by the sum. The customer is told at once.

    Returns the payment's id. Raises Conflict over_limit (`details["left_cents"]`), and as `approve`.
    """
    return extension_id


def approve_on_consent(
    staff: User, extension_id: uuid.UUID, accepted: Collection[int], shown: str, consent: Consent
) -> uuid.UUID:
    """Staff approve on a consent that they record; the customer is told at once and may object.

    Returns the payment's id. Raises Invalid (`channel`, `name`, `words`, `at`), and as `approve`.
    """
    return extension_id


def mark_not_done(staff: User, extension_id: uuid.UUID, not_done: Collection[int]) -> None:
    """Say which accepted items were not done (all of them at once, [] takes it back): they are not charged.

    Until the work is completed. Raises Conflict, unknown_item for what was not accepted.
    """


def pay_link(customer: User, extension_id: uuid.UUID, *, success_url: str, cancel_url: str, language: str) -> str:
    """The address of a payment page that holds the money, when the bank wants the customer or the card was declined.

    Calls the provider. Raises Conflict when there is nothing to pay (any more), PaymentProviderError.
    """
    return cancel_url


def choose_method(customer: User, extension_id: uuid.UUID, method_id: uuid.UUID) -> uuid.UUID:
    """Try another saved card or account of the customer's. Returns the payment's id, for `authorize_now`."""
    return method_id
