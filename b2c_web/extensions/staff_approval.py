"""Staff approve in two cases only: within the customer's standing limit, or on a consent that they record."""

import uuid
from collections.abc import Collection

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.extensions import messages, rules
from b2c_web.extensions.access import lock_for_staff
from b2c_web.extensions.approving import Decision, approve_locked
from b2c_web.extensions.items import Consent, Offer
from b2c_web.extensions.models import DecisionRight, Extension, ExtensionConsent, ExtensionStatus
from b2c_web.extensions.raising import raise_locked
from b2c_web.extensions.refusing import check_decision, refuse, refuse_field
from b2c_web.flask_extensions import db
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.authorizing import HoldWish


def approve_within_limit(staff: User, extension_id: uuid.UUID, shown: str) -> HoldWish:
    """Staff approve under the customer's standing limit, which is used up by the sum. The customer is told at once.

    All of it or nothing: what staff left out would be declined for good, and that is the customer's to say.
    Returns the wish for the money. The booking's row is locked, and a CHECK on it holds the limit. Raises Conflict
    over_limit (`details["left_cents"]`), needs_customer (a later return is not theirs to allow), and as `approve`.
    """
    with command_transaction():
        booking, extension = lock_for_staff(staff, extension_id)
        return _within_limit(staff, booking, extension, shown)


def raise_within_limit(
    staff: User, booking_id: uuid.UUID, offer: Offer, replaces: uuid.UUID | None = None, draft_key: str = ""
) -> tuple[uuid.UUID, HoldWish | None]:
    """Raise an offer and approve all of it under the standing limit at once; the customer is told that alone.

    Returns the extension's id and the wish for the money, None when the same offer was raised before and is decided.
    Raises as `raise_extension` and `approve_within_limit` do; then nothing is raised.
    """
    with command_transaction():
        booking, extension, _is_new = raise_locked(staff, booking_id, offer, replaces, draft_key)
        if extension.status is not ExtensionStatus.PENDING:
            return extension.id, None
        return extension.id, _within_limit(staff, booking, extension, rules.digest_of(extension))


def _within_limit(staff: User, booking: Booking, extension: Extension, shown: str) -> HoldWish:
    check_decision(booking, extension, shown)
    refuse(rules.limit_refusal(booking, extension), left_cents=rules.limit_left_cents(booking))
    booking.standing_limit_used_cents += extension.total_amount
    decision = Decision(DecisionRight.STANDING_LIMIT, staff.id, "standing_limit")
    wish = approve_locked(booking, extension, range(len(extension.items)), shown, decision)
    messages.to_customer(NotificationKind.EXTENSION_APPROVED_FOR_YOU, booking, extension)
    return wish


def approve_on_consent(
    staff: User, extension_id: uuid.UUID, accepted: Collection[int], shown: str, consent: Consent
) -> HoldWish:
    """Staff approve on a consent that they record; the customer is told at once, of what was left out too, and may
    object.

    Returns the wish for the money. Raises Invalid (`channel`, `name`, `words`, `at`), and as `approve`.
    """
    refuse_field(rules.consent_error(consent.channel, consent.name, consent.words, consent.at, now_utc()))
    with command_transaction():
        booking, extension = lock_for_staff(staff, extension_id)
        refuse_field(rules.consent_time_error(consent.at, booking))
        decision = Decision(DecisionRight.RECORDED_CONSENT, staff.id, consent.channel)
        wish = approve_locked(booking, extension, accepted, shown, decision)
        _keep(staff, extension_id, consent)
        kind, facts = NotificationKind.EXTENSION_APPROVED_FOR_YOU, messages.consent_facts(consent, staff)
        messages.to_customer(kind, booking, extension, consent=facts)
        return wish


def _keep(staff: User, extension_id: uuid.UUID, consent: Consent) -> None:
    kept = ExtensionConsent(
        extension_id=extension_id,
        channel=consent.channel,
        name=consent.name.strip()[:120],
        given_at=consent.at,
        words=consent.words.strip(),
        staff_id=staff.id,
    )
    db.session.add(kept)
    db.session.flush()
