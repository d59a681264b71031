"""What a message knows. The caller writes the facts at the time of the event; they never change afterwards.

Keys of `Notification.context`, as JSON: amounts in cents, instants in ISO form with their offset, enums by value.
"""

from datetime import datetime
from typing import Any, TypedDict

from flask import current_app

from b2c_web.catalog.models import ServiceType
from b2c_web.catalog.texts import TEXTS
from b2c_web.notifications.models import NotificationKind as Kind
from b2c_web.vehicles.texts import lacking_words


class WorkshopFacts(TypedDict):
    name: str
    address: str
    postal_code: str
    city: str
    phone: str


class ExtraWorkFacts(TypedDict):
    """What the customer approved beside the service; `sum_cents` is charged when it was done."""

    name: str
    quantity: str
    sum_cents: int
    done: bool


class ItemFacts(TypedDict):
    """One item of an extension: what it is, how much ("1.5"), its gross sum, and whether it was accepted."""

    name: str
    quantity: str
    sum_cents: int
    accepted: bool


class WishFacts(TypedDict):
    """Work that the customer would like done: how much ("1.5"), and its gross sum when it was recommended."""

    name: str
    quantity: str
    cents: int


class BookingFacts(TypedDict, total=False):
    """Everything that a message, a calendar file or a receipt may say of a booking, and of an extension of it."""

    number: str
    service: str
    booking_url_path: str
    concierge: bool
    brought: bool  # concierge was booked, and the customer brought the car all the same
    car_with_us: bool
    return_ahead: bool
    was_over: bool  # withdrawn from when the work was done, or after a cancellation
    name: str
    vehicle_class: str
    plate: str | None
    car: str | None
    car_lacks: list[str] | None  # what nobody has said of it, as in vehicles.texts.FACTS
    pickup_start: str
    pickup_end: str
    return_start: str | None
    return_end: str | None
    address: str
    postal_code: str
    city: str
    workshop: WorkshopFacts
    base_cents: int
    concierge_cents: int
    total_cents: int
    terms_version: str | None
    refund_cents: int
    kept_cents: int
    fee_cents: int
    move_fees_cents: int
    paid_for: str | None  # late money: for a "move", an "extension", a booking chosen "anew"; None: the booking itself
    standing_limit_cents: int
    free_until: str
    hold_until: str | None
    old_pickup_start: str
    old_pickup_end: str
    old_return_start: str | None
    old_return_end: str
    new_date_until: str
    withdrawn_at: str
    arrival_estimate: str | None
    jockey_name: str | None
    reason: str | None
    method_label: str | None
    wishes: list[WishFacts] | None
    extra_work: list[ExtraWorkFacts] | None
    options: list[dict[str, Any]]  # windows to choose from: start, end, back_start (or None), back_end
    asked_until: str
    link_path: str  # with a secret in it: forgotten once the message is sent
    extension_url_path: str
    extension_description: str
    extension_items: list[ItemFacts]
    extension_photos: int
    extension_status: str
    replaced_cents: int | None  # of the offer that this one corrects
    offered_cents: int
    approved_cents: int
    due_cents: int
    allowed_cents: int  # left of the standing limit when staff may approve all of this under it, else 0
    urgent: bool
    new_return_start: str | None
    new_promised_at: str | None
    delay_reason: str | None
    decision_right: str | None
    words: str
    consent: dict[str, str]
    waiting_hours: int | None
    later_return: str | None  # of an objection: the return stays there though what made it later is not done


INSTANTS = (
    "pickup_start",
    "pickup_end",
    "return_start",
    "return_end",
    "free_until",
    "hold_until",
    "old_pickup_start",
    "old_pickup_end",
    "old_return_start",
    "old_return_end",
    "new_date_until",
    "withdrawn_at",
    "arrival_estimate",
    "asked_until",
    "new_return_start",
    "new_promised_at",
    "later_return",
)
OPTION_INSTANTS = ("start", "end", "back_start", "back_end")

BOOKING = frozenset({"number", "service", "booking_url_path"})
WINDOW = BOOKING | {"concierge", "pickup_start", "pickup_end"}
AMOUNTS = frozenset({"refund_cents", "kept_cents"})
PLACE = frozenset({"address", "postal_code", "city"})
RETURN = frozenset({"return_start", "return_end"})
EXTENSION = BOOKING | {"extension_url_path", "extension_items", "offered_cents", "approved_cents", "workshop"}

