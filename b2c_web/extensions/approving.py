"""Approving, by whichever right: PENDING -> APPROVED, the money is to be held, the return moves."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from b2c_web import audit
from b2c_web.bookings.models import Booking
from b2c_web.bookings.places import PlaceTaken
from b2c_web.bookings.returning import move_promise, move_return
from b2c_web.clock import now_utc
from b2c_web.extensions import money, rules
from b2c_web.extensions.deciders import end_links
from b2c_web.extensions.models import DecisionRight, Extension, ExtensionStatus
from b2c_web.extensions.refusing import check_decision, check_ticks, refuse
from b2c_web.flask_extensions import db
from b2c_web.payments.authorizing import HoldWish, wish_of


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, by which right, and how it reached us."""

    right: DecisionRight
    user_id: uuid.UUID
    channel: str

    @property
    def actor(self) -> str | None:
        """What the audit log calls somebody who is not signed in."""
        return "customer" if self.channel == "mail_link" else None


def approve_locked(
    booking: Booking, extension: Extension, accepted: Collection[int], shown: str, decision: Decision
) -> HoldWish:
    """Step: approve these items of a locked extension; returns the wish for the money. Raises Conflict.

    Either all of it happens or nothing: the decision, the wish to hold the money, and the new return.
    """
    check_decision(booking, extension, shown)
    check_ticks(extension, accepted)
    extension.status, extension.approved_at = ExtensionStatus.APPROVED, now_utc()
    extension.accepted_items = sorted(set(accepted))
    extension.approved_amount_cents = rules.sum_of(extension, accepted)
    note_decision(extension, shown, decision)
    payment = money.hold(extension, booking)
    _keep_promise(booking, extension)
    return wish_of(payment)


def note_decision(extension: Extension, shown: str, decision: Decision) -> None:
    """Step: who decided what was shown, when and by which right, for good; the links end."""
    extension.decision_right, extension.decided_by = decision.right, decision.user_id
    extension.decision_channel, extension.shown_digest = decision.channel, shown
    db.session.flush()
    end_links(extension.id)
    audit.record(
        f"extension.{'approve' if extension.status is ExtensionStatus.APPROVED else 'decline'}",
        "extension",
        extension.id,
        before={"status": ExtensionStatus.PENDING.value},
        after={
            "status": extension.status.value,
            "accepted_items": list(extension.accepted_items),
            "approved_amount_cents": extension.approved_amount_cents,
            "right": decision.right.value,
            "channel": decision.channel,
            "decided_by": str(decision.user_id),
        },
        actor=decision.actor,
    )


def _keep_promise(booking: Booking, extension: Extension) -> None:
    """The return moves with the consent, by the rule of every promise. A later one that was chosen meanwhile stays."""
    promised_at = extension.new_promised_at
    if promised_at is None or booking.estimated_return_time >= promised_at:
        return
    if extension.new_return_slot_id is None:
        move_promise(booking, promised_at)
        return
    try:
        move_return(booking, extension.new_return_slot_id)
    except PlaceTaken:
        refuse(rules.Refusal.RETURN_GONE)
