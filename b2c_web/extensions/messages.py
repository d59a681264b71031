"""Messages about extensions: to the customer in the customer's language, to the workshop in German.

Facts beyond a booking's own (`bookings.messages.facts_of`), as JSON:
extension_url_path, extension_description, extension_items [{name, quantity, sum_cents, accepted}], extension_photos,
replaced_cents (of the offer that this one corrects), offered_cents, approved_cents, allowed_cents (what is left of
the limit when staff may approve all of it without asking, else 0; to customers only), urgent, new_return_start (of a
window), new_promised_at, delay_reason, extension_status, decision_right, link_path (to decide without signing in),
words (question, answer, reason), consent {channel, name, given_at, words}, reason (why money is missing),
waiting_hours.
"""

from typing import Any

from flask_babel import force_locale

from b2c_web.accounts.models import User
from b2c_web.bookings import messages
from b2c_web.bookings.models import Booking
from b2c_web.extensions import rules
from b2c_web.extensions.access import of_booking_locked
from b2c_web.extensions.deciders import add_link
from b2c_web.extensions.items import Consent, from_json
from b2c_web.extensions.models import Extension, ExtensionStatus
from b2c_web.flask_extensions import db
from b2c_web.notifications.commands import add_notification
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.reasons import reason_message
from b2c_web.workshops.models import TimeSlot


def facts_of(extension: Extension) -> dict[str, Any]:
    """Everything that a message may say of an extension, as JSON."""
    return {
        "extension_url_path": f"/extensions/{extension.id}",
        "extension_description": extension.description,
        "extension_items": [_item(extension, index) for index in range(len(extension.items))],
        "extension_photos": _photos(extension),
        "replaced_cents": _replaced_cents(extension),
        "offered_cents": extension.total_amount,
        "approved_cents": extension.approved_amount_cents,
        "urgent": extension.urgent,
        "new_return_start": _window_start(extension),
        "new_promised_at": extension.new_promised_at.isoformat() if extension.new_promised_at else None,
        "delay_reason": extension.delay_reason or None,
        "extension_status": extension.status.value,
        "decision_right": extension.decision_right.value if extension.decision_right else None,
    }


def extra_work_of(booking: Booking) -> list[dict[str, Any]]:
    """In `bookings.extra_work_of`: what the customer approved, and whether it was done."""
    approved = [one for one in of_booking_locked(booking) if one.status is ExtensionStatus.APPROVED]
    return [
        {key: value for key, value in _item(one, index).items() if key != "accepted"}
        | {"done": index in rules.due_items(one)}
        for one in approved
        for index in one.accepted_items
    ]


def _window_start(extension: Extension) -> str | None:
    slot_id = extension.new_return_slot_id
    return db.session.get_one(TimeSlot, slot_id).start_time.isoformat() if slot_id else None


def _replaced_cents(extension: Extension) -> int | None:
    earlier_id = extension.replaces_id
    return db.session.get_one(Extension, earlier_id).total_amount if earlier_id else None


def _photos(extension: Extension) -> int:
    """How many photos and videos show what was found, of the whole and of its items."""
    return len(extension.images) + len(extension.videos) + sum(len(item.get("media", ())) for item in extension.items)


def _item(extension: Extension, index: int) -> dict[str, Any]:
    item = from_json(extension.items[index])
    return {
        "name": item.name,
        "quantity": extension.items[index]["quantity"],
        "sum_cents": rules.item_cents(item.price_cents, item.quantity),
        "accepted": index in extension.accepted_items,
    }


def _allowed(booking: Booking, extension: Extension) -> int:
    return rules.allowed_cents(booking, extension.total_amount, moves_return=extension.new_promised_at is not None)


def to_customer(
    kind: NotificationKind, booking: Booking, extension: Extension, *, once: str = "", link: bool = False, **more: Any
) -> None:
    """Step: queue a message to the customer; `link`: with a new direct link to decide without signing in."""
    direct = {"link_path": f"/e/{add_link(extension.id)}"} if link else {}
    facts = facts_of(extension) | {"allowed_cents": _allowed(booking, extension)} | direct | more
    messages.send(kind, booking, once=f"{extension.id}:{once}", **facts)


def to_workshop(kind: NotificationKind, booking: Booking, extension: Extension, *, once: str = "", **more: Any) -> None:
    """Step: queue a message to the workshop's own address."""
    path = {"extension_url_path": f"/workshop/extensions/{extension.id}"}
    add_notification(
        kind,
        user_id=None,
        recipient=booking.workshop.email,
        language=messages.WORKSHOP_LANGUAGE,
        dedupe_key=f"{kind.value}:{extension.id}:{once}",
        booking_id=booking.id,
        context=messages.facts_of(booking) | facts_of(extension) | path | more,
    )


def payment_needed(booking: Booking, extension: Extension, code: str | None, once: str) -> None:
    """Step: the customer hears why nothing is held yet, and where to pay."""
    with force_locale(booking.user.language):
        reason = str(reason_message(code))
    to_customer(NotificationKind.EXTENSION_PAYMENT_NEEDED, booking, extension, once=once, reason=reason)


def left_open(booking: Booking, extension: Extension, once: str) -> None:
    """Step: the workshop hears that the sum for finished work could not be taken and is open."""
    facts = {"words": "open", "waiting_hours": None, "due_cents": rules.due_cents(extension)}
    to_workshop(NotificationKind.EXTENSION_STAFF_ALERT, booking, extension, once=f"open:{once}", **facts)


def consent_facts(consent: Consent, staff: User) -> dict[str, str]:
    """A recorded consent, as JSON, with who wrote it down."""
    return {
        "channel": consent.channel,
        "name": consent.name.strip(),
        "given_at": consent.at.isoformat(),
        "words": consent.words.strip(),
        "staff_name": staff.name or "",
    }
