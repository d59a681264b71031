"""What the demo's workshop finds when the cars are up on the lift, with a photo of it, and what the customers say."""

import io
import uuid
from dataclasses import dataclass

from PIL import Image, ImageDraw

from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.extensions.commands import Item, Offer, approve, authorize_now, decline, raise_extension
from b2c_web.extensions.models import Extension
from b2c_web.extensions.rules import digest_of
from b2c_web.flask_extensions import db
from b2c_web.media.commands import add_upload
from b2c_web.media.models import MediaPurpose

PHOTO_SIZE = (1600, 1200)


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
    return add_upload(staff, MediaPurpose.BOOKING, booking_id, _disc(number), "befund.jpg").id


def report(staff: User, booking_id: uuid.UUID, finding: Finding, photo_id: uuid.UUID) -> uuid.UUID:
    """Raise it; returns the extension's id."""
    items = [Item(name, price_cents) for name, price_cents in finding.items]
    offer = Offer(finding.description, items, urgent=finding.urgent, media=[photo_id])
    return raise_extension(staff, booking_id, offer)


def say_yes(extension_id: uuid.UUID, finding: Finding) -> None:
    """The customer ticks what should be done; the money is held at once."""
    customer, shown = _asked(extension_id)
    authorize_now(approve(customer, extension_id, finding.accepted, shown))


def say_no(extension_id: uuid.UUID) -> None:
    customer, shown = _asked(extension_id)
    decline(customer, extension_id, "Das lasse ich erst zur nächsten Inspektion machen.", shown)


def _asked(extension_id: uuid.UUID) -> tuple[User, str]:
    extension = db.session.get_one(Extension, extension_id)
    return db.session.get_one(Booking, extension.booking_id).user, digest_of(extension)


def _disc(number: int) -> io.BytesIO:
    """A brake disc under a work lamp, worn on one side."""
    picture = Image.new("RGB", PHOTO_SIZE, "#2b2f33")
    draw = ImageDraw.Draw(picture)
    for radius in range(900, 0, -12):
        shade = 43 + (900 - radius) // 14
        draw.circle((800 + number % 3 * 60, 380), radius, fill=(shade, shade + 3, shade + 6))
    draw.circle((800, 640), 470, fill="#8d9399", outline="#565c62", width=14)
    for radius in range(300, 450, 9):
        draw.circle((800, 640), radius, outline="#767d84" if radius % 2 else "#a3a9af", width=2)
    draw.arc((348, 188, 1252, 1092), 150, 235, fill="#7a4a2c", width=34)
    draw.circle((800, 640), 210, fill="#5d646b", outline="#41474d", width=10)
    for x, y in ((800, 510), (924, 600), (876, 745), (724, 745), (676, 600)):
        draw.circle((x, y), 26, fill="#33383d")
    draw.circle((800, 640), 58, fill="#2e3338")
    photo = io.BytesIO()
    picture.save(photo, "JPEG", quality=88)
    photo.seek(0)
    return photo
