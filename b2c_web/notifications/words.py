"""What messages, their states and what went wrong with them are called on our pages."""

from typing import Any

from flask_babel import lazy_gettext as _l

from b2c_web.notifications import rules
from b2c_web.notifications.models import NotificationKind, NotificationStatus

KINDS: dict[NotificationKind, Any] = {
    NotificationKind.LOGIN_CODE: _l("Anmeldecode"),
    NotificationKind.BOOKING_CONFIRMED: _l("Buchung bestätigt"),
    NotificationKind.PAYMENT_FAILED: _l("Zahlung fehlgeschlagen"),
    NotificationKind.BOOKING_CANCELLED: _l("Buchung storniert"),
    NotificationKind.BOOKING_MOVED: _l("Termin verschoben"),
    NotificationKind.BOOKING_WITHDRAWN: _l("Vertrag widerrufen"),
    NotificationKind.WITHDRAWAL_RECEIVED: _l("Widerruf eingegangen"),
    NotificationKind.WITHDRAWAL_STAFF_ALERT: _l("Kunde hat widerrufen"),
    NotificationKind.PICKUP_REMINDER: _l("Erinnerung"),
    NotificationKind.NO_SHOW: _l("Nicht angetroffen"),
    NotificationKind.MONEY_RETURNED: _l("Geld zurück"),
    NotificationKind.JOCKEY_UNDER_WAY: _l("Jockey unterwegs"),
    NotificationKind.PICKED_UP: _l("Abgeholt"),
    NotificationKind.IN_WORKSHOP: _l("In der Werkstatt"),
    NotificationKind.EXTENSION_RAISED: _l("Mehr zu tun"),
    NotificationKind.EXTENSION_DECIDED: _l("Erweiterung entschieden"),
    NotificationKind.EXTENSION_WITHDRAWN: _l("Erweiterung zurückgezogen"),
    NotificationKind.EXTENSION_REMINDER: _l("Erweiterung wartet auf Sie"),
    NotificationKind.EXTENSION_ANSWERED: _l("Antwort der Werkstatt"),
    NotificationKind.EXTENSION_APPROVED_FOR_YOU: _l("Erweiterung für Sie freigegeben"),
    NotificationKind.EXTENSION_PAYMENT_NEEDED: _l("Zahlung für die Erweiterung fehlt"),
    NotificationKind.EXTENSION_QUESTION: _l("Frage zur Erweiterung"),
    NotificationKind.EXTENSION_STAFF_ALERT: _l("Erweiterung braucht Sie"),
    NotificationKind.MOVE_ASKED: _l("Bitte um einen anderen Termin"),
    NotificationKind.PLACE_FREE: _l("Platz frei geworden"),
    NotificationKind.READY: _l("Fertig"),
    NotificationKind.UNDER_WAY_BACK: _l("Unterwegs zurück"),
    NotificationKind.RETURN_FAILED: _l("Rückgabe nicht geglückt"),
    NotificationKind.RETURN_MOVED: _l("Rückgabe verschoben"),
    NotificationKind.COMPLETED: _l("Abgeschlossen"),
    NotificationKind.REVIEW_REQUEST: _l("Bitte um Rückmeldung"),
}

STATUSES: dict[NotificationStatus, Any] = {
    NotificationStatus.QUEUED: _l("Wartet"),
    NotificationStatus.SENDING: _l("Wird gesendet"),
    NotificationStatus.SENT: _l("Gesendet"),
    NotificationStatus.KEPT: _l("Aufbewahrt"),
    NotificationStatus.FAILED: _l("Fehlgeschlagen"),
}

ERRORS: dict[str, Any] = {
    rules.UNCERTAIN: _l("Ob die Nachricht ankam, ist unbekannt. Wir senden sie von allein kein zweites Mal."),
    rules.TOO_LATE: _l("Als der Versand wieder möglich war, nützte die Nachricht nichts mehr."),
    rules.REFUSED: _l("Der Mailserver hat die Nachricht endgültig abgelehnt."),
    rules.UNWRITABLE: _l("Die Nachricht ließ sich nicht schreiben, es fehlen Angaben."),
    rules.NOT_YET: _l("Der Mailserver war nicht erreichbar. Wir versuchen es weiter."),
}


def error_word(error: str | None) -> Any:
    """What an admin reads about `Notification.error`; None when nothing went wrong."""
    return ERRORS.get(error.partition(":")[0]) if error else None
