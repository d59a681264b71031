"""The workshop finds more to do: the draft, raising, withdrawing."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from b2c_web import audit, jobs
from b2c_web.accounts.models import User
from b2c_web.bookings.access import lock_as_workshop
from b2c_web.bookings.models import Booking
from b2c_web.bookings.returning import may_choose_return, return_options
from b2c_web.clock import now_utc
from b2c_web.db import command_transaction
from b2c_web.errors import Invalid, NotFound
from b2c_web.extensions import messages, rules, wishing
from b2c_web.extensions.access import lock_for_staff
from b2c_web.extensions.deciders import end_links
from b2c_web.extensions.items import Offer, to_json
from b2c_web.extensions.models import Extension, ExtensionDraft, ExtensionStatus
from b2c_web.extensions.refusing import need_words, refuse, refuse_field
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile, MediaKind, MediaPurpose
from b2c_web.media.queries import lock_files
from b2c_web.notifications.models import NotificationKind
from b2c_web.workshops.models import TimeSlot

WITHDRAW_REASON = _l("Bitte nennen Sie den Grund.")
REPLACED = "replaced"  # the withdrawal's reason when another one takes its place
BOOKING_ENDED = "booking_ended"
CONTRACT_WITHDRAWN = "contract_withdrawn"
ENDED_WITH_BOOKING = (BOOKING_ENDED, CONTRACT_WITHDRAWN)
ENDING_WORDS: dict[str | None, Any] = {
    REPLACED: _l("Durch eine neue Fassung ersetzt."),
    BOOKING_ENDED: _l("Die Buchung ist beendet."),
    CONTRACT_WITHDRAWN: _l("Der Vertrag ist widerrufen."),
}


def save_draft(staff: User, booking_id: uuid.UUID, content: dict[str, Any]) -> bool:
    """Keep what staff have typed so far; the last one to save wins. `content` is the form's own shape.

    False, and nothing is kept, when the draft with this `draft_key` was sent or thrown away already.
    """
    with command_transaction():
        booking = lock_as_workshop(staff, booking_id)
        if content.get("draft_key") in _ended_keys(booking):
            return False
        _write_draft(booking, content=content, updated_by=staff.id)
        return True


def _write_draft(booking: Booking, **values: Any) -> None:
    values["updated_at"] = now_utc()
    statement = insert(ExtensionDraft).values(booking_id=booking.id, **values)
    db.session.execute(statement.on_conflict_do_update(index_elements=["booking_id"], set_=values))


def _ended_keys(booking: Booking) -> list[str]:
    draft = db.session.get(ExtensionDraft, booking.id, populate_existing=True)
    return list(draft.ended_keys) if draft is not None else []


def drop_draft(staff: User, booking_id: uuid.UUID) -> None:
    """Forget the draft, if there is one."""
    with command_transaction():
        _end_draft(lock_as_workshop(staff, booking_id))


def _end_draft(booking: Booking, key: str = "") -> None:
    """Forget what was typed, and remember that it is over: an autosave may still be on its way."""
    draft = db.session.get(ExtensionDraft, booking.id, populate_existing=True)
    kept = draft.content.get("draft_key", "") if draft is not None else ""
    ended = {*_ended_keys(booking), key, kept} - {""}
    if draft is not None or ended:
        _write_draft(booking, content={}, ended_keys=sorted(ended), updated_by=None)


def raise_extension(
    staff: User, booking_id: uuid.UUID, offer: Offer, replaces: uuid.UUID | None = None, draft_key: str = ""
) -> uuid.UUID:
    """PENDING extension; the customer gets a mailed link, reminders are queued, the draft goes. Returns its id.

    `replaces`: the PENDING one that is corrected: it is withdrawn in the same transaction, the history stays.
    `draft_key`: the draft that it was written in; from then on saving that one changes nothing.
    The very same offer again while it is PENDING (a second tap, an answer that got lost) is the one that waits. Out of
    a draft that is over it is the same with other photos too, which a form without script brings anew, and decided.
    Wishes that its lines name, or that are called the same, are taken up by it.
    Raises Invalid (with `field`: description, items, items-<n>, media, delay_reason, new_return_slot_id,
    new_promised_at), Conflict.
    """
    with command_transaction():
        booking, extension, is_new = raise_locked(staff, booking_id, offer, replaces, draft_key)
        if is_new:
            messages.to_customer(NotificationKind.EXTENSION_RAISED, booking, extension, link=True)
            _remember(extension)
        return extension.id


def raise_locked(
    staff: User, booking_id: uuid.UUID, offer: Offer, replaces: uuid.UUID | None, draft_key: str
) -> tuple[Booking, Extension, bool]:
    """Step: the locked booking with what is offered for it, and whether it is new; see `raise_extension`. Nobody is
    told yet.
    """
    refuse_field(rules.offer_error(offer))
    booking = lock_as_workshop(staff, booking_id)
    refuse(rules.work_refusal(booking))
    extension = _offered(staff, booking, offer, replaces)
    if there := _raised_already(extension, again=draft_key in _ended_keys(booking)):
        _end_draft(booking, draft_key)
        return booking, there, False
    if replaces is not None:
        _make_room(staff, booking, replaces)
    _end_draft(booking, draft_key)
    db.session.add(extension)
    db.session.flush()
    wishing.take_up(booking, extension, offer)
    audit.record("extension.raise", "extension", extension.id, after=_raised_facts(extension))
    return booking, extension, True


def _make_room(staff: User, booking: Booking, replaces: uuid.UUID) -> None:
    _same, earlier = lock_for_staff(staff, replaces)
    if earlier.booking_id != booking.id:
        raise NotFound
    cancel(earlier, REPLACED)


def _raised_already(extension: Extension, *, again: bool) -> Extension | None:
    counts = Extension.status != ExtensionStatus.CANCELLED if again else Extension.status == ExtensionStatus.PENDING
    there = db.session.scalars(select(Extension).filter_by(booking_id=extension.booking_id).where(counts))
    return next((one for one in there if rules.is_same_offer(one, extension, with_media=not again)), None)


def _offered(staff: User, booking: Booking, offer: Offer, replaces: uuid.UUID | None) -> Extension:
    slot_id, promised_at = _promise(booking, offer)
    shown = _media_of(booking, offer)
    return Extension(
        booking_id=booking.id,
        description=offer.description.strip(),
        items=[to_json(item) for item in offer.items],
        total_amount=rules.total_cents(offer.items),
        images=[str(file.id) for file in shown if file.kind is MediaKind.IMAGE],
        videos=[str(file.id) for file in shown if file.kind is MediaKind.VIDEO],
        urgent=offer.urgent,
        raised_by=staff.id,
        requested_at=now_utc(),
        vat_rate_percent=current_app.config["VAT_RATE_PERCENT"],
        replaces_id=replaces,
        new_return_slot_id=slot_id,
        new_promised_at=promised_at,
        delay_reason=offer.delay_reason.strip(),
    )


def _promise(booking: Booking, offer: Offer) -> tuple[uuid.UUID | None, datetime | None]:
    """The new promise that the extension states: a window that can be kept now, or a time for who fetches the car."""
    if may_choose_return(booking):
        if offer.new_return_slot_id is None:
            _needs_no_time(offer.new_promised_at)
            return None, None
        if all(window.slot_id != offer.new_return_slot_id for window in return_options(booking)):
            raise Invalid(_l("Dieses Rückgabefenster ist nicht frei."), field="new_return_slot_id")
        return offer.new_return_slot_id, db.session.get_one(TimeSlot, offer.new_return_slot_id).end_time
    if offer.new_return_slot_id is not None:
        raise Invalid(_l("Dieses Auto holt der Kunde ab: Bitte nennen Sie nur die neue Zeit."), field="new_promised_at")
    if offer.new_promised_at is not None and offer.new_promised_at <= now_utc():
        raise Invalid(_l("Die neue Zeit liegt in der Vergangenheit."), field="new_promised_at")
    return None, offer.new_promised_at


def _needs_no_time(promised_at: datetime | None) -> None:
    if promised_at is not None:
        raise Invalid(_l("Bitte wählen Sie ein Rückgabefenster."), field="new_return_slot_id")


def _media_of(booking: Booking, offer: Offer) -> list[MediaFile]:
    """The files that show the whole. Raises Invalid unless all files named anywhere are this booking's own."""
    for index, item in enumerate(offer.items):
        _own_files(booking, item.media, f"items-{index}")
    return _own_files(booking, offer.media, "media")


