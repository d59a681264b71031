"""What completing the work, and the end of a booking, mean for its extensions and their money."""

import uuid
from collections.abc import Collection, Mapping

from flask_babel import lazy_gettext as _l

from b2c_web import audit, formatting
from b2c_web.bookings.models import Booking, BookingStatus
from b2c_web.errors import Conflict
from b2c_web.extensions import money, rules
from b2c_web.extensions.access import of_booking_locked
from b2c_web.extensions.models import AuthorizationStatus, Extension, ExtensionStatus
from b2c_web.extensions.raising import BOOKING_ENDED, CONTRACT_WITHDRAWN, cancel
from b2c_web.extensions.refusing import WORDS, refuse
from b2c_web.flask_extensions import db
from b2c_web.payments.rules import NOT_CAPTURED


def mark_not_done(booking: Booking, extension: Extension, not_done: Collection[int]) -> None:
    """Step: says which accepted items were not done (all of them at once, [] takes it back): they are not charged.

    Until the work is completed. Raises Conflict; unknown_item for what was not accepted. What a customer objected to
    stays not done; what was taken stays done, also when the car comes back.
    """
    refuse(rules.work_refusal(booking))
    wanted = sorted(set(not_done))
    released = extension.authorization_status is AuthorizationStatus.RELEASED
    if extension.authorization_status in rules.TAKEN and wanted != extension.not_done_items:
        refuse(rules.Refusal.SETTLING)
    if not set(wanted) <= set(extension.accepted_items) or (released and wanted != extension.not_done_items):
        refuse(rules.Refusal.UNKNOWN_ITEM)
    before, extension.not_done_items = list(extension.not_done_items), wanted
    db.session.flush()
    audit.record(
        "extension.not_done",
        "extension",
        extension.id,
        before={"not_done_items": before},
        after={"not_done_items": wanted},
    )


def note_undone(booking: Booking, undone: Mapping[uuid.UUID, Collection[int]], shown_cents: int) -> None:
    """Step, for `complete_work`: marks what was not done, by extension, as `mark_not_done` does; raises as it does.

    Raises Conflict (sum_changed, due_cents) unless completing charges `shown_cents`: what is held, also when taking it
    failed once; see `money.settle`. Work that was completed before charges nothing any more.
    """
    for extension in of_booking_locked(booking):
        wanted = undone.get(extension.id)
        if wanted is not None and set(wanted) != set(extension.not_done_items):
            mark_not_done(booking, extension, wanted)
    if booking.service_completed_at is None:
        _check_due(booking, shown_cents)


def _check_due(booking: Booking, shown_cents: int) -> None:
    cents = sum(rules.due_cents(one) for one in of_booking_locked(booking) if _is_charged(one))
    if cents != shown_cents:
        words = _l("Eingezogen würden jetzt %(sum)s. Stimmt das so?", sum=formatting.eur(cents))
        raise Conflict(words, code="sum_changed", due_cents=cents)


def _is_charged(extension: Extension) -> bool:
    """The same that the page of completion counts: held, or taking it failed once."""
    wanted = rules.is_safe_to_begin(extension) or extension.failure_code == NOT_CAPTURED
    approved = extension.status is ExtensionStatus.APPROVED
    return approved and wanted and extension.authorization_status not in rules.TAKEN


def complete(booking: Booking) -> None:
    """In `bookings.completing`: captures begin; what was never held is released. Raises Conflict while one is PENDING.

    `details["extension_id"]` is the one that waits: withdrawing it is the way on.
    """
    extensions = of_booking_locked(booking)
    pending = next((one for one in extensions if one.status is ExtensionStatus.PENDING), None)
    if pending is not None:
        refusal = rules.Refusal.STILL_PENDING
        raise Conflict(WORDS[refusal], code=refusal.value, extension_id=pending.id)
    for extension in extensions:
        if extension.status is ExtensionStatus.APPROVED:
            money.settle(extension)


def is_undecided(booking: Booking) -> bool:
    """In `bookings.undecided`: is a capture still on its way?"""
    return any(one.authorization_status is AuthorizationStatus.CAPTURING for one in of_booking_locked(booking))


def end(booking: Booking) -> None:
    """In the hooks of a booking's end and of a withdrawal: what was PENDING is cancelled, what was held is released.

    What is being captured, or what was done and could not be taken, stays. Bookings that go on are left alone.
    After a withdrawal nothing is owed, and once the booking ended what was captured goes back.
    """
    if booking.status is not BookingStatus.CANCELLED and booking.withdrawn_at is None:
        return
    for extension in of_booking_locked(booking):
        if extension.status is ExtensionStatus.PENDING:
            cancel(extension, CONTRACT_WITHDRAWN if booking.withdrawn_at else BOOKING_ENDED)
        elif extension.authorization_status in rules.HOLDABLE:
            stays_owed = booking.withdrawn_at is None and money.is_owed(extension)
            (money.keep_owed if stays_owed else money.release)(extension)
        elif booking.all_goes_back:
            money.give_back(extension)
