"""The customer decides, asks, objects; the workshop answers."""

import math
import uuid
from collections.abc import Collection
from datetime import timedelta

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from b2c_web import audit
from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import TooMany
from b2c_web.extensions import messages, money, rules
from b2c_web.extensions.access import lock_for_decider, lock_for_staff
from b2c_web.extensions.approving import Decision, approve_locked, note_decision
from b2c_web.extensions.deciders import Decider, Link
from b2c_web.extensions.models import (
    DecisionRight,
    Extension,
    ExtensionConsent,
    ExtensionMessage,
    ExtensionStatus,
    MessageKind,
)
from b2c_web.extensions.queries import consent_of, is_question_open, later_return
from b2c_web.extensions.refusing import check_decision, need_words, refuse
from b2c_web.flask_extensions import db
from b2c_web.formatting import clock, phone
from b2c_web.notifications.models import NotificationKind
from b2c_web.payments.authorizing import HoldWish

MOST_WORDS = 2000
HOUR = timedelta(hours=1)
TOO_MANY_QUESTIONS = _l(
    "Das waren viele Fragen in kurzer Zeit. Ab %(time)s Uhr können Sie die nächste stellen. "
    "Eilt es, rufen Sie die Werkstatt an: %(phone)s."
)


def approve(
    decider: Decider,
    extension_id: uuid.UUID,
    accepted: Collection[int],
    shown: str,
    *,
    named_cents: int | None = None,
) -> HoldWish:
    """The customer approves the ticked items: PENDING -> APPROVED, their sum is to be held, the return moves.

    Returns the wish for the money: call `authorize_now(wish)` after it, so that the answer is on the page; a job
    does it anyway. `shown` is the digest that the page showed, `named_cents` the sum on the button that was pressed,
    if it named one. Raises Conflict: withdrawn, replaced (with `details["replaced_by"]`), decided, not_shown,
    not_in_workshop, settling, nothing_ticked, unknown_item, other_sum, return_gone (the new return window is taken
    meanwhile: nothing was approved).
    """
    with command_transaction():
        booking, extension = lock_for_decider(decider, extension_id)
        wish = approve_locked(booking, extension, accepted, shown, _decision(decider, booking))
        if named_cents not in (None, extension.approved_amount_cents):
            refuse(rules.Refusal.OTHER_SUM)
        messages.to_customer(NotificationKind.EXTENSION_DECIDED, booking, extension)
        return wish


def decline(decider: Decider, extension_id: uuid.UUID, reason: str, shown: str) -> None:
    """PENDING -> DECLINED; the reason may be empty. What was declined stays on the car's record. As `approve`."""
    with command_transaction():
        booking, extension = lock_for_decider(decider, extension_id)
        check_decision(booking, extension, shown)
        extension.status, extension.declined_at = ExtensionStatus.DECLINED, now_utc()
        extension.decline_reason = reason.strip()[:MOST_WORDS] or None
        note_decision(extension, shown, _decision(decider, booking))
        messages.to_customer(NotificationKind.EXTENSION_DECIDED, booking, extension)


def _decision(decider: Decider, booking: Booking) -> Decision:
    channel = "mail_link" if isinstance(decider, Link) else "web"
    return Decision(DecisionRight.CUSTOMER, booking.user_id, channel)


def ask(decider: Decider, extension_id: uuid.UUID, words: str) -> None:
    """The customer asks; the workshop is told. Only while PENDING. Raises Invalid (`words`), Conflict, TooMany."""
    question = need_words(words, _l("Bitte schreiben Sie Ihre Frage."), "words")
    with command_transaction():
        booking, extension = lock_for_decider(decider, extension_id)
        _check_room(booking, extension)
        said = _say(booking, extension, MessageKind.QUESTION, question, booking.user_id)
        messages.to_workshop(
            NotificationKind.EXTENSION_QUESTION, booking, extension, once=str(said.id), words=said.words
        )