def _own_files(booking: Booking, ids: Sequence[uuid.UUID], field: str) -> list[MediaFile]:
    """The booking's own files, held so that the clean-up leaves them."""
    found = lock_files(ids, MediaPurpose.BOOKING, booking.id)
    if len(found) != len(set(ids)):
        raise Invalid(
            _l("Ein Foto fehlt oder ließ sich nicht lesen. Bitte nehmen Sie es noch einmal auf."), field=field
        )
    return found


def _raised_facts(extension: Extension) -> dict[str, Any]:
    return {
        "status": extension.status.value,
        "total_amount": extension.total_amount,
        "items": extension.items,
        "replaces": str(extension.replaces_id) if extension.replaces_id else None,
        "new_promised_at": extension.new_promised_at.isoformat() if extension.new_promised_at else None,
    }


def _remember(extension: Extension) -> None:
    """The customer is asked again, then staff are told; both look at the state before they say anything."""
    config, raised_at = current_app.config, extension.requested_at
    for job, minutes in (
        ("extensions.remind_customer", config["EXTENSION_REMINDER_MINUTES"]),
        ("extensions.tell_staff", config["EXTENSION_STAFF_ALERT_MINUTES"]),
    ):
        jobs.defer(job, at=raised_at + timedelta(minutes=minutes), extension_id=str(extension.id))


def withdraw_extension(staff: User, extension_id: uuid.UUID, reason: str) -> None:
    """PENDING -> CANCELLED with a reason; the customer is told. Raises Invalid, Conflict when decided meanwhile."""
    words = need_words(reason, WITHDRAW_REASON, "words")
    with command_transaction():
        booking, extension = lock_for_staff(staff, extension_id)
        cancel(extension, words)
        messages.to_customer(NotificationKind.EXTENSION_WITHDRAWN, booking, extension, words=words)


def cancel(extension: Extension, reason: str) -> None:
    """Step: PENDING -> CANCELLED; no link opens it any more. Raises Conflict when it is not PENDING any more."""
    if extension.status is not ExtensionStatus.PENDING:
        refuse(_why_not(extension))
    extension.status, extension.withdrawn_at, extension.withdraw_reason = ExtensionStatus.CANCELLED, now_utc(), reason
    db.session.flush()
    end_links(extension.id)
    wishing.let_go(extension)
    audit.record(
        "extension.withdraw",
        "extension",
        extension.id,
        before={"status": ExtensionStatus.PENDING.value},
        after={"status": extension.status.value, "reason": reason},
    )


def _why_not(extension: Extension) -> rules.Refusal:
    withdrawn = extension.status is ExtensionStatus.CANCELLED
    return rules.Refusal.WITHDRAWN if withdrawn else rules.Refusal.DECIDED
