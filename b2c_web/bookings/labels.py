"""The lines of documents. Stored in German, as they were issued; a paper in English translates them."""

from typing import Any

from flask_babel import force_locale
from flask_babel import lazy_gettext as _l

from b2c_web.bookings.models import Booking
from b2c_web.catalog.texts import TEXTS
from b2c_web.payments.documents import Line

CONCIERGE = _l("Holen und Bringen mit Ersatzwagen")
KEPT_FEE = _l("Einbehaltene Gebühr")
MOVE_FEE = _l("Gebühr fürs Verschieben")
REFUND = _l("Erstattung")


def line(label: Any, gross_cents: int) -> Line:
    """One line of a document, with its gross amount in cents."""
    with force_locale("de"):
        return {"label": str(label), "gross_cents": gross_cents}


def lines_of(booking: Booking) -> list[Line]:
    """What a booking's receipt lists: the service and, when it costs something, the concierge."""
    lines = [line(TEXTS[booking.service].name, booking.base_price)]
    if booking.concierge_price:
        lines.append(line(CONCIERGE, booking.concierge_price))
    return lines
