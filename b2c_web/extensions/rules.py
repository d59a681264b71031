"""What an extension costs, what may be offered, and what may be done in which state. Pure decisions."""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l

from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.extensions.items import Item, Offer, from_json
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus, ExtensionWish, MessageKind
from b2c_web.payments.rules import NOT_CAPTURED

MOST_ITEMS = 30
TOO_MANY_ITEMS = _l("Bitte nennen Sie mindestens eine und höchstens 30 Positionen.")
LEAST_CENTS = 50  # of one item, which may be all that is ticked: a card cannot be charged less (Stripe, "minimum")
MOST_CENTS = 2_000_000  # of one extension: what is dearer than that is a typing error
MOST_QUANTITY = Decimal("9999.999")
STEP = Decimal("0.001")
# how a customer can consent outside of our pages
CHANNELS: Mapping[str, Any] = {
    "phone": _l("am Telefon"),
    "in_person": _l("vor Ort"),
    "mail": _l("per E-Mail"),
    "message": _l("per Nachricht"),
}
Auth = AuthorizationStatus
# held, or taken: the work is paid for
SAFE = frozenset({Auth.AUTHORIZED, Auth.CAPTURING, Auth.PROCESSING, Auth.CAPTURED})
UNPAID = frozenset({Auth.REQUIRES_ACTION, Auth.FAILED})
# its sum is asked for, and stays: also when the car comes back to be worked on again
TAKEN = frozenset({Auth.CAPTURING, Auth.PROCESSING, Auth.CAPTURED})
# a hold is wanted, and has not come or has come
HOLDABLE = UNPAID | {Auth.PENDING, Auth.AUTHORIZED}
WANTS_CUSTOMER = frozenset({"authentication_required", "authentication_not_handled", "no_method"})
BEFORE_WORK = (BookingStatus.PENDING, BookingStatus.CONFIRMED, BookingStatus.IN_TRANSIT_TO_WORKSHOP)


class Refusal(StrEnum):
    """Why something cannot be done with an extension now."""

    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"
    DECIDED = "decided"
    NOT_SHOWN = "not_shown"
    NOT_IN_WORKSHOP = "not_in_workshop"
    SETTLING = "settling"
    CONTRACT_WITHDRAWN = "contract_withdrawn"
    OVER_LIMIT = "over_limit"
    NEEDS_CUSTOMER = "needs_customer"
    NOTHING_TICKED = "nothing_ticked"
    UNKNOWN_ITEM = "unknown_item"
    OTHER_SUM = "other_sum"
    RETURN_GONE = "return_gone"
    NOTHING_TO_PAY = "nothing_to_pay"
    NOTHING_TO_OBJECT = "nothing_to_object"
    STILL_PENDING = "extension_pending"
    CAR_IS_HERE = "car_is_here"
    BOOKING_OVER = "booking_over"
    WISH_GONE = "wish_gone"
    WISH_TAKEN_UP = "wish_taken_up"
    WISH_SET_ASIDE = "wish_set_aside"


class WishState(StrEnum):
    """What became of a wish. DONE: the same work was accepted since, with another booking or in other words."""

    OPEN = "open"
    TAKEN_UP = "taken_up"
    SET_ASIDE = "set_aside"
    DONE = "done"


def item_cents(price_cents: int, quantity: Decimal) -> int:
    """One item's gross sum: price times quantity, rounded half up to whole cents."""
    return int((price_cents * quantity).quantize(Decimal(1), rounding=ROUND_HALF_UP))


def total_cents(items: Iterable[Item]) -> int:
    """The sum of the rounded items: what is shown adds up to what is charged."""
    return sum(item_cents(item.price_cents, item.quantity) for item in items)


def sum_of(extension: Extension, indexes: Collection[int]) -> int:
    """The gross sum of some of an extension's items, in cents."""
    return total_cents(from_json(extension.items[index]) for index in sorted(set(indexes)))


def due_items(extension: Extension) -> list[int]:
    """What is charged at completion: accepted and done."""
    return sorted(set(extension.accepted_items) - set(extension.not_done_items))


def due_cents(extension: Extension) -> int:
    """The gross sum that completion charges; never more than what was approved."""
    return sum_of(extension, due_items(extension))


def digest_of(extension: Extension) -> str:
    """A fingerprint of everything that a decision is about; a page sends back the one that it showed."""
    shown = {"id": str(extension.id), **_shown(extension)}
    return hashlib.sha256(json.dumps(shown, sort_keys=True).encode()).hexdigest()