NEEDED: dict[Kind, frozenset[str]] = {
    Kind.LOGIN_CODE: frozenset({"code"}),
    Kind.BOOKING_CONFIRMED: WINDOW | {"total_cents", "free_until", "workshop"},
    Kind.PAYMENT_FAILED: BOOKING | {"total_cents"},
    Kind.BOOKING_CANCELLED: WINDOW | AMOUNTS,
    Kind.BOOKING_MOVED: WINDOW | {"old_pickup_start", "old_pickup_end", "free_until"},
    Kind.BOOKING_WITHDRAWN: BOOKING | AMOUNTS,
    Kind.WITHDRAWAL_RECEIVED: BOOKING | {"withdrawn_at", "refund_cents", "workshop"},
    Kind.WITHDRAWAL_STAFF_ALERT: BOOKING | {"withdrawn_at", "refund_cents"},
    Kind.PICKUP_REMINDER: WINDOW | {"workshop"},
    Kind.NO_SHOW: BOOKING | {"kept_cents", "new_date_until"},
    Kind.MONEY_RETURNED: BOOKING | {"refund_cents"},
    Kind.READY: BOOKING | {"concierge", "workshop"},
    Kind.RETURN_MOVED: BOOKING | RETURN | {"old_return_start", "old_return_end"},
    Kind.EXTENSION_RAISED: EXTENSION | {"extension_description", "extension_photos", "link_path"},
    Kind.EXTENSION_REMINDER: EXTENSION | {"link_path"},
    Kind.EXTENSION_DECIDED: EXTENSION | {"extension_status"},
    Kind.EXTENSION_WITHDRAWN: EXTENSION,
    Kind.EXTENSION_ANSWERED: EXTENSION | {"words"},
    Kind.EXTENSION_APPROVED_FOR_YOU: EXTENSION | {"decision_right"},
    Kind.EXTENSION_PAYMENT_NEEDED: EXTENSION,
    Kind.EXTENSION_QUESTION: EXTENSION | {"words"},
    Kind.EXTENSION_STAFF_ALERT: EXTENSION,
    Kind.MOVE_ASKED: WINDOW | {"options", "asked_until", "link_path"},
    Kind.PLACE_FREE: WINDOW | {"total_cents", "hold_until"},
}
NEEDED_WITH_CONCIERGE: dict[Kind, frozenset[str]] = {
    Kind.BOOKING_CONFIRMED: PLACE | RETURN,
    Kind.PICKUP_REMINDER: PLACE,
    Kind.READY: RETURN,
}


def missing(kind: Kind, context: dict[str, Any]) -> list[str]:
    """Keys that a message of this kind needs and `context` lacks, in order."""
    needed = NEEDED.get(kind, BOOKING)
    if context.get("concierge"):
        needed |= NEEDED_WITH_CONCIERGE.get(kind, frozenset())
    return sorted(key for key in needed if context.get(key) is None)


def readable(context: dict[str, Any]) -> dict[str, Any]:
    """The facts as templates use them: every key is there, instants are aware, the service has its name.

    Adds `booking_url` and `link_url` (below B2C_BASE_URL) and `service_name` in the current language. Raises
    ValueError for an instant or a service that cannot be read.
    """
    known: dict[str, Any] = dict.fromkeys(BookingFacts.__annotations__)
    facts = known | context
    for key in INSTANTS:
        facts[key] = _instant(facts[key])
    facts["service_name"] = TEXTS[ServiceType(facts["service"])].name if facts["service"] else None
    facts["car_lacking"] = lacking_words(facts["car_lacks"] or [])
    facts["booking_url"] = page_url(facts["booking_url_path"] or "")
    facts["extension_url"] = page_url(facts["extension_url_path"] or "")
    facts["link_url"] = page_url(facts["link_path"] or "")
    if facts["consent"]:
        facts["consent"] = facts["consent"] | {"given_at": _instant(facts["consent"]["given_at"])}
    facts["options"] = [_option(one) for one in facts["options"] or []]
    return facts


def _option(option: dict[str, Any]) -> dict[str, Any]:
    return option | {key: _instant(option[key]) for key in OPTION_INSTANTS}


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"an instant needs its offset: {text!r}")
    return instant


def page_url(path: str) -> str:
    """A page of ours as customers reach it from outside."""
    return f"{current_app.config['B2C_BASE_URL']}{path}"
