"""How an extension's values are shown, and what its pages for staff have in common."""

import uuid
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from b2c_web import formatting, live
from b2c_web.accounts.models import User
from b2c_web.bookings.models import Booking
from b2c_web.bookings.queries import visible_to
from b2c_web.catalog.texts import TEXTS
from b2c_web.errors import NotFound
from b2c_web.extensions import blueprint, rules
from b2c_web.extensions.items import quantity_text
from b2c_web.extensions.models import AuthorizationStatus
from b2c_web.extensions.raising import ENDED_WITH_BOOKING, ENDING_WORDS
from b2c_web.extensions.reading import ExtensionView
from b2c_web.extensions.wishes import WishView
from b2c_web.flask_extensions import db
from b2c_web.media.models import MediaFile
from b2c_web.media.queries import files
from b2c_web.payments.models import PaymentMethod
from b2c_web.payments.queries import methods_of


@blueprint.app_template_filter("quantity")
def quantity(amount: Decimal | str) -> str:
    """ "1,5" or "1.5"."""
    plain = quantity_text(Decimal(amount))
    return plain.replace(".", ",") if formatting.language() == "de" else plain


@blueprint.app_template_filter("whole")
def whole(number: int) -> str:
    """ "84.210" or "84,210"."""
    grouped = f"{number:,}"
    return grouped.replace(",", ".") if formatting.language() == "de" else grouped


def visible_booking(booking_id: uuid.UUID) -> Booking:
    """A booking that the person at this request may see. Raises NotFound."""
    booking = db.session.scalars(visible_to(current_user).where(Booking.id == booking_id)).one_or_none()
    if booking is None:
        raise NotFound
    return booking


def frame(booking: Booking) -> dict[str, Any]:
    """What the head of every page of the workshop about `booking` says."""
    return {
        "booking": booking,
        "plate": plate_of(booking),
        "service": TEXTS[booking.service],
        "car_url": car_url(booking),
    }


def plate_of(booking: Booking) -> str:
    return booking.vehicle.license_plate if booking.vehicle else str(booking.car_details.get("license_plate", ""))


def car_url(booking: Booking) -> str:
    return url_for("dashboard.car", booking_id=booking.id)


def saved_method(user: User) -> PaymentMethod | None:
    """The card or account that the money will be held on: the one that the customer wants first."""
    return next(iter(methods_of(user)), None)


def version_of(*extensions: ExtensionView) -> str:
    """A short name of everything that pages show of extensions, for regions that follow what others do."""
    return live.version_of(*(_state(one) for one in extensions))


def _state(one: ExtensionView) -> tuple[Any, ...]:
    decided = (one.status, one.authorization_status, one.approved_cents, one.due_cents, one.captured_cents)
    consent = one.consent.objected_at if one.consent else None
    return (one.id, decided, one.replaced_by_id, one.failure_code, one.safe_to_begin, len(one.messages), consent)


@blueprint.app_template_global("consent_channel")
def consent_channel(name: str) -> Any:
    """How a consent came, in words."""
    return rules.CHANNELS[name]


NOT_YET_CHARGED = (AuthorizationStatus.PENDING, AuthorizationStatus.AUTHORIZED)
CHARGES = {
    AuthorizationStatus.PENDING: _l(
        "Wir reservieren den Betrag gerade. Abgebucht wird erst, wenn die Arbeit fertig ist."
    ),
    AuthorizationStatus.AUTHORIZED: _l("Der Betrag ist reserviert. Abgebucht wird erst, wenn die Arbeit fertig ist."),
    AuthorizationStatus.CAPTURING: _l("Die Arbeit ist fertig, der Betrag wird gerade abgebucht."),
    AuthorizationStatus.PROCESSING: _l("Die Arbeit ist fertig, Ihre Bank verarbeitet die Zahlung."),
    AuthorizationStatus.FAILED: _l(
        "Der Betrag ließ sich nicht einziehen und ist noch offen. Wir melden uns bei Ihnen."
    ),
    AuthorizationStatus.RELEASED: _l("Die Reservierung ist aufgehoben. Abgebucht wird nichts."),
}


@blueprint.app_template_global("charge_words")
def charge_words(extension: ExtensionView) -> Any:
    """What was authorised and when it is charged, in a sentence for the customer."""
    if extension.authorization_status is AuthorizationStatus.CAPTURED and extension.payment_captured_at:
        words = {
            "sum": formatting.eur(extension.captured_cents),
            "time": formatting.moment(extension.payment_captured_at),
        }
        return _("%(sum)s sind abgebucht, am %(time)s Uhr.", **words)
    if extension.by_mandate and extension.authorization_status in NOT_YET_CHARGED:
        return _("Wir ziehen den Betrag per Lastschrift ein, sobald die Arbeit fertig ist.")
    return CHARGES.get(extension.authorization_status, "")


@blueprint.app_template_filter("withdrawal_words")
def withdrawal_words(reason: str | None) -> Any:
    """Why an extension was withdrawn: in the workshop's words, or in ours for what we noted ourselves."""
    return ENDING_WORDS.get(reason, reason or "")


@blueprint.app_template_test("ended_with_booking")
def ended_with_booking(reason: str | None) -> bool:
    """For templates: did the offer end by itself, taken back by nobody?"""
    return reason in ENDED_WITH_BOOKING


def photos_of(extension: ExtensionView) -> Callable[[Sequence[uuid.UUID]], list[MediaFile]]:
    """For templates: the files of some ids that the extension shows, all of them read once and only when asked for."""

    @cache
    def shown() -> dict[uuid.UUID, MediaFile]:
        return {file.id: file for file in files(extension.all_media)}

    return lambda ids: [shown()[one] for one in ids if one in shown()]


@blueprint.app_template_global("extensions_version")
def extensions_version(extensions: Sequence[ExtensionView], wishes: Sequence[WishView]) -> str:
    """Of all that the customer's booking page shows of extensions and wishes."""
    wished = ((one.id, one.state, one.accepted, one.left_undone) for one in wishes)
    return live.version_of(version_of(*extensions), *wished)
