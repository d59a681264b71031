"""What the demo's workshop finds when the cars are up on the lift, with a photo of it, and what the customers say."""

import uuid
from dataclasses import dataclass

from b2c_web.accounts.models import User
from b2c_web.audit import acting
from b2c_web.bookings.models import Booking
from b2c_web.demo.pictures import worn_disc
from b2c_web.extensions.commands import Item, Offer, approve, authorize_now, decline, raise_extension
from b2c_web.extensions.models import Extension
from b2c_web.extensions.rules import digest_of
from b2c_web.flask_extensions import db
from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaPurpose


@dataclass(frozen=True)
class Finding:
    """More work on one car. `items`: (name, gross cents), `accepted`: places in them that the customer ticks."""

    description: str
    items: tuple[tuple[str, int], ...]
    accepted: tuple[int, ...]
    urgent: bool = False


FINDINGS = (
    Finding(
        "Die Bremsscheiben vorn sind eingelaufen, links fehlt am Rand schon Material.",
        (("Bremsscheiben vorn, Paar", 23990), ("Bremsbeläge vorn", 11998), ("Bremsflüssigkeit wechseln", 8900)),
        accepted=(0, 1),
        urgent=True,
    ),
    Finding(
        "Der Auspuff ist am Endtopf durchgerostet.",
        (("Endschalldämpfer erneuern", 28900), ("Halter und Schellen", 3450)),
        accepted=(0, 1),
    ),
    Finding(
        "Beide Scheibenwischer ziehen Schlieren, der Innenraumfilter ist zugesetzt.",
        (("Wischerblätter vorn", 3890), ("Innenraumfilter", 4590)),
        accepted=(1,),
    ),
)


def finding_for(number: int) -> Finding:
    """The same story always finds the same."""
    return FINDINGS[number % len(FINDINGS)]


def photograph(staff: User, booking_id: uuid.UUID, number: int) -> uuid.UUID:
    """A photo from the lift: drawn, for the demo has no real car. The worker makes its sizes."""
    return add_upload(staff, MediaPurpose.BOOKING, booking_id, worn_disc(number), "befund.jpg").id


def report(staff: User, booking_id: uuid.UUID, finding: Finding, photo_id: uuid.UUID) -> uuid.UUID:
    """Raise it; returns the extension's id."""
    items = [Item(name, price_cents) for name, price_cents in finding.items]
    offer = Offer(finding.description, items, urgent=finding.urgent, media=[photo_id])
    return raise_extension(staff, booking_id, offer)


def say_yes(extension_id: uuid.UUID, finding: Finding) -> None:
    """The customer ticks what should be done; the money is held at once."""
    customer, shown = _asked(extension_id)
    with acting(customer):
        authorize_now(approve(customer, extension_id, finding.accepted, shown))


def say_no(extension_id: uuid.UUID) -> None:
    customer, shown = _asked(extension_id)
    with acting(customer):
        decline(customer, extension_id, "Das lasse ich erst zur nächsten Inspektion machen.", shown)


def _asked(extension_id: uuid.UUID) -> tuple[User, str]:
    extension = db.session.get_one(Extension, extension_id)
    return db.session.get_one(Booking, extension.booking_id).user, digest_of(extension)
