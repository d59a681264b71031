"""Messages for tests, with facts that every kind of message can be written from."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from b2c_web.flask_extensions import db
from b2c_web.notifications.commands import add_notification
from b2c_web.notifications.models import Notification, NotificationKind

WORKSHOP = {
    "name": "Werkstatt Witten",
    "address": "Am Prüfstand 1",
    "postal_code": "58452",
    "city": "Witten",
    "phone": "+492302000000",
}
FACTS: dict[str, Any] = {
    "number": "BK-2026-000123",
    "service": "INSPECTION",
    "booking_url_path": "/bookings/BK-2026-000123",
    "concierge": True,
    "name": "Person am Beispielweg",
    "vehicle_class": "MIDSIZE",
    "plate": "WIT XY 207",
    "car": "Ahorn Kombi",
    "pickup_start": "2026-12-08T09:00:00+00:00",
    "pickup_end": "2026-12-08T11:00:00+00:00",
    "return_start": "2026-12-08T15:00:00+00:00",
    "return_end": "2026-12-08T17:00:00+00:00",
    "address": "Am Beispielweg 12",
    "postal_code": "44137",
    "city": "Dortmund",
    "workshop": WORKSHOP,
    "total_cents": 28800,
    "refund_cents": 26300,
    "kept_cents": 2500,
    "fee_cents": 2500,
    "standing_limit_cents": 15000,
    "free_until": "2026-12-07T09:00:00+00:00",
    "hold_until": "2026-11-24T11:30:00+00:00",
    "old_pickup_start": "2026-12-07T07:00:00+00:00",
    "old_pickup_end": "2026-12-07T09:00:00+00:00",
    "old_return_start": "2026-12-07T15:00:00+00:00",
    "old_return_end": "2026-12-07T17:00:00+00:00",
    "new_date_until": "2026-12-09T11:00:00+00:00",
    "withdrawn_at": "2026-11-24T11:00:00+00:00",
    "arrival_estimate": "2026-12-08T09:25:00+00:00",
    "jockey_name": "Jockey 7",
    "reason": "Reason 42",
    "code": "481590",
    "options": [
        {
            "start": "2026-12-09T09:00:00+00:00",
            "end": "2026-12-09T11:00:00+00:00",
            "back_start": "2026-12-09T15:00:00+00:00",
            "back_end": "2026-12-09T17:00:00+00:00",
        },
        {
            "start": "2026-12-10T09:00:00+00:00",
            "end": "2026-12-10T11:00:00+00:00",
            "back_start": None,
            "back_end": "2026-12-10T17:00:00+00:00",
        },
    ],
    "asked_until": "2026-12-01T11:00:00+00:00",
    "link_path": "/move/a-token-that-nobody-knows",
    "extension_url_path": "/extensions/EX-1",
    "extension_description": "Reason 43",
    "extension_items": [
        {"name": "Filter 1", "quantity": "1", "sum_cents": 18999, "accepted": True},
        {"name": "Filter 2", "quantity": "1.5", "sum_cents": 24999, "accepted": True},
        {"name": "Filter 3", "quantity": "1", "sum_cents": 3990, "accepted": False},
    ],
    "extension_photos": 3,
    "extension_status": "APPROVED",
    "offered_cents": 47988,
    "approved_cents": 43998,
    "urgent": True,
    "new_promised_at": "2026-12-08T17:00:00+00:00",
    "delay_reason": "Reason 46",
    "decision_right": "RECORDED_CONSENT",
    "words": "Reason 44",
    "consent": {
        "channel": "phone",
        "name": "Person",
        "given_at": "2026-12-08T11:08:00+00:00",
        "words": "Reason 45",
        "staff_name": "Person 46",
    },
    "waiting_hours": 2,
    "extra_work": [
        {"name": "Filter 1", "quantity": "1", "sum_cents": 18999, "done": True},
        {"name": "Filter 2", "quantity": "1.5", "sum_cents": 24999, "done": False},
    ],
}
DROP_OFF = FACTS | {"concierge": False, "return_start": None, "return_end": None, "plate": None, "car": None}
DROP_OFF["brought"] = True
DROP_OFF["car_lacks"] = ["license_plate", "make", "model", "year"]


def make_message(
    kind: NotificationKind = NotificationKind.BOOKING_CONFIRMED,
    *,
    key: str = "",
    recipient: str = "person@example.org",
    language: str = "de",
    context: dict[str, Any] | None = None,
    user_id: UUID | None = None,
    booking_id: UUID | None = None,
) -> Notification:
    """A queued message, committed together with its job."""
    dedupe_key = f"{kind}:{key}"
    add_notification(
        kind,
        user_id=user_id,
        recipient=recipient,
        language=language,
        dedupe_key=dedupe_key,
        booking_id=booking_id,
        context=FACTS if context is None else context,
    )
    db.session.commit()
    return message_by_key(dedupe_key)


def message_by_key(dedupe_key: str) -> Notification:
    """The message as the database has it now."""
    found = select(Notification).where(Notification.dedupe_key == dedupe_key)
    return db.session.execute(found.execution_options(populate_existing=True)).scalar_one()
