"""The wizard's five steps: what each needs, which is the next one, and what a draft asks of a workshop."""

from typing import Any

from flask import current_app, g, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from b2c_web.accounts.contact import standing_limits
from b2c_web.bookings.availability import Question
from b2c_web.bookings.models import BookingDraft
from b2c_web.workshops.queries import Reach, nearest_workshop

SUMMARY = "bookings.summary"
STEPS = (
    ("bookings.car", _l("Auto")),
    ("bookings.service", _l("Service")),
    ("bookings.date", _l("Termin")),
    ("bookings.contact", _l("Adresse")),
    (SUMMARY, _l("Prüfen")),
)


def progress(draft: BookingDraft | None) -> list[tuple[Any, str]]:
    """The progress line: every step with its address."""
    return [(word, url_for(endpoint, draft_id=draft.id) if draft else "") for endpoint, word in STEPS]


def has_agreed(draft: BookingDraft) -> bool:
    """Did this person tick the terms, as they are now, for this draft?"""
    is_mine = draft.user_id == (current_user.id if current_user.is_authenticated else None)
    return is_mine and draft.terms_version == current_app.config["TERMS_VERSION"]


def first_open(draft: BookingDraft, signed_in: bool) -> str:
    """The endpoint of the first step that still lacks something."""
    lacks_date = draft.slot_id is None or (draft.include_concierge and draft.return_slot_id is None)
    is_said = has_agreed(draft) and all((draft.name, draft.phone, draft.street, draft.city))
    has_limit = draft.standing_limit_cents in standing_limits()
    lacking = (
        ("bookings.car", not draft.postal_code or draft.vehicle_class is None),
        ("bookings.service", draft.service is None),
        ("bookings.date", lacks_date),
        ("bookings.contact", not (signed_in and is_said and has_limit)),
    )
    return next((endpoint for endpoint, lacks in lacking if lacks), SUMMARY)


def is_past(endpoint: str, draft: BookingDraft, signed_in: bool) -> bool:
    """Is `endpoint` further on than this draft has come?"""
    order = [name for name, _word in STEPS]
    return order.index(endpoint) > order.index(first_open(draft, signed_in))


def reach_of(draft: BookingDraft) -> Reach:
    """Which workshop serves the draft's place; asked once per request."""
    known: dict[tuple[str, str | None], Reach] = g.setdefault("reaches", {})
    key = (draft.postal_code or "", draft.nearby_postal_code)
    if key not in known:
        known[key] = nearest_workshop(*key)
    return known[key]


def question_of(draft: BookingDraft, reach: Reach) -> Question:
    """What the draft asks of its workshop; steps 1 and 2 are done."""
    if draft.service is None or draft.vehicle_class is None:
        raise ValueError("the draft is not that far yet")
    return Question.of(reach, draft.service, draft.vehicle_class, draft.include_concierge)