def _check_room(booking: Booking, extension: Extension) -> None:
    """Each question mails the workshop: so many an hour, counted in the questions themselves. Raises TooMany."""
    most, now = current_app.config["EXTENSION_QUESTIONS_PER_HOUR"], now_utc()
    asked = select(ExtensionMessage.at).filter_by(extension_id=extension.id, kind=MessageKind.QUESTION)
    last_that_counts = asked.order_by(ExtensionMessage.at.desc()).offset(most - 1).limit(1)
    at = db.session.scalar(last_that_counts.where(ExtensionMessage.at > now - HOUR))
    if at is not None:
        free_at = at + HOUR + timedelta(seconds=59)  # said in whole minutes
        facts = {"time": clock(free_at), "phone": phone(booking.workshop.phone)}
        wait_seconds = math.ceil((at + HOUR - now).total_seconds())
        raise TooMany(TOO_MANY_QUESTIONS % facts, retry_after_seconds=wait_seconds)


def answer(staff: User, extension_id: uuid.UUID, words: str) -> None:
    """The workshop answers; the customer is told, with a link. Once it is decided only what was asked before and not
    answered, and the answer is read signed in. Raises Invalid, Conflict.
    """
    reply = need_words(words, _l("Bitte schreiben Sie Ihre Antwort."), "words")
    with command_transaction():
        booking, extension = lock_for_staff(staff, extension_id)
        said = _say(booking, extension, MessageKind.ANSWER, reply, staff.id)
        kind = NotificationKind.EXTENSION_ANSWERED
        waits = extension.status is ExtensionStatus.PENDING
        messages.to_customer(kind, booking, extension, once=str(said.id), link=waits, words=said.words)


def _say(
    booking: Booking, extension: Extension, kind: MessageKind, words: str, author_id: uuid.UUID
) -> ExtensionMessage:
    if kind is MessageKind.QUESTION or not is_question_open(extension):
        check_decision(booking, extension, rules.digest_of(extension))
    said = ExtensionMessage(
        extension_id=extension.id, kind=kind, author_id=author_id, words=words[:MOST_WORDS], at=now_utc()
    )
    db.session.add(said)
    db.session.flush()
    asker = "customer" if kind is MessageKind.QUESTION else None  # also through the link, which signs nobody in
    audit.record(f"extension.{kind.value.lower()}", "extension", extension.id, after={"words": said.words}, actor=asker)
    return said


def object_to(customer: User, extension_id: uuid.UUID) -> None:
    """The customer objects to a recorded consent, until the work is completed: nothing of it is charged.

    The hold is released, its items count as not done, the workshop is told. A return that became later with the consent
    stays there until somebody chooses an earlier one; both are told so. Raises Conflict, also when it was done and
    charged before the car came back.
    """
    with command_transaction():
        booking, extension = lock_for_decider(customer, extension_id)
        refuse(rules.work_refusal(booking))
        consent = consent_of(extension.id)
        done = extension.authorization_status in rules.TAKEN or money.is_owed(extension)
        if consent is None or consent.objected_at is not None or done:
            refuse(rules.Refusal.NOTHING_TO_OBJECT)
            return
        _object(booking, extension, consent)


def _object(booking: Booking, extension: Extension, consent: ExtensionConsent) -> None:
    consent.objected_at = now_utc()
    before = list(extension.not_done_items)
    extension.not_done_items = list(extension.accepted_items)
    db.session.flush()
    money.release(extension)
    audit.record(
        "extension.object",
        "extension",
        extension.id,
        before={"not_done_items": before},
        after={"not_done_items": list(extension.not_done_items), "objected_at": consent.objected_at.isoformat()},
    )
    stays_at = later_return(booking, extension)
    facts = {"words": "objected", "waiting_hours": None, "later_return": stays_at.isoformat() if stays_at else None}
    messages.to_workshop(NotificationKind.EXTENSION_STAFF_ALERT, booking, extension, once="objected", **facts)