def is_same_offer(one: Extension, other: Extension, *, with_media: bool) -> bool:
    """Do these two ask the customer for the very same? `with_media`: and show the same photos with it?"""
    return _shown(one, with_media=with_media) == _shown(other, with_media=with_media)


def _shown(extension: Extension, *, with_media: bool = True) -> dict[str, Any]:
    return {
        "description": extension.description,
        "items": extension.items if with_media else [item | {"media": []} for item in extension.items],
        "total": extension.total_amount,
        "vat": extension.vat_rate_percent,
        "urgent": extension.urgent,
        "media": [*extension.images, *extension.videos] if with_media else [],
        "return": str(extension.new_return_slot_id or ""),
        "promise": extension.new_promised_at.isoformat() if extension.new_promised_at else "",
        "reason": extension.delay_reason,
    }


def item_error(item: Item) -> Any:
    """What is wrong with an offered item, in words, or None."""
    found = usual_work_error(item)
    return found[1] if found else None


def usual_work_error(item: Item) -> tuple[str, Any] | None:
    """The first of name, price and quantity that cannot be taken, with the reason in words, or None."""
    if not item.name.strip() or len(item.name) > 120:
        return "name", _l("Jede Position braucht einen Namen mit höchstens 120 Zeichen.")
    if wrong := price_error(item.price_cents):
        return "price", wrong
    if wrong := quantity_error(item.quantity):
        return "quantity", wrong
    if item_cents(item.price_cents, item.quantity) < LEAST_CENTS:
        return "price", _l("Jede Position muss mindestens 0,50 EUR kosten.")
    return None


def price_error(cents: int) -> Any:
    """Why one of an item cannot cost this, in words, or None."""
    return None if 0 < cents <= MOST_CENTS else _l("Der Preis einer Position muss über 0 und bis 20.000 EUR sein.")


def quantity_error(quantity: Decimal) -> Any:
    """Why an item cannot be so many, in words, or None."""
    is_one = STEP <= quantity <= MOST_QUANTITY and quantity == quantity.quantize(STEP)
    return None if is_one else _l("Die Menge muss über 0 sein, mit höchstens drei Nachkommastellen.")


def offer_error(offer: Offer) -> tuple[str, Any] | None:
    """The first field of an offer that cannot be taken, with the reason in words, or None."""
    if not offer.description.strip():
        return "description", _l("Bitte beschreiben Sie, was gefunden wurde.")
    if not 1 <= len(offer.items) <= MOST_ITEMS:
        return "items", TOO_MANY_ITEMS
    for index, item in enumerate(offer.items):
        if wrong := item_error(item):
            return f"items-{index}", wrong
    if total_cents(offer.items) > MOST_CENTS:
        return "items", _l("Mehr als 20.000 EUR gehen nicht in einer Erweiterung.")
    return _delay_error(offer)


def _delay_error(offer: Offer) -> tuple[str, Any] | None:
    delays = offer.new_return_slot_id is not None or offer.new_promised_at is not None
    if delays and not offer.delay_reason.strip():
        return "delay_reason", _l("Bitte nennen Sie den Grund für die neue Zeit.")
    if offer.delay_reason.strip() and not delays:
        return "new_return_slot_id", _l("Bitte wählen Sie die neue Zeit.")
    return None


def work_refusal(booking: Booking) -> Refusal | None:
    """Why nothing can be raised or decided for this booking: only in the workshop, not settling, not withdrawn from."""
    if booking.status is not BookingStatus.IN_WORKSHOP:
        return Refusal.NOT_IN_WORKSHOP
    settling = Refusal.SETTLING if booking.service_completed_at is not None else None
    return Refusal.CONTRACT_WITHDRAWN if booking.withdrawn_at is not None else settling


def decision_refusal(booking: Booking, extension: Extension, shown: str, *, replaced: bool) -> Refusal | None:
    """Why this extension cannot be decided now; what was shown is what is decided."""
    if extension.status is ExtensionStatus.CANCELLED:
        return Refusal.REPLACED if replaced else Refusal.WITHDRAWN
    if extension.status is not ExtensionStatus.PENDING:
        return Refusal.DECIDED
    if shown != digest_of(extension):
        return Refusal.NOT_SHOWN
    return work_refusal(booking)


def ticks_refusal(extension: Extension, accepted: Collection[int]) -> Refusal | None:
    """Why these ticks cannot be approved."""
    if not accepted:
        return Refusal.NOTHING_TICKED
    return None if {*accepted} <= {*range(len(extension.items))} else Refusal.UNKNOWN_ITEM


def is_question_open(last: MessageKind | None, status: ExtensionStatus) -> bool:
    """Does the customer wait for an answer? Also after the decision; what was withdrawn asks nothing any more."""
    return last is MessageKind.QUESTION and status is not ExtensionStatus.CANCELLED


def limit_left_cents(booking: Booking) -> int:
    """What staff may still approve under the customer's standing limit. The customer's own approvals use nothing."""
    return booking.standing_limit_cents - booking.standing_limit_used_cents


def limit_refusal(booking: Booking, extension: Extension) -> Refusal | None:
    """Why the standing limit does not cover all of this. It allows money, not a later return."""
    if extension.new_promised_at is not None:
        return Refusal.NEEDS_CUSTOMER
    return Refusal.OVER_LIMIT if extension.total_amount > limit_left_cents(booking) else None


def allowed_cents(booking: Booking, total_cents: int, *, moves_return: bool) -> int:
    """What is left of the limit, when staff may approve this offer without asking its customer again; else 0."""
    left = limit_left_cents(booking)
    return left if not moves_return and total_cents <= left else 0


def is_safe_to_begin(extension: Extension) -> bool:
    """May the accepted work begin? Money is held or taken, or a mandate is known that completion charges."""
    return extension.status is ExtensionStatus.APPROVED and extension.authorization_status in SAFE


def needs_customer_for_money(extension: Any) -> bool:
    """The bank wants the customer, or said no. Not when only taking failed: what is still held is not asked for."""
    return extension.authorization_status in UNPAID and extension.failure_code != NOT_CAPTURED


def money_shown(status: str, *, by_mandate: bool) -> str:
    """What the money's state is called to people: a mandate holds nothing, AUTHORIZED then means an agreed debit."""
    return "DEBIT_AGREED" if by_mandate and status == Auth.AUTHORIZED else status


def waits_for_customer(code: str | None) -> AuthorizationStatus:
    """What a decline makes of an extension: the bank or a missing card wants the customer, or the card was refused."""
    return Auth.REQUIRES_ACTION if code in WANTS_CUSTOMER else Auth.FAILED


def consent_time_error(at: datetime, booking: Booking) -> tuple[str, Any] | None:
    """Nobody can have agreed to what was found before the car was here; a call may come before the offer is written."""
    here_since = booking.workshop_checkin_at or at
    before = at < here_since.replace(second=0, microsecond=0)  # forms know whole minutes
    return ("at", _l("Die Zustimmung kann nicht älter sein als die Annahme des Autos.")) if before else None


def consent_error(channel: str, name: str, words: str, at: datetime, now: datetime) -> tuple[str, Any] | None:
    """The first field of a recorded consent that cannot be taken, or None."""
    if channel not in CHANNELS:
        return "channel", _l("Bitte wählen Sie, wie die Zustimmung kam.")
    if not name.strip():
        return "name", _l("Bitte nennen Sie, wer zugestimmt hat.")
    if not words.strip():
        return "words", _l("Bitte schreiben Sie auf, was gesagt wurde.")
    return ("at", _l("Die Zustimmung kann nicht in der Zukunft liegen.")) if at > now else None


def name_key(name: str) -> str:
    """What makes two names the same work: neither capitals nor blanks count."""
    return " ".join(name.casefold().split())


def wish_change_refusal(booking: Booking) -> Refusal | None:
    """Why the customer cannot change the wishes any more: only until the car is in the workshop."""
    if booking.status is BookingStatus.CANCELLED or booking.withdrawal_open:
        return Refusal.BOOKING_OVER
    return None if booking.status in BEFORE_WORK else Refusal.CAR_IS_HERE


def set_aside_refusal(booking: Booking, wish: ExtensionWish) -> Refusal | None:
    """Why staff cannot set this wish aside."""
    over = booking.status in (BookingStatus.PENDING, BookingStatus.CANCELLED, BookingStatus.COMPLETED)
    return Refusal.BOOKING_OVER if over else taken_refusal(wish)


def taken_refusal(wish: ExtensionWish) -> Refusal | None:
    """Why a wish is nothing to decide any more."""
    if wish.set_aside_at is not None:
        return Refusal.WISH_SET_ASIDE
    return Refusal.WISH_TAKEN_UP if wish.taken_up_by_id is not None else None


def wish_state(wish: ExtensionWish, still_open: Collection[str]) -> WishState:
    """What became of a wish; `still_open` are the keys of the names of the car's open work."""
    if wish.taken_up_by_id is not None:
        return WishState.TAKEN_UP
    if wish.set_aside_at is not None:
        return WishState.SET_ASIDE
    return WishState.OPEN if name_key(wish.name) in still_open else WishState.DONE
